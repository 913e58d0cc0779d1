package db_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/testkit"
)

// watched is a database whose statements are heard.
func watched(t *testing.T) (*db.DB, func() []string) {
	dsn := testkit.DSN(t)
	var mu sync.Mutex
	var heard []string
	d, err := db.Open(context.Background(), db.Options{DSN: dsn, Watch: func(q string, _ []any) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, q)
	}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), heard...)
	}
}

// A column that may be spared is left out where no row of the statement has a value for it, and only there.
func TestInsertSparesColumnsWithoutValues(t *testing.T) {
	d, heard := watched(t)
	ctx := context.Background()
	type house struct{ id, group int64 }
	insert := func(rows ...house) {
		require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
			return db.Insert(tx.Later(), "households", []string{"id", "village_id", "group_id?", "code", "head_id?", "head_name", "pinyin", "initials", "address", "state", "merged_into?", "created_at", "updated_at"},
				len(rows), func(i int, args []any) []any {
					return append(args, rows[i].id, int64(7), rows[i].group, fmt.Sprint(rows[i].id), 0, "李大山", "", "", "", 1, int64(0), int64(1), int64(1))
				})
		}))
	}
	insert(house{id: 1}, house{id: 2})
	insert(house{id: 3}, house{4, 9})
	all := heard()
	columns := func(n int) string {
		for i := len(all) - 1; i >= 0; i-- {
			if head, _, ok := strings.Cut(all[i], " VALUES "); ok && strings.HasPrefix(head, "INSERT INTO households") {
				if n == 0 {
					return head
				}
				n--
			}
		}
		return ""
	}
	require.Equal(t, "INSERT INTO households (id, village_id, code, head_name, pinyin, initials, address, state, created_at, updated_at)", columns(1))
	require.Equal(t, "INSERT INTO households (id, village_id, group_id, code, head_name, pinyin, initials, address, state, created_at, updated_at)", columns(0))
	var groups []int64
	require.NoError(t, d.Read(ctx, func(tx db.Tx) error { return tx.Raw("SELECT group_id FROM households ORDER BY id").Scan(&groups).Error }))
	require.Equal(t, []int64{0, 0, 0, 9}, groups)
}

// Update gives every row its own values, in as many statements as it takes, and leaves the others alone.
func TestUpdateGivesEachRowItsOwn(t *testing.T) {
	d := testkit.DB(t)
	ctx := context.Background()
	const n = 250
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
		return db.Insert(tx, "lots", []string{"account_id", "expiry_day", "amount"}, n+1, func(i int, args []any) []any { return append(args, int64(i), 1, 1000) })
	}))
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
		if err := db.Update(tx.Later(), "lots", "account_id", []string{"amount"}, 0, nil); err != nil {
			return err
		}
		return db.Update(tx.Later(), "lots", "account_id", []string{"amount", "expiry_day"}, n, func(i int, args []any) []any { return append(args, int64(i), int64(2*i), i+10) })
	}))
	var rows []struct{ AccountID, ExpiryDay, Amount int64 }
	require.NoError(t, d.Read(ctx, func(tx db.Tx) error {
		return tx.Raw("SELECT account_id, expiry_day, amount FROM lots ORDER BY account_id").Scan(&rows).Error
	}))
	require.Len(t, rows, n+1)
	for i, r := range rows[:n] {
		require.Equal(t, []int64{int64(i), int64(i + 10), int64(2 * i)}, []int64{r.AccountID, r.ExpiryDay, r.Amount})
	}
	require.Equal(t, int64(1000), rows[n].Amount)
}

// More than is sent in one piece goes ahead while the next is put together. A key that is taken, wherever in it, still makes the function run
// again, and nothing of the first attempt stays; neither does it of one that was given up.
func TestWhatIsSentAheadIsUndoneAsAWhole(t *testing.T) {
	d, ctx := testkit.DB(t), context.Background()
	const n = 6_000
	long := strings.Repeat("词", 80)
	fill := func(tx db.Tx, from int) error {
		return db.Insert(tx.Later(), "outbox", []string{"id", "topic", "payload", "at"}, n, func(i int, args []any) []any {
			return append(args, int64(from+i), "test", long, int64(1))
		})
	}
	count := func() (c int) {
		require.NoError(t, d.Read(ctx, func(tx db.Tx) error { return tx.Raw("SELECT COUNT(*) FROM outbox WHERE topic = 'test'").Row().Scan(&c) }))
		return c
	}
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error { return fill(tx, 1) }))
	require.Equal(t, n, count())
	for name, from := range map[string]int{"first": n, "middle": n / 2, "last": 2 - n} {
		attempts := 0
		err := d.Tx(ctx, func(tx db.Tx) error {
			if attempts++; attempts > 1 {
				return nil
			}
			if err := fill(tx, 100*n); err != nil {
				return err
			}
			return fill(tx, from)
		})
		require.NoError(t, err, name)
		require.Equal(t, 2, attempts, name)
		require.Equal(t, n, count(), name)
	}
	given := fmt.Errorf("given up")
	require.ErrorIs(t, d.Tx(ctx, func(tx db.Tx) error {
		require.NoError(t, fill(tx, 200*n))
		return given
	}), given)
	require.Equal(t, n, count())
	require.Zero(t, d.Stats().InUse)
}

// A column that counts has no value of its own, and may be the only one.
func TestUpdateCounts(t *testing.T) {
	d := testkit.DB(t)
	ctx := context.Background()
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
		return tx.Exec("INSERT INTO stamps (name, n) VALUES ('a', 5), ('b', 7), ('c', 9)").Error
	}))
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
		return db.Update(tx.Later(), "stamps", "name", []string{"n+"}, 2, func(i int, args []any) []any { return append(args, string("ab"[i])) })
	}))
	var got []int
	require.NoError(t, d.Read(ctx, func(tx db.Tx) error { return tx.Raw("SELECT n FROM stamps ORDER BY name").Scan(&got).Error }))
	require.Equal(t, []int{6, 8, 9}, got)
}
