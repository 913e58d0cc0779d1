package stamp_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/stamp"
	"jishan/internal/testkit"
)

func TestWhatIsKeptIsReadAgainAfterAChange(t *testing.T) {
	d, ctx := testkit.DB(t), context.Background()
	var k stamp.Kept[string, int]
	value, loads := 1, 0
	get := func(keys ...string) (out map[string]int) {
		require.NoError(t, d.Read(ctx, func(tx db.Tx) error {
			n, err := stamp.Read(tx, stamp.Rules)
			require.NoError(t, err)
			out, err = k.Get(n, keys, func(missing []string) (map[string]int, error) {
				loads++
				found := map[string]int{}
				for _, m := range missing {
					if m != "nobody" {
						found[m] = value
					}
				}
				return found, nil
			})
			return err
		}))
		return out
	}
	require.Equal(t, map[string]int{"a": 1}, get("a"))
	require.Equal(t, map[string]int{"a": 1, "b": 1}, get("a", "b"))
	require.Equal(t, 2, loads, "only what was missing")
	get("a", "b")
	require.Equal(t, 2, loads)
	require.Empty(t, get("nobody"))
	require.Empty(t, get("nobody"))
	require.Equal(t, 4, loads, "what was not found is asked for again")

	value = 2
	no := errors.New("no")
	require.ErrorIs(t, d.Tx(ctx, func(tx db.Tx) error {
		require.NoError(t, stamp.Count(tx, stamp.Rules))
		return no
	}), no)
	require.Equal(t, map[string]int{"a": 1}, get("a"), "rolled back: nothing has changed")
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error { return stamp.Count(tx, stamp.Rules) }))
	require.Equal(t, map[string]int{"a": 2}, get("a"))
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error { return stamp.Count(tx, stamp.Rules) }))
	value = 3
	require.Equal(t, map[string]int{"a": 3, "b": 3}, get("a", "b"))
}

// A reader that is late with an old count neither gets newer things thrown away nor leaves older ones behind.
func TestALateReaderLeavesNothingBehind(t *testing.T) {
	var k stamp.Kept[string, int]
	load := func(v int) func([]string) (map[string]int, error) {
		return func([]string) (map[string]int, error) { return map[string]int{"a": v}, nil }
	}
	_, err := k.Get(5, []string{"a"}, load(5))
	require.NoError(t, err)
	out, err := k.Get(4, []string{"a"}, load(4))
	require.NoError(t, err)
	require.Equal(t, 4, out["a"])
	out, err = k.Get(5, []string{"a"}, load(-1))
	require.NoError(t, err)
	require.Equal(t, 5, out["a"])
}

func TestPeekSeesWhatIsKeptAndOfWhichCount(t *testing.T) {
	var k stamp.Kept[int, int]
	_, _, ok := k.Peek(1)
	require.False(t, ok)
	load := func(missing []int) (map[int]int, error) {
		out := map[int]int{}
		for _, m := range missing {
			out[m] = 10 * m
		}
		return out, nil
	}
	_, err := k.Get(3, []int{1}, load)
	require.NoError(t, err)
	v, n, ok := k.Peek(1)
	require.Equal(t, []any{10, int64(3), true}, []any{v, n, ok})
	for i := range 40_000 { // it does not grow for ever
		got, err := k.Get(3, []int{i}, load)
		require.NoError(t, err)
		require.Equal(t, map[int]int{i: 10 * i}, got)
	}
	_, _, ok = k.Peek(1)
	require.False(t, ok)
	_, _, ok = k.Peek(39_999)
	require.True(t, ok)
}

func TestReadAllCounts(t *testing.T) {
	d, ctx := testkit.DB(t), context.Background()
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error { return errors.Join(stamp.Count(tx, stamp.Access), stamp.Count(tx, stamp.Access)) }))
	require.NoError(t, d.Read(ctx, func(tx db.Tx) error {
		got, err := stamp.ReadAll(tx, stamp.Access, stamp.Regions)
		require.Equal(t, map[string]int64{stamp.Access: 2}, got)
		return err
	}))
}

func TestKnownIsWhatOfTheKeysIsKept(t *testing.T) {
	var k stamp.Kept[int, int]
	known, missing, n := k.Known([]int{1, 2})
	require.Equal(t, []any{0, []int{1, 2}, int64(0)}, []any{len(known), missing, n})
	k.Keep(3, map[int]int{1: 10, 2: 20})
	k.Keep(2, map[int]int{4: 40}) // older than what others have read
	known, missing, n = k.Known([]int{1, 2, 4})
	require.Equal(t, []any{map[int]int{1: 10, 2: 20}, []int{4}, int64(3)}, []any{known, missing, n})
	k.Keep(4, map[int]int{4: 41})
	known, missing, n = k.Known([]int{1, 4})
	require.Equal(t, []any{map[int]int{4: 41}, []int{1}, int64(4)}, []any{known, missing, n})
}
