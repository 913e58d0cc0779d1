// A confirmed redemption whose answer is not there yet. It is written down before it is sent, so that neither a lost answer nor
// a closed app makes anybody guess: it may be sent again with its key, and the key may be asked after.
const place = 'jishan.pending'

export interface Pending {
  key: string
  /** Who and how much, to show. */
  name: string
  total: number
}

export function pending(): Pending | null {
  const p = uni.getStorageSync(place)
  return p && typeof p === 'object' && p.key ? (p as Pending) : null
}

export function note(p: Pending): void {
  uni.setStorageSync(place, p)
}

export function settle(): void {
  uni.removeStorageSync(place)
}
