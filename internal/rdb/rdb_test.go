package rdb_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"jishan/internal/conf"
	"jishan/internal/rdb"
)

// shared is a buffer for one writer and one reader at a time.
type shared struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

var library shared

func TestMain(m *testing.M) {
	rdb.LogTo(slog.New(slog.NewTextHandler(&library, nil)))
	os.Exit(m.Run())
}

// each runs the test on the in-process Redis and, when TEST_REDIS names one (addresses separated by commas; several are a
// Cluster), on a real one. tag is a fresh hash tag.
func each(t *testing.T, test func(t *testing.T, r *rdb.Redis, tag string)) {
	t.Helper()
	configs := map[string]conf.Redis{"embedded": {}}
	if addrs := os.Getenv("TEST_REDIS"); addrs != "" {
		configs["real"] = conf.Redis{Addrs: strings.Split(addrs, ","), Mode: conf.RedisAuto}
	}
	for name, c := range configs {
		t.Run(name, func(t *testing.T) {
			r, err := rdb.Open(t.Context(), c)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, r.Close()) })
			require.Equal(t, name == "embedded", r.Embedded)
			require.NoError(t, r.Ping(t.Context()).Err())
			test(t, r, "{t:"+rand.Text()+"}")
		})
	}
}

func TestCommandsThatTheFeaturesUse(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis, tag string) {
		ctx := t.Context()
		board := tag + ":board"
		_, err := r.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range 100 {
				p.ZAdd(ctx, board, redis.Z{Score: float64(i / 2), Member: fmt.Sprint(i)})
			}
			p.Expire(ctx, board, time.Minute)
			return nil
		})
		require.NoError(t, err)
		top, err := r.ZRevRangeWithScores(ctx, board, 0, 1).Result()
		require.NoError(t, err)
		require.Equal(t, []redis.Z{{Score: 49, Member: "99"}, {Score: 49, Member: "98"}}, top)
		above, err := r.ZCount(ctx, board, "(40", "+inf").Result()
		require.NoError(t, err)
		require.EqualValues(t, 18, above)

		_, err = r.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Rename(ctx, board, tag+":new")
			p.Set(ctx, tag+":at", "1", 0)
			return nil
		})
		require.NoError(t, err)
		_, err = r.ZScore(ctx, board, "1").Result()
		require.ErrorIs(t, err, redis.Nil)
		require.False(t, rdb.Away(err))

		n, err := redis.NewScript(`return redis.call('INCRBY', KEYS[1], ARGV[1])`).Run(ctx, r, []string{tag + ":n"}, 5).Int()
		require.NoError(t, err)
		require.Equal(t, 5, n)

		first, err := r.SetNX(ctx, tag+":once", "1", time.Minute).Result()
		require.NoError(t, err)
		again, err := r.SetNX(ctx, tag+":once", "1", time.Minute).Result()
		require.NoError(t, err)
		require.True(t, first)
		require.False(t, again)

		err = r.LPush(ctx, tag+":at", "x").Err()
		require.ErrorContains(t, err, "WRONGTYPE")
		require.False(t, rdb.Away(err), "an answer, even a refusal, is not an absence")
	})
}

func TestKeysExpireByTheClock(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis, tag string) {
		require.NoError(t, r.Set(t.Context(), tag+":short", "1", 30*time.Millisecond).Err())
		require.NoError(t, r.Set(t.Context(), tag+":long", "1", time.Minute).Err())
		require.Eventually(t, func() bool {
			n, err := r.Exists(t.Context(), tag+":short").Result()
			return err == nil && n == 0
		}, 3*time.Second, 10*time.Millisecond)
		ttl, err := r.PTTL(t.Context(), tag+":long").Result()
		require.NoError(t, err)
		require.Less(t, ttl, time.Minute)
		require.Greater(t, ttl, 50*time.Second)
	})
}

func TestManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis, tag string) {
		var wg sync.WaitGroup
		errs := make(chan error, 200)
		for range 200 {
			wg.Go(func() {
				for range 20 {
					if err := r.Incr(context.Background(), tag+":n").Err(); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
		n, err := r.Get(t.Context(), tag+":n").Int()
		require.NoError(t, err)
		require.Equal(t, 4000, n)
	})
}

func TestEmbeddedIsNotOpenToOthers(t *testing.T) {
	r, err := rdb.Open(t.Context(), conf.Redis{})
	require.NoError(t, err)
	defer r.Close()
	addr := r.UniversalClient.(*redis.Client).Options().Addr
	host, _, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", host)
	stranger := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	defer stranger.Close()
	require.ErrorContains(t, stranger.Get(t.Context(), "x").Err(), "NOAUTH")
}

func TestTwoEmbeddedDoNotShare(t *testing.T) {
	a, err := rdb.Open(t.Context(), conf.Redis{})
	require.NoError(t, err)
	defer a.Close()
	b, err := rdb.Open(t.Context(), conf.Redis{})
	require.NoError(t, err)
	require.NoError(t, a.Set(t.Context(), "x", "1", 0).Err())
	require.ErrorIs(t, b.Get(t.Context(), "x").Err(), redis.Nil)
	require.NoError(t, b.Close())
	require.True(t, rdb.Away(b.Get(t.Context(), "x").Err()))
	require.NoError(t, a.Get(t.Context(), "x").Err())
}

func TestUnknownModeIsAnError(t *testing.T) {
	_, err := rdb.Open(t.Context(), conf.Redis{Addrs: []string{"127.0.0.1:1"}, Mode: "ring"})
	require.ErrorContains(t, err, "ring")
}

// silent accepts connections and never answers, as a hung Redis does.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	return l.Addr().String()
}

func TestDeadRedisDoesNotHoldAnybodyUp(t *testing.T) {
	gone := miniredis.RunT(t)
	closed := gone.Addr()
	gone.Close()
	for name, c := range map[string]conf.Redis{
		"refused":          {Addrs: []string{closed}},
		"hung":             {Addrs: []string{silent(t)}},
		"refused cluster":  {Addrs: []string{closed}, Mode: conf.RedisCluster},
		"hung cluster":     {Addrs: []string{silent(t)}, Mode: conf.RedisCluster},
		"refused sentinel": {Addrs: []string{closed}, MasterName: "m"},
		"hung sentinel":    {Addrs: []string{silent(t)}, MasterName: "m"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := rdb.Open(t.Context(), c)
			require.NoError(t, err, "the program starts without Redis")
			defer r.Close()
			for range 3 {
				begin := time.Now()
				require.True(t, rdb.Away(r.Get(t.Context(), "x").Err()))
				require.Less(t, time.Since(begin), 4*time.Second)
			}
			begin := time.Now()
			for range 100 {
				require.True(t, rdb.Away(r.Get(t.Context(), "x").Err()))
				_, err := r.Pipelined(t.Context(), func(p redis.Pipeliner) error { return p.Get(t.Context(), "x").Err() })
				require.True(t, rdb.Away(err))
			}
			// Of 200 calls, at most a few were let through to see whether Redis is back.
			require.Less(t, time.Since(begin), 8*time.Second)
		})
	}
}

func TestComesBack(t *testing.T) {
	server := miniredis.RunT(t)
	r, err := rdb.Open(t.Context(), conf.Redis{Addrs: []string{server.Addr()}})
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, r.Set(t.Context(), "x", "1", 0).Err())
	server.Close()
	require.Eventually(t, func() bool {
		err := r.Get(t.Context(), "x").Err()
		return err != nil && strings.Contains(err.Error(), "not tried")
	}, 5*time.Second, time.Millisecond, "calls fail at once after a few failures")
	require.Contains(t, library.String(), `level=WARN msg="redis client"`)
	require.NoError(t, server.Restart())
	require.Eventually(t, func() bool { return r.Get(t.Context(), "x").Err() == nil },
		5*time.Second, 10*time.Millisecond, "calls succeed again by themselves")
	require.NoError(t, r.Get(t.Context(), "x").Err())
}

func TestCallerGivingUpDoesNotTripTheBreaker(t *testing.T) {
	r, err := rdb.Open(t.Context(), conf.Redis{})
	require.NoError(t, err)
	defer r.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		require.Error(t, r.Get(ctx, "x").Err())
	}
	require.ErrorIs(t, r.Get(t.Context(), "x").Err(), redis.Nil)
}
