// A statement in plain words, a month at a time.
import type { Schemas } from '../api/client'
import { monthOf } from './days'
import { sum } from './points'

type Line = Schemas['StatementLine']

export interface Month {
  month: string
  lines: Line[]
  /** What came in and what went out, both as positive numbers. */
  got: number
  spent: number
}

/** Why, without the points at the end: those stand beside it, larger. */
export function explain(l: Line): string {
  if (l.kind === 'expire') return l.reason || '到期没有用完的积分，按规定清零'
  return l.reason.replace(/[:：][+＋−-]?[\d.]+$/, '')
}

/** The month of a line is when it was booked, which is how lines are ordered. */
export const monthOfLine = (l: Line) => monthOf(Date.parse(l.at))

export function month(name: string, lines: Line[]): Month {
  const own = lines.filter((l) => monthOfLine(l) === name)
  return {
    month: name,
    lines: own,
    got: sum(own.filter((l) => l.amount > 0).map((l) => l.amount)),
    spent: -sum(own.filter((l) => l.amount < 0).map((l) => l.amount)),
  }
}

/** Whether lines, newest first, hold all of a month: something older has been read, or there is no more. */
export function holds(lines: Line[], name: string, more: boolean): boolean {
  return !more || (lines.length > 0 && monthOfLine(lines[lines.length - 1]) < name)
}
