// The one way to the API: typed by docs/openapi.json, so that a wrong path or body does not compile.
import createClient, { type Middleware } from 'openapi-fetch'
import type { components, paths } from '@api/schema'
import { bearer } from './tokens'

export type Schemas = components['schemas']
export type Problem = Schemas['Problem']

// ApiError is what the server refused, in words for the person in front of the screen.
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    readonly fields: { path: string; text: string }[] = [],
    readonly requestId = '',
  ) {
    super(message)
  }
}

const auth: Middleware = {
  async onRequest({ request, schemaPath }) {
    if (schemaPath === '/api/v1/auth/login' || schemaPath === '/api/v1/auth/demo' || schemaPath === '/api/v1/auth/refresh') return
    const token = await bearer()
    if (token) request.headers.set('Authorization', `Bearer ${token}`)
    return request
  },
}

export const api = createClient<paths>({ baseUrl: '', fetch: (request: Request) => fetch(request) })
api.use(auth)

export type Answer<T> = { data?: T; error?: unknown; response: Response }

let whenLoggedOut = () => {}

// onLoggedOut sets what happens when the server no longer knows this log-in.
export function onLoggedOut(f: () => void) {
  whenLoggedOut = f
}

export function toError(error: unknown, response: Response): ApiError {
  const p = (typeof error === 'object' && error !== null ? error : {}) as Partial<Problem>
  const text = p.detail || p.title || (response.status >= 500 ? '服务器出错了，请稍后再试' : `请求没有成功（${response.status}）`)
  return new ApiError(text, response.status, p.code ?? '', p.fields ?? [], p.request_id ?? '')
}

// must gives the answer's content or throws an ApiError.
export async function must<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>
  try {
    answer = await call
  } catch (e) {
    if (e instanceof ApiError) throw e
    throw new ApiError('连不上服务器，请检查网络后再试', 0, 'network')
  }
  if (answer.response.ok) return answer.data as T
  const failure = toError(answer.error, answer.response)
  if (failure.status === 401) whenLoggedOut()
  throw failure
}

// form sends a file the way the server takes it.
export function form(file: File) {
  return {
    body: { file: file as unknown as string },
    bodySerializer: () => {
      const data = new FormData()
      data.append('file', file, file.name)
      return data
    },
  }
}

// idempotency is the header of one press of a button: kept for its repetitions, new for the next press.
export function idempotency(key: string) {
  return { 'Idempotency-Key': key }
}

// newKey works without a secure context too: a village's server may be reached by plain http inside its own network.
export function newKey(): string {
  const b = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('')
}

// download saves the file that the server answers with, under the name that the server gave it.
export async function download(call: Promise<Answer<unknown>>) {
  const blob = (await must(call)) as Blob
  const name = /filename\*=UTF-8''([^;]+)/.exec((await call).response.headers.get('Content-Disposition') ?? '')?.[1]
  save(blob, name ? decodeURIComponent(name) : '导出.xlsx')
}

// save hands a file to the browser.
export function save(blob: Blob, name: string) {
  const a = document.createElement('a')
  a.href = URL.createObjectURL(blob)
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(a.href), 10_000)
}
