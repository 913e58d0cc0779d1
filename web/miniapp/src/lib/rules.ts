// A rule in the words of somebody who wants to know what it gives.
import type { Schemas } from '../api/client'
import { points, signed } from './points'

type Rule = Schemas['RuleOut']

/** +5 分, +1 到 +10 分, 第一次 −5 分 …, or the grade that it decides. */
export function worth(r: Rule): string {
  const s = r.spec
  switch (s.shape) {
    case 'fixed':
      return signed(r.deducts ? -Math.abs(s.points || 0) : s.points || 0) + ' 分'
    case 'range': {
      const sign = r.deducts ? '−' : '+'
      return sign + points(Math.abs(s.min || 0)) + ' 到 ' + points(Math.abs(s.max || 0)) + ' 分'
    }
    case 'escalate': {
      const steps = s.steps || []
      const first = steps[0] ? steps[0].points : 0
      return signed(r.deducts ? -Math.abs(first) : first) + ' 分起'
    }
    default:
      return s.grade || '影响评定'
  }
}

const subjects: Record<string, string> = { household: '记给全家', person: '记给个人', member: '记给党员' }

/** How often, for whom, how much at most, what proof. */
export function about(r: Rule): string {
  const parts = [subjects[r.subject] || '']
  if (r.spec.unit) parts.push(r.spec.unit)
  if (r.spec.shape === 'escalate') {
    const steps = (r.spec.steps || []).map((s, i) => (s.label || '第 ' + (i + 1) + ' 次') + ' ' + signed(r.deducts ? -Math.abs(s.points) : s.points) + ' 分')
    parts.push(steps.join('、'))
  }
  if (r.caps_text) parts.push(r.caps_text)
  if (r.spec.evidence) parts.push(r.spec.evidence)
  return parts.filter((p) => p).join('；')
}

/** Rules under their categories, in the order in which these come. */
export function grouped(rules: Rule[]): { name: string; rules: Rule[] }[] {
  const out: { name: string; rules: Rule[] }[] = []
  for (const r of rules) {
    const name = r.category || '其他'
    const group = out.filter((g) => g.name === name)[0]
    if (group) group.rules.push(r)
    else out.push({ name, rules: [r] })
  }
  return out
}
