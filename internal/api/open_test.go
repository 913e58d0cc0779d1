package api

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/conf"
	"jishan/internal/errs"
	"jishan/internal/rdb"
)

// openRig has an operation open to anyone, answered at the given rate a minute, behind a proxy that tells the client's address.
func openRig(t *testing.T, perMinute int) (r *rig, redis *rdb.Redis) {
	r = newRig(t, func(c *conf.Config) { c.HTTP.TrustedProxies = []string{"127.0.0.1"} })
	c := conf.Redis{}
	if addr := os.Getenv("TEST_REDIS"); addr != "" {
		c.Addrs = []string{addr}
	}
	redis, err := rdb.Open(context.Background(), c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = redis.Close() })
	r.throttle = newThrottle(redis, perMinute)
	register(r.Server, Op{ID: "look", Method: "GET", Path: "/looks/{n}", Summary: "看", Tag: "试", Perm: auth.Public, Audience: Anybody, Open: true},
		func(_ context.Context, _ *Call, in *struct {
			N int `path:"n"`
		}) (Page[int], error) {
			switch in.N {
			case 404:
				return Page[int]{}, errs.ErrNotFound.New()
			case 500:
				panic("the safe's number is 4711")
			}
			return Page[int]{Items: []int{in.N}}, nil
		})
	return r, redis
}

func (r *rig) look(t *testing.T, n int, headers ...string) reply {
	return r.do(t, "GET", Prefix+"/looks/"+strconv.Itoa(n), nil, headers...)
}

func TestOneAddressIsBoundedAndOthersAreNot(t *testing.T) {
	r, _ := openRig(t, 12)
	lot := rand.Uint32() // several runs may share one Redis
	address := func(n int) string {
		return fmt.Sprintf("10.%d.%d.%d", lot>>8&255, lot&255, n)
	}
	for range 6 {
		require.Equal(t, 200, r.look(t, 1, "X-Forwarded-For", address(0)).status)
	}
	got := r.look(t, 1, "X-Forwarded-For", address(0))
	p := got.problem(t)
	require.Equal(t, 429, got.status)
	require.Equal(t, "public.too_many", p.Code)
	wait, err := strconv.Atoi(got.header.Get("Retry-After"))
	require.NoError(t, err)
	require.InDelta(t, 5, wait, 1, "one in five seconds")
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))

	for n := 1; n <= 200; n++ {
		require.Equal(t, 200, r.look(t, 1, "X-Forwarded-For", address(n)).status, "%d", n)
	}
	// A line of IPv6 is one subscriber, whatever it calls itself.
	for n := range 6 {
		require.Equal(t, 200, r.look(t, 1, "X-Forwarded-For", fmt.Sprintf("2001:db8:%x:%x::%x", lot>>16, lot&0xffff, n+1)).status)
	}
	require.Equal(t, 429, r.look(t, 1, "X-Forwarded-For", fmt.Sprintf("2001:db8:%x:%x::ffff", lot>>16, lot&0xffff)).status)
	require.Equal(t, 200, r.look(t, 1, "X-Forwarded-For", fmt.Sprintf("2001:db8:%x:%x::ffff", lot>>16, (lot+1)&0xffff)).status)
	// Other operations know no such bound.
	for range 20 {
		require.Equal(t, 204, r.do(t, "DELETE", Prefix+"/fails/not", nil, "X-Forwarded-For", address(0)).status)
	}
}

func TestOnlyTrustedProxiesNameTheAddress(t *testing.T) {
	r, _ := openRig(t, 4)
	require.NoError(t, r.gin.SetTrustedProxies(nil))
	limited := 0
	for n := range 6 {
		if r.look(t, 1, "X-Forwarded-For", fmt.Sprintf("10.9.9.%d", n)).status == 429 {
			limited++
		}
	}
	require.GreaterOrEqual(t, limited, 3, "a made-up header is nobody's address")
}

func TestNobodyIsTurnedAwayWithoutRedis(t *testing.T) {
	r, redis := openRig(t, 2)
	require.NoError(t, redis.Close())
	began := time.Now()
	for range 20 {
		require.Equal(t, 200, r.look(t, 1).status)
	}
	require.Less(t, time.Since(began), 5*time.Second)
	none := newThrottle(redis, 0)
	require.NoError(t, none.allow(context.Background(), "10.0.0.1"), "0 is no limit")
}

func TestWhatIsOpenIsKeptByCaches(t *testing.T) {
	r, _ := openRig(t, 100_000)
	first := r.look(t, 7)
	require.Equal(t, 200, first.status)
	require.Equal(t, "public, max-age=60", first.header.Get("Cache-Control"))
	require.JSONEq(t, `{"items":[7]}`, string(first.body))
	tag := first.header.Get("ETag")
	require.NotEmpty(t, tag)
	again := r.look(t, 7, "If-None-Match", tag)
	require.Equal(t, 304, again.status)
	require.Empty(t, again.body)
	require.Equal(t, tag, again.header.Get("ETag"))
	require.Equal(t, 200, r.look(t, 8, "If-None-Match", tag).status, "another content")

	for n, code := range map[int]string{404: "not_found", 500: "internal"} {
		got := r.look(t, n)
		require.Equal(t, n, got.status)
		require.Equal(t, code, got.problem(t).Code)
		require.Equal(t, "no-store", got.header.Get("Cache-Control"))
		require.Empty(t, got.header.Get("ETag"))
	}
}

func TestSubscriber(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "::ffff:203.0.113.9": "203.0.113.9", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64", "": "unknown", "nonsense": "unknown",
	} {
		require.Equal(t, want, subscriber(address), address)
	}
}
