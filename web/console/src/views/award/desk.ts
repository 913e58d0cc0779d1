// The award desk's basket: what is to be booked, what the server says it would give, and what has been booked.
import { computed, ref, shallowRef } from 'vue'
import { api, ApiError, idempotency, must, newKey, type Schemas } from '@/api/client'
import { messageOf } from '@/lib/load'
import type { Given } from '@/lib/rules'

export type Rule = Schemas['RuleOut']
export type Outcome = Schemas['AwardOutcome']
export type House = Schemas['Household']

export interface Person {
  id: string
  name: string
}

export interface Line {
  key: number
  house: House
  person?: Person // for rules about a person
  rule: Rule
  given: Given
  day: string
  note: string
  act?: string // names what happened, where several rules speak of it
  outcomes?: Outcome[] // several where a rule credits each member of the household
}

export interface Batch {
  at: Date
  lines: { line: Line; outcomes: Outcome[] }[]
  undone: boolean
}

// byPerson reports whether the rule wants to know who of the household it was. What goes to the head or to every member does not.
export function byPerson(rule: Rule): boolean {
  return rule.spec.credit === 'both' || (rule.subject === 'person' && !rule.spec.credit)
}

// grantOf is a line in the API's words. The subject is the rule's: a person's points reach the household by themselves.
export function grantOf(l: Line): Schemas['GrantInput'] {
  const subject = byPerson(l.rule) ? { person: l.person?.id } : { household: l.house.id }
  return { rule: l.rule.id, ...subject, day: l.day, ...l.given, ...(l.note ? { note: l.note } : {}), ...(l.act ? { act: l.act } : {}) }
}

// gets adds up what the line gives, in hundredths inside so that tenths add up.
export function gets(outcomes: Outcome[]): number {
  return outcomes.reduce((n, o) => n + (o.failed ? 0 : Math.round(o.points * 100)), 0) / 100
}

// marks say in a word what kept a line from giving all that its rule says.
export function marks(outcomes: Outcome[]): string[] {
  const lower = (o: Outcome) => o.failed?.code === 'rule.lower' || o.failed?.code === 'rule.twice'
  return [
    ...(outcomes.some(lower) ? ['只计最高'] : []),
    ...(outcomes.some((o) => !o.failed && o.topped) ? ['补到最高'] : []),
    ...(outcomes.some((o) => !o.failed && o.capped) ? ['到上限'] : []),
  ]
}

// actsOf are the names that acts have been given lately, the latest first: the same act must be named the same.
export function actsOf(lines: { act?: string }[], recent: { act?: string }[]): string[] {
  return [...new Set([...[...lines].reverse(), ...recent].flatMap((x) => x.act || []))].slice(0, 20)
}

// refusal is why nothing of the line can be booked; empty where something can.
export function refusal(l: Line): string {
  return l.outcomes?.length && l.outcomes.every((o) => o.failed) ? (l.outcomes[0]?.failed?.text ?? '') : ''
}

function split(lines: Line[], items: Outcome[]): Line[] {
  return lines.map((l, i) => ({ ...l, outcomes: items.filter((o) => o.grant === i) }))
}

// sameLine reports whether the two ask for the same thing: pressed twice by mistake.
export function sameLine(a: Line, b: Line): boolean {
  return JSON.stringify(grantOf(a)) === JSON.stringify(grantOf(b))
}

// cardCode is the house code within a scanned house card; anything else is given back as it is.
export function cardCode(text: string): string {
  return /^JSC1\.([0-9A-Z]{8})\.\d+\.[0-9A-Z]+$/i.exec(text.trim())?.[1] ?? text
}

// byUse puts the rules used most in recent awards first and keeps the book's order otherwise. It goes by the wording: codes
// repeat from book to book, and a rule has another id in every version.
export function byUse(rules: Rule[], recent: { rule_item: string }[]): Rule[] {
  const used = new Map<string, number>()
  for (const a of recent) used.set(a.rule_item, (used.get(a.rule_item) ?? 0) + 1)
  return rules.map((r, i) => ({ r, i })).sort((a, b) => (used.get(b.r.item) ?? 0) - (used.get(a.r.item) ?? 0) || a.i - b.i).map((x) => x.r)
}

export function useDesk(village: () => string) {
  const lines = shallowRef<Line[]>([])
  const batches = ref<Batch[]>([])
  const previewing = ref(false)
  const saving = ref(false)
  const error = ref('')
  let next = 1
  let turn = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let press: { body: string; key: string } | undefined

  const total = computed(() => gets(lines.value.flatMap((l) => l.outcomes ?? [])))
  const refused = computed(() => lines.value.filter(refusal).length)

  function add(items: Omit<Line, 'key' | 'outcomes'>[]): number {
    const fresh = items.map((i) => ({ ...i, key: next++ })).filter((l, i, all) => ![...lines.value, ...all.slice(0, i)].some((x) => sameLine(x, l)))
    lines.value = [...lines.value, ...fresh]
    later()
    return fresh.length
  }

  function remove(key: number) {
    lines.value = lines.value.filter((l) => l.key !== key)
    later()
  }

  function clear() {
    lines.value = []
    error.value = ''
    later()
  }

  // later asks anew after a change; an answer under way is about lines that are no longer the whole.
  function later() {
    clearTimeout(timer)
    turn++
    timer = setTimeout(preview, 80)
  }

  async function preview() {
    const mine = ++turn
    const asked = lines.value
    if (!asked.length) {
      previewing.value = false
      return
    }
    previewing.value = true
    try {
      const r = await must(api.POST('/api/v1/villages/{id}/awards/preview', { params: { path: { id: village() } }, body: { grants: asked.map(grantOf) } }))
      if (mine !== turn) return
      lines.value = split(asked, r.items)
      error.value = ''
    } catch (e) {
      if (mine === turn) error.value = messageOf(e)
    } finally {
      if (mine === turn) previewing.value = false
    }
  }

  // confirm books everything. What is refused stays, with its reason; a press repeated after a broken line books nothing twice.
  async function confirm(): Promise<Batch | undefined> {
    if (saving.value || !lines.value.length) return
    clearTimeout(timer)
    turn++
    saving.value = true
    error.value = ''
    const asked = lines.value
    const grants = asked.map(grantOf)
    const body = JSON.stringify([village(), grants])
    if (press?.body !== body) press = { body, key: newKey() }
    try {
      const r = await must(
        api.POST('/api/v1/villages/{id}/awards', { params: { path: { id: village() }, header: idempotency(press.key) }, body: { grants } }),
      )
      press = undefined
      const answered = split(asked, r.items)
      lines.value = answered.filter(refusal)
      const done = answered.filter((l) => !refusal(l)).map((line) => ({ line, outcomes: line.outcomes?.filter((o) => !o.failed) ?? [] }))
      if (!done.length) return
      const batch: Batch = { at: new Date(), lines: done, undone: false }
      batches.value = [batch, ...batches.value]
      return batch
    } catch (e) {
      // A refusal is final, another press is another attempt; only an unanswered one may have been booked.
      if (e instanceof ApiError && e.status >= 400 && e.status < 500) press = undefined
      error.value = messageOf(e)
      if (asked.length === 1) void preview()
    } finally {
      saving.value = false
    }
  }

  async function undo(batch: Batch, reason: string): Promise<number> {
    const numbers = batch.lines.flatMap((l) => l.outcomes.flatMap((o) => (o.number ? [o.number] : [])))
    const r = await must(
      api.POST('/api/v1/villages/{id}/awards/reverse', { params: { path: { id: village() }, header: idempotency(newKey()) }, body: { numbers, reason } }),
    )
    batches.value = batches.value.map((b) => (b === batch ? { ...b, undone: true } : b))
    return r.booked
  }

  return { lines, batches, previewing, saving, error, total, refused, add, remove, clear, confirm, undo }
}
