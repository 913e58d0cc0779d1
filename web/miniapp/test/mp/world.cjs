// Answers of a server, in the shapes of docs/openapi.json, for the pages of the mini-program.
'use strict'

const at = '2026-11-20T08:00:00.000Z'
const house = {
  id: 'h1', village: 'v1', group: 'g1', code: '82VHBAB5', code_text: '82VH-BAB5', head: 'p1', head_name: '戴素燕', initials: 'dsy', address: '5组5号',
  state: 'here', village_name: '小渔溪村', group_name: '5组', township: 't1', county: 'c1', balance: 689.5, bound_at: at,
}
const limits = { min: 10, step: 0, month_cap: 0, month_used: 0, card_day_cap: 0, card_day_used: 0, days: '', open_today: true, spendable: 689.5 }
const receipt = {
  village: 'v1', village_name: '小渔溪村', number: 88, at, day: '2026-11-20', household: 'h1', house_code: '82VH-BAB5', name: '戴*燕', merchant: 'm1',
  merchant_name: '汇丰超市', way: 'code', way_name: '兑换码', lines: [{ product: 'a', name: '洗衣粉', price: 60, quantity: 2, points: 120 }], points: 120, yuan: 12,
  balance: 569.5, state: 'confirmed', actor_name: '周小敏',
}
const line = { village: 'v1', number: 7, kind: 'award', kind_name: '加分', day: '2026-11-20', at: new Date().toISOString(), amount: 20, balance: 689.5, score: 20, person: 'p2', person_name: '吴萍', reason: '考取大学专科：+20' }
const product = { id: 'a', merchant: 'm1', merchant_name: '汇丰超市', name: '洗衣粉', initials: 'xyf', unit: '袋', price: 60, stock: 3, low_stock: 5, low: true, photo: '', state: 'on', updated_at: at }
const rate = { points: 10, yuan: 1 }
const tokens = (audience) => ({
  access_token: 'a', access_expires_at: '2099-01-01T00:00:00Z', refresh_token: 'r', refresh_expires_at: '2099-01-01T00:00:00Z', audience, name: '甲', must_change: false, session: 's', user: 'u',
})
const page = (...items) => ({ items })
const row = (rank, id, name, score, mine) => ({ rank, id, name, score, mine, village: 'v1', village_name: '小渔溪村', group_name: '5组', trend: 'up', by: 2 })
const board = { found: true, items: [row(1, 'h0', '王*', 80), row(2, 'h1', '戴*燕', 65, true)], period: '2026-11', period_name: '2026年11月', scope: 'v1', scope_kind: 'village', scope_name: '小渔溪村', source: 'redis', subject: 'household', total: 191 }

const villager = [
  ['GET', /^\/api\/v1\/my\/households$/, page(house)],
  ['POST', /^\/api\/v1\/my\/households$/, page(house)],
  ['GET', /\/h1\/balance/, { household: 'h1', balance: 689.5, expiring: [], scores: [] }],
  ['GET', /\/h1\/statement/, page(line)],
  ['GET', /\/p1\/statement|\/party\/b1\/statement/, page(line)],
  ['GET', /\/h1\/members/, page({ id: 'p2', village: 'v1', household: 'h1', name: '吴萍', initials: 'wp', relation: '母亲', gender: 'female', phone_tail: '', state: 'here', score: 205 })],
  ['GET', /\/boards\/around/, board],
  ['GET', /\/boards\/periods/, { subjects: ['household'], current: [{ period: '2026-11', name: '2026年11月' }, { period: '2026', name: '2026年' }], kept: [] }],
  ['GET', /\/boards\?/, board],
  ['GET', /\/h1\/rules/, page({ id: 'r1', version: 'v', book: 'b', asset: 'points', code: '003', category: '美丽庭院', item: '院坝清扫干净', subject: 'household', deducts: false, caps_text: '每日最多1次', spec: { shape: 'fixed', points: 12, unit: '每次' } })],
  ['GET', /\/h1\/limits/, limits],
  ['GET', /\/h1\/merchants/, page({ id: 'm1', name: '汇丰超市', code: 'HF', initials: 'hf', address: '县城建设路18号', phone: '0799-6600123', free_amount: true, rate, region: 'c1', state: 'open', created_at: at, updated_at: at })],
  ['GET', /\/h1\/goods/, page(product)],
  ['GET', /\/h1\/code/, { text: 'JSD1.D6IQ2EE4OYQ3A2YGWABVKOXFVOLAWK6R46KWKQZLY4VCV4OKVKVPJKY', expires_at: '2099-01-01T00:00:00Z' }],
  ['GET', /\/h1\/redemptions/, page(receipt)],
  ['GET', /\/my\/redemptions\/v1\/88/, receipt],
  ['GET', /\/h1\/party/, page({ average: 70, awarded: 12, base: 60, branch: { id: 'z', name: '一支部', members: 9, secretary: '向明义', village: 'v1' }, goal: 100, member: { id: 'b1', name: '戴昌明', class_name: '普通党员', class: 'ordinary', active: true, branch: 'z', initials: 'dcm', village: 'v1', villager: 'p3' }, progress: 72, quarter: '2026-Q4', rank: 3, ranked: 9, score: 72 })],
  ['GET', /\/h1\/notices/, { items: [{ id: 'n1', kind: 'card', title: '户卡有变动', body: '户卡密码已设置', created_at: at }], unread: 1 }],
  ['POST', /\/h1\/notices\/read/, null],
  ['GET', /\/h1\/card/, { household: 'h1', house_code: '82VH-BAB5', head_name: '戴素燕', has_pin: true, locked: false, failures: 0, payload: 'JSC1', qr: '', serial: 1, village: 'v1' }],
  ['PUT', /\/h1\/pin/, { household: 'h1' }],
  ['GET', /\/auth\/demo/, { households: [house], users: [{ audience: 'merchant', login: 'huifeng', name: '罗汇丰', roles: [{ role: 'owner', role_name: '商户负责人', merchant: 'm1', merchant_name: '汇丰超市' }] }] }],
  ['POST', /\/auth\/(demo|wechat|card)/, tokens('villager')],
]

const identity = { household: 'h1', village: 'v1', village_name: '小渔溪村', house_code: '82VH-BAB5', name: '戴*燕', way: 'code', balance: 689.5, limits, rate, free_amount: true, ticket: 'JST1.x', expires_at: '2099-01-01T00:00:00Z' }

const merchant = [
  ['GET', /\/auth\/me/, { id: 'u', audience: 'merchant', login: 'huifeng', name: '罗汇丰', must_change: false, households: [], roles: [{ role: 'owner', role_name: '商户负责人', merchant: 'm1', merchant_name: '汇丰超市' }], permissions: ['clerk.write', 'product.write', 'redeem.counter', 'redeem.refund', 'redeem.read', 'merchant.read'] }],
  ['POST', /\/counter\/identify/, identity],
  ['GET', /\/merchants\/m1\/products/, page(product)],
  ['POST', /\/counter\/redemptions/, receipt],
  ['GET', /\/counter\/redemptions/, page(receipt)],
  ['GET', /\/counter\/answers\//, receipt],
  ['GET', /\/redemptions\/v1\/88/, receipt],
  ['POST', /\/redemptions\/v1\/88\/refund/, { ...receipt, state: 'refunded', refund_number: 90 }],
  ['GET', /\/merchants\/m1\/totals/, page({ merchant: 'm1', merchant_name: '汇丰超市', village: 'v1', village_name: '小渔溪村', month: '2026-11', count: 3, points: 340.5, yuan: 34.05, refunded_count: 1, refunded_points: 20, refunded_yuan: 2 })],
  ['GET', /\/products\/a\/moves/, page({ id: 'x', at, delta: -2, kind: 'sold', note: '', stock: 3 })],
  ['POST', /\/products\/a\/stock/, { ...product, stock: 10 }],
  ['GET', /\/merchants\/m1\/clerks/, page({ id: 'k', audience: 'merchant', login: 'dianyuan', name: '周小敏', disabled: false, must_change: false, created_at: at, roles: [{ role: 'clerk', role_name: '店员', merchant: 'm1' }] })],
  ['POST', /\/auth\/login/, tokens('merchant')],
]

module.exports = { villager, merchant, tokens, receipt, identity, house }
