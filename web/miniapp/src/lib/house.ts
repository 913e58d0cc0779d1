// The villager's households, and the one that is being looked at.
import { reactive } from 'vue'
import { api, type Schemas } from '../api/client'
import { Failure } from '../api/failure'

export type House = Schemas['MyHousehold']

const place = 'jishan.house'

export const houses = reactive({ list: [] as House[], read: false })

/** The household that is being looked at: the chosen one, else the first. */
export function current(): House | null {
  const chosen = uni.getStorageSync(place)
  return houses.list.filter((h) => h.id === chosen)[0] || houses.list[0] || null
}

export function choose(id: string): void {
  uni.setStorageSync(place, id)
}

export async function readHouses(): Promise<House[]> {
  houses.list = (await api.GET('/api/v1/my/households')).items
  houses.read = true
  return houses.list
}

export function setHouses(list: House[]): void {
  houses.list = list
  houses.read = true
}

export function forgetHouses(): void {
  houses.list = []
  houses.read = false
}

/** The household of a page; without one there is nothing to show but how to bind one. */
export async function myHouse(): Promise<House> {
  if (!houses.read) await readHouses()
  const h = current()
  if (!h) throw new Failure('house.none', '还没有绑定积分卡。请先绑定，再来看这里。', 'home')
  return h
}
