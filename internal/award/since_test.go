package award_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/award"
	"jishan/internal/db"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/testkit"
)

// Since a number, later awards and clearings are read, and earlier ones where they were undone later.
func TestVerifySinceReadsWhatCameLater(t *testing.T) {
	p := setup(t)
	grant := func(house int) int64 {
		out, err := p.one("A1", house, 0)
		require.NoError(t, err)
		return out.Number
	}
	old, undone := grant(0), grant(1)
	since := func(after int64) (found []string, rows int64) {
		require.NoError(t, p.d.Read(ctx, func(tx db.Tx) (err error) {
			found, rows, err = award.VerifySince(tx, []ledger.Span{{Book: p.village, After: after, At: tx.Millis()}})
			return err
		}))
		return found, rows
	}
	fresh := grant(2)
	found, rows := since(undone)
	require.Empty(t, found)
	require.EqualValues(t, 1, rows)
	_, err := p.Reverse(ctx, system, p.village, []int64{undone}, "记错了人", idempotency.Request{})
	require.NoError(t, err)
	found, rows = since(undone)
	require.Empty(t, found)
	require.EqualValues(t, 1, rows)

	for _, c := range []struct {
		sql, back string
		number    int64
		found     int
	}{
		{"UPDATE awards SET points = points + 1 WHERE number = ?", "UPDATE awards SET points = points - 1 WHERE number = ?", fresh, 1},
		{"UPDATE awards SET month = month - 1 WHERE number = ?", "UPDATE awards SET month = month + 1 WHERE number = ?", fresh, 1},
		{"UPDATE awards SET household_id = household_id + 1 WHERE number = ?", "UPDATE awards SET household_id = household_id - 1 WHERE number = ?", fresh, 1},
		{"UPDATE awards SET person_id = person_id + 1 WHERE number = ?", "UPDATE awards SET person_id = person_id - 1 WHERE number = ?", fresh, 1},
		{"UPDATE awards SET member_id = member_id + 1 WHERE number = ?", "UPDATE awards SET member_id = member_id - 1 WHERE number = ?", fresh, 1},
		{"UPDATE awards SET number = number + 100 WHERE number = ?", "UPDATE awards SET number = number - 100 WHERE number = ? + 100", fresh, 2},
		{"UPDATE awards SET state = 2 WHERE number = ?", "UPDATE awards SET state = 1 WHERE number = ?", fresh, 1},
		{"UPDATE awards SET state = 1 WHERE number = ?", "UPDATE awards SET state = 2 WHERE number = ?", undone, 1},
		{"UPDATE awards SET reversed_by = reversed_by + 1 WHERE number = ?", "UPDATE awards SET reversed_by = reversed_by - 1 WHERE number = ?", undone, 1},
		{"UPDATE awards SET points = points + 1 WHERE number = ?", "UPDATE awards SET points = points - 1 WHERE number = ?", old, 0},
	} {
		testkit.Tamper(t, p.d, c.sql, c.number)
		found, _ = since(undone)
		require.Len(t, found, c.found, c.sql)
		found, _ = since(0)
		require.NotEmpty(t, found, "from the start: %s", c.sql)
		testkit.Tamper(t, p.d, c.back, c.number)
		p.clean(t)
	}
}

func TestVerifySinceReadsClearings(t *testing.T) {
	p := expiring(t, false)
	p.clock.Add(39 * day)
	done, err := p.Expire(ctx, system, idempotency.Request{}, p.village, p.due(t).DueTotals)
	require.NoError(t, err)
	last := done.Number + int64(done.Households) - 1
	since := func(after int64) (found []string) {
		require.NoError(t, p.d.Read(ctx, func(tx db.Tx) (err error) {
			found, _, err = award.VerifySince(tx, []ledger.Span{{Book: p.village, After: after, At: tx.Millis()}})
			return err
		}))
		return found
	}
	require.Empty(t, since(done.Number-1))
	testkit.Tamper(t, p.d, "UPDATE clearings SET households = households + 1")
	require.Len(t, since(done.Number-1), 1)
	require.Empty(t, since(last), "an old clearing is not read")
	testkit.Tamper(t, p.d, "UPDATE clearings SET households = households - 1")
	_, err = p.ReturnExpired(ctx, system, idempotency.Request{}, p.village, done.Number, 0, "过年前没有兑换日")
	require.NoError(t, err)
	require.Empty(t, since(last))
	testkit.Tamper(t, p.d, "UPDATE clearings SET returned_at = 0")
	require.Len(t, since(last), 1, "one that was given back since is")
}
