// Checks that a transaction belongs to a village's day seal, without any of the program's code:
//   node scripts/check-proof.mjs [HASH OF THE SEAL AS PUBLISHED] < proof.json
// The format is described in docs/ledger-format.md. Without the published hash the proof only agrees with itself.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

const sha = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest()
const bytes = (hex) => Buffer.from(hex, 'hex')
const line = (text, name) => text.match(new RegExp(`^${name} (.*)$`, 'm'))?.[1]
const fail = (why) => { console.error(`证明不成立：${why}`); process.exit(1) }

function check(p, published) {
  if (p.format !== 'jishan-proof-1') return '不认识这种格式'
  const seal = p.seal.text
  if (!seal.startsWith('jishan-seal-1\n') || sha(Buffer.from(seal)).toString('hex') !== p.seal.hash) return '日封与它的指纹不符'
  if (published && published.toLowerCase() !== p.seal.hash) return '日封不是公布的那一封'
  if (p.text && (!p.text.startsWith('jishan-tx-1\n') || sha(Buffer.from(p.text)).toString('hex') !== p.hash)) return '记录的内容与它的指纹不符'
  if (p.private && sha(Buffer.from(p.private)).toString('hex') !== line(p.text ?? '', 'private')) return '不公开的内容与它的指纹不符'
  if (line(seal, 'book') !== p.book || (p.text && line(p.text, 'book') !== p.book)) return '记录与日封不是同一个村的'
  if (p.text && line(p.text, 'number') !== String(p.number)) return '号数不符'
  const first = Number(line(seal, 'first')), last = Number(line(seal, 'number'))
  if (!(p.number >= first && p.number <= last)) return '这一号不在这一天的日封里'
  let index = p.number - first, end = last - first // of the leaf and of the last one, level by level
  let node = sha(Buffer.of(0), bytes(p.hash))
  for (const sister of p.path.map(bytes)) {
    if (end === 0 || sister.length !== 32) return '路径太长或有误'
    const left = index % 2 === 1 || index === end
    node = left ? sha(Buffer.of(1), sister, node) : sha(Buffer.of(1), node, sister)
    while (left && index % 2 === 0 && index !== 0) [index, end] = [Math.floor(index / 2), Math.floor(end / 2)]
    ;[index, end] = [Math.floor(index / 2), Math.floor(end / 2)]
  }
  if (end !== 0 || node.toString('hex') !== line(seal, 'root')) return '路径到不了日封的根'
}

const proof = JSON.parse(readFileSync(0, 'utf8'))
const wrong = check(proof, process.argv[2])
if (wrong) fail(wrong)
console.log(`证明成立：第 ${proof.number} 号属于 ${line(proof.seal.text, 'day')} 的日封 ${proof.seal.hash}`)
