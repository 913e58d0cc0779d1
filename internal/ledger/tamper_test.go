package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/testkit"
)

// threeDays is a book of three days with three awards each, sealed; its seals oldest last.
func threeDays(t *testing.T) (*db.DB, *testkit.Clock, id.ID) {
	clock := testkit.NewClock(t, "2026-11-20 10:00")
	d := testkit.DBAt(t, clock)
	v, h := id.New(), id.New()
	for range 3 {
		for i := range 3 {
			_, err := post(d, grant(v, h, points.Whole(int64(i+1)), 20271231))
			require.NoError(t, err)
		}
		clock.Add(24 * time.Hour)
	}
	made, kept := seal(t, d, v)
	require.True(t, kept)
	require.Len(t, made, 3)
	return d, clock, v
}

func verifyFrom(t *testing.T, d *db.DB, v id.ID, from *ledger.Mark) (r ledger.Report, mark *ledger.Mark) {
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) (err error) {
		r, mark, err = ledger.VerifyBook(tx, v, from)
		return err
	}))
	return r, mark
}

// Each way of tampering is found, and the first finding names the first row that differs.
func TestTamperingIsNamed(t *testing.T) {
	const txCols = "book_id, asset, kind, day, month, at, actor_id, household_id, score, reason, prev_hash, hash"
	for name, c := range map[string]struct {
		sql    string
		number int64
		text   string
	}{
		"amount changed": {"UPDATE ledger_entries SET amount = amount * 2 WHERE number = 5", 5, "第 5 号的内容与它的指纹不符"},
		"row deleted":    {"DELETE FROM ledger_txs WHERE number = 5; DELETE FROM ledger_entries WHERE number = 5", 6, "第 4 号之后应是第 5 号"},
		"row inserted": {"UPDATE ledger_txs SET number = 12 WHERE number = 5; INSERT INTO ledger_txs (number, " + txCols + ") SELECT 5, " + txCols +
			" FROM ledger_txs WHERE number = 4", 5, "第 5 号记录的前一号指纹"},
		"order swapped": {"UPDATE ledger_txs SET number = 100 WHERE number = 5; UPDATE ledger_txs SET number = 5 WHERE number = 6; UPDATE ledger_txs SET number = 6 WHERE number = 100",
			5, "第 5 号记录的前一号指纹"},
		"balance edited":     {"UPDATE accounts SET balance = balance + 100 WHERE tracked = 1", 0, "的余额记为"},
		"seal's sum edited":  {"UPDATE ledger_seals SET awarded = awarded + 100 WHERE number = 6", 6, "2026年11月21日 的日封与它的指纹不符"},
		"seal's root edited": {"UPDATE ledger_seals SET root = head WHERE number = 6", 6, "2026年11月21日 的日封与它的指纹不符"},
		"seal deleted":       {"DELETE FROM ledger_seals WHERE number = 6", 9, "2026年11月22日 的日封与前一封接不上"},
		"end cut off": {"DELETE FROM ledger_txs WHERE number > 8; DELETE FROM ledger_entries WHERE number > 8; " +
			"UPDATE ledger_heads SET number = 8, hash = (SELECT hash FROM ledger_txs WHERE number = 8)", 9, "账上没有这一号"},
	} {
		t.Run(name, func(t *testing.T) {
			d, _, v := threeDays(t)
			require.Empty(t, verify(t, d).Findings)
			testkit.Tamper(t, d, c.sql)
			r, _ := verifyFrom(t, d, v, nil)
			require.NotEmpty(t, r.Findings)
			require.Equal(t, c.number, r.Findings[0].Number, "%v", r.Findings)
			require.Contains(t, r.Findings[0].Text, c.text)
		})
	}
}

func TestVerifyGoesOnFromASeal(t *testing.T) {
	d, clock, v := threeDays(t)
	r, mark := verifyFrom(t, d, v, nil)
	require.Empty(t, r.Findings)
	require.EqualValues(t, 9, r.Transactions)
	require.EqualValues(t, 3, r.Seals)
	require.NotNil(t, mark)
	require.EqualValues(t, 9, mark.Number)

	h := id.New()
	for _, p := range []ledger.Posting{grant(v, h, points.Whole(5), 20271231), redeem(v, h, id.New(), points.Whole(2))} {
		_, err := post(d, p)
		require.NoError(t, err)
	}
	require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) error { return ledger.Checkpoint(tx, v) }))
	r, same := verifyFrom(t, d, v, mark)
	require.Empty(t, r.Findings)
	require.EqualValues(t, 2, r.Transactions, "only what is new is read")
	require.EqualValues(t, 2, r.Unsealed)
	require.Equal(t, mark, same)

	clock.Add(48 * time.Hour)
	seal(t, d, v)
	r, next := verifyFrom(t, d, v, mark)
	require.Empty(t, r.Findings)
	require.EqualValues(t, 1, r.Seals)
	require.EqualValues(t, 11, next.Number)
	full, again := verifyFrom(t, d, v, nil)
	require.Empty(t, full.Findings)
	require.Equal(t, again.Balances, next.Balances)
	require.Equal(t, again.Lots, next.Lots)
	require.ElementsMatch(t, again.Scores, next.Scores)

	// What lies after the mark is checked as ever, what lies before is trusted until the next whole run.
	testkit.Tamper(t, d, "UPDATE ledger_checkpoints SET balance = balance + 1")
	r, _ = verifyFrom(t, d, v, mark)
	require.NotEmpty(t, r.Findings)
	testkit.Tamper(t, d, "UPDATE ledger_checkpoints SET balance = balance - 1; UPDATE scores SET points = points + 1")
	r, _ = verifyFrom(t, d, v, next)
	require.NotEmpty(t, r.Findings)
	testkit.Tamper(t, d, "UPDATE scores SET points = points - 1; UPDATE ledger_txs SET reason = 'x' WHERE number = 2")
	r, _ = verifyFrom(t, d, v, next)
	require.Empty(t, r.Findings)
	r, _ = verifyFrom(t, d, v, nil)
	require.Len(t, r.Findings, 1)

	// A seal that was verified and is another now: everything is read again, and it is said.
	testkit.Tamper(t, d, "UPDATE ledger_seals SET at = at + 1 WHERE number = 9")
	r, _ = verifyFrom(t, d, v, mark)
	require.EqualValues(t, 11, r.Transactions)
	require.Contains(t, r.Findings[0].Text, "核对过")
}
