package ledger

import (
	"crypto/sha256"
	"fmt"
	"strconv"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/points"
)

// Kind is why points moved.
type Kind uint8

// The kinds of transaction.
const (
	Award    Kind = 1
	Deduct   Kind = 2
	Redeem   Kind = 3
	Refund   Kind = 4 // undoes a redemption
	Expire   Kind = 5
	Settle   Kind = 6
	Reverse  Kind = 7 // undoes an award or a deduction
	Opening  Kind = 8 // carried over from the notebook
	Transfer Kind = 9 // from one household's wallet to another's, when they split or merge
)

// Name is the kind as statements show it.
func (k Kind) Name() string {
	return map[Kind]string{Award: "加分", Deduct: "扣分", Redeem: "兑换", Refund: "退货", Expire: "过期", Settle: "结算", Reverse: "撤销", Opening: "期初", Transfer: "转户"}[k]
}

// Key names a transaction within its book: village and number, 第 1234 号.
type Key struct {
	Book   id.ID
	Number int64
}

// Tx is one transaction as it stands in the ledger.
type Tx struct {
	Key
	Asset       Asset
	Kind        Kind
	Day         cal.Day
	Month       cal.Month
	At          int64 // UTC milliseconds
	Actor       id.ID
	Household   id.ID
	Person      id.ID
	Member      id.ID
	Branch      id.ID
	Score       points.Amount
	RuleVersion id.ID
	Reverses    int64 // number in the same book, 0 for none
	Reason      string
	Prev, Hash  [32]byte
	Entries     []Entry
	heirs       []Ref // filled by Load: the wallets that have taken over those of the entries
	counterpart id.ID // while rows are read: the account of the entry that has none; 0: there is no such entry
}

// Entry is one side of a movement.
type Entry struct {
	Account id.ID
	Ref     Ref // filled by Load and in a batch; not part of the row
	Amount  points.Amount
	Lot     cal.Day       // expiry day of the points moved, 0 for those that never expire
	Tracked bool          // whether Balance means anything
	Balance points.Amount // running balance of a tracked account after this entry
}

// Refs are the accounts the transaction moved, to be locked before it is reversed, and the wallets that have taken them over.
func (t Tx) Refs() []Ref {
	out := make([]Ref, len(t.Entries), len(t.Entries)+len(t.heirs))
	for i, e := range t.Entries {
		out[i] = e.Ref
	}
	return append(out, t.heirs...)
}

// Canonical is the text whose SHA-256 is the transaction's hash, format jishan-tx-1: one field a line, amounts in hundredths.
// It names nobody: whom it concerns and why is in Private, for which the last line stands. docs/ledger-format.md describes both
// for those who check them with their own program.
func (t *Tx) Canonical(buf []byte) []byte {
	b := t.Private(buf)
	private := sha256.Sum256(b[len(buf):])
	b = append(b[:len(buf)], "jishan-tx-1\nprev "...)
	b = appendHex(b, t.Prev[:])
	b = append(b, "\nbook "...)
	b = t.Book.Append(b)
	for _, f := range [...]struct {
		name string
		v    int64
	}{
		{"number", t.Number}, {"asset", int64(t.Asset)}, {"kind", int64(t.Kind)}, {"day", int64(t.Day)}, {"month", int64(t.Month)},
		{"at", t.At}, {"score", int64(t.Score)}, {"moved", int64(t.Turnover())}, {"reverses", t.Reverses},
	} {
		b = append(b, '\n')
		b = append(b, f.name...)
		b = append(b, ' ')
		b = strconv.AppendInt(b, f.v, 10)
	}
	b = append(b, "\nprivate "...)
	b = appendHex(b, private[:])
	return append(b, '\n')
}

// Private is the other half of the canonical text: keys in Crockford base32, the reason quoted as a Go string, then a line an
// entry. The keys of the accounts are random and shown to nobody, so its hash does not give away what it says.
func (t *Tx) Private(buf []byte) []byte {
	b := buf
	for i, f := range [...]struct {
		name string
		v    id.ID
	}{
		{"actor", t.Actor}, {"household", t.Household}, {"person", t.Person}, {"member", t.Member}, {"branch", t.Branch}, {"rules", t.RuleVersion},
	} {
		if i > 0 {
			b = append(b, '\n')
		}
		b = append(b, f.name...)
		b = append(b, ' ')
		b = f.v.Append(b)
	}
	b = append(b, "\nreason "...)
	b = strconv.AppendQuote(b, t.Reason)
	for _, e := range t.Entries {
		b = append(b, "\nentry "...)
		b = e.Account.Append(b)
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(e.Amount), 10)
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(e.Lot), 10)
		if e.Tracked {
			b = append(b, ' ')
			b = strconv.AppendInt(b, int64(e.Balance), 10)
		}
	}
	return append(b, '\n')
}

// Turnover is how much changed hands: the positive entries added up.
func (t *Tx) Turnover() (sum points.Amount) {
	for _, e := range t.Entries {
		sum += max(e.Amount, 0)
	}
	return sum
}

func appendHex(b, h []byte) []byte {
	const digits = "0123456789abcdef"
	for _, c := range h {
		b = append(b, digits[c>>4], digits[c&15])
	}
	return b
}

func (t *Tx) sum(buf []byte) ([32]byte, []byte) {
	buf = t.Canonical(buf[:0])
	return sha256.Sum256(buf), buf
}

type txRow struct {
	BookID        id.ID
	Number        int64
	Asset         Asset
	Kind          Kind
	Day           cal.Day
	Month         cal.Month
	At            int64
	ActorID       id.ID
	HouseholdID   id.ID
	PersonID      id.ID
	MemberID      id.ID
	BranchID      id.ID
	Score         points.Amount
	RuleVersionID id.ID
	Reverses      *int64
	Reason        string
	PrevHash      []byte
	Hash          []byte
}

const txColumns = "book_id, number, asset, kind, day, month, at, actor_id, household_id, person_id, member_id, branch_id, score, rule_version_id, reverses, reason, prev_hash, hash"

func (r txRow) tx() Tx {
	t := Tx{
		Key: Key{r.BookID, r.Number}, Asset: r.Asset, Kind: r.Kind, Day: r.Day, Month: r.Month, At: r.At, Actor: r.ActorID,
		Household: r.HouseholdID, Person: r.PersonID, Member: r.MemberID, Branch: r.BranchID, Score: r.Score,
		RuleVersion: r.RuleVersionID, Reason: r.Reason,
	}
	if r.Reverses != nil {
		t.Reverses = *r.Reverses
	}
	copy(t.Prev[:], r.PrevHash)
	copy(t.Hash[:], r.Hash)
	return t
}

type entryRow struct {
	BookID        id.ID
	Number        int64
	AccountID     id.ID
	Amount        points.Amount
	Lot           cal.Day
	Balance       *points.Amount
	CounterpartID id.ID
}

func (r entryRow) entry() Entry {
	e := Entry{Account: r.AccountID, Amount: r.Amount, Lot: r.Lot}
	if r.Balance != nil {
		e.Tracked, e.Balance = true, *r.Balance
	}
	return e
}

// read takes an entry as it is stored, the next in order.
func (t *Tx) read(e Entry, counterpart id.ID) {
	t.Entries = append(t.Entries, e)
	if counterpart != 0 {
		t.counterpart = counterpart
	}
}

// complete appends the entry that has no row, after all that have: what the untracked account gave is what the others received.
func (t *Tx) complete() {
	if t.counterpart == 0 {
		return
	}
	var sum points.Amount
	for _, e := range t.Entries {
		sum += e.Amount
	}
	t.Entries = append(t.Entries, Entry{Account: t.counterpart, Amount: -sum})
	t.counterpart = 0
}

// Load reads transactions with their entries and the entries' Refs. They never change, so they may be read before anything is
// locked. What does not exist is missing from the map.
func Load(tx db.Tx, keys ...Key) (map[Key]Tx, error) {
	byBook := map[id.ID][]int64{}
	for _, k := range keys {
		byBook[k.Book] = append(byBook[k.Book], k.Number)
	}
	out := make(map[Key]Tx, len(keys))
	var accounts []id.ID
	for book, numbers := range byBook {
		for len(numbers) > 0 {
			part := numbers[:min(chunk, len(numbers))]
			numbers = numbers[len(part):]
			var txs []txRow
			if err := tx.Raw("SELECT "+txColumns+" FROM ledger_txs WHERE book_id = ? AND number IN ?", book, part).Scan(&txs).Error; err != nil {
				return nil, fmt.Errorf("reading transactions: %w", err)
			}
			var entries []entryRow
			if err := tx.Raw("SELECT book_id, number, account_id, amount, lot, balance, counterpart_id FROM ledger_entries WHERE book_id = ? AND number IN ? ORDER BY number, line", book, part).Scan(&entries).Error; err != nil {
				return nil, fmt.Errorf("reading entries: %w", err)
			}
			for _, r := range txs {
				out[Key{r.BookID, r.Number}] = r.tx()
			}
			for _, r := range entries {
				t := out[Key{r.BookID, r.Number}]
				t.read(r.entry(), r.CounterpartID)
				out[Key{r.BookID, r.Number}] = t
				accounts = append(accounts, r.AccountID, r.CounterpartID)
			}
		}
	}
	refs, heirs, err := refsOf(tx, unique(accounts))
	if err != nil {
		return nil, err
	}
	if err := inherit(tx, heirs); err != nil {
		return nil, err
	}
	for k, t := range out {
		t.complete()
		for i := range t.Entries {
			e := &t.Entries[i]
			e.Ref = refs[e.Account]
			for h, closed := heirs[e.Ref]; closed; h, closed = heirs[h] {
				t.heirs = append(t.heirs, h)
			}
		}
		out[k] = t
	}
	return out, nil
}

// refsOf are the accounts by key, and who has taken over those that are closed.
func refsOf(tx db.Tx, accounts []id.ID) (out map[id.ID]Ref, heirs map[Ref]Ref, err error) {
	out, heirs = make(map[id.ID]Ref, len(accounts)), map[Ref]Ref{}
	for len(accounts) > 0 {
		part := accounts[:min(chunk, len(accounts))]
		accounts = accounts[len(part):]
		var rows []accountRow
		if err := tx.Raw("SELECT "+accountColumns+" FROM accounts WHERE id IN ?", part).Scan(&rows).Error; err != nil {
			return nil, nil, fmt.Errorf("reading accounts by id: %w", err)
		}
		for _, r := range rows {
			out[r.ID] = r.ref()
			if r.HeirID != 0 {
				heirs[r.ref()] = r.ref().heldBy(r.HeirID)
			}
		}
	}
	return out, heirs, nil
}
