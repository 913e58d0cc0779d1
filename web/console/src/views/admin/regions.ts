// nextCode is a free code for a group: its village's with two digits behind, after the last one taken.
export function nextCode(village: string, taken: string[]): string {
  const last = Math.max(0, ...taken.filter((c) => c.startsWith(village) && c.length === village.length + 2).map((c) => Number(c.slice(village.length))))
  return village + String(last + 1).padStart(2, '0')
}
