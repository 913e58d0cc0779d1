// A list of households handed from the screen that chooses to the page that prints: too long for an address.
const slot = 'jishan.print'

export function keepPrint(ids: string[]): string {
  const name = String(Date.now())
  sessionStorage.setItem(slot, JSON.stringify({ name, ids }))
  return name
}

export function keptPrint(name: string): string[] {
  try {
    const kept = JSON.parse(sessionStorage.getItem(slot) ?? '{}') as { name?: string; ids?: string[] }
    return kept.name === name ? (kept.ids ?? []) : []
  } catch {
    return []
  }
}

// pagesOf cuts a list into pages of n.
export function pagesOf<T>(list: T[], n: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / n) }, (_, i) => list.slice(i * n, i * n + n))
}
