package db_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/testkit"
)

func TestInsertUpsertDuplicate(t *testing.T) {
	d := testkit.DB(t)
	ctx := context.Background()
	cols := []string{"owner_id", "asset", "month", "village_id", "kind", "points"}
	row := func(i int, args []any) []any { return append(args, i%700, 1, 202611, 1, 1, 5) }
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error { return db.Insert(tx, "scores", cols, 700, row) }))
	err := d.Tx(ctx, func(tx db.Tx) error { return db.Insert(tx, "scores", cols, 1, row) })
	require.True(t, db.Duplicate(err), "%v", err)
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
		return db.Upsert(tx, "scores", cols, []string{"owner_id", "asset", "month", "village_id"}, nil, []string{"points"}, 1400, row)
	}))
	var sum, n int64
	require.NoError(t, d.Read(ctx, func(tx db.Tx) error {
		return tx.Raw("SELECT SUM(points), COUNT(*) FROM scores").Row().Scan(&sum, &n)
	}))
	require.EqualValues(t, 700*15, sum)
	require.EqualValues(t, 700, n)
}
