// A page as it comes out of the printer.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'

// pdf prints the page as it is to A4 and reads it back: how many pages, how large, what stands on them.
export async function pdf(page: Page, shown?: (file: string, dir: string) => void): Promise<{ pages: number; size: string; text: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'jishan-pdf-'))
  try {
    const file = join(dir, 'a.pdf')
    await page.pdf({ path: file, preferCSSPageSize: true, printBackground: true })
    shown?.(file, dir)
    const info = execFileSync('pdfinfo', [file], { encoding: 'utf8' })
    return { pages: Number(/Pages:\s+(\d+)/.exec(info)?.[1]), size: /Page size:\s+(.*)/.exec(info)?.[1] ?? '', text: execFileSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' }) }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

// codesOn is the text of every code on the paper, once each, as a scanner reads it that looks until it has it: zbar leaves one
// code in 150 unread in a picture of one resolution, another one in each, whatever the code (800 cards, 110 to 180 dpi).
export function codesOn(file: string, dir: string): string[] {
  const read = [110, 120, 130].flatMap((dpi) => {
    execFileSync('pdftoppm', ['-r', `${dpi}`, '-gray', '-png', file, join(dir, `at${dpi}`)])
    const sheets = readdirSync(dir).filter((name) => name.startsWith(`at${dpi}`)).map((name) => join(dir, name))
    // zbarimg ends with 4 when a page has no code, which is no failure.
    const out = spawnSync('zbarimg', ['--raw', '-q', ...sheets], { encoding: 'utf8' })
    if (out.error || ![0, 4].includes(out.status ?? -1)) throw new Error(`reading the codes at ${dpi} dpi: ${out.error ?? out.stderr}`)
    return out.stdout.split('\n').filter(Boolean)
  })
  return [...new Set(read)]
}
