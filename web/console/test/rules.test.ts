import { describe, expect, it } from 'vitest'
import type { Schemas } from '@/api/client'
import { compare } from '@/views/rules/compare'
import { clean, fresh } from '@/views/rules/spec'
import { pagesOf } from '@/views/print/cards'
import { companions, groupNames, groupText } from '@/lib/groups'
import { masked } from '@/lib/mask'

const rule = (code: string, item: string, worth = '+5') => ({ id: code + item, code, item, worth, category: '环境', subject: 'household', caps_text: '', spec: { shape: 'fixed' } }) as Schemas['RuleOut']

describe('compare', () => {
  it('pairs by code, then by wording, and lists only what differs', () => {
    const before = [rule('001', '扫地'), rule('002', '种花'), rule('003', '旧条')]
    const after = [rule('001', '扫地'), rule('002', '种花', '+8'), rule('005', '旧条'), rule('004', '新条')]
    expect(compare(before, after).map((d) => [d.kind, d.before?.item, d.after?.item, d.changes.map((c) => c.what)])).toEqual([
      ['changed', '种花', '种花', ['分值']],
      ['added', undefined, '新条', []],
    ])
  })
  it('says what is gone, also where all codes moved up by one', () => {
    const d = compare([rule('001', '甲'), rule('002', '乙')], [rule('001', '乙')])
    expect(d.map((x) => x.kind)).toContain('removed')
    expect(compare([rule('001', '甲')], [rule('001', '甲')])).toEqual([])
  })
})

describe('exclusive groups', () => {
  const grouped = (code: string, group?: string, group_per?: Schemas['RuleSpec']['group_per']) => ({ ...rule(code, '条' + code), spec: { shape: 'fixed', group, group_per } }) as Schemas['RuleOut']
  it('says within what time the highest counts, a day where nothing is said', () => {
    expect(groupText(grouped('1', '学生表彰', 'year'))).toBe('学生表彰（同一年度只计最高的一条）')
    expect(groupText(grouped('1', '学生表彰'))).toBe('学生表彰（同一天只计最高的一条）')
    expect(groupText(grouped('1'))).toBe('')
  })
  it('finds the others of a group, and each group once', () => {
    const all = [grouped('1', '甲'), grouped('2', '甲'), grouped('3', '乙'), grouped('4')]
    expect(companions('甲', all, all[0]).map((r) => r.code)).toEqual(['2'])
    expect(companions('甲', all).map((r) => r.code)).toEqual(['1', '2'])
    expect(companions(undefined, all, all[0])).toEqual([])
    expect(groupNames(all)).toEqual(['甲', '乙'])
  })
  it('is a difference between versions, and a day said or unsaid is none', () => {
    const changes = (a: Schemas['RuleOut'], b: Schemas['RuleOut']) => compare([a], [b]).flatMap((d) => d.changes)
    expect(changes(grouped('1'), grouped('1', '甲', 'year'))).toEqual([{ what: '取高组', before: '', after: '甲（同一年度只计最高的一条）' }])
    expect(changes(grouped('1', '甲'), grouped('1', '甲', 'day'))).toEqual([])
  })
})

describe('spec', () => {
  it('sends only the fields of its shape', () => {
    expect(clean({ shape: 'fixed', points: 5, min: 1, max: 3, steps: [{ points: 1 }], caps: [], evidence: '' })).toEqual({ shape: 'fixed', points: 5 })
    expect(clean({ shape: 'range', min: 1, max: 3, points: 5, caps: [{ per: 'day', times: 1 }] })).toEqual({ shape: 'range', min: 1, max: 3, caps: [{ per: 'day', times: 1 }] })
    expect(clean({ shape: 'grade', veto: true, lowers: false })).toEqual({ shape: 'grade', veto: true })
  })
  it('keeps a group and a remark, and no time of a group that is gone', () => {
    expect(clean({ shape: 'fixed', points: 5, group: ' 甲 ', group_per: 'year', remark: '看原件' })).toEqual({ shape: 'fixed', points: 5, group: '甲', group_per: 'year', remark: '看原件' })
    expect(clean({ shape: 'fixed', points: 5, group: '', group_per: 'year' })).toEqual({ shape: 'fixed', points: 5 })
  })
  it('begins a shape of rows with a row', () => {
    expect(fresh({ shape: 'tiers' }).tiers).toHaveLength(1)
    expect(fresh({ shape: 'level', levels: [{ name: '轻', points: 1 }, { name: '重', points: 2 }] }).levels).toHaveLength(2)
  })
})

describe('print', () => {
  it('cuts pages of eight', () => {
    expect(pagesOf([...Array(17).keys()], 8).map((p) => p.length)).toEqual([8, 8, 1])
    expect(pagesOf([], 8)).toEqual([])
  })
  it('masks names as the boards do', () => {
    expect(['张三', '张小三', '欧阳小三', '张'].map(masked)).toEqual(['张*', '张*三', '欧**三', '张'])
  })
})
