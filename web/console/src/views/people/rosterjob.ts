// Following an import that the server does in the background.
import { ApiError, type Schemas } from '@/api/client'

export interface Progress {
  percent: number
  rows: number
}

// isLarge is from a few thousand people on.
export const isLarge = (file: { size: number }) => file.size > 150_000

const pause = 600 // milliseconds between two questions
const patience = 10 // questions without an answer in a row: the import goes on meanwhile

// watchImport asks until the import has ended, and gives its report or throws why there is none.
export async function watchImport(ask: () => Promise<Schemas['RosterImport']>, tell: (p: Progress) => void, signal: AbortSignal, wait = pause): Promise<Schemas['RosterReport']> {
  for (let missed = 0; ; ) {
    await new Promise((r) => setTimeout(r, wait))
    if (signal.aborted) throw new ApiError('离开了这一页，导入在后台继续', 0, 'left')
    let job: Schemas['RosterImport']
    try {
      job = await ask()
      missed = 0
    } catch (e) {
      if (!(e instanceof ApiError) || (e.status > 0 && e.status < 500) || ++missed > patience) throw e
      continue
    }
    tell({ percent: job.percent, rows: job.rows })
    if (job.state === 'done' && job.report) return job.report
    if (job.state === 'failed') throw new ApiError(job.failure?.text ?? '导入没有成功，什么也没有写入', 422, job.failure?.code ?? '')
    if (job.state === 'lost') throw new ApiError('服务中途断了，不知道写入没有。再导一遍就好，不会重复登记', 0, 'lost')
  }
}
