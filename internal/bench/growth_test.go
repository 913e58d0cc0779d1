//go:build bench

package bench

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/app"
	"jishan/internal/bench/growth"
	"jishan/internal/cal"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/testkit"
)

const (
	growthVillages = 200
	growthHouses   = 250 // in each
	growthYears    = 3
	growthRounds   = 3
	growthClients  = 64
	pageOf         = 10 // lines of a statement
)

// county is a county's database and the server on it.
type county struct {
	*growth.County
	dsn, data string
	s         *server
	lean      []*lean
	token     string
	settled   []growth.House // whose statements are read: each has a page of lines
}

// TestGrowth compares a county that begins with one that has BENCH_GROWTH_ROWS (10,000,000) transactions and entries in its
// ledger: the same villages and households, the same calls, in turns. BENCH_OUT names the file that the table is appended to.
func TestGrowth(t *testing.T) {
	rows, err := strconv.Atoi(os.Getenv("BENCH_GROWTH_ROWS"))
	if err != nil {
		rows = 10_000_000
	}
	today := cal.DayOf(time.Now())
	from := today.Add(-365 * growthYears)
	young, old := foundCounty(t, from), foundCounty(t, from)
	d, err := db.Open(context.Background(), db.Options{DSN: old.dsn})
	require.NoError(t, err)
	begin := time.Now()
	clearings := 3 * growthVillages * growthHouses * 4 * (growthYears - 1) // come on top: some four a year for a household, from the second year on
	old.From, old.To, old.Rows, old.Workers = from, today.Add(-1), max(0, rows-clearings), runtime.NumCPU()
	if d.Dialect == db.SQLite {
		old.Workers = 1
	}
	counts, err := growth.Fill(context.Background(), d, old.Plan)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	filling := time.Since(begin)
	t.Logf("filled: %d transactions, %d entries, %d awards, %d redemptions, %d seals in %s", counts.Transactions, counts.Entries, counts.Awards, counts.Redemptions, counts.Seals, short(filling))

	whole, said := old.verify(t)
	require.Contains(t, said, "核对完毕，全部相符")
	t.Logf("verified in %s", short(whole))
	var out strings.Builder
	million := func(n int64) string { return fmt.Sprintf("%.1f million", float64(n)/1e6) }
	fmt.Fprintf(&out, "\n## Growth, %s\n\n", databaseName(old.dsn))
	fmt.Fprintf(&out, "%s rows of the ledger: %s transactions and their %s entries; beside them, not counted, lie %s awards, %s redemptions, scores, the\n"+
		"answers kept for repeated requests and the audit log. A county of %d villages and %d households, empty and after %d years, both on one database server. The calls\n"+
		"are the same and were measured in turns, %d times %s each with %d clients, which share %d cores with everything else. Filled in %s.\n\n",
		million(counts.Transactions+counts.Entries), million(counts.Transactions), million(counts.Entries), million(counts.Awards), million(counts.Redemptions),
		growthVillages, growthVillages*growthHouses, growthYears, growthRounds, seconds(), growthClients, runtime.NumCPU(), short(filling))
	out.WriteString("| what | empty | filled | ratio |\n|---|---:|---:|---:|\n")
	row := func(what, empty, filled string, ratio float64) {
		fmt.Fprintf(&out, "| %s | %s | %s | %.2f |\n", what, empty, filled, ratio)
	}

	for i, c := range []*county{young, old} {
		c.s = serve(t, c.dsn, "JISHAN_REDIS_DB="+strconv.Itoa(i+1))
		c.token = c.s.login(t, "officer", "admin")
		c.lean = c.s.leanClients(growthClients, c.token)
	}
	young.calm(t)
	old.calm(t)
	row("start until ready", short(young.s.start), short(old.s.start), float64(young.s.start)/float64(old.s.start))
	young.page(t)
	for _, v := range old.Villages {
		old.settled = append(old.settled, v.Houses...)
	}
	month := today.Month().String()
	for _, call := range []struct {
		what string
		do   func(c *county, client int) error
	}{
		{"single awards a second", func(c *county, client int) error {
			v := c.Villages[rand.IntN(len(c.Villages))]
			return c.lean[client].award(v.ID, c.House.ID, v.Houses[rand.IntN(len(v.Houses))].ID)
		}},
		{fmt.Sprintf("statements of %d lines a second", pageOf), func(c *county, client int) error {
			return c.lean[client].get("/households/" + c.settled[rand.IntN(len(c.settled))].ID.String() + "/statement?limit=" + strconv.Itoa(pageOf))
		}},
		{"first 20 lines of a village's board, a second", func(c *county, client int) error {
			return c.lean[client].get("/boards?subject=household&period=" + month + "&limit=20&scope=" + c.Villages[rand.IntN(len(c.Villages))].ID.String())
		}},
	} {
		for _, c := range []*county{young, old} { // what is filled was just read from end to end: both as they are in the middle of a day
			run(t, "warming up: "+call.what, growthClients, 1, func(client, _ int) error { return call.do(c, client) })
		}
		var sums [2]figure
		for range growthRounds {
			for i, c := range []*county{young, old} {
				f := run(t, call.what, growthClients, 1, func(client, _ int) error { return call.do(c, client) })
				require.Zero(t, f.failures+f.shed)
				sums[i].perSec += f.perSec / growthRounds
				sums[i].p99 = max(sums[i].p99, f.p99)
			}
		}
		row(call.what, fmt.Sprintf("%.0f", sums[0].perSec), fmt.Sprintf("%.0f", sums[1].perSec), sums[1].perSec/sums[0].perSec)
		row("↳ p99", short(sums[0].p99), short(sums[1].p99), float64(sums[0].p99)/float64(sums[1].p99))
	}
	since := [2]time.Duration{}
	for i, c := range []*county{young, old} {
		since[i], said = c.verify(t, "--since-seal")
		require.Contains(t, said, "核对完毕，全部相符")
		t.Log(said)
	}
	row("`jishan verify --since-seal` after these awards", short(since[0]), short(since[1]), float64(since[0])/float64(since[1]))
	fmt.Fprintf(&out, "\n`jishan verify` of the filled one, everything from the start: %s, %.0f rows of the ledger a second (%.0f transactions).\n", short(whole),
		float64(counts.Transactions+counts.Entries)/whole.Seconds(), float64(counts.Transactions)/whole.Seconds())
	t.Log("\n" + out.String())
	appendTo(t, os.Getenv("BENCH_OUT"), out.String())
}

// foundCounty makes a county in a database of its own.
func foundCounty(t *testing.T, from cal.Day) *county {
	ctx := context.Background()
	c := &county{dsn: testkit.DSN(t), data: t.TempDir()}
	config, err := conf.Load("")
	require.NoError(t, err)
	d, err := db.Open(ctx, db.Options{DSN: c.dsn})
	require.NoError(t, err)
	defer d.Close()
	s, err := app.NewServices(config, d)
	require.NoError(t, err)
	defer s.Close()
	c.County, err = growth.Found(ctx, s, d, growthVillages, growthHouses, from)
	require.NoError(t, err)
	_, err = s.Auth.EnsureAdmin(ctx, "admin", password)
	require.NoError(t, err)
	return c
}

// page gives the households of a few villages a page of lines.
func (c *county) page(t *testing.T) {
	for _, v := range c.Villages[:8] {
		var list []map[string]id.ID
		for range pageOf {
			for _, h := range v.Houses {
				list = append(list, map[string]id.ID{"rule": c.House.ID, "household": h.ID})
			}
		}
		require.NoError(t, c.s.call(http.MethodPost, "/villages/"+v.ID.String()+"/awards", c.token, map[string]any{"grants": list}, nil))
		c.settled = append(c.settled, v.Houses...)
	}
}

// calm waits until the server has filled its boards after the start: that is not what is to be seen.
func (c *county) calm(t *testing.T) {
	pid := strconv.Itoa(c.s.cmd.Process.Pid)
	for range 120 {
		before := cpu(t, pid)
		time.Sleep(time.Second)
		if cpu(t, pid)-before < 50*time.Millisecond {
			return
		}
	}
	t.Log("the server did not come to rest")
}

// verify runs the command beside the server, if one is there, and answers how long it took and what it said.
func (c *county) verify(t *testing.T, args ...string) (time.Duration, string) {
	cmd := exec.Command(binary(t), append([]string{"verify"}, args...)...)
	cmd.Env = append(os.Environ(), "JISHAN_DB_DSN="+c.dsn, "JISHAN_DATA_DIR="+c.data, "JISHAN_LOG_LEVEL=error")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	begin := time.Now()
	require.NoError(t, cmd.Run(), said.String())
	return time.Since(begin), said.String()
}
