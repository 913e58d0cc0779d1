// Measures the console in Chromium, in a village of more than 2,000 households: what docs/benchmarks.md says of it comes from
// here. It prints figures and passes whatever they are; scripts/web.sh measure runs it.
import type { Page } from '@playwright/test'
import { as, expect, settled, test } from './base'

const K = 0.28 // seconds a key, an average typist who is no secretary: Card, Moran & Newell 1980
const M = 1.35 // seconds to make up one's mind, the same

interface House {
  id: string
  code: string
  head_name: string
  initials: string
}
interface Rule {
  id: string
  item: string
  deducts: boolean
  spec: { shape: string }
}

const say = (what: string, figures: Record<string, number | string>) => console.log(what + ': ' + Object.entries(figures).map(([k, v]) => `${k} ${typeof v === 'number' ? Math.round(v * 100) / 100 : v}`).join(', '))
const at = (list: number[], share: number) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))]!

// initials are the first letters of a text's pinyin, as an officer types them: each character's place among the first of every letter.
const heads = '阿八嚓哒妸发旮哈讥咔垃痳拏噢妑七呥扨它穵夕丫帀'
const order = new Intl.Collator('zh-u-co-pinyin')
const initials = (text: string) => [...text].flatMap((c) => (/[\u4e00-\u9fff]/.test(c) ? 'abcdefghjklmnopqrstwxyz'[[...heads].findLastIndex((h) => order.compare(h, c) <= 0)]! : [])).join('')

// grow makes the village one of more than 2,000 households.
async function grow(page: Page) {
  const get = await as(page, 'cun-xyx')
  const village = (await get('/auth/me')).roles[0].region as string
  const group = ((await get('/regions')).items as { kind: string; village?: string; name: string }[]).find((r) => r.kind === 'group' && r.village === village)!.name
  const family = [...'王李张刘陈杨黄赵周吴徐孙胡朱高林何郭马罗龙彭田覃向']
  const given = [...'建国秀英桂香志强大山小红德勇翠兰文华玉梅春生金凤水清开平礼永先明']
  const lines = ['组,户主,姓名,与户主关系,性别']
  for (let i = 0; i < 2000; i++) {
    const name = family[i % 25]! + given[(i * 7) % given.length]! + given[Math.floor(i / 25) % given.length]!
    lines.push(`${group},${name}${'甲乙丙丁'[i % 4]},${name}${'甲乙丙丁'[i % 4]},户主,男`)
  }
  const token = await page.evaluate(() => JSON.parse(localStorage.getItem('jishan.officer')!).access as string)
  const answer = await page.request.post(`/api/v1/villages/${village}/roster/import?skip_bad=true`, {
    headers: { Authorization: `Bearer ${token}` },
    multipart: { file: { name: '名单.csv', mimeType: 'text/csv', buffer: Buffer.from('\ufeff' + lines.join('\n')) } },
  })
  expect(answer.ok(), await answer.text()).toBe(true)
  return { get, village }
}

test('the console in a large village', async ({ page }) => {
  test.setTimeout(900_000)
  await as(page, 'cun-xyx')
  await page.goto('/admin/')
  await settled(page)
  const { get, village } = await grow(page)

  // The list: every page, and the tasks that keep the browser from answering for more than 50 ms.
  await page.addInitScript(() => {
    const kept: number[] = []
    Object.assign(window, { longTasks: kept })
    new PerformanceObserver((l) => kept.push(...l.getEntries().map((e) => e.duration))).observe({ type: 'longtask', buffered: true })
  })
  await page.goto('/admin/households')
  await settled(page)
  const long = () => page.evaluate(() => (window as unknown as { longTasks: number[] }).longTasks.splice(0))
  const opening = await long()
  say('opening the list', { 'long tasks': opening.length, 'longest ms': Math.max(0, ...opening) })
  const turns: number[] = []
  const next = page.getByRole('button', { name: '下一页' })
  while (await next.isEnabled()) {
    const first = await page.locator('tbody tr').first().innerText()
    const begin = Date.now()
    await next.click()
    await page.waitForFunction((was) => (document.querySelector('tbody tr') as HTMLElement | null)?.innerText !== was, first)
    turns.push(Date.now() - begin)
    await page.mouse.wheel(0, 4000)
  }
  const tasks = await long()
  say('paging through the list', { pages: turns.length + 1, 'ms a page p50': at(turns, 0.5), p95: at(turns, 0.95), 'long tasks': tasks.length, 'longest ms': Math.max(0, ...tasks) })
  await page.getByLabel('查找').pressSequentially('wjg', { delay: 120 })
  await settled(page)
  const searching = await long()
  say('searching the list', { 'long tasks': searching.length, 'longest ms': Math.max(0, ...searching) })

  // Fifty awards by keyboard, from a paper list: ten households a rule, then another rule on each line.
  const houses = ((await get(`/households?village=${village}&limit=200`)).items as House[]).filter((h) => h.initials.length > 1).slice(100, 200)
  const rules: Rule[] = []
  for (const r of ((await get(`/villages/${village}/rules?subject=household`)).items as Rule[]).filter((x) => x.spec.shape === 'fixed' && !x.deducts)) {
    const preview = await get(`/villages/${village}/awards/preview`, { grants: houses.map((h) => ({ rule: r.id, household: h.id })) })
    if (preview.items.every((i: { failed?: unknown }) => !i.failed)) rules.push(r)
    if (rules.length === 5) break
  }
  expect(rules.length).toBeGreaterThan(1)
  for (const [what, every, part] of [['ten households a rule', 10, houses.slice(0, 50)], ['another rule on each line', 1, houses.slice(50, 100)]] as const) {
    await page.goto('/admin/award')
    await settled(page)
    let keys = 0
    let minds = 0
    let waited = 0
    const pause = async () => {
      await page.waitForTimeout(250) // until the list is that of the last letter
      waited += 0.25
    }
    const press = async (key: string, n = 1) => {
      for (let i = 0; i < n; i++) await page.keyboard.press(key)
      keys += n
    }
    const type = async (text: string) => {
      await page.keyboard.type(text)
      keys += text.length
    }
    const who = page.getByRole('combobox', { name: '户或人' })
    const which = page.getByRole('combobox', { name: '细则条目' })
    const begin = Date.now()
    for (const [i, h] of part.entries()) {
      minds++ // whose turn it is on the paper
      await expect(who).toBeFocused()
      const list = page.getByRole('listbox', { name: '户或人' })
      const typed = h.initials.toLowerCase()
      await type(typed)
      await expect(list.getByRole('option').first()).toBeVisible()
      const found = async () => (await list.getByRole('option').allInnerTexts()).findIndex((n) => n.replace(/[\s·-]/g, '').includes(h.code))
      await pause()
      let place = await found()
      minds++ // is it this one in the list
      if (place < 0) {
        // Too many of the same initials: the code that stands on the card and on the list.
        await press('Backspace', typed.length)
        await type(h.code)
        await pause()
        place = 0
      }
      await press('ArrowDown', place)
      await press('Enter')
      await expect(which).toBeFocused()
      if (i % every === 0) {
        minds++ // which rule
        const rule = rules[Math.floor(i / every) % rules.length]!
        await type(initials(rule.item).slice(0, 4))
        await pause()
        const place = (await page.getByRole('listbox', { name: '细则条目' }).getByRole('option').allInnerTexts()).findIndex((n) => n.includes(rule.item))
        expect(place, rule.item).toBeGreaterThanOrEqual(0)
        await press('ArrowDown', place)
      }
      await press('Enter')
      await expect(page.getByRole('heading', { name: `待记账 ${i + 1} 条` })).toBeVisible()
    }
    minds++
    await press('Control+Enter')
    keys++
    await expect(page.getByText('记好了 50 条')).toBeVisible()
    const wall = (Date.now() - begin) / 1000 - waited
    say(`fifty awards, ${what}`, { keys, 'decisions M': minds, 'typing s': keys * K, 'deciding s': minds * M, 'machine and driver s': wall, 'all of it s': keys * K + minds * M + wall })
  }
})

test('the first screen with a cold cache', async ({ browser }) => {
  const ready: number[] = []
  const shown: number[] = []
  let entry = 0
  let scripts = 0
  for (let i = 0; i < 7; i++) {
    const context = await browser.newContext()
    const page = await context.newPage()
    await as(page, 'cun-xyx')
    scripts = 0
    page.on('response', (r) => {
      if (/assets\/(?!charts)[^/]+\.js$/.test(r.url())) scripts += Number(r.headers()['content-length'] ?? 0)
      if (/assets\/index-[^/]+\.js$/.test(r.url())) entry = Number(r.headers()['content-length'] ?? 0)
    })
    const begin = Date.now()
    await page.goto('/admin/', { waitUntil: 'commit' })
    await page.getByRole('link', { name: /户这个季度还没有积分|加减分$/ }).first().waitFor()
    shown.push(Date.now() - begin)
    ready.push(await page.evaluate(() => (performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming).domInteractive))
    await context.close()
  }
  say('first screen', { 'DOM interactive ms p50': at(ready, 0.5), 'links to press ms p50': at(shown, 0.5), 'longest ms': Math.max(...shown), 'entry KiB': entry / 1024, 'all scripts but charts KiB': scripts / 1024 })
})
