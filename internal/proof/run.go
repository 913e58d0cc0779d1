package proof

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/history"
	"jishan/internal/id"
	"jishan/internal/points"
)

// Plan says how a run goes.
type Plan struct {
	Seed    uint64
	For     time.Duration // how long the workload and the faults last
	Workers int
	Calm    bool   // no faults
	Tags    string // build tags of a broken program
}

// Setup starts the servers of a run and knows how to harm them. The processes are started by the run, which has furnished the database before.
type Setup struct {
	Name   string
	Admin  string       // the database for whoever makes its tables
	Grant  func() error // gives the program's user its rights on the tables; nil where there are no users
	DSN    string       // the database for the program's user, past all links
	Env    []string     // of every process and of the program
	APIs   func(program string) ([]*apiProcess, error)
	Faults []fault
}

// Verdict is what came of a run.
type Verdict struct {
	Setup                      string
	Seed                       uint64
	Ops                        int
	Answered, Refused, Unknown int
	Found                      int // of the unanswered, how many were done
	Reads                      int
	Transactions               int
	Faults                     tally
	Anomalies                  []history.Anomaly
	Took                       time.Duration
}

func (v Verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: seed %d, %.0f s: %d operations (%d answered, %d refused, %d unanswered, of which %d were done), %d reads, %d transactions\n",
		v.Setup, v.Seed, v.Took.Seconds(), v.Ops, v.Answered, v.Refused, v.Unknown, v.Found, v.Reads, v.Transactions)
	fmt.Fprintf(&b, "  faults: %s\n  anomalies: %d", v.Faults, len(v.Anomalies))
	for i, a := range v.Anomalies {
		if i == 30 {
			fmt.Fprintf(&b, "\n    … and %d more", len(v.Anomalies)-i)
			break
		}
		fmt.Fprintf(&b, "\n    %s", a)
	}
	return b.String()
}

// Run does what the plan says in the set-up and judges it. It fails the test only where the run itself went wrong.
func Run(t testing.TB, s *Setup, plan Plan) Verdict {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), plan.For+5*time.Minute)
	defer cancel()
	programs, err := build(plan.Tags)
	require.NoError(t, err)
	tools, err := build("")
	require.NoError(t, err)
	place, err := furnish(ctx, s)
	require.NoError(t, err)
	apis, err := s.APIs(filepath.Join(programs, "server"))
	require.NoError(t, err)
	for _, p := range apis {
		t.Cleanup(func() {
			p.kill()
			for _, k := range p.ways {
				k.close()
			}
		})
		require.NoError(t, p.start())
	}

	w := &workload{p: place, apis: apis, begin: time.Now(), seed: plan.Seed, shown: map[id.ID]string{}}
	until := w.begin.Add(plan.For)
	var clients sync.WaitGroup
	for i := range plan.Workers {
		clients.Go(func() {
			for one := w.worker(i); time.Now().Before(until); {
				one.once()
			}
		})
	}
	v := Verdict{Setup: s.Name, Seed: plan.Seed}
	if plan.Calm {
		time.Sleep(time.Until(until))
	} else {
		v.Faults, err = harm(rand.New(rand.NewPCG(plan.Seed, 1<<32)), append(apiFaults(apis), s.Faults...), until)
	}
	clients.Wait()
	require.NoError(t, err)
	require.NoError(t, calm(apis))

	boards := w.aftermath(ctx)
	verified := verify(ctx, filepath.Join(tools, "jishan"), s.Env, s.DSN)
	rows, err := place.rows(ctx, s.DSN, &w.h)
	require.NoError(t, err)
	require.Empty(t, w.odd, "answers that no client understands")
	v.Anomalies = append(append(history.Check(&w.h, rows), boards...), verified...)
	v.Reads, v.Transactions, v.Took = len(w.h.Reads), len(rows.Txs), time.Since(began)
	v.count(&w.h, rows)
	if len(v.Anomalies) > 0 && plan.Tags == "" {
		for _, p := range apis {
			t.Logf("the end of the log of %s:\n%s", p.name, p.tail())
		}
	}
	return v
}

func (v *Verdict) count(h *history.History, rows *history.State) {
	for _, o := range h.Ops {
		v.Ops++
		refused := true
		for _, c := range o.Calls {
			refused = refused && c.Outcome == history.Refused
		}
		_, there := rows.Keys[o.ID]
		switch {
		case answered(o.Calls) != 0:
			v.Answered++
		case refused:
			v.Refused++
		default:
			v.Unknown++
			if there {
				v.Found++
			}
		}
	}
}

// settleTime is how long boards may take to be right after the last fault: a killed process's lease of 15 seconds, and a rebuild.
const settleTime = 60 * time.Second

// aftermath reads every wallet and every stock through every process once more, and waits for their boards.
func (w *workload) aftermath(ctx context.Context) (found []history.Anomaly) {
	end := time.Now().Add(settleTime)
	until := func(try func() bool) bool {
		for !try() {
			if time.Now().After(end) || ctx.Err() != nil {
				return false
			}
			time.Sleep(200 * time.Millisecond)
		}
		return true
	}
	for _, p := range w.apis {
		for _, v := range w.p.villages {
			for _, h := range v.houses {
				if !until(func() bool { return w.balance(p, v, h) && w.statement(p, v, h) }) {
					return append(found, history.Anomaly{Kind: "away", Text: p.name + " does not answer after the faults"})
				}
			}
		}
		until(func() bool { return w.stock(p, w.p.villages) })
	}
	for _, p := range w.apis {
		for _, v := range w.p.villages {
			var differs string
			if !until(func() bool { differs = w.board(p, v); return differs == "" }) {
				found = append(found, history.Anomaly{Kind: "board", Text: p.name + ": " + differs})
			}
		}
	}
	return found
}

// board compares a village's board of all time with the scores that the households themselves are shown.
func (w *workload) board(p *apiProcess, v village) string {
	b, _, ok := look[api.Board](w, p, "/boards?scope="+v.id.String()+"&subject=household&period=all&limit=100", w.p.officer)
	if !ok {
		return "no board"
	}
	shown := map[id.ID]points.Amount{}
	for _, row := range b.Items {
		shown[row.ID] = row.Score
	}
	for _, h := range v.houses {
		s, _, ok := look[api.Balance](w, p, "/my/households/"+h.id.String()+"/balance", h.token)
		if !ok || len(s.Scores) == 0 {
			return "no scores"
		}
		if all := s.Scores[len(s.Scores)-1]; all.Points != shown[h.id] {
			return fmt.Sprintf("household %s has a score of %s, the board (from %s) says %s", h.id, all.Points, b.Source, shown[h.id])
		}
	}
	return ""
}

// verify runs `jishan verify`, which must find nothing.
func verify(ctx context.Context, program string, env []string, dsn string) []history.Anomaly {
	data, err := os.MkdirTemp("", "jishan-proof-verify-")
	if err != nil {
		return []history.Anomaly{{Kind: "verify", Text: err.Error()}}
	}
	defer os.RemoveAll(data)
	c := exec.CommandContext(ctx, program, "verify", "--wait", "40s")
	c.Env = append(append(os.Environ(), env...), "JISHAN_CONFIG=", "JISHAN_DB_DSN="+dsn, "JISHAN_DATA_DIR="+data)
	out, err := c.CombinedOutput()
	if err != nil {
		return []history.Anomaly{{Kind: "verify", Text: fmt.Sprintf("%v: %s", err, out)}}
	}
	return nil
}
