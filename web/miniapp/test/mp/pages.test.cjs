// What is uploaded to WeChat, run: every page from answers of a server, taps, failures, the way from scan to receipt.
'use strict'
const assert = require('node:assert/strict')
const { test, beforeEach, after } = require('node:test')
const fs = require('node:fs')
const path = require('node:path')
const phone = require('./phone.cjs')
const world = require('./world.cjs')

const app = JSON.parse(fs.readFileSync(path.join(phone.dist, 'app.json'), 'utf8'))
const all = [...app.pages, ...app.subPackages.flatMap((s) => s.pages.map((p) => s.root + '/' + p))]

function be(audience) {
  phone.stored = audience ? { 'jishan.session': JSON.stringify(world.tokens(audience)) } : {}
  phone.routes = [...(audience === 'merchant' ? world.merchant : world.villager)]
  // What is kept in modules: as after a fresh start.
  const { session } = require(path.join(phone.dist, 'api/session.js'))
  session.tokens = audience ? world.tokens(audience) : null
}
const answer = (method, pattern, reply) => phone.routes.unshift([method, pattern, reply])
const sent = (method, part) => phone.asked.filter((a) => a.method === method && a.url.includes(part))
const refuse = (status, code, detail) => () => [status, { code, detail, title: '', type: '', status, request_id: 'r' }]

beforeEach(() => {
  Object.assign(phone, { asked: [], went: [], offline: false, scans: '', fontSize: 16 })
})
after(() => phone.close())

// One sentence or number that a page must show from the answers. A page of app.json that is not named here fails.
const shows = {
  'pages/home/home': ['689.5', '戴素燕家', '全村第 2 名', '考取大学专科', '新消息 1 条'],
  'pages/login/login': ['用微信进入', '用积分卡登录', '这是演示'],
  'pages/demo/demo': ['汇丰超市：罗汇丰', '戴素燕家'],
  'pages/bind/bind': ['第 1 步，共 3 步', '扫卡上的二维码'],
  'pages/statement/statement': ['+20 分', '吴萍的，之后有 689.5 分，第 7 号'],
  'pages/members/members': ['吴萍（母亲）', '205 分'],
  'pages/member/member': ['吴萍得的分', '考取大学专科'],
  'pages/board/board': ['我家第 2 名', '第 1 名 王*', '第 2 名 戴*燕（我家）', '升了 2 名'],
  'pages/rules/rules': ['院坝清扫干净', '+12 分', '每日最多1次'],
  'pages/goods/goods': ['汇丰超市', '县城建设路18号', '✓ 够换', '60 分'],
  'pages/code/code': ['戴素燕家', '689.5', '扫了不会马上扣分'],
  'pages/receipts/receipts': ['汇丰超市', '洗衣粉 × 2', '120 分'],
  'pages/receipt/receipt': ['小渔溪村账上第 88 号', '周小敏'],
  'pages/party/party': ['戴昌明', '还差 28 分', '支部第 3 名'],
  'pages/notices/notices': ['新 · 户卡有变动', '户卡密码已设置'],
  'pages/households/households': ['戴素燕家（正在看）', '82VH-BAB5'],
  'pages/settings/settings': ['字的大小', '退出登录'],
  'pages/pin/pin': ['已经设了密码', '退格'],
  'pkg-merchant/login/login': ['登录名'],
  'pkg-merchant/counter/counter': ['汇丰超市', '扫村民的码', '店员'],
  'pkg-merchant/card/card': ['请村民自己按户卡密码'],
  'pkg-merchant/pay/pay': ['戴*燕', '有 689.5 分', '洗衣粉', '请选商品'],
  'pkg-merchant/today/today': ['1 笔，共 120 分', '戴*燕', '村里付 12.00 元'],
  'pkg-merchant/receipt/receipt': ['退货', '周小敏'],
  'pkg-merchant/month/month': ['340.5', '村里应付 34.05 元'],
  'pkg-merchant/stock/stock': ['还有 3 袋，该补货了'],
  'pkg-merchant/product/product': ['洗衣粉', '−2，剩 3', '进货'],
  'pkg-merchant/clerks/clerks': ['周小敏', '登录名：dianyuan'],
  'pkg-merchant/password/password': ['新密码'],
}
const queries = {
  'pages/member/member': { id: 'p1', name: encodeURIComponent('吴萍') },
  'pages/receipt/receipt': { village: 'v1', number: '88' },
  'pkg-merchant/receipt/receipt': { village: 'v1', number: '88' },
  'pkg-merchant/product/product': { id: 'a' },
}

async function visit(p) {
  be(/login|demo/.test(p) ? null : p.startsWith('pkg-') ? 'merchant' : 'villager')
  if (p === 'pkg-merchant/pay/pay') require(path.join(phone.dist, 'lib/visit.js')).receive(world.identity)
  await phone.open(p, queries[p])
}

for (const p of all) {
  test('shows ' + p, async () => {
    await visit(p)
    for (const words of shows[p]) assert.ok(phone.text().includes(words), words + ' is missing: ' + phone.text())
    const k = /--k:([\d.]+)/.exec(phone.page.root.innerHTML)
    assert.equal(k && k[1], '1')
    await phone.tap('字再大一些')
    assert.match(phone.page.root.innerHTML, /--k:1\.4/)
    assert.ok(phone.text().includes('字小一些'))
    await phone.tap('字小一些')
  })
}

test('every page that reads says so when the network is away, and reads when it is back', async () => {
  for (const p of all) {
    phone.offline = true
    phone.asked = []
    await visit(p)
    if (!phone.asked.length || p === 'pages/login/login') continue
    assert.match(phone.text(), /网络不通/, p)
    assert.match(phone.text(), /再试一次/, p)
    phone.offline = false
    if (p === 'pages/code/code') continue // it tries again by itself
    await phone.tap('再试一次')
    assert.ok(phone.text().includes(shows[p][0]), p + ' did not come back: ' + phone.text())
  }
})

test('WeChat’s own size of type is followed', async () => {
  phone.fontSize = 24
  getApp().onShow({})
  be('villager')
  await phone.open('pages/home/home')
  assert.match(phone.page.root.innerHTML, /--k:1\.41/)
  phone.fontSize = 16
  getApp().onShow({})
})

test('a villager enters through WeChat', async () => {
  be(null)
  await phone.open('pages/login/login')
  await phone.tap('用微信进入')
  assert.deepEqual(sent('POST', '/auth/wechat')[0].body, { code: 'wx-code' })
  assert.deepEqual(phone.went, ['reLaunch /pages/home/home'])
})

test('somebody without a session is led to the log-in', async () => {
  be(null)
  await phone.open('pages/home/home')
  assert.deepEqual(phone.went, ['reLaunch /pages/login/login'])
})

test('a household is bound by its card in three steps', async () => {
  be('villager')
  await phone.open('pages/bind/bind')
  phone.scans = '82VHBAB5'
  await phone.tap('扫卡上的二维码')
  assert.ok(phone.text().includes('第 2 步'))
  await phone.type(0, '戴素燕')
  answer('POST', /\/my\/households$/, refuse(409, 'house.binding', '户码与姓名（或手机号）对不上'))
  await phone.tap('绑定')
  assert.ok(phone.text().includes('换家里另一个人'), phone.text())
  phone.routes.shift()
  await phone.tap('绑定')
  assert.deepEqual(sent('POST', '/my/households')[1].body, { house_code: '82VHBAB5', name_or_phone: '戴素燕' })
  assert.ok(phone.text().includes('绑定好了'))
  assert.ok(phone.text().includes('小渔溪村5组，戴素燕家'))
})

test('scan, choose, confirm, next', async () => {
  be('merchant')
  phone.scans = 'JSD1.CODE'
  await phone.open('pkg-merchant/counter/counter')
  await phone.tap('扫村民的码')
  assert.deepEqual(sent('POST', '/counter/identify')[0].body, { text: 'JSD1.CODE' })
  assert.deepEqual(phone.went, ['navigateTo /pkg-merchant/pay/pay'])
  await phone.open('pkg-merchant/pay/pay')
  await phone.tap('洗衣粉') // four taps from here
  await phone.tap('去确认')
  assert.ok(phone.text().includes('扣完还剩 629.5 分'), phone.text())
  await phone.tap('确认扣分')
  const [confirm] = sent('POST', '/counter/redemptions')
  assert.deepEqual(confirm.body, { ticket: 'JST1.x', total: 60, lines: [{ product: 'a', quantity: 1 }] })
  assert.match(confirm.header['Idempotency-Key'], /^[\w-]{8,}$/)
  assert.ok(phone.text().includes('✓ 兑换成功'))
  assert.equal(phone.stored['jishan.pending'], undefined)
  await phone.tap('下一位')
  assert.equal(phone.went.pop(), 'reLaunch /pkg-merchant/counter/counter')
})

test('a lost answer: the same key again, and the question after it', async () => {
  be('merchant')
  require(path.join(phone.dist, 'lib/visit.js')).receive(world.identity)
  await phone.open('pkg-merchant/pay/pay')
  await phone.tap('洗衣粉')
  await phone.tap('去确认')
  answer('POST', /\/counter\/redemptions/, () => [0])
  await phone.tap('确认扣分')
  assert.ok(phone.text().includes('不会多扣'))
  await phone.tap('确认扣分')
  const keys = sent('POST', '/counter/redemptions').map((a) => a.header['Idempotency-Key'])
  assert.equal(keys.length, 2)
  assert.equal(keys[0], keys[1])

  await phone.open('pkg-merchant/counter/counter') // the app was closed and opened again
  assert.ok(phone.text().includes('上一笔没有收到回答'))
  await phone.tap('查一查')
  assert.equal(sent('GET', '/counter/answers/')[0].url, '/api/v1/counter/answers/' + keys[0])
  assert.ok(phone.text().includes('上一笔成功了'))
  await phone.tap('知道了')
  assert.ok(!phone.text().includes('上一笔'))
  assert.equal(phone.stored['jishan.pending'], undefined)

  phone.stored['jishan.pending'] = JSON.stringify({ key: 'k-12345678', name: '戴*燕', total: 60 })
  await phone.open('pkg-merchant/counter/counter')
  answer('GET', /\/counter\/answers/, refuse(404, 'redeem.no_answer', '没有记账'))
  await phone.tap('查一查')
  assert.ok(phone.text().includes('上一笔没有扣成'))
})

test('what the village refuses is said and nothing is pending', async () => {
  be('merchant')
  require(path.join(phone.dist, 'lib/visit.js')).receive(world.identity)
  await phone.open('pkg-merchant/pay/pay')
  await phone.tap('洗衣粉')
  await phone.tap('去确认')
  answer('POST', /\/counter\/redemptions/, refuse(409, 'wallet.insufficient', '可用积分不足'))
  await phone.tap('确认扣分')
  assert.ok(phone.text().includes('可用积分不足'))
  assert.ok(phone.text().includes('去确认'))
  assert.equal(phone.stored['jishan.pending'], undefined)
})

test('a customer’s stock ends where the shelf ends', async () => {
  be('merchant')
  require(path.join(phone.dist, 'lib/visit.js')).receive(world.identity)
  await phone.open('pkg-merchant/pay/pay')
  for (let i = 0; i < 5; i++) await phone.tap('60 分一袋')
  assert.ok(phone.text().includes('洗衣粉 × 3'), phone.text())
})

test('house card and PIN', async () => {
  be('merchant')
  await phone.open('pkg-merchant/card/card')
  await phone.type(0, '82vh-bab5')
  for (const key of ['7', '4', '1', '2']) await phone.tap(key)
  answer('POST', /identify/, refuse(409, 'card.wrong_pin', '户卡密码不对，还可以试 2 次'))
  await phone.tap('下一步')
  assert.deepEqual(sent('POST', '/counter/identify')[0].body, { text: '82vh-bab5', pin: '7412' })
  assert.ok(phone.text().includes('还可以试 2 次'))
  assert.ok(phone.text().includes('请按数字'), 'the PIN is gone')
})

test('a refund', async () => {
  be('merchant')
  await phone.open('pkg-merchant/receipt/receipt', queries['pkg-merchant/receipt/receipt'])
  await phone.tap('退货')
  await phone.tap('村民不要了')
  await phone.tap('确定退货')
  assert.deepEqual(sent('POST', '/refund')[0].body, { reason: '村民不要了' })
  assert.ok(phone.text().includes('✓ 退好了'))
})
