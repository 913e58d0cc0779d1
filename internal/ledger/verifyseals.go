package ledger

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"time"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/points"
)

// begin reads what the chain is compared with on the way, from the mark on.
func (v *verifier) begin(from *Mark) error {
	if err := v.resume(from); err != nil {
		return err
	}
	if v.after == 0 {
		if err := v.sealsFrom(0); err != nil {
			return err
		}
	}
	q, args := `SELECT c.account_id, c.number, c.balance FROM ledger_checkpoints c JOIN accounts a ON a.id = c.account_id
		WHERE a.book_id = ? AND c.number > ?`, []any{int64(v.book), v.after}
	if v.after > 0 { // those of accounts without a running balance only, which are few
		q, args = q+" AND a.asset IN ? AND a.kind IN ?", append(args, db.ListOf([]Asset{Points, PartyScore}), db.ListOf([]AccountKind{KindIssue, KindMerchant, KindSettled, KindExpired}))
	}
	err := db.Query(v.tx, func(row db.Row) error {
		var n [3]whole
		err := row.Scan(&n[0], &n[1], &n[2])
		v.checkpoints = append(v.checkpoints, checkpoint{id.ID(n[0].v), n[1].v, points.Amount(n[2].v)})
		return err
	}, q+" ORDER BY c.number", args...)
	if err != nil {
		return fmt.Errorf("reading the checkpoints: %w", err)
	}
	return nil
}

func (v *verifier) sealsFrom(day cal.Day) error {
	v.ahead = nil
	return seals(v.tx, func(s DaySeal) { v.ahead = append(v.ahead, s) }, "book_id = ? AND day >= ? ORDER BY day", int64(v.book), int64(day))
}

// resume takes up what was recomputed before. Without the mark's seal everything is recomputed from the start.
func (v *verifier) resume(from *Mark) error {
	if from == nil {
		return nil
	}
	if err := v.sealsFrom(from.Day); err != nil {
		return err
	}
	if len(v.ahead) == 0 || !from.sealedBy(v.ahead[0]) {
		v.find(from.Number, "%s 的日封核对过，现在没有了或被改动过：已从头核对", from.Day.Chinese())
		return nil
	}
	v.sealed, v.ahead, v.number, v.hash = v.ahead[0], v.ahead[1:], from.Number, from.Head
	v.after, v.since, v.report.Spans[0].After = from.Number, from.Since, from.Number
	v.balances = maps.Clone(from.Balances)
	v.lots = cloneLots(from.Lots)
	for _, m := range from.Scores {
		v.scores[scoreKey{m.Owner, m.Asset, m.Month, v.book, m.Kind}] = m.Points
	}
	v.mark = from
	return nil
}

func (m *MarkHead) sealedBy(s DaySeal) bool {
	return s.Day == m.Day && s.Hash == m.Seal && s.Number == m.Number && sha256.Sum256(s.Canonical()) == s.Hash
}

// Still reports whether nothing has come to the book since the mark: the same last seal, the same head, no transaction or entry
// behind it.
func (m *MarkHead) Still(tx db.Tx) (bool, error) {
	still := true
	n := 0
	err := seals(tx, func(s DaySeal) { n++; still = still && m.sealedBy(s) }, "book_id = ? AND day >= ?", int64(m.Book), int64(m.Day))
	if err != nil {
		return false, err
	}
	for _, table := range []string{"ledger_txs", "ledger_entries"} {
		err := db.Query(tx, func(db.Row) error { still = false; return nil }, "SELECT number FROM "+table+" WHERE book_id = ? AND number > ? LIMIT 1", int64(m.Book), m.Number)
		if err != nil {
			return false, fmt.Errorf("looking behind the mark: %w", err)
		}
	}
	heads := 0
	err = db.Query(tx, func(row db.Row) error {
		var number whole
		var hash digest
		err := row.Scan(&number, &hash)
		heads++
		still = still && number.v == m.Number && hash == m.Head
		return err
	}, "SELECT number, hash FROM ledger_heads WHERE book_id = ?", int64(m.Book))
	if err != nil {
		return false, fmt.Errorf("reading the head of the chain: %w", err)
	}
	return still && n == 1 && heads == 1, nil
}

func cloneLots(lots map[id.ID]map[cal.Day]points.Amount) map[id.ID]map[cal.Day]points.Amount {
	out := make(map[id.ID]map[cal.Day]points.Amount, len(lots))
	for a, l := range lots {
		left := maps.Clone(l)
		maps.DeleteFunc(left, func(_ cal.Day, p points.Amount) bool { return p == 0 })
		if len(left) > 0 {
			out[a] = left
		}
	}
	return out
}

// sealsMissed finds the seals whose last number does not exist, before transaction number is counted.
func (v *verifier) sealsMissed(number int64) {
	for len(v.ahead) > 0 && v.ahead[0].Number < number {
		s := v.ahead[0]
		v.find(s.Number, "%s 的日封到第 %d 号为止，账上没有这一号", s.Day.Chinese(), s.Number)
		v.passed(s)
	}
}

// sealEnds compares the seal that ends with the transaction.
func (v *verifier) sealEnds(t *Tx) {
	if len(v.ahead) == 0 || v.ahead[0].Number != t.Number {
		return
	}
	s, before := v.ahead[0], v.sealed
	name := s.Day.Chinese()
	switch {
	case sha256.Sum256(s.Canonical()) != s.Hash:
		v.find(s.Number, "%s 的日封与它的指纹不符：这一封被改动过", name)
	case s.Prev != before.Hash || s.First != before.Number+1 || s.Day <= before.Day:
		v.find(s.Number, "%s 的日封与前一封接不上：其中一封被改动、删去或加入过", name)
	case s.Head != t.Hash || s.Root != v.day.tree.root():
		v.find(s.Number, "%s 的日封（第 %d 号到第 %d 号）与账本不符：封存以后有记录被改动过", name, s.First, s.Number)
	case s.Sums != v.day.sums:
		v.find(s.Number, "%s 的日封的合计与账本不符", name)
	case cal.DayOf(time.UnixMilli(t.At)) > s.Day:
		v.find(s.Number, "%s 的日封包含了以后才记的第 %d 号", name, s.Number)
	}
	v.passed(s)
	if len(v.ahead) == 0 {
		v.mark = v.marked()
	}
}

func (v *verifier) passed(s DaySeal) {
	v.report.Seals++
	v.sealed, v.ahead, v.day = s, v.ahead[1:], tally{}
}

// marked is what has been recomputed so far, at the seal just passed. Scores are kept of the seal's month and the one before: what
// is scored later than that is rare, and the book is then read from the start.
func (v *verifier) marked() *Mark {
	m := &Mark{MarkHead: MarkHead{Book: v.book, Day: v.sealed.Day, Seal: v.sealed.Hash, Number: v.number, Head: v.hash,
		Since: v.sealed.Day.Month().Add(-1)}, Balances: maps.Clone(v.balances), Lots: cloneLots(v.lots)}
	maps.DeleteFunc(m.Balances, func(_ id.ID, p points.Amount) bool { return p == 0 })
	for k, p := range v.scores {
		if k.month >= m.Since && p != 0 {
			m.Scores = append(m.Scores, MarkedScore{k.owner, k.asset, k.month, k.kind, p})
		}
	}
	return m
}

// sealsEnd finds the seals behind the end of the chain.
func (v *verifier) sealsEnd() error {
	v.report.Unsealed = int64(v.day.tree.n)
	for len(v.ahead) > 0 {
		v.sealsMissed(v.ahead[0].Number + 1)
	}
	for len(v.checkpoints) > 0 {
		v.checkpointed(v.checkpoints[0].number)
	}
	return nil
}

// checkpoint is the balance of an untracked account up to a number.
type checkpoint struct {
	account id.ID
	number  int64
	balance points.Amount
}

// checkpointed compares the checkpoints up to the number with what the entries so far add up to.
func (v *verifier) checkpointed(number int64) {
	for len(v.checkpoints) > 0 && v.checkpoints[0].number <= number {
		c := v.checkpoints[0]
		v.checkpoints = v.checkpoints[1:]
		if sum := v.balances[c.account]; c.balance != sum {
			v.find(c.number, "账户 %s 到第 %d 号的结存记为 %s，按账本应为 %s", c.account, c.number, c.balance, sum)
		}
	}
}
