// What WeChat asks of a package: small parts, old JavaScript, no strangers' hosts.
'use strict'
const assert = require('node:assert/strict')
const { test } = require('node:test')
const fs = require('node:fs')
const path = require('node:path')
const { parse } = require('acorn')

const dist = path.join(__dirname, '../../dist/mp-weixin')
const web = path.join(__dirname, '../../../dist/miniapp')
const list = (dir) => fs.readdirSync(dir, { recursive: true }).map((n) => path.join(dir, String(n))).filter((n) => fs.statSync(n).isFile())
const app = JSON.parse(fs.readFileSync(path.join(dist, 'app.json'), 'utf8'))

test('every part is below two mebibytes', () => {
  const size = {}
  for (const f of list(dist)) {
    const rel = path.relative(dist, f)
    const part = app.subPackages.map((s) => s.root).filter((r) => rel.startsWith(r + path.sep))[0] || 'main'
    size[part] = (size[part] || 0) + fs.statSync(f).size
  }
  assert.deepEqual(Object.keys(size).sort(), ['main', 'pkg-merchant'])
  for (const part of Object.keys(size)) assert.ok(size[part] < 2 << 20, part + ' has ' + size[part])
})

test('the mini-program is ES2015', () => {
  const scripts = list(dist).filter((f) => f.endsWith('.js'))
  assert.ok(scripts.length > 30)
  for (const f of scripts) parse(fs.readFileSync(f, 'utf8'), { ecmaVersion: 2015, sourceType: 'script' })
  assert.throws(() => parse('async () => 1', { ecmaVersion: 2015 }))
})

test('no host is named but our own server', () => {
  const harmless = /^https?:\/\/(www\.w3\.org|vuejs\.org\/error-reference)/ // names of things, never fetched
  for (const f of [...list(dist), ...list(web)].filter((f) => /\.(js|json|html|css|wxml|wxss)$/.test(f))) {
    const hosts = (fs.readFileSync(f, 'utf8').match(/https?:\/\/[\w.-]+[^"'`)\s]*/g) || []).filter((h) => !harmless.test(h))
    assert.deepEqual(hosts.filter((h) => h !== (process.env.VITE_SERVER || 'http://127.0.0.1:8080')), [], f)
  }
})

test('statistics are off in the manifest of both targets', () => {
  const manifest = JSON.parse(fs.readFileSync(path.join(__dirname, '../../src/manifest.json'), 'utf8'))
  for (const m of [manifest, manifest['mp-weixin'], manifest.h5]) assert.deepEqual(m.uniStatistics, { enable: false })
})

test('the web page’s first script is below 150 kB packed, and asks for no inline script', () => {
  const html = fs.readFileSync(path.join(web, 'index.html'), 'utf8')
  assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)/)
  const names = [...html.matchAll(/(?:src|href)="\/m\/(assets\/[^"]+)"/g)].map((m) => m[1])
  assert.ok(names.length >= 2)
  const packed = names.map((n) => fs.statSync(path.join(web, n + '.gz')).size).reduce((a, b) => a + b)
  assert.ok(packed < 150e3, packed + ' bytes')
})
