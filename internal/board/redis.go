package board

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"jishan/internal/cal"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/points"
)

// errRedis is in the chain of every error that Redis is to blame for.
var errRedis = errors.New("board: Redis")

func redisError(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %w", doing, errRedis, err)
}

// A scope's keys share a hash tag, so that a Cluster keeps them together.

func (s *Service) key(scope id.ID, subject Subject, p cal.Period) string {
	return s.o.Prefix + "{" + scope.String() + "}:" + string(subject) + ":" + p.String()
}

// marker exists where the scope's sets are complete; its value is the kind of the region, see markedKind.
func (s *Service) marker(scope id.ID) string { return s.o.Prefix + "{" + scope.String() + "}:ready" }

// building exists while the scope is being filled. It is renamed to the marker at the end: if Redis was lost in between, the
// renaming fails and the scope is filled once more.
func (s *Service) building(scope id.ID) string {
	return s.o.Prefix + "{" + scope.String() + "}:building"
}

// line is an entry as a sorted set holds it. Hundredths are whole numbers and exact in a float64 below 2^53.
func line(owner id.ID, v points.Amount) redis.Z {
	return redis.Z{Score: float64(v), Member: owner.String()}
}

// entries reads back what line made; members that are no keys are left out.
func entries(zs []redis.Z) []entry {
	out := make([]entry, 0, len(zs))
	for _, z := range zs {
		member, _ := z.Member.(string)
		if k, err := id.Parse(member); err == nil {
			out = append(out, entry{id: k, score: points.Amount(z.Score)})
		}
	}
	return out
}

// bounded collects commands and sends them before they grow too long for one call's time limit. Every command is about one
// key; the client sorts them by node on a Cluster.
type bounded struct {
	s    *Service
	pipe redis.Pipeliner
	size int
}

// most is the number of set members in flight; small enough for a Redis in process within the time limit of a call.
const most = 4000

func (s *Service) bounded() *bounded { return &bounded{s: s, pipe: s.r.Pipeline()} }

// added says that a command with n members has been added.
func (b *bounded) added(ctx context.Context, n int) error {
	if b.size += n; b.size < most {
		return nil
	}
	return b.flush(ctx)
}

func (b *bounded) flush(ctx context.Context) error {
	if b.pipe.Len() == 0 {
		return nil
	}
	_, err := b.pipe.Exec(ctx)
	b.size = 0
	return redisError("writing boards", err)
}

// markedKind is the kind of region that a marker's value says.
func markedKind(value string) people.RegionKind {
	n, _ := strconv.Atoi(value)
	return people.RegionKind(n)
}

// deleteBoards removes everything of a scope that the window knows, its marker first, and says that it is being filled.
func (s *Service) deleteBoards(ctx context.Context, pipe redis.Pipeliner, r people.Region, w window) {
	scope := r.ID
	keys := []string{s.marker(scope)}
	for subject := range kindOf {
		for _, p := range w.periods {
			keys = append(keys, s.key(scope, subject, p))
		}
	}
	pipe.Del(ctx, keys...)
	pipe.Set(ctx, s.building(scope), int(r.Kind), 0)
}

// unmarked are the scopes whose sets are not complete, in order.
func (s *Service) unmarked(ctx context.Context, scopes []id.ID) ([]id.ID, error) {
	var out []id.ID
	pipe := s.r.Pipeline()
	for from := 0; from < len(scopes); from += chunk {
		part := scopes[from:min(from+chunk, len(scopes))]
		cmds := make([]*redis.IntCmd, len(part))
		for i, k := range part {
			cmds[i] = pipe.Exists(ctx, s.marker(k))
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return nil, redisError("looking for the boards' markers", err)
		}
		for i, c := range cmds {
			if c.Val() == 0 {
				out = append(out, part[i])
			}
		}
	}
	return out, nil
}
