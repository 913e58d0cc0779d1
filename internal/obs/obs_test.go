package obs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/conf"
	"jishan/internal/obs"
)

func logger(t *testing.T, format, level string) (*slog.Logger, *bytes.Buffer) {
	t.Helper()
	var b bytes.Buffer
	l, err := obs.NewLogger(&b, conf.Log{Format: format, Level: level})
	require.NoError(t, err)
	return l, &b
}

func TestLevelsAndFormats(t *testing.T) {
	l, b := logger(t, "json", "warn")
	l.Info("quiet")
	require.Zero(t, b.Len())
	l.Warn("loud", "n", 7, "took", time.Second, "ok", true)
	var line map[string]any
	require.NoError(t, json.Unmarshal(b.Bytes(), &line))
	require.Equal(t, "loud", line["msg"])
	require.Equal(t, "WARN", line["level"])
	require.EqualValues(t, 7, line["n"])
	require.Equal(t, true, line["ok"])
	_, err := time.Parse(time.RFC3339Nano, line["time"].(string))
	require.NoError(t, err)

	l, b = logger(t, "text", "debug")
	l.Debug("hello", "x", "y")
	require.Contains(t, b.String(), "level=DEBUG msg=hello x=y")

	for _, c := range []conf.Log{{Level: "loud", Format: "text"}, {Level: "info", Format: "xml"}} {
		_, err := obs.NewLogger(b, c)
		require.Error(t, err)
	}
}

func TestRequestID(t *testing.T) {
	require.Empty(t, obs.RequestID(t.Context()))
	ctx := obs.WithRequestID(context.Background(), "r-1")
	require.Equal(t, "r-1", obs.RequestID(ctx))
	l, b := logger(t, "text", "info")
	l.With("a", 1).InfoContext(ctx, "x")
	l.WithGroup("g").InfoContext(ctx, "x")
	require.Equal(t, 2, strings.Count(b.String(), "request_id=r-1"))
	b.Reset()
	l.Info("x")
	require.NotContains(t, b.String(), "request_id")
}

type person struct {
	Name, Phone string
	ID          string
	Password    string
}

type valuer struct{}

func (valuer) LogValue() slog.Value {
	return slog.GroupValue(slog.String("who", "甲"), slog.String("phone", "123"), slog.String("note", "打13800138000"))
}

func TestNothingPrivateReachesTheLog(t *testing.T) {
	const mobile, identity, lower = "13800138000", "422826198501011234", "42282619850101123x"
	for _, format := range []string{"text", "json"} {
		l, b := logger(t, format, "debug")
		l = l.With("phone", mobile, "bound", "tel "+mobile)
		l.Info("call "+mobile+" of "+identity+"!", "UserPhone", 13800138000, "card_pin", 123456, "id_number", identity,
			"access-token", "tttttt", "Tokens", []string{"tttttt"}, "password", "pppppp", "secret", conf.Secret("ssssss"), "dsn", "u:pppppp@tcp(h)/d")
		l.Error("failed", "error", errors.New("no villager with "+mobile+" / "+lower), "person", person{"甲", mobile, identity, "pppppp"},
			"people", []person{{"乙", mobile, lower, "pppppp"}}, "pointer", &person{"丙", mobile, identity, "pppppp"}, "raw", []byte(mobile))
		l.Info("url", "u", "GET https://api/x?access_token=tttttt&b=1", "json", `{"session_key": "ssssss", "password":"pppppp"}`,
			"header", "Authorization: Bearer tttttt", "jwt", "eyJhbGciOi.eyJzdWIiOi.ttttttt", "dial", "root:pppppp@tcp(db:3306)/x", "redis", "redis://u:pppppp@h:1")
		l.WithGroup("phone").Info("grouped", "home", "8123456")
		l.Info("valuer", "v", valuer{}, slog.Group("token", "v", "tttttt"), "intl", "+86"+mobile, "spaced", "138-0013-8000", "s2", "138 0013 8000")
		out := b.String()
		for _, secret := range []string{mobile, identity, lower, "0013", "123456", "tttttt", "pppppp", "ssssss", "8123456"} {
			require.NotContains(t, out, secret, format)
		}
		require.Contains(t, out, "call [手机号] of [身份证号]!")
		require.Contains(t, out, "甲")
		require.Contains(t, out, "b=1")
		require.Contains(t, out, "db:3306")
	}
}

func TestHarmlessTextsStay(t *testing.T) {
	for _, s := range []string{
		"", "hello", "第 1234 号", "2026-11-23 10:00:00", "id 6917529027641081856", "id 117529027641081856", "12345678901", "10.0.0.5:6379",
		"0138001380001", "138001380001", "pinned 5", "shipping: 3", "duration=1.5s", "posted 99 of 100", "01998f3e-7a53-7c1d-9e4f-000000000001",
	} {
		require.Equal(t, s, obs.Redact(s))
	}
	l, b := logger(t, "text", "info")
	l.Info("x", "pinned", "yes", "shipping", "yes", "hotel", "yes", "household", int64(6917529027641081856))
	require.NotContains(t, b.String(), "隐藏")
	require.Contains(t, b.String(), "6917529027641081856")
}

func TestRedactProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		edge := rapid.StringMatching(`[^0-9]{0,10}`)
		number := rapid.OneOf(rapid.StringMatching(`1[3-9][0-9]{9}`), rapid.StringMatching(`[1-8][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9])[0-9]{3}[0-9Xx]`)).Draw(t, "number")
		s := edge.Draw(t, "before") + number + edge.Draw(t, "after")
		got := obs.Redact(s)
		require.NotContains(t, got, number)
		require.Equal(t, got, obs.Redact(got), "redacting twice changes nothing")
	})
}

func FuzzRedact(f *testing.F) {
	f.Add("a", "b")
	f.Add("password=", "&x")
	f.Fuzz(func(t *testing.T, before, after string) {
		got := obs.Redact(before + " 13800138000 " + after)
		require.NotContains(t, got, " 13800138000 ")
	})
}

func TestMetrics(t *testing.T) {
	r := obs.NewRegistry()
	waiting := 3
	obs.Queue(r, "award", func() int { return waiting })
	obs.Queue(r, "redeem", func() int { return 0 })
	tx := obs.NewTransactions(r)
	tx.Done(3*time.Millisecond, nil)
	tx.Done(time.Millisecond, errors.New("x"))
	tx.Retried(obs.RetryConflict)
	for _, name := range []string{"write", "read"} {
		obs.Pool(r, name, func() obs.PoolStats {
			return obs.PoolStats{Open: 5, InUse: 2, Waits: 7, Waited: 1500 * time.Millisecond}
		})
	}

	w := httptest.NewRecorder()
	promhttp.HandlerFor(r, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text := w.Body.String()
	for _, want := range []string{
		`jishan_queue_waiting{queue="award"} 3`, `jishan_queue_waiting{queue="redeem"} 0`,
		`jishan_tx_retries_total{reason="conflict"} 1`, `jishan_tx_seconds_count{result="error"} 1`, `jishan_tx_seconds_sum{result="ok"} 0.003`,
		"go_goroutines ", "process_open_fds ", `jishan_db_connections{pool="write",state="in_use"} 2`,
		`jishan_db_connections{pool="read",state="idle"} 3`, `jishan_db_waits_total{pool="write"} 7`, `jishan_db_waited_seconds_total{pool="write"} 1.5`, "go_build_info{",
	} {
		require.Contains(t, text, want)
	}
}
