package board

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/outbox"
	"jishan/internal/people"
	"jishan/internal/rdb"
)

// tickState is what Tick remembers. Losing it costs only time.
type tickState struct {
	watched, compared, averaged time.Time
	pause                       time.Duration // until the next village is compared
	day                         cal.Day
	next                        id.ID // the village compared last
	filling                     filling
	away                        bool
	large                       bool // the warning about a large Redis in process has been written
}

// Tick is the body of the job that keeps the boards: it fills scopes that Redis has lost, handles the ledger's news and the
// requests of Rebuild, and compares and mends a village now and then. A Redis that is away is no error of the job: the news
// waits in the outbox.
func (s *Service) Tick(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.tick(ctx)
	switch {
	case errors.Is(err, errRedis) && ctx.Err() == nil:
		if !s.state.away {
			s.o.Log.Warn("boards: Redis is away; boards are read from the database until it is back", "error", err)
		}
		s.state.away = true
		s.state.watched = time.Time{} // once it is back, look at once whether it has lost anything
		return nil
	case err == nil && s.state.away:
		s.o.Log.Info("boards: Redis is back")
		s.state.away = false
	}
	return err
}

func (s *Service) tick(ctx context.Context) error {
	st := &s.state
	now := time.Now()
	if now.Sub(st.watched) >= s.o.Watch {
		if err := s.watch(ctx); err != nil {
			return err
		}
		st.watched = now
	}
	if err := s.requests(ctx); err != nil {
		return err
	}
	if err := s.relay(ctx); err != nil {
		return err
	}
	if day := cal.DayOf(s.db.Now()); day != st.day || now.Sub(st.averaged) >= s.o.Averages {
		if err := s.refreshAverages(ctx); err != nil {
			return err
		}
		st.day, st.averaged = day, now
	}
	if now.Sub(st.compared) >= max(st.pause, s.o.Reconcile) {
		if err := s.compareNext(ctx); err != nil {
			return err
		}
		// A large village takes longer and comes less often, so that comparing never costs more than two per cent.
		st.compared, st.pause = time.Now(), 50*time.Since(now)
	}
	return nil
}

// watch finds the scopes without a marker and fills them.
func (s *Service) watch(ctx context.Context) error {
	var all []people.Region
	err := s.db.Read(ctx, func(tx db.Tx) (err error) {
		all, err = people.AllRegions(tx)
		return err
	})
	if err != nil {
		return err
	}
	ids := make([]id.ID, len(all))
	for i, r := range all {
		ids[i] = r.ID
	}
	lost, err := s.unmarked(ctx, ids)
	if err != nil || len(lost) == 0 {
		return err
	}
	return s.fill(ctx, lost)
}

// filling is a fill under way. After a failure of Redis it is taken up where it was.
type filling struct {
	token  string // what the scopes' building keys say; another value means that Redis was lost or somebody else began anew
	scopes []id.ID
	done   map[id.ID]bool // villages
}

// fill makes the scopes' sets anew. Awards and redemptions go on meanwhile, and their news is handled between two villages;
// the scopes are read from the database until they have their marker back.
func (s *Service) fill(ctx context.Context, scopes []id.ID) error {
	begin := time.Now()
	regions, villages, w, err := s.toFill(ctx, scopes)
	if err != nil || len(regions) == 0 {
		return err
	}
	f := &s.state.filling
	resumed := false
	if f.token != "" && slices.Equal(f.scopes, scopes) {
		if resumed, err = s.stillBuilding(ctx, regions, f.token); err != nil {
			return err
		}
	}
	if !resumed {
		*f = filling{id.New().String(), slices.Clone(scopes), map[id.ID]bool{}}
		if err := s.empty(ctx, regions, w, f.token); err != nil {
			return err
		}
	}
	for _, v := range villages {
		if f.done[v] {
			continue
		}
		if _, err := s.pushVillage(ctx, v); err != nil {
			return err
		}
		f.done[v] = true
		if err := s.relay(ctx); err != nil {
			return err
		}
	}
	marked := 0
	for _, r := range regions {
		err := s.r.Rename(ctx, s.building(r.ID), s.marker(r.ID)).Err()
		if rdb.Away(err) {
			return redisError("marking boards as complete", err)
		}
		if err == nil { // an answer that is an error says that Redis was lost once more; the watchdog will see it
			marked++
		}
	}
	*f = filling{}
	s.rebuilt.Add(int64(marked))
	s.o.Log.Info("boards filled", "scopes", marked, "of", len(scopes), "villages", len(villages), "took", time.Since(begin).Round(time.Millisecond))
	return s.warnLarge(ctx, scopes, w)
}

// toFill reads the regions of the scopes and the villages that have lines on their boards.
func (s *Service) toFill(ctx context.Context, scopes []id.ID) (regions []people.Region, villages []id.ID, w window, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		w, regions, villages = windowAt(tx.Now), nil, nil
		found, err := people.RegionsByID(tx, scopes)
		if err != nil {
			return err
		}
		seen := map[id.ID]bool{}
		for _, k := range scopes {
			r, ok := found[k]
			if !ok {
				continue
			}
			regions = append(regions, r)
			in, err := villagesIn(tx, r)
			if err != nil {
				return err
			}
			for _, v := range in {
				if !seen[v.ID] {
					seen[v.ID] = true
					villages = append(villages, v.ID)
				}
			}
		}
		return nil
	})
	return regions, villages, w, err
}

// pushVillage writes all boards' lines of a village's subjects and returns where they stand.
func (s *Service) pushVillage(ctx context.Context, v id.ID) (map[Subject][]standing, error) {
	out := map[Subject][]standing{}
	for subject := range kindOf {
		var ids []id.ID
		err := s.db.Read(ctx, func(tx db.Tx) (err error) {
			ids, err = subjectsOf(tx, subject, v)
			return err
		})
		if err != nil {
			return nil, err
		}
		if out[subject], err = s.push(ctx, subject, ids, true); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// warnLarge says once that a Redis in process is the wrong one for so many.
func (s *Service) warnLarge(ctx context.Context, scopes []id.ID, w window) error {
	const large = 20_000
	if !s.r.Embedded || s.state.large {
		return nil
	}
	for _, k := range scopes {
		n, err := s.r.ZCard(ctx, s.key(k, Person, w.periods[windowSize-1])).Result()
		if err != nil {
			return redisError("measuring a board", err)
		}
		if n > large {
			s.state.large = true
			s.o.Log.Warn("boards: more than 20,000 persons on a board in the Redis in process; reads will be slow, use a real Redis", "persons", n)
			return nil
		}
	}
	return nil
}

// refreshAverages writes all villages' and branches' lines again: what they are divided by changes without any score changing.
func (s *Service) refreshAverages(ctx context.Context) error {
	for _, subject := range [...]Subject{Village, Branch} {
		var ids []id.ID
		err := s.db.Read(ctx, func(tx db.Tx) error {
			d := directories[subject]
			if err := tx.Raw("SELECT s.id FROM " + d.from + " WHERE " + d.here).Scan(&ids).Error; err != nil {
				return fmt.Errorf("reading who has an average: %w", err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if _, err := s.push(ctx, subject, ids, false); err != nil {
			return err
		}
	}
	return nil
}

// rebuildTopic is the outbox topic of requests to fill scopes again.
const rebuildTopic = "boards"

type rebuildRequest struct {
	Scopes []id.ID `json:"scopes"` // none = all
}

// Rebuild asks for the scopes' boards, or all, to be made anew from the ledger, and waits until it has been done. The work is
// done by whichever process runs the job; where none does, Rebuild waits until ctx ends.
func (s *Service) Rebuild(ctx context.Context, scopes ...id.ID) error {
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		regions, err := people.RegionsByID(tx, scopes)
		if err != nil {
			return err
		}
		for _, k := range scopes {
			if _, ok := regions[k]; !ok {
				_, _, err := scopeOf(tx, k)
				return err
			}
		}
		return outbox.Write(tx, rebuildTopic, rebuildRequest{scopes})
	})
	if err != nil {
		return err
	}
	s.Wake()
	for {
		var waiting int64
		err := s.db.Read(ctx, func(tx db.Tx) (err error) {
			waiting, _, err = outbox.Waiting(tx, rebuildTopic)
			return err
		})
		if err != nil || waiting == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the boards to be rebuilt: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// requests does what Rebuild has asked for.
func (s *Service) requests(ctx context.Context) error {
	var events []outbox.Event
	var all []people.Region
	err := s.db.Read(ctx, func(tx db.Tx) (err error) {
		if events, err = outbox.Take(tx, rebuildTopic, 0, take); err != nil || len(events) == 0 {
			return err
		}
		all, err = people.AllRegions(tx)
		return err
	})
	if err != nil || len(events) == 0 {
		return err
	}
	wanted := map[id.ID]bool{}
	for _, e := range events {
		var q rebuildRequest
		if err := json.Unmarshal(e.Payload, &q); err != nil {
			s.o.Log.Error("boards: a request that cannot be read is dropped", "event", e.ID, "error", err)
			continue
		}
		for _, k := range q.Scopes {
			wanted[k] = true
		}
		if len(q.Scopes) == 0 {
			for _, r := range all {
				wanted[r.ID] = true
			}
		}
	}
	var scopes []id.ID
	for _, r := range all {
		if wanted[r.ID] {
			scopes = append(scopes, r.ID)
		}
	}
	if err := s.fill(ctx, scopes); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx db.Tx) error { _, err := outbox.Delete(tx, outbox.IDs(events)); return err })
}
