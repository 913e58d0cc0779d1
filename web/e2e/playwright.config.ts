import { defineConfig } from '@playwright/test'

// Against a real server with demo data: scripts/demo-server.sh starts one and sets CONSOLE_URL.
const url = process.env.CONSOLE_URL
if (!url) throw new Error('CONSOLE_URL is not set; run scripts/web.sh browser')

export default defineConfig({
  testDir: '.',
  fullyParallel: true,
  workers: 2,
  retries: 0,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  forbidOnly: true,
  reporter: [['list']],
  outputDir: '../../tmp/e2e',
  use: {
    baseURL: url,
    locale: 'zh-CN',
    timezoneId: 'Asia/Shanghai',
    viewport: { width: 1440, height: 900 },
    actionTimeout: 10_000,
    screenshot: 'only-on-failure',
    launchOptions: { executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] },
  },
})
