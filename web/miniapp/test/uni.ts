// As much of the platform as the logic touches: storage, and requests that a test answers.

export const stored = new Map<string, unknown>()

export interface Asked {
  url: string
  method: string
  data?: string
  header: Record<string, string>
  success: (r: { statusCode: number; data: string; header: Record<string, string> }) => void
  fail: (e: { errMsg: string }) => void
}

export const net = { answer: (_: Asked): void => undefined, asked: [] as Asked[] }

/** Answers with a status and a body. */
export function reply(a: Asked, statusCode: number, body: unknown, header: Record<string, string> = {}) {
  a.success({ statusCode, data: body === undefined ? '' : JSON.stringify(body), header })
}

Object.assign(globalThis, {
  uni: {
    getStorageSync: (k: string) => (stored.has(k) ? JSON.parse(JSON.stringify(stored.get(k))) : ''),
    setStorageSync: (k: string, v: unknown) => void stored.set(k, JSON.parse(JSON.stringify(v))),
    removeStorageSync: (k: string) => void stored.delete(k),
    request: (a: Asked) => {
      net.asked.push(a)
      queueMicrotask(() => net.answer(a))
    },
  },
})
