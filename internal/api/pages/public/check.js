// Recomputes, in the reader's own browser, what the page says of a transaction: its text gives its hash, the path leads from
// there to the root in the day's seal, the seal's text gives the seal's hash, and the page shows what the text says. The format
// is docs/ledger-format.md. It asks the server for nothing.
(function () {
  'use strict'
  var box = document.getElementById('verdict')
  var kinds = ['', '加分', '扣分', '兑换', '退货', '过期', '结算', '撤销', '期初', '转户']
  var shown = function (name) {
    var cell = document.getElementById('f-' + name)
    return cell ? cell.textContent.trim() : null
  }
  var plain = function (text) { return (text || '').replace(/\s/g, '').toLowerCase() }

  function say(state, text) {
    box.setAttribute('data-state', state)
    document.getElementById('said').textContent = text
  }
  function note(text) {
    var li = document.createElement('li')
    li.textContent = text
    document.getElementById('steps').appendChild(li)
  }

  if (!window.crypto || !crypto.subtle || !window.TextEncoder || !window.Promise) {
    say('none', '这个浏览器不能在这个网址上自己核算（要用 https 打开，浏览器也不能太旧）。可以下载证明，按“怎么核对”里的办法核对。')
    return
  }

  function sha(bytes) {
    return crypto.subtle.digest('SHA-256', bytes).then(function (b) { return new Uint8Array(b) })
  }
  function joined(first, a, b) {
    var out = new Uint8Array(1 + a.length + (b ? b.length : 0))
    out[0] = first
    out.set(a, 1)
    if (b) out.set(b, 1 + a.length)
    return out
  }
  function bytes(hex) {
    if (!/^([0-9a-f]{2})*$/.test(hex)) throw new Error('指纹写法不对')
    return new Uint8Array((hex.match(/../g) || []).map(function (x) { return parseInt(x, 16) }))
  }
  function hex(b) {
    return Array.prototype.map.call(b, function (x) { return (x < 16 ? '0' : '') + x.toString(16) }).join('')
  }
  function hashOf(text) { return sha(new TextEncoder().encode(text)).then(hex) }
  function line(text, name) {
    var found = new RegExp('^' + name + ' (.*)$', 'm').exec(text)
    return found ? found[1] : ''
  }
  function must(ok, why) { if (!ok) throw new Error(why) }

  // climb is the root that the path leads to (RFC 9162, 2.1.3.2).
  function climb(node, path, index, end) {
    if (path.length === 0) {
      must(end === 0, '路径太短')
      return Promise.resolve(hex(node))
    }
    must(end > 0, '路径太长')
    var sister = bytes(path[0])
    var left = index % 2 === 1 || index === end
    while (left && index % 2 === 0 && index !== 0) {
      index = Math.floor(index / 2)
      end = Math.floor(end / 2)
    }
    return sha(left ? joined(1, sister, node) : joined(1, node, sister)).then(function (up) {
      return climb(up, path.slice(1), Math.floor(index / 2), Math.floor(end / 2))
    })
  }

  function amount(hundredths) { return String(Number(hundredths) / 100) }
  function day(n) { return n.slice(0, 4) + '-' + n.slice(4, 6) + '-' + n.slice(6) }
  function clock(ms) { return new Date(Number(ms) + 8 * 3600000).toISOString().slice(0, 16).replace('T', ' ') } // Shanghai has no summer time

  // compare finds where the page shows something else than the proof says.
  function compare(p) {
    must(shown('number') === String(p.number), '页面上的号数与证明不同')
    must(plain(shown('hash')) === p.hash, '页面上的本号指纹与证明不同')
    must(plain(shown('seal')) === p.seal.hash, '页面上的日封指纹与证明不同')
    must(shown('sealday') === day(line(p.seal.text, 'day')), '页面上的封存日期与证明不同')
    if (!p.text) {
      must(shown('kind') === null, '页面上有证明里没有的内容')
      return
    }
    var score = line(p.text, 'score')
    must(line(p.text, 'number') === String(p.number), '号数不符')
    must(shown('kind') === kinds[Number(line(p.text, 'kind'))], '页面上的种类与证明不同')
    must(shown('moved') === amount(line(p.text, 'moved')), '页面上的变动与证明不同')
    must(shown('score') === (Number(score) > 0 ? '+' : '') + amount(score), '页面上的累计积分与证明不同')
    must(shown('day') === day(line(p.text, 'day')), '页面上的发生日期与证明不同')
    must(shown('at') === clock(line(p.text, 'at')), '页面上的记账时间与证明不同')
    must((shown('reverses') || '0') === line(p.text, 'reverses'), '页面上撤销的号数与证明不同')
    must(plain(shown('prev')) === line(p.text, 'prev'), '页面上的上一号指纹与证明不同')
  }

  function check() {
    var p = JSON.parse(document.getElementById('proof').textContent)
    must(p.format === 'jishan-proof-1', '不认识这种证明')
    must(p.seal.text.indexOf('jishan-seal-1\n') === 0, '不认识这种日封')
    compare(p)
    return hashOf(p.text || '').then(function (h) {
      if (p.text) {
        must(p.text.indexOf('jishan-tx-1\n') === 0 && h === p.hash, '内容与本号指纹不符')
        must(line(p.text, 'book') === line(p.seal.text, 'book'), '记录与日封不是同一个村的')
        note('种类、分数、日期算出来就是本号指纹')
      }
      return hashOf(p.seal.text)
    }).then(function (h) {
      must(h === p.seal.hash, '日封与它的指纹不符')
      var first = Number(line(p.seal.text, 'first')), last = Number(line(p.seal.text, 'number'))
      must(p.number >= first && p.number <= last, '这一号不在这封日封里')
      return sha(joined(0, bytes(p.hash))).then(function (leaf) { return climb(leaf, p.path, p.number - first, last - first) })
    }).then(function (root) {
      must(root === line(p.seal.text, 'root'), '本号指纹不在这封日封里')
      note('本号指纹在 ' + day(line(p.seal.text, 'day')) + ' 的日封里，位置没有动过')
      note('日封的内容算出来就是日封指纹')
      return follow(p.seal.text, p.seal.hash)
    }).then(function (last) {
      say('ok', '已核对')
      paper(last)
    })
  }

  // follow goes from a seal to the one on the reader's paper: each names the one before by its hash.
  function follow(text, hash) {
    var chain = document.getElementById('chain')
    var texts = chain ? JSON.parse(chain.textContent) : []
    return texts.reduce(function (before, next) {
      return before.then(function (b) {
        must(next.indexOf('jishan-seal-1\n') === 0 && line(next, 'book') === line(b.text, 'book'), '中间的日封不是同一个村的')
        must(line(next, 'prev') === b.hash && Number(line(next, 'day')) > Number(line(b.text, 'day')), '日封一封接一封，中间断了')
        return hashOf(next).then(function (h) { return { text: next, hash: h } })
      })
    }, Promise.resolve({ text: text, hash: hash })).then(function (last) {
      if (!chain) return { hash: hash, day: day(line(text, 'day')), asked: false }
      must(shown('printedday') === day(line(last.text, 'day')), '最后一封不是公告上的那一天')
      document.getElementById('chained').hidden = false
      if (texts.length) note('从这封日封一封接一封，' + texts.length + ' 封以后就是 ' + shown('printedday') + ' 的日封')
      return { hash: last.hash, day: shown('printedday'), asked: true }
    })
  }

  // checkSeal is the check of a page that shows a seal alone.
  function checkSeal() {
    var text = document.getElementById('sealtext').textContent
    must(text.indexOf('jishan-seal-1\n') === 0, '不认识这种日封')
    must(shown('sealday') === day(line(text, 'day')), '页面上的日期与日封不同')
    return hashOf(text).then(function (h) {
      must(plain(shown('seal')) === h && h.indexOf(plain(shown('short'))) === 0, '日封与它的指纹不符')
      note('日封的内容算出来就是日封指纹')
      say('ok', '已核对')
      paper({ hash: h, day: shown('sealday'), asked: true })
    })
  }

  // paper compares a seal with what is printed on the notice in the village: all of what is printed, for a few characters can be
  // made to fit.
  var enough = 20
  function paper(seal) {
    var input = document.getElementById('printed'), out = document.getElementById('matches')
    function compare() {
      var typed = plain(input.value).replace(/o/g, '0').replace(/[il]/g, '1').replace(/[^0-9a-z]/g, '')
      if (!typed) out.textContent = ''
      else if (seal.hash.indexOf(typed) !== 0) out.textContent = seal.asked ? '与公告不同！' : '与 ' + seal.day + ' 的日封不同：公告上印的要是别的日子，请在上面填那个日期再查'
      else if (typed.length < enough) out.textContent = '到这里相同，请把 5 组都抄上（还差 ' + (enough - typed.length) + ' 个字符）'
      else out.textContent = '与公告相同'
    }
    document.getElementById('paper').hidden = false
    input.addEventListener('input', compare)
    compare()
  }

  new Promise(function (done) { done(document.getElementById('proof') ? check() : checkSeal()) }).catch(function (e) {
    document.getElementById('steps').textContent = ''
    note(e.message)
    say('bad', '不一致')
  })
})()
