package ledger_test

import (
	"context"
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

// seal runs what the job runs.
func seal(t require.TestingT, d *db.DB, book id.ID) (made []ledger.DaySeal, kept bool) {
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) (err error) {
		made, err = ledger.DueSeals(tx, book)
		return err
	}))
	require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) (err error) {
		kept, err = ledger.KeepSeals(tx, made)
		return err
	}))
	return made, kept
}

func sealsOf(t require.TestingT, d *db.DB, book id.ID) (out []ledger.DaySeal) {
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) (err error) {
		out, err = ledger.Seals(tx, book, 0, 1000)
		return err
	}))
	return out
}

func days(list []ledger.DaySeal) (out []cal.Day) {
	for _, s := range list {
		out = append(out, s.Day)
	}
	return out
}

func TestDaysAreSealedOnceTheyAreOver(t *testing.T) {
	clock := testkit.NewClock(t, "2026-11-23 10:00")
	d := testkit.DBAt(t, clock)
	v, h, m := id.New(), id.New(), id.New()
	must := func(p *ledger.Posted, err error) *ledger.Posted { require.NoError(t, err); return p }
	must(post(d, grant(v, h, points.Whole(10), 0)))
	bought := must(post(d, redeem(v, h, m, points.Whole(4))))
	must(reverse(d, bought.Key, ledger.Refund, ledger.Refuse))
	fined := must(post(d, deduct(v, h, points.Whole(1), ledger.Refuse, 0)))
	made, kept := seal(t, d, v)
	require.Empty(t, made, "the day is not over")
	require.False(t, kept)

	clock.Add(14*time.Hour + time.Minute) // 00:01 of the 24th: what was begun before midnight may still be on its way
	made, _ = seal(t, d, v)
	require.Empty(t, made)
	must(reverse(d, fined.Key, ledger.Reverse, ledger.Refuse))
	clock.Add(10 * time.Minute)
	made, kept = seal(t, d, v)
	require.True(t, kept)
	require.Equal(t, []cal.Day{20261123}, days(made))
	first := made[0]
	require.EqualValues(t, 1, first.First)
	require.EqualValues(t, 4, first.Number)
	require.Equal(t, fined.Hash, first.Head)
	require.Equal(t, [32]byte{}, first.Prev)
	require.Equal(t, ledger.Sums{Awarded: points.Whole(10), Deducted: points.Whole(1), Redeemed: points.Whole(4), Refunded: points.Whole(4),
		Score: points.Whole(9)}, first.Sums)
	made, kept = seal(t, d, v)
	require.Empty(t, made, "once")
	require.False(t, kept)

	// Nobody ran the job for a week; two of its days had transactions.
	clock.Add(48 * time.Hour)
	must(post(d, grant(v, h, points.Whole(3), 0)))
	clock.Add(5 * 24 * time.Hour)
	made, kept = seal(t, d, v)
	require.True(t, kept)
	require.Equal(t, []cal.Day{20261124, 20261126}, days(made))
	require.Equal(t, first.Hash, made[0].Prev)
	require.Equal(t, made[0].Hash, made[1].Prev)
	require.Equal(t, points.Whole(1), made[0].Sums.Reversed)
	require.EqualValues(t, 6, made[1].First)
	require.Equal(t, []ledger.DaySeal{made[1], made[0], first}, sealsOf(t, d, v))
	require.Empty(t, verify(t, d).Findings)
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) error {
		for at, want := range map[int64]ledger.DaySeal{first.At - 1: {}, first.At: first, made[0].At - 1: first, made[1].At: made[1]} {
			got, err := ledger.SealBy(tx, v, at)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		return nil
	}))

	// A second writer with the same work writes nothing.
	require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) error {
		kept, err := ledger.KeepSeals(tx, made)
		require.False(t, kept)
		return err
	}))
}

// Numbers are given after At is taken, and clocks jump: whatever the order, every number is in exactly one seal and days rise.
func TestDaysOutOfOrder(t *testing.T) {
	clock := testkit.NewClock(t, "2026-11-23 23:59")
	d := testkit.DBAt(t, clock)
	v, h := id.New(), id.New()
	at := func(days int) {
		clock.Add(time.Duration(days) * 24 * time.Hour)
		_, err := post(d, grant(v, h, points.Whole(1), 0))
		require.NoError(t, err)
	}
	at(0)    // 23rd, number 1
	at(1)    // 24th, 2
	at(-1)   // 23rd again, 3: begun before midnight, committed after number 2
	at(3650) // 4: a clock ten years ahead
	at(-3648)
	clock.Add(24 * time.Hour)
	made, _ := seal(t, d, v)
	require.Equal(t, []cal.Day{20261123, 20261125}, days(made))
	require.EqualValues(t, 3, made[0].Number)
	require.EqualValues(t, 5, made[1].Number)
	// Late for a sealed day: it goes with the day after the seal's.
	at(-5)
	clock.Add(10 * 24 * time.Hour)
	made, _ = seal(t, d, v)
	require.Equal(t, []cal.Day{20261126}, days(made))
	require.EqualValues(t, 6, made[0].First)
	require.Empty(t, verify(t, d).Findings)
}

func TestABrokenBookIsNotSealed(t *testing.T) {
	for name, sql := range map[string]string{
		"changed": "UPDATE ledger_txs SET reason = 'x' WHERE number = 2",
		"gone":    "DELETE FROM ledger_txs WHERE number = 2",
		"stray":   "UPDATE ledger_entries SET number = 0 WHERE number = 2",
	} {
		t.Run(name, func(t *testing.T) {
			clock := testkit.NewClock(t, "2026-11-23 10:00")
			d := testkit.DBAt(t, clock)
			v, h := id.New(), id.New()
			for range 3 {
				_, err := post(d, grant(v, h, points.Whole(1), 0))
				require.NoError(t, err)
			}
			clock.Add(48 * time.Hour)
			testkit.Tamper(t, d, sql)
			err := d.Read(context.Background(), func(tx db.Tx) error {
				_, err := ledger.DueSeals(tx, v)
				return err
			})
			require.ErrorIs(t, err, ledger.ErrBroken)
		})
	}
}
