package board

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/points"
)

// snapshotLine is one line of a board as board_snapshots keeps it: a JSON list of these, compressed with gzip.
type snapshotLine struct {
	Rank    int           `json:"r"`
	ID      id.ID         `json:"i"`
	Name    string        `json:"n"` // as it was, whole; masked when it is read
	Score   points.Amount `json:"s"`
	Village id.ID         `json:"v"`
	VName   string        `json:"vn"`
	Group   id.ID         `json:"g,omitempty"`
	GName   string        `json:"gn,omitempty"`
}

// snapshot is a closed period's board as it stood.
type snapshot struct {
	entries []entry
	names   map[id.ID]named
}

func encodeSnapshot(list []entry, names map[id.ID]named) ([]byte, error) {
	lines := make([]snapshotLine, len(list))
	for i, e := range list {
		n := names[e.id]
		lines[i] = snapshotLine{e.rank, e.id, n.name, e.score, n.village, n.villageName, n.group, n.groupName}
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(lines); err != nil {
		return nil, fmt.Errorf("encoding a board: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("compressing a board: %w", err)
	}
	return b.Bytes(), nil
}

func decodeSnapshot(data []byte) (*snapshot, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("unpacking a board: %w", err)
	}
	var lines []snapshotLine
	if err := json.NewDecoder(z).Decode(&lines); err != nil {
		return nil, fmt.Errorf("reading a kept board: %w", err)
	}
	out := &snapshot{make([]entry, len(lines)), make(map[id.ID]named, len(lines))}
	for i, l := range lines {
		out.entries[i] = entry{l.ID, l.Score, l.Rank}
		out.names[l.ID] = named{l.Name, l.Village, l.Group, l.VName, l.GName}
	}
	return out, nil
}

type boardKey struct {
	scope   id.ID
	subject Subject
	period  cal.Period
}

// snapshotCache keeps what has been read: a snapshot never changes.
type snapshotCache struct {
	mu    sync.Mutex
	kept  map[boardKey]*snapshot
	lines int
}

// cachedLines bounds the cache, some 20 MB.
const cachedLines = 100_000

func (c *snapshotCache) get(k boardKey) *snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept[k]
}

func (c *snapshotCache) put(k boardKey, s *snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || c.lines+len(s.entries) > cachedLines {
		c.kept, c.lines = map[boardKey]*snapshot{}, 0
	}
	if c.kept[k] == nil && len(s.entries) <= cachedLines {
		c.kept[k] = s
		c.lines += len(s.entries)
	}
}

// snapshot reads the board of a closed period; nil where none was taken.
func (s *Service) snapshot(ctx context.Context, q Query) (*snapshot, error) {
	k := boardKey{q.Scope, q.Subject, q.Period}
	if snap := s.snapshots.get(k); snap != nil {
		return snap, nil
	}
	var lists [][]byte
	err := s.db.Read(ctx, func(tx db.Tx) error {
		const find = "SELECT list FROM board_snapshots WHERE scope_id = ? AND subject = ? AND period_kind = ? AND period = ?"
		lists = nil
		if err := tx.Raw(find, k.scope, string(k.subject), string(k.period.Kind), k.period.N).Scan(&lists).Error; err != nil {
			return fmt.Errorf("reading a kept board: %w", err)
		}
		return nil
	})
	if err != nil || len(lists) == 0 {
		return nil, err
	}
	snap, err := decodeSnapshot(lists[0])
	if err != nil {
		return nil, err
	}
	s.snapshots.put(k, snap)
	return snap, nil
}

// Kept is a closed period whose board was kept.
type Kept struct {
	Period  cal.Period
	At      time.Time // UTC
	Members int
}

// KeptPeriods lists the closed periods whose boards were kept, newest first.
func (s *Service) KeptPeriods(ctx context.Context, scope id.ID, subject Subject) (out []Kept, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		var rows []struct {
			PeriodKind cal.PeriodKind `gorm:"column:period_kind"`
			Period     int32          `gorm:"column:period"`
			TakenAt    int64          `gorm:"column:taken_at"`
			Members    int            `gorm:"column:members"`
		}
		const q = "SELECT period_kind, period, taken_at, members FROM board_snapshots WHERE scope_id = ? AND subject = ? ORDER BY taken_at DESC, period_kind, period DESC"
		if err := tx.Raw(q, scope, string(subject)).Scan(&rows).Error; err != nil {
			return fmt.Errorf("listing kept boards: %w", err)
		}
		out = make([]Kept, len(rows))
		for i, r := range rows {
			out[i] = Kept{cal.Period{Kind: r.PeriodKind, N: r.Period}, time.UnixMilli(r.TakenAt).UTC(), r.Members}
		}
		return nil
	})
	return out, err
}

// TakeSnapshots keeps the boards of periods that have closed since, each once. Periods that closed long ago are left alone:
// their boards can be computed, and would show today's names as those of then.
func (s *Service) TakeSnapshots(ctx context.Context) error {
	var all []people.Region
	err := s.db.Read(ctx, func(tx db.Tx) (err error) {
		all, err = people.AllRegions(tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range all {
		for _, subject := range Subjects(r.Kind) {
			if err := s.takeSnapshots(ctx, r, subject); err != nil {
				return err
			}
		}
	}
	return nil
}

// recent are the periods that may have closed lately, at whatever month a scheme year begins.
func recent(m cal.Month) []cal.Period {
	q, y := m.Quarter(), int32(m.Year())
	return []cal.Period{
		{Kind: cal.ByMonth, N: int32(m.Add(-1))}, {Kind: cal.ByMonth, N: int32(m.Add(-2))}, {Kind: cal.ByMonth, N: int32(m.Add(-3))},
		{Kind: cal.ByQuarter, N: int32(q.Add(-1))}, {Kind: cal.ByQuarter, N: int32(q.Add(-2))},
		{Kind: cal.ByYear, N: y - 1}, {Kind: cal.ByScheme, N: y - 1}, {Kind: cal.ByScheme, N: y - 2},
	}
}

// closed reports whether the period takes no awards any more in any of the villages.
func closed(p cal.Period, villages []village, today cal.Day) bool {
	for _, v := range villages {
		if on := closesOn(p, v.start(), v.settings.CloseDay); on == 0 || today < on {
			return false
		}
	}
	return len(villages) > 0
}

func (s *Service) takeSnapshots(ctx context.Context, r people.Region, subject Subject) error {
	type taken struct {
		period cal.Period
		list   []byte
		n      int
	}
	var out []taken
	err := s.db.Read(ctx, func(tx db.Tx) error {
		out = nil
		due, err := missing(tx, r, subject)
		if err != nil || len(due) == 0 {
			return err
		}
		lists, err := rankings(tx, r, subject, due)
		if err != nil {
			return err
		}
		var ids []id.ID
		for _, list := range lists {
			for _, e := range list {
				ids = append(ids, e.id)
			}
		}
		slices.Sort(ids)
		names, err := namesOf(tx, subject, slices.Compact(ids))
		if err != nil {
			return err
		}
		for i, p := range due {
			data, err := encodeSnapshot(lists[i], names)
			if err != nil {
				return err
			}
			out = append(out, taken{p, data, len(lists[i])})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(out) == 0 {
		return nil
	}
	return s.db.Tx(ctx, func(tx db.Tx) error {
		cols := []string{"scope_id", "subject", "period_kind", "period", "taken_at", "members", "list"}
		for _, t := range out { // a statement each, for a list may be megabytes
			err := db.Insert(tx, "board_snapshots", cols, 1, func(_ int, args []any) []any {
				return append(args, int64(r.ID), string(subject), string(t.period.Kind), t.period.N, tx.Millis(), t.n, t.list)
			})
			if err != nil && !db.Duplicate(err) { // a duplicate was taken by another process
				return fmt.Errorf("keeping a board: %w", err)
			}
		}
		return nil
	})
}

// missing are the closed periods of the scope without a snapshot of the subject's board.
func missing(tx db.Tx, r people.Region, subject Subject) ([]cal.Period, error) {
	villages, err := villagesIn(tx, r)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		PeriodKind cal.PeriodKind `gorm:"column:period_kind"`
		Period     int32          `gorm:"column:period"`
	}
	if err := tx.Raw("SELECT period_kind, period FROM board_snapshots WHERE scope_id = ? AND subject = ?", r.ID, string(subject)).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing kept boards: %w", err)
	}
	there := map[cal.Period]bool{}
	for _, row := range rows {
		there[cal.Period{Kind: row.PeriodKind, N: row.Period}] = true
	}
	var due []cal.Period
	today := cal.DayOf(tx.Now)
	for _, p := range recent(today.Month()) {
		if !there[p] && closed(p, villages, today) {
			due = append(due, p)
		}
	}
	return due, nil
}
