// Builds both targets: the web page into ../dist/miniapp, where the program embeds it, with everything packed beside it; the
// mini-program into dist/mp-weixin, which WeChat's tools take.
//
//   node build.mjs [h5|mp]      VITE_SERVER=https://…  WECHAT_APPID=wx…   (both for the mini-program only)
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const here = dirname(fileURLToPath(import.meta.url))
const only = process.argv[2]

function uni(out, ...args) {
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out, { recursive: true })
  // CI=1: else the compiler reports this machine's address home.
  execFileSync(join(here, 'node_modules/.bin/uni'), ['build', ...args], { cwd: here, stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, CI: '1', UNI_OUTPUT_DIR: out } })
  // The framework carries addresses of its maker's advertising and pictures. Nothing here asks for them; now nothing can.
  for (const file of files(out, /\.(js|css)$/)) {
    const text = readFileSync(file, 'utf8')
    const clean = text.replace(/https?:\/\/[\w.]*dcloud\.net\.cn[\w./?=&%-]*/g, '')
    if (clean !== text) writeFileSync(file, clean)
  }
}

function files(dir, kind) {
  return readdirSync(dir, { recursive: true }).filter((n) => kind.test(n)).map((n) => join(dir, n))
}

if (only !== 'mp') {
  const out = join(here, '../dist/miniapp')
  uni(out)
  for (const file of files(out, /\.(js|css|html)$/)) writeFileSync(file + '.gz', gzipSync(readFileSync(file), { level: 9 }))
  console.log('web page: ' + out)
}

if (only !== 'h5') {
  const out = join(here, 'dist/mp-weixin')
  uni(out, '-p', 'mp-weixin')
  writeFileSync(join(here, 'dist/package.json'), '{ "type": "commonjs" }\n') // for the tests that run it under Node
  if (process.env.WECHAT_APPID) {
    const file = join(out, 'project.config.json')
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), appid: process.env.WECHAT_APPID }, null, 2) + '\n')
  }
  console.log('mini-program: ' + out + (process.env.VITE_SERVER ? ' for ' + process.env.VITE_SERVER : ' for http://127.0.0.1:8080 (set VITE_SERVER for another server)'))
}
