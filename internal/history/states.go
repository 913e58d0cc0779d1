package history

import (
	"cmp"
	"slices"
	"sort"
	"time"
)

// step is the state of a wallet or a product after one of its writes, in order of number.
type step struct {
	number     int64
	value      int64
	amount     int64
	begin, end time.Duration // when the write was sent, and first answered
}

// track is all states that a wallet or a product went through; steps[0] is the one before the history.
type track struct {
	steps []step
	known []time.Duration // by step: the moment from which on everybody must see it, or a later one
	sent  []time.Duration // by step: the moment before which nobody can see it, because it or an earlier one was not sent
}

// finish fills the bounds for reading.
func (t *track) finish() {
	n := len(t.steps)
	t.known, t.sent = make([]time.Duration, n), make([]time.Duration, n)
	k, s := never, time.Duration(0)
	for i := range t.steps {
		s = max(s, t.steps[i].begin)
		t.sent[i] = s
		k = min(k, t.steps[n-1-i].end)
		t.known[n-1-i] = k
	}
}

// window are the steps that a call between begin and end may have seen: not before the last one that had been answered when the
// call was sent, and before the first one that was sent when the call had been answered.
func (t *track) window(begin, end time.Duration) (from, to int) {
	from = sort.Search(len(t.steps), func(i int) bool { return t.known[i] >= begin }) - 1
	to = sort.Search(len(t.steps), func(i int) bool { return t.sent[i] > end }) - 1
	return max(from, 0), to
}

// wallets replays every wallet in order of number.
func (c *checker) wallets() map[string]*track {
	out := map[string]*track{}
	before := map[string]int64{}
	for i := range c.s.Txs {
		t := &c.s.Txs[i]
		for i, side := range [...]Side{{t.Wallet, t.Amount, t.Balance}, t.To} {
			if side.Wallet == "" {
				continue
			}
			old := before[side.Wallet]
			now := old + side.Amount
			before[side.Wallet] = now
			if now < 0 {
				c.add("negative", "wallet %s stands at %d after %s/%d", side.Wallet, now, t.Book, t.Number)
			}
			if now != side.Balance {
				c.add("sum", "wallet %s is %d after %s/%d, where the entry says %d", side.Wallet, now, t.Book, t.Number, side.Balance)
			}
			tr := out[side.Wallet]
			if tr == nil {
				tr = &track{steps: []step{{}}}
				out[side.Wallet] = tr
			}
			s := step{number: t.Number, value: now, amount: side.Amount}
			if o := c.owner[t.TxKey]; o != nil {
				s.begin, s.end = o.begin(), o.end()
				want := o.Amount // arrives
				if i == 0 {
					want = c.asked(o, old)
				}
				if want != side.Amount {
					c.add("amount", "%s %s (%s/%d) moved %d where %d was due on a balance of %d", o.Kind, o.ID, t.Book, t.Number, side.Amount, want, old)
				}
			}
			tr.steps = append(tr.steps, s)
		}
	}
	for w, b := range c.s.Balances {
		if before[w] != b {
			c.add("sum", "wallet %s is kept as %d, its entries sum to %d", w, b, before[w])
		}
	}
	for w, sum := range before {
		if _, ok := c.s.Balances[w]; !ok && sum != 0 {
			c.add("sum", "wallet %s has entries of %d and no account", w, sum)
		}
		out[w].finish()
	}
	return out
}

// asked is what the operation should have moved in the wallet, given its balance before.
func (c *checker) asked(o *Op, balance int64) int64 {
	take := func(x int64) int64 { return -min(x, max(0, balance)) } // never more than there is
	switch o.Kind {
	case Grant:
		return o.Amount
	case Deduct:
		return take(o.Amount)
	case Redeem, Transfer:
		return -o.Amount
	}
	orig := c.txs[TxKey{o.Book, o.Target}]
	switch {
	case orig == nil:
		return 0
	case orig.Amount > 0:
		return take(orig.Amount)
	}
	return -orig.Amount
}

// stocks replays every product in order of number.
func (c *checker) stocks() map[string]*track {
	out := map[string]*track{}
	for p, n := range c.s.Openings {
		out[p] = &track{steps: []step{{value: n}}}
	}
	moves := slices.Clone(c.s.Moves)
	slices.SortStableFunc(moves, func(x, y Move) int { return cmp.Compare(x.Number, y.Number) })
	for _, m := range moves {
		tr := out[m.Product]
		if tr == nil || m.Number <= c.s.Base[m.Book] {
			continue
		}
		now := tr.steps[len(tr.steps)-1].value + m.Delta
		if now < 0 {
			c.add("negative", "product %s stands at %d after %s/%d", m.Product, now, m.Book, m.Number)
		}
		if now != m.Stock {
			c.add("sum", "product %s is %d after %s/%d, where the move says %d", m.Product, now, m.Book, m.Number, m.Stock)
		}
		s := step{number: m.Number, value: now, amount: m.Delta}
		if o := c.owner[m.TxKey]; o != nil {
			s.begin, s.end = o.begin(), o.end()
		}
		tr.steps = append(tr.steps, s)
	}
	for p, tr := range out {
		if last := tr.steps[len(tr.steps)-1].value; last != c.s.Stocks[p] {
			c.add("sum", "product %s is kept as %d, its moves sum to %d", p, c.s.Stocks[p], last)
		}
		tr.finish()
	}
	return out
}

// seen is a read that has been given its place: after steps[at].
type seen struct {
	end time.Duration
	at  int
}

// reads gives every read the earliest place that its value and all earlier reads allow. Since a place only ever forbids earlier
// ones to later reads, reads have a consistent order if and only if this finds one.
func (c *checker) reads(wallets, stocks map[string]*track) {
	list := slices.Clone(c.h.Reads)
	slices.SortStableFunc(list, func(x, y Read) int { return cmp.Compare(x.Begin, y.Begin) })
	past := map[string][]seen{}
	for i := range list {
		r := &list[i]
		tr, name := wallets[r.Wallet], "wallet "+r.Wallet
		if r.Product != "" {
			tr, name = stocks[r.Product], "product "+r.Product
		}
		if tr == nil {
			tr = &track{steps: []step{{}}}
			tr.finish()
		}
		from, to := tr.window(r.Begin, r.End)
		least := from
		for _, p := range past[name] {
			if p.end < r.Begin {
				least = max(least, p.at)
			}
		}
		at := least
		for at <= to && !r.matches(tr, at) {
			at++
		}
		if at > to {
			c.add("stale", "%s read through %s at %v–%v as %s: no state from number %d (answered or seen before) to number %d (sent before the read ended) is that",
				name, r.Via, r.Begin, r.End, r.text(), tr.steps[min(least, to)].number, tr.steps[to].number)
			continue
		}
		past[name] = append(past[name], seen{r.End, at})
	}
}

// refusals checks that what was refused for want of points or goods could not be done at some moment of the call.
func (c *checker) refusals(wallets, stocks map[string]*track) {
	for _, o := range c.h.Ops {
		if o.Kind != Redeem || len(o.Calls) != 1 || o.Calls[0].Outcome != Refused {
			continue
		}
		call := o.Calls[0]
		var tr *track
		var need int64
		switch call.Code {
		case "wallet.insufficient":
			tr, need = wallets[o.Wallet], o.Amount
		case "product.stock":
			tr, need = stocks[o.Product], o.Pieces
		}
		if tr == nil {
			continue
		}
		from, to := tr.window(call.Begin, call.End)
		short := false
		for i := from; i <= to; i++ {
			short = short || tr.steps[i].value < need
		}
		if !short {
			c.add("refusal", "%s %s was refused with %s at %v–%v, and there was always enough: %d or more", o.Kind, o.ID, call.Code, call.Begin, call.End, need)
		}
	}
}
