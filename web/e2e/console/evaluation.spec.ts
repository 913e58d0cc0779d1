import { readFileSync } from 'node:fs'
import type { Page } from '@playwright/test'
import { lastQuarter, today } from '../calendar'
import { accessible, as, choose, expect, settled, test } from './base'
import { pdf } from './paper'

interface Person {
  id: string
  name: string
}

// branchOf founds a branch of three members who are in none yet, so that its last quarter is still to be evaluated.
async function branchOf(page: Page, who: string) {
  const get = await as(page, who)
  const village = (await get('/auth/me')).roles[0].region as string
  const name = `第${String(Date.now()).slice(-6)}支部`
  const branch = await get(`/villages/${village}/branches`, { name, secretary: '测试书记' })
  const taken = new Set(((await get(`/villages/${village}/party-members`)).items as { villager: string }[]).map((m) => m.villager))
  const houses = (await get(`/households?village=${village}&limit=60`)).items as { id: string }[]
  const members: Person[] = []
  for (const h of houses.reverse()) {
    const free = ((await get(`/households/${h.id}`)).members as Person[]).find((v) => !taken.has(v.id))
    if (free) members.push({ ...(await get('/party-members', { villager: free.id, branch: branch.id, class: 'ordinary' })), name: free.name })
    if (members.length === 3) break
  }
  return { get, village, name, branch: branch.id as string, members }
}

test('a quarter is evaluated from the self-reports to the publicity, returned and published again', async ({ page }) => {
  const { get, village, name, members } = await branchOf(page, 'cun-qgn')
  await page.goto('/admin/evaluations')
  await settled(page)
  await page.getByRole('row').filter({ hasText: name }).getByRole('button', { name: '开启考评' }).click()
  await page.getByRole('dialog').getByRole('button', { name: '开启', exact: true }).click()
  await expect(page.getByRole('heading', { name })).toBeVisible()
  await expect(page.getByText('还有 3 人没有自评')).toBeVisible()
  const id = page.url().split('/').pop()!

  // For a member without a phone.
  await page.getByRole('button', { name: `代填${members[0]!.name}的自评` }).click()
  await page.getByLabel('自评分').fill('88')
  await page.getByLabel('本人怎么说').fill('参加了两次义务劳动')
  await accessible(page)
  await page.getByRole('dialog').getByRole('button', { name: '保存' }).click()
  await expect(page.getByText('还有 2 人没有自评')).toBeVisible()
  await expect(page.getByRole('row').filter({ hasText: members[0]!.name })).toContainText('自评：参加了两次义务劳动')
  await page.getByRole('button', { name: '转入评议' }).click()
  await expect(page.getByRole('dialog')).toContainText('还有 2 人没有自评')
  await page.getByRole('dialog').getByRole('button', { name: '转入评议' }).click()

  // Two of the three first: it cannot be published yet.
  await page.getByRole('button', { name: '登记评议分' }).click()
  const sheet = page.getByRole('dialog')
  await sheet.getByLabel('哪次会议').fill('支部党员大会')
  await sheet.getByRole('spinbutton').first().fill('90')
  await page.keyboard.press('Enter')
  await page.keyboard.type('80')
  await accessible(page)
  await expect(sheet).toContainText('填了 2 人，共 3 人')
  await sheet.getByRole('button', { name: '保存' }).click()
  await expect(page.getByText('还有 1 人没有评议分')).toBeVisible()
  await expect(page.getByRole('button', { name: '公示', exact: true })).toBeDisabled()
  await page.getByRole('button', { name: '登记评议分' }).click()
  for (const m of members) await sheet.getByLabel(`${m.name}的评议分`).fill('85')
  await sheet.getByRole('button', { name: '保存' }).click()
  await expect(page.getByText('人没有评议分')).toHaveCount(0)

  // Total = score × 80 % + review × 20 %.
  const table = await get(`/evaluations/${id}`)
  for (const p of table.standing.ranked) expect(p.total).toBeCloseTo(p.score * 0.8 + 85 * 0.2, 2)
  await page.getByRole('button', { name: '公示', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: '公示' }).click()
  await expect(page.getByText('期满后才能关闭')).toBeVisible()
  await expect(page.getByRole('button', { name: '关闭考评' })).toBeDisabled()

  await page.getByRole('button', { name: '登记异议' }).click()
  await page.getByRole('dialog').getByLabel('谁提出的').fill('群众')
  await page.getByRole('dialog').getByLabel('内容').fill('评议分登记错了')
  await page.getByRole('dialog').getByLabel('处理结论').fill('核对会议记录，确实错了')
  await page.getByRole('dialog').getByText('成立', { exact: true }).click()
  await expect(page.locator('.el-message')).toHaveCount(0) // what was said about the step before lies behind the dialog
  await accessible(page)
  await page.getByRole('dialog').getByRole('button', { name: '登记', exact: true }).click()
  await expect(page.getByRole('cell', { name: /异议第 1 号/ })).toBeVisible()
  await page.getByRole('button', { name: '退回评议' }).click()
  await page.getByRole('dialog').getByRole('textbox').fill('改正评议分')
  await page.getByRole('dialog').getByRole('button', { name: '退回', exact: true }).click()
  await expect(page.getByRole('button', { name: '登记评议分' })).toBeVisible()
  await page.getByRole('button', { name: '公示', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: '公示' }).click()
  await expect(page.getByText('期满后才能关闭')).toBeVisible()
  const published = (await get(`/evaluations/${id}`)).evaluation
  expect(published.state).toBe('publicity')

  // What is put up carries the newest seal of that moment.
  const paper = await get(`/villages/${village}/seal?at=${encodeURIComponent(published.published_at)}`)
  await expect(page.getByText(`指纹 ${paper.seal.short}`)).toBeVisible()
  await page.goto(`/admin/print/evaluation/${id}`)
  await settled(page)
  const out = await pdf(page)
  expect(out.text).toContain(paper.seal.short)
  expect(out.text).toContain('公示时最近的一封')
})

test('a closed evaluation takes amendments only, prints as one sheet and comes as a workbook', async ({ page }) => {
  const get = await as(page, 'zhibu-xyx')
  const village = (await get('/auth/me')).roles[0].region as string
  const closed = ((await get(`/villages/${village}/evaluations`)).items as { id: string; state: string }[]).filter((e) => e.state === 'closed').pop()!
  await page.goto(`/admin/evaluations/${closed.id}`)
  await settled(page)
  await expect(page.getByText('结果不能再改')).toBeVisible()
  for (const gone of ['公示', '退回评议', '登记评议分', '关闭考评']) await expect(page.getByRole('button', { name: gone, exact: true })).toHaveCount(0)
  const before = await get(`/evaluations/${closed.id}`)
  const member = before.standing.ranked[1].member.name as string
  await page.getByRole('button', { name: '登记补正' }).click()
  const dialog = page.getByRole('dialog')
  await choose(page, '对谁的结果', page.getByRole('option', { name: member }).first())
  await dialog.getByLabel('谁提出的').fill('本人')
  await dialog.getByLabel('内容').fill('少算了一次义务劳动')
  await dialog.getByLabel('处理结论').fill('核实，应加 2 分')
  await dialog.getByText('成立', { exact: true }).click()
  await dialog.getByLabel('总分应加减多少').fill('2')
  await dialog.getByRole('button', { name: '登记', exact: true }).click()
  await expect(page.getByText(/成立，总分应为 \+2/).first()).toBeVisible()
  const after = await get(`/evaluations/${closed.id}`)
  expect(after.standing.ranked.map((p: { total: number }) => p.total)).toEqual(before.standing.ranked.map((p: { total: number }) => p.total))
  await expect(page.getByRole('row').filter({ hasText: member }).first()).toContainText('见补正第')

  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: '下载考核表' }).click()])
  expect(download.suggestedFilename()).toMatch(/党员积分考核表\.xlsx$/)
  expect(readFileSync(await download.path()).subarray(0, 2).toString()).toBe('PK')

  await page.getByRole('button', { name: '打印考核表' }).click()
  await expect(page.getByText('支部书记（签字）')).toBeVisible()
  const out = await pdf(page)
  expect(out.size).toMatch(/841.* x 59\d|842 x 595/)
  expect(out.text).toContain('党员积分考核表')
  expect(out.text).toContain(member)
  expect(out.text).toContain('支部书记（签字）')
  expect(out.text).toContain('补正第')
  expect(out.text).not.toContain('返回')
})

// The demo has one that was published in the first days of this quarter. Where those days are not over yet, it stays shut.
test('an evaluation whose days of publicity are over is closed on screen, and stays closed', async ({ page }) => {
  const get = await as(page, 'zhen')
  const town = ((await get('/regions')).items as { id: string; kind: string }[]).find((r) => r.kind === 'township')!.id
  const all = (await get(`/townships/${town}/evaluations?quarter=${lastQuarter()}`)).branches as { evaluation?: { id: string; state: string; public_until: string } }[]
  const open = all.find((b) => b.evaluation?.state === 'publicity')!.evaluation!
  const before = await get(`/evaluations/${open.id}`)
  for (const p of before.standing.ranked) expect(p.grade, p.member.name).toBeTruthy()
  await page.goto(`/admin/evaluations/${open.id}`)
  await settled(page)
  const close = page.getByRole('button', { name: '关闭考评' })
  if (today() <= open.public_until) return expect(close).toBeDisabled()
  await close.click()
  await expect(page.getByRole('dialog')).toContainText('关闭以后不能再开')
  await page.getByRole('dialog').getByRole('button', { name: '取消' }).click()
  await expect(page.getByRole('dialog')).toHaveCount(0)
  expect((await get(`/evaluations/${open.id}`)).evaluation.state).toBe('publicity')
  await close.click()
  await page.getByRole('dialog').getByRole('button', { name: '关闭考评' }).click()
  await expect(page.getByText('考评关闭了')).toBeVisible()
  await expect(page.getByText('结果不能再改')).toBeVisible()
  for (const gone of ['关闭考评', '退回评议', '登记评议分', '登记异议']) await expect(page.getByRole('button', { name: gone, exact: true })).toHaveCount(0)
  await expect(page.getByRole('button', { name: '登记补正' })).toBeVisible()
  await accessible(page)
  const after = await get(`/evaluations/${open.id}`)
  expect(after.evaluation.state).toBe('closed')
  expect(after.standing.ranked).toEqual(before.standing.ranked) // what was shown to everybody is what stands
  await page.goto('/admin/evaluations')
  await settled(page)
  await expect(page.getByRole('row').filter({ hasText: after.standing.branch.name }).first()).toContainText('关闭')
})

test('the township sees all its branches, a village only its own; the standard is the township’s', async ({ page, watch }) => {
  watch.expected = [/422/]
  await as(page, 'zhen')
  await page.goto('/admin/evaluations')
  await settled(page)
  for (const village of ['小渔溪村', '芷溪村', '千公牛村']) await expect(page.getByRole('row').filter({ hasText: village }).first()).toBeVisible()
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: '下载汇总表' }).click()])
  expect(download.suggestedFilename()).toMatch(/汇总表\.xlsx$/)
  await page.getByRole('button', { name: '等次标准' }).click()
  await expect(page.getByLabel('合格的分数线', { exact: true })).toBeVisible()
  await page.getByLabel('合格的分数线', { exact: true }).fill('95')
  await page.getByRole('dialog').getByRole('button', { name: '保存' }).click()
  await expect(page.getByRole('alert')).toContainText('分数线应依次降低')
  await accessible(page)

  await as(page, 'jiandu')
  await page.goto('/admin/evaluations')
  await settled(page)
  await expect(page.getByRole('button', { name: '开启考评' })).toHaveCount(0)

  await as(page, 'zhibu-zx')
  await page.goto('/admin/evaluations')
  await settled(page)
  await expect(page.getByRole('link', { name: '芷溪村党支部' })).toBeVisible()
  await expect(page.getByText('小渔溪村党支部')).toHaveCount(0)
  await page.getByRole('button', { name: '等次标准' }).click()
  await expect(page.getByRole('dialog')).toContainText('90 分及以上为优秀')
  await expect(page.getByRole('dialog').getByRole('button', { name: '保存' })).toHaveCount(0)
})
