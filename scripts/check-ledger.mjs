// Checks an exported ledger without any of the program's code: node scripts/check-ledger.mjs < ledger.jsonl
// Every line must hash to what it says, name the one before, follow it without a gap, and its entries must sum to zero.
// The format is described in docs/ledger-format.md.
import { createHash } from 'node:crypto'
import { createInterface } from 'node:readline'

const named = { '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '"': '\\"', '\\': '\\\\' }
const hex = (n, width) => n.toString(16).padStart(width, '0')
const quote = (text) => '"' + [...text].map((c) => {
  const n = c.codePointAt(0)
  if (named[c]) return named[c]
  if (n < 0x20 || n === 0x7f) return '\\x' + hex(n, 2)
  if (/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(c)) return c
  return n < 0x10000 ? '\\u' + hex(n, 4) : '\\U' + hex(n, 8)
}).join('') + '"'

const sha = (text) => createHash('sha256').update(text).digest('hex')

function canonical(t) {
  const lines = (...names) => names.map((k) => `${k} ${t[k]}\n`).join('')
  const entries = t.entries.map((e) => `entry ${e.account} ${e.amount} ${e.lot}` + (e.balance === null ? '' : ` ${e.balance}`) + '\n').join('')
  const secret = lines('actor', 'household', 'person', 'member', 'branch', 'rules') + `reason ${quote(t.reason)}\n` + entries
  const moved = t.entries.reduce((sum, e) => sum + Math.max(e.amount, 0), 0)
  return 'jishan-tx-1\n' + lines('prev', 'book', 'number', 'asset', 'kind', 'day', 'month', 'at', 'score') + `moved ${moved}\n` +
    lines('reverses') + `private ${sha(secret)}\n`
}

const ends = new Map()
let count = 0, wrong = 0
const bad = (t, text) => { wrong++; console.error(`${t.book} 第 ${t.number} 号：${text}`) }
for await (const line of createInterface({ input: process.stdin })) {
  const t = JSON.parse(line)
  const last = ends.get(t.book) ?? { number: 0, hash: '0'.repeat(64) }
  if (t.number !== last.number + 1) bad(t, `前一笔是第 ${last.number} 号，中间有缺号`)
  if (t.prev !== last.hash) bad(t, '前一笔的指纹不符')
  if (sha(canonical(t)) !== t.hash) bad(t, '内容与指纹不符')
  if (t.entries.reduce((sum, e) => sum + e.amount, 0) !== 0) bad(t, '分录合计不为零')
  ends.set(t.book, t)
  count++
}
for (const [book, t] of ends) console.log(`${book} 共 ${t.number} 笔，最后的指纹 ${t.hash}`)
console.log(wrong ? `核对 ${count} 笔，发现 ${wrong} 处不符` : `核对 ${count} 笔，全部相符`)
process.exit(wrong ? 1 : 0)
