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
	err := seals(v.tx, func(s DaySeal) { v.ahead = append(v.ahead, s) }, "book_id = ? ORDER BY day", int64(v.book))
	if err != nil {
		return err
	}
	if from != nil {
		v.resume(from)
	}
	q := `SELECT c.account_id, c.number, c.balance FROM ledger_checkpoints c JOIN accounts a ON a.id = c.account_id
		WHERE a.book_id = ? AND c.number > ? ORDER BY c.number`
	err = db.Query(v.tx, func(row db.Row) error {
		var n [3]whole
		err := row.Scan(&n[0], &n[1], &n[2])
		v.checkpoints = append(v.checkpoints, checkpoint{id.ID(n[0].v), n[1].v, points.Amount(n[2].v)})
		return err
	}, q, int64(v.book), v.number)
	if err != nil {
		return fmt.Errorf("reading the checkpoints: %w", err)
	}
	return nil
}

// resume takes up what was recomputed before. Without the mark's seal everything is recomputed from the start.
func (v *verifier) resume(from *Mark) {
	for i, s := range v.ahead {
		if s.Day != from.Day {
			continue
		}
		if s.Hash != from.Seal || s.Number != from.Number || sha256.Sum256(s.Canonical()) != s.Hash {
			break
		}
		v.sealed, v.ahead, v.number, v.hash = s, v.ahead[i+1:], from.Number, from.Head
		v.balances = maps.Clone(from.Balances)
		v.lots = cloneLots(from.Lots)
		for _, m := range from.Scores {
			v.scores[scoreKey{m.Owner, m.Asset, m.Month, v.book, m.Kind}] = m.Points
		}
		v.mark = from
		return
	}
	v.find(from.Number, "%s 的日封核对过，现在没有了或被改动过：已从头核对", from.Day.Chinese())
}

func cloneLots(lots map[id.ID]map[cal.Day]points.Amount) map[id.ID]map[cal.Day]points.Amount {
	out := make(map[id.ID]map[cal.Day]points.Amount, len(lots))
	for a, l := range lots {
		out[a] = maps.Clone(l)
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

// marked is what has been recomputed so far, at the seal just passed.
func (v *verifier) marked() *Mark {
	m := &Mark{Book: v.book, Day: v.sealed.Day, Seal: v.sealed.Hash, Number: v.number, Head: v.hash, Balances: maps.Clone(v.balances), Lots: cloneLots(v.lots)}
	for k, p := range v.scores {
		m.Scores = append(m.Scores, MarkedScore{k.owner, k.asset, k.month, k.kind, p})
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
