// Package heap keeps the memory of the process within what a small server has, and the collector from running for nothing.
//
// It owns no tables. Go collects when the heap has doubled since the last time. That of a village's server is some 15 MiB, so under
// load it would be gone through twenty times a second, for a tenth of the processor time. Lazy lets it grow to a goal first; above
// the goal Go's own pace holds.
//
//	defer heap.Lazy(heap.Goal)()
//	defer heap.Thrifty()()      // while a large import is read
//
// Invariants: a heap whose living part is above half the goal is collected as Go would; while anybody is thrifty, sooner than that.
package heap

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// Goal is how large the heap of a serving process may become before it is collected.
const Goal = 40 << 20

const (
	usual   = 100 // Go's own percentage: collect when the heap has doubled
	thrifty = 50
	most    = 1000
)

var (
	mu      sync.Mutex
	goal    uint64 // 0: as Go does
	savers  int
	present = usual
)

// Lazy lets the heap grow to the goal, in bytes, between two collections, until stop is called.
func Lazy(bytes uint64) (stop func()) {
	mu.Lock()
	defer mu.Unlock()
	goal = bytes
	runtime.SetFinalizer(&sentinel{}, (*sentinel).collected)
	adjust()
	return func() {
		mu.Lock()
		defer mu.Unlock()
		goal = 0
		adjust()
	}
}

// Thrifty makes the collector run more often until done is called: for work that fills the memory by itself.
func Thrifty() (done func()) {
	mu.Lock()
	defer mu.Unlock()
	savers++
	adjust()
	return sync.OnceFunc(func() {
		mu.Lock()
		defer mu.Unlock()
		savers--
		adjust()
	})
}

// sentinel is garbage from the beginning: its finalizer runs after every collection.
type sentinel struct{ _ [16]byte }

func (s *sentinel) collected() {
	mu.Lock()
	defer mu.Unlock()
	adjust()
	if goal > 0 {
		runtime.SetFinalizer(s, (*sentinel).collected)
	}
}

// adjust sets the percentage for what is alive now. Where the environment sets GOGC, that holds instead.
func adjust() {
	if os.Getenv("GOGC") != "" {
		return
	}
	want := usual
	switch {
	case savers > 0:
		want = thrifty
	case goal > 0:
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		want = percentage(goal, live[0].Value.Uint64())
	}
	if want != present {
		present = want
		debug.SetGCPercent(want)
	}
}

// percentage is how much of the living heap may be added until the goal is reached, in percent.
func percentage(goal, live uint64) int {
	if live == 0 {
		live = 1
	}
	if goal <= 2*live {
		return usual
	}
	return int(min(most, (goal-live)*100/live))
}
