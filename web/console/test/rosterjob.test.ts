import { describe, expect, it } from 'vitest'
import { ApiError, type Schemas } from '@/api/client'
import { watchImport, type Progress } from '@/views/people/rosterjob'

const job = (o: Partial<Schemas['RosterImport']>): Schemas['RosterImport'] => ({ id: '1', village: '2', actor_name: '', state: 'running', percent: 0, rows: 0, started_at: '', ...o })
const report = { rows: 3 } as Schemas['RosterReport']

// follow answers the questions one after another; an Error is thrown.
async function follow(answers: (Schemas['RosterImport'] | Error)[], signal = new AbortController().signal) {
  const told: Progress[] = []
  const ask = async () => {
    const a = answers.shift()!
    if (a instanceof Error) throw a
    return a
  }
  return { told, result: await watchImport(ask, (p) => told.push(p), signal, 0).catch((e: Error) => e) }
}

describe('an import in the background', () => {
  it('tells how far it is and ends with the report, over a broken line', async () => {
    const { told, result } = await follow([job({ percent: 20, rows: 900 }), new ApiError('', 0, 'network'), new ApiError('', 502, ''), job({ state: 'done', percent: 100, rows: 4000, report })])
    expect(told).toEqual([{ percent: 20, rows: 900 }, { percent: 100, rows: 4000 }])
    expect(result).toBe(report)
  })
  it('says why nothing was written', async () => {
    const { result } = await follow([job({ state: 'failed', failure: { code: 'x', text: '表里没有姓名一栏' } })])
    expect((result as ApiError).message).toBe('表里没有姓名一栏')
    expect(((await follow([job({ state: 'lost' })])).result as ApiError).message).toContain('不会重复登记')
    expect(((await follow([new ApiError('没有找到', 404, '')])).result as ApiError).status).toBe(404)
  })
  it('stops asking when the page is left', async () => {
    const gone = new AbortController()
    gone.abort()
    expect(((await follow([], gone.signal)).result as ApiError).code).toBe('left')
  })
})
