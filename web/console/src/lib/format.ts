// How amounts, days and codes are written on screens.

const plain = new Intl.NumberFormat('zh-CN', { maximumFractionDigits: 2 })
const fixed = new Intl.NumberFormat('zh-CN', { minimumFractionDigits: 2, maximumFractionDigits: 2 })

// points has no trailing zeros: 0.5, 1,250.
export const points = (n: number) => plain.format(n)
// signed always says which way: +5, −2.
export const signed = (n: number) => (n > 0 ? '+' : n < 0 ? '−' : '') + plain.format(Math.abs(n))
export const yuan = (n: number) => '¥' + fixed.format(n)
export const count = (n: number) => plain.format(n)
// share is a part of a whole, in whole per cent; empty where there is no whole.
export const share = (part: number, whole: number) => (whole > 0 ? `${Math.round((100 * part) / whole)}%` : '—')

const zone = 'Asia/Shanghai'
const parts = (iso: string, o: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat('zh-CN', { timeZone: zone, ...o }).format(new Date(iso))

// day writes 2026-11-23 as 11月23日, with the year where it is not this one.
export function day(iso: string, now = new Date()): string {
  const [y, m, d] = iso.slice(0, 10).split('-').map(Number)
  if (!y || !m || !d) return iso
  return (y === thisYear(now) ? '' : `${y}年`) + `${m}月${d}日`
}

export const fullDay = (iso: string) => {
  const [y, m, d] = iso.slice(0, 10).split('-').map(Number)
  return y && m && d ? `${y}年${m}月${d}日` : iso
}

// moment writes an instant with its time of day in China: 11月23日 09:05.
export function moment(iso: string, now = new Date()): string {
  return `${day(local(iso), now)} ${parts(iso, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })}`
}

// local is the day in China of an instant, as 2026-11-23.
export function local(iso: string): string {
  return isoDay(new Date(iso))
}

export function isoDay(d: Date): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(d)
}

const thisYear = (now: Date) => Number(isoDay(now).slice(0, 4))
export const today = () => isoDay(new Date())
export const thisMonth = () => today().slice(0, 7)

// monthName writes 2026-11 as 2026年11月.
export const monthName = (m: string) => `${m.slice(0, 4)}年${Number(m.slice(5, 7))}月`

// months are the latest n months, newest first, as 2026-11.
export function months(n: number, now = new Date()): string[] {
  const [y, m] = isoDay(now).split('-').map(Number) as [number, number]
  return Array.from({ length: n }, (_, i) => {
    const at = y * 12 + m - 1 - i
    return `${Math.floor(at / 12)}-${String((at % 12) + 1).padStart(2, '0')}`
  })
}

// quarters are the latest n quarters, newest first, as 2026-Q4.
export function quarters(n: number, now = new Date()): string[] {
  const [y, m] = isoDay(now).split('-').map(Number) as [number, number]
  return Array.from({ length: n }, (_, i) => {
    const at = y * 4 + Math.floor((m - 1) / 3) - i
    return `${Math.floor(at / 4)}-Q${(at % 4) + 1}`
  })
}

export const quarterName = (q: string) => `${q.slice(0, 4)}年第${'一二三四'[Number(q.slice(6)) - 1]}季度`
