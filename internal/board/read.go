package board

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/people"
)

const (
	defaultLimit = 20
	maxLimit     = 200
)

// Top reads the board from Offset on. The caller has checked that the actor may read boards of the scope.
func (s *Service) Top(ctx context.Context, q Query) (Page, error) {
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	q.Limit, q.Offset = min(q.Limit, maxLimit), max(q.Offset, 0)
	return s.read(ctx, q, cut{from: q.Offset, to: q.Offset + q.Limit})
}

// Around reads the subject's line and n lines above and below it. Page.Found is false, and Rows empty, where the subject is
// not on the board.
func (s *Service) Around(ctx context.Context, q Query, subject id.ID, n int) (Page, error) {
	return s.read(ctx, q, cut{around: subject, n: min(max(n, 0), maxLimit/2)})
}

// cut says which lines of a board are wanted: those from–to, or those around a subject.
type cut struct {
	from, to int
	around   id.ID
	n        int
}

// bounds are the first and the end of the lines of the cut where the subject stands at pos (-1: nowhere).
func (c cut) bounds(pos int) (from, to int) {
	switch {
	case c.around == 0:
		return c.from, c.to
	case pos < 0:
		return 0, 0
	}
	return max(pos-c.n, 0), pos + c.n + 1
}

// answer is a page before it is decorated.
type answer struct {
	list     []entry
	total    int
	found    bool
	source   Source
	names    map[id.ID]named // of a snapshot
	previous map[id.ID]int   // ranks in the period before; nil = there is nothing to compare with
}

func (s *Service) read(ctx context.Context, q Query, c cut) (Page, error) {
	if _, ok := directories[q.Subject]; !ok {
		return Page{}, ErrSubject.New()
	}
	if !valid(q.Period) {
		return Page{}, ErrPeriod.New()
	}
	w := windowAt(s.db.Now())
	a, ok, err := s.fast(ctx, q, c, w)
	if err != nil {
		return Page{}, err
	}
	if !ok {
		if a, err = s.slow(ctx, q, c, w); err != nil {
			return Page{}, err
		}
	}
	switch a.source {
	case FromRedis:
		s.redisReads.Add(1)
	case FromSnapshot:
		s.snapshotReads.Add(1)
	default:
		s.ledgerReads.Add(1)
	}
	return s.decorate(ctx, q, a)
}

// valid reports whether the period is one that can be asked for.
func valid(p cal.Period) bool {
	q, err := cal.ParsePeriod(p.String())
	return err == nil && q == p
}

// open reports whether the period contains today for any village, so that it cannot be closed.
func (w window) open(p cal.Period) bool {
	m := w.today.Month()
	return p.Kind == cal.ForAll || p.Kind == cal.ByScheme && p.N >= int32(m.Year()) || p.Kind != cal.ByScheme && p.Contains(m, 1)
}

// fast answers from Redis; ok is false where it does not have the answer: periods outside the window, closed ones that have a
// snapshot, a scope without its marker, Redis away.
func (s *Service) fast(ctx context.Context, q Query, c cut, w window) (a answer, ok bool, err error) {
	if !w.holds(q.Period) {
		return a, false, nil
	}
	if !w.open(q.Period) {
		snap, err := s.snapshot(ctx, q)
		if err != nil || snap != nil {
			return a, false, err
		}
	}
	if a, ok, err = s.fromRedis(ctx, q, c); err == nil && ok {
		a.previous, err = s.previousInRedis(ctx, q, a.list, w)
	}
	if err != nil {
		if ctx.Err() != nil {
			return a, false, ctx.Err()
		}
		if errors.Is(err, ErrSubject) {
			return a, false, err
		}
		s.o.Log.Debug("boards: read from the database instead", "error", err)
		return a, false, nil
	}
	return a, ok, nil
}

// fromRedis reads the cut and the ranks of its lines.
func (s *Service) fromRedis(ctx context.Context, q Query, c cut) (a answer, ok bool, err error) {
	key := s.key(q.Scope, q.Subject, q.Period)
	pos := -1
	if c.around != 0 {
		n, err := s.r.ZRevRank(ctx, key, c.around.String()).Result()
		if err == nil {
			pos = int(n)
		} else if !errors.Is(err, redis.Nil) {
			return a, false, redisError("reading a board", err)
		}
	}
	from, to := c.bounds(pos)
	var marker *redis.StringCmd
	var total *redis.IntCmd
	var lines *redis.ZSliceCmd
	// One transaction: the marker vouches for the very lines that are read with it.
	_, err = s.r.TxPipelined(ctx, func(p redis.Pipeliner) error {
		marker, total = p.Get(ctx, s.marker(q.Scope)), p.ZCard(ctx, key)
		if to > from {
			lines = p.ZRevRangeWithScores(ctx, key, int64(from), int64(to-1))
		}
		return nil
	})
	if errors.Is(err, redis.Nil) {
		return a, false, nil // no marker
	}
	if err != nil {
		return a, false, redisError("reading a board", err)
	}
	if !slices.Contains(Subjects(markedKind(marker.Val())), q.Subject) {
		return a, false, ErrSubject.New()
	}
	a.source, a.total = FromRedis, int(total.Val())
	if lines != nil {
		a.list = entries(lines.Val())
	}
	a.found = slices.ContainsFunc(a.list, func(e entry) bool { return e.id == c.around && c.around != 0 })
	if c.around != 0 && !a.found {
		if a.list = nil; pos >= 0 {
			return a, false, nil // it was moved between the two calls; the database knows
		}
	}
	first := 1
	if from > 0 && len(a.list) > 0 {
		n, err := s.r.ZCount(ctx, key, above(a.list[0].score), "+inf").Result()
		if err != nil {
			return a, false, redisError("reading a rank", err)
		}
		first = int(n) + 1
	}
	number(a.list, from, first)
	return a, true, nil
}

// slow answers from a snapshot or from the scores.
func (s *Service) slow(ctx context.Context, q Query, c cut, w window) (answer, error) {
	var a answer
	var whole []entry
	snap, err := s.snapshot(ctx, q)
	if err != nil {
		return a, err
	}
	if snap != nil {
		whole, a.names, a.source = snap.entries, snap.names, FromSnapshot
	} else {
		a.source = FromLedger
		if whole, err = s.ranked(ctx, q.Scope, q.Subject, q.Period); err != nil {
			return a, err
		}
	}
	a.total = len(whole)
	pos := -1
	if c.around != 0 {
		pos = slices.IndexFunc(whole, func(e entry) bool { return e.id == c.around })
		a.found = pos >= 0
	}
	from, to := c.bounds(pos)
	a.list = whole[min(from, len(whole)):min(to, len(whole))]
	a.previous, err = s.previousInLedger(ctx, q, a.list)
	return a, err
}

// ranked computes a whole board from the scores. Those who ask for the same one at the same moment share the work, so that
// a Redis that is away does not turn into as many sortings as there are readers.
func (s *Service) ranked(ctx context.Context, scope id.ID, subject Subject, p cal.Period) ([]entry, error) {
	work := func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		var out []entry
		err := s.db.Read(ctx, func(tx db.Tx) error {
			r, _, err := scopeOf(tx, scope)
			if err != nil {
				return err
			}
			if !slices.Contains(Subjects(r.Kind), subject) {
				return ErrSubject.New()
			}
			lists, err := rankings(tx, r, subject, []cal.Period{p})
			if err != nil {
				return err
			}
			out = lists[0]
			return nil
		})
		return out, err
	}
	select {
	case r := <-s.sql.DoChan(fmt.Sprint(scope, subject, p), work):
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.([]entry), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// decorate adds names, masked as the villages want it, and movements.
func (s *Service) decorate(ctx context.Context, q Query, a answer) (Page, error) {
	page := Page{Rows: make([]Row, len(a.list)), Total: a.total, Found: a.found, Source: a.source}
	if len(a.list) == 0 {
		return page, nil
	}
	ids := make([]id.ID, len(a.list))
	for i, e := range a.list {
		ids[i] = e.id
	}
	ofPeople := q.Subject != Branch && q.Subject != Village
	names := a.names
	var settings map[id.ID]people.Settings
	err := s.db.Read(ctx, func(tx db.Tx) (err error) {
		if names == nil {
			if names, err = namesOf(tx, q.Subject, ids); err != nil {
				return err
			}
		}
		if !ofPeople || q.FullNames || q.Masked {
			return nil
		}
		seen, villages := map[id.ID]bool{}, []id.ID(nil)
		for _, k := range ids {
			if v := names[k].village; !seen[v] {
				seen[v] = true
				villages = append(villages, v)
			}
		}
		settings, err = people.SettingsOf(tx, villages...)
		return err
	})
	if err != nil {
		return Page{}, err
	}
	for i, e := range a.list {
		n := names[e.id]
		if ofPeople && q.Masked || settings[n.village].MaskNames {
			n.name = people.Mask(n.name)
		}
		page.Rows[i] = Row{Rank: e.rank, ID: e.id, Name: n.name, Village: n.village, VillageName: n.villageName, Group: n.group, GroupName: n.groupName,
			Score: e.score, Movement: movement(a.previous, e)}
	}
	return page, nil
}
