// Reading a pasted column of names: which household is meant by each line.
import type { Schemas } from '@/api/client'

type House = Schemas['Household']

// splitNames takes what people paste: a column from Excel, or names with commas or spaces between.
export function splitNames(text: string): string[] {
  return text.split(/[\n\r\t,，、;；]+/).map((s) => s.trim().replace(/\s+/g, ' ')).filter(Boolean)
}

export interface Match {
  text: string
  found: House[] // one: clear; several: to be chosen; none: not found
}

// exact keeps those that are meant beyond doubt: the very name of the head or a member, or the house code.
export function exact(text: string, found: House[]): House[] {
  const bare = text.replace(/[\s-]/g, '').toUpperCase()
  const same = found.filter((h) => h.head_name === text || h.match === text || h.code.toUpperCase() === bare)
  return same.length ? same : found
}

// inTurn runs at most n searches at once and keeps the order.
export async function inTurn<A, B>(list: A[], n: number, run: (a: A) => Promise<B>): Promise<B[]> {
  const out: B[] = new Array(list.length)
  let next = 0
  const worker = async () => {
    while (next < list.length) {
      const i = next++
      out[i] = await run(list[i] as A)
    }
  }
  await Promise.all(Array.from({ length: Math.min(n, list.length) }, worker))
  return out
}
