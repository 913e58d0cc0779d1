package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/outbox"
	"jishan/internal/testkit"
)

func take(t *testing.T, d *db.DB, topic string, after id.ID, limit int) (events []outbox.Event) {
	t.Helper()
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) (err error) {
		events, err = outbox.Take(tx, topic, after, limit)
		return err
	}))
	return events
}

func TestWriteTakeDelete(t *testing.T) {
	clock := testkit.NewClock(t, "2026-11-23 10:00")
	d, ctx := testkit.DBAt(t, clock), context.Background()
	type payload struct {
		N    int    `json:"n"`
		Text string `json:"text"`
	}
	begin := clock.Now()
	want := map[payload]bool{}
	for i := range 25 {
		p := payload{i, "积善"}
		want[p] = true
		require.NoError(t, d.Tx(ctx, func(tx db.Tx) error { return outbox.Write(tx, "scores", p) }))
	}
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error { return outbox.Write(tx, "other", payload{}) }))

	got := map[payload]bool{}
	var seen []outbox.Event
	var after id.ID
	for {
		events := take(t, d, "scores", after, 10)
		for _, e := range events {
			require.Greater(t, e.ID, after)
			after = e.ID
			require.Equal(t, "scores", e.Topic)
			require.WithinRange(t, e.At, begin, clock.Now())
			var p payload
			require.NoError(t, json.Unmarshal(e.Payload, &p))
			got[p] = true
		}
		seen = append(seen, events...)
		if len(events) < 10 {
			break
		}
	}
	require.Equal(t, want, got)

	require.NoError(t, d.Read(ctx, func(tx db.Tx) error {
		n, oldest, err := outbox.Waiting(tx, "scores")
		require.NoError(t, err)
		require.EqualValues(t, 25, n)
		require.WithinRange(t, oldest, begin, begin.Add(10*time.Millisecond))
		n, oldest, err = outbox.Waiting(tx, "nothing")
		require.NoError(t, err)
		require.Zero(t, n)
		require.True(t, oldest.IsZero())
		return nil
	}))

	var first, second int
	ids := outbox.IDs(seen)
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) (err error) { first, err = outbox.Delete(tx, append(ids[:20:20], ids[0])); return err }))
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) (err error) { second, err = outbox.Delete(tx, ids); return err }))
	require.Equal(t, 20, first)
	require.Equal(t, 5, second, "twenty were deleted by somebody else")
	require.Empty(t, take(t, d, "scores", 0, 10))
	require.Len(t, take(t, d, "other", 0, 10), 1)
}

func TestNoEventWithoutItsChange(t *testing.T) {
	d, ctx := testkit.DB(t), context.Background()
	no := errors.New("no")
	require.ErrorIs(t, d.Tx(ctx, func(tx db.Tx) error {
		require.NoError(t, outbox.Write(tx, "scores", 1))
		return no
	}), no)
	require.Empty(t, take(t, d, "scores", 0, 10))
	require.Error(t, d.Tx(ctx, func(tx db.Tx) error { return outbox.Write(tx, "scores", func() {}) }))
}

func TestWritersDoNotWaitForTheDeleter(t *testing.T) {
	d, ctx := testkit.DB(t), context.Background()
	var wg sync.WaitGroup
	failed := make(chan error, 64)
	for w := range 8 {
		wg.Go(func() {
			for i := range 40 {
				if err := d.Tx(ctx, func(tx db.Tx) error { return outbox.Write(tx, "scores", fmt.Sprint(w, "-", i)) }); err != nil {
					failed <- err
				}
			}
		})
	}
	seen := map[string]bool{}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for finished := false; !finished; {
		select {
		case <-done:
			finished = true
		default:
		}
		events := take(t, d, "scores", 0, 1000)
		for _, e := range events {
			seen[string(e.Payload)] = true
		}
		require.NoError(t, d.Tx(ctx, func(tx db.Tx) error { _, err := outbox.Delete(tx, outbox.IDs(events)); return err }))
	}
	close(failed)
	for err := range failed {
		require.NoError(t, err)
	}
	require.Len(t, seen, 8*40)
}
