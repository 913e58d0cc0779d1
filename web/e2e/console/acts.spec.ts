// One act under several rules: groups in the rule editor, and what the desk says when two rules speak of the same act.
import type { Page } from '@playwright/test'
import { accessible, as, choose, expect, settled, test } from './base'

// addRule adds a rule of fixed points to the draft that is open.
async function addRule(page: Page, item: string, worth: number, group?: { name: string; fresh: boolean }) {
  await page.getByRole('button', { name: '增加一条' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('combobox', { name: '类别' }).pressSequentially('表彰')
  await page.keyboard.press('Tab') // what was typed counts, as in any other field
  await expect(dialog.getByText('表彰', { exact: true })).toBeVisible()
  await dialog.getByLabel('内容').fill(item)
  await dialog.getByLabel('多少分', { exact: true }).fill(String(worth))
  if (group) {
    await dialog.getByLabel('组名').fill(group.name)
    await expect(dialog.getByText(group.fresh ? '这一组里还没有别的条目' : '这一组里还有：')).toBeVisible()
    await choose(page, '在多长时间内只计最高', page.getByRole('option', { name: '每年', exact: true }))
    await accessible(page)
  }
  await dialog.getByRole('button', { name: '保存' }).click()
  await expect(dialog).toBeHidden()
  await expect(page.getByRole('row').filter({ hasText: item })).toBeVisible()
}

test('rules of one group, and rules that name one act, give the highest, and the desk says why', async ({ page }) => {
  const get = await as(page, 'cun-npz')
  const village = (await get('/auth/me')).roles[0].region as string
  const mark = String(Date.now()).slice(-5) // another book in every run
  const [school, county, joined, led] = [`校级优秀学生${mark}`, `区级优秀学生${mark}`, `参加植树${mark}`, `带头组织植树${mark}`]
  await page.goto('/admin/rules')
  await settled(page)
  await page.getByRole('button', { name: '新建细则' }).click()
  await page.getByRole('dialog').getByLabel('名称').fill(`表彰细则${mark}`)
  await page.getByRole('dialog').getByRole('button', { name: '新建', exact: true }).click()
  await expect(page.getByText('第 1 版草稿')).toBeVisible()
  await addRule(page, school, 10, { name: '优秀学生', fresh: true })
  await addRule(page, county, 20, { name: '优秀学生', fresh: false })
  await addRule(page, joined, 3)
  await addRule(page, led, 8)
  await expect(page.getByRole('row').filter({ hasText: county })).toContainText('取高组：优秀学生（同一年度只计最高的一条）')
  await expect(page.getByRole('row').filter({ hasText: joined })).not.toContainText('取高组')
  await page.getByRole('button', { name: '登记表决，生效' }).click()
  await page.getByRole('dialog').getByLabel('哪次会议').fill('村民代表会议')
  await page.getByRole('dialog').getByLabel('赞成票').fill('30')
  await page.getByRole('dialog').getByRole('button', { name: '登记', exact: true }).click()
  await expect(page.getByText('登记好了，到生效日就按这一版计分')).toBeVisible()

  // A new version without the group: the comparison says so.
  await page.goto('/admin/rules')
  await settled(page)
  const book = page.locator('section.card').filter({ hasText: `表彰细则${mark}` })
  await book.getByRole('button', { name: '改成新的一版' }).click()
  await page.getByRole('row').filter({ hasText: school }).getByRole('button', { name: '修改' }).click()
  await page.getByRole('dialog').getByLabel('组名').fill('')
  await page.getByRole('dialog').getByRole('button', { name: '保存' }).click()
  await expect(page.getByRole('row').filter({ hasText: school })).not.toContainText('取高组')
  await page.goto('/admin/rules')
  await settled(page)
  await book.getByRole('button', { name: '比较两版' }).click()
  await expect(page.getByText('1 处不同')).toBeVisible()
  await expect(page.getByRole('row').filter({ hasText: '取高组' })).toContainText('优秀学生（同一年度只计最高的一条）')

  const house = (await get(`/households?village=${village}&limit=200`)).items[30] as { code: string; id: string }
  await page.goto('/admin/award')
  await settled(page)
  const basket = page.getByRole('region', { name: '待记账' })
  const enter = async (item: string, lines: number, act = '') => {
    await page.keyboard.type(house.code)
    await page.keyboard.press('Enter')
    await expect(page.getByRole('combobox', { name: '细则条目' })).toBeFocused()
    if (act) await page.getByLabel('同一行为（可不填）').fill(act)
    await page.getByRole('combobox', { name: '细则条目' }).focus()
    await page.keyboard.type(item)
    await page.keyboard.press('Enter')
    await expect(page.getByRole('heading', { name: `待记账 ${lines} 条` })).toBeVisible()
  }
  const row = (item: string) => basket.getByRole('row').filter({ hasText: item })
  await enter(school, 1)
  await expect(page.getByText(`同组的还有：${county}（20）`)).toBeVisible()
  await expect(row(school)).toContainText('+10')
  await enter(county, 2)
  await expect(row(county)).toContainText(`同一件事已按「${school}」计 10，按最高的一条 20 补足`)
  await expect(row(county)).toContainText('补到最高')
  await enter(led, 3, `植树${mark}`)
  await enter(joined, 4)
  await expect(row(joined)).toContainText(`同一件事已按「${led}」计 8 分，只计最高的一条`)
  await expect(row(joined)).toContainText(`同一行为：植树${mark}`)
  await expect(row(joined)).toContainText('只计最高')
  await expect(row(joined)).toContainText('不记')
  await expect(basket).toContainText('合计 +28 分，其中 1 条记不上')
  await accessible(page)
  await page.keyboard.press('Control+Enter')
  await expect(page.getByText(/记好了 3 条，有 1 条没有记上/)).toBeVisible()
  await expect(page.getByLabel('同一行为（可不填）')).toHaveValue('') // the next batch is about something else

  // The name is offered for the next time, and stands with the award.
  await expect(page.locator('datalist#acts option').first()).toHaveAttribute('value', `植树${mark}`)
  await page.getByRole('button', { name: '清空' }).click()
  await page.goto('/admin/awards')
  await settled(page)
  await page.getByRole('row').filter({ hasText: led }).getByRole('button').first().click()
  await expect(page.getByRole('dialog')).toContainText(`植树${mark}`)
})
