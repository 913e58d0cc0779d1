import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { accessible, as, choose, expect, settled, test } from './base'
import { codesOn, pdf } from './paper'

async function adopt(page: Page) {
  await page.getByRole('button', { name: '登记表决，生效' }).click()
  await page.getByRole('dialog').getByLabel('哪次会议').fill('村民代表会议')
  await page.getByRole('dialog').getByLabel('赞成票').fill('41')
  await page.getByRole('dialog').getByRole('button', { name: '登记', exact: true }).click()
  await expect(page.getByText('登记好了，到生效日就按这一版计分')).toBeVisible()
}

test('a roster with three bad rows says which and why, and writes the others when told to', async ({ page }) => {
  const get = await as(page, 'cun-xyx')
  const village = (await get('/auth/me')).roles[0].region as string
  const group = ((await get('/regions')).items as { kind: string; village?: string; name: string }[]).find((r) => r.kind === 'group' && r.village === village)!.name
  await page.goto('/admin/roster')
  await settled(page)
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: '下载模板' }).click()])
  expect(download.suggestedFilename()).toBe('花名册模板.xlsx')

  const mark = String(Date.now()).slice(-4)
  const han = (s: string) => [...s].map((c) => '零一二三四五六七八九'[Number(c)]).join('')
  const rows = [
    '组,户主,姓名,与户主关系,性别,身份证号,手机号',
    `${group},甲${han(mark)},甲${han(mark)},户主,男,,`,
    `${group},甲${han(mark)},乙${han(mark)},配偶,女,,`,
    `${group},丙${han(mark)},,户主,男,,`,
    `${group},丁${han(mark)},丁${han(mark)},户主,男,123456,`,
    `${group},戊${han(mark)},戊${han(mark)},户主,男,,12345`,
  ]
  const dir = mkdtempSync(join(tmpdir(), 'jishan-roster-'))
  const file = join(dir, '名单.csv')
  writeFileSync(file, '\ufeff' + rows.join('\r\n') + '\r\n')
  await page.getByLabel('选择 Excel 文件').setInputFiles(file)
  await expect(page.getByText(/有 3 处要修改/)).toBeVisible()
  for (const row of [4, 5, 6]) await expect(page.getByRole('cell', { name: new RegExp(`第${row}行`) })).toBeVisible()
  await page.getByRole('button', { name: '跳过有问题的行，写入其余的' }).click()
  await expect(page.getByRole('status').getByText('已经写入').first()).toBeVisible()
  rmSync(dir, { recursive: true })

  await page.goto('/admin/households')
  await page.getByLabel('查找').fill(`甲${han(mark)}`)
  await expect(page.getByRole('link', { name: `甲${han(mark)}` })).toHaveCount(1)
})

test('a large roster is looked through in the background, with its progress and its bad rows', async ({ page }) => {
  const get = await as(page, 'cun-xyx')
  const village = (await get('/auth/me')).roles[0].region as string
  const group = ((await get('/regions')).items as { kind: string; village?: string; name: string }[]).find((r) => r.kind === 'group' && r.village === village)!.name
  const han = (n: number) => [...String(n).padStart(4, '0')].map((c) => '零一二三四五六七八九'[Number(c)]).join('')
  const rows = Array.from({ length: 4000 }, (_, i) => `${group},戴${han(i)},戴${han(i)},户主,男,${i === 2500 ? '123456' : ''},`)
  const buffer = Buffer.from('\ufeff组,户主,姓名,与户主关系,性别,身份证号,手机号\r\n' + rows.join('\r\n') + '\r\n')
  const asked: string[] = []
  page.on('request', (r) => { if (/roster/.test(r.url())) asked.push(new URL(r.url()).pathname) })
  // The first answer on the way says that it is half done, however fast the server was.
  await page.route('**/api/v1/roster-imports/*', async (route) => {
    const answer = await (await route.fetch()).json()
    await route.fulfill({ json: { ...answer, state: 'running', percent: 50, report: undefined } })
  }, { times: 1 })
  await page.goto('/admin/roster')
  await settled(page)
  await page.getByLabel('选择 Excel 文件').setInputFiles({ name: '大表.csv', mimeType: 'text/csv', buffer })
  await expect(page.getByRole('progressbar', { name: '完成了 50%' })).toBeVisible()
  await expect(page.getByText('有 1 处要修改')).toBeVisible({ timeout: 60_000 })
  await expect(page.getByRole('cell', { name: '第2502行' })).toBeVisible()
  await expect(page.getByText('表里共 4,000 行')).toBeVisible()
  expect(asked.some((p) => p.endsWith('/roster/imports'))).toBe(true)
  expect(asked.some((p) => p.endsWith('/roster/import'))).toBe(false)
})

test('house cards: eight on a page of A4, each with its code and a name', async ({ page }) => {
  const get = await as(page, 'cun-xyx')
  const village = (await get('/auth/me')).roles[0].region as string
  const houses = ((await get(`/households?village=${village}&limit=17`)).items as { id: string; head_name: string; code_text: string }[]).slice(0, 17)
  await page.goto(`/admin/print/cards?households=${houses.map((h) => h.id).join(',')}`)
  await settled(page)
  await expect(page.getByText('17 张卡，3 页')).toBeVisible()
  let codes: string[] = []
  const out = await pdf(page, (file, dir) => (codes = codesOn(file, dir)))
  expect(codes).toHaveLength(17)
  for (const h of houses) expect(codes.filter((c) => c.replace(/[^0-9A-Z]/gi, '').toUpperCase().includes(h.code_text.replace(/[^0-9A-Z]/g, '').slice(0, 8)))).toHaveLength(1)
  expect(out.pages).toBe(3)
  expect(out.size).toContain('A4')
  for (const h of houses) {
    expect(out.text).toContain(h.head_name)
    expect(out.text.replace(/[^0-9A-Z]/g, '')).toContain(h.code_text.replace(/[^0-9A-Z]/g, ''))
  }
  expect(out.text).not.toContain('返回')
})

test('a board is printed as a poster of the size chosen, with names as the village wants them', async ({ page }) => {
  await as(page, 'cun-xyx')
  await page.goto('/admin/boards?period=all') // on the first of a month that month's board is a short one
  await settled(page)
  const first = await page.getByRole('row').nth(1).getByRole('link').innerText()
  await page.getByRole('button', { name: '打印榜单（A3）' }).click()
  await settled(page)
  await expect(page.getByLabel('姓名打星号')).toBeChecked()
  const masked = await pdf(page)
  expect(masked.size).toMatch(/A3|841.* x 1190|842 x 1191/)
  expect(masked.text).not.toContain(first)
  expect(masked.text).toContain('积分榜')
  await page.getByText('姓名打星号').click()
  await page.getByRole('radio', { name: 'A4' }).locator('..').click()
  const whole = await pdf(page)
  expect(whole.size).toContain('A4')
  expect(whole.text).toContain(first)

  // The whole village: every page has its own heads, and ranks go down the left column first.
  await choose(page, '印多少名', page.getByRole('option', { name: '全部' }))
  await expect.poll(() => page.getByRole('row').count()).toBeGreaterThan(100)
  const long = await pdf(page)
  expect(long.pages).toBeGreaterThan(2)
  expect(long.text.match(/名次\s+姓名\s+组\s+积分\s+名次\s+姓名/g)!.length).toBeGreaterThanOrEqual(long.pages - 1)
})

test('a statement prints with its balance', async ({ page }) => {
  const get = await as(page, 'cun-xyx')
  const village = (await get('/auth/me')).roles[0].region as string
  const top = (await get(`/boards?scope=${village}&period=all`)).items[0] as { id: string; name: string }
  const balance = (await get(`/households/${top.id}/balance`)).balance as number
  await page.goto(`/admin/print/statement/${top.id}`)
  await settled(page)
  const out = await pdf(page)
  expect(out.text).toContain(top.name)
  expect(out.text).toContain(`可用积分 ${new Intl.NumberFormat('zh-CN').format(balance)}`)
  expect(out.pages).toBeGreaterThan(0)
})

test('a role sees and may do only what is its own', async ({ page, watch }) => {
  watch.expected = [/404/]
  const get = await as(page, 'cun-zx')
  const own = (await get('/auth/me')).roles[0].region as string
  const foreign = await page.request.get('/api/v1/auth/demo').then((r) => r.json()).then((d) => d.households.find((h: { village: string }) => h.village !== own))
  await page.goto(`/admin/households/${foreign.id}`)
  await expect(page.getByRole('alert')).toContainText('没有找到')

  await as(page, 'jiandu')
  await page.goto('/admin/award')
  await expect(page.getByRole('heading', { name: '您没有打开这个页面的权限' })).toBeVisible()
  const menu = page.getByRole('navigation', { name: '主菜单' })
  await expect(menu.getByRole('link', { name: '加减分记录' })).toBeVisible()
  for (const hidden of ['加减分', '导入花名册', '户卡', '账号']) await expect(menu.getByRole('link', { name: hidden, exact: true })).toHaveCount(0)
  await page.goto('/admin/awards')
  await settled(page)
  await expect(page.getByRole('row').nth(1)).toBeVisible()
  await expect(page.getByRole('checkbox', { name: /选第/ })).toHaveCount(0)
})

test('a rule book is changed as a new version, compared and adopted', async ({ page }) => {
  await as(page, 'cun-npz')
  await page.goto('/admin/rules')
  await settled(page)
  const name = '牛皮寨村试行细则'
  await page.getByRole('button', { name: '新建细则' }).click()
  await choose(page, '从哪里开始', page.getByRole('option', { name: /按户/ }))
  await page.getByRole('dialog').getByLabel('名称').fill(name)
  await page.getByRole('dialog').getByRole('button', { name: '新建', exact: true }).click()
  await expect(page.getByText('第 1 版草稿')).toBeVisible()
  await adopt(page)
  await page.goto('/admin/rules')
  await settled(page)
  const book = page.locator('section.card').filter({ hasText: name })
  await book.getByRole('button', { name: '改成新的一版' }).click()
  await expect(page.getByText('第 2 版草稿')).toBeVisible()
  // What one category may give in a month, on screen.
  await page.getByRole('button', { name: '总上限' }).click()
  await page.getByRole('button', { name: '增加一条总上限' }).click()
  await choose(page, '第1条：哪一类', page.getByRole('option').nth(1))
  await expect(page.getByRole('dialog').getByRole('button', { name: '保存' })).toBeDisabled()
  await page.getByLabel('第1条：多少分').fill('60')
  await page.getByLabel('第1条：多少分').blur()
  await accessible(page)
  await page.getByRole('dialog').getByRole('button', { name: '保存' }).click()
  await expect(page.getByText('总上限保存好了')).toBeVisible()
  await expect(page.getByText(/每月最多\s*60\s*分/).first()).toBeVisible()
  const row = page.getByRole('row').filter({ has: page.getByRole('button', { name: '修改' }) }).first()
  await row.getByRole('button', { name: '修改' }).click()
  await page.getByRole('dialog').getByLabel('多少分', { exact: true }).fill('7')
  await page.getByRole('dialog').getByRole('button', { name: '保存' }).click()
  await expect(page.getByText('保存好了', { exact: true })).toBeVisible()
  await page.goto('/admin/rules')
  await settled(page)
  await book.getByRole('button', { name: '比较两版' }).click()
  await expect(page.getByText('2 处不同')).toBeVisible() // the rule, and the limits of the whole version
  await expect(page.getByRole('row').filter({ hasText: '总上限' })).toContainText('60')
})

test('a version is tried on the last quarter before it is adopted, and changes nothing', async ({ page }) => {
  await as(page, 'cun-xyx')
  await page.goto('/admin/rules')
  await settled(page)
  await page.getByRole('link', { name: /第 1 版/ }).first().click()
  await page.getByRole('button', { name: '试算' }).click()
  await expect(page.getByText(/按一户 3 口人/)).toBeVisible()
  const sum = page.getByText(/次加减分，不变/) // the very version that they were given by
  await expect(sum).toBeVisible()
  await choose(page, '从哪个月', page.getByRole('option').nth(20))
  await expect(sum).toBeVisible()
})

test('usual filters are kept for the next time', async ({ page }) => {
  await as(page, 'cun-xyx')
  await page.goto('/admin/households?show=silent')
  await settled(page)
  await page.getByRole('button', { name: '存为常用' }).click()
  await page.getByRole('dialog').getByRole('textbox').fill('要去走访')
  await page.getByRole('button', { name: '存下' }).click()
  const usual = page.getByRole('button', { name: '要去走访', exact: true })
  await expect(usual).toHaveAttribute('aria-pressed', 'true')
  await page.goto('/admin/households')
  await settled(page)
  await expect(usual).toHaveAttribute('aria-pressed', 'false')
  await usual.click()
  await expect(page).toHaveURL(/show=silent/)
  await as(page, 'jiandu') // somebody else at the same computer
  await page.goto('/admin/households')
  await settled(page)
  await expect(usual).toHaveCount(0)
  await as(page, 'cun-xyx')
  await page.goto('/admin/households')
  await page.getByRole('button', { name: '去掉常用筛选“要去走访”' }).click()
  await expect(usual).toHaveCount(0)
})

test('the first screen is there soon, with a cold cache, and its entry is small', async ({ page }) => {
  await as(page, 'cun-xyx')
  let entry = 0
  page.on('response', async (r) => {
    if (/assets\/index-[^/]+\.js$/.test(r.url())) entry += Number(r.headers()['content-length'] ?? 0)
    if (/assets\//.test(r.url())) expect(r.headers()['cache-control']).toContain('immutable')
  })
  await page.goto('/admin/')
  await expect(page.getByRole('link', { name: /户这个季度还没有积分|加减分$/ }).first()).toBeVisible()
  expect(entry).toBeGreaterThan(10_000)
  expect(entry).toBeLessThan(250 * 1024)
  // Measured from the start of the navigation; the bound is wide because the machine of a test may be busy with others.
  const ready = await page.evaluate(() => performance.getEntriesByType('navigation')[0]!.toJSON().domInteractive as number)
  expect(ready).toBeLessThan(1500)
})
