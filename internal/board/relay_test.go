package board

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/cal"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/outbox"
	"jishan/internal/points"
	"jishan/internal/rdb"
)

// waiting are the events in the outbox, in no particular order.
func (w *world) waiting() (events []outbox.Event) {
	require.NoError(w.t, w.d.Read(context.Background(), func(tx db.Tx) (err error) {
		events, err = outbox.Take(tx, ledger.Topic, 0, 100_000)
		return err
	}))
	return events
}

// handle does what the relay does with events, without deleting them.
func (w *world) handle(events []outbox.Event) {
	for subject, ids := range read(events).touched {
		_, err := w.s.push(context.Background(), subject, ids, false)
		require.NoError(w.t, err)
	}
}

func (w *world) remove(events []outbox.Event) {
	require.NoError(w.t, w.d.Tx(context.Background(), func(tx db.Tx) error {
		_, err := outbox.Delete(tx, outbox.IDs(events))
		return err
	}))
}

// Whatever becomes of the news on its way, the boards end up equal to the scores.
func TestLostRepeatedAndReorderedNewsConverges(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis) {
		w := newWorld(t, r)
		w.tick()
		months := []cal.Month{202611, 202611, 202611, 202610, 202608, 202601, 202512, 202412}
		rapid.Check(t, func(t *rapid.T) {
			lost := false
			for range rapid.IntRange(1, 12).Draw(t, "steps") {
				v := rapid.SampledFrom(w.villages).Draw(t, "village").ID
				some := func() []outbox.Event {
					all := w.waiting()
					if len(all) == 0 {
						return nil
					}
					picked := rapid.SliceOfN(rapid.SampledFrom(all), 1, 4).Draw(t, "events")
					return slices.CompactFunc(picked, func(a, b outbox.Event) bool { return a.ID == b.ID })
				}
				switch rapid.SampledFrom([]string{"award", "award", "award", "assess", "handle", "remove unhandled", "repeat", "job"}).Draw(t, "step") {
				case "award":
					n := points.Amount(rapid.Int64Range(-300, 500).Filter(func(n int64) bool { return n != 0 }).Draw(t, "points"))
					w.award(rapid.SampledFrom(w.houses[v]).Draw(t, "household"), rapid.SampledFrom(months).Draw(t, "month"), n)
				case "assess":
					w.assess(v, rapid.SampledFrom(w.members[v]).Draw(t, "member"), rapid.SampledFrom(months).Draw(t, "month"), 50)
				case "handle": // crashed before deleting
					w.handle(some())
				case "remove unhandled":
					w.remove(some())
					lost = true
				case "repeat":
					require.NoError(t, w.d.Tx(context.Background(), func(tx db.Tx) error { return writeNews(tx, read(some()).touched) }))
				case "job":
					require.NoError(t, w.s.relay(context.Background()))
				}
			}
			require.NoError(t, w.s.relay(context.Background()))
			require.Empty(t, w.waiting())
			if lost { // no news of it will ever come: the comparison finds it
				for range w.villages {
					require.NoError(t, w.s.compareNext(context.Background()))
				}
			}
			found, err := w.s.differences(context.Background(), w.county, rapid.SampledFrom(Subjects(w.county.Kind)).Draw(t, "subject"))
			require.NoError(t, err)
			require.Empty(t, found)
		})
		w.clean(t)
	})
}

func TestNewsOfAnAwardMovesTheBoard(t *testing.T) {
	w := newWorld(t, open(t, conf.Redis{}))
	h := w.houses[w.villages[0].ID][0]
	w.tick()
	before := w.s.Stats()
	w.award(h, thisMonth, points.Whole(3))
	w.award(h, 202609, points.Whole(4))
	require.Empty(t, w.top(w.villages[0].ID, Household, always).Rows)
	n, age, err := w.s.Waiting(context.Background())
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	require.Positive(t, age)
	w.tick()
	require.EqualValues(t, points.Whole(7), w.top(w.villages[0].ID, Household, always).Rows[0].Score)
	require.EqualValues(t, points.Whole(3), w.top(w.villages[0].ID, Household, month(thisMonth)).Rows[0].Score)
	require.EqualValues(t, 2, w.s.Stats().Relayed-before.Relayed)
	n, _, err = w.s.Waiting(context.Background())
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestWakeNeverWaits(t *testing.T) {
	s := New(nil, nil, Options{})
	for range 100 {
		s.Wake()
	}
	<-s.Woken()
	select {
	case <-s.Woken():
		require.Fail(t, "many wake-ups are one")
	default:
	}
}

func TestNewsThatCannotBeReadIsDropped(t *testing.T) {
	w := newWorld(t, open(t, conf.Redis{}))
	require.NoError(t, w.d.Tx(context.Background(), func(tx db.Tx) error {
		for _, payload := range []any{"text", 7, []int{1}, map[string]any{"owners": []map[string]any{{"k": 99, "id": id.New()}, {"k": 1, "id": id.New()}}}} {
			if err := outbox.Write(tx, ledger.Topic, payload); err != nil {
				return err
			}
		}
		return nil
	}))
	w.award(w.houses[w.villages[0].ID][0], thisMonth, 100)
	w.tick()
	require.Empty(t, w.waiting())
	w.clean(t)
}

// A holder of the lease that was frozen between reading and writing has overwritten what its successor wrote and deleted: it
// notices that the news is gone and sends it once more.
func TestTwoRelaysAtOnceConverge(t *testing.T) {
	w := newWorld(t, open(t, conf.Redis{}))
	h := w.houses[w.villages[0].ID][0]
	w.tick()
	w.award(h, thisMonth, 100)
	stale := w.waiting()
	other := New(w.d, w.r, w.s.o)
	hook := &once{do: func() {
		// While the first is about to write 1 point, another award is booked and another process handles all the news.
		w.award(h, thisMonth, 100)
		require.NoError(t, other.relay(context.Background()))
		require.Empty(t, w.waiting())
	}}
	frozen := New(w.d, &rdb.Redis{UniversalClient: w.r.UniversalClient, Embedded: true}, w.s.o)
	w.r.AddHook(hook)
	hook.armed.Store(true)
	require.Len(t, stale, 1)
	require.NoError(t, frozen.relay(context.Background()))
	require.True(t, hook.done.Load())
	require.NotEmpty(t, w.waiting(), "sent once more")
	w.tick()
	require.Empty(t, w.waiting())
	w.clean(t)
	require.EqualValues(t, 200, w.top(w.villages[0].ID, Household, always).Rows[0].Score)
}

// once runs do before the first pipeline after it has been armed.
type once struct {
	armed, done atomic.Bool
	do          func()
}

func (o *once) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (o *once) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (o *once) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if o.armed.CompareAndSwap(true, false) {
			o.do()
			o.done.Store(true)
		}
		return next(ctx, cmds)
	}
}

// job runs Tick again and again, as the runner of jobs does, until the test ends or stop is called.
func (w *world) job() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			if err := w.s.Tick(ctx); err != nil && ctx.Err() == nil {
				w.t.Errorf("the job failed: %v", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			case <-w.s.Woken():
			}
		}
	})
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	w.t.Cleanup(stop)
	return stop
}

func TestFlushedInTheMiddleOfAwards(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis) {
		w := newWorld(t, r)
		ctx := context.Background()
		w.job()
		v := w.villages[0].ID
		for _, h := range w.houses[v] {
			w.award(h, thisMonth, 100)
		}
		require.Eventually(t, func() bool {
			p := w.top(v, Household, always)
			return p.Source == FromRedis && p.Total == 6
		}, 5*time.Second, 5*time.Millisecond)
		over, failed := make(chan struct{}), make(chan error, 16)
		var writers, readers sync.WaitGroup
		for i := range 4 {
			writers.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-over:
						return
					default:
					}
					h := w.houses[w.villages[i%2].ID][n%6]
					home := w.home[h]
					err := w.tryPost(ledger.Posting{Book: home, Asset: ledger.Points, Household: h, Person: w.persons[h][0],
						From: ledger.Issue(home, ledger.Points), To: ledger.Wallet(home, h)}, thisMonth, points.Amount(n%7+1))
					if err != nil {
						failed <- err
						return
					}
					w.s.Wake()
				}
			})
		}
		readers.Go(func() { // no read ever fails, and none forgets a household
			for {
				select {
				case <-over:
					return
				default:
				}
				p, err := w.s.Top(ctx, Query{Scope: v, Subject: Household, Period: always})
				if err == nil && p.Total != 6 {
					err = errors.New("a household is missing on a board read from " + string(p.Source))
				}
				if err != nil {
					failed <- err
					return
				}
			}
		})
		for range 2 {
			time.Sleep(600 * time.Millisecond)
			require.Eventually(t, func() bool { return r.FlushDB(ctx).Err() == nil }, 5*time.Second, 10*time.Millisecond)
		}
		time.Sleep(300 * time.Millisecond)
		close(over)
		writers.Wait()
		readers.Wait()
		close(failed)
		for err := range failed {
			require.NoError(t, err)
		}
		require.Eventually(t, func() bool {
			p, err := w.s.Top(ctx, Query{Scope: v, Subject: Household, Period: always})
			n, _, err2 := w.s.Waiting(ctx)
			return err == nil && err2 == nil && p.Source == FromRedis && n == 0
		}, 5*time.Second, 20*time.Millisecond, "without a command")
		report, err := w.s.Verify(ctx)
		require.NoError(t, err)
		require.Empty(t, report.Differences)
		require.Empty(t, report.Away)
		require.Positive(t, report.Boards)
		require.Positive(t, w.s.Stats().FromLedger, "while Redis was empty the database answered")
	})
}

func TestRedisStopped(t *testing.T) {
	server, r := stoppable(t)
	w := newWorld(t, r)
	ctx := context.Background()
	v, h := w.villages[0].ID, w.houses[w.villages[0].ID]
	w.award(h[0], thisMonth, 100)
	w.tick()
	require.Equal(t, FromRedis, w.top(v, Household, always).Source)

	server.Close()
	w.award(h[1], thisMonth, 300)
	w.tick() // no error: the news waits
	w.tick()
	require.Len(t, w.waiting(), 1)
	p := w.top(v, Household, always)
	require.Equal(t, FromLedger, p.Source)
	require.EqualValues(t, 300, p.Rows[0].Score)
	require.Equal(t, 2, p.Total)
	around, err := w.s.Around(ctx, Query{Scope: v, Subject: Household, Period: month(thisMonth)}, h[0], 5)
	require.NoError(t, err)
	require.True(t, around.Found)
	require.Len(t, around.Rows, 2)
	report, err := w.s.Verify(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, report.Away)
	require.Empty(t, report.Differences)

	// It comes back with what it had: the news that waited is handled.
	require.NoError(t, server.Restart())
	begin := time.Now()
	require.Eventually(t, func() bool { w.tick(); return w.top(v, Household, always).Source == FromRedis && len(w.waiting()) == 0 },
		10*time.Second, 20*time.Millisecond)
	require.EqualValues(t, 300, w.top(v, Household, always).Rows[0].Score)
	w.clean(t)

	// It comes back empty: the boards are complete again within seconds.
	server.Close()
	server.FlushAll()
	w.award(h[2], thisMonth, 500)
	w.tick()
	require.NoError(t, server.Restart())
	require.Eventually(t, func() bool { w.tick(); return w.top(v, Household, always).Source == FromRedis },
		10*time.Second, 20*time.Millisecond)
	require.EqualValues(t, 500, w.top(v, Household, always).Rows[0].Score)
	w.clean(t)
	require.Less(t, time.Since(begin), 10*time.Second)
}
