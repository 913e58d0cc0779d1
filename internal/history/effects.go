package history

import "time"

// chains checks that numbers have no gaps and that every transaction is balanced.
func (c *checker) chains() {
	last := map[string]int64{}
	for i := range c.s.Txs {
		t := &c.s.Txs[i]
		if t.Number != last[t.Book]+1 {
			c.add("gap", "book %s goes from number %d to %d", t.Book, last[t.Book], t.Number)
		}
		last[t.Book] = t.Number
		if t.Sum != 0 {
			c.add("half", "the entries of %s/%d sum to %d", t.Book, t.Number, t.Sum)
		}
		c.txs[t.TxKey] = t
	}
}

// match finds each operation's transaction, and what is there of nobody's.
func (c *checker) match() {
	marked := map[string][]*Tx{}
	for i := range c.s.Txs {
		if t := &c.s.Txs[i]; t.Mark != "" {
			marked[t.Mark] = append(marked[t.Mark], t)
		}
	}
	for _, o := range c.h.Ops {
		key, stored := c.s.Keys[o.ID]
		c.answers(o, key, stored)
		switch {
		case stored && o.outcome() == Refused:
			c.add("stray", "%s %s was refused (%s) and is there as %d", o.Kind, o.ID, o.Calls[0].Code, key.Number)
		case !stored && len(marked[o.ID]) > 0:
			c.add("half", "%s %s is there as %d without its stored answer", o.Kind, o.ID, marked[o.ID][0].Number)
			c.owner[marked[o.ID][0].TxKey] = o
			continue
		}
		if !stored {
			continue
		}
		t := c.txs[key]
		if t == nil {
			c.add("half", "%s %s has a stored answer with number %d, and no such transaction is there", o.Kind, o.ID, key.Number)
			continue
		}
		if other := c.owner[key]; other != nil {
			c.add("doubled", "%s and %s both claim %s/%d", other.ID, o.ID, key.Book, key.Number)
		}
		c.owner[key] = o
		if t.Kind != o.Kind || t.Wallet != o.Wallet || t.To.Wallet != o.To || t.Book != o.Book || t.Mark != "" && t.Mark != o.ID {
			c.add("lost", "%s %s claims %s/%d, which is another one's: %s of %s", o.Kind, o.ID, key.Book, key.Number, t.Kind, t.Wallet)
		}
	}
	for i := range c.s.Txs {
		t := &c.s.Txs[i]
		if t.Number <= c.s.Base[t.Book] || c.owner[t.TxKey] != nil {
			continue
		}
		if t.Mark != "" {
			c.add("doubled", "%s/%d is a second effect of %s", t.Book, t.Number, t.Mark)
		} else {
			c.add("stray", "%s/%d (%s of %d in %s) was asked for by nobody, or a second time", t.Book, t.Number, t.Kind, t.Amount, t.Wallet)
		}
	}
}

// answers compares what was answered with what is there.
func (c *checker) answers(o *Op, key TxKey, stored bool) {
	for _, call := range o.Calls {
		if call.Outcome != Answered {
			continue
		}
		t := c.txs[TxKey{o.Book, call.Number}]
		switch {
		case !stored || t == nil:
			c.add("lost", "%s %s was answered with number %d through %s and is not there", o.Kind, o.ID, call.Number, call.Via)
		case call.Number != key.Number:
			c.add("doubled", "%s %s was answered with number %d through %s and is stored as %d", o.Kind, o.ID, call.Number, call.Via, key.Number)
		case call.Balance != t.Balance:
			c.add("amount", "%s %s was answered with balance %d through %s, the ledger says %d", o.Kind, o.ID, call.Balance, call.Via, t.Balance)
		}
	}
}

// wholeness checks that a transaction comes with everything that belongs to it: the feature's row, the goods, the mark on what it undoes.
func (c *checker) wholeness() {
	moves := map[TxKey]map[string]int64{}
	for _, m := range c.s.Moves {
		if moves[m.TxKey] == nil {
			moves[m.TxKey] = map[string]int64{}
		}
		moves[m.TxKey][m.Product] += m.Delta
		if m.Number != 0 && c.txs[m.TxKey] == nil {
			c.add("half", "%d of product %s moved for %s/%d, which is not there", m.Delta, m.Product, m.Book, m.Number)
		}
	}
	for i := range c.s.Txs {
		t := &c.s.Txs[i]
		if !t.Row {
			c.add("half", "%s/%d (%s) has no row of its feature", t.Book, t.Number, t.Kind)
		}
		if t.Undone != 0 {
			if u := c.txs[TxKey{t.Book, t.Undone}]; u == nil || u.Reverses != t.Number {
				c.add("half", "%s/%d is marked undone by %d, which does not undo it", t.Book, t.Number, t.Undone)
			}
		}
		if t.Reverses != 0 && t.Number > c.s.Base[t.Book] {
			if u := c.txs[TxKey{t.Book, t.Reverses}]; u == nil || u.Undone != t.Number {
				c.add("half", "%s/%d undoes %d, which is not marked so", t.Book, t.Number, t.Reverses)
			}
		}
		o := c.owner[t.TxKey]
		if o == nil {
			continue
		}
		product, pieces := o.Product, -o.Pieces
		if o.Kind == Refund {
			if orig := c.owner[TxKey{o.Book, o.Target}]; orig != nil {
				product, pieces = orig.Product, orig.Pieces
			}
		}
		if got := moves[t.TxKey][product]; got != pieces || len(moves[t.TxKey]) > 1 {
			c.add("half", "%s %s (%s/%d) moved %v of the goods, not %d of %s", o.Kind, o.ID, t.Book, t.Number, moves[t.TxKey], pieces, product)
		}
		if t.Reverses != o.Target {
			c.add("amount", "%s %s undoes %d, not %d", o.Kind, o.ID, t.Reverses, o.Target)
		}
	}
}

// once checks what may happen only once whoever asks for it.
func (c *checker) once() {
	codes := map[string]TxKey{}
	undone := map[TxKey]int64{}
	for i := range c.s.Txs {
		t := &c.s.Txs[i]
		if t.Reverses != 0 {
			k := TxKey{t.Book, t.Reverses}
			if n := undone[k]; n != 0 {
				c.add("twice", "%s/%d is undone by %d and by %d", k.Book, k.Number, n, t.Number)
			}
			undone[k] = t.Number
		}
		if o := c.owner[t.TxKey]; o != nil && o.OneTime != "" {
			if k, ok := codes[o.OneTime]; ok {
				c.add("twice", "one code is spent as %s/%d and as %s/%d", k.Book, k.Number, t.Book, t.Number)
			}
			codes[o.OneTime] = t.TxKey
		}
	}
}

// order checks that what was answered before something else was sent has the lower number. Read from the end, no number may have
// been sent after the earliest answer among the higher ones.
func (c *checker) order() {
	earliest := map[string]time.Duration{}
	by := map[string]*Op{}
	for i := len(c.s.Txs) - 1; i >= 0; i-- {
		t := &c.s.Txs[i]
		o := c.owner[t.TxKey]
		if o == nil {
			continue
		}
		if e, ok := earliest[t.Book]; ok && e < o.begin() {
			c.add("order", "%s was answered at %v, before %s was sent at %v, and has a higher number than its %d", by[t.Book].ID, e, o.ID, o.begin(), t.Number)
		}
		if e, ok := earliest[t.Book]; !ok || o.end() < e {
			earliest[t.Book], by[t.Book] = o.end(), o
		}
	}
}
