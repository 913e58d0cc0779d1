package db_test

import (
	"context"
	"path/filepath"
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
