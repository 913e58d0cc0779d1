// What a customer takes: pieces of goods, or a number of points.
import type { Schemas } from '../api/client'
import { sum, times } from './points'

type Good = Schemas['Product']

export type Basket = Record<string, number>

/** The basket with `by` more of a good, never below none nor above what is in stock. */
export function put(b: Basket, g: Good, by: number): Basket {
  const n = Math.max(0, Math.min(g.stock, (b[g.id] || 0) + by))
  const out = { ...b }
  if (n) out[g.id] = n
  else delete out[g.id]
  return out
}

export function total(b: Basket, goods: Good[]): number {
  return sum(goods.map((g) => times(g.price, b[g.id] || 0)))
}

export function lines(b: Basket): Schemas['BasketLine'][] {
  return Object.keys(b).map((product) => ({ product, quantity: b[product] }))
}

/** What is in it, in words. */
export function words(b: Basket, goods: Good[]): string {
  return goods
    .filter((g) => b[g.id])
    .map((g) => g.name + ' × ' + b[g.id])
    .join('、')
}

/** Why an amount cannot be taken from a customer, or ''. The server decides; this only says it before the press. */
export function objection(points: number, limits: Schemas['RedeemLimits'], text: (n: number) => string): string {
  if (points <= 0) return ''
  if (!limits.open_today) return '今天不是这个村的兑换日' + (limits.next_day ? '，下次是 ' + limits.next_day : '')
  if (limits.min > 0 && points < limits.min) return '每次至少 ' + text(limits.min) + ' 分，还差 ' + text(limits.min - points) + ' 分'
  if (limits.step > 0 && Math.round(points * 100) % Math.round(limits.step * 100) !== 0) return '积分要是 ' + text(limits.step) + ' 的整倍数'
  if (points > limits.spendable) return '超了：现在最多能用 ' + text(limits.spendable) + ' 分'
  return ''
}
