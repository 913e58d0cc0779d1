import { accessible, as, choose, expect, settled, test } from './base'
import { pdf } from './paper'

test('an officer redeems for a household without a phone, by its code, and prints the receipt', async ({ page }) => {
  const get = await as(page, 'cun-jcp')
  const village = (await get('/auth/me')).roles[0].region as string
  const top = (await get(`/boards?scope=${village}&period=all`)).items[3] as { id: string; name: string }
  const house = await get(`/households/${top.id}`)
  const before = (await get(`/households/${top.id}/balance`)).balance as number
  await page.goto('/admin/proxy')
  await settled(page)
  await expect(page.getByRole('button', { name: '兑换', exact: true })).toBeDisabled()
  await page.getByRole('combobox', { name: '户', exact: true }).fill(house.code)
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('这一户')).toContainText(new Intl.NumberFormat('zh-CN').format(before))
  await choose(page, '商户', page.getByRole('option', { name: '汇丰超市' }))
  await page.getByLabel('查找商品').fill('洗洁精')
  const row = page.getByRole('row').filter({ hasText: '洗洁精' })
  await expect(page.getByRole('row')).toHaveCount(2)
  const price = Number(await row.getByRole('cell').nth(1).innerText())

  // More than there is: refused before it is tried.
  await row.getByRole('spinbutton').fill('9999')
  await row.getByRole('spinbutton').blur()
  await page.getByRole('button', { name: '老人不便出门，代为兑换' }).click()
  await expect(page.getByText(/可用积分不够/)).toBeVisible()
  await expect(page.getByRole('button', { name: '兑换', exact: true })).toBeDisabled()
  await row.getByRole('spinbutton').fill('2')
  await row.getByRole('spinbutton').blur()
  await accessible(page)
  await page.getByRole('button', { name: '兑换', exact: true }).click()
  await expect(page.getByRole('dialog')).toContainText(`洗洁精×2`)
  await page.getByRole('dialog').getByRole('button', { name: '兑换', exact: true }).click()

  await expect(page.getByRole('heading', { name: /积分兑换凭证/ })).toBeVisible()
  expect((await get(`/households/${top.id}/balance`)).balance).toBeCloseTo(before - 2 * price, 2)
  const out = await pdf(page)
  expect(out.pages).toBe(1)
  expect(out.text).toContain('洗洁精')
  expect(out.text).toContain('代办：老人不便出门，代为兑换')
  expect(out.text).toContain('领取人（签字）')
})

test('a free amount is taken only where the merchant gives it, and what the server refuses is said', async ({ page, watch }) => {
  watch.expected = [/422|409/]
  const get = await as(page, 'cun-jcp')
  const village = (await get('/auth/me')).roles[0].region as string
  const shops = (await get(`/villages/${village}/merchants`)).items as { name: string; free_amount: boolean }[]
  const top = (await get(`/boards?scope=${village}&period=all`)).items[4] as { id: string }
  const balance = (await get(`/households/${top.id}/balance`)).balance as number
  await page.goto(`/admin/proxy?household=${top.id}`)
  await settled(page)
  const shop = (name: string) => choose(page, '商户', page.getByRole('option', { name }))
  await shop(shops.find((s) => !s.free_amount)!.name)
  await expect(page.getByText('直接兑积分')).toHaveCount(0)
  await shop(shops.find((s) => s.free_amount)!.name)
  await page.getByText('直接兑积分').click()
  await page.getByLabel('兑多少积分').fill('10.5')
  await page.getByLabel('为什么代办').fill('家里没有手机')
  await page.route('**/api/v1/villages/*/redemptions', (route) => route.fulfill({ status: 422, contentType: 'application/problem+json', body: JSON.stringify({ status: 422, code: 'merchant.closed', detail: '这家商户已停业，不能兑换' }) }), { times: 1 })
  const confirm = async () => {
    await page.getByRole('main').getByRole('button', { name: '兑换', exact: true }).click()
    await page.getByRole('dialog').getByRole('button', { name: '兑换', exact: true }).click()
  }
  await confirm()
  await expect(page.getByRole('alert').filter({ hasText: '已停业' })).toBeVisible()
  await confirm()
  await expect(page.getByRole('heading', { name: /积分兑换凭证/ })).toBeVisible()
  expect((await get(`/households/${top.id}/balance`)).balance).toBeCloseTo(balance - 10.5, 2)

  await as(page, 'jiandu')
  await page.goto('/admin/proxy')
  await expect(page.getByRole('heading', { name: '您没有打开这个页面的权限' })).toBeVisible()
})
