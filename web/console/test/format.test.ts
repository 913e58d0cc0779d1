import { describe, expect, it } from 'vitest'
import { day, moment, months, points, quarterName, quarters, share, signed, yuan } from '@/lib/format'

const now = new Date('2026-01-01T02:00:00+08:00')

describe('format', () => {
  it('writes amounts without trailing zeros and says which way', () => {
    expect([points(0.5), points(1250), points(0.1)]).toEqual(['0.5', '1,250', '0.1'])
    expect([signed(5), signed(-2.5), signed(0)]).toEqual(['+5', '−2.5', '0'])
    expect(yuan(12.3)).toBe('¥12.30')
    expect([share(1, 3), share(0, 0)]).toEqual(['33%', '—'])
  })
  it('writes days as people do, with the year only where it is another', () => {
    expect(day('2026-11-23', now)).toBe('11月23日')
    expect(day('2025-12-31', now)).toBe('2025年12月31日')
  })
  it('writes instants in the time of China, whatever the machine has', () => {
    expect(moment('2025-12-31T16:05:00Z', now)).toBe('1月1日 00:05')
  })
  it('counts months and quarters back over the turn of the year in China', () => {
    expect(months(3, now)).toEqual(['2026-01', '2025-12', '2025-11'])
    expect(months(2, new Date('2025-12-31T16:30:00Z'))).toEqual(['2026-01', '2025-12'])
    expect(quarters(2, now)).toEqual(['2026-Q1', '2025-Q4'])
    expect(quarterName('2025-Q4')).toBe('2025年第四季度')
  })
})
