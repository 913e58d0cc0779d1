package board

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/people"
)

// compareNext compares and mends the village after the one compared last.
func (s *Service) compareNext(ctx context.Context) error {
	var ids []id.ID
	err := s.db.Read(ctx, func(tx db.Tx) error {
		const q = "SELECT id FROM regions WHERE kind = ? AND id > ? ORDER BY id LIMIT 1"
		ids = nil
		for _, after := range [...]id.ID{s.state.next, 0} {
			if err := tx.Raw(q, people.Village, after).Scan(&ids).Error; err != nil {
				return fmt.Errorf("choosing a village to compare: %w", err)
			}
			if len(ids) > 0 {
				return nil
			}
		}
		return nil
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	if err := s.reconcile(ctx, ids[0]); err != nil {
		return err
	}
	s.state.next = ids[0]
	return nil
}

// reconcile writes all lines of a village again and removes lines that do not belong on its boards: of households that have
// moved away, to another group or another village, and of periods that have become other ones. It also mends what a Redis
// has lost that fell back to an older state of itself.
func (s *Service) reconcile(ctx context.Context, v id.ID) error {
	standing, err := s.pushVillage(ctx, v)
	if err != nil {
		return err
	}
	var scopes, groups []id.ID
	var w window
	err = s.db.Read(ctx, func(tx db.Tx) error {
		w = windowAt(tx.Now)
		found, err := villagesByID(tx, []id.ID{v})
		if err != nil {
			return err
		}
		scopes = found[v].scopes()
		groups, err = groupsOf(tx, v)
		return err
	})
	if err != nil || len(scopes) == 0 {
		return err
	}
	for subject := range kindOf {
		if subject == Village {
			continue // a village never leaves its township
		}
		if err := s.expel(ctx, subject, standing[subject], scopes, groups, w); err != nil {
			return err
		}
	}
	return nil
}

// expel removes from the village's sets, and from those above it, the lines that do not belong there. scopes begins with the
// village. Only the sets of the village and its groups are read; what stands in a set above and not in the village's was
// removed from there first.
func (s *Service) expel(ctx context.Context, subject Subject, list []standing, scopes, groups []id.ID, w window) error {
	known := make(map[id.ID]*standing, len(list))
	for i := range list {
		known[list[i].id] = &list[i]
	}
	type suspect struct {
		id     id.ID
		period int
	}
	suspects := map[suspect]struct{}{}
	for _, scope := range append(groups[:len(groups):len(groups)], scopes[0]) {
		pipe := s.r.Pipeline()
		var cmds [windowSize]*redis.StringSliceCmd
		for i, p := range w.periods {
			cmds[i] = pipe.ZRange(ctx, s.key(scope, subject, p), 0, -1)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return redisError("reading boards to compare", err)
		}
		for i, cmd := range cmds {
			for _, m := range cmd.Val() {
				k, err := id.Parse(m)
				if st := known[k]; err == nil && (st == nil || !st.on(scope, i)) {
					suspects[suspect{k, i}] = struct{}{}
				}
			}
		}
	}
	if len(suspects) == 0 {
		return nil
	}
	ids := make([]id.ID, 0, len(suspects))
	seen := map[id.ID]bool{}
	for p := range suspects {
		if !seen[p.id] {
			seen[p.id] = true
			ids = append(ids, p.id)
		}
	}
	now, err := s.push(ctx, subject, ids, false)
	if err != nil {
		return err
	}
	// From the top down, the village last: if this is interrupted, what is left is found again.
	order := make([]id.ID, 0, len(scopes)+len(groups))
	for i := len(scopes) - 1; i > 0; i-- {
		order = append(order, scopes[i])
	}
	order = append(append(order, groups...), scopes[0])
	for _, scope := range order {
		out := s.bounded()
		for _, st := range now {
			for i, p := range w.periods {
				if _, ok := suspects[suspect{st.id, i}]; ok && !st.on(scope, i) {
					out.pipe.ZRem(ctx, s.key(scope, subject, p), st.id.String())
					if err := out.added(ctx, 1); err != nil {
						return err
					}
				}
			}
		}
		if err := out.flush(ctx); err != nil {
			return err
		}
	}
	s.mended.Add(int64(len(suspects)))
	return nil
}
