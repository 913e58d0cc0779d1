package board

import (
	"context"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/outbox"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rdb"
)

// awarded is a world where everybody has some score.
func awarded(t testing.TB, r *rdb.Redis) *world {
	w := newWorld(t, r)
	for i, v := range w.villages {
		for j, h := range w.houses[v.ID] {
			w.award(h, thisMonth, points.Amount(100*(i+j+1)))
			w.award(h, 202610, points.Amount(100*(i+j+2)))
		}
		w.assess(v.ID, w.members[v.ID][0], thisMonth, 100)
	}
	w.tick()
	w.clean(t)
	return w
}

func TestRebuildByCommand(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis) {
		w := awarded(t, r)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		spoil := func(scope id.ID) {
			require.NoError(t, r.ZAdd(ctx, w.s.key(scope, Household, always), redis.Z{Score: 1e6, Member: id.New().String()},
				redis.Z{Score: 7, Member: w.houses[w.villages[0].ID][0].String()}, redis.Z{Score: 7, Member: "nonsense"}).Err())
		}
		spoil(w.township.ID)
		w.s.state.compared = time.Now() // the comparison must not come before
		w.job()
		require.NoError(t, w.s.Rebuild(ctx, w.township.ID))
		w.clean(t)
		spoil(w.county.ID)
		spoil(w.villages[1].ID)
		require.NoError(t, w.s.Rebuild(ctx))
		w.clean(t)
		require.ErrorIs(t, w.s.Rebuild(ctx, id.New()), errs.ErrNotFound)
	})
}

func TestRebuildWaitsForSomebodyToDoIt(t *testing.T) {
	w := newWorld(t, open(t, conf.Redis{}))
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, w.s.Rebuild(ctx), context.DeadlineExceeded)
	other := New(w.d, w.r, w.s.o) // another process takes it up later
	require.NoError(t, other.Tick(context.Background()))
	require.NoError(t, w.d.Read(context.Background(), func(tx db.Tx) error {
		n, _, err := outbox.Waiting(tx, rebuildTopic)
		require.Zero(t, n)
		return err
	}))
}

func TestOnlyLostScopesAreFilled(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis) {
		w := awarded(t, r)
		ctx := context.Background()
		v := w.villages[0].ID
		before := w.s.Stats().Rebuilt
		require.NoError(t, r.Del(ctx, w.s.marker(v), w.s.key(v, Household, always), w.s.key(v, Person, month(thisMonth))).Err())
		require.Equal(t, FromLedger, w.top(v, Household, always).Source)
		require.Equal(t, FromRedis, w.top(w.villages[1].ID, Household, always).Source)
		w.s.state.watched = time.Time{}
		w.tick()
		require.Equal(t, FromRedis, w.top(v, Household, always).Source)
		require.EqualValues(t, 1, w.s.Stats().Rebuilt-before)
		w.clean(t)
	})
}

// Redis is lost again while the boards are being filled: the marker must not be set on half of them.
func TestLostWhileBeingFilled(t *testing.T) {
	w := awarded(t, open(t, conf.Redis{}))
	ctx := context.Background()
	require.NoError(t, w.r.FlushDB(ctx).Err())
	hook := &flushBefore{key: w.s.key(w.villages[1].ID, Household, always), do: func() { require.NoError(t, w.r.FlushDB(ctx).Err()) }}
	w.r.AddHook(hook)
	w.s.state.watched = time.Time{}
	w.tick()
	require.True(t, hook.done)
	require.Equal(t, FromLedger, w.top(w.villages[0].ID, Household, always).Source, "what was filled before is lost, and no marker says otherwise")
	w.s.state.watched = time.Time{}
	w.tick()
	require.Equal(t, FromRedis, w.top(w.villages[0].ID, Household, always).Source)
	w.clean(t)
}

// A filling that Redis has interrupted goes on where it was, and does not begin anew for ever on a busy machine.
func TestFillingIsTakenUpWhereItWas(t *testing.T) {
	w := awarded(t, open(t, conf.Redis{}))
	ctx := context.Background()
	require.NoError(t, w.r.FlushDB(ctx).Err())
	hook := &failing{writes: map[string]int{}}
	w.r.AddHook(hook)
	w.s.state.watched, w.s.state.compared = time.Time{}, time.Now()
	first, last := w.villages[0].ID, w.villages[1].ID // villages are filled in the order of their keys
	if first > last {
		first, last = last, first
	}
	hook.key.Store(w.s.key(last, Household, always))
	w.tick()
	require.True(t, w.s.state.away)
	require.Equal(t, FromLedger, w.top(first, Household, always).Source)
	require.Equal(t, map[id.ID]bool{first: true}, w.s.state.filling.done)
	key := w.s.key(first, Household, always)
	before := hook.count(key)
	require.Positive(t, before)
	hook.key.Store("")
	require.Eventually(t, func() bool { w.tick(); return !w.s.state.away }, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, before, hook.count(key), "the village that was done is not written again")
	require.Equal(t, FromRedis, w.top(first, Household, always).Source)
	w.clean(t)
}

// failing answers pipelines that write to key as a Redis does that takes too long.
type failing struct {
	key    atomic.Value
	mu     sync.Mutex
	writes map[string]int
}

func (f *failing) count(key string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes[key]
}

func (f *failing) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (f *failing) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (f *failing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, c := range cmds {
			if c.Name() != "zadd" {
				continue
			}
			key := c.Args()[1].(string)
			f.mu.Lock()
			f.writes[key]++
			f.mu.Unlock()
			if key == f.key.Load() {
				return os.ErrDeadlineExceeded
			}
		}
		return next(ctx, cmds)
	}
}

// flushBefore runs do once, before the pipeline that first writes to key.
type flushBefore struct {
	key  string
	do   func()
	done bool
}

func (f *flushBefore) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (f *flushBefore) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (f *flushBefore) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, c := range cmds {
			if !f.done && c.Name() == "zadd" && c.Args()[1] == f.key {
				f.done = true
				f.do()
			}
		}
		return next(ctx, cmds)
	}
}

func TestHouseholdsThatMove(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis) {
		w := awarded(t, r)
		a, b := w.villages[0], w.villages[1]
		on := func(scope id.ID, h id.ID) bool {
			p, err := w.s.Around(context.Background(), Query{Scope: scope, Subject: Household, Period: always}, h, 0)
			require.NoError(t, err)
			require.Equal(t, FromRedis, p.Source)
			return p.Found
		}
		compare := func() {
			for range w.villages {
				require.NoError(t, w.s.compareNext(context.Background()))
			}
			require.NoError(t, w.s.refreshAverages(context.Background()))
			w.clean(t)
		}
		group, away, elsewhere := w.houses[a.ID][0], w.houses[a.ID][1], w.houses[a.ID][2]
		w.exec("UPDATE households SET group_id = ? WHERE id = ?", w.groups[a.ID][1].ID, group)
		w.exec("UPDATE households SET state = 2 WHERE id = ?", away)
		w.exec("UPDATE households SET village_id = ?, group_id = ? WHERE id = ?", b.ID, w.groups[b.ID][0].ID, elsewhere)
		w.exec("UPDATE villagers SET village_id = ? WHERE household_id = ?", b.ID, elsewhere)
		compare()
		require.False(t, on(w.groups[a.ID][0].ID, group))
		require.True(t, on(w.groups[a.ID][1].ID, group))
		require.True(t, on(a.ID, group))
		for _, scope := range []id.ID{w.groups[a.ID][0].ID, a.ID, w.township.ID, w.county.ID} {
			require.False(t, on(scope, away))
		}
		require.False(t, on(a.ID, elsewhere))
		require.True(t, on(b.ID, elsewhere))
		require.True(t, on(w.township.ID, elsewhere))
		require.Positive(t, w.s.Stats().Mended)
		// It comes back.
		w.exec("UPDATE households SET state = 1 WHERE id = ?", away)
		compare()
		require.True(t, on(w.county.ID, away))
	})
}

// Whoever changes households may say so, and the boards follow at once.
func TestNewsOfAVillage(t *testing.T) {
	w := awarded(t, open(t, conf.Redis{}))
	v := w.villages[0]
	h := w.houses[v.ID][0]
	require.NoError(t, w.d.Tx(context.Background(), func(tx db.Tx) error {
		if err := tx.Exec("UPDATE households SET state = 2 WHERE id = ?", h).Error; err != nil {
			return err
		}
		return outbox.Write(tx, ledger.Topic, ledger.Changed{Village: v.ID})
	}))
	w.s.state.compared = time.Now()
	w.tick()
	w.clean(t)
	require.Len(t, w.top(v.ID, Household, always).Rows, 5)
}

func TestAveragesFollowTheirDivisors(t *testing.T) {
	w := awarded(t, open(t, conf.Redis{}))
	v := w.villages[0]
	average := func() points.Amount {
		for _, r := range w.top(w.township.ID, Village, month(thisMonth)).Rows {
			if r.ID == v.ID {
				return r.Score
			}
		}
		return -1
	}
	require.EqualValues(t, 350, average()) // 21 points in six households
	w.household(v, w.groups[v.ID][0], "新来的")
	w.s.state.averaged = time.Time{}
	w.tick()
	require.EqualValues(t, 300, average())
	w.clean(t)
	// Exemptions begin and end with the day.
	w.exec("INSERT INTO party_exemptions (id, member_id, reason, note, evidence, from_day, to_day, approved_by, approved_name, created_at) VALUES (1, ?, 1, '', '', 20261124, 20261130, 0, '', 0)", w.members[v.ID][2])
	require.EqualValues(t, 33, w.top(v.ID, Branch, always).Rows[0].Score)
	w.clock.Add(24 * time.Hour)
	w.tick()
	require.EqualValues(t, 50, w.top(v.ID, Branch, always).Rows[0].Score)
	w.clean(t)
}

func TestNewRegionGetsItsBoards(t *testing.T) {
	w := awarded(t, open(t, conf.Redis{}))
	v := w.villages[0]
	g := w.region(v.ID, people.Group, v.Code+"09", "9组")
	h := w.household(v, g, "田七")
	w.award(h, thisMonth, 100)
	require.Equal(t, FromLedger, w.top(g.ID, Household, always).Source)
	w.s.state.watched = time.Time{}
	w.tick()
	p := w.top(g.ID, Household, always)
	require.Equal(t, FromRedis, p.Source)
	require.Len(t, p.Rows, 1)
}

func TestVerifyTellsWhichBoardDiffers(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis) {
		w := awarded(t, r)
		ctx := context.Background()
		group := w.groups[w.villages[1].ID][0]
		require.NoError(t, r.ZIncrBy(ctx, w.s.key(group.ID, Household, month(thisMonth)), 1, w.houses[group.ID][0].String()).Err())
		found, err := w.s.differences(ctx, group, Household)
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Contains(t, found[0], "1组 2026年11月 家庭榜")
		require.NoError(t, r.ZRem(ctx, w.s.key(group.ID, Household, month(thisMonth)), w.houses[group.ID][0].String()).Err())
		found, err = w.s.differences(ctx, group, Household)
		require.NoError(t, err)
		require.Contains(t, found[0], "应为 3 行")
		require.NoError(t, r.Del(ctx, w.s.marker(w.township.ID)).Err())
		found, err = w.s.differences(ctx, w.township, Household)
		require.NoError(t, err)
		require.Contains(t, found[0], "还没有建好")
	})
}

func TestKeysOfAScopeShareASlotAndDoNotLiveForEver(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis) {
		w := awarded(t, r)
		ctx := context.Background()
		keys, err := r.Keys(ctx, w.s.o.Prefix+"*").Result()
		require.NoError(t, err)
		require.NotEmpty(t, keys)
		for _, k := range keys {
			tag, _, ok := strings.Cut(strings.TrimPrefix(k, w.s.o.Prefix+"{"), "}")
			_, err := id.Parse(tag)
			require.True(t, ok && err == nil, k)
			ttl, err := r.TTL(ctx, k).Result()
			require.NoError(t, err)
			if strings.HasSuffix(k, ":all") || strings.HasSuffix(k, ":ready") {
				require.Negative(t, ttl, k)
			}
		}
		ttl, err := r.TTL(ctx, w.s.key(w.county.ID, Person, month(thisMonth))).Result()
		require.NoError(t, err)
		require.InDelta(t, 79, ttl.Hours()/24, 2, "November stays until January and forty days")
	})
}
