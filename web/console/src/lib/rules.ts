import type { Schemas } from '@/api/client'
import { points, signed } from './format'

type Rule = Schemas['RuleOut']
type Spec = Schemas['RuleSpec']

export const subjects = { household: '户', person: '个人', member: '党员' } as const

export const shapes: Record<Spec['shape'], string> = {
  fixed: '固定分值', range: '在一个区间里选', level: '分级', escalate: '累次加重', double: '再犯加倍', tiers: '累计分档', amount: '按量计分', block: '满分倒扣',
  base: '基础分', grade: '直接定级',
}

export const pers = { day: '每日', week: '每周', month: '每月', quarter: '每季度', year: '每年', ever: '累计' } as const

// Given is what an officer says about a case beyond whom and when.
export interface Given {
  points?: number
  level?: string
  quantity?: number
  spots?: number
}

// asks is what a rule wants to be told: a chosen value, a level's name, a quantity, a number of spots; undefined: nothing.
export function asks(spec: Spec): keyof Given | undefined {
  switch (spec.shape) {
    case 'range':
      return 'points'
    case 'level':
      return 'level'
    case 'tiers':
    case 'amount':
      return 'quantity'
    case 'block':
      return 'spots'
  }
  return undefined
}

// span is the ends between which a value may be chosen; undefined where the rule or the level says it by itself.
export function span(spec: Spec, level = ''): [number, number] | undefined {
  if (spec.shape === 'range') return [spec.min ?? 0, spec.max ?? 0]
  const l = spec.levels?.find((x) => x.name === level)
  return spec.shape === 'level' && l?.max !== undefined ? [l.points, l.max] : undefined
}

// choices are the values one may choose for a rule with a range, where they are few; empty: any value between its ends.
export function choices(spec: Spec): number[] {
  if (spec.shape !== 'range' || !spec.step) return []
  const [from, to, step] = [spec.min ?? 0, spec.max ?? 0, Math.abs(spec.step)].map((n) => Math.round(n * 100)) as [number, number, number]
  const n = Math.floor(Math.abs(to - from) / step) + 1
  if (n > 30) return []
  const sign = to < from ? -1 : 1
  return Array.from({ length: n }, (_, i) => (from + sign * i * step) / 100)
}

// number reads what people type: full-width signs too, at most two places. Undefined where it is no number.
export function number(text: string): number | undefined {
  const t = text.trim().replace(/^[−－]/, '-').replace(/^＋/, '+').replace('。', '.')
  return /^[+-]?\d+(\.\d{1,2})?$/.test(t) ? Number(t) : undefined
}

// given reads the fields of the desk for a rule; a text says in words what is missing or does not fit. A bare 3 is a deduction
// of three where the rule deducts.
export function given(rule: Rule, level: string, text: string): Given | string {
  const want = asks(rule.spec)
  if (!want) return {}
  const out: Given = {}
  if (want === 'level') {
    if (!rule.spec.levels?.some((l) => l.name === level)) return '请选一个等级'
    out.level = level
  }
  const ends = span(rule.spec, level)
  if (want === 'level' && !ends) return out
  let n = number(text)
  if (want === 'quantity') return n === undefined || n <= 0 ? `请填数量${rule.spec.unit ? `（${rule.spec.unit}）` : ''}` : { quantity: n }
  if (want === 'spots') return n === undefined || n < 0 || !Number.isInteger(n) ? '请填发现几处问题，没有就填 0' : { spots: n }
  const [low, high] = [Math.min(...(ends ?? [0])), Math.max(...(ends ?? [0]))]
  if (n === undefined) return `请填分值：${signed(low)} 到 ${signed(high)}`
  if (rule.deducts && n > 0) n = -n
  return n < low || n > high ? `分值要在 ${points(low)} 到 ${points(high)} 之间` : { ...out, points: n }
}
