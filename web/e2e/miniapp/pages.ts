// Every page of the mini-program, and how to come to see it with something on it.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { APIRequestContext, Page } from '@playwright/test'
import { as, button, enter, expect, go, household, pad, type Home } from './base'

export interface World {
  home: Home
  receipt: { village: string; number: number }
  member: { id: string; name: string }
  party: string // a household with a party member
  product: string
}

const owner = { audience: 'merchant', login: 'huifeng' }

/** The people and things that the pages show; `number` as for household. */
export async function world(request: APIRequestContext, number: number): Promise<World> {
  const home = await household(request, number)
  const own = await as(request, { household: home.id })
  const shop = await as(request, owner)
  const officer = await as(request, { audience: 'officer', login: 'cun-xyx' })
  const merchant = (await shop.get('/auth/me')).roles[0].merchant
  const products = (await shop.get('/merchants/' + merchant + '/products?limit=20')).items
  const soap = products.find((p: { name: string }) => p.name === '洗衣粉')
  const receipt = await shop.send('POST', '/counter/redemptions', { text: home.code_text, pin: home.pin, lines: [{ product: soap.id, quantity: 1 }] })
  const members = (await own.get('/my/households/' + home.id + '/members')).items
  const comrade = (await officer.get('/villages/' + home.village + '/party-members?limit=1')).items[0]
  const found = (await officer.get('/households?limit=50&village=' + home.village + '&q=' + encodeURIComponent(comrade.name))).items
  let party = ''
  for (const h of found) {
    const there = (await officer.get('/households/' + h.id)).members.some((m: { id: string }) => m.id === comrade.villager)
    if (there) party = h.id
  }
  expect(party).not.toBe('')
  return { home, receipt, member: members[0], party, product: soap.id }
}

export interface Screen {
  name: string
  show: (page: Page, w: World) => Promise<void>
}

const read = (page: Page) => page.waitForLoadState('networkidle')

const villager = (name: string, query: (w: World) => string = () => ''): Screen => ({
  name,
  show: async (page, w) => {
    await enter(page, { household: name === 'party' ? w.party : w.home.id }, `/pages/${name}/${name}${query(w)}`)
    await read(page)
  },
})

const merchant = (name: string, query: (w: World) => string = () => ''): Screen => ({
  name: 'merchant-' + name,
  show: async (page, w) => {
    await enter(page, owner, `/pkg-merchant/${name}/${name}${query(w)}`)
    await read(page)
  },
})

const nobody = (name: string, path: string): Screen => ({
  name,
  show: async (page) => {
    await go(page, path)
    await read(page)
  },
})

async function pay(page: Page, w: World) {
  await enter(page, owner, '/pkg-merchant/card/card')
  await page.getByLabel('户码（卡上的 8 个字）').fill(w.home.code_text)
  await pad(page, w.home.pin)
  await button(page, '下一步').click()
  await button(page, '加一袋洗衣粉').click()
}

export const screens: Screen[] = [
  nobody('login', '/pages/login/login'),
  nobody('demo', '/pages/demo/demo'),
  villager('home'),
  villager('bind'),
  villager('statement'),
  villager('members'),
  villager('member', (w) => '?id=' + w.member.id + '&name=' + encodeURIComponent(w.member.name)),
  villager('board'),
  villager('rules'),
  villager('goods'),
  villager('code'),
  villager('receipts'),
  villager('receipt', (w) => '?village=' + w.receipt.village + '&number=' + w.receipt.number),
  villager('party'),
  villager('notices'),
  villager('households'),
  villager('settings'),
  villager('pin'),
  nobody('merchant-login', '/pkg-merchant/login/login'),
  merchant('counter'),
  merchant('card'),
  { name: 'merchant-pay', show: pay },
  {
    name: 'merchant-pay-confirm',
    show: async (page, w) => {
      await pay(page, w)
      await button(page, '去确认').click()
      await expect(button(page, '确认扣分')).toBeVisible()
    },
  },
  {
    name: 'merchant-pay-done',
    show: async (page, w) => {
      await pay(page, w)
      await page.getByRole('radio', { name: '直接输积分' }).click()
      await pad(page, '10')
      await button(page, '去确认').click()
      await button(page, '确认扣分').click()
      await expect(page.getByText('✓ 兑换成功')).toBeVisible()
    },
  },
  {
    name: 'offline',
    show: async (page, w) => {
      await enter(page, { household: w.home.id }, '/pages/home/home')
      await read(page)
      await page.route('**/api/**', (r) => r.abort())
      await button(page, '看全部明细').click()
      await expect(page.getByText('网络不通')).toBeVisible()
    },
  },
  merchant('today'),
  merchant('receipt', (w) => '?village=' + w.receipt.village + '&number=' + w.receipt.number),
  merchant('month'),
  merchant('stock'),
  merchant('product', (w) => '?id=' + w.product),
  merchant('clerks'),
  merchant('password'),
]

// A page of the mini-program that is not looked at is a mistake.
const manifest = readFileSync(fileURLToPath(new URL('../../miniapp/src/pages.json', import.meta.url)), 'utf8')
for (const [, root, name] of manifest.matchAll(/"path": "(pages\/)?(\w+)\/\2"|"path": "(pages\/)?(\w+)\/\w+"/g)) {
  const wanted = root ? name : 'merchant-' + name
  if (!screens.some((s) => s.name === wanted)) throw new Error('pages.ts does not show ' + wanted)
}
