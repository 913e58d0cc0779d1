import { beforeEach, describe, expect, it, vi } from 'vitest'
import { bearer, forget, keep, stored } from '@/api/tokens'

const tokens = (n: number, seconds: number) => ({ access_token: `a${n}`, refresh_token: `r${n}`, access_expires_at: new Date(Date.now() + seconds * 1000).toISOString() })

describe('bearer', () => {
  beforeEach(() => {
    localStorage.clear()
    vi.unstubAllGlobals()
  })

  it('sends a token that is good as it is', async () => {
    vi.stubGlobal('fetch', vi.fn())
    keep(tokens(1, 600))
    expect(await bearer()).toBe('a1')
    expect(fetch).not.toHaveBeenCalled()
  })

  it('exchanges one that ends soon, once for many requests', async () => {
    keep(tokens(1, 5))
    vi.stubGlobal('fetch', vi.fn(async () => new Response(JSON.stringify(tokens(2, 600)))))
    expect(await Promise.all([bearer(), bearer(), bearer()])).toEqual(['a2', 'a2', 'a2'])
    expect(fetch).toHaveBeenCalledTimes(1)
    expect(stored()?.refresh).toBe('r2')
  })

  it('is logged out where the server refuses, but not where it is out of reach', async () => {
    keep(tokens(1, 5))
    vi.stubGlobal('fetch', vi.fn(async () => Promise.reject(new TypeError('network'))))
    await expect(bearer()).rejects.toThrow()
    expect(stored()).toBeDefined()
    vi.stubGlobal('fetch', vi.fn(async () => new Response('{}', { status: 401 })))
    expect(await bearer()).toBe('')
    expect(stored()).toBeUndefined()
  })

  it('keeps what another window has exchanged meanwhile', async () => {
    keep(tokens(1, 5))
    vi.stubGlobal('fetch', vi.fn(async () => {
      keep(tokens(3, 600))
      return new Response('{}', { status: 401 })
    }))
    expect(await bearer()).toBe('a3')
  })

  it('has nothing after logging out', async () => {
    keep(tokens(1, 600))
    forget()
    expect(await bearer()).toBe('')
  })
})
