// Pictures of every page at 390 px, usual and large, into docs/screens: only when asked for (SCREENS=1), for people to look at.
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test, usual } from './base'
import { screens, world } from './pages'

const folder = fileURLToPath(new URL('../../../docs/screens/', import.meta.url))

if (process.env.SCREENS) {
  test('pictures', async ({ phone, request }) => {
    test.setTimeout(600_000)
    mkdirSync(folder, { recursive: true })
    const w = await world(request, 15)
    for (const large of [false, true]) {
      for (const s of screens) {
        const page = await phone({ size: usual, large })
        await s.show(page, w)
        await page.evaluate(() => scrollTo(0, 0))
        const height = Math.min(1500, await page.evaluate(() => document.documentElement.scrollHeight))
        await page.setViewportSize({ width: usual.width, height: Math.max(usual.height, height) })
        await page.screenshot({ path: folder + s.name + (large ? '-large' : '') + '.png', scale: 'css' })
        await page.context().close()
      }
    }
  })
}
