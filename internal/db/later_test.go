package db_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/testkit"
)

var stampColumns = []string{"name", "n"}

func stampRow(name string, n int) func(int, []any) []any {
	return func(_ int, args []any) []any { return append(args, name, n) }
}

// What is written with Later is there for every later statement of the transaction, in order, and for everybody after the commit.
func TestLaterIsSeenByWhatFollows(t *testing.T) {
	d, ctx := testkit.DB(t), context.Background()
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
		require.NoError(t, db.Insert(tx.Later(), "stamps", stampColumns, 1, stampRow("a", 1)))
		var asked, queried, scanned int
		require.NoError(t, db.Ask(tx, func(r db.Row) error { return r.Scan(&asked) }, "SELECT n FROM stamps WHERE name IN ?", db.ListOf([]string{"a"})))
		require.NoError(t, db.Exec(tx.Later(), "UPDATE stamps SET n = n + 1 WHERE name = ?", "a"))
		require.NoError(t, db.Ask(tx, func(db.Row) error { return errors.New("no such row") }, "SELECT n FROM stamps WHERE name = ?", "nobody"))
		require.NoError(t, db.Query(tx, func(r db.Row) error { return r.Scan(&queried) }, "SELECT n FROM stamps WHERE name = ?", "a"))
		require.Equal(t, []int{1, 2}, []int{asked, queried})
		require.NoError(t, db.Exec(tx.Later(), "UPDATE stamps SET n = n + 1 WHERE name = ?", "a"))
		require.NoError(t, tx.Raw("SELECT n FROM stamps WHERE name = ?", "a").Scan(&scanned).Error)
		require.Equal(t, 3, scanned)
		require.NoError(t, db.Exec(tx.Later(), "UPDATE stamps SET n = n + 1 WHERE name = ?", "a"))
		require.NoError(t, tx.Exec("UPDATE stamps SET n = n * 2 WHERE name = ?", "a").Error)
		require.NoError(t, db.Ask(tx, func(r db.Row) error { return r.Scan(&asked) }, "SELECT n FROM stamps WHERE name = ?", "a"))
		require.NoError(t, db.Answer(tx))
		require.Equal(t, 8, asked)
		return db.Insert(tx.Later(), "stamps", stampColumns, 1, stampRow("b", 1))
	}))
	require.Equal(t, []int{8, 1}, stamps(t, d))
}

func stamps(t *testing.T, d *db.DB) (out []int) {
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) error {
		return tx.Raw("SELECT n FROM stamps ORDER BY name").Scan(&out).Error
	}))
	return out
}

// A key that somebody else has made makes the function run again, wherever the row was sent; what went before it is undone.
func TestLaterRunsAgainOnATakenKey(t *testing.T) {
	ctx := context.Background()
	for name, then := range map[string]func(db.Tx) error{
		"commit":    func(db.Tx) error { return nil },
		"query":     func(tx db.Tx) error { return db.Query(tx, func(db.Row) error { return nil }, "SELECT n FROM stamps") },
		"statement": func(tx db.Tx) error { return tx.Exec("UPDATE stamps SET n = 9 WHERE name = ?", "a").Error },
		"swallowed": func(tx db.Tx) error { _ = tx.Exec("UPDATE stamps SET n = 9").Error; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			d := testkit.DB(t)
			write := func(tx db.Tx, name string) error {
				return db.Insert(tx.Later(), "stamps", stampColumns, 1, stampRow(name, 1))
			}
			require.NoError(t, d.Tx(ctx, func(tx db.Tx) error { return write(tx, "a") }))
			var attempts []int
			err := d.Tx(ctx, func(tx db.Tx) error {
				attempts = append(attempts, tx.Attempt)
				if tx.Attempt > 0 {
					return write(tx, "c")
				}
				if err := write(tx, "b"); err != nil {
					return err
				}
				if err := write(tx, "a"); err != nil {
					return err
				}
				return then(tx)
			})
			require.NoError(t, err)
			require.Equal(t, []int{0, 1}, attempts)
			require.Equal(t, []int{1, 1}, stamps(t, d), "a and c, without b")
		})
	}
}

// A row that the server refuses for what is in it fails the transaction for certain: no unknown outcome, no other attempt.
func TestLaterRefusedRow(t *testing.T) {
	d, ctx := testkit.DB(t), context.Background()
	if d.Dialect != db.MySQL {
		return // SQLite does not look at the length of texts
	}
	runs := 0
	err := d.Tx(ctx, func(tx db.Tx) error {
		runs++
		require.NoError(t, db.Insert(tx.Later(), "stamps", stampColumns, 1, stampRow("a", 1)))
		return db.Insert(tx.Later(), "stamps", stampColumns, 1, stampRow("a name that is much longer than its column", 1))
	})
	require.True(t, db.RefusedRow(err), "%v", err)
	require.NotErrorIs(t, err, errs.ErrUnavailable)
	require.Equal(t, 1, runs)
	require.Empty(t, stamps(t, d))
}

// Whatever ends a transaction early leaves nothing behind, neither in the database nor on the connection.
func TestNothingIsLeftOfAnUnfinishedTransaction(t *testing.T) {
	d := testkit.DB(t)
	write := func(tx db.Tx) error { return db.Insert(tx.Later(), "stamps", stampColumns, 1, stampRow("a", 1)) }
	failed := errors.New("failed")
	for name, end := range map[string]func(tx db.Tx, cancel func()) error{
		"error":     func(db.Tx, func()) error { return failed },
		"sent":      func(tx db.Tx, _ func()) error { return errors.Join(failed, tx.Exec("UPDATE stamps SET n = 9").Error) },
		"cancelled": func(tx db.Tx, cancel func()) error { cancel(); return nil },
		"panic":     func(db.Tx, func()) error { panic(failed) },
	} {
		for range 3 {
			ctx, cancel := context.WithCancel(context.Background())
			func() {
				defer func() { _ = recover() }()
				require.Error(t, d.Tx(ctx, func(tx db.Tx) error {
					require.NoError(t, write(tx))
					return end(tx, cancel)
				}), name)
			}()
			cancel()
			require.Empty(t, stamps(t, d), name)
			require.NoError(t, d.Tx(context.Background(), func(db.Tx) error { return nil }))
		}
	}
	require.Zero(t, d.Stats().InUse)
}
