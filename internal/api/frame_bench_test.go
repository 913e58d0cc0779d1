package api

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/conf"
	"jishan/internal/id"
	"jishan/internal/obs"
	"jishan/internal/points"
)

// deaf takes an answer and keeps only its status.
type deaf struct {
	header http.Header
	status int
}

func (d *deaf) Header() http.Header         { return d.header }
func (d *deaf) WriteHeader(status int)      { d.status = status }
func (d *deaf) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkFrame is what everything around the handler costs for the operation that is asked for most: award-grant with one grant, by an
// officer who is remembered. The handler does nothing, and the connection is left out.
func BenchmarkFrame(b *testing.B) {
	for _, level := range []string{"warn", "info"} { // without and with the line that the log gets for each request
		b.Run(level, func(b *testing.B) { benchmarkFrame(b, level) })
	}
}

func benchmarkFrame(b *testing.B, level string) {
	cfg, err := conf.Load("")
	require.NoError(b, err)
	cfg.Log.Level = level
	log, err := obs.NewLogger(io.Discard, cfg.Log)
	require.NoError(b, err)
	s := newServer(Deps{Config: cfg, Log: log})
	s.remember = func(string, string, string) (auth.Actor, bool) {
		return auth.Actor{UserID: 7, Kind: auth.KindOfficer, Grants: []auth.Grant{{Role: auth.RoleVillage}}}, true
	}
	register(s, Op{ID: "award-grant", Method: "POST", Path: "/villages/{id}/awards", Summary: "加减分", Tag: tagAwards, Perm: auth.AwardWrite, Audience: Officers,
		MaxBody: maxAwardBody, Idempotent: true, Rechecks: true},
		func(_ context.Context, _ *Call, in *struct {
			ByID
			Body AwardInput
		}) (AwardResult, error) {
			g := in.Body.Grants[0]
			return AwardResult{Booked: 1, Items: []AwardOutcome{{Number: 1 << 20, Rule: g.Rule, Household: g.Household, Day: cal.Day(20261123),
				Points: points.Whole(5), Booked: points.Whole(5), Balance: points.Whole(120), Explanation: "主动参加义务劳动，每次 5 分"}}}, nil
		})
	h := s.Handler()
	body := `{"grants":[{"rule":"` + id.New().String() + `","household":"` + id.New().String() + `"}]}`
	first, err := http.NewRequest("POST", Prefix+"/villages/"+id.New().String()+"/awards", nil)
	require.NoError(b, err)
	first.RemoteAddr = "192.0.2.7:40000"
	for k, v := range map[string]string{"Authorization": "Bearer officer", "Content-Type": "application/json", headerKey: "key-0001", "User-Agent": "bench/1"} {
		first.Header.Set(k, v)
	}
	once := func() int {
		r := *first
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		w := deaf{header: make(http.Header, 8)}
		h.ServeHTTP(&w, &r)
		return w.status
	}
	require.Equal(b, http.StatusOK, once())
	b.ReportAllocs()
	for b.Loop() {
		if once() != http.StatusOK {
			b.Fatal("refused")
		}
	}
}
