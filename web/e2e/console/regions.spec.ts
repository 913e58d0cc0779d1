import { accessible, as, expect, settled, test } from './base'

test('a group is added, renamed, refused while somebody lives there, closed and opened', async ({ page, watch }) => {
  watch.expected = [/422|409/]
  const get = await as(page, 'zhen')
  await page.goto('/admin/regions')
  await settled(page)
  const name = `新${String(Date.now()).slice(-5)}组`
  await page.getByRole('button', { name: '增加一组' }).click()
  await page.getByRole('dialog').getByLabel('名称').fill(name)
  await expect(page.getByRole('dialog').getByLabel('区划代码')).toHaveValue(/^\d{14}$/)
  await accessible(page)
  await page.getByRole('dialog').getByRole('button', { name: '保存' }).click()
  const row = page.getByRole('table', { name: '组' }).getByRole('row').filter({ hasText: name })
  await expect(row).toContainText('在用')
  await row.getByRole('button', { name: '改名' }).click()
  await page.getByRole('dialog').getByLabel('名称').fill(name + '甲')
  await page.getByRole('dialog').getByRole('button', { name: '保存' }).click()
  await expect(row).toContainText(name + '甲')

  const full = page.getByRole('table', { name: '组' }).getByRole('row').nth(1)
  await full.getByRole('button', { name: '撤销' }).click()
  await page.getByRole('dialog').getByRole('button', { name: '撤销', exact: true }).click()
  await expect(page.getByText(/还有 \d+ 户，请先把他们换到别的组/)).toBeVisible()

  await row.getByRole('button', { name: '撤销' }).click()
  await page.getByRole('dialog').getByRole('button', { name: '撤销', exact: true }).click()
  await expect(row).toContainText('已撤销')
  expect(((await get('/regions')).items as { name: string; closed: boolean }[]).find((r) => r.name === name + '甲')!.closed).toBe(true)
  // Nobody can be put there now.
  await page.goto('/admin/households')
  await settled(page)
  await page.getByRole('combobox', { name: '组' }).press('Enter')
  await expect(page.getByRole('option', { name: '全部组' })).toBeVisible()
  await expect(page.getByRole('option', { name: name + '甲' })).toHaveCount(0)

  await as(page, 'cun-xyx')
  await page.goto('/admin/regions')
  await settled(page)
  await expect(page.getByText('只有乡镇管理员能改')).toBeVisible()
  await expect(page.getByRole('button', { name: /增加|改名|撤销/ })).toHaveCount(0)
})
