package db_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/testkit"
)

// On a node of a cluster nothing waits: between two statements of one command the node may give the transaction up without a word,
// and what follows would be committed without what went before. `make proof` shows it on a real cluster.
func TestOnGaleraNothingWaits(t *testing.T) {
	d, ctx := testkit.DB(t), context.Background()
	db.AsOnGalera(d)
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
		require.NoError(t, db.Insert(tx.Later(), "stamps", stampColumns, 1, stampRow("a", 1)))
		require.Empty(t, db.Waiting(tx))
		var n int
		require.NoError(t, db.Ask(tx, func(r db.Row) error { return r.Scan(&n) }, "SELECT n FROM stamps WHERE name = ?", "a"))
		require.Equal(t, 1, n, "answered at once")
		require.Empty(t, db.Waiting(tx))
		require.NoError(t, db.Exec(tx.Later(), "UPDATE stamps SET n = n + 1 WHERE name = ?", "a"))
		require.Empty(t, db.Waiting(tx))
		return db.Answer(tx)
	}))
	require.Equal(t, []int{2}, stamps(t, d))

	attempts := 0 // and a key that is taken makes the function run again, as everywhere
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
		if attempts++; attempts > 1 {
			return nil
		}
		return db.Insert(tx.Later(), "stamps", stampColumns, 1, stampRow("a", 7))
	}))
	require.Equal(t, 2, attempts)
}

// TestNothingIsDoneAfterADeadlock: the server has rolled the transaction back, so what a function that overlooks the error does next
// must not stay.
func TestNothingIsDoneAfterADeadlock(t *testing.T) {
	if !testkit.OnMySQL() {
		return // SQLite has one writer, and so no deadlock
	}
	d, ctx := testkit.DB(t), context.Background()
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
		return db.Insert(tx, "stamps", stampColumns, 2, func(i int, args []any) []any { return append(args, []string{"a", "b"}[i], 0) })
	}))
	add := func(tx db.Tx, name string) error {
		return tx.Exec("UPDATE stamps SET n = n + 1 WHERE name = ?", name).Error
	}
	held, other := make(chan struct{}, 20), make(chan struct{}, 20)
	done := make(chan error, 2)
	run := func(first, second string, mine, theirs chan struct{}) {
		done <- d.Tx(ctx, func(tx db.Tx) error {
			if err := add(tx, first); err != nil {
				return err
			}
			if mine <- struct{}{}; tx.Attempt == 0 {
				<-theirs
			}
			_ = add(tx, second) // one of the two is the deadlock's victim, and overlooks it
			return add(tx, second)
		})
	}
	go run("a", "b", held, other)
	go run("b", "a", other, held)
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	require.Equal(t, []int{3, 3}, stamps(t, d))
}
