// What every browser test of the console stands on: a page that watches itself, and ways in.
import AxeBuilder from '@axe-core/playwright'
import { expect, test as plain, type Locator, type Page } from '@playwright/test'
import { watchPage } from '../watch'

export const password = 'xiangcun2026'

export interface Watch {
  expected: RegExp[] // console errors that the test provokes
}

export const test = plain.extend<{ watch: Watch }>({
  watch: [
    async ({ page, baseURL }, use) => {
      const watch: Watch = { expected: [] }
      const wrong: string[] = []
      await watchPage(page, baseURL!, wrong, () => watch.expected)
      await use(watch)
      expect(wrong).toEqual([])
    },
    { auto: true },
  ],
})

export { expect }

// login goes through the door as people do.
export async function login(page: Page, name: string) {
  await page.goto('/admin/login')
  await page.getByLabel('登录名').fill(name)
  await page.getByLabel('密码', { exact: true }).fill(password)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { level: 1 })).toContainText('您好')
}

// as is somebody without the way through the door, which costs a password hash each time.
export async function as(page: Page, name: string) {
  const answer = await page.request.post('/api/v1/auth/demo', { data: { audience: 'officer', login: name } })
  expect(answer.ok()).toBe(true)
  const t = await answer.json()
  const kept = JSON.stringify({ access: t.access_token, accessExpires: Date.parse(t.access_expires_at), refresh: t.refresh_token })
  // The latest of several wins, and what the program stores later is left alone.
  await page.addInitScript(
    ([text, n]) => {
      if (Number(sessionStorage.getItem('as') ?? 0) >= Number(n)) return
      localStorage.setItem('jishan.officer', text!)
      sessionStorage.setItem('as', n!)
    },
    [kept, String(Date.now())],
  )
  return async (path: string, body?: unknown) => {
    const headers = { Authorization: `Bearer ${t.access_token}` }
    const r = await (body === undefined ? page.request.get('/api/v1' + path, { headers }) : page.request.post('/api/v1' + path, { headers, data: body }))
    expect(r.ok(), `${path}: ${r.status()}`).toBe(true)
    return r.json()
  }
}

// choose takes an option of a select, and sees to it that it is taken: a press on a list that is still unfolding comes to nothing.
export async function choose(page: Page, name: string, option: Locator) {
  const box = page.getByRole('combobox', { name, exact: true })
  await expect(async () => {
    if ((await box.getAttribute('aria-expanded')) !== 'true') await box.press('Enter')
    const text = await option.innerText({ timeout: 3000 })
    await option.click({ timeout: 3000 })
    await expect(box).toHaveAttribute('aria-expanded', 'false', { timeout: 2000 })
    await expect(page.locator('.el-select').filter({ has: box })).toContainText(text, { timeout: 2000 })
  }).toPass({ timeout: 20_000 })
}

// settled waits until nothing is being loaded any more.
export async function settled(page: Page) {
  await page.waitForLoadState('networkidle')
  await expect(page.locator('.el-skeleton')).toHaveCount(0)
}

// accessible fails on serious and critical findings. What is still fading in has no contrast yet.
export async function accessible(page: Page) {
  await page.evaluate(() => Promise.all(document.getAnimations().filter((a) => a.effect?.getComputedTiming().endTime !== Infinity).map((a) => a.finished.catch(() => {}))))
  const found = await new AxeBuilder({ page }).analyze()
  const bad = found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
  expect(bad.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '')).join(' | ')}`)).toEqual([])
}
