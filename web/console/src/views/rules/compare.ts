// Two versions of a rule book side by side: what is new, gone, or changed.
import type { Schemas } from '@/api/client'
import { groupText } from '@/lib/groups'
import { subjects } from '@/lib/rules'

type Rule = Schemas['RuleOut']

export interface Difference {
  kind: 'added' | 'removed' | 'changed'
  before?: Rule
  after?: Rule
  changes: { what: string; before: string; after: string }[]
}

const fields: [string, (r: Rule) => string][] = [
  ['类别', (r) => r.category],
  ['内容', (r) => r.item],
  ['分值', (r) => r.worth],
  ['上限', (r) => r.caps_text || r.spec.cap_text || ''],
  ['记给', (r) => subjects[r.subject]],
  ['取高组', groupText],
  ['佐证', (r) => r.spec.evidence ?? ''],
  ['兑换', (r) => (r.spec.score_only ? '只计累计积分，不能兑换' : '')],
  ['备注', (r) => r.spec.remark ?? ''],
]

// compare pairs rules by code, and what is left by wording: a draft copies the codes of the version before it.
export function compare(before: Rule[], after: Rule[]): Difference[] {
  const left = new Set(after)
  const pair = new Map<Rule, Rule>()
  const match = (same: (a: Rule, b: Rule) => boolean) => {
    for (const a of before) {
      if (pair.has(a)) continue
      const b = [...left].find((x) => same(a, x))
      if (b) {
        pair.set(a, b)
        left.delete(b)
      }
    }
  }
  match((a, b) => a.code === b.code && a.item === b.item)
  match((a, b) => a.code === b.code)
  match((a, b) => a.item === b.item)
  const out: Difference[] = []
  for (const a of before) {
    const b = pair.get(a)
    if (!b) {
      out.push({ kind: 'removed', before: a, changes: [] })
      continue
    }
    const changes = fields.flatMap(([what, of]) => (of(a) === of(b) ? [] : [{ what, before: of(a), after: of(b) }]))
    if (changes.length) out.push({ kind: 'changed', before: a, after: b, changes })
  }
  for (const b of left) out.push({ kind: 'added', after: b, changes: [] })
  return out
}
