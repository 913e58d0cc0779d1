// Every failure that a person may meet, with a sentence that says what to do next.
import type { components } from '../../../api/schema'

type Problem = components['schemas']['Problem']

/** What to do next: try the same again, log in, go back and change something, or go home. */
export type Next = 'retry' | 'login' | 'change' | 'home'

/** A failed call. `text` may be shown as it is; `code` is one of docs/errors.md, or network, timeout, broken. */
export class Failure extends Error {
  readonly name = 'Failure'
  constructor(
    readonly code: string,
    readonly text: string,
    readonly next: Next,
    readonly status = 0,
    readonly retryAfter = 0,
  ) {
    super(text)
  }

  /** Whether nobody knows if the server did what it was asked: then only the same request with the same key may follow. */
  get unanswered(): boolean {
    return this.status === 0 || this.status >= 500
  }
}

export const offline = () => new Failure('network', '网络不通。请看看手机有没有信号，再点“再试一次”。', 'retry')
export const slow = () => new Failure('timeout', '网络太慢，没有等到回答。请换个信号好的地方，再点“再试一次”。', 'retry')

/** The failure that an answer of the server tells of. */
export function failureOf(status: number, body: unknown): Failure {
  const p = problem(body)
  if (!p) return new Failure('broken', '服务器没有正常回答。请过一会儿再点“再试一次”。', 'retry', status)
  return new Failure(p.code, sentence(p), nextOf(status, p.code), status, p.retry_after || 0)
}

/** A failure out of anything that was thrown. */
export function asFailure(e: unknown): Failure {
  return e instanceof Failure ? e : new Failure('broken', '这里出错了。请退出去再打开；一直这样，请告诉村干部。', 'home')
}

function problem(body: unknown): Problem | null {
  const p = body as Problem | null
  return p && typeof p === 'object' && typeof p.code === 'string' && typeof p.detail === 'string' ? p : null
}

const after: Record<string, string> = {
  'house.code': '请看着卡片，一位一位重新填。',
  'house.binding': '也可以换家里另一个人的名字试试。',
}

function sentence(p: Problem): string {
  let text = p.detail.replace(/[。；，]$/, '') + '。'
  const more = after[p.code]
  if (more) text += more
  if (p.retry_after && p.retry_after > 5) text += '等 ' + waiting(p.retry_after) + '后再试。'
  if (p.code === 'internal') text += '编号：' + p.request_id
  return text
}

function waiting(seconds: number): string {
  return seconds < 60 ? seconds + ' 秒' : Math.ceil(seconds / 60) + ' 分钟'
}

function nextOf(status: number, code: string): Next {
  if (status === 401) return 'login'
  if (status === 403 || status === 404) return 'home'
  if (status === 429 || status >= 500) return 'retry'
  if (code === 'page.cursor' || code === 'redeem.cursor' || code === 'notice.cursor') return 'retry'
  return 'change'
}
