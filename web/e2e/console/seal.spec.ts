// From a printed poster back to the village's book, as somebody who holds the paper.
import { as, expect, settled, test } from './base'
import { codesOn, pdf } from './paper'

for (const size of ['A4', 'A3']) {
  test(`a poster (${size}) carries the day seal, and leads to it`, async ({ page, baseURL }) => {
    const get = await as(page, 'cun-xyx')
    const village = (await get('/auth/me')).roles[0].region as string
    const paper = await get(`/villages/${village}/seal`)
    await page.goto(`/admin/print/board?scope=${village}&subject=household&period=&size=${size}`)
    await settled(page)
    let codes: string[] = []
    const out = await pdf(page, (file, dir) => (codes = codesOn(file, dir)))
    expect(codes).toEqual([paper.page])
    expect(out.text).toContain(paper.seal.short)
    expect(out.text).toContain(`第 ${paper.seal.first}—${paper.seal.last} 号`)
    const solid = out.text.replace(/\s/g, '')
    for (const part of [paper.page, paper.seal.hash, paper.seal.head, paper.seal.root]) expect(solid).toContain(part)

    // The page behind the code, wherever the server calls itself.
    const printed = /指纹\s+((?:[0-9a-f]{4} ){4}[0-9a-f]{4})/.exec(out.text)![1]!
    await page.goto(new URL(new URL(codes[0]!).pathname, baseURL).href)
    await expect(page.locator('#said')).toHaveText('已核对')
    await expect(page.locator('#f-short')).toHaveText(printed)
    const box = page.getByLabel(/公告上印的日封指纹/)
    await box.fill(printed.slice(0, 14))
    await expect(page.locator('#matches')).toContainText('还差 8 个字符')
    await box.fill(printed.toUpperCase().replace(/0/g, 'O'))
    await expect(page.locator('#matches')).toHaveText('与公告相同')
    await box.fill(printed.slice(0, -1) + (printed.endsWith('0') ? '1' : '0'))
    await expect(page.locator('#matches')).toHaveText('与公告不同！')

    // An old number, from its own seal to the printed one.
    await page.getByLabel('查哪一号是不是封在这里面').fill('3')
    await page.getByRole('button', { name: '查', exact: true }).click()
    await expect(page.locator('#said')).toHaveText('已核对')
    await expect(page.locator('#steps')).toContainText(`就是 ${paper.seal.day} 的日封`)
    await page.getByLabel(/公告上印的日封指纹/).fill(printed)
    await expect(page.locator('#matches')).toHaveText('与公告相同')
  })
}

test('a statement carries the day seal', async ({ page }) => {
  const get = await as(page, 'cun-xyx')
  const village = (await get('/auth/me')).roles[0].region as string
  const paper = await get(`/villages/${village}/seal`)
  const house = (await get(`/households?village=${village}&limit=1`)).items[0] as { id: string }
  await page.goto(`/admin/print/statement/${house.id}`)
  await settled(page)
  expect((await pdf(page)).text).toContain(paper.seal.short)
})
