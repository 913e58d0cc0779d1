// The API, typed from docs/openapi.json, over uni.request: the call shape of openapi-fetch, except that a call gives the answer
// itself or throws a Failure.
import type { FetchResponse, MaybeOptionalInit } from 'openapi-fetch'
import type { PathsWithMethod } from 'openapi-typescript-helpers'
import type { components, paths } from '../../../api/schema'
import { Failure, failureOf, offline, slow } from './failure'
import { forget, keep, read, session, type Tokens } from './session'

export type Schemas = components['schemas']

type Method = 'get' | 'post' | 'put' | 'delete'
type Answer<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O>
  ? O extends Record<string | number, unknown>
    ? NonNullable<FetchResponse<O, object, 'application/json'>['data']>
    : never
  : never
type Args<I> = object extends I ? [init?: I] : [init: I]
type Call<M extends Method> = <P extends PathsWithMethod<paths, M>>(path: P, ...init: Args<MaybeOptionalInit<paths[P], M>>) => Promise<Answer<P, M>>

interface Init {
  params?: { path?: Record<string, unknown>; query?: Record<string, unknown>; header?: Record<string, string> }
  body?: unknown
  file?: string // where the platform keeps a chosen file; sent as a form
}

const timeout = 15000
const fileTimeout = 90000 // a photo over a village's network

/** The server: the page's own origin, or for the mini-program the one it was built for. */
let server = ''
// #ifndef H5
server = import.meta.env.VITE_SERVER || 'http://127.0.0.1:8080'
// #endif

/** How far the server's clock is ahead of this phone's, in milliseconds; village phones are often minutes off. */
let ahead = 0

/** The server's time in milliseconds. */
export const serverNow = () => Date.now() + ahead

export const api = {
  GET: call('get') as Call<'get'>,
  POST: call('post') as Call<'post'>,
  PUT: call('put') as Call<'put'>,
  DELETE: call('delete') as Call<'delete'>,
}

/** Sends a chosen file, by the path that the platform gave it. */
export function upload<P extends PathsWithMethod<paths, 'post'>>(path: P, params: { path: Record<string, string> }, file: string): Promise<Answer<P, 'post'>> {
  return authorised('post', address(path, { params }), { file }) as Promise<Answer<P, 'post'>>
}

/** Where a picture is that an answer names by its path; '' stays ''. */
export function picture(path: string): string {
  if (!path) return ''
  // #ifdef H5
  return location.origin + path // the framework puts the pages' own folder before a bare path
  // #endif
  // #ifndef H5
  return server + path
  // #endif
}

function call(method: Method) {
  return (path: string, init: Init = {}) => authorised(method, address(path, init), init)
}

/** A path with its parameters filled in. */
export function address(path: string, init: Init): string {
  const p = init.params || {}
  let url = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String((p.path || {})[name])))
  const query: string[] = []
  for (const name of Object.keys(p.query || {})) {
    const value = p.query![name]
    if (value !== undefined && value !== null && value !== '') query.push(name + '=' + encodeURIComponent(String(value)))
  }
  if (query.length) url += '?' + query.join('&')
  return server + url
}

const open = /\/api\/v1\/auth\/(login|refresh|wechat|card|demo)/

async function authorised(method: Method, url: string, init: Init): Promise<unknown> {
  if (open.test(url)) return send(method, url, init, '')
  const t = session.tokens
  if (!t) throw new Failure('auth.required', '请先登录。', 'login', 401)
  try {
    return await send(method, url, init, Date.parse(t.access_expires_at) - serverNow() < 5000 ? await renewed(t) : t.access_token)
  } catch (e) {
    const f = e as Failure
    if (f.status !== 401 || (f.code !== 'auth.expired' && f.code !== 'auth.token')) {
      if (f.status === 401) forget()
      throw e
    }
    return send(method, url, init, await renewed(t))
  }
}

let renewing: Promise<string> | null = null

/** A new access token, asked for once however many calls need it. A refresh token is good for one use. */
function renewed(old: Tokens): Promise<string> {
  if (!renewing) {
    renewing = renew(old).then(
      (token) => {
        renewing = null
        return token
      },
      (e) => {
        renewing = null
        throw e
      },
    )
  }
  return renewing
}

async function renew(old: Tokens): Promise<string> {
  const stored = read()
  if (stored && stored.refresh_token !== old.refresh_token) {
    session.tokens = stored // another tab was faster
    return stored.access_token
  }
  try {
    const t = (await send('post', server + '/api/v1/auth/refresh', { body: { refresh_token: old.refresh_token } }, '')) as Tokens
    keep(t)
    return t.access_token
  } catch (e) {
    if ((e as Failure).status === 401) forget()
    throw e
  }
}

function send(method: Method, url: string, init: Init, token: string): Promise<unknown> {
  const header: Record<string, string> = { Accept: 'application/json', ...(init.params && init.params.header) }
  if (init.body !== undefined) header['Content-Type'] = 'application/json'
  if (token) header.Authorization = 'Bearer ' + token
  return new Promise((resolve, reject) => {
    const answered = (status: number, data: unknown) => {
      const body = parsed(data)
      if (status >= 200 && status < 300) resolve(body)
      else if (status === 0) reject(offline())
      else reject(failureOf(status, body))
    }
    const fail = (e: { errMsg?: string }) => reject(/timeout/i.test((e && e.errMsg) || '') ? slow() : offline())
    if (init.file !== undefined) {
      uni.uploadFile({ url, filePath: init.file, name: 'file', header, timeout: fileTimeout, success: (r) => answered(r.statusCode, r.data), fail })
      return
    }
    uni.request({
      url,
      method: method.toUpperCase() as 'GET',
      data: init.body === undefined ? undefined : JSON.stringify(init.body),
      header,
      timeout,
      dataType: 'text', // parsed here, so that both targets fail alike on what is no JSON
      success: (r) => {
        const head = (r.header || {}) as Record<string, string>
        const date = Date.parse(head.Date || head.date || '')
        if (date) ahead = date - Date.now()
        answered(r.statusCode, r.data)
      },
      fail,
    })
  })
}

function parsed(data: unknown): unknown {
  if (typeof data !== 'string' || data === '') return data || null
  try {
    return JSON.parse(data)
  } catch (e) {
    return null
  }
}
