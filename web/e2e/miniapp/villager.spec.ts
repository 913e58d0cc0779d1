import { button, enter, expect, go, household, small, test, usual } from './base'

for (const [i, size] of [usual, small].entries()) {
  test(`a villager logs in by card, binds a second household and looks around (${size.width})`, async ({ phone, request }) => {
    const home = await household(request, i)
    const parents = await household(request, 2 + i, 0)
    const page = await phone({ size })

    // In by card and PIN, as those do who have no WeChat.
    await page.goto('/m/')
    await expect(page.getByText('用积分卡登录')).toBeVisible()
    await page.getByLabel('户码（卡上的 8 个字）').fill(home.code_text)
    await page.getByLabel('户卡密码（4 到 6 位数字）').fill('1357')
    await button(page, '登录').click()
    await expect(page.getByRole('alert')).toContainText('密码不对')
    await page.getByLabel('户卡密码（4 到 6 位数字）').fill(home.pin)
    await button(page, '登录').click()
    const balance = page.getByLabel('可以用的积分：' + home.balance + '分')
    await expect(balance).toBeVisible()
    await expect(page.getByText(home.head_name + '家').first()).toBeVisible()

    // A second household, by its card, in three steps.
    await button(page, '我的户').click()
    await button(page, '再绑一户').click()
    await page.getByLabel('户码（8 个字）').fill(parents.code_text.toLowerCase())
    await button(page, '下一步').click()
    await expect(page.getByText('第 2 步，共 3 步')).toBeVisible()
    await page.getByLabel('姓名或手机号').fill('赵钱孙')
    await button(page, '绑定').click()
    await expect(page.getByRole('alert')).toContainText('换家里另一个人')
    await page.getByLabel('姓名或手机号').fill(parents.head_name)
    // On a busy machine the press may be taken before the field has handed its text on: then one presses again.
    await expect(async () => {
      await button(page, '绑定').click({ timeout: 2000 })
      await expect(page.getByText('绑定好了')).toBeVisible({ timeout: 3000 })
    }).toPass()
    await button(page, '看我家的积分').click()
    await expect(page.getByLabel('可以用的积分：' + parents.balance + '分')).toBeVisible()

    // Back to the first one; its statement, month by month.
    await button(page, '换一户看').click()
    await button(page, '看' + home.head_name + '家').click()
    await expect(balance).toBeVisible()
    await button(page, '看全部明细').click()
    await expect(page.getByText('2026年').or(page.getByText('年')).first()).toBeVisible()
    await expect(button(page, '下个月')).toHaveAttribute('aria-disabled', 'true')
    let lines = 0
    for (let month = 0; month < 12 && !lines; month++) {
      await button(page, '上个月').click()
      await expect(page.getByText('得到')).toBeVisible()
      await page.waitForLoadState('networkidle')
      lines = await page.getByText(/之后有 [\d.]+ 分，第 \d+ 号/).count()
    }
    expect(lines).toBeGreaterThan(0)

    // The board opens where I am; this year's has few on it when the year is new.
    await button(page, '返回').click()
    await button(page, '看积分榜').click()
    await button(page, '看别的榜').click()
    await page.getByRole('radio', { name: '从开始到现在' }).click()
    await button(page, '收起').click()
    await expect(page.getByText(/^我家第 \d+ 名$/)).toBeVisible()
    await expect(page.getByText(/（我家）/)).toBeInViewport()
    await button(page, '看别的榜').click()
    await page.getByRole('radio', { name: '我的组' }).click()
    await expect(page.getByText(/^我家第 \d+ 名$/)).toBeVisible()
    await button(page, '从第一名看起').click()
    await expect(page.getByText(/^第 1 名/).first()).toBeVisible()

    // The rule book answers to words and to initials.
    await go(page, '/pages/rules/rules')
    await page.getByLabel(/想查什么/).fill('院')
    await expect(page.getByRole('status')).toContainText('找到')
    await expect(page.getByText(/院/).nth(1)).toBeVisible()
    await page.getByLabel(/想查什么/).fill('zyfw')
    await expect(page.getByText(/志愿服务/).first()).toBeVisible()
    await page.getByLabel(/想查什么/).fill('没有这样的事')
    await expect(page.getByText('没有找到')).toBeVisible()

    // Goods, in reach or not, and where.
    await go(page, '/pages/goods/goods')
    await expect(page.getByText('汇丰超市')).toBeVisible()
    await expect(page.getByText(/✓ 够换/).first()).toBeVisible()
    await page.getByRole('radio', { name: '够换的' }).click()
    await expect(page.getByText(/还差/)).toHaveCount(0)
  })
}

test('the code is large and renews itself, also after the network was away', async ({ phone, request }) => {
  const home = await household(request, 4)
  const page = await phone({ size: small })
  await page.clock.install()
  let codes = 0
  let cut = false
  await page.route('**/code', async (r) => {
    if (cut) return r.abort()
    codes++
    await r.continue()
  })
  await enter(page, { household: home.id }, '/pages/code/code')
  const picture = page.getByRole('img', { name: '兑换码' })
  await expect(picture).toBeVisible()
  const box = (await picture.boundingBox())!
  expect(Math.min(box.width, box.height)).toBeGreaterThanOrEqual(280)
  const first = await picture.getAttribute('style')
  await page.clock.fastForward(70_000)
  await expect.poll(() => codes).toBe(2)
  await expect.poll(() => picture.getAttribute('style')).not.toBe(first)

  cut = true
  await page.clock.fastForward(70_000)
  await expect(page.getByRole('alert')).toContainText('网络不通')
  await expect(picture).toHaveCount(0)
  cut = false
  await page.clock.fastForward(4_000)
  await expect(picture).toBeVisible()
  await expect(page.getByRole('alert')).toHaveCount(0)
})

test('somebody whose log-in has ended is led back to the door', async ({ phone, request }) => {
  const home = await household(request, 5, 0)
  const page = await phone()
  await enter(page, { household: home.id }, '/pages/home/home')
  await expect(page.getByText('可以用的积分')).toBeVisible()
  await page.evaluate(() => {
    const kept = JSON.parse(localStorage.getItem('jishan.session')!)
    kept.data.access_token = 'no.such.token'
    kept.data.refresh_token = 'neither'
    localStorage.setItem('jishan.session', JSON.stringify(kept))
  })
  await go(page, '/pages/statement/statement')
  await button(page, '去登录').click()
  await expect(page.getByText('用积分卡登录')).toBeVisible()
})

test('the first screen is there within a second', async ({ phone, request }) => {
  const home = await household(request, 6, 0)
  const page = await phone()
  await enter(page, { household: home.id }, '/pages/home/home')
  const took: number[] = []
  for (let i = 0; i < 5; i++) {
    await go(page, '/pages/home/home')
    await page.getByText('可以用的积分').waitFor()
    took.push(await page.evaluate(() => performance.now()))
  }
  expect(Math.min(...took)).toBeLessThan(1000) // the fastest: other tests run beside this one
})
