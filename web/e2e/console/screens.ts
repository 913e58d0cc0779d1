// Every screen of the console, with who looks at it and how to get there; for accessibility and for pictures.
import type { Page } from '@playwright/test'
import { lastQuarter, month } from '../calendar'
import { as, choose } from './base'

export interface Places {
  village: string
  household: string
  version: string
  versions: string
  merchant: string
  member: string
  evaluation: string
  evaluationOpen: string
  receipt: string // village and number
}

export interface Screen {
  name: string
  who: string
  path: (p: Places) => string
  act?: (page: Page) => Promise<void> // what to do there before looking
}

const officer = 'cun-xyx'

export const screens: Screen[] = [
  { name: 'home', who: officer, path: () => '/' },
  { name: 'home-secretary', who: 'zhibu-xyx', path: () => '/' },
  {
    name: 'award',
    who: officer,
    path: () => '/award',
    act: async (page) => {
      for (const name of ['龙', '彭', '田']) {
        await page.getByRole('combobox', { name: '户或人' }).fill(name)
        await page.getByRole('listbox', { name: '户或人' }).getByRole('option').filter({ hasText: name }).first().click()
        await page.getByRole('combobox', { name: '细则条目' }).fill('院坝清扫')
        await page.getByRole('listbox', { name: '细则条目' }).getByRole('option').filter({ hasText: '院坝清扫' }).first().click()
        await page.getByRole('region', { name: '待记账' }).getByText(/合计/).waitFor()
      }
      await page.getByRole('combobox', { name: '户或人' }).fill('w')
      await page.getByRole('listbox', { name: '户或人' }).getByRole('option').first().waitFor()
    },
  },
  {
    name: 'award-act',
    who: officer,
    path: () => '/award',
    act: async (page) => {
      await page.getByLabel('同一行为（可不填）').fill('月末卫生检查')
      for (const rule of ['分类桶用得对', '院坝清扫']) {
        await page.getByRole('combobox', { name: '户或人' }).fill('田')
        await page.getByRole('listbox', { name: '户或人' }).getByRole('option').filter({ hasText: '田' }).first().click()
        await page.getByRole('combobox', { name: '细则条目' }).fill(rule)
        await page.getByRole('listbox', { name: '细则条目' }).getByRole('option').filter({ hasText: rule }).first().click()
        await page.getByRole('region', { name: '待记账' }).getByText(/合计/).waitFor()
      }
      await page.getByText('补到最高').waitFor() // with the answer to the second line
    },
  },
  {
    name: 'award-bulk',
    who: officer,
    path: () => '/award',
    act: async (page) => {
      await page.getByRole('combobox', { name: '细则条目' }).fill('院坝清扫')
      await page.getByRole('listbox', { name: '细则条目' }).getByRole('option').filter({ hasText: '院坝清扫' }).first().click()
      await page.getByRole('button', { name: '成批加分' }).click()
      await page.getByRole('tab', { name: '按组选' }).click()
      await page.getByRole('button', { name: '列出这些户' }).click()
      await page.getByText(/选了 \d+ 户/).waitFor()
    },
  },
  { name: 'awards', who: officer, path: () => '/awards' },
  { name: 'boards', who: officer, path: () => '/boards' },
  { name: 'households', who: officer, path: () => '/households' },
  { name: 'households-empty', who: officer, path: () => '/households?q=没有这样的人' },
  { name: 'household', who: officer, path: (p) => `/households/${p.household}` },
  { name: 'household-members', who: officer, path: (p) => `/households/${p.household}`, act: (page) => page.getByRole('tab', { name: '家庭成员' }).click() },
  { name: 'household-card', who: officer, path: (p) => `/households/${p.household}`, act: (page) => page.getByRole('tab', { name: '户卡' }).click() },
  {
    name: 'household-split',
    who: officer,
    path: (p) => `/households/${p.household}`,
    act: async (page) => {
      await page.getByRole('button', { name: '分户', exact: true }).click()
      await page.getByRole('dialog').locator('.el-checkbox').last().click()
      await page.getByRole('button', { name: /按人口/ }).click()
      await page.getByLabel('原因').fill('儿子结婚，另立一户')
    },
  },
  {
    name: 'household-merge',
    who: officer,
    path: (p) => `/households/${p.household}`,
    act: async (page) => {
      await page.getByRole('button', { name: '并入另一户' }).click()
      await page.getByRole('combobox', { name: '并入哪一户' }).fill('彭')
      await page.getByRole('listbox', { name: '并入哪一户' }).getByRole('option').first().click()
      await page.getByLabel('原因', { exact: true }).fill('老人并到儿子家')
      await page.getByRole('button', { name: '预览' }).click()
      await page.getByRole('group', { name: '预览' }).waitFor()
    },
  },
  { name: 'grids', who: officer, path: () => '/grids' },
  { name: 'roster', who: officer, path: () => '/roster' },
  { name: 'cards', who: officer, path: () => '/cards' },
  { name: 'rule-trial', who: officer, path: (p) => `/rules/${p.version}/trial`, act: async (page) => { await page.getByText(/次加减分，/).waitFor() } },
  { name: 'party', who: officer, path: () => '/party' },
  { name: 'party-member', who: officer, path: (p) => `/party/${p.member}` },
  { name: 'evaluations', who: 'zhen', path: () => '/evaluations' },
  { name: 'evaluation', who: officer, path: (p) => `/evaluations/${p.evaluation}` },
  { name: 'evaluation-review', who: 'zhen', path: (p) => `/evaluations/${p.evaluationOpen}`, act: async (page) => { await page.getByRole('button', { name: '登记评议分' }).click() } },
  {
    name: 'proxy',
    who: officer,
    path: (p) => `/proxy?household=${p.household}`,
    act: async (page) => {
      await choose(page, '商户', page.getByRole('option').first())
      await page.getByRole('spinbutton').first().fill('1')
      await page.getByRole('button', { name: '老人不便出门，代为兑换' }).click()
    },
  },
  { name: 'redemptions', who: officer, path: () => '/redemptions' },
  { name: 'merchants', who: officer, path: () => '/merchants' },
  { name: 'merchant', who: officer, path: (p) => `/merchants/${p.merchant}` },
  { name: 'goods', who: officer, path: () => '/goods' },
  {
    name: 'product',
    who: officer,
    path: () => '/goods',
    act: async (page) => {
      await page.getByRole('button', { name: '洗衣粉' }).click()
      await page.getByRole('dialog').getByRole('row').nth(1).waitFor()
    },
  },
  { name: 'rules', who: officer, path: () => '/rules' },
  { name: 'rule-version', who: officer, path: (p) => `/rules/${p.version}` },
  { name: 'rule-compare', who: officer, path: (p) => `/rules/compare/${p.versions}` },
  { name: 'township', who: 'zhen', path: () => '/township' },
  { name: 'regions', who: 'zhen', path: () => '/regions' },
  { name: 'settings', who: 'zhen', path: () => '/settings' },
  { name: 'users', who: 'zhen', path: () => '/users' },
  { name: 'audit', who: officer, path: () => '/audit' },
  { name: 'account', who: officer, path: () => '/account' },
  { name: 'forbidden', who: 'jiandu', path: () => '/award' },
  { name: 'print-cards', who: officer, path: (p) => `/print/cards?households=${p.household}` },
  { name: 'print-statement', who: officer, path: (p) => `/print/statement/${p.household}` },
  { name: 'print-receipt', who: officer, path: (p) => `/print/receipt/${p.receipt}` },
  { name: 'print-evaluation', who: officer, path: (p) => `/print/evaluation/${p.evaluation}` },
  { name: 'print-board', who: officer, path: (p) => `/print/board?scope=${p.village}&subject=household&period=` },
]

// inReview is an evaluation that is being reviewed, in some village of the township; at the end of a quarter there is always one.
async function inReview(page: Page, town: string): Promise<string> {
  const get = await as(page, 'zhen')
  const all = (await get(`/townships/${town}/evaluations?quarter=${lastQuarter()}`)).branches as { evaluation?: { id: string; state: string } }[]
  return all.find((t) => t.evaluation?.state === 'review')!.evaluation!.id
}

// latestReceipt is of this month or, on its first days, of the one before.
async function latestReceipt(get: (path: string) => Promise<any>, village: string): Promise<{ number: number }> {
  for (let back = 0; ; back++) {
    const items = (await get(`/villages/${village}/redemptions?month=${month(back)}`)).items
    if (items.length) return items[0]
  }
}

// placesFor finds what the screens are about, as somebody who may see it all.
export async function placesFor(page: Page): Promise<Places> {
  const get = await as(page, officer)
  const village = (await get('/auth/me')).roles[0].region as string
  const books = (await get(`/rule-books?region=${village}`)).items as { region: string; versions: { id: string }[] }[]
  const board = (await get(`/boards?scope=${village}&period=all`)).items as { id: string }[]
  const town = ((await get('/regions')).items as { id: string; kind: string }[]).find((r) => r.kind === 'township')!.id
  const own = books.filter((b) => b.region === village)
  return {
    village,
    household: board[0]!.id,
    version: own[0]!.versions[0]!.id,
    versions: books.map((b) => b.versions[0]!.id).slice(0, 2).join(','),
    merchant: (await get(`/merchants?village=${village}`)).items[0].id,
    member: (await get(`/villages/${village}/party-members`)).items[0].id,
    evaluation: (await get(`/villages/${village}/evaluations`)).items[0].id,
    receipt: `${village}/${(await latestReceipt(get, village)).number}`,
    evaluationOpen: await inReview(page, town),
  }
}
