// Takes the pictures of docs/screens: every screen and public page at 1440 and 390 px, as small as they have to be.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from '@playwright/test'
import { as, settled, test } from './base'
import { placesFor, screens } from './screens'

const folder = fileURLToPath(new URL('../../../docs/screens/', import.meta.url))
const most = 150 * 1024

// keep writes the picture as well as fits.
async function keep(page: Page, name: string) {
  let picture: Buffer
  let quality = 80
  do {
    picture = await page.screenshot({ type: 'jpeg', quality })
    quality -= 10
  } while (picture.length > most && quality > 20)
  writeFileSync(`${folder}${name}.jpg`, picture)
}

for (const width of [1440, 390]) {
  test(`pictures at ${width} px`, async ({ page }) => {
    test.setTimeout(600_000)
    mkdirSync(folder, { recursive: true })
    await page.setViewportSize({ width, height: width > 600 ? 900 : 844 })
    await page.goto('/admin/login')
    await settled(page)
    await keep(page, `login-${width}`)
    const places = await placesFor(page)
    for (const s of screens) {
      await as(page, s.who)
      await page.goto('/admin' + s.path(places))
      await settled(page)
      await s.act?.(page)
      await settled(page)
      await page.waitForTimeout(600) // charts and dialogs come to rest
      await keep(page, `${s.name}-${width}`)
    }
  })
}

// The pages for anyone; those that show a book are taken whole.
test('pictures of the public pages', async ({ page }) => {
  const code = '439900100201'
  const village = await (await page.request.get(`/api/v1/public/villages/${code}`)).json()
  const { day, last } = village.seal
  const paths = { public: '/', 'public-how': '/how', 'public-village': `/${code}`, 'public-seals': `/${code}/seals`, 'public-seal': `/${code}/seals/${day}`, 'public-check': `/${code}/check?number=${last}&seal=${day}` }
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: width > 600 ? 900 : 844 })
    for (const [name, path] of Object.entries(paths)) {
      await page.goto('/public' + path)
      await settled(page)
      if (name === 'public-check') await page.getByText('已核对').first().waitFor()
      await keep(page, `${name}-${width}`)
    }
  }
})

// The printed pages as paper: the first page of each, drawn from its PDF.
test('pictures of paper', async ({ page }) => {
  test.setTimeout(120_000)
  const get = await as(page, 'cun-xyx')
  const places = await placesFor(page)
  const houses = (await get(`/households?village=${places.village}&limit=8`)).items as { id: string }[]
  const board = `/print/board?scope=${places.village}&subject=household&period=`
  const papers = { 'paper-board-a3': board + '&size=A3', 'paper-board-a4': board, 'paper-statement': `/print/statement/${places.household}`, 'paper-evaluation': `/print/evaluation/${places.evaluation}`, 'paper-cards': '/print/cards?households=' + houses.map((h) => h.id).join(',') }
  const dir = mkdtempSync(join(tmpdir(), 'jishan-paper-'))
  for (const [name, path] of Object.entries(papers)) {
    await page.goto('/admin' + path)
    await settled(page)
    await page.pdf({ path: join(dir, 'a.pdf'), preferCSSPageSize: true, printBackground: true })
    for (const quality of [80, 60, 40]) {
      execFileSync('pdftoppm', ['-r', name.endsWith('a3') ? '64' : '90', '-singlefile', '-jpeg', '-jpegopt', `quality=${quality}`, join(dir, 'a.pdf'), join(dir, 'a')])
      if (statSync(join(dir, 'a.jpg')).size <= most) break
    }
    writeFileSync(`${folder}${name}.jpg`, readFileSync(join(dir, 'a.jpg')))
  }
  rmSync(dir, { recursive: true })
})
