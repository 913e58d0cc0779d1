// Where pages lead. There is always a way on.
import { session } from '../api/session'

/** The first page of whoever is logged in. */
export function homePath(): string {
  const t = session.tokens
  if (!t) return '/pages/login/login'
  if (t.audience === 'merchant') return t.must_change ? '/pkg-merchant/password/password' : '/pkg-merchant/counter/counter'
  return '/pages/home/home'
}

export function home(): void {
  uni.reLaunch({ url: homePath() })
}

export function go(url: string): void {
  uni.navigateTo({ url })
}

/** Back to the page before, or home where there is none (a page opened from a link). */
export function back(): void {
  if (getCurrentPages().length > 1) uni.navigateBack()
  else home()
}
