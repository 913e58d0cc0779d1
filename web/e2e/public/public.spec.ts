// The pages for anyone, as a stranger on a computer and on a phone.
import { accessible, expect, test } from '../console/base'

const code = '439900100201'

// sealed is a transaction that a day seal covers: the last one of the newest seal.
async function sealed(page: import('@playwright/test').Page) {
  const get = async (path: string) => {
    const r = await page.request.get(`/api/v1/public/villages/${code}${path}`)
    expect(r.ok()).toBe(true)
    return r.json()
  }
  const village = await get('')
  for (let n = village.seal.last; n >= village.seal.first; n--) {
    const tx = await get(`/transactions/${n}`)
    if (tx.asset === 'points') return tx
  }
  throw new Error('no transaction of village points in the newest seal')
}

for (const width of [1440, 390]) {
  test(`every public page at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 844 })
    const tx = await sealed(page)
    const day = (await (await page.request.get(`/api/v1/public/villages/${code}`)).json()).seal.day
    for (const path of ['/', '/how', `/${code}`, `/${code}/seals`, `/${code}/seals/${day}`, `/${code}/check`, `/${code}/check?number=${tx.number}`, `/${code}/check?number=2&seal=${day}`]) {
      await page.goto('/public' + path)
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
      await accessible(page)
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${path} scrolls sideways`).toBe(true)
    }
  })
}

test('a number is checked, and compared with the notice', async ({ page }) => {
  const tx = await sealed(page)
  await page.goto(`/public/${code}/check`)
  await page.getByLabel('第几号').fill(String(tx.number))
  await page.getByRole('button', { name: '查' }).click()
  await expect(page.locator('#said')).toHaveText('已核对')
  await expect(page.locator('#f-kind')).toHaveText(tx.kind_name)
  const printed = page.getByLabel(/公告上印的日封指纹/)
  await printed.fill(tx.proof.seal.hash.slice(0, 20).replace(/(.{4})/g, '$1 '))
  await expect(page.locator('#matches')).toHaveText('与公告相同')
  await printed.fill('00000000')
  await expect(page.locator('#matches')).toContainText('请在上面填那个日期再查')
})

// The seals between a number's day and the printed one are followed, not believed.
test('a chain that is broken is told', async ({ page }) => {
  const newest = (await (await page.request.get(`/api/v1/public/villages/${code}`)).json()).seal
  for (const change of [(h: string) => h, (h: string) => h.replace(/(id="chain">.*?\\nscore )/s, '$19')]) {
    await page.route('**/check?*', async (route) => {
      const answer = await route.fetch()
      await route.fulfill({ response: answer, body: change(await answer.text()) })
    })
    await page.goto(`/public/${code}/check?number=2&seal=${newest.day}`)
    await expect(page.locator('#said')).toHaveText(change('id="chain">\\nscore ').endsWith('9') ? '不一致' : '已核对')
    await page.unroute('**/check?*')
  }
})

// A server that shows something else than what was sealed is caught by the page itself.
for (const [name, change] of Object.entries<(html: string) => string>({
  'points shown': (h) => h.replace(/(id="f-moved">)([\d.]+)/, '$19$2'),
  'kind shown': (h) => h.replace(/(id="f-kind">)[^<]+/, '$1期初'),
  'points in the proof': (h) => h.replace(/\\nmoved /, '\\nmoved 9'),
  'a hash on the path': (h) => h.replace(/(&#34;path&#34;: \[\s*&#34;)(.)/, (_, a, c) => a + (c === '0' ? '1' : '0')),
  'the seal': (h) => h.replace(/\\nawarded /, '\\nawarded 9'),
})) {
  test(`tampering is told: ${name}`, async ({ page }) => {
    const tx = await sealed(page)
    let touched = false
    await page.route('**/check?*', async (route) => {
      const answer = await route.fetch()
      const html = await answer.text()
      const changed = change(html)
      touched = changed !== html
      await route.fulfill({ response: answer, body: changed })
    })
    await page.goto(`/public/${code}/check?number=${tx.number}`)
    expect(touched).toBe(true)
    await expect(page.locator('#said')).toHaveText('不一致')
  })
}

test('without a script', async ({ browser, baseURL }) => {
  const page = await (await browser.newContext({ javaScriptEnabled: false, baseURL })).newPage()
  await page.goto(`/public/${code}`)
  await page.getByLabel('时段').selectOption('all')
  await page.getByRole('button', { name: '查看' }).click()
  await expect(page.getByText('累计 · 各户')).toBeVisible()
  await page.goto(`/public/${code}/check?number=1`)
  await expect(page.locator('#said')).toContainText('没有自动核算')
})
