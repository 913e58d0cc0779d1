package audit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/audit"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/testkit"
)

func list(t *testing.T, d *db.DB, f audit.Filter, before audit.Cursor, limit int) (out []audit.Record) {
	t.Helper()
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) (err error) {
		out, err = audit.List(tx, f, before, limit)
		return err
	}))
	return out
}

func write(t *testing.T, d *db.DB, entries ...audit.Entry) {
	t.Helper()
	require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) error { return audit.Write(tx, entries...) }))
}

func TestWriteAndList(t *testing.T) {
	clock := testkit.NewClock(t, "2026-11-23 10:00")
	d := testkit.DBAt(t, clock)
	near, far, officer := id.New(), id.New(), id.New()
	first := audit.Entry{ActorID: officer, ActorName: "王秀英", Action: "award.grant", Target: id.New().String(), Summary: "为李大山家加10分",
		Village: near, RequestID: "req-1", Address: "10.0.0.1"}
	write(t, d, first)
	clock.Add(time.Hour)
	middle := clock.Now()
	write(t, d, audit.Entry{Action: "award.reverse", Village: near}, audit.Entry{Action: "awards", Village: near})
	write(t, d, audit.Entry{Action: "user.create", Village: far})
	write(t, d, audit.Entry{Action: "job.expire"})
	write(t, d)

	require.Empty(t, list(t, d, audit.Filter{}, audit.Cursor{}, 10), "an unbounded query shows nothing")
	require.Len(t, list(t, d, audit.Filter{Anywhere: true}, audit.Cursor{}, 10), 5)
	require.Len(t, list(t, d, audit.Filter{Villages: []id.ID{near}}, audit.Cursor{}, 10), 3)
	require.Len(t, list(t, d, audit.Filter{Villages: []id.ID{near, far}}, audit.Cursor{}, 10), 4)
	require.Len(t, list(t, d, audit.Filter{Anywhere: true, Villages: []id.ID{far}}, audit.Cursor{}, 10), 1)
	require.Len(t, list(t, d, audit.Filter{Anywhere: true, Action: "award"}, audit.Cursor{}, 10), 2)
	require.Len(t, list(t, d, audit.Filter{Anywhere: true, To: middle}, audit.Cursor{}, 10), 1)
	require.Len(t, list(t, d, audit.Filter{Anywhere: true, From: middle}, audit.Cursor{}, 10), 4)

	mine := list(t, d, audit.Filter{Anywhere: true, Actor: officer}, audit.Cursor{}, 10)
	require.Len(t, mine, 1)
	require.Equal(t, first, mine[0].Entry)
	require.WithinDuration(t, time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC), mine[0].At, time.Second)
}

func TestPagesNeitherRepeatNorMissEntriesOfOneInstant(t *testing.T) {
	d := testkit.DB(t)
	village := id.New()
	entries := make([]audit.Entry, 25)
	for i := range entries {
		entries[i] = audit.Entry{Action: "bulk", Village: village}
	}
	write(t, d, entries...)
	seen := map[id.ID]bool{}
	var before audit.Cursor
	for {
		page := list(t, d, audit.Filter{Villages: []id.ID{village}}, before, 10)
		for _, r := range page {
			require.False(t, seen[r.ID])
			seen[r.ID] = true
			before = r.Cursor()
		}
		if len(page) < 10 {
			break
		}
	}
	require.Len(t, seen, len(entries))
}

func TestWhatDoesNotFitIsShortened(t *testing.T) {
	d := testkit.DB(t)
	write(t, d, audit.Entry{
		ActorName: strings.Repeat("长", 100), Action: "动作", Target: strings.Repeat("x", 200), Summary: strings.Repeat("句", 501) + "\xff",
		RequestID: strings.Repeat("r", 100), Address: "10.0.0.1\n伪造",
	})
	got := list(t, d, audit.Filter{Anywhere: true}, audit.Cursor{}, 1)[0].Entry
	require.Equal(t, strings.Repeat("长", 63)+"…", got.ActorName)
	require.Equal(t, "??", got.Action)
	require.Len(t, got.Target, 80)
	require.Equal(t, strings.Repeat("句", 499)+"…", got.Summary)
	require.Len(t, got.RequestID, 64)
	require.Equal(t, "10.0.0.1???", got.Address)
}

func TestRolledBackActionLeavesNoEntry(t *testing.T) {
	d := testkit.DB(t)
	fail := errors.New("refused")
	err := d.Tx(context.Background(), func(tx db.Tx) error {
		if err := audit.Write(tx, audit.Entry{Action: "award.grant"}); err != nil {
			return err
		}
		return fail
	})
	require.ErrorIs(t, err, fail)
	require.Empty(t, list(t, d, audit.Filter{Anywhere: true}, audit.Cursor{}, 10))
}
