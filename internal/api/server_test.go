package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/conf"
)

func TestProbesAndPages(t *testing.T) {
	r := newRig(t)
	require.Equal(t, 200, r.do(t, "GET", "/healthz", nil).status)
	ready := r.do(t, "GET", "/readyz", nil)
	require.Equal(t, 200, ready.status, string(ready.body))
	r.do(t, "DELETE", Prefix+"/fails/refused", nil)
	metrics := string(r.do(t, "GET", "/metrics", nil).body)
	require.Contains(t, metrics, `jishan_http_request_seconds_count{operation="fail",status="409"} 1`)
	for _, path := range []string{"/docs", "/docs/docs.js", "/docs/docs.css", "/docs/errors", "/openapi.json"} {
		got := r.do(t, "GET", path, nil)
		require.Equal(t, 200, got.status, path)
		require.NotContains(t, string(got.body), "http://")
		require.NotContains(t, string(got.body), "https://")
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		require.Contains(t, got.header.Get("Content-Security-Policy"), "default-src 'none'")
	}
	require.Contains(t, string(r.do(t, "GET", "/docs/errors", nil).body), "idempotency.required")
	off := newRig(t, func(c *conf.Config) { c.Metrics.Enabled = false })
	require.Equal(t, 404, off.do(t, "GET", "/metrics", nil).status)

	require.NoError(t, r.deps.DB.Close())
	require.Equal(t, 503, r.do(t, "GET", "/readyz", nil).status)
	require.Equal(t, 200, r.do(t, "GET", "/healthz", nil).status)
}

func TestCrowdIsTurnedAway(t *testing.T) {
	r := newRig(t)
	for range cap(r.inside) {
		r.inside <- struct{}{}
	}
	got := r.do(t, "DELETE", Prefix+"/fails/not", nil)
	p := got.problem(t)
	require.Equal(t, 503, p.Status)
	require.Equal(t, "server.busy", p.Code)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
	require.Contains(t, got.header.Get("Content-Security-Policy"), "default-src 'none'")
	named := r.do(t, "DELETE", Prefix+"/fails/not", nil, "X-Request-Id", "trace-me-please")
	require.Equal(t, "trace-me-please", named.problem(t).RequestID)
	require.Equal(t, 200, r.do(t, "GET", "/healthz", nil).status, "health checks are not part of the crowd")
	<-r.inside
	require.Equal(t, 204, r.do(t, "DELETE", Prefix+"/fails/not", nil).status)
}

func TestAddressOnlyFromTrustedProxies(t *testing.T) {
	r := newRig(t)
	r.do(t, "DELETE", Prefix+"/fails/not", nil, "X-Forwarded-For", "203.0.113.9")
	require.NotContains(t, r.log.String(), "203.0.113.9")
	r = newRig(t, func(c *conf.Config) { c.HTTP.TrustedProxies = []string{"127.0.0.1"} })
	r.do(t, "DELETE", Prefix+"/fails/not", nil, "X-Forwarded-For", "203.0.113.9")
	require.Contains(t, r.log.String(), "203.0.113.9")
}

func TestLogHasNeitherQueryNorToken(t *testing.T) {
	r := newRig(t)
	r.do(t, "POST", spendPath+"?phone=13800138000", strings.NewReader(`{"name":"13900139000"}`), asOfficer...)
	r.do(t, "GET", "/13700137000?phone=13800138000", nil)
	log := r.log.String()
	require.Contains(t, log, "operation=spend")
	for _, secret := range []string{"13800138000", "13900139000", "13700137000", "Bearer", "key-0001"} {
		require.NotContains(t, log, secret)
	}
}

func TestUndescribedOperationPanics(t *testing.T) {
	good := Op{ID: "ok", Method: "GET", Path: "/ok", Summary: "好", Tag: "试", Perm: auth.Self, Audience: Everyone}
	good.check()
	for name, change := range map[string]func(*Op){
		"permission": func(o *Op) { o.Perm = "" },
		"audience":   func(o *Op) { o.Audience = 0 },
		"strangers":  func(o *Op) { o.Audience = Anybody },
		"public":     func(o *Op) { o.Perm = auth.Public },
		"method":     func(o *Op) { o.Method = "PATCH" },
		"id":         func(o *Op) { o.ID = "Not Good" },
		"summary":    func(o *Op) { o.Summary = "" },
		"key":        func(o *Op) { o.Idempotent = true },
	} {
		o := good
		change(&o)
		require.Panics(t, o.check, name)
	}
}
