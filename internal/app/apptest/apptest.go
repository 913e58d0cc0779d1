// Package apptest runs the whole program in a test: on the database of
// testkit, on the Redis of TEST_REDIS or in process, on a free port, with a
// WeChat server of its own.
//
//	s := apptest.Start(t)
//	res, err := http.Get(s.URL + "/readyz")
//	s.Awards.Grant(…) // the services are those the server uses
package apptest

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/app"
	"jishan/internal/conf"
	"jishan/internal/id"
	"jishan/internal/testkit"
	"jishan/internal/wechat/wechattest"
)

// Setup is what a test may change before the start.
type Setup struct {
	Config  *conf.Config
	Options app.Options
}

// Server is a running program.
type Server struct {
	*app.App
	URL    string
	Fake   *wechattest.Server
	Prefix string // of the boards' keys

	stop func()
}

// Start runs the program until the end of the test. A second process on the same database is started by giving it the first
// one's Config.DB.DSN and Prefix:
//
//	b := apptest.Start(t, func(s *apptest.Setup) { s.Config.DB.DSN = a.Config.DB.DSN; s.Options.BoardPrefix = a.Prefix })
func Start(t testing.TB, change ...func(*Setup)) *Server {
	t.Helper()
	fake := wechattest.New(t)
	c, err := conf.Load("")
	require.NoError(t, err)
	c.DataDir = t.TempDir()
	c.HTTP.Addr = "127.0.0.1:0"
	c.WeChat = fake.Config()
	c.Demo.Enabled = true
	c.HTTP.PublicRate, c.Auth.LoginPerAddress = 0, 1_000_000 // all clients of a test come from one address
	if addr := os.Getenv("TEST_REDIS"); addr != "" {
		c.Redis.Addrs = []string{addr}
	}
	s := Setup{Config: c, Options: app.Options{BoardPrefix: "t" + id.New().String() + ":"}}
	for _, f := range change {
		f(&s)
	}
	if c.DB.DSN == "" {
		c.DB.DSN = conf.Secret(testkit.DSN(t))
	}
	require.NoError(t, c.Check())
	a, err := app.New(context.Background(), c, s.Options)
	require.NoError(t, err)
	l, err := app.Listen(c.HTTP.Addr)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx, l) }()
	var once sync.Once
	out := &Server{App: a, URL: "http://" + l.Addr().String(), Fake: fake, Prefix: s.Options.BoardPrefix}
	out.stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				require.NoError(t, err)
			case <-time.After(time.Minute):
				require.Fail(t, "the server did not stop")
			}
			a.Close()
		})
	}
	t.Cleanup(out.stop)
	return out
}

// Stop ends the program before the end of the test, as SIGTERM would.
func (s *Server) Stop() { s.stop() }
