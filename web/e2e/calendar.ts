// Days, months and quarters as the server counts them, in Beijing: there it is another day than in UTC for eight hours of each.
const beijing = () => new Date(Date.now() + 8 * 3600e3)

// today is 2026-11-23.
export const today = () => beijing().toISOString().slice(0, 10)

// month is 2026-11, as many months back.
export function month(back = 0): string {
  const d = beijing()
  return new Date(Date.UTC(d.getUTCFullYear(), d.getUTCMonth() - back, 15)).toISOString().slice(0, 7)
}

// lastQuarter is the one that is over, 2026-Q3.
export function lastQuarter(): string {
  const d = beijing()
  const n = d.getUTCFullYear() * 4 + Math.floor(d.getUTCMonth() / 3) - 1
  return `${Math.floor(n / 4)}-Q${(n % 4) + 1}`
}
