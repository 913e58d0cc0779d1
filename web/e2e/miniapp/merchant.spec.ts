import { chromium, type Page } from '@playwright/test'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { as, button, enter, expect, go, household, pad, small, test, usual, type Home } from './base'

const clerk = { audience: 'merchant', login: 'huifeng-dianyuan' }
const owner = { audience: 'merchant', login: 'huifeng' }

const seen = (page: Page) => page.getByRole('img', { name: '兑换码' }).screenshot()

/** The villager's screen in front of a camera: frames of 640×480, one JPEG after the other, which is what Chromium plays. */
async function camera(page: Page, code: Buffer): Promise<string> {
  const desk = await page.context().newPage()
  await desk.setViewportSize({ width: 640, height: 480 })
  await desk.setContent(`<body style="margin:0;background:#8a8478;display:grid;place-items:center;height:480px"><img style="height:400px;transform:rotate(4deg)" src="data:image/png;base64,${code.toString('base64')}">`)
  const frame = await desk.screenshot({ type: 'jpeg', quality: 85, scale: 'css' })
  await desk.close()
  const file = join(mkdtempSync(join(tmpdir(), 'jishan-camera-')), 'feed.mjpeg')
  writeFileSync(file, Buffer.concat(Array(30).fill(frame)))
  return file
}

/** From the customer's page to the page with the confirm button: soap for 60 points. */
async function choose(page: Page) {
  await button(page, '加一袋洗衣粉').click()
  await button(page, '去确认').click()
  await expect(page.getByLabel('要扣：60分')).toBeVisible()
}

async function byCard(page: Page, home: Home, pin = home.pin) {
  await page.getByLabel('户码（卡上的 8 个字）').fill(home.code_text)
  await pad(page, pin)
  await button(page, '下一步').click()
}

async function balanceOf(request: Parameters<typeof as>[0], home: Home) {
  return (await (await as(request, { household: home.id })).get('/my/households/' + home.id + '/balance')).balance
}

for (const [i, size] of [usual, small].entries()) {
  test(`the merchant scans the code on the villager's screen with the camera (${size.width})`, async ({ phone, request, baseURL }) => {
    const home = await household(request, 7 + i)
    const villager = await phone({ size })
    await enter(villager, { household: home.id }, '/pages/code/code')
    await expect(villager.getByRole('img', { name: '兑换码' })).toBeVisible()
    const feed = await camera(villager, await seen(villager))

    const second = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--use-file-for-fake-video-capture=' + feed],
    })
    try {
      expect(baseURL).toMatch(/127\.0\.0\.1|localhost|^https/) // a camera needs a secure origin
      const shop = await phone({ browser: second, size })
      await enter(shop, clerk, '/pkg-merchant/counter/counter')
      await button(shop, '扫村民的码').click()
      await expect(shop.getByText('有 ' + home.balance + ' 分')).toBeVisible({ timeout: 20_000 })
      // Four taps from here to the next customer.
      await button(shop, '加一袋洗衣粉').click()
      await button(shop, '去确认').click()
      await button(shop, '确认扣分').click()
      await expect(shop.getByRole('alert')).toContainText('兑换成功')
      await expect(shop.getByText('还剩 ' + (home.balance - 60) + ' 分')).toBeVisible()
      await button(shop, '下一位').click()
      await expect(button(shop, '扫村民的码')).toBeVisible()
    } finally {
      await second.close()
    }

    // The villager's phone notices by itself, and shows what is left.
    await expect(villager.getByText('兑换成功')).toBeVisible({ timeout: 15_000 })
    await button(villager, '回首页看余额').click()
    await expect(villager.getByLabel('可以用的积分：' + (home.balance - 60) + '分')).toBeVisible()
    await expect(villager.getByText(/在汇丰超市兑换/)).toBeVisible()
    await go(villager, '/pages/receipts/receipts')
    await expect(villager.getByText('洗衣粉 × 1').first()).toBeVisible()
  })
}

test('the merchant reads the code from a photo, and takes points without goods', async ({ phone, request }) => {
  const home = await household(request, 9)
  const villager = await phone()
  await enter(villager, { household: home.id }, '/pages/code/code')
  const code = await seen(villager)
  const shop = await phone()
  await enter(shop, clerk, '/pkg-merchant/counter/counter')

  const blank = shop.waitForEvent('filechooser')
  await button(shop, '用照片识别').click()
  await (await blank).setFiles({ name: 'nothing.png', mimeType: 'image/png', buffer: await villager.screenshot({ clip: { x: 0, y: 0, width: 200, height: 50 } }) })
  await expect(shop.getByRole('alert')).toContainText('没有认出二维码')

  const chooser = shop.waitForEvent('filechooser')
  await button(shop, '用照片识别').click()
  await (await chooser).setFiles({ name: 'photo.png', mimeType: 'image/png', buffer: code })
  await expect(shop.getByText('有 ' + home.balance + ' 分')).toBeVisible()
  await points405(shop)
  await button(shop, '确认扣分').click()
  await expect(shop.getByRole('alert')).toContainText('兑换成功')
  expect(await balanceOf(request, home)).toBe(home.balance - 40.5)

  // The same code again is refused, with what to do.
  const again = shop.waitForEvent('filechooser')
  await button(shop, '下一位').click()
  await button(shop, '用照片识别').click()
  await (await again).setFiles({ name: 'photo.png', mimeType: 'image/png', buffer: code })
  await expect(shop.getByRole('alert')).toContainText('请让村民刷新')
})

/** Types 40.5 points. */
async function points405(shop: Page) {
  await shop.getByRole('radio', { name: '直接输积分' }).click()
  await pad(shop, '40.5')
  await expect(shop.getByText('约合 4.05 元')).toBeVisible()
  await button(shop, '去确认').click()
}

test('house card and PIN; three wrong PINs lock the card', async ({ phone, request }) => {
  const home = await household(request, 10)
  const shop = await phone({ size: small })
  await enter(shop, clerk, '/pkg-merchant/counter/counter')
  await button(shop, '没带手机').click()
  await byCard(shop, home)
  await choose(shop)
  await button(shop, '确认扣分').click()
  await expect(shop.getByRole('alert')).toContainText('兑换成功')
  await button(shop, '下一位').click()

  await button(shop, '没带手机').click()
  for (const text of ['不对', '不对', '锁']) {
    await byCard(shop, home, '1357')
    await expect(shop.getByRole('alert')).toContainText(text)
    await expect(shop.getByText('请按数字')).toBeVisible() // the PIN has to be typed anew
  }
  await byCard(shop, home)
  await expect(shop.getByRole('alert')).toContainText('村委会')
  expect(await balanceOf(request, home)).toBe(home.balance - 60)

  const villager = await phone({ size: small })
  await enter(villager, { household: home.id }, '/pages/pin/pin')
  await expect(villager.getByText('卡已锁定')).toBeVisible()
})

test('the network is cut between confirm and answer: pressed again, charged once', async ({ phone, request }) => {
  const home = await household(request, 11)
  const shop = await phone({ size: small })
  await enter(shop, clerk, '/pkg-merchant/card/card')
  await byCard(shop, home)
  await choose(shop)
  const keys: (string | undefined)[] = []
  await shop.route('**/counter/redemptions', async (r) => {
    keys.push(r.request().headers()['idempotency-key'])
    if (keys.length > 1) return r.continue()
    await r.fetch() // the server books it, the answer is lost
    await r.abort()
  })
  await button(shop, '确认扣分').click()
  await expect(shop.getByRole('alert')).toContainText('不会多扣')
  expect(await balanceOf(request, home)).toBe(home.balance - 60)
  await button(shop, '确认扣分').click()
  await expect(shop.getByRole('alert')).toContainText('兑换成功')
  expect(keys[0]).toBe(keys[1])
  expect(await balanceOf(request, home)).toBe(home.balance - 60)
})

test('the answer is lost and the page closed: the counter finds it again', async ({ phone, request }) => {
  const home = await household(request, 12)
  const shop = await phone()
  await enter(shop, clerk, '/pkg-merchant/card/card')
  await byCard(shop, home)
  await choose(shop)
  let reaches = true
  await shop.route('**/counter/redemptions', async (r) => {
    if (reaches) await r.fetch()
    await r.abort()
  })
  await button(shop, '确认扣分').click()
  await expect(shop.getByRole('alert')).toContainText('没有收到回答')
  await go(shop, '/pkg-merchant/counter/counter')
  await button(shop, '查一查').click()
  await expect(shop.getByRole('alert')).toContainText('上一笔成功了')
  await button(shop, '知道了').click()
  await expect(shop.getByText('上一笔')).toHaveCount(0)

  // And one that never reached the server.
  reaches = false
  await button(shop, '没带手机').click()
  await byCard(shop, home)
  await choose(shop)
  await button(shop, '确认扣分').click()
  await expect(shop.getByRole('alert')).toContainText('没有收到回答')
  await button(shop, '回收银台再查').click()
  await button(shop, '查一查').click()
  await expect(shop.getByRole('alert')).toContainText('没有扣成')
  expect(await balanceOf(request, home)).toBe(home.balance - 60)
})

test('a refund, from the list of today', async ({ phone, request }) => {
  const home = await household(request, 13)
  const shop = await phone({ size: small })
  await enter(shop, clerk, '/pkg-merchant/card/card')
  await byCard(shop, home)
  await choose(shop)
  await button(shop, '确认扣分').click()
  const number = /第 (\d+) 号/.exec((await shop.getByRole('alert').textContent())!)![1]
  await button(shop, '下一位').click()
  await button(shop, '今天的兑换').click()
  await button(shop, '看第' + number + '号，退货').click()
  await button(shop, '退货').click()
  await shop.getByRole('radio', { name: '点错了商品' }).click()
  await button(shop, '确定退货').click()
  await expect(shop.getByRole('alert')).toContainText('退好了')
  expect(await balanceOf(request, home)).toBe(home.balance)
  await button(shop, '返回').click()
  await expect(shop.getByText('已经退了').first()).toBeVisible()
})

test('the owner takes in stock, counts, and makes a clerk; the clerk may not', async ({ phone, request }) => {
  const shop = await phone()
  await enter(shop, owner, '/pkg-merchant/stock/stock')
  await button(shop, '改暖水瓶的库存和价格').click()
  const shown = shop.getByLabel(/^库存：\d+个$/)
  const before = Number(/(\d+)/.exec((await shown.getAttribute('aria-label'))!)![1])
  await pad(shop, '12')
  await button(shop, '加到库存里').click()
  await expect(shop.getByRole('alert')).toContainText('现在有 ' + (before + 12) + ' 个')
  await shop.getByRole('radio', { name: '盘点' }).click()
  await pad(shop, String(before))
  await button(shop, '把库存改成这个数').click()
  await expect(shop.getByLabel('库存：' + before + '个')).toBeVisible()
  await expect(shop.getByText('−12，剩 ' + before)).toBeVisible()

  await shop.getByRole('radio', { name: '出库' }).click()
  await pad(shop, '2')
  await shop.getByLabel('为什么出库').fill('摔破了')
  await button(shop, '从库存里减掉').click()
  await expect(shop.getByLabel('库存：' + (before - 2) + '个')).toBeVisible()
  await expect(shop.getByText('摔破了')).toBeVisible()

  const drawn = await shop.evaluate(() => {
    const c = document.createElement('canvas')
    c.width = 1300
    c.height = 1000
    c.getContext('2d')!.fillRect(200, 200, 600, 600)
    return c.toDataURL().split(',')[1]!
  })
  const shot = Buffer.from(drawn, 'base64')
  // The framework shows a picture as the background of an element.
  const address = () => shop.locator('.photo-large uni-image > div').evaluate((e) => /url\("(.*)"\)/.exec(e.style.backgroundImage)?.[1] ?? '')
  await expect.poll(address).toContain('/photo/')
  const former = await address()
  const chooser = shop.waitForEvent('filechooser')
  await button(shop, '换一张照片').click()
  await (await chooser).setFiles({ name: 'shot.png', mimeType: 'image/png', buffer: shot })
  await expect(shop.getByRole('alert')).toContainText('照片换好了')
  await expect.poll(address).not.toBe(former)
  const kept = await request.get(await address())
  expect(kept.headers()['content-type']).toBe('image/jpeg')
  expect(kept.headers()['cache-control']).toContain('immutable')
  const wrong = shop.waitForEvent('filechooser')
  await button(shop, '换一张照片').click()
  await (await wrong).setFiles({ name: 'shot.png', mimeType: 'image/png', buffer: Buffer.from('not a picture') })
  await expect(shop.getByText('只能上传 JPEG、PNG 或 WebP 图片')).toBeVisible()
  await button(shop, '去掉照片').click()
  await expect(shop.getByRole('alert')).toContainText('照片去掉了')
  await expect(shop.locator('.photo-large .photo-box')).toBeVisible()

  const login = 'clerk' + Date.now().toString(36)
  await go(shop, '/pkg-merchant/clerks/clerks')
  await shop.getByLabel('姓名').fill('新来的')
  await shop.getByLabel('登录名（小写字母和数字）').fill(login)
  await button(shop, '建账号').click()
  const card = shop.getByRole('alert')
  await expect(card).toContainText('只显示这一次')
  const password = (await card.locator('.clerk-secret').textContent())!.trim()

  const other = await phone({ size: small })
  await other.goto('/m/')
  await button(other, '我是商户').click()
  await other.getByLabel('登录名').fill(login)
  await other.getByLabel('密码').fill('wrong-one-1')
  await button(other, '登录').click()
  await expect(other.getByRole('alert')).toContainText('用户名或密码不对')
  await other.getByLabel('密码').fill(password)
  await button(other, '登录').click()
  await expect(other.getByText('先换掉初始密码')).toBeVisible()
  await other.getByLabel('原来的密码').fill(password)
  await other.getByLabel(/^新密码/).fill('new-secret-77')
  await other.getByLabel('再写一遍新密码').fill('new-secret-77')
  await button(other, '改密码').click()
  await expect(button(other, '扫村民的码')).toBeVisible()
  await expect(button(other, '店员')).toHaveCount(0)
  await button(other, '库存').click()
  await expect(other.getByText('暖水瓶')).toBeVisible()
  await expect(button(other, '上架新商品')).toHaveCount(0)

  await button(shop, '停用新来的').click()
  await expect(button(shop, '启用新来的')).toBeVisible()
  await go(other, '/pkg-merchant/counter/counter')
  await button(other, '今天的兑换').click()
  await button(other, '去登录').click()
  await expect(button(other, '我是商户')).toBeVisible()
})
