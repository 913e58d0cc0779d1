package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/testkit"
)

const (
	today = cal.Day(20261123)
	month = cal.Month(202611)
)

func grant(village, house id.ID, n points.Amount, lot cal.Day) ledger.Posting {
	return ledger.Posting{Book: village, Kind: ledger.Award, Asset: ledger.Points, Day: today, Month: month, Household: house, Score: n,
		From: ledger.Issue(village, ledger.Points), To: ledger.Wallet(village, house), Amount: n, Lot: lot, Reason: "打扫庭院"}
}

func deduct(village, house id.ID, n points.Amount, s ledger.Shortfall, owing points.Amount) ledger.Posting {
	return ledger.Posting{Book: village, Kind: ledger.Deduct, Asset: ledger.Points, Day: today, Month: month, Household: house, Score: -n,
		From: ledger.Wallet(village, house), To: ledger.Issue(village, ledger.Points), Amount: n, Reason: "乱堆垃圾", Shortfall: s, Owing: owing}
}

func redeem(village, house, merchant id.ID, n points.Amount) ledger.Posting {
	return ledger.Posting{Book: village, Kind: ledger.Redeem, Asset: ledger.Points, Day: today, Month: month, Household: house,
		From: ledger.Wallet(village, house), To: ledger.Merchant(village, merchant), Amount: n, Reason: "兑换洗衣粉"}
}

// post runs one posting in a transaction of its own.
func post(d *db.DB, p ledger.Posting) (out *ledger.Posted, err error) {
	err = d.Tx(context.Background(), func(tx db.Tx) (err error) {
		out, err = book(tx, p, func(*ledger.Batch) error { return nil })
		return err
	})
	return out, err
}

// book runs one posting in the transaction, with between once its accounts are locked.
func book(tx db.Tx, p ledger.Posting, between func(*ledger.Batch) error) (*ledger.Posted, error) {
	b := ledger.Begin(tx)
	if err := b.Lock(p.From, p.To); err != nil {
		return nil, err
	}
	if err := between(b); err != nil {
		return nil, err
	}
	out, err := b.Post(p)
	if err != nil {
		return nil, err
	}
	return out, b.Seal()
}

func reverse(d *db.DB, key ledger.Key, kind ledger.Kind, s ledger.Shortfall) (out *ledger.Posted, err error) {
	err = d.Tx(context.Background(), func(tx db.Tx) error {
		origs, err := ledger.Load(tx, key)
		if err != nil {
			return err
		}
		b := ledger.Begin(tx)
		if err := b.Lock(origs[key].Refs()...); err != nil {
			return err
		}
		if out, err = b.Reverse(origs[key], ledger.Reversal{Kind: kind, Day: today, Month: month, Reason: "记错了", Shortfall: s}); err != nil {
			return err
		}
		return b.Seal()
	})
	return out, err
}

func balance(t require.TestingT, d *db.DB, ref ledger.Ref) points.Amount {
	var out points.Amount
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) error {
		m, err := ledger.Balances(tx, ref)
		out = m[ref]
		return err
	}))
	return out
}

func verify(t require.TestingT, d *db.DB) ledger.Report {
	var r ledger.Report
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) (err error) {
		r, err = ledger.Verify(tx)
		return err
	}))
	return r
}

// The model: a wallet is a number, a score is a number, and every step changes them as plain arithmetic says.
func TestRandomHistoriesAgreeWithModel(t *testing.T) {
	d := testkit.DB(t)
	rapid.Check(t, func(t *rapid.T) {
		village, merchant := id.New(), id.New()
		houses := []id.ID{id.New(), id.New(), id.New()}
		type past struct {
			key      ledger.Key
			house    id.ID
			moved    points.Amount // wallet change
			score    points.Amount
			kind     ledger.Kind
			reversed bool
		}
		balances, scores := map[id.ID]points.Amount{}, map[id.ID]points.Amount{}
		var history []*past
		note := func(p *ledger.Posted, err error, h id.ID, moved, score points.Amount, kind ledger.Kind) {
			require.NoError(t, err)
			balances[h] += moved
			scores[h] += score
			require.Equal(t, balances[h], p.Balance)
			history = append(history, &past{key: p.Key, house: h, moved: moved, score: score, kind: kind})
		}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			h := rapid.SampledFrom(houses).Draw(t, "house")
			n := points.Amount(rapid.IntRange(1, 3000).Draw(t, "points"))
			switch rapid.SampledFrom([]string{"grant", "expiring", "deduct", "take", "redeem", "undo", "expire"}).Draw(t, "step") {
			case "grant":
				p, err := post(d, grant(village, h, n, 0))
				note(p, err, h, n, n, ledger.Award)
			case "expiring":
				day := rapid.SampledFrom([]cal.Day{20261231, 20270131}).Draw(t, "lot")
				p, err := post(d, grant(village, h, n, day))
				note(p, err, h, n, n, ledger.Award)
			case "deduct", "redeem":
				p, err := post(d, redeem(village, h, merchant, n))
				if balances[h] < n {
					require.ErrorIs(t, err, ledger.ErrInsufficient)
					continue
				}
				note(p, err, h, -n, 0, ledger.Redeem)
			case "take":
				p, err := post(d, deduct(village, h, n, ledger.Take, 0))
				note(p, err, h, -min(n, balances[h]), -n, ledger.Deduct)
			case "undo":
				if len(history) == 0 {
					continue
				}
				x := rapid.SampledFrom(history).Draw(t, "which")
				kind := ledger.Reverse
				if x.kind == ledger.Redeem {
					kind = ledger.Refund
				}
				p, err := reverse(d, x.key, kind, ledger.Take)
				if x.reversed {
					require.ErrorIs(t, err, ledger.ErrReversed)
					continue
				}
				x.reversed = true
				note(p, err, x.house, -min(x.moved, balances[x.house]), -x.score, kind)
				history = history[:len(history)-1] // a reversal is not reversed
			case "expire":
				var gone points.Amount
				require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) error {
					b := ledger.Begin(tx)
					w := ledger.Wallet(village, h)
					if err := b.Lock(w); err != nil {
						return err
					}
					p, err := b.PostExpiry(ledger.Posting{Book: village, Asset: ledger.Points, Day: today, Month: month, Household: h, From: w, To: ledger.Expired(village)}, 20261231)
					gone = 0
					if p != nil {
						gone = p.Moved
					}
					return errors.Join(err, b.Seal())
				}))
				require.LessOrEqual(t, gone, balances[h])
				balances[h] -= gone
			}
		}
		for _, h := range houses {
			require.Equal(t, balances[h], balance(t, d, ledger.Wallet(village, h)))
		}
		require.NoError(t, d.Read(context.Background(), func(tx db.Tx) error {
			got, err := ledger.Scores(tx, ledger.Points, append(houses, village), month, month)
			var all points.Amount
			for _, h := range houses {
				require.Equal(t, scores[h], got[h])
				all += scores[h]
			}
			require.Equal(t, all, got[village])
			return err
		}))
	})
	require.Empty(t, verify(t, d).Findings)
}

func TestExpiringPointsAreSpentFirst(t *testing.T) {
	d := testkit.DB(t)
	v, h, m := id.New(), id.New(), id.New()
	for _, g := range []ledger.Posting{grant(v, h, 500, 0), grant(v, h, 300, 20270131), grant(v, h, 200, 20261231)} {
		_, err := post(d, g)
		require.NoError(t, err)
	}
	p, err := post(d, redeem(v, h, m, 400))
	require.NoError(t, err)
	read := func() (lots []ledger.Lot) {
		require.NoError(t, d.Read(context.Background(), func(tx db.Tx) (err error) {
			lots, err = ledger.Lots(tx, ledger.Wallet(v, h))
			return err
		}))
		return lots
	}
	require.Equal(t, []ledger.Lot{{Expires: 20270131, Amount: 100}}, read())
	_, err = reverse(d, p.Key, ledger.Refund, ledger.Refuse)
	require.NoError(t, err)
	require.Equal(t, []ledger.Lot{{Expires: 20261231, Amount: 200}, {Expires: 20270131, Amount: 300}}, read())
	require.Empty(t, verify(t, d).Findings)
}

func TestConcurrentDebitsNeverOverdraw(t *testing.T) {
	dsn := testkit.DSN(t)
	a, b := testkit.Reopen(t, dsn, nil), testkit.Reopen(t, dsn, nil)
	v, h, m := id.New(), id.New(), id.New()
	_, err := post(a, grant(v, h, 5000, 0))
	require.NoError(t, err)
	var wg sync.WaitGroup
	errsSeen := make([]error, 100)
	for i := range errsSeen {
		wg.Go(func() { _, errsSeen[i] = post([]*db.DB{a, b}[i%2], redeem(v, h, m, 100)) })
	}
	wg.Wait()
	ok := 0
	for _, err := range errsSeen {
		if err == nil {
			ok++
		} else {
			require.ErrorIs(t, err, ledger.ErrInsufficient)
		}
	}
	require.Equal(t, 50, ok)
	require.Zero(t, balance(t, a, ledger.Wallet(v, h)))
	require.NoError(t, a.Tx(context.Background(), func(tx db.Tx) error {
		require.NoError(t, ledger.Checkpoint(tx, v))
		sum, err := ledger.Total(tx, ledger.Merchant(v, m))
		require.Equal(t, points.Amount(5000), sum)
		return err
	}))
	require.Empty(t, verify(t, a).Findings)
}

// Every kind of tampering with the rows is found and named.
func TestVerifyFindsTampering(t *testing.T) {
	for name, sql := range map[string]string{
		"amount changed":     "UPDATE ledger_entries SET amount = amount + 1 WHERE number = 2 AND line = 1",
		"both sides changed": "UPDATE ledger_entries SET amount = amount * 2 WHERE number = 2",
		"reason changed":     "UPDATE ledger_txs SET reason = 'x' WHERE number = 2",
		"transaction gone":   "DELETE FROM ledger_txs WHERE number = 2",
		"last one gone":      "DELETE FROM ledger_txs WHERE number = 3",
		"other side changed": "UPDATE ledger_entries SET counterpart_id = account_id WHERE number = 2",
		"other side gone":    "UPDATE ledger_entries SET counterpart_id = 0 WHERE number = 2",
		"entry gone":         "DELETE FROM ledger_entries WHERE number = 3 AND line = 1",
		"balance edited":     "UPDATE accounts SET balance = balance + 100 WHERE tracked = 1",
		"score edited":       "UPDATE scores SET points = points + 100",
		"score gone":         "DELETE FROM scores",
		"lot edited":         "UPDATE lots SET amount = amount + 5",
		"stray entry":        "INSERT INTO ledger_entries (book_id, number, line, account_id, amount, lot) SELECT book_id, 9, 1, account_id, 5, 0 FROM ledger_entries WHERE number = 1 AND line = 1",
		"order swapped":      "UPDATE ledger_txs SET number = 7 - number WHERE number > 1",
		"head rewound":       "UPDATE ledger_heads SET number = 2",
	} {
		t.Run(name, func(t *testing.T) {
			d := testkit.DB(t)
			v, h := id.New(), id.New()
			for i := range 3 {
				_, err := post(d, grant(v, h, points.Whole(int64(i+1)), 20261231))
				require.NoError(t, err)
			}
			require.Empty(t, verify(t, d).Findings)
			testkit.Tamper(t, d, sql)
			require.NotEmpty(t, verify(t, d).Findings)
		})
	}
}

func TestStatementShowsRunningBalance(t *testing.T) {
	d := testkit.DB(t)
	v, h, m := id.New(), id.New(), id.New()
	for i := range 5 {
		_, err := post(d, grant(v, h, points.Whole(10), cal.Day(20261201+i)))
		require.NoError(t, err)
	}
	_, err := post(d, redeem(v, h, m, points.Whole(35)))
	require.NoError(t, err)
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) error {
		lines, err := ledger.Statement(tx, ledger.Wallet(v, h), 0, 3)
		require.NoError(t, err)
		require.Len(t, lines, 3)
		require.Equal(t, "6 -35 15", fmt.Sprint(lines[0].Tx.Number, " ", lines[0].Amount, " ", lines[0].Balance))
		require.Equal(t, points.Whole(50), lines[1].Balance)
		lines, err = ledger.Statement(tx, ledger.Wallet(v, h), lines[2].Tx.Number, 10)
		require.Len(t, lines, 3)
		return err
	}))
}

// Who moves to another village keeps what was earned in the old one, each in its own book.
func TestScoresOfSomebodyWhoMovedStayWithTheirBooks(t *testing.T) {
	d := testkit.DB(t)
	person, other := id.New(), id.New()
	for i, village := range []id.ID{id.New(), other} {
		p := grant(village, id.New(), points.Whole(int64(3+i)), 0)
		p.Person = person
		_, err := post(d, p)
		require.NoError(t, err)
	}
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) error {
		got, err := ledger.Scores(tx, ledger.Points, []id.ID{person, other}, month, month)
		require.Equal(t, map[id.ID]points.Amount{person: points.Whole(7), other: points.Whole(4)}, got)
		return err
	}))
	require.Empty(t, verify(t, d).Findings)
}
