import { accessible, as, choose, expect, settled, test } from './base'

interface Person {
  id: string
  name: string
  state: string
}
interface House {
  id: string
  code_text: string
  head_name: string
  head: string
  members: Person[]
}

// family is a household of the village with several people and some points, from a place on the board on.
async function family(get: (path: string) => Promise<any>, from: number): Promise<House> {
  const village = (await get('/auth/me')).roles[0].region as string
  const list = (await get(`/boards?scope=${village}&period=all&limit=100`)).items as { id: string }[]
  for (const { id } of list.slice(from)) {
    const h = (await get(`/households/${id}`)) as House
    if (h.members.filter((m) => m.state === 'here').length > 1 && (await get(`/households/${id}/balance`)).balance > 1) return h
  }
  throw new Error('no such household')
}

for (const width of [1440, 390]) {
  test(`a household splits, and the new one is merged back, at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 900 })
    const get = await as(page, 'cun-jcp')
    const h = await family(get, width === 390 ? 20 : 30)
    const before = (await get(`/households/${h.id}/balance`)).balance as number
    const living = h.members.filter((m) => m.state === 'here')
    const leaver = living.find((m) => m.id !== h.head)!
    await page.goto(`/admin/households/${h.id}`)
    await settled(page)

    await page.getByRole('button', { name: '分户', exact: true }).click()
    const dialog = page.getByRole('dialog')
    await expect(dialog.getByRole('button', { name: '预览' })).toBeDisabled()
    await dialog.getByText(leaver.name, { exact: false }).first().click()
    await dialog.getByRole('button', { name: /按人口/ }).click()
    await dialog.getByLabel('原因').fill('儿子结婚，另立一户')
    await accessible(page)
    await dialog.getByRole('button', { name: '预览' }).click()
    await expect(dialog.getByRole('group', { name: '预览' })).toContainText(leaver.name)
    await accessible(page)
    const share = Math.floor((Math.round(before * 100) * 1) / living.length) / 100
    await dialog.getByRole('button', { name: '确认分户' }).click()
    await expect(dialog.getByRole('status')).toContainText('分户办好了')
    await accessible(page)
    await dialog.getByRole('button', { name: '去看新户' }).click()
    await expect(page.getByRole('heading', { name: `${leaver.name}家` })).toBeVisible()
    await expect(page.getByRole('row').filter({ hasText: '转户' })).toBeVisible()
    expect((await get(`/households/${h.id}/balance`)).balance).toBeCloseTo(before - share, 2)

    // Back again: the new household is merged into the one that it came from, found by its code.
    await settled(page)
    const fresh = page.url().split('/').pop()!
    await page.getByRole('button', { name: '并入另一户' }).click()
    await dialog.getByRole('combobox', { name: '并入哪一户' }).fill(h.code_text)
    await dialog.getByRole('listbox', { name: '并入哪一户' }).getByRole('option').first().click()
    await expect(dialog.getByText(`并入 ${h.head_name} 家`)).toBeVisible()
    await choose(page, `${leaver.name}与新户主的关系`, page.getByRole('option', { name: '子', exact: true }))
    await dialog.getByLabel('原因', { exact: true }).fill('又搬回来住')
    await accessible(page)
    await dialog.getByRole('button', { name: '预览' }).click()
    await expect(dialog.getByRole('group', { name: '预览' })).toContainText(h.code_text)
    await accessible(page)
    await dialog.getByRole('button', { name: '确认并户' }).click()
    await expect(dialog.getByRole('status')).toContainText('并户办好了')
    await dialog.getByRole('button', { name: '留在本户' }).click()
    await expect(page.getByText('这一户已经并入')).toContainText(`${h.head_name}家（${h.code_text}）`)
    await expect(page.getByRole('button', { name: '分户', exact: true })).toHaveCount(0)
    await accessible(page)
    await page.getByRole('status').getByRole('link').click()
    await expect(page.getByRole('heading', { name: `${h.head_name}家` })).toBeVisible()
    expect((await get(`/households/${h.id}/balance`)).balance).toBeCloseTo(before, 2)
    expect((await get(`/households/${fresh}`)).members).toEqual([])

    // Both are in the history, and the last one can be undone.
    await page.getByRole('tab', { name: '分户、并户' }).click()
    const rows = page.getByRole('row').filter({ hasText: '又搬回来住' })
    await expect(rows).toHaveCount(1)
    await accessible(page)
    await rows.getByRole('button', { name: '撤销' }).click()
    await page.getByRole('dialog', { name: '撤销并户' }).getByRole('button', { name: '撤销', exact: true }).click()
    await expect(page.getByText('并户已撤销')).toBeVisible()
    await expect(rows).toContainText('已撤销')
    expect((await get(`/households/${fresh}/balance`)).balance).toBeCloseTo(share, 2)
  })
}

test('what cannot be done is refused with a reason, and who may only look has no buttons', async ({ page, watch }) => {
  watch.expected = [/422|409/]
  const get = await as(page, 'cun-jcp')
  const h = await family(get, 40)
  await page.goto(`/admin/households/${h.id}`)
  await settled(page)
  await page.getByRole('button', { name: '分户', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText(h.members.find((m) => m.state === 'here' && m.id !== h.head)!.name).click()
  await dialog.getByLabel('原因').fill('另立一户')
  await page.route('**/split/preview', (route) => route.fulfill({ status: 422, contentType: 'application/problem+json', body: JSON.stringify({ status: 422, code: 'household.merged', detail: '这户已经并入另一户，请到并入的那一户办理' }) }), { times: 1 })
  await dialog.getByRole('button', { name: '预览' }).click()
  await expect(dialog.getByRole('alert')).toContainText('已经并入另一户')

  await as(page, 'jiandu')
  await page.goto(`/admin/households/${h.id}`)
  await settled(page)
  await expect(page.getByRole('heading', { name: `${h.head_name}家` })).toBeVisible()
  await expect(page.getByRole('button', { name: '并入另一户' })).toHaveCount(0)
})
