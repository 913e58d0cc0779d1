// Idempotency keys: one a press, kept while the same press is repeated.

let count = 0

/** A key that no other press of this user has had. */
export function newKey(now = Date.now(), random = Math.random): string {
  count = (count + 1) % 1296
  const part = () => Math.floor(random() * 2176782336).toString(36)
  return [now.toString(36), count.toString(36), part() + part() + part()].join('-')
}
