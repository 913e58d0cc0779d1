// Who is logged in on this phone. One session at a time: a villager or somebody of a merchant.
import { reactive } from 'vue'
import type { components } from '../../../api/schema'

export type Tokens = components['schemas']['Tokens']

const place = 'jishan.session'

interface State {
  tokens: Tokens | null
}

export const session: State = reactive({ tokens: read() })

/** What is stored now: another tab of the web page may have changed it. */
export function read(): Tokens | null {
  const t = uni.getStorageSync(place)
  return t && typeof t === 'object' && t.refresh_token ? (t as Tokens) : null
}

export function keep(t: Tokens): void {
  session.tokens = t
  uni.setStorageSync(place, t)
}

/** Forgets who was logged in. The size of type stays: it belongs to the eyes, not to the account. */
export function forget(): void {
  session.tokens = null
  uni.removeStorageSync(place)
  for (const key of ['jishan.house', 'jishan.shop', 'jishan.pending']) uni.removeStorageSync(key)
}
