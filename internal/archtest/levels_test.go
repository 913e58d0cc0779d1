package archtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// levels is the whole import rule. A package may import those of the lines above it, and of its own line those to its left.
var levels = []string{
	"decimal errs id cal points money heap configs conf web",
	"obs migrations db db/batch rdb wechat xlsx qr files",
	"audit outbox idempotency stamp ledger",
	"auth notice people rule shop party award trial redeem board report public",
	"demo jobs api",
	"app",
	"cmd/jishan",
}

// testOnly packages serve tests and benchmarks: they may import anything, and only tests may import them.
var testOnly = []string{"testkit", "archtest", "wechat/wechattest", "app/apptest", "e2e", "bench", "history", "proof"}

// rank is the package's place in levels: higher may import lower.
func rank() map[string]int {
	out := map[string]int{}
	for _, line := range levels {
		for _, p := range strings.Fields(line) {
			out[p] = len(out) + 1
		}
	}
	return out
}

func isTestOnly(p string) bool {
	for _, t := range testOnly {
		if p == t || strings.HasPrefix(p, t+"/") {
			return true
		}
	}
	return false
}

// breach is the reason why package from may not import package to; empty where it may.
func breach(ranks map[string]int, from, to string) string {
	switch {
	case isTestOnly(from):
		return ""
	case isTestOnly(to):
		return "only tests may import " + to
	case ranks[from] == 0:
		return from + " has no level yet: add it to internal/archtest/levels_test.go"
	case ranks[to] == 0:
		return to + " has no level yet: add it to internal/archtest/levels_test.go"
	case ranks[to] >= ranks[from]:
		return "imports go down only"
	}
	return ""
}

func TestImportsGoDown(t *testing.T) {
	ranks := rank()
	for _, p := range packages(t) {
		from := short(p.ImportPath)
		if ranks[from] == 0 && !isTestOnly(from) {
			t.Errorf("%s has no level yet: add it to internal/archtest/levels_test.go", from)
			continue
		}
		for _, i := range p.Imports {
			if !ours(i) {
				continue
			}
			if why := breach(ranks, from, short(i)); why != "" {
				t.Errorf("%s imports %s: %s", from, short(i), why)
			}
		}
	}
}

func TestBreachIsSeen(t *testing.T) {
	ranks := rank()
	require.Empty(t, breach(ranks, "ledger", "outbox"))
	require.Empty(t, breach(ranks, "testkit", "api"))
	require.NotEmpty(t, breach(ranks, "outbox", "ledger"), "same line, to the right")
	require.NotEmpty(t, breach(ranks, "ledger", "award"), "upward")
	require.NotEmpty(t, breach(ranks, "award", "testkit"))
	require.NotEmpty(t, breach(ranks, "nowhere", "errs"))
	require.NotEmpty(t, breach(ranks, "award", "nowhere"))
}

// outside says which of our packages may import which foreign ones (and what lies below them). What is not named here is
// free for all; tests are free to use what they like.
var outside = map[string][]string{
	"github.com/gin-gonic/gin":            {"api"},
	"github.com/danielgtaylor/huma":       {"api"},
	"github.com/go-sql-driver/mysql":      {"db"},
	"github.com/ncruces/go-sqlite3":       {"db"},
	"gorm.io/driver":                      {"db"},
	"github.com/pressly/goose":            {"db"},
	"github.com/xuri/excelize":            {"xlsx"},
	"github.com/alicebob/miniredis":       {"rdb"},
	"github.com/redis/go-redis":           {"rdb", "board"},
	"github.com/golang-jwt":               {"auth"},
	"github.com/alexedwards/argon2id":     {"auth", "redeem"},
	"github.com/knadh/koanf":              {"conf"},
	"github.com/alecthomas/kong":          {"cmd/jishan"},
	"github.com/schollz/progressbar":      {"cmd/jishan"},
	"github.com/prometheus/client_golang": {"obs", "api"},
	"github.com/skip2/go-qrcode":          {"qr"},
	"golang.org/x/image":                  {"files"},
	"github.com/stretchr/testify":         {},
	"pgregory.net/rapid":                  {},
	"net/http/httptest":                   {},
	"testing":                             {},
	"database/sql":                        {"db"},
	"go.opentelemetry.io/otel":            {"obs", "db", "rdb", "api"},
	"github.com/mozillazg/go-pinyin":      {"people", "rule", "shop"},
	"github.com/go-redis/redis_rate":      {"auth", "api"},
}

func TestForeignImports(t *testing.T) {
	for _, p := range packages(t) {
		from := short(p.ImportPath)
		if isTestOnly(from) {
			continue
		}
		for _, i := range p.Imports {
			for prefix, allowed := range outside {
				if i != prefix && !strings.HasPrefix(i, prefix+"/") && !strings.HasPrefix(i, prefix+".") {
					continue
				}
				ok := false
				for _, a := range allowed {
					ok = ok || a == from
				}
				if !ok {
					t.Errorf("%s imports %s, which is for %v only", from, i, allowed)
				}
			}
		}
	}
}
