//go:build bench

package bench

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/id"
	"jishan/internal/testkit"
)

// bulk is how many grants the large order has.
const bulk = 10_000

// TestThroughput measures everything on one database: SQLite, or the MySQL or MariaDB of TEST_DSN. BENCH_OUT names the file
// that the table is appended to.
func TestThroughput(t *testing.T) {
	dsn := testkit.DSN(t)
	p := furnish(t, dsn)
	s := serve(t, dsn)
	idle, _ := s.memory(t)
	admin := s.login(t, "officer", "admin")
	r := newRaw(t, dsn)
	var table []figure
	add := func(f figure) figure {
		table = append(table, f)
		return f
	}

	awards := func(clients int) figure {
		var turn atomic.Int64
		callers := s.leanClients(clients, admin)
		return run(t, fmt.Sprintf("single awards over HTTP, %d clients", clients), clients, 1, func(client, _ int) error {
			v, h := p.at(int(turn.Add(1)) * 13)
			return callers[client].award(v, p.rule, h)
		})
	}
	posts := func(name string, r raw) func() figure {
		return func() figure { return run(t, name, 64, 1, r.post) }
	}
	measure := []func() figure{posts("raw, one transaction a posting, 64 clients", r), func() figure { return awards(64) }}
	if isMySQL(dsn) {
		measure = append(measure, posts("the same with parameters written into the statements", newRaw(t, dsn+"?interpolateParams=true")))
	}
	compared := inTurns(measure...)
	raw1 := add(compared[0])
	if isMySQL(dsn) {
		add(compared[2])
	}
	add(awards(1))
	add(awards(16))
	add(compared[1].against(raw1))
	peak := add(awards(256))

	var clerks []string
	for i := range shops {
		clerks = append(clerks, s.login(t, "merchant", fmt.Sprintf("shop%d", i)))
	}
	redeem := func(name string, counters int) figure {
		codes := p.presented(t, int(seconds().Seconds()*1.2+1)*6000)
		var turn atomic.Int64
		return run(t, name, 64, 1, func(int, int) error {
			n := int(turn.Add(1))
			if n >= len(codes) {
				return fmt.Errorf("out of codes")
			}
			return s.call(http.MethodPost, "/counter/redemptions", clerks[n%counters], map[string]any{"text": codes[n], "points": 1}, nil)
		})
	}
	spread := add(redeem("redemptions at 16 merchants, 64 clients", shops))
	add(redeem("redemptions at one merchant, 64 clients", 1).against(spread))

	village := 0
	many := inTurns(
		func() figure { return run(t, "raw, 100 postings a transaction, 4 clients", 4, 100, r.postMany) },
		func() figure {
			body := p.many(t, village)
			begin := time.Now()
			require.NoError(t, s.call(http.MethodPost, "/villages/"+p.villages[village].String()+"/awards", admin, body, nil))
			took := time.Since(begin)
			village++
			return figure{name: "one bulk award of 10,000", perSec: bulk / took.Seconds(), p50: took, p99: took}
		})
	add(many[0])
	add(many[1].against(many[0]))

	_, most := s.memory(t)
	// Overload: more than are let in. The bulk has left more behind to count in every award, so the peak is taken again beside it.
	over := inTurns(func() figure { return awards(256) }, func() figure { return awards(2048) })
	over[0].name += ", after the bulk"
	add(over[0].against(peak))
	add(over[1].against(over[0]))
	_, overloaded := s.memory(t)
	write(t, dsn, table, fmt.Sprintf("Start until ready %s; memory %d MiB when idle, %d MiB at its highest, %d MiB under overload.", short(s.start), idle, most, overloaded))
}

func grants(rule, house id.ID) map[string]any {
	return map[string]any{"grants": []map[string]string{{"rule": rule.String(), "household": house.String()}}}
}

// write appends the table to BENCH_OUT, in Markdown.
func write(t testing.TB, dsn string, table []figure, notes string) {
	name := "SQLite and in-process Redis"
	if isMySQL(dsn) {
		name = "MariaDB (`innodb_flush_log_at_trx_commit=1`) and Redis"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n| what | per second | p50 | p99 | ratio |\n|---|---:|---:|---:|---|\n", name)
	for _, f := range table {
		fmt.Fprintf(&b, "| %s | %.0f | %s | %s | %s |\n", f.name, f.perSec, short(f.p50), short(f.p99), f.ratio)
		if f.shed > 0 {
			fmt.Fprintf(&b, "| ↳ sent away with 503, to come back later: %d | | | | |\n", f.shed)
		}
		if f.failures > 0 {
			fmt.Fprintf(&b, "| ↳ failed calls: %d | | | | |\n", f.failures)
		}
	}
	fmt.Fprintf(&b, "\n%s Measured for %s each, what is compared %d times in turns, with %s on %d cores; server, load, database and Redis share them.\n\n", notes, seconds(), turns, runtime.Version(), runtime.NumCPU())
	t.Log("\n" + b.String())
	appendTo(t, os.Getenv("BENCH_OUT"), b.String())
}
