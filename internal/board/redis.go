package board

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

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

// marker exists where the scope's sets are complete; its value is the kind of the region and the filling, see mark.
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

// most is the number of set members in flight; small enough for a Redis in process on a busy machine, within the time limit
// of a call.
const most = 1000

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

// mark is the value of a marker: the kind of the region, and the token of the filling.
func mark(k people.RegionKind, token string) string {
	return strconv.Itoa(int(k)) + ":" + token
}

// markedKind is the kind of region that a marker's value says.
func markedKind(value string) people.RegionKind {
	kind, _, _ := strings.Cut(value, ":")
	n, _ := strconv.Atoi(kind)
	return people.RegionKind(n)
}

// empty removes everything of the scopes that the window knows, their markers first, and says that they are being filled.
func (s *Service) empty(ctx context.Context, scopes []people.Region, w window, token string) error {
	for part := range slices.Chunk(scopes, 50) {
		pipe := s.r.Pipeline()
		for _, r := range part {
			keys := []string{s.marker(r.ID)}
			for subject := range kindOf {
				for _, p := range w.periods {
					keys = append(keys, s.key(r.ID, subject, p))
				}
			}
			pipe.Del(ctx, keys...)
			pipe.Set(ctx, s.building(r.ID), mark(r.Kind, token), 0)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return redisError("emptying boards", err)
		}
	}
	return nil
}

// stillBuilding reports whether all the scopes are being filled under the token, and nothing of them was lost since.
func (s *Service) stillBuilding(ctx context.Context, scopes []people.Region, token string) (bool, error) {
	for part := range slices.Chunk(scopes, chunk) {
		pipe := s.r.Pipeline()
		cmds := make([]*redis.StringCmd, len(part))
		for i, r := range part {
			cmds[i] = pipe.Get(ctx, s.building(r.ID))
		}
		if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
			return false, redisError("looking whether boards are being filled", err)
		}
		for i, r := range part {
			if cmds[i].Val() != mark(r.Kind, token) {
				return false, nil
			}
		}
	}
	return true, nil
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
