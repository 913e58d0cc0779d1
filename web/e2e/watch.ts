// A page that watches itself, for every browser test: a request to another origin, an error on the console, a breach of the
// content security policy or an uncaught exception is written into `wrong`, which the test finds empty at its end.
import type { Page } from '@playwright/test'

export async function watchPage(page: Page, baseURL: string, wrong: string[], expected: () => RegExp[]) {
  const origin = new URL(baseURL).origin
  page.on('request', (r) => {
    const u = new URL(r.url())
    if (u.protocol !== 'data:' && u.protocol !== 'blob:' && u.origin !== origin) wrong.push(`request to ${r.url()}`)
  })
  page.on('console', (m) => {
    if ((m.type() === 'error' || m.type() === 'warning') && !expected().some((e) => e.test(m.text()))) wrong.push(`console: ${m.text()}`)
  })
  page.on('pageerror', (e) => wrong.push(`uncaught: ${e.message}`))
  await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`)))
}
