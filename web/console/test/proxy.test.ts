import { describe, expect, it } from 'vitest'
import type { Schemas } from '@/api/client'
import { allowed, sumOf } from '@/views/redeem/proxy'

const free: Schemas['RedeemLimits'] = { min: 0, step: 0, month_cap: 0, month_used: 0, card_day_cap: 0, card_day_used: 0, days: '', open_today: true, spendable: 100 }

describe('what may be redeemed for a household', () => {
  it('adds tenths without losing any', () => {
    const product = (price: number) => ({ id: String(price), price }) as Schemas['Product']
    expect(sumOf([{ product: product(0.1), quantity: 1 }, { product: product(0.2), quantity: 1 }, { product: product(12.55), quantity: 3 }])).toBe(37.95)
  })
  it('says why not, and nothing where it may be', () => {
    expect(allowed(100, 100, free)).toBe('')
    expect(allowed(100.1, 100, free)).toContain('还差 0.1 分')
    expect(allowed(9, 100, { ...free, min: 10 })).toContain('至少兑 10 分')
    expect(allowed(0.3, 100, { ...free, step: 0.1 })).toBe('')
    expect(allowed(15, 100, { ...free, step: 10 })).toContain('10 分的整倍数')
    expect(allowed(30, 100, { ...free, month_cap: 50, month_used: 20 })).toBe('')
    expect(allowed(31, 100, { ...free, month_cap: 50, month_used: 20 })).toContain('还能兑 30 分')
    expect(allowed(1, 100, { ...free, open_today: false, next_day: '2099-12-01' })).toContain('2099年12月1日')
  })
})
