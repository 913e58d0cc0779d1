package history

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const ms = time.Millisecond

// world plays a correct ledger of one book, one product and any wallets, one operation after another.
type world struct {
	h       History
	s       State
	balance map[string]int64
	now     time.Duration
}

func newWorld() *world {
	return &world{balance: map[string]int64{}, now: ms, s: State{Base: map[string]int64{"a": 0}, Keys: map[string]TxKey{},
		Balances: map[string]int64{}, Stocks: map[string]int64{"rice": 100}, Openings: map[string]int64{"rice": 100}}}
}

func (w *world) tick() time.Duration { w.now += ms; return w.now }

func (w *world) op(kind Kind, wallet string, amount, target int64) *Op {
	o := &Op{ID: fmt.Sprintf("op%d", len(w.h.Ops)), Kind: kind, Book: "a", Wallet: wallet, Amount: amount, Target: target}
	if kind == Redeem {
		o.Product, o.Pieces, o.OneTime = "rice", 1, "code-"+o.ID
	}
	w.h.Ops = append(w.h.Ops, o)
	return o
}

// happen writes the operation's effect.
func (w *world) happen(o *Op) *Tx {
	n := int64(len(w.s.Txs)) + 1
	c := checker{h: &w.h, s: &w.s, txs: map[TxKey]*Tx{}}
	for i := range w.s.Txs {
		c.txs[w.s.Txs[i].TxKey] = &w.s.Txs[i]
	}
	moved := c.asked(o, w.balance[o.Wallet])
	w.balance[o.Wallet] += moved
	w.s.Balances[o.Wallet] = w.balance[o.Wallet]
	var to Side
	if o.To != "" {
		w.balance[o.To] += o.Amount
		w.s.Balances[o.To] = w.balance[o.To]
		to = Side{o.To, o.Amount, w.balance[o.To]}
	}
	t := Tx{To: to, TxKey: TxKey{"a", n}, Kind: o.Kind, Wallet: o.Wallet, Amount: moved, Balance: w.balance[o.Wallet], Reverses: o.Target, Mark: o.ID, Row: true}
	if o.Kind == Redeem {
		t.Mark = ""
	}
	w.s.Keys[o.ID] = t.TxKey
	var delta int64
	switch o.Kind {
	case Redeem:
		delta = -1
	case Refund:
		delta = 1
	}
	if o.Target != 0 {
		w.s.Txs[o.Target-1].Undone = n
	}
	if delta != 0 {
		w.s.Stocks["rice"] += delta
		w.s.Moves = append(w.s.Moves, Move{t.TxKey, "rice", delta, w.s.Stocks["rice"]})
	}
	w.s.Txs = append(w.s.Txs, t)
	return &w.s.Txs[n-1]
}

// do is an operation that is sent, happens and is answered.
func (w *world) do(kind Kind, wallet string, amount, target int64) *Op {
	o := w.op(kind, wallet, amount, target)
	begin := w.tick()
	t := w.happen(o)
	o.Calls = []Call{{Via: "p", Begin: begin, End: w.tick(), Outcome: Answered, Number: t.Number, Balance: t.Balance}}
	return o
}

func (w *world) look(wallet string) {
	w.h.Reads = append(w.h.Reads, Read{Via: "p", Book: "a", Wallet: wallet, Begin: w.tick(), End: w.tick(), Value: w.balance[wallet]})
}

func (w *world) statement(wallet string, limit int) {
	r := Read{Via: "p", Book: "a", Wallet: wallet, Begin: w.tick(), End: w.tick(), Statement: true, Limit: limit}
	for _, t := range slices.Backward(w.s.Txs) {
		if t.Wallet == wallet && len(r.Lines) < limit {
			r.Lines = append(r.Lines, Line{t.Number, t.Amount, t.Balance})
		}
	}
	w.h.Reads = append(w.h.Reads, r)
}

// tale is a correct history with one of everything:
// op0 grant 5000 (1), op1 redeem 1000 (2), op2 deduct 300 (3), op3 refund of 2 (4), op4 reverse of 3 (5), op5 redeem unanswered and
// done (6), op6 grant unanswered and not done, op7 refused for want of points, op8 grant to another wallet (7), op9 transfer of 500
// to a third one (8).
func tale() *world {
	w := newWorld()
	w.do(Grant, "x", 5000, 0)
	w.look("x")
	w.do(Redeem, "x", 1000, 0)
	w.look("x")
	w.do(Deduct, "x", 300, 0)
	w.statement("x", 2)
	w.do(Refund, "x", 0, 2)
	w.do(Reverse, "x", 0, 3)
	w.look("x")
	lost := w.op(Redeem, "x", 2000, 0)
	w.happen(lost)
	lost.Calls = []Call{{Via: "p", Begin: w.tick(), End: w.tick()}}
	never := w.op(Grant, "x", 700, 0)
	never.Calls = []Call{{Via: "q", Begin: w.tick(), End: w.tick()}}
	no := w.op(Redeem, "x", 9900, 0)
	no.Calls = []Call{{Via: "q", Begin: w.tick(), End: w.tick(), Outcome: Refused, Code: "wallet.insufficient"}}
	w.do(Grant, "y", 100, 0)
	w.look("x")
	w.look("y")
	w.statement("x", 20)
	part := w.op(Transfer, "x", 500, 0)
	part.To = "z"
	part.Calls = []Call{{Via: "p", Begin: w.tick(), End: w.tick(), Outcome: Answered, Number: 8, Balance: w.happen(part).Balance}}
	w.look("x")
	w.look("z")
	stock := Read{Via: "p", Book: "a", Product: "rice", Begin: w.tick(), End: w.tick(), Value: w.s.Stocks["rice"]}
	w.h.Reads = append(w.h.Reads, stock)
	return w
}

func TestATrueTalePasses(t *testing.T) {
	w := tale()
	require.Empty(t, Check(&w.h, &w.s))
	require.Equal(t, []int64{2500, 500}, []int64{w.balance["x"], w.balance["z"]})
}

// TestEveryLieIsFound alters a true tale in one place, as a broken server would, and demands the right word for it.
func TestEveryLieIsFound(t *testing.T) {
	drop := func(w *world, number int64) { // the transaction vanishes with everything that belongs to it
		gone := w.s.Txs[number-1]
		w.s.Txs = slices.Delete(w.s.Txs, int(number)-1, int(number))
		for id, k := range w.s.Keys {
			if k.Number == number {
				delete(w.s.Keys, id)
			}
		}
		for i := range w.s.Txs {
			t := &w.s.Txs[i]
			if t.Wallet == gone.Wallet && t.Number > number {
				t.Balance -= gone.Amount
			}
		}
		w.s.Balances[gone.Wallet] -= gone.Amount
	}
	for name, lie := range map[string]struct {
		kind string
		tell func(*world)
	}{
		"an answered write is gone with the crash": {"lost", func(w *world) { drop(w, 7) }},
		"it is gone from the middle":               {"gap", func(w *world) { drop(w, 3) }},
		"a retry was done again": {"doubled", func(w *world) {
			o := w.h.Ops[8]
			w.happen(o)
			w.s.Keys[o.ID] = TxKey{"a", 7}
		}},
		"a retry was done again and is stored": {"doubled", func(w *world) { w.happen(w.h.Ops[8]) }},
		"an unmarked retry was done again": {"stray", func(w *world) {
			o := w.h.Ops[1]
			w.happen(o)
			w.s.Keys[o.ID] = TxKey{"a", 2}
		}},
		"a retry was answered with another number": {"doubled", func(w *world) {
			o := w.h.Ops[0]
			o.Calls = append(o.Calls, Call{Begin: w.tick(), End: w.tick(), Outcome: Answered, Number: 5, Balance: 5000})
		}},
		"a retry was answered with another balance": {"amount", func(w *world) {
			o := w.h.Ops[0]
			o.Calls = append(o.Calls, Call{Begin: w.tick(), End: w.tick(), Outcome: Answered, Number: 1, Balance: 1})
		}},
		"what was refused was done":                {"stray", func(w *world) { w.happen(w.h.Ops[7]) }},
		"the ledger's half without its own answer": {"half", func(w *world) { delete(w.s.Keys, "op2") }},
		"the stored answer without the ledger's half": {"half", func(w *world) {
			w.s.Keys["op6"] = TxKey{"a", 99}
		}},
		"points without the feature's row": {"half", func(w *world) { w.s.Txs[0].Row = false }},
		"points without the goods":         {"half", func(w *world) { w.s.Moves = w.s.Moves[:len(w.s.Moves)-1] }},
		"goods without the points": {"half", func(w *world) {
			w.s.Moves = append(w.s.Moves, Move{TxKey{"a", 99}, "rice", -1, 0})
		}},
		"entries that do not balance":              {"half", func(w *world) { w.s.Txs[2].Sum = 1 }},
		"a refund that the redemption knows not":   {"half", func(w *world) { w.s.Txs[1].Undone = 0 }},
		"a mark of a refund that is not there":     {"half", func(w *world) { w.s.Txs[0].Undone = 3 }},
		"a redemption refunded twice":              {"twice", func(w *world) { w.do(Refund, "x", 0, 2) }},
		"a code spent twice":                       {"twice", func(w *world) { w.do(Redeem, "x", 1, 0).OneTime = "code-op1" }},
		"a wallet below zero":                      {"negative", func(w *world) { w.do(Redeem, "x", 9999, 0) }},
		"a balance that lost an update":            {"sum", func(w *world) { w.s.Balances["x"] += 2000 }},
		"an entry's balance that lost an update":   {"sum", func(w *world) { w.s.Txs[5].Balance += 1000 }},
		"another amount than asked":                {"amount", func(w *world) { w.h.Ops[0].Amount = 4000 }},
		"a wallet that is not the asker's":         {"lost", func(w *world) { w.h.Ops[8].Wallet = "x" }},
		"a transfer that does not arrive":          {"amount", func(w *world) { w.s.Txs[7].To.Amount = 0 }},
		"a transfer that arrives elsewhere":        {"lost", func(w *world) { w.s.Txs[7].To.Wallet = "y" }},
		"a transfer that the receiver lost":        {"sum", func(w *world) { w.s.Balances["z"] = 0 }},
		"a transfer that is seen on one side only": {"stale", func(w *world) { w.h.Reads[len(w.h.Reads)-2].Value = 0 }},
		"stock below zero":                         {"negative", func(w *world) { w.s.Openings["rice"] = 0 }},
		"stock that lost an update":                {"sum", func(w *world) { w.s.Stocks["rice"]++ }},
		"a later write numbered before an earlier": {"order", func(w *world) { w.h.Ops[1].Calls[0].Begin, w.h.Ops[1].Calls[0].End = 900*ms, 901*ms }},
		"a read that misses an answered write":     {"stale", func(w *world) { w.h.Reads[1].Value = 5000 }},
		"a read of what was not yet sent":          {"stale", func(w *world) { w.h.Reads[0].Value = 4000 }},
		"a read of what never was":                 {"stale", func(w *world) { w.h.Reads[0].Value = 4321 }},
		"a statement that lacks a line":            {"stale", func(w *world) { w.h.Reads[2].Lines = w.h.Reads[2].Lines[1:] }},
		"a statement that is too old":              {"stale", func(w *world) { w.h.Reads[2].Lines = []Line{{2, -1000, 4000}, {1, 5000, 5000}} }},
		"a stock that misses an answered sale":     {"stale", func(w *world) { w.h.Reads[len(w.h.Reads)-1].Value = 98 }},
		"a refusal without a reason":               {"refusal", func(w *world) { w.h.Ops[7].Amount = 3000 }},
	} {
		t.Run(name, func(t *testing.T) {
			w := tale()
			lie.tell(w)
			var kinds []string
			found := Check(&w.h, &w.s)
			for _, a := range found {
				kinds = append(kinds, a.Kind)
			}
			require.Contains(t, kinds, lie.kind, "%v", found)
		})
	}
}

// Two reads, each of which could be true alone, contradict one another: the later one has forgotten what the earlier one saw of an
// unanswered write.
func TestReadsDoNotGoBack(t *testing.T) {
	w := newWorld()
	w.do(Grant, "x", 100, 0)
	o := w.op(Grant, "x", 10, 0)
	o.Calls = []Call{{Begin: w.tick(), End: w.tick()}}
	w.happen(o)
	old, late := Read{Wallet: "x", Value: 100}, Read{Wallet: "x", Value: 110}
	at := func(r Read) Read { r.Begin, r.End = w.tick(), w.tick(); return r }
	w.h.Reads = []Read{at(old), at(late)}
	require.Empty(t, Check(&w.h, &w.s))
	w.h.Reads = []Read{at(late), at(old)}
	require.Len(t, Check(&w.h, &w.s), 1)
	together := []Read{at(late), at(old)}
	together[1].Begin = together[0].Begin // neither ended before the other began
	w.h.Reads = together
	require.Empty(t, Check(&w.h, &w.s))
}

// TestWhateverHappensAtOncePasses: operations and reads that overlap at random, each taking effect at some moment between its call
// and its answer, are a true history; and a read altered to a value that no moment of its call had is found.
func TestWhateverHappensAtOncePasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		span := func() (begin, end time.Duration) {
			w.now += 10 * ms
			return w.now - time.Duration(rapid.IntRange(1, 200).Draw(t, "before"))*ms/10, w.now + time.Duration(rapid.IntRange(1, 200).Draw(t, "after"))*ms/10
		}
		for range rapid.IntRange(1, 40).Draw(t, "n") {
			wallet := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "wallet")
			begin, end := span()
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				o := w.op(Grant, wallet, int64(rapid.IntRange(1, 9).Draw(t, "amount")), 0)
				tx := w.happen(o)
				o.Calls = []Call{{Begin: begin, End: end, Outcome: Answered, Number: tx.Number, Balance: tx.Balance}}
				if rapid.Bool().Draw(t, "unanswered") {
					o.Calls[0] = Call{Begin: begin, End: end}
				}
			case 2:
				if w.balance[wallet] == 0 {
					continue
				}
				o := w.op(Redeem, wallet, 1, 0)
				tx := w.happen(o)
				o.Calls = []Call{{Begin: begin, End: end, Outcome: Answered, Number: tx.Number, Balance: tx.Balance}}
			case 3:
				w.h.Reads = append(w.h.Reads, Read{Wallet: wallet, Begin: begin, End: end, Value: w.balance[wallet]})
			}
		}
		require.Empty(t, Check(&w.h, &w.s))
		if len(w.h.Reads) > 0 {
			w.h.Reads[rapid.IntRange(0, len(w.h.Reads)-1).Draw(t, "which")].Value = -1
			require.Len(t, Check(&w.h, &w.s), 1)
		}
	})
}
