// Days as the server counts them: Asia/Shanghai, whatever the phone's own zone is.

const eight = 8 * 3600 * 1000

function shanghai(ms: number): Date {
  return new Date(ms + eight) // read with the UTC getters
}

const two = (n: number) => (n < 10 ? '0' + n : String(n))

/** 2026-11 of an instant. */
export function monthOf(ms: number): string {
  const d = shanghai(ms)
  return d.getUTCFullYear() + '-' + two(d.getUTCMonth() + 1)
}

/** 2026-11-25 of an instant. */
export function dayOf(ms: number): string {
  return monthOf(ms) + '-' + two(shanghai(ms).getUTCDate())
}

/** The month `by` months later. */
export function monthBy(month: string, by: number): string {
  const [y, m] = month.split('-').map(Number)
  const n = y * 12 + (m - 1) + by
  return Math.floor(n / 12) + '-' + two((n % 12) + 1)
}

/** The day `by` days later. */
export function dayBy(day: string, by: number): string {
  return dayOf(Date.parse(day + 'T00:00:00Z') - eight + by * 24 * 3600 * 1000)
}

/** 2026年11月 */
export function monthText(month: string): string {
  const [y, m] = month.split('-').map(Number)
  return y + '年' + m + '月'
}

/** 11月25日, with the year where it is not this one, 今天 and 昨天 where they say more. */
export function dayText(day: string, now: number): string {
  const today = dayOf(now)
  if (day === today) return '今天'
  if (day === dayBy(today, -1)) return '昨天'
  const [y, m, d] = day.split('-').map(Number)
  return (String(y) === today.slice(0, 4) ? '' : y + '年') + m + '月' + d + '日'
}

/** 14:05 of an instant. */
export function clock(at: string): string {
  const d = shanghai(Date.parse(at))
  return two(d.getUTCHours()) + ':' + two(d.getUTCMinutes())
}

/** 第四季度 of 2026-Q4. */
export function quarterText(q: string): string {
  const [y, n] = q.split('-Q')
  return y + '年第' + '一二三四'.charAt(Number(n) - 1) + '季度'
}

export function quarterBy(q: string, by: number): string {
  const [y, n] = q.split('-Q').map(Number)
  const i = y * 4 + n - 1 + by
  return Math.floor(i / 4) + '-Q' + ((i % 4) + 1)
}

export function quarterOf(ms: number): string {
  const [y, m] = monthOf(ms).split('-').map(Number)
  return y + '-Q' + (Math.floor((m - 1) / 3) + 1)
}
