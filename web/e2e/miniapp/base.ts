// What the browser tests of the mini-program's web page stand on: phones that watch themselves, and people of the demo to be.
import { expect, test as plain, type APIRequestContext, type Browser, type Page } from '@playwright/test'
import { watchPage } from '../watch'

export { expect }

export const small = { width: 320, height: 640 }
export const usual = { width: 390, height: 844 }

interface Phone {
  size?: { width: number; height: number }
  browser?: Browser // instead of the test's own
  large?: boolean
  expected?: RegExp[] // complaints on the console that the test provokes
}

type Fixtures = { phone: (p?: Phone) => Promise<Page> }

/** phone opens a page in a phone of its own. A request to another origin, an uncaught exception or a breach of the content security policy fails the test. */
export const test = plain.extend<Fixtures>({
  phone: async ({ browser, baseURL }, use) => {
    const wrong: string[] = []
    const open: { close(): Promise<void> }[] = []
    await use(async (p = {}) => {
      const context = await (p.browser || browser).newContext({ baseURL, viewport: p.size || usual, isMobile: true, hasTouch: true, locale: 'zh-CN', timezoneId: 'Asia/Shanghai', permissions: ['camera'] })
      open.push(context)
      const page = await context.newPage()
      await watchPage(page, baseURL!, wrong, () => [/Failed to load resource/, ...(p.expected || [])]) // refusals and cuts of the network are what many tests are about
      if (p.large) await page.addInitScript(() => location.protocol !== 'about:' && localStorage.setItem('jishan.large', JSON.stringify({ type: 'number', data: 1 })))
      return page
    })
    for (const c of open) await c.close()
    expect(wrong).toEqual([])
  },
})

interface Tokens {
  access_token: string
}

async function answered(r: { ok(): boolean; status(): number; text(): Promise<string>; json(): Promise<any> }, what: string) {
  if (!r.ok()) throw new Error(what + ': ' + r.status() + ' ' + (await r.text()))
  return r.status() === 204 ? null : r.json()
}

/** Calls of somebody of the demo. */
export async function as(request: APIRequestContext, who: object) {
  const t: Tokens = await answered(await request.post('/api/v1/auth/demo', { data: who }), 'demo')
  const headers = { Authorization: 'Bearer ' + t.access_token }
  return {
    tokens: t,
    get: async (path: string) => answered(await request.get('/api/v1' + path, { headers }), path),
    send: async (method: string, path: string, data?: unknown) => answered(await request.fetch('/api/v1' + path, { method, headers: { ...headers, 'Idempotency-Key': 'e2e-' + Math.random() }, data }), path),
  }
}

export interface Home {
  id: string
  village: string
  code_text: string
  head_name: string
  balance: number
  pin: string
}

const pin = '7924'
const perTest = 12

/**
 * A household of the first village with points to spend, of which no test wants more than twice 60, a card and a PIN.
 * Tests run side by side: each gives its own number and looks through households that no other test touches.
 */
export async function household(request: APIRequestContext, number: number, atLeast = 130): Promise<Home> {
  const officer = await as(request, { audience: 'officer', login: 'cun-xyx' })
  const village = (await officer.get('/auth/me')).roles[0].region
  const { items } = await officer.get('/households?limit=200&village=' + village)
  for (const h of items.slice(number * perTest, (number + 1) * perTest)) {
    const { balance } = await officer.get('/households/' + h.id + '/balance')
    if (balance < atLeast) continue
    await officer.send('POST', '/cards', { households: [h.id] })
    const own = await as(request, { household: h.id })
    await own.send('PUT', '/my/households/' + h.id + '/pin', { pin })
    return { ...h, balance, pin }
  }
  throw new Error('no household among those of test ' + number + ' has ' + atLeast + ' points')
}

/** Logs a phone in as somebody of the demo and opens a page. */
export async function enter(page: Page, who: object, path: string) {
  const { tokens } = await as(page.request, who)
  await page.addInitScript((t) => {
    if (location.protocol === 'about:') return // the page between two visits
    if (!sessionStorage.getItem('entered')) localStorage.setItem('jishan.session', JSON.stringify({ type: 'object', data: t }))
    sessionStorage.setItem('entered', '1')
  }, tokens)
  await go(page, path)
}

/** Opens a page of the web page, as from a link. */
export async function go(page: Page, path: string) {
  await page.goto('about:blank')
  await page.goto('/m/#' + path)
}

/** The button that says something. */
export const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name })

/** Presses keys of the number pad. */
export async function pad(page: Page, keys: string) {
  for (const key of keys) await page.getByRole('button', { name: key, exact: true }).click()
}
