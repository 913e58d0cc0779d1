package batch_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/db/batch"
	"jishan/internal/errs"
)

var ctx = context.Background()

func double(_ context.Context, in []int) []batch.Result[int] {
	out := make([]batch.Result[int], len(in))
	for i, x := range in {
		out[i].Value = 2 * x
	}
	return out
}

func TestEverySubmitterGetsItsOwnResult(t *testing.T) {
	var runs atomic.Int64
	l := batch.New(batch.Options{Max: 64}, func(c context.Context, in []int) []batch.Result[int] {
		runs.Add(1)
		require.LessOrEqual(t, len(in), 64)
		return double(c, in)
	})
	var wg sync.WaitGroup
	for i := range 2000 {
		wg.Go(func() {
			got, err := l.Submit(ctx, i)
			require.NoError(t, err)
			require.Equal(t, 2*i, got)
		})
	}
	wg.Wait()
	require.Less(t, runs.Load(), int64(2000)) // they were gathered
	l.Close()
	_, err := l.Submit(ctx, 1)
	require.ErrorIs(t, err, batch.ErrClosed)
	require.ErrorIs(t, err, errs.ErrUnavailable)
}

// What waits when the lane is closed is still done; what does not fit the queue is shed at once.
func TestCloseFinishesAndFullQueueSheds(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	l := batch.New(batch.Options{Max: 1, Queue: 1}, func(c context.Context, in []int) []batch.Result[int] {
		if in[0] == 1 {
			close(begun)
		}
		<-release
		return double(c, in)
	})
	var wg sync.WaitGroup
	submit := func(x int) {
		wg.Go(func() {
			got, err := l.Submit(ctx, x)
			require.NoError(t, err)
			require.Equal(t, 2*x, got)
		})
	}
	submit(1)
	<-begun
	submit(2)
	for l.Waiting() == 0 {
		runtime.Gosched()
	}
	_, err := l.Submit(ctx, 3)
	require.ErrorIs(t, err, errs.ErrUnavailable)
	require.Positive(t, errs.From(err).RetryAfter)
	go l.Close()
	close(release)
	wg.Wait()
	l.Close()
}

func TestWhoLeftBeforeTheRunIsNotRun(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	var seen atomic.Int64
	l := batch.New(batch.Options{}, func(c context.Context, in []int) []batch.Result[int] {
		for _, x := range in {
			if x == 2 {
				seen.Add(1)
			}
		}
		if in[0] == 1 {
			close(begun)
			<-release
		}
		return double(c, in)
	})
	go func() { _, _ = l.Submit(ctx, 1) }()
	<-begun
	left, cancel := context.WithCancel(ctx)
	done := make(chan error)
	go func() {
		_, err := l.Submit(left, 2)
		done <- err
	}()
	for l.Waiting() == 0 {
		runtime.Gosched()
	}
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	close(release)
	l.Close()
	require.Zero(t, seen.Load())
}

func TestAPanicOrAMiscountIsAnErrorForAll(t *testing.T) {
	for name, run := range map[string]func(context.Context, []int) []batch.Result[int]{
		"panic":    func(context.Context, []int) []batch.Result[int] { panic("broken") },
		"miscount": func(context.Context, []int) []batch.Result[int] { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			l := batch.New(batch.Options{}, run)
			defer l.Close()
			_, err := l.Submit(ctx, 1)
			require.Error(t, err)
			require.Equal(t, errs.ErrInternal, errs.From(err).Code)
		})
	}
}

// One item that cannot be written fails alone, wherever it stands.
func TestBisectIsolatesTheCulprit(t *testing.T) {
	bad := errors.New("cannot be written")
	for culprit := range 9 {
		items := []int{0, 1, 2, 3, 4, 5, 6, 7, 8}
		out := batch.Bisect(ctx, items, func(c context.Context, in []int) ([]batch.Result[int], error) {
			for _, x := range in {
				if x == culprit {
					return nil, bad
				}
			}
			return double(c, in), nil
		})
		require.Len(t, out, 9)
		for i, r := range out {
			if i == culprit {
				require.ErrorIs(t, r.Err, bad)
			} else {
				require.NoError(t, r.Err)
				require.Equal(t, 2*i, r.Value)
			}
		}
	}
}

// A run that calls Next has one other beside it, never two; without the call they follow each other.
func TestNextLetsOneMoreRunBegin(t *testing.T) {
	for _, ahead := range []bool{false, true} {
		var inside, most atomic.Int64
		l := batch.New(batch.Options{Max: 1}, func(c context.Context, in []int) []batch.Result[int] {
			n := inside.Add(1)
			defer inside.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			if ahead {
				batch.Next(c)
				batch.Next(c)
			}
			time.Sleep(2 * time.Millisecond)
			return double(c, in)
		})
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				got, err := l.Submit(ctx, i)
				require.NoError(t, err)
				require.Equal(t, 2*i, got)
			})
		}
		wg.Wait()
		l.Close()
		want := int64(1)
		if ahead {
			want = 2
		}
		require.Equal(t, want, most.Load())
	}
	batch.Next(context.Background())
}

// What begins beside a run that still writes is as large as that one, unless that one ends first.
func TestARunBesideAnotherIsNoSmaller(t *testing.T) {
	began, write := make(chan []int), make(chan struct{})
	l := batch.New(batch.Options{}, func(c context.Context, in []int) []batch.Result[int] {
		if in[0] != 0 {
			batch.Next(c)
		}
		began <- in
		<-write
		return double(c, in)
	})
	var wg sync.WaitGroup
	submit := func(i int) {
		before := l.Waiting()
		wg.Go(func() {
			got, err := l.Submit(ctx, i)
			require.NoError(t, err)
			require.Equal(t, 2*i, got)
		})
		if i == 1 || i == 2 || i == 3 { // behind the first run, so that they make one
			require.Eventually(t, func() bool { return l.Waiting() > before }, time.Second, time.Millisecond)
		}
	}
	submit(0)
	require.Len(t, <-began, 1)
	submit(1)
	submit(2)
	submit(3)
	write <- struct{}{} // the first is over
	require.Len(t, <-began, 3)
	submit(4)
	submit(5)
	select {
	case in := <-began:
		t.Fatalf("%d began beside a run of three", len(in))
	case <-time.After(50 * time.Millisecond):
	}
	submit(6)
	require.Len(t, <-began, 3, "as many as the run beside it")
	write <- struct{}{} // one of the two
	submit(7)
	write <- struct{}{}
	require.Len(t, <-began, 1, "nothing is beside it any more")
	write <- struct{}{}
	wg.Wait()
	l.Close()
}
