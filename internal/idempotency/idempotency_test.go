package idempotency_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/idempotency"
	"jishan/internal/testkit"
)

var ctx = context.Background()

func request(key string, input byte) idempotency.Request {
	return idempotency.Request{Scope: 7, Key: key, Input: [32]byte{input}, Operation: "test"}
}

func do(d *db.DB, r idempotency.Request, fn func() (string, error)) (out string, replayed bool, err error) {
	err = d.Tx(ctx, func(tx db.Tx) error {
		out, replayed, err = idempotency.Do(tx, r, fn)
		return err
	})
	return out, replayed, err
}

func TestSameKeySameInputReplays(t *testing.T) {
	d := testkit.DB(t)
	var runs atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			out, _, err := do(d, request("k", 1), func() (string, error) { runs.Add(1); return "once", nil })
			require.NoError(t, err)
			require.Equal(t, "once", out)
		})
	}
	wg.Wait()
	out, replayed, err := do(d, request("k", 1), func() (string, error) { return "twice", nil })
	require.NoError(t, err)
	require.True(t, replayed)
	require.Equal(t, "once", out)
	_, _, err = do(d, request("k", 2), func() (string, error) { return "other", nil })
	require.ErrorIs(t, err, idempotency.ErrConflict)
	other := request("k", 2)
	other.Scope = 8
	out, _, err = do(d, other, func() (string, error) { return "another user's", nil })
	require.NoError(t, err)
	require.Equal(t, "another user's", out)
}

func TestAFailureLeavesNoKey(t *testing.T) {
	d := testkit.DB(t)
	refused := errors.New("refused")
	_, _, err := do(d, request("k", 1), func() (string, error) { return "", refused })
	require.ErrorIs(t, err, refused)
	out, replayed, err := do(d, request("k", 1), func() (string, error) { return "now", nil })
	require.NoError(t, err)
	require.False(t, replayed)
	require.Equal(t, "now", out)
}

func TestTwinsWithinABatch(t *testing.T) {
	twin, conflicts := idempotency.Twins([]idempotency.Request{request("a", 1), request("b", 1), request("a", 1), request("a", 2), request("", 1), request("", 1)})
	require.Equal(t, map[int]int{2: 0}, twin)
	require.Len(t, conflicts, 1)
	require.ErrorIs(t, conflicts[3], idempotency.ErrConflict)
}

// A long answer is kept compressed and replayed as it was.
func TestLongAnswersAreReplayedWhole(t *testing.T) {
	d := testkit.DB(t)
	long := strings.Repeat("庭院整洁：+5；", 20_000)
	for range 2 {
		out, _, err := do(d, request("long", 1), func() (string, error) { return long, nil })
		require.NoError(t, err)
		require.Equal(t, long, out)
	}
	var kept int
	require.NoError(t, d.Read(ctx, func(tx db.Tx) error { return tx.Raw("SELECT LENGTH(response) FROM idempotency_keys").Row().Scan(&kept) }))
	require.Less(t, kept, len(long)/20)
	require.NoError(t, d.Read(ctx, func(tx db.Tx) error {
		response, ok, err := idempotency.Answered(tx, request("long", 1))
		require.True(t, ok)
		require.Equal(t, `"`+long+`"`, string(response))
		return err
	}))
}
