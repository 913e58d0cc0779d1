package demo_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/demo"
	"jishan/internal/ledger"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/redeem"
	"jishan/internal/rule"
	"jishan/internal/shop"
	"jishan/internal/testkit"
)

// world is real services on a fresh database whose clock is the returned one.
func world(t *testing.T) (demo.World, *demo.Clock) {
	t.Helper()
	clock := &demo.Clock{}
	d, err := db.Open(context.Background(), db.Options{DSN: testkit.DSN(t), Clock: clock.Now})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	secret := strings.Repeat("demo-secret-", 4)
	w := demo.World{DB: d, Rules: rule.New(d), Shops: shop.New(d), Awards: award.New(d)}
	w.Auth, err = auth.New(d, auth.Options{Secret: secret, AccessTTL: time.Hour, RefreshTTL: 24 * time.Hour})
	require.NoError(t, err)
	w.People, err = people.NewService(d, []byte(secret))
	require.NoError(t, err)
	w.Party = party.New(d, w.People)
	w.Redeem, err = redeem.New(d, redeem.Options{Secret: secret, CardPepper: secret + "x", CodeTTL: time.Minute, TicketTTL: time.Minute, RefundWindow: 72 * time.Hour})
	require.NoError(t, err)
	t.Cleanup(func() { w.Redeem.Close(); w.Awards.Close(); w.Auth.Close() })
	return w, clock
}

func TestTheYearAddsUp(t *testing.T) {
	w, clock := world(t)
	ctx := context.Background()
	until := time.Date(2026, 10, 24, 9, 30, 0, 0, cal.Shanghai)
	last := 0.0
	g, err := demo.Fill(ctx, w, clock, demo.Extent{Until: until, Months: 1, Percent: 10}, func(what string, share float64) {
		require.NotEmpty(t, what)
		require.GreaterOrEqual(t, share+0.011, last, what)
		last = share
	})
	require.NoError(t, err)
	require.EqualValues(t, 1, last)
	require.Greater(t, g.Households, 180)
	require.Greater(t, g.Awards, 200)
	require.Positive(t, g.Redemptions)
	require.Positive(t, g.Reversals)
	require.Len(t, g.Logins, 3+2*7+2*3)
	require.Len(t, g.Homes, 9)
	require.NotZero(t, g.Try.Rule)
	require.NotEmpty(t, g.Try.Name)
	require.False(t, clock.Now().After(until), "nothing is stamped in the future")

	require.NoError(t, w.DB.Read(ctx, func(tx db.Tx) error {
		report, err := ledger.Verify(tx)
		require.NoError(t, err)
		require.Empty(t, report.Findings)
		require.Equal(t, 7, report.Books)
		require.EqualValues(t, g.Awards+g.Reversals+g.Redemptions+g.Refunds, report.Transactions)
		for name, check := range map[string]func(db.Tx) ([]string, error){"award": award.Verify, "redeem": redeem.Verify, "shop": shop.VerifyStock} {
			found, err := check(tx)
			require.NoError(t, err, name)
			require.Empty(t, found, name)
		}
		return nil
	}))

	// The quarter before stands at a different stage from village to village.
	require.NoError(t, w.DB.Read(ctx, func(tx db.Tx) error {
		var states []party.State
		q := "SELECT e.state FROM party_evaluations e JOIN regions r ON r.id = e.village_id WHERE e.quarter = 20263 ORDER BY r.sort"
		require.NoError(t, tx.Raw(q).Scan(&states).Error)
		require.Equal(t, []party.State{party.Closed, party.Publicity, party.Review, party.SelfReport}, states)
		return nil
	}))

	// Everybody in the guide can log in.
	for _, l := range g.Logins {
		_, err := w.Auth.Login(ctx, auth.Credentials{Kind: l.Kind, Login: l.Login, Password: demo.Password}, auth.Origin{Address: "10.0.0." + l.Login})
		require.NoError(t, err, l.Login)
	}
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	_, complete, err := demo.Prepare(dir)
	require.NoError(t, err)
	require.False(t, complete)

	// Broken off: begun anew.
	file := filepath.Join(dir, "jishan.db")
	require.NoError(t, os.WriteFile(file, []byte("half"), 0o600))
	_, complete, err = demo.Prepare(dir)
	require.NoError(t, err)
	require.False(t, complete)
	require.NoFileExists(t, file)

	// Complete: kept, with its guide.
	require.NoError(t, os.WriteFile(file, []byte("whole"), 0o600))
	require.NoError(t, demo.Finish(dir, demo.Guide{Households: 7}))
	g, complete, err := demo.Prepare(dir)
	require.NoError(t, err)
	require.True(t, complete)
	require.Equal(t, 7, g.Households)
	require.FileExists(t, file)

	// Somebody's own data: left alone.
	require.NoError(t, os.Remove(filepath.Join(dir, "demo.json")))
	_, _, err = demo.Prepare(dir)
	require.ErrorIs(t, err, demo.ErrNotDemo)
	require.FileExists(t, file)
}
