// The size of type: a choice on the page, remembered, and never below what the phone's own setting asks for.
import { reactive } from 'vue'

const place = 'jishan.large'
const largest = 1.7

/** What the 字再大一些 button gives: body text of 22 becomes 30.8. */
export const large = 1.4

export const scale = reactive({ chosen: uni.getStorageSync(place) ? large : 1, system: 1 })

/** The factor that every size on a page is multiplied with. */
export const factor = () => Math.min(largest, Math.max(scale.chosen, scale.system))

export function toggle(): void {
  scale.chosen = scale.chosen > 1 ? 1 : large
  if (scale.chosen > 1) uni.setStorageSync(place, 1)
  else uni.removeStorageSync(place)
}

/** Follows WeChat's own setting (关怀模式): its font size is 16 or 17 where nothing has been set. */
export function followSystem(size: number | undefined): void {
  scale.system = size && size > 17 ? Math.min(largest, size / 17) : 1
}
