// The log-in's tokens, shared by all windows of this browser. The server hands the same next token out again for some seconds,
// so two windows that exchange at once end with the same one.
export interface Stored {
  access: string
  accessExpires: number // UTC milliseconds
  refresh: string
}

const slot = 'jishan.officer'
const early = 30_000 // exchanged so long before it ends

let exchanging: Promise<string> | undefined

export function stored(): Stored | undefined {
  try {
    const text = localStorage.getItem(slot)
    return text ? (JSON.parse(text) as Stored) : undefined
  } catch {
    return undefined
  }
}

export function keep(t: { access_token: string; access_expires_at: string; refresh_token: string }) {
  localStorage.setItem(slot, JSON.stringify({ access: t.access_token, accessExpires: Date.parse(t.access_expires_at), refresh: t.refresh_token }))
}

export function forget() {
  localStorage.removeItem(slot)
}

// bearer is the access token to send; it is exchanged first where it is about to end. Empty: not logged in.
export async function bearer(): Promise<string> {
  const t = stored()
  if (!t) return ''
  if (t.accessExpires - Date.now() > early) return t.access
  exchanging ??= exchange(t.refresh).finally(() => (exchanging = undefined))
  return exchanging
}

async function exchange(refresh: string): Promise<string> {
  const answer = await fetch('/api/v1/auth/refresh', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ refresh_token: refresh }),
  })
  if (answer.status === 400 || answer.status === 401 || answer.status === 403) {
    if (stored()?.refresh === refresh) forget()
    return stored()?.access ?? ''
  }
  if (!answer.ok) throw new Error(`refresh: ${answer.status}`)
  const t = await answer.json()
  keep(t)
  return t.access_token
}
