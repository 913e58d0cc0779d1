package board

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"jishan/internal/id"
	"jishan/internal/points"
)

// movement compares a line with the ranks of the period before.
func movement(previous map[id.ID]int, e entry) Movement {
	if previous == nil {
		return Movement{}
	}
	was, ok := previous[e.id]
	switch {
	case !ok:
		return Movement{Trend: Entered}
	case e.rank < was:
		return Movement{Up, was - e.rank}
	case e.rank > was:
		return Movement{Down, e.rank - was}
	}
	return Movement{Trend: Still}
}

// above is the exclusive lower bound of scores higher than v.
func above(v points.Amount) string { return "(" + strconv.FormatInt(int64(v), 10) }

// previousInRedis reads the ranks that the lines had in the period before.
func (s *Service) previousInRedis(ctx context.Context, q Query, list []entry, w window) (map[id.ID]int, error) {
	p, ok := q.Period.Previous()
	if !ok || len(list) == 0 {
		return nil, nil
	}
	if !w.holds(p) {
		return s.previousInLedger(ctx, q, list)
	}
	key := s.key(q.Scope, q.Subject, p)
	if s.r.Embedded {
		return s.previousInProcess(ctx, key, list)
	}
	scores := make([]*redis.FloatCmd, len(list))
	var card *redis.IntCmd
	_, err := s.r.Pipelined(ctx, func(p redis.Pipeliner) error {
		card = p.ZCard(ctx, key)
		for i, e := range list {
			scores[i] = p.ZScore(ctx, key, e.id.String())
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, redisError("reading the period before", err)
	}
	if card.Val() == 0 {
		return nil, nil
	}
	counts := map[points.Amount]*redis.IntCmd{}
	_, err = s.r.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, c := range scores {
			if v := points.Amount(c.Val()); c.Err() == nil && counts[v] == nil {
				counts[v] = p.ZCount(ctx, key, above(v), "+inf")
			}
		}
		return nil
	})
	if err != nil {
		return nil, redisError("reading ranks of the period before", err)
	}
	out := make(map[id.ID]int, len(list))
	for i, e := range list {
		if scores[i].Err() == nil {
			out[e.id] = int(counts[points.Amount(scores[i].Val())].Val()) + 1
		}
	}
	return out, nil
}

// rankCache keeps whole boards of periods before, for a moment.
type rankCache struct {
	mu     sync.Mutex
	boards map[string]rankedBoard
}

type rankedBoard struct {
	ranks map[id.ID]int
	until time.Time
}

// previousInProcess asks the Redis in process: it sorts the whole set for every question about a rank, so the whole board is
// read once and serves for some seconds.
func (s *Service) previousInProcess(ctx context.Context, key string, list []entry) (map[id.ID]int, error) {
	const life, most = 5 * time.Second, 50
	c := &s.ranks
	c.mu.Lock()
	defer c.mu.Unlock()
	board, ok := c.boards[key]
	if !ok || time.Now().After(board.until) {
		zs, err := s.r.ZRevRangeWithScores(ctx, key, 0, -1).Result()
		if err != nil {
			return nil, redisError("reading the period before", err)
		}
		all := entries(zs)
		number(all, 0, 1)
		board = rankedBoard{make(map[id.ID]int, len(all)), time.Now().Add(life)}
		for _, e := range all {
			board.ranks[e.id] = e.rank
		}
		if c.boards == nil || len(c.boards) >= most {
			c.boards = map[string]rankedBoard{}
		}
		c.boards[key] = board
	}
	if len(board.ranks) == 0 {
		return nil, nil
	}
	out := make(map[id.ID]int, len(list))
	for _, e := range list {
		if rank, ok := board.ranks[e.id]; ok {
			out[e.id] = rank
		}
	}
	return out, nil
}

// ranksOf picks the ranks of the lines of list from a whole board; nil when that board is empty.
func ranksOf(whole, list []entry) map[id.ID]int {
	if len(whole) == 0 {
		return nil
	}
	out := make(map[id.ID]int, len(list))
	for _, e := range list {
		out[e.id] = 0
	}
	for _, e := range whole {
		if _, ok := out[e.id]; ok {
			out[e.id] = e.rank
		}
	}
	for k, rank := range out {
		if rank == 0 {
			delete(out, k)
		}
	}
	return out
}

// previousInLedger reads them from the snapshot or the scores of the period before.
func (s *Service) previousInLedger(ctx context.Context, q Query, list []entry) (map[id.ID]int, error) {
	p, ok := q.Period.Previous()
	if !ok || len(list) == 0 || !valid(p) {
		return nil, nil
	}
	q.Period = p
	snap, err := s.snapshot(ctx, q)
	if err != nil {
		return nil, err
	}
	if snap != nil {
		return ranksOf(snap.entries, list), nil
	}
	whole, err := s.ranked(ctx, q.Scope, q.Subject, p)
	if err != nil {
		return nil, err
	}
	return ranksOf(whole, list), nil
}
