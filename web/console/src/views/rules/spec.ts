// A rule's way of giving points as the editor holds it, and back: only the fields of its shape are sent.
import type { Schemas } from '@/api/client'

type Spec = Schemas['RuleSpec']

// mine are the fields that belong to each shape.
const mine: Record<Spec['shape'], (keyof Spec)[]> = {
  fixed: ['points'],
  range: ['min', 'max', 'step'],
  level: ['levels'],
  escalate: ['steps', 'per'],
  double: ['points', 'max', 'per'],
  tiers: ['tiers', 'per'],
  amount: ['bands', 'whole', 'share', 'per'],
  block: ['points', 'less'],
  base: ['points'],
  grade: ['grade', 'lowers', 'veto'],
}

// beside are the fields every shape may carry.
const beside: (keyof Spec)[] = ['caps', 'unit', 'evidence', 'credit', 'group', 'group_per', 'score_only', 'subject', 'cap_text', 'remark', 'kind']

export function clean(spec: Spec): Spec {
  const out: Record<string, unknown> = { shape: spec.shape }
  for (const k of [...mine[spec.shape], ...beside]) {
    const v = typeof spec[k] === 'string' ? (spec[k] as string).trim() : spec[k]
    if (v === undefined || v === null || v === '' || v === false || (Array.isArray(v) && !v.length)) continue
    out[k] = v
  }
  if (!out.group) delete out.group_per
  return out as unknown as Spec
}

// fresh is what the editor begins with when a shape is chosen: one row where there are rows.
export function fresh(spec: Spec): Spec {
  const s = { ...spec }
  if (s.shape === 'level' && !s.levels?.length) s.levels = [{ name: '', points: 0 }]
  if (s.shape === 'escalate' && !s.steps?.length) s.steps = [{ points: 0 }, { points: 0 }]
  if (s.shape === 'tiers' && !s.tiers?.length) s.tiers = [{ at: 0, points: 0 }]
  if (s.shape === 'amount' && !s.bands?.length) s.bands = [{ each: 1, points: 0 }]
  return s
}
