package api

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/conf"
)

// Whoever asks for much and does not read it keeps nobody out, and is cut off.
func TestNobodyReadsTheAnswer(t *testing.T) {
	r := newRig(t, func(c *conf.Config) { c.HTTP.WriteTimeout = time.Second })
	big := make([]byte, 8<<20)
	registerFile(r.Server, Op{ID: "give-much", Method: "GET", Path: "/much", Summary: "取很多", Tag: "试", Perm: auth.Public, Audience: Anybody},
		func(context.Context, *Call, *struct{}) (*file, error) {
			return attachment("很多", "application/x-test", big), nil
		})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv := r.HTTPServer()
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
	open := func() int {
		r.conns.mu.Lock()
		defer r.conns.mu.Unlock()
		return r.conns.open
	}
	n := cap(r.inside)
	for range n {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		require.NoError(t, c.(*net.TCPConn).SetReadBuffer(4<<10))
		_, err = fmt.Fprintf(c, "GET %s/much HTTP/1.1\r\nHost: x\r\n\r\n", Prefix)
		require.NoError(t, err)
	}
	// All of them are stuck in the middle of their answers, and none is inside.
	require.Eventually(t, func() bool { return open() >= n/2 && len(r.inside) == 0 }, 20*time.Second, 10*time.Millisecond)
	require.Equal(t, 204, r.do(t, "DELETE", Prefix+"/fails/not", nil).status)
	require.Eventually(t, func() bool { return open() == 0 }, 30*time.Second, 50*time.Millisecond, "they are not cut off")
}

func TestConnectionsTakeIdlePlaces(t *testing.T) {
	c := newConnections(2, prometheus.NewRegistry())
	a, b, d, e := &net.TCPConn{}, &net.TCPConn{}, &net.TCPConn{}, &net.TCPConn{}
	require.Nil(t, c.note(a, http.StateNew))
	require.Nil(t, c.note(b, http.StateNew))
	require.Nil(t, c.note(a, http.StateActive))
	require.Equal(t, net.Conn(d), c.note(d, http.StateNew), "nobody is idle: the new one goes")
	require.Nil(t, c.note(d, http.StateClosed))
	require.Nil(t, c.note(a, http.StateIdle))
	require.Equal(t, net.Conn(a), c.note(e, http.StateNew), "an idle one goes")
	require.Nil(t, c.note(a, http.StateClosed))
	require.Nil(t, c.note(b, http.StateIdle))
	require.Nil(t, c.note(b, http.StateActive))
	require.Equal(t, net.Conn(d), c.note(d, http.StateNew), "whoever asks again is idle no more")
	require.Equal(t, 3, c.open)
}

// The more are turned away in a second, the longer they are asked to stay away; a quiet second later it is one again.
func TestTheFullerTheLaterToComeBack(t *testing.T) {
	var r refusals
	in := func(second int64) { r.second, r.before, r.n = second, 0, 0 }
	now := time.Now().Unix()
	in(now + 1_000_000) // far from any real second: the next call finds it over
	require.Equal(t, time.Second, r.pause(100))
	longest := time.Duration(0)
	for range 1000 {
		longest = max(longest, r.pause(100))
	}
	require.Equal(t, longestPause, longest)
	in(now - 10)
	r.n = 250
	require.Equal(t, time.Second, r.pause(100), "nobody was turned away in the last second")
}
