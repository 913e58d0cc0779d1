package ledger

import (
	"errors"
	"fmt"
	"slices"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/points"
)

// errClosed is a movement of a wallet that another has taken over since the caller looked at its household: the transaction runs
// again, and sees it.
var errClosed = errors.Join(db.ErrRetry, errors.New("ledger: the wallet was taken over by another"))

func closed(a *account) bool { return a != nil && a.heir != 0 }

// heldBy is the account of another owner in the same part.
func (r Ref) heldBy(owner id.ID) Ref { return Ref{r.Book, r.Asset, r.Kind, owner} }

// inherit adds to heirs those of the heirs themselves, to the end of every line.
func inherit(tx db.Tx, heirs map[Ref]Ref) error {
	for next := heirs; len(next) > 0; {
		var refs []Ref
		for _, h := range next {
			if _, known := heirs[h]; !known {
				refs = append(refs, h)
			}
		}
		rows, err := loadAccounts(tx, refs, false, nil)
		if err != nil {
			return err
		}
		next = map[Ref]Ref{}
		for ref, a := range rows {
			if closed(a) {
				next[ref] = ref.heldBy(a.heir)
			}
		}
		for ref, h := range next {
			heirs[ref] = h
		}
	}
	return nil
}

// Closed reports whether a locked wallet has been taken over by another.
func (b *Batch) Closed(ref Ref) bool { return closed(b.accounts[ref]) }

// Open makes the wallet of a new owner, which nobody else can know of and so needs no lock.
func (b *Batch) Open(ref Ref) { b.make(ref) }

// Reopen takes a locked wallet back from the one that has taken it over.
func (b *Batch) Reopen(ref Ref) { b.pass(ref, 0) }

func (b *Batch) pass(ref Ref, heir id.ID) {
	a := b.accounts[ref]
	a.heir, a.passed = heir, true
}

// PostTransfer moves p.Amount from one locked wallet to another of the same book. The points that expire soonest go first, and
// keep their last day; what the receiver owes is paid from them. ErrInsufficient where there is less.
func (b *Batch) PostTransfer(p Posting) (*Posted, error) {
	from, to, err := b.pair(p)
	if err != nil {
		return nil, err
	}
	moves, err := debit(from, p.Amount, 0, Refuse, 0)
	if err != nil {
		return nil, err
	}
	if p.Amount == from.balance {
		moves = empty(from)
	}
	return b.transfer(p, from, to, moves), nil
}

// PostMerge moves everything there is in one locked wallet to another of the same book, what it owes as well, and closes it: from
// now on the other pays and receives for it. p.Amount is not read.
func (b *Batch) PostMerge(p Posting) (*Posted, error) {
	from, to, err := b.pair(p)
	if err != nil {
		return nil, err
	}
	out := b.transfer(p, from, to, empty(from))
	b.pass(p.From, p.To.Owner)
	return out, nil
}

// Close closes a locked wallet that holds nothing, in favour of another.
func (b *Batch) Close(ref, heir Ref) error {
	if a := b.accounts[ref]; a == nil || a.balance != 0 || len(empty(a)) > 1 {
		return errors.New("ledger: only an empty wallet can be closed")
	}
	b.pass(ref, heir.Owner)
	return nil
}

func (b *Batch) pair(p Posting) (from, to *account, err error) {
	from, to = b.accounts[p.From], b.accounts[p.To]
	switch {
	case b.sealed || from == nil || to == nil || from == to || p.From.Kind != KindWallet || p.To.Kind != KindWallet || p.From.Book != p.To.Book || p.Amount < 0:
		return nil, nil, errors.New("ledger: a transfer needs two locked wallets of one book in an unsealed batch")
	case closed(from), closed(to):
		return nil, nil, errClosed
	}
	return from, to, nil
}

// empty plans to take all there is from the account and to pay what it owes: every lot, and what never expires. A wallet with
// nothing in it still has one move.
func empty(a *account) []move {
	var out []move
	for _, l := range a.lots {
		if l.amount != 0 {
			out = append(out, move{l.day, -l.amount})
		}
	}
	if free := a.free(); free != 0 || len(out) == 0 {
		out = append(out, move{0, -free})
	}
	return out
}

// transfer accepts the planned moves of from and what they do to to.
func (b *Batch) transfer(p Posting, from, to *account, moves []move) *Posted {
	out := &Posted{Tx: Tx{
		Key: Key{Book: p.Book}, Asset: Points, Kind: Transfer, Day: p.Day, Month: p.Month, At: b.tx.Millis(), Actor: p.Actor,
		Household: p.Household, Reason: clip(p.Reason),
	}}
	owed := points.Amount(0) // by from: its own lots pay it, oldest first, and the rest goes over
	for _, m := range moves {
		owed += max(0, m.amount)
	}
	out.Moved = out.move(from, moves).Abs()
	named := false // a movement of nothing still names its account
	for _, m := range moves {
		arrives := max(0, -m.amount)
		paid := min(owed, arrives)
		owed -= paid
		if arrives -= paid; arrives > 0 {
			out.move(to, credit(to, arrives, m.day))
			named = true
		}
	}
	if owed > 0 {
		taken, _ := debit(to, owed, 0, Owe, owed+max(0, -to.balance)) // a debt is not refused
		out.move(to, taken)
	} else if !named {
		out.move(to, []move{{0, 0}})
	}
	out.Balance, out.Holder = to.balance, to.ref
	b.posted = append(b.posted, out)
	return out
}

// carry is the transfer between a closed wallet and its holder that goes with a reversal.
func (b *Batch) carry(orig Tx, r Reversal, from, to *account, moves []move) {
	b.transfer(Posting{Book: orig.Book, Day: r.Day, Month: r.Month, Actor: r.Actor, Household: from.ref.Owner,
		Reason: fmt.Sprintf("第 %d 号的那一户已经并户，积分转到现在的户结算", orig.Number)}, from, to, moves)
}

// holder is the account itself, or the last one in the line of those that have taken it over.
func (b *Batch) holder(a *account) (*account, error) {
	for range len(b.accounts) {
		if !closed(a) {
			return a, nil
		}
		if a = b.accounts[a.ref.heldBy(a.heir)]; a == nil {
			return nil, errClosed // since the caller has loaded the transaction
		}
	}
	return nil, errors.New("ledger: wallets have taken each other over")
}

// reverseTransfer is Reverse of a transfer: the receiver gives back as much as it got, whole or not at all, from the very lots while
// there is something in them; to the giver everything returns as it was. Shortfall and Owing are not read.
func (b *Batch) reverseTransfer(orig Tx, r Reversal) (*Posted, error) {
	moves := map[Ref][]move{}
	sums, after := map[Ref]points.Amount{}, map[Ref]points.Amount{}
	for _, e := range orig.Entries {
		a := b.accounts[e.Ref]
		if a == nil || closed(a) {
			return nil, fmt.Errorf("ledger: a wallet of transaction %d is closed or not locked", orig.Number)
		}
		moves[e.Ref] = append(moves[e.Ref], move{e.Lot, -e.Amount})
		sums[e.Ref] += e.Amount
		after[e.Ref] = e.Balance
	}
	receiver, giver := orig.Entries[len(orig.Entries)-1].Ref, orig.Entries[0].Ref
	if sums[receiver] < 0 { // it was a debt
		receiver, giver = giver, receiver
	}
	owed := max(0, sums[receiver]-after[receiver]) // before the transfer; it may owe as much again
	back, err := giveBack(b.accounts[receiver], moves[receiver], sums[receiver], owed)
	if err != nil {
		return nil, err
	}
	out := &Posted{Tx: Tx{
		Key: Key{Book: orig.Book}, Asset: orig.Asset, Kind: r.Kind, Day: r.Day, Month: r.Month, At: b.tx.Millis(), Actor: r.Actor,
		Household: orig.Household, Reverses: orig.Number, Reason: clip(r.Reason),
	}}
	out.Moved = out.move(b.accounts[receiver], back).Abs()
	out.move(b.accounts[giver], moves[giver])
	out.Balance, out.Holder = b.accounts[giver].balance, giver
	b.posted = append(b.posted, out)
	return out, nil
}

// giveBack plans to take sum from the account, first from the lots in which it arrived; it may owe so much afterwards.
func giveBack(a *account, arrived []move, sum, owing points.Amount) ([]move, error) {
	left := account{ref: a.ref, balance: a.balance, floor: a.floor, lots: slices.Clone(a.lots)}
	if _, err := debit(&left, sum, 0, Owe, owing); err != nil {
		return nil, err
	}
	var out []move
	plan := func(l *lot, most points.Amount) {
		if x := min(l.amount, most, sum); x > 0 {
			out = append(out, move{l.day, -x})
			l.amount -= x
			sum -= x
		}
	}
	for _, m := range arrived {
		for i := range left.lots {
			if left.lots[i].day == m.day {
				plan(&left.lots[i], -m.amount)
			}
		}
	}
	for i := range left.lots {
		plan(&left.lots[i], sum)
	}
	if sum > 0 || len(out) == 0 {
		out = append(out, move{0, -sum})
	}
	return out, nil
}

// writeHeirs writes who has taken over which wallet.
func (b *Batch) writeHeirs() error {
	for _, a := range b.accounts {
		if a.passed {
			if err := b.tx.Exec("UPDATE accounts SET heir_id = ? WHERE id = ?", a.heir, a.id).Error; err != nil {
				return fmt.Errorf("closing a wallet: %w", err)
			}
		}
	}
	return nil
}
