package board

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/cal"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/rdb"
)

// crowd fills a township with households of three persons and a year of scores, written straight into the tables.
func crowd(t testing.TB, w *world, villages, households, months int) {
	type owner struct {
		id, village id.ID
		kind        int
	}
	var owners []owner
	type house struct{ id, village, group id.ID }
	var houses []house
	for i := range villages {
		v := w.region(w.township.ID, people.Village, fmt.Sprintf("4331241025%02d", i), fmt.Sprintf("新村%d", i))
		var groups []id.ID
		for g := range 6 {
			groups = append(groups, w.region(v.ID, people.Group, fmt.Sprintf("%s%02d", v.Code, g+1), fmt.Sprintf("%d组", g+1)).ID)
		}
		owners = append(owners, owner{v.ID, v.ID, 5})
		for h := range households / villages {
			houses = append(houses, house{id.New(), v.ID, groups[h%6]})
		}
	}
	var persons []house // group is the household here
	for _, h := range houses {
		owners = append(owners, owner{h.id, h.village, 1})
		for range 3 {
			p := house{id.New(), h.village, h.id}
			persons = append(persons, p)
			owners = append(owners, owner{p.id, p.village, 2})
		}
	}
	require.NoError(t, w.d.Tx(context.Background(), func(tx db.Tx) error {
		err := db.Insert(tx, "households", []string{"id", "village_id", "group_id", "code", "head_name", "pinyin", "initials", "address", "state", "created_at", "updated_at"}, len(houses),
			func(i int, args []any) []any {
				h := houses[i]
				return append(args, int64(h.id), int64(h.village), int64(h.group), h.id.String(), "张小三", "", "", "", 1, 0, 0)
			})
		if err != nil {
			return err
		}
		err = db.Insert(tx, "villagers", []string{"id", "village_id", "household_id", "name", "pinyin", "initials", "relation", "phone_tail", "state", "created_at", "updated_at"}, len(persons),
			func(i int, args []any) []any {
				p := persons[i]
				return append(args, int64(p.id), int64(p.village), int64(p.group), "张小四", "", "", "子", "", 1, 0, 0)
			})
		if err != nil {
			return err
		}
		return db.Insert(tx, "scores", []string{"owner_id", "asset", "month", "village_id", "kind", "points"}, len(owners)*months, func(i int, args []any) []any {
			o := owners[i/months]
			return append(args, int64(o.id), 1, int(thisMonth.Add(-(i % months))), int64(o.village), o.kind, rand.IntN(20_000))
		})
	}))
}

// The size of the demo: 2,000 households, 6,000 persons, a year.
func TestLostBoardsOfATownshipAreCompleteWithinSeconds(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis) {
		w := newWorld(t, r)
		crowd(t, w, 7, 2000, 12)
		begin := time.Now()
		w.tick()
		took := time.Since(begin)
		t.Log("boards filled in", took.Round(time.Millisecond))
		require.Less(t, took, 10*time.Second)
		require.Equal(t, FromRedis, w.top(w.county.ID, Person, always).Source)
		require.Equal(t, 7*(2000/7)*3, w.top(w.county.ID, Person, always).Total)
		w.cleanIn(t, w.county)
		begin = time.Now()
		require.NoError(t, w.s.compareNext(context.Background()))
		t.Log("a village compared in", time.Since(begin).Round(time.Millisecond))
	})
}

// BenchmarkTop reads twenty lines with ranks, names and movements, beside the bare sorted set.
func BenchmarkTop(b *testing.B) {
	for _, members := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(members), func(b *testing.B) {
			r := benchRedis(b)
			if r.Embedded && members > 10_000 {
				return // the one in process is not made for so many
			}
			benchmarkTop(b, r, members)
		})
	}
}

func benchmarkTop(b *testing.B, r *rdb.Redis, members int) {
	w := newWorld(b, r)
	crowd(b, w, 1, members, 2)
	w.tick()
	ctx := context.Background()
	q := Query{Scope: w.township.ID, Subject: Household, Period: cal.Period{Kind: cal.ByMonth, N: int32(thisMonth)}, Limit: 20}
	p, err := w.s.Top(ctx, q)
	require.NoError(b, err)
	require.Equal(b, FromRedis, p.Source)
	require.Equal(b, members, p.Total)
	key := w.s.key(q.Scope, q.Subject, q.Period)
	last, err := r.ZRevRangeWithScores(ctx, key, int64(members/2), int64(members/2)).Result()
	require.NoError(b, err)
	middle := entries(last)[0].id
	for name, read := range map[string]func() error{
		"top":       func() error { _, err := w.s.Top(ctx, q); return err },
		"around":    func() error { _, err := w.s.Around(ctx, q, middle, 10); return err },
		"zrevrange": func() error { return r.ZRevRangeWithScores(ctx, key, 0, 19).Err() },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchRedis is the real Redis of TEST_REDIS, or the one in process.
func benchRedis(b *testing.B) *rdb.Redis {
	if addrs := realRedis(); len(addrs) > 0 {
		return open(b, conf.Redis{Addrs: addrs, DB: testDB})
	}
	return open(b, conf.Redis{})
}
