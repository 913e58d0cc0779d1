package e2e

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/app/apptest"
	"jishan/internal/auth"
	"jishan/internal/points"
)

// redisServer is a redis-server of the test's own, to be killed and started again, empty, at the same address.
type redisServer struct {
	addr string
	cmd  *exec.Cmd
}

func (r *redisServer) start(t testing.TB) {
	t.Helper()
	host, port, err := net.SplitHostPort(r.addr)
	require.NoError(t, err)
	r.cmd = exec.Command("redis-server", "--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	require.NoError(t, r.cmd.Start())
	c := redis.NewClient(&redis.Options{Addr: r.addr})
	defer func() { _ = c.Close() }()
	require.Eventually(t, func() bool { return c.Ping(context.Background()).Err() == nil }, 10*time.Second, 20*time.Millisecond)
}

func (r *redisServer) stop() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

func freePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// TestRedisAway: without Redis points go on being awarded and redeemed, and boards are read from the ledger. Where the Redis is
// in process, closing the client is all the losing there can be; a real one is killed, and comes back empty.
func TestRedisAway(t *testing.T) {
	own := &redisServer{}
	if os.Getenv("TEST_REDIS") != "" {
		own.addr = freePort(t)
		own.start(t)
		t.Cleanup(func() { own.stop() })
	}
	s, p, c := start(t, 20, func(set *apptest.Setup) {
		if own.addr != "" {
			set.Config.Redis.Addrs = []string{own.addr}
		}
	})
	officer := p.account(t, c, auth.KindOfficer, "officer", auth.Assignment{Role: auth.RoleVillage, Region: p.a.id})
	clerk := p.account(t, c, auth.KindMerchant, "clerk", auth.Assignment{Role: auth.RoleClerk, Merchant: p.m.id})
	p.give(t, p.a.id, 50, p.a.houses...)
	verifyBoards(t, s)
	board := "/boards?limit=100&scope=" + p.a.id.String()
	require.Equal(t, "redis", get[api.Board](t, officer, board).Source)

	if own.addr != "" {
		own.stop()
	} else {
		require.NoError(t, s.Redis.Close())
	}
	began := time.Now()
	for i, h := range p.a.houses {
		post[api.AwardResult](t, officer, "/villages/"+p.a.id.String()+"/awards", grants(map[string]any{"rule": p.tidy, "household": h}))
		if i%2 == 0 {
			a, err := clerk.json(http.MethodPost, "/counter/redemptions", newKey(), redeemBody(p.code(t, h), p.m.products[1], 1))
			require.True(t, isOK(a, err), "%s", a)
		}
	}
	require.Less(t, time.Since(began), 15*time.Second, "a dead Redis makes everybody wait")
	b := get[api.Board](t, officer, board)
	require.Equal(t, "ledger", b.Source)
	require.Equal(t, 20, b.Total)
	for _, r := range b.Items {
		require.Equal(t, points.Whole(55), r.Score)
	}
	verifyRows(t, p.d)
	if own.addr == "" {
		return
	}

	own.start(t) // empty, and nobody says a word to the server
	require.Eventually(t, func() bool {
		b := get[api.Board](t, officer, board)
		return b.Source == "redis" && b.Total == 20 && b.Items[19].Score == points.Whole(55)
	}, 10*time.Second, 50*time.Millisecond, "the boards do not come back")
	verifyBoards(t, s)

	// Emptied while it runs.
	r := redis.NewClient(&redis.Options{Addr: own.addr})
	defer func() { _ = r.Close() }()
	require.NoError(t, r.FlushAll(context.Background()).Err())
	require.Eventually(t, func() bool {
		b := get[api.Board](t, officer, board)
		return b.Source == "redis" && b.Total == 20
	}, 10*time.Second, 50*time.Millisecond, "the boards do not come back")
	verifyBoards(t, s)
}
