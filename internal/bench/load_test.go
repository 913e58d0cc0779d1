//go:build bench

package bench

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// seconds is how long each figure is measured for.
func seconds() time.Duration {
	if n, err := strconv.Atoi(os.Getenv("BENCH_SECONDS")); err == nil {
		return time.Duration(n) * time.Second
	}
	return 5 * time.Second
}

// figure is one measurement.
type figure struct {
	name     string
	perSec   float64
	p50, p99 time.Duration
	ratio    string // against the raw limit or the peer named
	failures int64
	shed     int64 // calls sent away with 503 or 429, whose clients came back after as long as Retry-After said
}

// shed is an answer that asks to come back after so long.
type shed time.Duration

func (s shed) Error() string { return "come back after " + time.Duration(s).String() }

// run calls work from so many clients until the time is up, each client with its own number, and after a short warm-up.
// units is how many things one call does.
func run(t testing.TB, name string, clients, units int, work func(client, turn int) error) figure {
	t.Helper()
	var failures, away atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	var wg sync.WaitGroup
	warm := time.Now().Add(seconds() / 5)
	end := warm.Add(seconds())
	for c := range clients {
		wg.Go(func() {
			var mine []time.Duration
			for turn := 0; ; turn++ {
				begin := time.Now()
				if begin.After(end) {
					break
				}
				err := work(c, turn)
				if later, ok := errors.AsType[shed](err); ok {
					away.Add(1)
					time.Sleep(min(time.Duration(later), max(0, time.Until(end))))
					continue
				}
				if err != nil {
					if failures.Add(1) == 1 {
						t.Logf("%s: first failure: %v", name, err)
					}
					continue
				}
				if begin.After(warm) {
					mine = append(mine, time.Since(begin))
				}
			}
			mu.Lock()
			all = append(all, mine...)
			mu.Unlock()
		})
	}
	wg.Wait()
	slices.Sort(all)
	f := figure{name: name, failures: failures.Load(), shed: away.Load()}
	if n := len(all); n > 0 {
		f.perSec = float64(n*units) / (time.Since(warm)).Seconds()
		f.p50, f.p99 = all[n/2], all[n*99/100]
	}
	t.Logf("%-52s %9.0f/s  p50 %8s  p99 %8s  failed %d", f.name, f.perSec, short(f.p50), short(f.p99), f.failures)
	return f
}

// turns is how often figures that are compared are measured, one after the other: a machine that others use as well is faster in one
// minute than in the next.
const turns = 4

// inTurns measures each several times, in turns: the mean of what was done in a second and of the medians, the worst p99.
func inTurns(measure ...func() figure) []figure {
	out := make([]figure, len(measure))
	for turn := range turns {
		for i, m := range measure {
			f := m()
			if turn == 0 {
				out[i].name = f.name
			}
			out[i].perSec += f.perSec / turns
			out[i].p50 += f.p50 / turns
			out[i].p99 = max(out[i].p99, f.p99)
			out[i].failures += f.failures
			out[i].shed += f.shed
		}
	}
	return out
}

func (f figure) against(peer figure) figure {
	if peer.perSec > 0 {
		f.ratio = fmt.Sprintf("%.2f× %s", f.perSec/peer.perSec, peer.name)
	}
	return f
}

func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%d µs", d.Microseconds())
}
