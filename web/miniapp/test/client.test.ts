import { beforeEach, describe, expect, it } from 'vitest'
import { address, api, serverNow } from '../src/api/client'
import { asFailure, Failure, failureOf } from '../src/api/failure'
import { forget, keep, read, session, type Tokens } from '../src/api/session'
import { net, reply, stored } from './uni'

const tokens = (n: number, minutes = 15): Tokens => ({
  access_token: 'a' + n,
  access_expires_at: new Date(serverNow() + minutes * 60000).toISOString(),
  refresh_token: 'r' + n,
  refresh_expires_at: new Date(serverNow() + 86400000).toISOString(),
  audience: 'villager',
  must_change: false,
  name: '甲',
  session: 's',
  user: 'u',
})
const problem = (status: number, code: string, more: object = {}) => ({ type: '', title: '', status, code, detail: '不行', request_id: 'q1', ...more })
const me = () => api.GET('/api/v1/auth/me')
const path = (url: string) => url.replace(/^https?:..[^/]+/, '')
const urls = () => net.asked.map((a) => a.method + ' ' + path(a.url))

beforeEach(() => {
  net.asked = []
  net.answer = (a) => reply(a, 200, {})
  stored.clear()
  forget()
})

describe('a call', () => {
  it('fills in path and query and leaves out what is not said', () => {
    expect(path(address('/a/{id}/{n}', { params: { path: { id: 'x/y', n: 3 }, query: { q: '院 坝', none: undefined, empty: '', no: false } } }))).toBe('/a/x%2Fy/3?q=%E9%99%A2%20%E5%9D%9D&no=false')
  })
  it('carries token, key and body', async () => {
    keep(tokens(1))
    await api.POST('/api/v1/counter/redemptions', { params: { header: { 'Idempotency-Key': 'k-12345678' } }, body: { ticket: 't', total: 5 } })
    expect(net.asked[0].header).toMatchObject({ Authorization: 'Bearer a1', 'Idempotency-Key': 'k-12345678', 'Content-Type': 'application/json' })
    expect(net.asked[0].data).toBe('{"ticket":"t","total":5}')
  })
  it('is not sent by somebody who is not logged in', async () => {
    await expect(me()).rejects.toMatchObject({ next: 'login' })
    expect(net.asked).toHaveLength(0)
  })
  it('learns how far the phone’s clock is off', async () => {
    net.answer = (a) => reply(a, 200, {}, { Date: new Date(Date.now() + 600000).toUTCString() })
    await api.GET('/api/v1/auth/demo')
    expect(Math.abs(serverNow() - Date.now() - 600000)).toBeLessThan(1500)
    net.answer = (a) => reply(a, 200, {}, { date: new Date().toUTCString() })
    await api.GET('/api/v1/auth/demo')
    expect(Math.abs(serverNow() - Date.now())).toBeLessThan(1500)
  })
})

describe('tokens', () => {
  const serve = (rejected: string[]) => {
    net.answer = (a) => {
      if (a.url.endsWith('/auth/refresh')) reply(a, 200, tokens(2))
      else if (rejected.includes(a.header.Authorization)) reply(a, 401, problem(401, 'auth.expired'))
      else reply(a, 200, { id: 'u' })
    }
  }
  it('are renewed once for many calls', async () => {
    keep(tokens(1))
    serve(['Bearer a1'])
    await Promise.all([me(), me(), me()])
    expect(urls().filter((u) => u.includes('refresh'))).toHaveLength(1)
    expect([session.tokens!.access_token, read()!.refresh_token]).toEqual(['a2', 'r2'])
  })
  it('are renewed before they end', async () => {
    keep(tokens(1, 0))
    serve([])
    await me()
    expect(urls()).toEqual(['POST /api/v1/auth/refresh', 'GET /api/v1/auth/me'])
  })
  it('that another tab has renewed are taken over, not used up', async () => {
    keep(tokens(1))
    serve(['Bearer a1'])
    stored.set('jishan.session', tokens(3))
    await me()
    expect(urls().filter((u) => u.includes('refresh'))).toHaveLength(0)
    expect(session.tokens!.refresh_token).toBe('r3')
  })
  it('that are void log out; a bad network does not', async () => {
    keep(tokens(1))
    net.answer = (a) => reply(a, 401, problem(401, a.url.includes('refresh') ? 'auth.session' : 'auth.expired'))
    await expect(me()).rejects.toMatchObject({ next: 'login' })
    expect([session.tokens, read()]).toEqual([null, null])

    keep(tokens(1))
    net.answer = (a) => (a.url.includes('refresh') ? a.fail({ errMsg: 'request:fail' }) : reply(a, 401, problem(401, 'auth.expired')))
    await expect(me()).rejects.toMatchObject({ code: 'network' })
    expect(read()).not.toBeNull()
  })
})

describe('a failure', () => {
  it('says whether anybody knows what happened', async () => {
    keep(tokens(1))
    net.answer = (a) => a.fail({ errMsg: 'request:fail timeout' })
    const slow = asFailure(await me().catch((e) => e))
    expect([slow.code, slow.unanswered, slow.next]).toEqual(['timeout', true, 'retry'])
    net.answer = (a) => a.fail({ errMsg: 'request:fail' })
    expect(asFailure(await me().catch((e) => e)).text).toContain('网络不通')
    net.answer = (a) => a.success({ statusCode: 502, data: '<html>', header: {} })
    expect(asFailure(await me().catch((e) => e))).toMatchObject({ code: 'broken', status: 502, unanswered: true })
    expect(failureOf(409, problem(409, 'wallet.insufficient')).unanswered).toBe(false)
  })
  it('leads on', () => {
    expect([401, 403, 404, 409, 422, 429, 503].map((s) => failureOf(s, problem(s, 'x')).next)).toEqual(['login', 'home', 'home', 'change', 'change', 'retry', 'retry'])
    expect(failureOf(422, problem(422, 'redeem.cursor')).next).toBe('retry')
    expect(asFailure(new TypeError('x')).next).toBe('home')
  })
  it('is said in whole sentences, with the time to wait and the number to report', () => {
    expect(failureOf(429, problem(429, 'auth.throttled', { detail: '登录失败次数太多', retry_after: 100 })).text).toBe('登录失败次数太多。等 2 分钟后再试。')
    expect(failureOf(500, problem(500, 'internal', { detail: '系统出错了。' })).text).toBe('系统出错了。编号：q1')
    expect(new Failure('a', 'b', 'home')).toBeInstanceOf(Error)
  })
})
