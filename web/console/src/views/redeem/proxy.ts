// What an officer takes for a household, and whether the village's rules let it.
import type { Schemas } from '@/api/client'
import { day, points } from '@/lib/format'

export interface Wanted {
  product: Schemas['Product']
  quantity: number
}

// sumOf adds up in hundredths, so that tenths add up.
export const sumOf = (wanted: Wanted[]) => wanted.reduce((n, w) => n + Math.round(w.product.price * 100) * w.quantity, 0) / 100

export const basketText = (wanted: Wanted[]) => wanted.map((w) => `${w.product.name}×${w.quantity}`).join('、')

// allowed says in advance why the server would refuse the total; empty where it would not. The server decides again.
export function allowed(total: number, balance: number, l: Schemas['RedeemLimits']): string {
  if (!l.open_today) return `今天不是兑换日${l.next_day ? `，下一次是 ${day(l.next_day)}` : ''}`
  if (total > balance) return `可用积分不够，还差 ${points((Math.round(total * 100) - Math.round(balance * 100)) / 100)} 分`
  if (total < l.min) return `每次至少兑 ${points(l.min)} 分`
  if (l.step && Math.round(total * 100) % Math.round(l.step * 100)) return `须是 ${points(l.step)} 分的整倍数`
  const left = (Math.round(l.month_cap * 100) - Math.round(l.month_used * 100)) / 100
  if (l.month_cap && total > left) return `超过每月上限，这户本月还能兑 ${points(Math.max(left, 0))} 分`
  return ''
}
