package board

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/outbox"
	"jishan/internal/points"
)

// standing is where a subject stands now: on the boards of which scopes, with which value in each period of the window.
type standing struct {
	id     id.ID
	place  place
	scopes []id.ID // none for who has moved away or cannot be ranked
	values [windowSize]points.Amount
	has    [windowSize]bool // whether it is on the board of the period
}

// on reports whether the subject belongs on the scope's board of the window's i-th period.
func (st standing) on(scope id.ID, i int) bool { return st.has[i] && slices.Contains(st.scopes, scope) }

// standings computes from the database where subjects stand.
func standings(tx db.Tx, subject Subject, ids []id.ID, w window) ([]standing, error) {
	places, err := placesOf(tx, subject, ids)
	if err != nil {
		return nil, err
	}
	var in []id.ID
	seen := map[id.ID]bool{}
	for _, p := range places {
		if !seen[p.village] {
			seen[p.village] = true
			in = append(in, p.village)
		}
	}
	villages, err := villagesByID(tx, in)
	if err != nil {
		return nil, err
	}
	scores, err := monthScores(tx, subject.asset(), ids)
	if err != nil {
		return nil, err
	}
	by, err := divisors(tx, subject, ids, w.today)
	if err != nil {
		return nil, err
	}
	out := make([]standing, len(ids))
	for i, k := range ids {
		out[i] = stand(subject, k, places[k], villages, scores[k], by, w)
	}
	return out, nil
}

// stand decides about one subject.
func stand(subject Subject, k id.ID, p place, villages map[id.ID]village, scores []monthScore, by map[id.ID]int64, w window) standing {
	st := standing{id: k, place: p}
	v, ok := villages[p.village]
	if !ok || !p.here || by != nil && by[k] == 0 {
		return st
	}
	st.values, st.has = w.totals(v.start(), scores)
	if n := by[k]; n > 0 {
		for i := range st.values {
			st.values[i] = average(st.values[i], n)
		}
	}
	st.scopes = v.scopes()
	switch {
	case subject == Village:
		st.scopes = st.scopes[1:] // a village is not ranked within itself
	case p.group != 0:
		st.scopes = append(st.scopes, p.group)
	}
	return st
}

// portion is how many subjects are read and written together: small, so that a value is written soon after it was read.
const portion = 250

// stale is how long a portion may take. A process that was frozen between reading and writing may have written over a newer
// value of the next holder of the lease, so it sends the news once more; leases live longer than this.
const stale = 8 * time.Second

// push writes where the subjects stand now into the sets. With lasting the sets' lifetimes are renewed as well.
func (s *Service) push(ctx context.Context, subject Subject, ids []id.ID, lasting bool) ([]standing, error) {
	all := make([]standing, 0, len(ids))
	for part := range slices.Chunk(ids, portion) {
		begin := time.Now()
		var list []standing
		var w window
		err := s.db.Read(ctx, func(tx db.Tx) (err error) {
			w = windowAt(tx.Now)
			list, err = standings(tx, subject, part, w)
			return err
		})
		if err != nil {
			return nil, err
		}
		if err := s.putPatiently(ctx, subject, list, w, lasting); err != nil {
			return nil, err
		}
		if time.Since(begin) > stale {
			if err := s.again(ctx, map[Subject][]id.ID{subject: part}); err != nil {
				return nil, err
			}
		}
		all = append(all, list...)
	}
	return all, nil
}

// putPatiently tries again when a call takes too long: on a busy machine one call in thousands does, and must not send a long
// filling back to its beginning. A Redis that is really away is given up after some three seconds.
func (s *Service) putPatiently(ctx context.Context, subject Subject, list []standing, w window, lasting bool) (err error) {
	for _, pause := range [...]time.Duration{0, 50 * time.Millisecond, 500 * time.Millisecond, 1200 * time.Millisecond, 1200 * time.Millisecond} {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err = s.put(ctx, subject, list, w, lasting); !errors.Is(err, errRedis) {
			return err
		}
	}
	return err
}

// put writes standings into the sets, in bounded portions.
func (s *Service) put(ctx context.Context, subject Subject, list []standing, w window, lasting bool) error {
	type set struct {
		scope  id.ID
		period int
	}
	members := map[set][]redis.Z{}
	for _, st := range list {
		for i := range w.periods {
			if !st.has[i] {
				continue
			}
			z := line(st.id, st.values[i])
			for _, scope := range st.scopes {
				members[set{scope, i}] = append(members[set{scope, i}], z)
			}
		}
	}
	out := s.bounded()
	for k, zs := range members {
		key := s.key(k.scope, subject, w.periods[k.period])
		out.pipe.ZAdd(ctx, key, zs...)
		if keep := w.keep(w.periods[k.period]); lasting && keep > 0 {
			out.pipe.Expire(ctx, key, keep)
		}
		if err := out.added(ctx, len(zs)); err != nil {
			return err
		}
	}
	return out.flush(ctx)
}

// again writes news about subjects into the outbox, so that whoever holds the lease reads their scores once more.
func (s *Service) again(ctx context.Context, touched map[Subject][]id.ID) error {
	return s.db.Tx(ctx, func(tx db.Tx) error { return writeNews(tx, touched) })
}

func writeNews(tx db.Tx, touched map[Subject][]id.ID) error {
	for subject, ids := range touched {
		for part := range slices.Chunk(ids, chunk) {
			c := ledger.Changed{Asset: subject.asset(), Owners: make([]ledger.ScoredOwner, len(part))}
			for i, k := range part {
				c.Owners[i] = ledger.ScoredOwner{Kind: kindOf[subject], ID: k}
			}
			if err := outbox.Write(tx, ledger.Topic, c); err != nil {
				return fmt.Errorf("sending news once more: %w", err)
			}
		}
	}
	return nil
}
