import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { as, choose, expect, settled, test } from './base'
import { placesFor } from './screens'

// take presses the button and opens what comes down: its name, and the cells of its sheet as XML.
async function take(page: Page, button = '导出 Excel') {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: button }).first().click()])
  const dir = mkdtempSync(join(tmpdir(), 'jishan-export-'))
  try {
    const file = join(dir, 'a.xlsx')
    await download.saveAs(file)
    const part = (name: string) => execFileSync('unzip', ['-p', file, name], { encoding: 'utf8', maxBuffer: 64 << 20 })
    return { name: download.suggestedFilename(), sheet: part('xl/worksheets/sheet1.xml') }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

test('every list is exported under its own name, as it is filtered', async ({ page }) => {
  const places = await placesFor(page)
  await as(page, 'cun-xyx')
  for (const [path, name, says] of [
    [`/households/${places.household}`, /家积分明细\.xlsx$/, '期末结余'],
    ['/households', /户名单和积分.*\.xlsx$/, '可用积分'],
    ['/awards', /加减分记录.*\.xlsx$/, '有效积分'],
    ['/redemptions', /兑换记录\d+年\d+月\.xlsx$/, '应付（元）'],
    ['/boards', /积分榜（户）\d+年\d+月\.xlsx$/, '累计积分'],
    ['/party', /党员积分\d+年第\d季度\.xlsx$/, '全年目标'],
    [`/party/${places.member}`, /党员积分明细\.xlsx$/, '期末结余'],
    ['/audit', /操作记录\.xlsx$/, '做了什么'],
  ] as const) {
    await test.step(path, async () => {
      await page.goto('/admin' + path)
      await settled(page)
      const got = await take(page)
      expect(got.name).toMatch(name)
      expect(got.name).toMatch(/镇.+村/)
      expect(got.sheet).toContain(says)
      expect(got.sheet).toContain('导出人：')
      expect(got.sheet).not.toContain('<f>')
    })
  }
})

test('a statement of one year, and what a person has earned', async ({ page }) => {
  const places = await placesFor(page)
  await as(page, 'cun-xyx')
  await page.goto(`/admin/households/${places.household}`)
  await settled(page)
  await choose(page, '导出哪一年', page.getByRole('option', { name: /^\d{4}年$/ }).first())
  expect((await take(page)).name).toMatch(/家积分明细\d{4}年\.xlsx$/)
  await page.getByRole('tab', { name: '家庭成员' }).click()
  expect((await take(page, '导出得分')).name).toMatch(/得分明细\.xlsx$/)
})

test('what is too much says what to narrow', async ({ page, watch }) => {
  watch.expected = [/422/]
  await as(page, 'cun-xyx')
  await page.goto('/admin/awards')
  await settled(page)
  const body = { code: 'export.too_many', title: '请求有误', detail: '要导出的超过 20000 行，请选一个月份后再导出', status: 422 }
  await page.route('**/awards.xlsx*', (r) => r.fulfill({ status: 422, contentType: 'application/problem+json', body: JSON.stringify(body) }))
  await page.getByRole('button', { name: '导出 Excel' }).click()
  await expect(page.getByText('请选一个月份后再导出')).toBeVisible()
})
