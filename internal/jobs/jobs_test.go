package jobs_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/jobs"
	"jishan/internal/testkit"
)

const wait = 10 * time.Second

func run(t *testing.T, d *db.DB, o jobs.Options, list ...jobs.Job) *jobs.Runner {
	t.Helper()
	r := jobs.New(d, o, list...)
	r.Start()
	t.Cleanup(func() { stop(t, r) })
	return r
}

func stop(t *testing.T, r *jobs.Runner) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	require.NoError(t, r.Stop(ctx))
}

func eventually(t *testing.T, ok func() bool, text string) {
	t.Helper()
	require.Eventually(t, ok, wait, 5*time.Millisecond, text)
}

func receive(t *testing.T, c <-chan struct{}, text string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(wait):
		require.Fail(t, text)
	}
}

// counting is a job that counts its runs.
func counting(name string, n *atomic.Int64) jobs.Job {
	return jobs.Job{Name: name, Every: 5 * time.Millisecond, Run: func(context.Context) error { n.Add(1); return nil }}
}

func TestOneProcessAtATimeAndStopHandsOver(t *testing.T) {
	dsn := testkit.DSN(t)
	var inside, most atomic.Int64
	ran := make([]atomic.Int64, 4)
	runners := make([]*jobs.Runner, len(ran))
	for i := range runners {
		runners[i] = run(t, testkit.Reopen(t, dsn, nil), jobs.Options{TTL: 3 * time.Second}, jobs.Job{
			Name: "boards", Every: 2 * time.Millisecond, Run: func(ctx context.Context) error {
				if n := inside.Add(1); n > most.Load() {
					most.Store(n)
				}
				<-time.After(time.Millisecond)
				ran[i].Add(1)
				inside.Add(-1)
				return nil
			}})
	}
	total := func() (n int64) {
		for i := range ran {
			n += ran[i].Load()
		}
		return n
	}
	for range runners {
		before := total()
		eventually(t, func() bool { return total() > before+5 }, "somebody runs the job")
		leader := -1
		for i, r := range runners {
			if r != nil && r.Status()[0].Held {
				require.Equal(t, -1, leader, "only one holds the lease")
				leader = i
			}
		}
		require.NotEqual(t, -1, leader)
		stop(t, runners[leader])
		require.False(t, runners[leader].Status()[0].Held)
		runners[leader] = nil
	}
	require.EqualValues(t, 1, most.Load())
	for i := range ran {
		require.Positive(t, ran[i].Load(), "each had its turn")
	}
}

func TestLeaseOfTheDeadRunsOut(t *testing.T) {
	d, ctx := testkit.DB(t), context.Background()
	until := d.Now().Add(1500 * time.Millisecond)
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
		return tx.Exec("INSERT INTO leases (name, holder, until_at) VALUES ('boards', 'dead/1/x', ?)", until.UnixMilli()).Error
	}))
	first := make(chan time.Time, 1)
	run(t, d, jobs.Options{TTL: time.Second}, jobs.Job{Name: "boards", Every: time.Hour, Run: func(context.Context) error {
		first <- time.Now()
		return nil
	}})
	select {
	case at := <-first:
		require.False(t, at.Before(until), "not before the lease has run out")
	case <-time.After(wait):
		require.Fail(t, "the job never ran")
	}
	require.NoError(t, d.Read(ctx, func(tx db.Tx) error {
		list, err := jobs.Leases(tx)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, "boards", list[0].Job)
		require.NotEqual(t, "dead/1/x", list[0].Holder)
		require.True(t, list[0].Until.After(until))
		return nil
	}))
}

func TestSoleProcessDoesNotWaitForTheDead(t *testing.T) {
	d, ctx := testkit.DB(t), context.Background()
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
		return tx.Exec("INSERT INTO leases (name, holder, until_at) VALUES ('boards', 'dead/1/x', ?)", d.Now().Add(20*time.Second).UnixMilli()).Error
	}))
	var n atomic.Int64
	run(t, d, jobs.Options{Sole: true}, counting("boards", &n))
	eventually(t, func() bool { return n.Load() > 0 }, "taken over at once")
}

// A process whose clock was a day ahead took the lease and died: nobody waits until tomorrow.
func TestLeaseFromTheFutureIsOver(t *testing.T) {
	d, ctx := testkit.DB(t), context.Background()
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
		return tx.Exec("INSERT INTO leases (name, holder, until_at) VALUES ('boards', 'dead/1/x', ?)", d.Now().Add(24*time.Hour).UnixMilli()).Error
	}))
	var n atomic.Int64
	run(t, d, jobs.Options{}, counting("boards", &n))
	eventually(t, func() bool { return n.Load() > 0 }, "taken over although it ends tomorrow")
}

func TestJobIsToldThatItsLeaseIsGone(t *testing.T) {
	d := testkit.DB(t)
	began, ended := make(chan struct{}, 10), make(chan struct{}, 10)
	run(t, d, jobs.Options{TTL: time.Second}, jobs.Job{Name: "boards", Every: time.Hour, Run: func(ctx context.Context) error {
		began <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return ctx.Err()
	}})
	receive(t, began, "the job runs")
	require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) error {
		return tx.Exec("UPDATE leases SET holder = 'other/1/x', until_at = ?", d.Now().Add(1900*time.Millisecond).UnixMilli()).Error
	}))
	receive(t, ended, "the context ends when another process holds the lease")
}

func TestJobEndsWhenTheDatabaseIsGone(t *testing.T) {
	d := testkit.DB(t)
	began, ended := make(chan struct{}, 10), make(chan struct{}, 10)
	run(t, d, jobs.Options{TTL: 500 * time.Millisecond}, jobs.Job{Name: "boards", Every: time.Hour, Run: func(ctx context.Context) error {
		began <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return ctx.Err()
	}})
	receive(t, began, "the job runs")
	require.NoError(t, d.Close())
	receive(t, ended, "without the database nobody can know who holds the lease")
}

func TestLongRunKeepsItsLease(t *testing.T) {
	dsn := testkit.DSN(t)
	release := make(chan struct{})
	var first, second atomic.Int64
	a := run(t, testkit.Reopen(t, dsn, nil), jobs.Options{TTL: 600 * time.Millisecond}, jobs.Job{Name: "boards", Every: time.Hour, Run: func(ctx context.Context) error {
		first.Add(1)
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}})
	eventually(t, func() bool { return first.Load() == 1 }, "the first has it")
	run(t, testkit.Reopen(t, dsn, nil), jobs.Options{TTL: 600 * time.Millisecond}, counting("boards", &second))
	require.Never(t, func() bool { return second.Load() > 0 }, 2*time.Second, 20*time.Millisecond, "the lease is renewed while the job runs")
	close(release)
	eventually(t, func() bool { return a.Status()[0].Runs == 1 }, "the run ends well")
	require.NoError(t, a.Status()[0].LastErr)
}

func TestPanicAndErrorAreCountedAndTriedAgain(t *testing.T) {
	var n, other atomic.Int64
	observed := make(chan error, 100)
	o := jobs.Options{Observe: func(job string, took time.Duration, err error) {
		if job == "bad" {
			observed <- err
		}
	}}
	oops := errors.New("oops")
	r := run(t, testkit.DB(t), o, counting("good", &other), jobs.Job{Name: "bad", Every: time.Millisecond, MaxBackoff: 20 * time.Millisecond, Run: func(context.Context) error {
		switch n.Add(1) {
		case 1:
			panic("a bug")
		case 2:
			return oops
		}
		return nil
	}})
	require.ErrorContains(t, <-observed, "a bug")
	require.ErrorIs(t, <-observed, oops)
	require.NoError(t, <-observed)
	eventually(t, func() bool { return r.Status()[1].Runs >= 3 && r.Status()[1].Failures == 0 }, "failures are over")
	before := other.Load()
	eventually(t, func() bool { return other.Load() > before }, "the other job does not mind")
}

func TestWakeAndRest(t *testing.T) {
	wake := make(chan struct{}, 1)
	var n atomic.Int64
	run(t, testkit.DB(t), jobs.Options{}, jobs.Job{Name: "boards", Every: time.Hour, Rest: 50 * time.Millisecond, Wake: wake,
		Run: func(context.Context) error { n.Add(1); return nil }})
	eventually(t, func() bool { return n.Load() == 1 }, "runs at the beginning")
	begin := time.Now()
	for time.Since(begin) < 500*time.Millisecond {
		select {
		case wake <- struct{}{}:
		default:
		}
		time.Sleep(time.Millisecond)
	}
	require.Greater(t, n.Load(), int64(1), "woken long before its interval")
	require.LessOrEqual(t, n.Load(), int64(12), "five hundred wake-ups became a run every fifty milliseconds")
}

func TestTimeoutOfARun(t *testing.T) {
	r := run(t, testkit.DB(t), jobs.Options{}, jobs.Job{Name: "slow", Every: time.Hour, Timeout: 10 * time.Millisecond,
		Run: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }})
	eventually(t, func() bool { return r.Status()[0].Runs > 0 }, "the run ends")
	require.ErrorIs(t, r.Status()[0].LastErr, context.DeadlineExceeded)
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	release, began := make(chan struct{}), make(chan struct{})
	r := jobs.New(testkit.DB(t), jobs.Options{}, jobs.Job{Name: "deaf", Every: time.Hour, Run: func(context.Context) error {
		close(began)
		<-release
		return nil
	}})
	r.Start()
	<-began
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, r.Stop(ctx), context.DeadlineExceeded)
	close(release)
	stop(t, r)
}
