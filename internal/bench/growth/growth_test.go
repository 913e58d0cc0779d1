package growth_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/app/apptest"
	"jishan/internal/award"
	"jishan/internal/bench/growth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/ledger"
	"jishan/internal/redeem"
	"jishan/internal/shop"
)

// TestFilledIsValid: what the generator writes is what the program would have written.
func TestFilledIsValid(t *testing.T) {
	ctx := context.Background()
	s := apptest.Start(t)
	today := cal.DayOf(s.DB.Now())
	from := today.Add(-80 * 7)
	c, err := growth.Found(ctx, s.Services, s.DB, 2, 20, from)
	require.NoError(t, err)
	c.From, c.To, c.Rows, c.Workers = from, today.Add(-1), 9_000, 1
	n, err := growth.Fill(ctx, s.DB, c.Plan)
	require.NoError(t, err)
	require.InDelta(t, c.Rows, n.Transactions+n.Entries, float64(c.Rows)/5)
	require.NotZero(t, n.Redemptions)
	require.NoError(t, s.DB.Read(ctx, func(tx db.Tx) error {
		r, err := ledger.Verify(tx)
		require.NoError(t, err)
		require.Empty(t, r.Findings)
		require.Equal(t, n, growth.Counts{Transactions: r.Transactions, Entries: r.Entries, Awards: n.Awards, Redemptions: n.Redemptions, Seals: r.Seals})
		require.EqualValues(t, 2*80, r.Seals)
		for _, check := range []func(db.Tx) ([]string, error){award.Verify, redeem.Verify, shop.VerifyStock} {
			found, err := check(tx)
			require.NoError(t, err)
			require.Empty(t, found)
		}
		for _, table := range []string{"lots", "clearings", "notices", "audit_log", "idempotency_keys", "stock_moves", "redemption_lines", "ledger_checkpoints"} {
			var rows int
			require.NoError(t, tx.Raw("SELECT COUNT(*) FROM "+table).Scan(&rows).Error)
			require.NotZero(t, rows, table)
		}
		var undone int
		require.NoError(t, tx.Raw("SELECT COUNT(*) FROM awards WHERE state = 2").Scan(&undone).Error)
		require.NotZero(t, undone)
		require.NoError(t, tx.Raw("SELECT COUNT(*) FROM redemptions WHERE state = ?", redeem.Refunded).Scan(&undone).Error)
		require.NotZero(t, undone)
		return nil
	}))
}
