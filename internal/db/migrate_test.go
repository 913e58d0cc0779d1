package db_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/testkit"
)

// empty is the address of a database without tables.
func empty(t *testing.T) string {
	if testkit.OnMySQL() {
		return testkit.EmptyMySQL(t)
	}
	return "sqlite:" + filepath.Join(t.TempDir(), "empty.db")
}

func reopen(t *testing.T, dsn string) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), db.Options{DSN: dsn})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestMigrateFromNothingAndAgain(t *testing.T) {
	ctx, d := context.Background(), reopen(t, empty(t))
	require.ErrorIs(t, d.Current(ctx), db.ErrOlderSchema)
	require.NoError(t, d.Migrate(ctx))
	require.NoError(t, d.Current(ctx))
	require.NoError(t, d.Migrate(ctx), "nothing to do")
	have, want, err := d.Versions(ctx)
	require.NoError(t, err)
	require.Positive(t, want)
	require.Equal(t, want, have)
}

func TestNewerSchemaIsRefused(t *testing.T) {
	ctx, d := context.Background(), testkit.DB(t)
	testkit.Tamper(t, d, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9001, 1)")
	for name, f := range map[string]func(context.Context) error{"Current": d.Current, "Migrate": d.Migrate} {
		err := f(ctx)
		require.ErrorIs(t, err, db.ErrNewerSchema, name)
		text := errs.From(err).Text()
		require.Contains(t, text, "9001", name)
		require.Contains(t, text, "请换用新版本的程序", name)
	}
}

func TestTwoProcessesMigrateAtOnce(t *testing.T) {
	ctx, dsn := context.Background(), empty(t)
	const processes = 4
	opened := make([]*db.DB, processes)
	for i := range opened {
		opened[i] = reopen(t, dsn)
	}
	start, failed := make(chan struct{}), make([]error, processes)
	var wg sync.WaitGroup
	for i, d := range opened {
		wg.Go(func() {
			<-start
			failed[i] = d.Migrate(ctx)
		})
	}
	close(start)
	wg.Wait()
	for i, err := range failed {
		require.NoError(t, err, "process %d", i)
		require.NoError(t, opened[i].Current(ctx))
	}
}

func TestHalfMadeSchemaIsReported(t *testing.T) {
	ctx, d := context.Background(), reopen(t, empty(t))
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error { return tx.Exec("CREATE TABLE accounts (id BIGINT)").Error }))
	err := d.Migrate(ctx)
	require.ErrorIs(t, err, db.ErrMigration)
	require.ErrorContains(t, err, "accounts")
}

// A book from before movements had one row comes along: an award, a deduction from two lots, a transfer between wallets.
func TestMovementsGetOneRow(t *testing.T) {
	ctx, d := context.Background(), reopen(t, empty(t))
	require.NoError(t, d.UpTo(ctx, 6))
	before := []string{"1 1 11 1000 0 1000", "1 2 90 -1000 0 -", "2 1 11 -300 20261231 700", "2 2 11 -200 0 500", "2 3 90 500 0 -", "3 1 11 -100 0 400", "3 2 12 100 0 100"}
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
		for i, person := range []int64{0, 7, 0} {
			q := "INSERT INTO ledger_txs (book_id, number, asset, kind, day, month, at, actor_id, person_id, reason, prev_hash, hash) VALUES (5, ?, 1, 1, 20261130, 202611, 1, 1, ?, 'x', ?, ?)"
			if err := tx.Exec(q, i+1, person, make([]byte, 32), make([]byte, 32)).Error; err != nil {
				return err
			}
		}
		for _, e := range before {
			f := strings.Fields(e)
			balance := any(f[5])
			if f[5] == "-" {
				balance = nil
			}
			q := "INSERT INTO ledger_entries (book_id, number, line, account_id, amount, lot, balance) VALUES (5, ?, ?, ?, ?, ?, ?)"
			if err := tx.Exec(q, f[0], f[1], f[2], f[3], f[4], balance).Error; err != nil {
				return err
			}
		}
		return nil
	}))
	entries := func(column string) (out []string) {
		require.NoError(t, d.Read(ctx, func(tx db.Tx) error {
			var rows []struct {
				Number, Line, AccountID, Amount, Lot int64
				Balance                              *int64
				Other                                int64
			}
			err := tx.Raw("SELECT number, line, account_id, amount, lot, balance, " + column + " AS other FROM ledger_entries ORDER BY number, line").Scan(&rows).Error
			for _, r := range rows {
				balance := "-"
				if r.Balance != nil {
					balance = fmt.Sprint(*r.Balance)
				}
				out = append(out, strings.TrimSuffix(fmt.Sprintf("%d %d %d %d %d %s %d", r.Number, r.Line, r.AccountID, r.Amount, r.Lot, balance, r.Other), " 0"))
			}
			return err
		}))
		return out
	}
	require.Equal(t, before, entries("0"))
	require.NoError(t, d.Migrate(ctx))
	require.Equal(t, []string{"1 1 11 1000 0 1000 90", "2 1 11 -300 20261231 700 90", "2 2 11 -200 0 500 90", "3 1 11 -100 0 400", "3 2 12 100 0 100"}, entries("counterpart_id"))
	require.NoError(t, d.Read(ctx, func(tx db.Tx) error {
		var persons []int64
		err := tx.Raw("SELECT number FROM ledger_persons WHERE book_id = 5 AND person_id = 7").Scan(&persons).Error
		require.Equal(t, []int64{2}, persons)
		return err
	}))
	if d.Dialect == db.SQLite {
		require.ErrorContains(t, d.Tx(ctx, func(tx db.Tx) error { return tx.Exec("DELETE FROM ledger_entries").Error }), "append-only")
	}
	require.NoError(t, d.DownTo(ctx, 6))
	require.Equal(t, before, entries("0"))
	require.NoError(t, d.Migrate(ctx))
}
