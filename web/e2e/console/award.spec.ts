import { accessible, as, expect, login, settled, test } from './base'

interface House {
  id: string
  code: string
  head_name: string
  initials: string
}
interface Rule {
  id: string
  code: string
  item: string
  deducts: boolean
  spec: { shape: string; points: number; caps?: { per: string; times?: number }[] }
}

test('log in, look at the first screen, log out', async ({ page }) => {
  await page.goto('/admin/login')
  await settled(page)
  await accessible(page)
  await login(page, 'cun-xyx')
  await settled(page)
  await accessible(page)
  await page.getByRole('button', { name: '田宏' }).click()
  await page.getByText('退出登录').click()
  await expect(page.getByRole('button', { name: '登录', exact: true })).toBeVisible()
  await page.goto('/admin/households')
  await expect(page).toHaveURL(/login\?to=/)
})

test('a wrong password is refused in words', async ({ page, watch }) => {
  watch.expected = [/401/]
  await page.goto('/admin/login')
  await page.getByLabel('登录名').fill('cun-nobody')
  await page.getByLabel('密码', { exact: true }).fill('wrong-password')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('alert')).toContainText(/密码/)
})

// Five households by keyboard alone: not one click between opening the desk and the booked batch.
test('an officer awards five households without the mouse, sees the statement and undoes it', async ({ page }) => {
  const get = await as(page, 'cun-xyx')
  const village = (await get('/auth/me')).roles[0].region as string
  const houses = ((await get(`/households?village=${village}&limit=200`)).items as House[]).slice(40, 45)
  // A rule that gives all five points today, whatever earlier runs have booked.
  const rules = ((await get(`/villages/${village}/rules?subject=household`)).items as Rule[]).filter((r) => r.spec.shape === 'fixed' && !r.deducts)
  const preview = await get(`/villages/${village}/awards/preview`, { grants: rules.flatMap((r) => houses.map((h) => ({ rule: r.id, household: h.id }))) })
  const rule = rules.find((_, i) => houses.every((_h, k) => !preview.items[i * houses.length + k].failed))!
  await page.goto('/admin/award')
  await settled(page)
  await expect(page.getByRole('combobox', { name: '户或人' })).toBeFocused()
  const type = (text: string) => page.keyboard.type(text)
  for (const [i, h] of houses.entries()) {
    // Once by initials with a look at the list, else by code, straight on without waiting for any answer.
    if (i === 0) {
      await type(h.initials.toLowerCase())
      const list = page.getByRole('listbox', { name: '户或人' })
      await expect(list.getByRole('option').first()).toBeVisible()
      const names = await list.getByRole('option').allInnerTexts()
      const at = names.findIndex((n) => n.replace(/[\s·-]/g, '').includes(h.code))
      expect(at).toBeGreaterThanOrEqual(0)
      for (let n = 0; n < at; n++) await page.keyboard.press('ArrowDown')
      await page.keyboard.press('Enter')
      await expect(page.getByRole('combobox', { name: '细则条目' })).toBeFocused()
      await type(rule.item)
      await page.keyboard.press('Enter')
    } else {
      await type(h.code)
      await page.keyboard.press('Enter')
      await expect(page.getByRole('combobox', { name: '细则条目' })).toBeFocused()
      await page.keyboard.press('Enter') // the rule of the line before
    }
    await expect(page.getByRole('combobox', { name: '户或人' })).toBeFocused()
    await expect(page.getByRole('heading', { name: `待记账 ${i + 1} 条` })).toBeVisible()
  }
  const basket = page.getByRole('region', { name: '待记账' })
  for (const h of houses) await expect(basket).toContainText(h.head_name)
  await expect(basket.getByText(`+${rule.spec.points}`, { exact: true })).toHaveCount(5)
  await page.keyboard.press('Control+Enter')
  await expect(page.getByText('记好了 5 条')).toBeVisible()
  await expect(page.getByRole('combobox', { name: '户或人' })).toBeFocused()

  const done = page.getByRole('region', { name: '刚才记的' })
  await expect(done).toContainText('5 条')

  // The statement of the first shows it, with the balance after.
  await done.getByRole('link').first().click()
  const row = page.getByRole('row').filter({ hasText: rule.item }).first()
  await expect(row).toContainText(`+${rule.spec.points}`)
  await row.getByRole('button', { name: '撤销' }).click()
  await page.getByRole('dialog').getByRole('button', { name: '撤销', exact: true }).click()
  await expect(page.getByText(/第 \d+ 号已撤销/)).toBeVisible()
  await expect(page.getByRole('row').filter({ hasText: '撤销第' }).first()).toContainText(`−${rule.spec.points}`)
})

test('the desk says why something is refused, and undoes a batch by keyboard', async ({ page }) => {
  const get = await as(page, 'cun-xyx')
  const village = (await get('/auth/me')).roles[0].region as string
  const houses = ((await get(`/households?village=${village}&limit=200`)).items as House[]).slice(60, 100)
  const rules = (await get(`/villages/${village}/rules?subject=household`)).items as Rule[]
  const rule = rules.find((r) => !r.deducts && r.spec.shape === 'fixed' && r.spec.caps?.some((c) => c.times === 1))!
  const preview = await get(`/villages/${village}/awards/preview`, { grants: houses.map((h) => ({ rule: rule.id, household: h.id })) })
  const house = houses.find((_, i) => !preview.items[i].failed)!
  await page.goto('/admin/award')
  await settled(page)
  const enter = async (note: string) => {
    await page.keyboard.type(house.code)
    await page.keyboard.press('Enter')
    await expect(page.getByRole('combobox', { name: '细则条目' })).toBeFocused()
    await page.getByLabel('备注（可不填）').fill(note)
    await page.getByRole('combobox', { name: '细则条目' }).focus()
    await page.keyboard.type(rule.item)
    await page.keyboard.press('Enter')
    await expect(page.getByRole('combobox', { name: '户或人' })).toBeFocused()
  }
  await enter('第一次')
  await enter('第二次')
  const basket = page.getByRole('region', { name: '待记账' })
  await expect(basket.getByText('其中 1 条记不上')).toBeVisible()
  await page.keyboard.press('Control+Enter')
  await expect(page.getByText(/记好了 1 条，有 1 条没有记上/)).toBeVisible()
  await page.keyboard.press('Alt+z')
  await expect(page.getByRole('dialog')).toContainText('撤销这一批 1 条')
  await page.keyboard.press('Enter')
  await expect(page.getByText('撤销了 1 条')).toBeVisible()
})
