// The rules for old eyes and hands, on every page, on the smallest phone, at the usual and at the large size of type.
import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { expect, small, test } from './base'
import { screens, world, type World } from './pages'

test.describe.configure({ mode: 'default' }) // one after the other: they share a household

let w: World
test.beforeAll(async ({ playwright, baseURL }) => {
  const request = await playwright.request.newContext({ baseURL })
  w = await world(request, 14)
  await request.dispose()
})

/** What is wrong on the page, in words. */
async function complaints(page: Page, large: boolean): Promise<string[]> {
  return page.evaluate((large) => {
    const wrong: string[] = []
    const say = (e: Element, what: string) => wrong.push(`${what}: <${e.tagName.toLowerCase()} class="${e.className}"> ${(e.textContent || '').trim().slice(0, 20)}`)
    const shown = (e: Element) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden'
    if (document.documentElement.scrollWidth > innerWidth) wrong.push('the page scrolls sideways: ' + document.documentElement.scrollWidth)

    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let n = walk.nextNode(); n; n = walk.nextNode()) {
      const e = n.parentElement!
      if (!n.textContent!.trim() || !shown(e) || /^(SCRIPT|STYLE|NOSCRIPT)$/.test(e.tagName)) continue
      const style = getComputedStyle(e)
      const size = parseFloat(style.fontSize)
      if (size < (large ? 25 : 18)) say(e, 'too small, ' + size + ' px')
      if (e.closest('.t') && size < (large ? 30 : 22)) say(e, 'body text of ' + size + ' px')
      const box = document.createRange()
      box.selectNodeContents(n)
      for (const r of box.getClientRects()) {
        if (r.right > innerWidth + 1 || r.left < -1) say(e, 'runs out of the screen')
      }
      if (!e.closest('uni-input') && parseFloat(style.lineHeight) / size < 1.49) say(e, 'line height ' + style.lineHeight + ' at ' + style.fontSize)
    }

    for (const e of document.querySelectorAll('[role="button"], [role="radio"], input')) {
      if (!shown(e)) continue
      const r = (e.tagName === 'INPUT' ? e.closest('uni-input')! : e).getBoundingClientRect()
      if (r.width < 60 || r.height < 60) say(e, `target of ${Math.round(r.width)}×${Math.round(r.height)}`)
      if (!(e.getAttribute('aria-label') || e.textContent!.trim())) say(e, 'nameless')
      if (e.tagName !== 'INPUT' && e.getAttribute('tabindex') !== '0') say(e, 'not reached by the keyboard')
    }
    // The chosen one of a few is marked by more than its colour.
    for (const e of document.querySelectorAll('[role="radio"][aria-checked="true"]')) if (!e.textContent!.includes('✓')) say(e, 'chosen by colour only')
    if (!document.querySelector('[aria-label="返回"]') && !document.querySelector('[role="heading"]')) wrong.push('no heading')
    return wrong
  }, large)
}

for (const large of [false, true]) {
  for (const s of screens) {
    test(`${s.name}${large ? ', large' : ''}`, async ({ phone }) => {
      const page = await phone({ size: small, large })
      await s.show(page, w)
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
      expect(await complaints(page, large)).toEqual([])
      const axe = await new AxeBuilder({ page }).options({ rules: { 'color-contrast-enhanced': { enabled: true } } }).analyze()
      const serious = axe.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
      expect(serious.map((v) => v.id + ': ' + v.nodes.map((n) => n.html.slice(0, 160) + ' ' + (n.any[0]?.message || '')).join('\n'))).toEqual([])
      // From every page there is a way on.
      expect(await page.getByRole('button').count()).toBeGreaterThan(1)
    })
  }
}

test('type grows at once, and stays large', async ({ phone }) => {
  const page = await phone({ size: small })
  await screens.find((s) => s.name === 'home')!.show(page, w)
  const size = () => page.getByText('可以用的积分').evaluate((e) => parseFloat(getComputedStyle(e).fontSize))
  expect(await size()).toBe(22)
  await page.getByRole('button', { name: '字再大一些' }).click()
  expect(await size()).toBeGreaterThanOrEqual(30)
  await page.reload()
  await page.getByText('可以用的积分').waitFor()
  expect(await size()).toBeGreaterThanOrEqual(30)
})

test('everything can be done with a keyboard', async ({ phone }) => {
  const page = await phone()
  await screens.find((s) => s.name === 'home')!.show(page, w)
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press('Tab')
    if ((await page.evaluate(() => document.activeElement?.textContent)) === '看全部明细') break
  }
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: '积分明细' })).toBeVisible()
})
