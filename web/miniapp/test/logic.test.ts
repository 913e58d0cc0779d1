import { describe, expect, it } from 'vitest'
import type { Schemas } from '../src/api/client'
import { lines, objection, put, total, words } from '../src/lib/basket'
import { dayBy, dayOf, dayText, monthBy, monthOf, quarterBy, quarterOf, quarterText } from '../src/lib/days'
import { newKey } from '../src/lib/key'
import { everything, loader } from '../src/lib/load'
import { amount, typed } from '../src/lib/pad'
import { fit, points, signed, sum, times, yuan } from '../src/lib/points'
import { renewIn } from '../src/lib/renew'
import { about, grouped, worth } from '../src/lib/rules'
import { factor, followSystem, large, scale, toggle } from '../src/lib/scale'
import { explain, holds, month } from '../src/lib/statement'
import { stored } from './uni'

describe('points', () => {
  it('shows no trailing zeros and no dust', () => {
    expect([5, 5.5, 0.05, 0.1 + 0.2, 1234567.89].map(points)).toEqual(['5', '5.5', '0.05', '0.3', '1234567.89'])
    expect([signed(5), signed(-5), signed(0)]).toEqual(['+5', '−5', '+0'])
    expect([yuan(4.5), yuan(1000)]).toEqual(['4.50', '1000.00'])
  })
  it('adds and multiplies in hundredths', () => {
    expect(sum(Array(10).fill(0.1))).toBe(1)
    expect(times(0.7, 3)).toBe(2.1)
    expect(times(1.1, 3)).toBe(3.3)
  })
  it('fits a number into its place', () => {
    expect(fit('689', 84, 300)).toBe(84)
    expect(fit('1234567.89', 118, 220) * 10 * 0.62).toBeLessThanOrEqual(220)
  })
})

describe('days', () => {
  // 2026-11-30 23:59 in Shanghai is still 30 November; a minute later it is December, whatever the phone's zone.
  const last = Date.parse('2026-11-30T15:59:00Z')
  it('are those of Shanghai', () => {
    expect([monthOf(last), dayOf(last), monthOf(last + 60000), dayOf(last + 60000)]).toEqual(['2026-11', '2026-11-30', '2026-12', '2026-12-01'])
    expect([quarterOf(last), quarterText('2026-Q4'), quarterBy('2026-Q4', 1), quarterBy('2026-Q1', -1)]).toEqual(['2026-Q4', '2026年第四季度', '2027-Q1', '2025-Q4'])
  })
  it('count over the ends of months and years', () => {
    expect([monthBy('2026-12', 1), monthBy('2026-01', -1), monthBy('2026-03', -14)]).toEqual(['2027-01', '2025-12', '2025-01'])
    expect([dayBy('2026-12-31', 1), dayBy('2028-03-01', -1)]).toEqual(['2027-01-01', '2028-02-29'])
  })
  it('are said in words', () => {
    expect(['2026-11-30', '2026-11-29', '2026-11-02', '2025-11-02'].map((d) => dayText(d, last))).toEqual(['今天', '昨天', '11月2日', '2025年11月2日'])
  })
})

describe('the number pad', () => {
  const press = (keys: string, max = 8) => keys.split('').reduce((t, k) => typed(t, k, max), '')
  it('makes amounts of at most two places', () => {
    expect(['12.345', '.5', '1..2', '123456789'].map((k) => press(k))).toEqual(['12.34', '0.5', '1.2', '12345678'])
    expect(['', '0.10', '12.'].map(amount)).toEqual([0, 0.1, 12])
  })
  it('takes back', () => {
    expect(typed(press('741'), '←', 6)).toBe('74')
    expect(typed(press('741'), '清空', 6)).toBe('')
    expect(press('0741', 6)).toBe('0741')
  })
})

const good = (id: string, price: number, stock = 9) => ({ id, price, stock, name: id, unit: '个' }) as Schemas['Product']
const limits = (l: Partial<Schemas['RedeemLimits']>) =>
  ({ min: 0, step: 0, month_cap: 0, month_used: 0, card_day_cap: 0, card_day_used: 0, days: '', open_today: true, spendable: 1000, ...l }) as Schemas['RedeemLimits']

describe('the basket', () => {
  const goods = [good('盐', 15), good('米', 250, 1)]
  it('holds no more than is in stock and nothing below none', () => {
    let b = put(put({}, goods[1], 1), goods[1], 1)
    expect(b).toEqual({ 米: 1 })
    b = put(put(b, goods[0], 1), goods[0], 1)
    expect([total(b, goods), words(b, goods), lines(b).length]).toEqual([280, '盐 × 2、米 × 1', 2])
    expect(put(put(b, goods[1], -1), goods[1], -1)).toEqual({ 盐: 2 })
  })
  it('says beforehand what the village would refuse', () => {
    expect(objection(60, limits({}), points)).toBe('')
    expect(objection(0, limits({ min: 10 }), points)).toBe('')
    expect(objection(5, limits({ min: 10 }), points)).toContain('还差 5 分')
    expect(objection(0.3, limits({ step: 0.1 }), points)).toBe('')
    expect(objection(15, limits({ step: 10 }), points)).toContain('整倍数')
    expect(objection(60, limits({ spendable: 59.99 }), points)).toContain('59.99')
    expect(objection(60, limits({ open_today: false, next_day: '2026-12-01' }), points)).toContain('2026-12-01')
  })
})

describe('a rule in words', () => {
  const rule = (spec: object, more: object = {}) => ({ subject: 'household', deducts: false, caps_text: '', category: '甲', spec, ...more }) as unknown as Schemas['RuleOut']
  it('says what it gives', () => {
    expect(worth(rule({ shape: 'fixed', points: 5 }))).toBe('+5 分')
    expect(worth(rule({ shape: 'fixed', points: 5 }, { deducts: true }))).toBe('−5 分')
    expect(worth(rule({ shape: 'range', min: 1, max: 10 }))).toBe('+1 到 10 分')
    expect(worth(rule({ shape: 'escalate', steps: [{ points: -5 }, { points: -10 }] }, { deducts: true }))).toBe('−5 分起')
    expect(worth(rule({ shape: 'grade', grade: '不得评为文明户' }))).toBe('不得评为文明户')
  })
  it('says how often and with what proof', () => {
    expect(about(rule({ shape: 'fixed', unit: '每次', evidence: '照片' }, { caps_text: '每日最多1次' }))).toBe('记给全家；每次；每日最多1次；照片')
    expect(about(rule({ shape: 'escalate', steps: [{ points: -5 }, { points: -10 }] }, { deducts: true }))).toContain('第 1 次 −5 分、第 2 次 −10 分')
  })
  it('stands under its category', () => {
    expect(grouped([rule({}), rule({}, { category: '' }), rule({})]).map((g) => [g.name, g.rules.length])).toEqual([['甲', 2], ['其他', 1]])
  })
})

describe('a statement', () => {
  const line = (number: number, at: string, amount: number, reason = '') => ({ number, at, amount, reason, kind: amount < 0 ? 'redeem' : 'award' }) as Schemas['StatementLine']
  const all = [line(4, '2026-11-30T16:00:00Z', 5), line(3, '2026-11-30T15:59:00Z', -0.1), line(2, '2026-11-02T00:00:00Z', 0.3), line(1, '2026-10-31T15:00:00Z', 7)]
  it('is cut by the month in which lines were booked', () => {
    expect(month('2026-11', all)).toEqual({ month: '2026-11', lines: [all[1], all[2]], got: 0.3, spent: 0.1 })
    expect(month('2026-12', all).got).toBe(5)
    expect(month('2026-09', all)).toMatchObject({ lines: [], got: 0 })
  })
  it('knows when a month is whole', () => {
    expect(holds(all, '2026-11', true)).toBe(true)
    expect(holds(all.slice(0, 3), '2026-11', true)).toBe(false)
    expect(holds(all.slice(0, 3), '2026-11', false)).toBe(true)
    expect(holds([], '2026-11', true)).toBe(false)
  })
  it('gives the reason without the points, which stand beside it', () => {
    expect(explain(line(1, '', -5, '院坝有明显垃圾：−5'))).toBe('院坝有明显垃圾')
    expect(explain(line(1, '', 20, '考取大学：+20.5'))).toBe('考取大学')
    expect(explain(line(1, '', -45, '在便民超市兑换：挂面、食盐'))).toBe('在便民超市兑换：挂面、食盐')
  })
})

describe('small things', () => {
  it('a code is replaced before it ends, and never in a frenzy', () => {
    expect(renewIn(60000, 0)).toBe(45000)
    expect(renewIn(0, 60000)).toBe(3000)
  })
  it('keys differ, even in one millisecond with a broken random', () => {
    const keys = Array.from({ length: 1000 }, () => newKey(1, () => 0.5))
    expect(new Set(keys).size).toBe(1000)
    expect(newKey()).toMatch(/^[a-z0-9-]{8,128}$/)
  })
  it('type is as large as the larger wish, and the choice is remembered', () => {
    expect(factor()).toBe(1)
    toggle()
    expect([factor(), stored.has('jishan.large')]).toEqual([large, true])
    followSystem(25.5)
    expect(factor()).toBe(1.5)
    toggle()
    expect([factor(), stored.has('jishan.large'), scale.chosen]).toEqual([1.5, false, 1])
    followSystem(16)
    expect(factor()).toBe(1)
    followSystem(60)
    expect(factor()).toBe(1.7)
    followSystem(undefined)
  })
  it('the latest reading wins', async () => {
    const gates: ((v: string) => void)[] = []
    const l = loader(() => new Promise<string>((r) => gates.push(r)))
    const first = l.load()
    const second = l.load()
    gates[1]('new')
    gates[0]('old')
    await Promise.all([first, second])
    expect([l.data, l.loading, l.failure]).toEqual(['new', false, null])
  })
  it('reads lists to their end, but not for ever', async () => {
    const page = (c: string | undefined) => Promise.resolve({ items: [c || '0'], next: c === '2' ? undefined : String(Number(c || 0) + 1) })
    expect(await everything(page)).toEqual(['0', '1', '2'])
    expect(await everything(() => Promise.resolve({ items: [1], next: 'x' }), 5)).toHaveLength(5)
  })
})
