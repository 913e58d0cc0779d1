package ledger

import (
	"errors"
	"fmt"
	"slices"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/points"
)

// ErrInsufficient is a movement that would take a wallet below its floor.
var ErrInsufficient = errs.Define(errs.Refused, "wallet.insufficient", "可用积分不足")

// ErrReversed is a transaction that has been undone already.
var ErrReversed = errs.Define(errs.Conflict, "ledger.reversed", "这一笔已经撤销过了，不能重复撤销")

// Shortfall says what a debit does that is larger than the balance.
type Shortfall uint8

// The ways to meet a shortfall.
const (
	Refuse Shortfall = 0 // ErrInsufficient
	Take   Shortfall = 1 // moves what is there, perhaps nothing; the score takes the whole
	Owe    Shortfall = 2 // goes below zero, as far as Owing
)

// Posting asks for one transaction that moves Amount from one account to another.
type Posting struct {
	Book        id.ID
	Kind        Kind
	Asset       Asset
	Day         cal.Day
	Month       cal.Month // in which Score counts
	Actor       id.ID
	Household   id.ID // whom the transaction and its score belong to; zero where it does not apply
	Person      id.ID
	Member      id.ID
	Branch      id.ID
	Score       points.Amount
	RuleVersion id.ID
	Reason      string // Chinese, as the statement shows it; at most 500 characters
	From, To    Ref
	Amount      points.Amount // 0 records a score, or a fact without points, in the account's statement
	Lot         cal.Day       // last day on which credited points are good; 0 for ever
	Shortfall   Shortfall
	Owing       points.Amount // how far below zero Owe may go
}

// Posted is a transaction that a batch has accepted. Number and Hash are set by Advance and Seal.
type Posted struct {
	Tx
	Moved   points.Amount // what the tracked account moved, without sign; less than asked where Take met a shortfall
	Balance points.Amount // of the tracked account afterwards, or of the one that has taken it over
	Holder  Ref           // that account
}

// Batch gathers transactions to be numbered and written together.
type Batch struct {
	tx           db.Tx
	accounts     map[Ref]*account
	counterparts map[Ref]id.ID // untracked accounts
	posted       []*Posted
	numbered     int                // how many of posted have their number and are written
	heads        map[id.ID]*headRow // locked; nil before
	locked       bool
	sealed       bool
	fresh        []*account // to be inserted
}

// Begin starts a batch in the transaction.
func Begin(tx db.Tx) *Batch { return &Batch{tx: tx, accounts: map[Ref]*account{}} }

// Lock takes the tracked accounts among refs, in one order for everybody, and holds them until the end of the transaction;
// accounts that do not exist yet are made. Call it once, before any other lock.
func (b *Batch) Lock(refs ...Ref) error { return b.LockAnd(nil, refs...) }

// LockAnd is Lock, with queries that read made after the locks are taken, in the same round trip.
func (b *Batch) LockAnd(read func() error, refs ...Ref) error {
	if b.locked {
		return errors.New("ledger: Lock called twice in a batch")
	}
	b.locked = true
	var tracked []Ref
	for _, r := range refs {
		if r.Kind.tracked() {
			tracked = append(tracked, r)
		}
	}
	var err error
	if b.accounts, err = loadAccounts(b.tx, tracked, true, read); err != nil {
		return err
	}
	for _, r := range tracked {
		if b.accounts[r] == nil {
			b.make(r)
		}
	}
	return b.insertFresh()
}

// make brings an account into being in memory; insertFresh writes it.
func (b *Batch) make(r Ref) *account {
	a := &account{id: id.New(), ref: r, created: b.tx.Millis(), isNew: true}
	if r.Kind == KindParty {
		a.floor = -1 << 62 // a party score has no floor
	}
	b.accounts[r] = a
	b.fresh = append(b.fresh, a)
	return a
}

// insertFresh writes new accounts with balance zero at once, so that the unique key makes the creator their holder: whoever
// makes the same account at the same moment waits here and runs again.
func (b *Batch) insertFresh() error {
	if len(b.fresh) == 0 {
		return nil
	}
	slices.SortFunc(b.fresh, func(x, y *account) int { return compareRefs(x.ref, y.ref) })
	err := b.writeAccounts(b.fresh)
	b.fresh = nil
	if db.Duplicate(err) {
		return errors.Join(db.ErrRetry, err)
	}
	return err
}

func compareRefs(x, y Ref) int {
	for _, c := range [...]int{cmp(x.Owner, y.Owner), cmp(x.Book, y.Book), cmp(id.ID(x.Asset), id.ID(y.Asset)), cmp(id.ID(x.Kind), id.ID(y.Kind))} {
		if c != 0 {
			return c
		}
	}
	return 0
}

func cmp(x, y id.ID) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// Balance is the balance of a locked account including what this batch has posted.
func (b *Batch) Balance(ref Ref) points.Amount {
	if a := b.accounts[ref]; a != nil {
		return a.balance
	}
	return 0
}

// Version counts the commits that booked on a locked account; after Seal, with this one. What was read of an account's past is still so
// while the version is.
func (b *Batch) Version(ref Ref) int64 {
	if a := b.accounts[ref]; a != nil {
		return a.version
	}
	return 0
}

// Post accepts or refuses one movement, in memory. One of From and To must be a locked tracked account and the other an
// untracked one. A refusal changes nothing.
func (b *Batch) Post(p Posting) (*Posted, error) {
	if b.sealed || !b.locked {
		return nil, errors.New("ledger: Post needs a locked, unsealed batch")
	}
	if p.Amount < 0 {
		return nil, fmt.Errorf("ledger: posting of %d", p.Amount)
	}
	out := &Posted{Tx: Tx{
		Key: Key{Book: p.Book}, Asset: p.Asset, Kind: p.Kind, Day: p.Day, Month: p.Month, At: b.tx.Millis(), Actor: p.Actor,
		Household: p.Household, Person: p.Person, Member: p.Member, Branch: p.Branch, Score: p.Score, RuleVersion: p.RuleVersion,
		Reason: clip(p.Reason),
	}}
	from, to := b.accounts[p.From], b.accounts[p.To]
	switch {
	case closed(from), closed(to):
		return nil, errClosed
	case from != nil && !p.To.Kind.tracked():
		moves, err := debit(from, p.Amount, 0, p.Shortfall, p.Owing)
		if err != nil {
			return nil, err
		}
		b.apply(out, from, moves, p.To)
	case to != nil && !p.From.Kind.tracked():
		b.apply(out, to, credit(to, p.Amount, p.Lot), p.From)
	default:
		return nil, errors.New("ledger: a posting needs one locked account and one counterpart")
	}
	b.posted = append(b.posted, out)
	return out, nil
}

// move is a change of one lot of an account; day 0 is what never expires.
type move struct {
	day    cal.Day
	amount points.Amount
}

// debit plans to take amount from the account: from the lot prefer first (when it is one), then the lot that expires soonest,
// last what never expires.
func debit(a *account, amount points.Amount, prefer cal.Day, s Shortfall, owing points.Amount) ([]move, error) {
	floor := points.Amount(0)
	switch {
	case a.ref.Kind == KindParty:
		floor = a.floor
	case s == Owe:
		floor = -owing
	}
	if room := max(0, a.balance-floor); amount > room {
		if s != Take {
			return nil, ErrInsufficient.With("可用积分不足：现有 %s，需要 %s", a.balance, amount)
		}
		amount = room
	}
	var out []move
	take := func(l lot) {
		if x := min(l.amount, amount); x > 0 {
			out = append(out, move{l.day, -x})
			amount -= x
		}
	}
	for _, l := range a.lots {
		if l.day == prefer {
			take(l)
		}
	}
	for _, l := range a.lots {
		if l.day != prefer {
			take(l)
		}
	}
	if amount > 0 || len(out) == 0 { // a movement of nothing still names its account
		out = append(out, move{0, -amount})
	}
	return out, nil
}

// credit plans to give amount to the account: what it owes is paid first, the rest expires on day.
func credit(a *account, amount points.Amount, day cal.Day) []move {
	if day == 0 || amount == 0 { // a movement of nothing still names its account
		return []move{{0, amount}}
	}
	var out []move
	if owed := min(amount, max(0, -a.free())); owed > 0 {
		out = append(out, move{0, owed})
		amount -= owed
	}
	if amount > 0 {
		out = append(out, move{day, amount})
	}
	return out
}

// apply carries the planned moves out in memory and appends the entries, the counterpart's last.
func (b *Batch) apply(out *Posted, a *account, moves []move, counterpart Ref) {
	sum := out.move(a, moves)
	out.Entries = append(out.Entries, Entry{Ref: counterpart, Amount: -sum})
	out.Moved, out.Balance, out.Holder = sum.Abs(), a.balance, a.ref
}

// move carries the planned moves of one account out in memory, appends their entries and answers their sum.
func (out *Posted) move(a *account, moves []move) (sum points.Amount) {
	for _, m := range moves {
		a.balance += m.amount
		sum += m.amount
		if m.day != 0 {
			a.moveLot(m.day, m.amount)
		}
		out.Entries = append(out.Entries, Entry{Account: a.id, Ref: a.ref, Amount: m.amount, Lot: m.day, Tracked: true, Balance: a.balance})
	}
	a.touched = true
	if floor := min(a.floor, a.balance, 0); a.ref.Kind == KindWallet && floor != a.floor {
		a.floor, a.lowered = floor, true
	}
	return sum
}

func (a *account) moveLot(day cal.Day, amount points.Amount) {
	i, found := slices.BinarySearchFunc(a.lots, day, func(l lot, d cal.Day) int { return int(l.day) - int(d) })
	if !found {
		a.lots = slices.Insert(a.lots, i, lot{day: day})
	}
	a.lots[i].amount += amount
	a.lots[i].touched = true
}

// Reversal asks for a transaction to be undone.
type Reversal struct {
	Kind      Kind // Reverse for awards and deductions, Refund for redemptions
	Actor     id.ID
	Day       cal.Day
	Month     cal.Month
	Reason    string
	Shortfall Shortfall // when the points that were given have been spent
	Owing     points.Amount
	GoodUntil cal.Day // points that come back are good until this day; 0 puts them into the lots they came from
}

// Reverse accepts the undoing of orig (from Load; its Refs must be locked): the points go back to the lots they came from and
// the score is taken back whole. Where the wallet has been taken over by another, that one pays or receives, by a transfer of its
// own beside the reversal. The caller has made sure, under the lock, that orig stands; the key of ledger_reversals
// is the last net.
func (b *Batch) Reverse(orig Tx, r Reversal) (*Posted, error) {
	if b.sealed || !b.locked {
		return nil, errors.New("ledger: Reverse needs a locked, unsealed batch")
	}
	if orig.Kind == Transfer {
		return b.reverseTransfer(orig, r)
	}
	var a *account
	var counterpart Ref
	var sum points.Amount
	var back []move
	for _, e := range orig.Entries {
		if !e.Ref.Kind.tracked() {
			counterpart = e.Ref
			continue
		}
		if a = b.accounts[e.Ref]; a == nil {
			return nil, fmt.Errorf("ledger: account of transaction %d is not locked", orig.Number)
		}
		sum -= e.Amount
		back = append(back, move{e.Lot, -e.Amount})
	}
	if a == nil {
		return nil, fmt.Errorf("ledger: transaction %d has no tracked account", orig.Number)
	}
	holder, err := b.holder(a)
	if err != nil {
		return nil, err
	}
	if sum < 0 { // taking back what was given: prefer the very lot it went into
		if back, err = debit(holder, -sum, back[len(back)-1].day, r.Shortfall, r.Owing); err != nil {
			return nil, err
		}
		if holder != a {
			b.carry(orig, r, holder, a, back)
		}
	} else if r.GoodUntil != 0 {
		back = credit(a, sum, r.GoodUntil)
	}
	out := &Posted{Tx: Tx{
		Key: Key{Book: orig.Book}, Asset: orig.Asset, Kind: r.Kind, Day: r.Day, Month: r.Month, At: b.tx.Millis(), Actor: r.Actor,
		Household: orig.Household, Person: orig.Person, Member: orig.Member, Branch: orig.Branch, Score: -orig.Score,
		RuleVersion: orig.RuleVersion, Reverses: orig.Number, Reason: clip(r.Reason),
	}}
	b.apply(out, a, back, counterpart)
	b.posted = append(b.posted, out)
	if holder != a {
		if out.Moved != 0 && sum > 0 {
			b.carry(orig, r, a, holder, empty(a))
		}
		out.Balance, out.Holder = holder.balance, holder.ref
	}
	return out, nil
}

// clip keeps a reason within its column.
func clip(s string) string {
	if r := []rune(s); len(r) > 500 {
		return string(r[:499]) + "…"
	}
	return s
}

// PostExpiry moves what the wallet p.From holds in lots that were good until lastDay or earlier to p.To; nothing to move is
// nil without error. p.Amount is not read.
func (b *Batch) PostExpiry(p Posting, lastDay cal.Day) (*Posted, error) {
	a := b.accounts[p.From]
	if b.sealed || a == nil {
		return nil, errors.New("ledger: expiry needs a locked account in an unsealed batch")
	}
	var moves []move
	for _, l := range a.lots {
		if l.day <= lastDay && l.amount > 0 {
			moves = append(moves, move{l.day, -l.amount})
		}
	}
	if len(moves) == 0 {
		return nil, nil
	}
	out := &Posted{Tx: Tx{
		Key: Key{Book: p.Book}, Asset: p.Asset, Kind: Expire, Day: p.Day, Month: p.Month, At: b.tx.Millis(), Actor: p.Actor,
		Household: p.Household, Reason: clip(p.Reason),
	}}
	b.apply(out, a, moves, p.To)
	b.posted = append(b.posted, out)
	return out, nil
}
