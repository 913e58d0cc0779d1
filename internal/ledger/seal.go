package ledger

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/outbox"
	"jishan/internal/points"
)

// ScoreKind is whom a score belongs to.
type ScoreKind uint8

// The owners of scores. A party score is kept for the member, the branch and the village; village points for the household,
// the person if one earned them, and the village.
const (
	ScoreHousehold ScoreKind = 1
	ScorePerson    ScoreKind = 2
	ScoreMember    ScoreKind = 3
	ScoreBranch    ScoreKind = 4
	ScoreVillage   ScoreKind = 5
)

// Topic is the outbox topic of Changed.
const Topic = "scores"

// Changed tells the boards whose scores a batch has touched; they read the present values themselves. With a village instead of owners
// it asks for the whole of it.
type Changed struct {
	Village id.ID         `json:"village,omitzero"`
	Asset   Asset         `json:"asset"`
	Owners  []ScoredOwner `json:"owners"`
}

// ScoredOwner is an owner of scores.
type ScoredOwner struct {
	Kind ScoreKind `json:"k"`
	ID   id.ID     `json:"id"`
}

// Seal locks the heads of the villages concerned, gives every posted transaction its number and hash, and writes accounts,
// lots, scores, transactions, entries, heads and the outbox. A batch without postings writes nothing. After Seal the batch is over;
// rows of the caller's own that carry a number are inserted next, in the same transaction.
func (b *Batch) Seal() error {
	if b.sealed {
		return errors.New("ledger: batch sealed twice")
	}
	b.sealed = true
	if len(b.posted) == 0 {
		return nil
	}
	if err := b.resolveCounterparts(); err != nil {
		return err
	}
	// The heads are held from their lock to the commit, and every batch of the village waits for them: what needs no number goes before.
	// Of the scores only those whose account is held go before: the others are shared, and since Stream they come after the heads.
	steps := []func() error{b.writeTouchedAccounts, b.writeHeirs, b.writeLots, b.writeScores, b.lockHeads, b.number, b.writeSharedScores, b.moveHeads}
	if b.heads != nil { // since Stream
		steps = []func() error{b.number, b.writeTouchedAccounts, b.writeHeirs, b.writeLots, b.writeScores, b.writeSharedScores, b.moveHeads}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// Stream is for a large batch, after Lock and whatever else the caller locks: it locks the heads of the books of these counterparts now, so
// that Advance may write one part while the next is decided on. All postings must be between a locked account and one of them.
func (b *Batch) Stream(counterparts ...Ref) error {
	if b.sealed || !b.locked || len(b.posted) > 0 {
		return errors.New("ledger: Stream needs a locked batch without postings")
	}
	need := map[Ref]struct{}{}
	for _, r := range counterparts {
		need[r] = struct{}{}
	}
	if err := b.resolve(need); err != nil {
		return err
	}
	return b.lock(booksOf(counterparts, func(r Ref) id.ID { return r.Book }))
}

// Advance numbers and writes what has been posted since it was called last. It cannot be refused any more, but for all of the batch.
func (b *Batch) Advance() error {
	if b.sealed || b.heads == nil {
		return errors.New("ledger: Advance needs a batch since Stream")
	}
	if err := b.resolveCounterparts(); err != nil {
		return err
	}
	return b.number()
}

// resolveCounterparts finds the ids of the untracked accounts in what is not numbered yet.
func (b *Batch) resolveCounterparts() error {
	need := map[Ref]struct{}{}
	for _, p := range b.posted[b.numbered:] {
		for _, e := range p.Entries {
			if e.Account == 0 && b.counterparts[e.Ref] == 0 {
				need[e.Ref] = struct{}{}
			}
		}
	}
	if err := b.resolve(need); err != nil {
		return err
	}
	for _, p := range b.posted[b.numbered:] {
		for i := range p.Entries {
			if e := &p.Entries[i]; e.Account == 0 {
				e.Account = b.counterparts[e.Ref]
			}
		}
	}
	return nil
}

// resolve finds the ids of untracked accounts, without locking them, and makes the missing ones.
func (b *Batch) resolve(need map[Ref]struct{}) error {
	if b.counterparts == nil {
		b.counterparts = map[Ref]id.ID{}
	}
	unknown := map[Ref]struct{}{}
	for r := range need {
		if known, ok := b.tx.Memo.Load(r); ok {
			b.counterparts[r] = known.(id.ID)
		} else {
			unknown[r] = struct{}{}
		}
	}
	if len(unknown) > 0 {
		refs := slices.SortedFunc(maps.Keys(unknown), compareRefs)
		rows, err := loadAccounts(b.tx, refs, false, nil)
		if err != nil {
			return err
		}
		for _, r := range refs {
			row, ok := rows[r]
			switch {
			case !ok:
				b.counterparts[r] = b.make(r).id
			case row.created != b.tx.Millis(): // not perhaps made by this very transaction, which may yet be rolled back
				b.tx.Memo.Store(r, row.id)
				fallthrough
			default:
				b.counterparts[r] = row.id
			}
		}
	}
	return b.insertFresh()
}

type headRow struct {
	BookID id.ID
	Number int64
	Hash   []byte
}

func booksOf[T any](list []T, book func(T) id.ID) []id.ID {
	books := make([]id.ID, len(list))
	for i, x := range list {
		books[i] = book(x)
	}
	return unique(books)
}

// lockHeads locks the heads of all books that were posted to.
func (b *Batch) lockHeads() error {
	return b.lock(booksOf(b.posted, func(p *Posted) id.ID { return p.Book }))
}

// lock locks the heads of the books in order, and makes those that are not there yet.
func (b *Batch) lock(books []id.ID) error {
	b.heads = map[id.ID]*headRow{}
	err := db.Query(b.tx, func(rows db.Row) error {
		var h headRow
		err := rows.Scan(&h.BookID, &h.Number, &h.Hash)
		b.heads[h.BookID] = &h
		return err
	}, "SELECT book_id, number, hash FROM ledger_heads WHERE book_id IN ? ORDER BY book_id"+b.tx.ForUpdate(), db.ListOf(books))
	if err != nil {
		return fmt.Errorf("locking the heads of the chains: %w", err)
	}
	for _, book := range books {
		if b.heads[book] == nil {
			h := &headRow{BookID: book, Hash: make([]byte, 32)}
			b.heads[book] = h
			err := db.Insert(b.tx, "ledger_heads", []string{"book_id", "number", "hash"}, 1, func(_ int, args []any) []any {
				return append(args, int64(h.BookID), h.Number, h.Hash)
			})
			if db.Duplicate(err) {
				return errors.Join(db.ErrRetry, err)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// chained is how many transactions are numbered before they are sent: of a large batch the database writes some while the next are hashed.
const chained = 500

// number numbers, hashes and writes the transactions with their entries that are not yet.
func (b *Batch) number() error {
	var buf []byte
	for part := range slices.Chunk(b.posted[b.numbered:], chained) {
		for _, p := range part {
			h := b.heads[p.Book]
			if h == nil {
				return fmt.Errorf("ledger: posting in book %s, whose head is not locked", p.Book)
			}
			h.Number++
			p.Number = h.Number
			copy(p.Prev[:], h.Hash)
			p.Hash, buf = p.sum(buf)
			h.Hash = p.Hash[:]
		}
		if err := b.writeTxs(part); err != nil {
			return err
		}
		if err := b.writeEntries(part); err != nil {
			return err
		}
	}
	b.numbered = len(b.posted)
	return nil
}

// moveHeads writes the ends of the chains.
func (b *Batch) moveHeads() error {
	heads := slices.SortedFunc(maps.Values(b.heads), func(x, y *headRow) int { return cmp(x.BookID, y.BookID) })
	return db.Update(b.tx.Later(), "ledger_heads", "book_id", []string{"number", "hash"}, len(heads), func(i int, args []any) []any {
		h := heads[i]
		return append(args, int64(h.BookID), h.Number, h.Hash)
	})
}

// writeTouchedAccounts writes the balances of accounts, which all are there since Lock; and floors, which hardly ever change, first.
func (b *Batch) writeTouchedAccounts() error {
	var touched, lowered []*account
	for _, a := range b.accounts {
		if a.touched {
			touched = append(touched, a)
		}
		if a.lowered {
			lowered = append(lowered, a)
		}
	}
	for _, list := range [][]*account{touched, lowered} {
		slices.SortFunc(list, func(x, y *account) int { return cmp(x.id, y.id) })
	}
	err := db.Update(b.tx.Later(), "accounts", "id", []string{"floor"}, len(lowered), func(i int, args []any) []any {
		return append(args, int64(lowered[i].id), int64(lowered[i].floor))
	})
	if err != nil {
		return err
	}
	return db.Update(b.tx.Later(), "accounts", "id", []string{"balance", "version+"}, len(touched), func(i int, args []any) []any {
		touched[i].version++
		return append(args, int64(touched[i].id), int64(touched[i].balance))
	})
}

// writeAccounts inserts accounts.
func (b *Batch) writeAccounts(list []*account) error {
	cols := []string{"id", "book_id", "asset", "kind", "owner_id", "tracked", "balance", "floor", "created_at"}
	return db.Insert(b.tx, "accounts", cols, len(list), func(i int, args []any) []any {
		a := list[i]
		tracked := 0
		if a.ref.Kind.tracked() {
			tracked = 1
		}
		return append(args, int64(a.id), int64(a.ref.Book), int64(a.ref.Asset), int64(a.ref.Kind), int64(a.ref.Owner), tracked, int64(a.balance), int64(a.floor), a.created)
	})
}

func (b *Batch) writeLots() error {
	type changed struct {
		account id.ID
		lot     lot
	}
	var list []changed
	for _, a := range b.accounts {
		for _, l := range a.lots {
			if l.touched {
				list = append(list, changed{a.id, l})
			}
		}
	}
	slices.SortFunc(list, func(x, y changed) int {
		if c := cmp(x.account, y.account); c != 0 {
			return c
		}
		return int(x.lot.day) - int(y.lot.day)
	})
	return db.Upsert(b.tx.Later(), "lots", []string{"account_id", "expiry_day", "amount"}, []string{"account_id", "expiry_day"}, []string{"amount"}, nil, len(list),
		func(i int, args []any) []any {
			return append(args, int64(list[i].account), int64(list[i].lot.day), int64(list[i].lot.amount))
		})
}

type scoreKey struct {
	owner   id.ID
	asset   Asset
	month   cal.Month
	village id.ID
	kind    ScoreKind
}

// scored are the owners whose score a transaction changes.
func (t *Tx) scored() []ScoredOwner {
	if t.Score == 0 {
		return nil
	}
	out := make([]ScoredOwner, 0, 3)
	for _, o := range [...]ScoredOwner{{ScoreHousehold, t.Household}, {ScorePerson, t.Person}, {ScoreMember, t.Member}, {ScoreBranch, t.Branch}, {ScoreVillage, t.Book}} {
		if o.ID == 0 || t.Asset == PartyScore && o.Kind < ScoreMember {
			continue
		}
		out = append(out, o)
	}
	return out
}

// own reports whether nobody can change a score of the kind without holding its owner's account. A person's points may have gone to the
// wallet of a household left since, and a branch and a village have many.
func (k ScoreKind) own() bool { return k == ScoreHousehold || k == ScoreMember }

// writeScores writes the scores of those whose accounts the batch holds, and tells the boards whose have changed, these and the shared ones.
func (b *Batch) writeScores() error {
	owners := map[Asset]map[ScoredOwner]struct{}{} // one event for all villages of the batch: most boards are handled together anyway
	for _, p := range b.posted {
		for _, o := range p.scored() {
			if owners[p.Asset] == nil {
				owners[p.Asset] = map[ScoredOwner]struct{}{}
			}
			owners[p.Asset][o] = struct{}{}
		}
	}
	var news []Changed
	for asset, set := range owners {
		news = append(news, Changed{Asset: asset, Owners: slices.Collect(maps.Keys(set))})
	}
	if err := outbox.Write(b.tx, Topic, news...); err != nil {
		return err
	}
	return b.addScores(true)
}

func (b *Batch) writeSharedScores() error { return b.addScores(false) }

// addScores adds up the batch's scores by owner and month, of the kinds that are own or of the others, and adds them to those stored, in one
// order for everybody.
func (b *Batch) addScores(own bool) error {
	sums := map[scoreKey]points.Amount{}
	for _, p := range b.posted {
		for _, o := range p.scored() {
			if o.Kind.own() == own {
				sums[scoreKey{o.ID, p.Asset, p.Month, p.Book, o.Kind}] += p.Score
			}
		}
	}
	keys := slices.SortedFunc(maps.Keys(sums), func(x, y scoreKey) int {
		if c := cmp(x.owner, y.owner); c != 0 {
			return c
		}
		if x.asset != y.asset {
			return int(x.asset) - int(y.asset)
		}
		if x.month != y.month {
			return int(x.month) - int(y.month)
		}
		return cmp(x.village, y.village)
	})
	return db.Upsert(b.tx.Later(), "scores", []string{"owner_id", "asset", "month", "village_id", "kind", "points"}, []string{"owner_id", "asset", "month", "village_id"}, nil, []string{"points"}, len(keys),
		func(i int, args []any) []any {
			k := keys[i]
			return append(args, int64(k.owner), int64(k.asset), int64(k.month), int64(k.village), int64(k.kind), int64(sums[k]))
		})
}

func (b *Batch) writeTxs(posted []*Posted) error {
	cols := []string{"book_id", "number", "asset", "kind", "day", "month", "at", "actor_id", "household_id?", "person_id?", "member_id?", "branch_id?",
		"score?", "rule_version_id?", "reverses?", "reason", "prev_hash", "hash"}
	err := db.Insert(b.tx.Later(), "ledger_txs", cols, len(posted), func(i int, args []any) []any {
		t := &posted[i].Tx
		var reverses any
		if t.Reverses != 0 {
			reverses = t.Reverses
		}
		return append(args, int64(t.Book), t.Number, int64(t.Asset), int64(t.Kind), int64(t.Day), int64(t.Month), t.At, int64(t.Actor), int64(t.Household),
			int64(t.Person), int64(t.Member), int64(t.Branch), int64(t.Score), int64(t.RuleVersion), reverses, t.Reason, t.Prev[:], t.Hash[:])
	})
	if err != nil {
		return err
	}
	if err := b.writePersons(posted); err != nil {
		return err
	}
	return b.writeReversals(posted)
}

// writePersons lets what names a person be found.
func (b *Batch) writePersons(posted []*Posted) error {
	var list []*Posted
	for _, p := range posted {
		if p.Person != 0 {
			list = append(list, p)
		}
	}
	return db.Insert(b.tx.Later(), "ledger_persons", []string{"book_id", "person_id", "number"}, len(list), func(i int, args []any) []any {
		return append(args, int64(list[i].Book), int64(list[i].Person), list[i].Number)
	})
}

// writeReversals lets a transaction be undone once: whoever comes second meets the key.
func (b *Batch) writeReversals(posted []*Posted) error {
	var list []*Posted
	for _, p := range posted {
		if p.Reverses != 0 {
			list = append(list, p)
		}
	}
	err := db.Insert(b.tx, "ledger_reversals", []string{"book_id", "reverses", "number"}, len(list), func(i int, args []any) []any {
		return append(args, int64(list[i].Book), list[i].Reverses, list[i].Number)
	})
	if db.Duplicate(err) && !errors.Is(err, db.ErrRetry) {
		return ErrReversed.Wrap(err)
	}
	return err
}

// writeEntries writes the entries of tracked accounts; that of the untracked one, which is last, is named in them.
func (b *Batch) writeEntries(posted []*Posted) error {
	type row struct {
		t           *Tx
		line        int
		counterpart id.ID
	}
	rows := make([]row, 0, len(posted))
	for _, p := range posted {
		tracked, counterpart := p.Entries, id.ID(0)
		if last := len(tracked) - 1; !tracked[last].Tracked {
			tracked, counterpart = tracked[:last], tracked[last].Account
		}
		for i := range tracked {
			rows = append(rows, row{&p.Tx, i, counterpart})
		}
	}
	cols := []string{"book_id", "number", "line", "account_id", "amount", "lot?", "balance", "counterpart_id?"}
	return db.Insert(b.tx.Later(), "ledger_entries", cols, len(rows), func(i int, args []any) []any {
		r := rows[i]
		e := r.t.Entries[r.line]
		return append(args, int64(r.t.Book), r.t.Number, r.line+1, int64(e.Account), int64(e.Amount), int64(e.Lot), int64(e.Balance), int64(r.counterpart))
	})
}
