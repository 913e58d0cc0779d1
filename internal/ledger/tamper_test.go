package ledger_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/cal"
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
		"undone by nobody":   {"INSERT INTO ledger_reversals (book_id, reverses, number) SELECT book_id, 4, 7 FROM ledger_txs WHERE number = 7", 7, "记着第 7 号撤销第 4 号，账上却不是"},
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
	testkit.Tamper(t, d, "UPDATE ledger_checkpoints SET balance = balance - 1; UPDATE ledger_txs SET reason = 'x' WHERE number = 2")
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

// What lies after a mark and what it changed is checked as in a run from the start; the rest waits for such a run.
func TestWhatIsReadSinceASeal(t *testing.T) {
	for name, c := range map[string]struct {
		sql   string
		since string // part of the finding; empty: only a run from the start finds it
	}{
		"new amount":                 {"UPDATE ledger_entries SET amount = amount * 2 WHERE number = 10", "第 10 号的内容与它的指纹不符"},
		"new reason":                 {"UPDATE ledger_txs SET reason = 'x' WHERE number = 11", "第 11 号的内容与它的指纹不符"},
		"new row deleted":            {"DELETE FROM ledger_txs WHERE number = 10; DELETE FROM ledger_entries WHERE number = 10", "第 9 号之后应是第 10 号"},
		"first new row relinked":     {"UPDATE ledger_txs SET prev_hash = hash WHERE number = 10", "第 10 号记录的前一号指纹"},
		"end cut off":                {"DELETE FROM ledger_txs WHERE number = 11; DELETE FROM ledger_entries WHERE number = 11", "账本记录的最后一号是第 11 号"},
		"stray entry":                {"INSERT INTO ledger_entries (book_id, number, line, account_id, amount) SELECT book_id, 12, 0, account_id, 1 FROM ledger_entries WHERE number = 11 AND line = 1", "分录属于不存在的第 12 号"},
		"balance that moved":         {"UPDATE accounts SET balance = balance + 100 WHERE owner_id = HOUSE", "的余额记为"},
		"account that moved gone":    {"DELETE FROM accounts WHERE owner_id = HOUSE", "不存在"},
		"balance where none is kept": {"UPDATE accounts SET balance = 100 WHERE tracked = 0", "不应记余额"},
		"lot of one that moved":      {"UPDATE lots SET amount = amount + 100 WHERE account_id IN (SELECT id FROM accounts WHERE owner_id = HOUSE)", "到期的积分记为"},
		"lot gone of one that moved": {"DELETE FROM lots WHERE account_id IN (SELECT id FROM accounts WHERE owner_id = HOUSE)", "没有记录"},
		"score that moved":           {"UPDATE scores SET points = points + 100 WHERE owner_id = HOUSE", "的累计积分记为"},
		"score gone that moved":      {"DELETE FROM scores WHERE owner_id = HOUSE", "没有记录"},
		"new checkpoint":             {"UPDATE ledger_checkpoints SET balance = balance + 1 WHERE number > 9", "的结存记为"},
		"new seal":                   {"UPDATE ledger_seals SET awarded = awarded + 100 WHERE number = 11", "的日封与它的指纹不符"},
		"the mark's seal":            {"UPDATE ledger_seals SET awarded = awarded + 100 WHERE number = 9", "核对过，现在没有了或被改动过"},
		"the mark's seal gone":       {"DELETE FROM ledger_seals WHERE number = 9", "核对过，现在没有了或被改动过"},

		"old reason":      {"UPDATE ledger_txs SET reason = 'x' WHERE number = 2", ""},
		"old seal":        {"UPDATE ledger_seals SET awarded = awarded + 100 WHERE number = 6", ""},
		"balance at rest": {"UPDATE accounts SET balance = balance + 100 WHERE tracked = 1 AND owner_id <> HOUSE", ""},
		"score at rest":   {"UPDATE scores SET points = points + 100 WHERE owner_id = OTHER", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, clock, v := threeDays(t)
			_, mark := verifyFrom(t, d, v, nil)
			var other, h id.ID
			for o := range mark.Scores {
				if mark.Scores[o].Kind == ledger.ScoreHousehold {
					other = mark.Scores[o].Owner
				}
			}
			h = id.New()
			for _, p := range []ledger.Posting{grant(v, h, points.Whole(5), 20271231), redeem(v, h, id.New(), points.Whole(2))} {
				_, err := post(d, p)
				require.NoError(t, err)
			}
			require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) error { return ledger.Checkpoint(tx, v) }))
			clock.Add(48 * time.Hour)
			seal(t, d, v)
			r, _ := verifyFrom(t, d, v, mark)
			require.Empty(t, r.Findings)
			require.EqualValues(t, 2, r.Transactions)
			require.EqualValues(t, 9, r.Spans[0].After)

			sql := strings.NewReplacer("HOUSE", fmt.Sprint(int64(h)), "OTHER", fmt.Sprint(int64(other))).Replace(c.sql)
			testkit.Tamper(t, d, sql)
			r, _ = verifyFrom(t, d, v, mark)
			whole, _ := verifyFrom(t, d, v, nil)
			require.NotEmpty(t, whole.Findings, "a run from the start finds everything")
			if c.since == "" {
				require.Empty(t, r.Findings)
				return
			}
			require.NotEmpty(t, r.Findings)
			require.Contains(t, fmt.Sprint(r.Findings), c.since)
		})
	}
}

// A mark keeps the scores of two months. What is scored in an earlier one makes the whole book be read.
func TestAnEarlierMonthReadsTheWholeBook(t *testing.T) {
	d, _, v := threeDays(t)
	_, mark := verifyFrom(t, d, v, nil)
	require.Equal(t, cal.Month(202610), mark.Since)
	h := id.New()
	p := grant(v, h, points.Whole(5), 20271231)
	p.Day, p.Month = 20261015, 202610
	_, err := post(d, p)
	require.NoError(t, err)
	r, _ := verifyFrom(t, d, v, mark)
	require.Empty(t, r.Findings)
	require.EqualValues(t, 1, r.Transactions)
	p.Day, p.Month = 20260915, 202609
	_, err = post(d, p)
	require.NoError(t, err)
	r, next := verifyFrom(t, d, v, mark)
	require.Empty(t, r.Findings)
	require.EqualValues(t, 11, r.Transactions)
	require.Zero(t, r.Spans[0].After)
	require.Equal(t, mark.MarkHead, next.MarkHead)
	testkit.Tamper(t, d, "UPDATE scores SET points = points + 1 WHERE month = 202609")
	r, _ = verifyFrom(t, d, v, mark)
	require.NotEmpty(t, r.Findings)
}

// A book that has not moved since its mark is known by a look; anything behind the mark is seen.
func TestAMarkKnowsWhetherItsBookStandsStill(t *testing.T) {
	d, _, v := threeDays(t)
	_, mark := verifyFrom(t, d, v, nil)
	still := func() (out bool) {
		require.NoError(t, d.Read(context.Background(), func(tx db.Tx) (err error) {
			out, err = mark.Still(tx)
			return err
		}))
		return out
	}
	require.True(t, still())
	for _, c := range [][2]string{
		{"UPDATE ledger_heads SET number = 10", "UPDATE ledger_heads SET number = 9"},
		{"UPDATE ledger_seals SET at = at + 1 WHERE number = 9", "UPDATE ledger_seals SET at = at - 1 WHERE number = 9"},
		{"UPDATE ledger_txs SET number = 10 WHERE number = 1", "UPDATE ledger_txs SET number = 1 WHERE number = 10"},
		{"UPDATE ledger_entries SET number = 10 WHERE number = 1", "UPDATE ledger_entries SET number = 1 WHERE number = 10"},
		{"UPDATE ledger_seals SET day = 20261130 WHERE number = 6", "UPDATE ledger_seals SET day = 20261121 WHERE number = 6"},
	} {
		testkit.Tamper(t, d, c[0])
		require.False(t, still(), c[0])
		testkit.Tamper(t, d, c[1])
		require.True(t, still(), c[1])
	}
	_, err := post(d, grant(v, id.New(), points.Whole(5), 20271231))
	require.NoError(t, err)
	require.False(t, still())
}

// A transaction is undone once, and it is found when the record that sees to it is gone.
func TestUndoneOnce(t *testing.T) {
	d := testkit.DB(t)
	v, h := id.New(), id.New()
	given, err := post(d, grant(v, h, points.Whole(5), 0))
	require.NoError(t, err)
	_, err = post(d, grant(v, h, points.Whole(5), 0))
	require.NoError(t, err)
	undone, err := reverse(d, given.Key, ledger.Reverse, ledger.Refuse)
	require.NoError(t, err)
	_, err = reverse(d, given.Key, ledger.Reverse, ledger.Refuse)
	require.ErrorIs(t, err, ledger.ErrReversed)
	require.Equal(t, points.Whole(5), balance(t, d, ledger.Wallet(v, h)))
	require.Empty(t, verify(t, d).Findings)

	testkit.Tamper(t, d, "DELETE FROM ledger_reversals")
	found := verify(t, d).Findings
	require.Len(t, found, 1)
	require.Equal(t, undone.Number, found[0].Number)
	require.Contains(t, found[0].Text, "第 3 号撤销了第 1 号，却没有撤销记录")
	_, err = reverse(d, given.Key, ledger.Reverse, ledger.Refuse)
	require.NoError(t, err, "nothing is there any more to hold it")
	require.Contains(t, verify(t, d).Findings[0].Text, "第 1 号已由第 3 号撤销，又由第 4 号撤销")
}

// A person's transactions are found by ledger_persons, which is compared with them.
func TestWhatNamesAPersonIsFound(t *testing.T) {
	clock := testkit.NewClock(t, "2026-11-20 10:00")
	d := testkit.DBAt(t, clock)
	v, h, person := id.New(), id.New(), id.New()
	name := func() int64 {
		p := grant(v, h, points.Whole(3), 0)
		p.Person = person
		given, err := post(d, p)
		require.NoError(t, err)
		_, err = post(d, grant(v, h, points.Whole(1), 0))
		require.NoError(t, err)
		return given.Number
	}
	first, second := name(), name()
	undone, err := reverse(d, ledger.Key{Book: v, Number: first}, ledger.Reverse, ledger.Refuse)
	require.NoError(t, err)
	clock.Add(48 * time.Hour)
	seal(t, d, v)
	_, mark := verifyFrom(t, d, v, nil)
	require.NotNil(t, mark)
	last := name()

	read := func(lines func(db.Tx) ([]ledger.Line, error)) (numbers []int64) {
		require.NoError(t, d.Read(context.Background(), func(tx db.Tx) error {
			list, err := lines(tx)
			for _, l := range list {
				numbers = append(numbers, l.Tx.Number)
				require.Equal(t, l.Tx.Score, l.Amount)
			}
			return err
		}))
		return numbers
	}
	newest := func(before int64, limit int) []int64 {
		return read(func(tx db.Tx) ([]ledger.Line, error) { return ledger.PersonStatement(tx, v, person, before, limit) })
	}
	require.Equal(t, []int64{last, undone.Number}, newest(0, 2))
	require.Equal(t, []int64{second, first}, newest(undone.Number, 9))
	require.Equal(t, []int64{second, undone.Number, last}, read(func(tx db.Tx) ([]ledger.Line, error) { return ledger.PersonForward(tx, v, person, first, 9) }))

	for sql, text := range map[string]string{
		"DELETE FROM ledger_persons WHERE number > 5": "没有记在他名下",
		"INSERT INTO ledger_persons (book_id, person_id, number) SELECT book_id, person_id, 7 FROM ledger_persons WHERE number = 1": "账上却不是",
	} {
		r, _ := verifyFrom(t, d, v, mark)
		require.Empty(t, r.Findings)
		testkit.Tamper(t, d, sql)
		for _, from := range []*ledger.Mark{mark, nil} {
			r, _ := verifyFrom(t, d, v, from)
			require.NotEmpty(t, r.Findings, "%s, from %v", sql, from)
			require.Contains(t, r.Findings[0].Text, text)
		}
		testkit.Tamper(t, d, "DELETE FROM ledger_persons")
		testkit.Tamper(t, d, "INSERT INTO ledger_persons (book_id, person_id, number) SELECT book_id, person_id, number FROM ledger_txs WHERE person_id <> 0")
	}
}
