// Package batch gathers concurrent single requests into one unit of work.
//
// A Lane runs a function on whatever has queued up while the previous run was
// busy: no timer, so a lone request waits for nobody, and a burst of single
// requests costs little more than one. Each submitter gets its own result.
// Where a run has decided and only writes any more, it may let the next one
// begin: see Next.
//
//	lane := batch.New(batch.Options{Max: 256}, func(ctx context.Context, in []Order) []batch.Result[Outcome] { … })
//	out, err := lane.Submit(ctx, order)
//
// Invariants: a result is delivered only after the run that produced it has
// returned; an item taken into a run is run to the end even if its submitter
// has gone; after Close no item is left waiting.
package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"jishan/internal/errs"
)

// Result is what became of one item.
type Result[R any] struct {
	Value R
	Err   error
}

// Options bound a lane.
type Options struct {
	Max     int           // items in one run; 0 = 256
	Queue   int           // items that may wait; beyond it Submit sheds with errs.ErrUnavailable; 0 = 4096
	Timeout time.Duration // of one run; 0 = 30 s
}

// ErrClosed is returned by Submit after Close.
var ErrClosed = errors.New("batch: lane is closed")

// Lane is a queue with its workers.
type Lane[T, R any] struct {
	o     Options
	run   func(context.Context, []T) []Result[R]
	queue chan *item[T, R]
	turn  chan struct{}           // full while somebody gathers, or runs and has not let the next one begin
	under atomic.Pointer[running] // the run that let the next one begin and is not over
	stop  chan struct{}
	once  sync.Once
	wg    sync.WaitGroup
	mu    sync.RWMutex // guards closed against a send after the last drain
	shut  bool
}

type item[T, R any] struct {
	ctx  context.Context
	in   T
	done chan Result[R]
}

// New starts the workers. run must return exactly one result per item, in order.
func New[T, R any](o Options, run func(context.Context, []T) []Result[R]) *Lane[T, R] {
	if o.Max == 0 {
		o.Max = 256
	}
	if o.Queue == 0 {
		o.Queue = 4096
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	l := &Lane[T, R]{o: o, run: run, queue: make(chan *item[T, R], o.Queue), turn: make(chan struct{}, 1), stop: make(chan struct{})}
	for range 2 {
		l.wg.Go(l.work)
	}
	return l
}

// Submit queues the item and waits for its result. If ctx ends first, the item may still be done: ask again with the
// same idempotency key.
func (l *Lane[T, R]) Submit(ctx context.Context, in T) (R, error) {
	var zero R
	it := &item[T, R]{ctx: ctx, in: in, done: make(chan Result[R], 1)}
	l.mu.RLock()
	if l.shut {
		l.mu.RUnlock()
		return zero, errs.ErrUnavailable.Wrap(ErrClosed)
	}
	select {
	case l.queue <- it:
		l.mu.RUnlock()
	default:
		l.mu.RUnlock()
		return zero, errs.ErrUnavailable.Wrap(errors.New("batch: queue is full")).After(time.Second)
	}
	select {
	case r := <-it.done:
		return r.Value, r.Err
	case <-ctx.Done():
		return zero, fmt.Errorf("waiting for the batch: %w", ctx.Err())
	}
}

// Waiting is the number of queued items, for metrics.
func (l *Lane[T, R]) Waiting() int { return len(l.queue) }

// Close finishes what is queued and stops the workers.
func (l *Lane[T, R]) Close() {
	l.once.Do(func() {
		l.mu.Lock()
		l.shut = true
		l.mu.Unlock()
		close(l.stop)
	})
	l.wg.Wait()
}

func (l *Lane[T, R]) work() {
	for l.takeTurn() {
	}
}

// takeTurn gathers and runs once; false when the lane is closed and empty.
func (l *Lane[T, R]) takeTurn() bool {
	l.turn <- struct{}{}
	r := &running{over: make(chan struct{})}
	over := sync.OnceFunc(func() {
		l.under.Store(r)
		<-l.turn
	})
	defer func() {
		over()
		l.under.CompareAndSwap(r, nil)
		close(r.over)
	}()
	var first *item[T, R]
	select {
	case first = <-l.queue:
	case <-l.stop:
		select {
		case first = <-l.queue:
		default:
			return false
		}
	}
	l.do(first, over, r)
	return true
}

// running is a run under way.
type running struct {
	items int
	over  chan struct{}
}

type nextKey struct{}

// Next, called with the context of a run, lets the lane's next run begin beside the rest of this one; at most two are under way.
// It is for the moment when a run has decided and what is left is waiting for a database: the next one then reads while this
// one writes. Whatever the two share must be locked by then, or be locked by both in the same order. Outside of a run it does nothing.
func Next(ctx context.Context) {
	if over, ok := ctx.Value(nextKey{}).(func()); ok {
		over()
	}
}

// do runs first and everything that waits behind it.
func (l *Lane[T, R]) do(first *item[T, R], over func(), r *running) {
	runtime.Gosched() // whoever is ready to submit does so now: fuller runs at no wait
	items := l.keep(nil, first)
	other := l.under.Load()
	for len(items) < l.o.Max {
		select {
		case it := <-l.queue:
			items = l.keep(items, it)
			continue
		default:
		}
		if other == nil || len(items) >= other.items {
			break
		}
		// The other run still writes, and was larger: what begins now would be small, and cost as much.
		select {
		case it := <-l.queue:
			items = l.keep(items, it)
		case <-other.over:
			other = nil
		}
	}
	r.items = len(items)
	if len(items) == 0 {
		return
	}
	in := make([]T, len(items))
	for i, it := range items {
		in[i] = it.in
	}
	out := l.safely(in, over)
	for i, it := range items {
		it.done <- out[i]
	}
}

// keep drops an item whose submitter left before it began.
func (l *Lane[T, R]) keep(items []*item[T, R], it *item[T, R]) []*item[T, R] {
	if err := it.ctx.Err(); err != nil {
		it.done <- Result[R]{Err: err}
		return items
	}
	return append(items, it)
}

func (l *Lane[T, R]) safely(in []T, over func()) (out []Result[R]) {
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), nextKey{}, over), l.o.Timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			out = failed[R](len(in), fmt.Errorf("batch: run panicked: %v", p))
		}
	}()
	out = l.run(ctx, in)
	if len(out) != len(in) {
		out = failed[R](len(in), fmt.Errorf("batch: run returned %d results for %d items", len(out), len(in)))
	}
	return out
}

func failed[R any](n int, err error) []Result[R] {
	out := make([]Result[R], n)
	for i := range out {
		out[i].Err = err
	}
	return out
}
