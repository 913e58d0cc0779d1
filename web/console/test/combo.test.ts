import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { useCombo } from '@/lib/combo'

// A search whose answers arrive when the test says so.
function slow() {
  const asked: { text: string; answer: (found: string[]) => Promise<void>; fail: () => Promise<void> }[] = []
  const search = (text: string) =>
    new Promise<string[]>((resolve, reject) => {
      const settle = (f: () => void) => async () => {
        f()
        await vi.advanceTimersByTimeAsync(0)
      }
      asked.push({ text, answer: (found) => settle(() => resolve(found))(), fail: settle(() => reject(new Error('断网'))) })
    })
  return { asked, search }
}

describe('useCombo', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('asks once for a burst of keys', async () => {
    const s = slow()
    const c = useCombo({ search: s.search, pick: () => {} })
    for (const t of ['w', 'wd', 'wds']) c.type(t)
    await vi.advanceTimersByTimeAsync(500)
    expect(s.asked.map((a) => a.text)).toEqual(['wds'])
  })

  it('picks what arrives when Enter came before the answer', async () => {
    const s = slow()
    const picked: string[] = []
    const c = useCombo({ search: s.search, pick: (x) => picked.push(x) })
    c.type('wds')
    expect(c.enter()).toBe(true)
    expect(picked).toEqual([])
    await s.asked[0]!.answer(['吴德顺', '王大山'])
    expect(picked).toEqual(['吴德顺'])
    expect(c.text.value).toBe('')
    await vi.advanceTimersByTimeAsync(500)
    expect(s.asked).toHaveLength(1)
  })

  it('never picks the answer to an earlier text', async () => {
    const s = slow()
    const picked: string[] = []
    const c = useCombo({ search: s.search, pick: (x) => picked.push(x) })
    c.type('w')
    await vi.advanceTimersByTimeAsync(200)
    c.type('l')
    c.enter()
    await s.asked[0]!.answer(['吴德顺'])
    expect(picked).toEqual([])
    await s.asked[1]!.answer(['李四'])
    expect(picked).toEqual(['李四'])
  })

  it('forgets the wish to pick when typing goes on', async () => {
    const s = slow()
    const picked: string[] = []
    const c = useCombo({ search: s.search, pick: (x) => picked.push(x) })
    c.type('w')
    c.enter()
    c.type('wd')
    await s.asked[0]!.answer(['吴德顺'])
    expect(picked).toEqual([])
  })

  it('walks the list round and picks where it stands', async () => {
    const s = slow()
    const picked: string[] = []
    const c = useCombo({ search: s.search, pick: (x) => picked.push(x), emptyToo: true })
    c.focus()
    await s.asked[0]!.answer(['a', 'b', 'c'])
    c.move(-1)
    expect(c.at.value).toBe(2)
    c.move(1)
    c.move(1)
    c.enter()
    expect(picked).toEqual(['b'])
  })

  it('says what failed, and can be asked again', async () => {
    const s = slow()
    const c = useCombo({ search: s.search, pick: () => {} })
    c.type('w')
    await vi.advanceTimersByTimeAsync(200)
    await s.asked[0]!.fail()
    expect(c.failed.value).toBe('断网')
    c.type('wd')
    await vi.advanceTimersByTimeAsync(200)
    await s.asked[1]!.answer(['吴德顺'])
    expect(c.failed.value).toBe('')
    expect(c.items.value).toEqual(['吴德顺'])
  })
})
