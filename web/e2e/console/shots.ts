// Takes the pictures of docs/screens: every screen at 1440 and 390 px, as small as they have to be.
import { mkdirSync, writeFileSync } from 'node:fs'
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
