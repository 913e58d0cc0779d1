// The merchant of whoever is logged in, and what one may do there.
import { api } from '../api/client'
import { Failure } from '../api/failure'

export interface Shop {
  id: string
  name: string
  person: string
  role: string
  permissions: string[]
}

const place = 'jishan.shop'

/** What was read when this phone logged in; it is read again when it is not there. */
export async function myShop(): Promise<Shop> {
  const kept = uni.getStorageSync(place)
  if (kept && kept.id) return kept as Shop
  const me = await api.GET('/api/v1/auth/me')
  const role = me.roles.filter((r) => r.merchant)[0]
  if (!role || !role.merchant) throw new Failure('shop.none', '这个账号不属于哪家商店。请换商户的账号登录。', 'login')
  const shop = { id: role.merchant, name: role.merchant_name || '', person: me.name, role: role.role_name, permissions: me.permissions }
  uni.setStorageSync(place, shop)
  return shop
}

export const may = (s: Shop | null, permission: string) => !!s && s.permissions.indexOf(permission) >= 0
