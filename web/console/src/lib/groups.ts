// Exclusive groups (取高组): rules of which only the highest counts for one household or person within a stretch of time.
import type { Schemas } from '@/api/client'
import { pers } from './rules'

type Rule = Schemas['RuleOut']

const within = { ...pers, day: '同一天', week: '同一周', month: '同一个月', quarter: '同一季度', year: '同一年度', ever: '不论何时' } as const

// groupText says what the group of a rule does; empty where it is in none.
export function groupText(rule: Pick<Rule, 'spec'>): string {
  const { group, group_per } = rule.spec
  return group ? `${group}（${within[group_per ?? 'day']}只计最高的一条）` : ''
}

// companions are the other rules of the group that a rule is in, or would be.
export function companions<R extends Pick<Rule, 'id' | 'spec'>>(group: string | undefined, all: R[], self?: { id: string }): R[] {
  return group ? all.filter((r) => r.spec.group === group && r.id !== self?.id) : []
}

// groupNames are the groups there are already, so that one is chosen rather than written a second way.
export function groupNames(all: Pick<Rule, 'spec'>[]): string[] {
  return [...new Set(all.flatMap((r) => r.spec.group ?? []))]
}
