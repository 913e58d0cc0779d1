// The built mini-program on a phone made of jsdom: the pages as WeChat's own template compiler reads them, the code as it is
// uploaded, and a wx that records and answers. No tools of WeChat's are needed.
'use strict'
const { JSDOM } = require('jsdom')
const assert = require('node:assert/strict')
const path = require('node:path')

const dist = path.join(__dirname, '../../dist/mp-weixin')

const { window } = new JSDOM('<!doctype html><body></body>', { url: 'http://localhost/', pretendToBeVisual: true })
globalThis.window = window
for (const name of ['document', 'Event', 'CustomEvent', 'Node', 'HTMLElement', 'Element', 'MutationObserver', 'getComputedStyle']) globalThis[name] = window[name]
const simulate = require('miniprogram-simulate')
const exparser = require('miniprogram-exparser')

// A phone has none of these; using them must fail here as it would there.
for (const name of ['fetch', 'URL', 'URLSearchParams', 'Headers', 'Request', 'Response', 'localStorage', 'navigator', 'XMLHttpRequest', 'TextDecoder']) {
  Object.defineProperty(globalThis, name, { value: undefined, configurable: true, writable: true })
}

const phone = {
  dist,
  stored: {},
  asked: [], // requests
  went: [], // navigations
  routes: [], // [method, pattern, answer]
  offline: false,
  scans: '',
  fontSize: 16,
}

let app
globalThis.App = (o) => (app = o)
globalThis.Page = () => assert.fail('pages are components here')
globalThis.getApp = () => app
globalThis.getCurrentPages = () => phone.pages || []

Object.assign(globalThis.wx, {
  getStorageSync: (k) => (k in phone.stored ? JSON.parse(phone.stored[k]) : ''),
  setStorageSync: (k, v) => void (phone.stored[k] = JSON.stringify(v)),
  removeStorageSync: (k) => void delete phone.stored[k],
  getWindowInfo: () => ({ windowWidth: 320, windowHeight: 640 }),
  getAppBaseInfo: () => ({ fontSizeSetting: phone.fontSize }),
  getSystemInfoSync: () => ({ windowWidth: 320, windowHeight: 640, platform: 'android', language: 'zh_CN' }),
  scanCode: (o) => o.success({ result: phone.scans }),
  login: (o) => o.success({ code: 'wx-code' }),
  vibrateShort: () => undefined,
  setScreenBrightness: () => undefined,
  getScreenBrightness: (o) => o.success({ value: 0.4 }),
  setKeepScreenOn: () => undefined,
  pageScrollTo: () => undefined,
  stopPullDownRefresh: () => undefined,
  request(o) {
    const ask = { method: o.method, url: o.url.replace(/^https?:\/\/[^/]+/, ''), body: o.data && JSON.parse(o.data), header: o.header }
    phone.asked.push(ask)
    setTimeout(() => {
      const route = phone.routes.filter(([m, p]) => m === ask.method && p.test(ask.url))[0]
      if (phone.offline) o.fail({ errMsg: 'request:fail' })
      else if (!route) o.success({ statusCode: 404, header: {}, data: JSON.stringify({ code: 'not_found', detail: '没有找到', title: '', type: '', status: 404, request_id: 'r' }) })
      else {
        const [status, body] = typeof route[2] === 'function' ? route[2](ask) : [200, route[2]]
        if (status === 0) o.fail({ errMsg: 'request:fail timeout' })
        else o.success({ statusCode: status, header: { Date: new Date().toUTCString() }, data: JSON.stringify(body) })
      }
    })
    return { abort() {} }
  },
})
for (const how of ['navigateTo', 'redirectTo', 'reLaunch', 'navigateBack']) {
  globalThis.wx[how] = (o) => {
    phone.went.push(how + ' ' + ((o && o.url) || ''))
    if (o && o.success) o.success()
  }
}

require(path.join(dist, 'app.js'))
app.onLaunch({})

const loaded = {}

/** Opens a page and waits until its first readings are in. */
phone.open = async (page, query = {}) => {
  phone.close()
  const id = (loaded[page] = loaded[page] || simulate.load(path.join(dist, page), { compiler: 'official', rootPath: dist }))
  const c = simulate.render(id, {})
  const root = document.createElement('div')
  document.body.appendChild(root)
  c.attach(root)
  phone.page = { c, root }
  phone.pages = [{ route: page, $page: { fullPath: '/' + page }, $vm: c.instance.$vm }]
  c.instance.onLoad(query)
  c.instance.onShow()
  await phone.calm()
  return phone.page
}

phone.close = () => {
  if (!phone.page) return
  phone.page.c.instance.onUnload()
  phone.page.c.detach()
  phone.page.root.remove()
  phone.page = null
}

/** Waits until nothing changes on the screen any more. */
phone.calm = async () => {
  let before = ''
  for (let still = 0, i = 0; still < 4 && i < 200; i++) {
    await new Promise((r) => setTimeout(r, 5))
    const now = phone.page ? phone.page.root.innerHTML + phone.asked.length : ''
    still = now === before ? still + 1 : 0
    before = now
  }
}

/** What is written on the screen. */
phone.text = () => phone.page.root.textContent

/** Taps the button that says something, the shortest of them. */
phone.tap = async (text) => {
  const buttons = [...phone.page.root.querySelectorAll('[class~="tap--tap"], [class~="shell--bar-side"]')].filter((e) => e.textContent.includes(text))
  const e = buttons.sort((a, b) => a.textContent.length - b.textContent.length)[0]
  if (!e) throw new Error('no button says ' + text + ': ' + phone.text())
  dispatch(e, 'tap', {})
  await phone.calm()
}

/** Types into the n-th input. */
phone.type = async (n, value) => {
  dispatch(phone.page.root.querySelectorAll('wx-input')[n], 'input', { value })
  await phone.calm()
}

function dispatch(e, name, detail) {
  exparser.Event.dispatchEvent(e.__wxElement, exparser.Event.create(name, detail, { bubbles: true, capturePhase: true, composed: true }))
}

module.exports = phone
