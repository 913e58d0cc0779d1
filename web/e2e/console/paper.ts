// A page as it comes out of the printer.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
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
