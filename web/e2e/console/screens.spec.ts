import { accessible, as, expect, settled, test } from './base'
import { placesFor, screens } from './screens'

// Every screen at both widths: it says nothing on the console, asks nobody else, has no serious finding of axe, does not scroll
// sideways, and nothing English is left over.
for (const width of [1440, 390]) {
  for (const part of [0, 1, 2]) {
    test(`screens at ${width} px, part ${part + 1}`, async ({ page }) => {
      test.setTimeout(240_000)
      await page.setViewportSize({ width, height: width > 600 ? 900 : 844 })
      const places = await placesFor(page)
      for (const s of screens.filter((_, i) => i % 3 === part)) {
        await test.step(s.name, async () => {
          await as(page, s.who)
          await page.goto('/admin' + s.path(places))
          await settled(page)
          await s.act?.(page)
          await settled(page)
          await accessible(page)
          const bare = s.name.startsWith('print-')
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
          if (!bare) expect(wide, `${s.name} scrolls sideways`).toBeLessThanOrEqual(1)
          // House codes, log-ins, key names and file types, addresses and fingerprints are Latin by nature.
          const text = (await page.locator('main').innerText()).replace(/https?:\S+|[0-9a-f]{64}|([0-9a-f]{4} ){4}[0-9a-f]{4}|Ctrl|Alt|Excel|xlsx|csv|Linux|Chrome|[0-9A-Z]{4}-?[0-9A-Z]{4}|(cun|zhibu)-\w+|\b(zhen|jiandu|admin)\b/g, '')
          expect(text.match(/[A-Za-z]{4,}/g) ?? [], `${s.name} has English`).toEqual([])
        })
      }
    })
  }
}
