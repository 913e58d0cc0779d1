import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Schemas } from '@/api/client'
import { actsOf, byUse, cardCode, gets, grantOf, marks, refusal, sameLine, useDesk, type Line, type Rule } from '@/views/award/desk'
import { exact, inTurn, splitNames } from '@/views/award/names'
import { choices, given } from '@/lib/rules'

const rule = (over: Partial<Rule> = {}): Rule =>
  ({ id: 'r1', code: '001', item: '院坝清扫干净', subject: 'household', deducts: false, spec: { shape: 'fixed', points: 10 }, ...over }) as Rule
const house = (over: Partial<Schemas['Household']> = {}) => ({ id: 'h1', code: '96S4C52A', head_name: '戴强光', village: 'v', state: 'here', ...over }) as Schemas['Household']
const line = (over: Partial<Line> = {}): Line => ({ key: 1, house: house(), rule: rule(), given: {}, day: '2026-11-23', note: '', ...over })

describe('grantOf', () => {
  it('names the subject that the rule is about, and only that', () => {
    expect(grantOf(line())).toEqual({ rule: 'r1', household: 'h1', day: '2026-11-23' })
    expect(grantOf(line({ rule: rule({ subject: 'person' }), person: { id: 'p1', name: '戴小光' } }))).toEqual({ rule: 'r1', person: 'p1', day: '2026-11-23' })
    expect(grantOf(line({ given: { points: -3 }, note: '雨天' }))).toMatchObject({ points: -3, note: '雨天' })
    expect(grantOf(line({ act: '5月1日植树' }))).toMatchObject({ act: '5月1日植树' })
    expect(grantOf(line({ act: '' }))).not.toHaveProperty('act')
  })
  it('knows a line pressed twice, but not the same thing on another day', () => {
    expect(sameLine(line(), line({ key: 2 }))).toBe(true)
    expect(sameLine(line(), line({ day: '2026-11-22' }))).toBe(false)
  })
})

describe('one act under several rules', () => {
  const outcome = (over: Partial<Schemas['AwardOutcome']>) => ({ grant: 0, points: 5, booked: 5, balance: 5, capped: false, explanation: '', ...over }) as Schemas['AwardOutcome']
  it('says in a word what kept a line from its full points', () => {
    expect(marks([outcome({})])).toEqual([])
    expect(marks([outcome({ topped: true })])).toEqual(['补到最高'])
    expect(marks([outcome({ topped: true, capped: true }), outcome({ capped: true })])).toEqual(['补到最高', '到上限'])
    expect(marks([outcome({ failed: { code: 'rule.lower', text: '' } })])).toEqual(['只计最高'])
    expect(marks([outcome({ failed: { code: 'rule.twice', text: '' } })])).toEqual(['只计最高'])
    expect(marks([outcome({ failed: { code: 'rule.capped', text: '' }, capped: true })])).toEqual([])
  })
  it('offers the names given lately once each, those of the basket first', () => {
    expect(actsOf([{ act: '植树' }, {}, { act: '清河道' }], [{ act: '植树' }, { act: '' }, { act: '修路' }])).toEqual(['清河道', '植树', '修路'])
  })
})

describe('useDesk', () => {
  const sent: { url: string; key: string | null; grants: unknown[] }[] = []
  let answer: (url: string, grants: { household: string }[]) => Response
  beforeEach(() => {
    sent.length = 0
    vi.stubGlobal('fetch', async (r: Request) => {
      const grants = ((await r.clone().json()) as { grants: { household: string }[] }).grants
      sent.push({ url: new URL(r.url).pathname, key: r.headers.get('Idempotency-Key'), grants })
      return answer(r.url, grants)
    })
  })
  const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } })
  const booked = (grants: { household: string }[], bad: string[] = []) =>
    json({
      items: grants.map((g, i) => (bad.includes(g.household) ? { grant: i, points: 0, failed: { code: 'award.cap', text: '本日已经给过' } } : { grant: i, points: 10, balance: 20, explanation: '', number: i + 1 })),
      booked: 0,
      failed: 0,
    })

  it('keeps the key of an unanswered press and books with a new one after an answer', async () => {
    const desk = useDesk(() => 'v')
    desk.add([{ house: house(), rule: rule(), given: {}, day: '2026-11-23', note: '' }])
    answer = () => {
      throw new TypeError('network')
    }
    await desk.confirm()
    expect(desk.error.value).toContain('连不上服务器')
    expect(desk.lines.value).toHaveLength(1)
    answer = (_, grants) => booked(grants)
    await desk.confirm()
    expect(desk.lines.value).toHaveLength(0)
    expect(desk.batches.value[0]?.lines).toHaveLength(1)
    desk.add([{ house: house(), rule: rule(), given: {}, day: '2026-11-23', note: '' }])
    await desk.confirm()
    const keys = sent.filter((s) => s.url.endsWith('/awards')).map((s) => s.key)
    expect(keys[0]).toBe(keys[1])
    expect(keys[2]).not.toBe(keys[1])
  })

  it('leaves what was refused, with its reason', async () => {
    const desk = useDesk(() => 'v')
    desk.add([
      { house: house(), rule: rule(), given: {}, day: '2026-11-23', note: '' },
      { house: house({ id: 'h2' }), rule: rule(), given: {}, day: '2026-11-23', note: '' },
    ])
    answer = (_, grants) => booked(grants, ['h2'])
    const batch = await desk.confirm()
    expect(batch?.lines.map((l) => l.line.house.id)).toEqual(['h1'])
    expect(desk.lines.value.map((l) => [l.house.id, refusal(l)])).toEqual([['h2', '本日已经给过']])
  })

  it('loses no line that is added while an earlier preview is under way', async () => {
    const desk = useDesk(() => 'v')
    let release = () => {}
    const held = new Promise<void>((r) => (release = r))
    vi.stubGlobal('fetch', async (r: Request) => {
      const { grants } = (await r.json()) as { grants: { household: string }[] }
      if (grants.length === 1) await held
      return booked(grants)
    })
    desk.add([{ house: house(), rule: rule(), given: {}, day: '2026-11-23', note: '' }])
    await vi.waitFor(() => expect(desk.previewing.value).toBe(true))
    desk.add([{ house: house({ id: 'h2' }), rule: rule(), given: {}, day: '2026-11-23', note: '' }])
    release()
    await vi.waitFor(() => expect(desk.lines.value.map((l) => l.outcomes?.[0]?.points)).toEqual([10, 10]))
  })

  it('adds nothing twice, also not within one list', () => {
    const desk = useDesk(() => 'v')
    const one = { house: house(), rule: rule(), given: {}, day: '2026-11-23', note: '' }
    answer = (_, grants) => booked(grants)
    expect(desk.add([one, { ...one }])).toBe(1)
    expect(desk.add([one])).toBe(0)
  })
})

describe('reading what people type', () => {
  it('takes the house code out of a scanned card', () => {
    expect(cardCode('JSC1.96S4C52A.3.ABCDEF234')).toBe('96S4C52A')
    expect(cardCode('dqg')).toBe('dqg')
  })
  it('puts what is used most first and keeps the order otherwise', () => {
    const rules = ['甲', '乙', '丙'].map((item, i) => rule({ id: String(i), item }))
    expect(byUse(rules, [{ rule_item: '丙' }, { rule_item: '丙' }, { rule_item: '乙' }]).map((r) => r.item)).toEqual(['丙', '乙', '甲'])
    expect(byUse(rules, []).map((r) => r.item)).toEqual(['甲', '乙', '丙'])
  })
  it('splits a pasted column', () => {
    expect(splitNames('张三\r\n李四\t王五，赵六、 钱七 \n\n')).toEqual(['张三', '李四', '王五', '赵六', '钱七'])
  })
  it('decides for the one that is meant beyond doubt, else leaves the choice', () => {
    const found = [house({ id: '1', head_name: '张三' }), house({ id: '2', head_name: '张三丰' })]
    expect(exact('张三', found).map((h) => h.id)).toEqual(['1'])
    expect(exact('张', found)).toHaveLength(2)
    expect(exact('96s4-c52a', [house({ id: '3' }), house({ id: '4', code: '11111111' })]).map((h) => h.id)).toEqual(['3'])
    expect(exact('张小妹', [house({ id: '5', match: '张小妹' }), house({ id: '6' })]).map((h) => h.id)).toEqual(['5'])
  })
  it('asks for several at a time and keeps the order', async () => {
    let now = 0
    let most = 0
    const out = await inTurn([5, 1, 3, 2], 2, async (n) => {
      most = Math.max(most, ++now)
      await new Promise((r) => setTimeout(r, n))
      now--
      return n * 10
    })
    expect(out).toEqual([50, 10, 30, 20])
    expect(most).toBe(2)
  })
})

describe('values of a range', () => {
  const range = rule({ spec: { shape: 'range', min: 2, max: 5, step: 0.5 } })
  const down = rule({ deducts: true, spec: { shape: 'range', min: -2, max: -5 } })
  it('takes a bare number for a deduction too', () => {
    expect([given(down, '', '3'), given(down, '', '−3'), given(range, '', '2.5')]).toEqual([{ points: -3 }, { points: -3 }, { points: 2.5 }])
  })
  it('says in words what is missing or does not fit', () => {
    expect(given(range, '', '')).toContain('请填分值')
    expect(given(range, '', '两分')).toContain('请填分值')
    expect(given(range, '', '2.005')).toContain('请填分值')
    expect(given(down, '', '-6')).toBe('分值要在 -5 到 -2 之间')
  })
  it('asks for what each shape wants', () => {
    const level = rule({ spec: { shape: 'level', levels: [{ name: '轻微', points: 2 }, { name: '严重', points: 5, max: 10 }] } })
    expect(given(level, '轻微', '')).toEqual({ level: '轻微' })
    expect(given(level, '没有的', '')).toBe('请选一个等级')
    expect(given(level, '严重', '7')).toEqual({ level: '严重', points: 7 })
    expect(given(level, '严重', '11')).toContain('之间')
    const hours = rule({ spec: { shape: 'tiers', unit: '小时', tiers: [] } })
    expect([given(hours, '', '1.5'), given(hours, '', '0')]).toEqual([{ quantity: 1.5 }, '请填数量（小时）'])
    const block = rule({ spec: { shape: 'block', points: 10, less: 2 } })
    expect([given(block, '', '0'), given(block, '', '1.5')]).toEqual([{ spots: 0 }, '请填发现几处问题，没有就填 0'])
    expect(given(rule(), '', 'ignored')).toEqual({})
  })
  it('lists the choices where they are few', () => {
    expect(choices(range.spec)).toEqual([2, 2.5, 3, 3.5, 4, 4.5, 5])
    expect(choices(down.spec)).toEqual([])
    expect(choices({ shape: 'range', min: -1, max: -1.3, step: 0.1 })).toEqual([-1, -1.1, -1.2, -1.3])
  })
})

describe('outcomes', () => {
  const o = (points: number, failed = false) => ({ grant: 0, points, failed: failed ? { code: 'x', text: '不行' } : undefined }) as Schemas['AwardOutcome']
  it('adds up tenths, leaving out what is refused', () => {
    expect(gets([o(0.1), o(0.2), o(5, true)])).toBe(0.3)
  })
  it('is refused only where nothing of it can be booked', () => {
    expect(refusal(line({ outcomes: [o(1), o(0, true)] }))).toBe('')
    expect(refusal(line({ outcomes: [o(0, true), o(0, true)] }))).toBe('不行')
    expect(refusal(line())).toBe('')
  })
})
