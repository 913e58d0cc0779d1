package board

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rdb"
)

func TestBoardsOfEveryScopeAndSubject(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis) {
		w := newWorld(t, r)
		a, b := w.villages[0], w.villages[1]
		ha, hb := w.houses[a.ID], w.houses[b.ID]
		w.award(ha[0], thisMonth, points.Whole(10))
		w.award(ha[1], thisMonth, points.Whole(30))
		w.award(ha[3], thisMonth, 1050)
		w.award(ha[3], thisMonth, -50)
		w.award(hb[0], thisMonth, points.Whole(30))
		w.award(hb[1], thisMonth, points.Whole(5))
		w.award(hb[1], thisMonth, -points.Whole(5))
		w.assess(a.ID, w.members[a.ID][0], thisMonth, points.Whole(8))
		w.assess(a.ID, w.members[a.ID][1], thisMonth, points.Whole(2))
		w.assess(b.ID, w.members[b.ID][0], thisMonth, points.Whole(7))
		w.exec("INSERT INTO party_exemptions (id, member_id, reason, note, evidence, from_day, to_day, approved_by, approved_name, created_at) VALUES (1, ?, 1, '', '', 20260101, 20261231, 0, '', 0)", w.members[a.ID][2])
		w.tick()
		w.clean(t)

		ranks := func(p Page) (out []string) {
			for _, r := range p.Rows {
				out = append(out, strings.Join([]string{string(rune('0' + r.Rank)), r.Name, r.VillageName + r.GroupName, r.Score.String()}, " "))
			}
			return out
		}
		sorted := func(p Page) []string { // equal scores stand in an order that depends on random keys
			s := ranks(p)
			slices.Sort(s)
			return s
		}
		// The same answers must come from Redis and, without one, from the database.
		_, dead := stoppable(t)
		require.NoError(t, dead.Close())
		for name, s := range map[string]*Service{"redis": w.s, "database": New(w.d, dead, Options{})} {
			t.Run(name, func(t *testing.T) {
				w := *w
				w.s = s
				source := map[string]Source{"redis": FromRedis, "database": FromLedger}[name]
				p := w.top(a.ID, Household, month(thisMonth))
				require.Equal(t, source, p.Source)
				require.Equal(t, []string{"1 户**1 小渔溪村1组 30", "2 户**0 小渔溪村1组 10", "2 户**0 小渔溪村2组 10"}, sorted(p))
				require.Equal(t, 3, p.Total)
				require.Greater(t, p.Rows[1].ID, p.Rows[2].ID)
				require.Equal(t, []string{"1 户**1 小渔溪村1组 30", "2 户**0 小渔溪村1组 10"}, ranks(w.top(w.groups[a.ID][0].ID, Household, month(thisMonth))))
				want := []string{"1 户**0 芷溪村1组 30", "1 户**1 小渔溪村1组 30", "3 户**0 小渔溪村1组 10", "3 户**0 小渔溪村2组 10", "5 户**1 芷溪村1组 0"}
				require.Equal(t, want, sorted(w.top(w.township.ID, Household, month(thisMonth))))
				require.Equal(t, want, sorted(w.top(w.county.ID, Household, always)))
				require.Equal(t, []string{"1 户****主 小渔溪村1组 30", "2 户****主 小渔溪村1组 10", "2 户****主 小渔溪村2组 10"}, sorted(w.top(a.ID, Person, month(thisMonth))))
				// 50 points in six households, 30 in six; 10 by two members who are not exempt, 7 by three.
				require.Equal(t, []string{"1 小渔溪村 小渔溪村 8.33", "2 芷溪村 芷溪村 5"}, ranks(w.top(w.township.ID, Village, month(thisMonth))))
				require.Equal(t, []string{"1 小渔溪村支部 小渔溪村 5", "2 芷溪村支部 芷溪村 2.33"}, ranks(w.top(w.county.ID, Branch, month(thisMonth))))
				require.Equal(t, []string{"1 党**0 小渔溪村1组 8", "2 党**1 小渔溪村1组 2"}, ranks(w.top(a.ID, Member, month(thisMonth))))
				require.Empty(t, w.top(a.ID, Household, month(202401)).Rows)
				require.Empty(t, w.top(a.ID, Household, month(202712)).Rows)

				ctx := context.Background()
				full, err := s.Top(ctx, Query{Scope: a.ID, Subject: Household, Period: month(thisMonth), FullNames: true, Limit: 1})
				require.NoError(t, err)
				require.Equal(t, []string{"1 户主01 小渔溪村1组 30"}, ranks(full))
				require.Equal(t, 3, full.Total)

				_, err = s.Top(ctx, Query{Scope: a.ID, Subject: Village, Period: always})
				require.ErrorIs(t, err, ErrSubject)
				_, err = s.Top(ctx, Query{Scope: a.ID, Subject: "dog", Period: always})
				require.ErrorIs(t, err, ErrSubject)
				_, err = s.Top(ctx, Query{Scope: a.ID, Subject: Household, Period: cal.Period{Kind: "x", N: 3}})
				require.ErrorIs(t, err, ErrPeriod)
				_, err = s.Top(ctx, Query{Scope: a.ID, Subject: Household, Period: month(202613)})
				require.ErrorIs(t, err, ErrPeriod)
				_, err = s.Top(ctx, Query{Scope: id.New(), Subject: Household, Period: always})
				require.ErrorIs(t, err, errs.ErrNotFound)
			})
		}
	})
}

func TestVillageMayShowNames(t *testing.T) {
	w := newWorld(t, open(t, conf.Redis{}))
	h := w.houses[w.villages[0].ID][0]
	w.exec("INSERT INTO village_settings (village_id, scheme_start, close_day, expiry_months, expiry_auto, shortfall, owing_limit, mask_names, publish, redeem_min, redeem_step, redeem_month_cap, redeem_days, card_day_cap, updated_at)"+
		" VALUES (?, 1, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0, '', 0, 0)", w.villages[0].ID)
	w.award(h, thisMonth, 100)
	w.award(w.houses[w.villages[1].ID][0], thisMonth, 50)
	w.tick()
	rows := w.top(w.township.ID, Household, always).Rows
	require.Equal(t, "户主00", rows[0].Name)
	require.Equal(t, "户**0", rows[1].Name, "the other village masks")
	open, err := w.s.Top(context.Background(), Query{Scope: w.township.ID, Subject: Household, Period: always, Masked: true, FullNames: true})
	require.NoError(t, err)
	require.Equal(t, "户**0", open.Rows[0].Name, "nobody has logged in")
}

func TestMaskFor(t *testing.T) {
	village := id.New()
	region := map[id.ID]struct{}{village: {}}
	actor := func(r auth.Role) auth.Actor {
		return auth.Actor{Grants: []auth.Grant{{Role: r, Region: village, Regions: region}}}
	}
	require.False(t, MaskFor(actor(auth.RoleVillage), village))
	require.True(t, MaskFor(actor(auth.RoleVillage), id.New()))
	require.True(t, MaskFor(actor(auth.RoleVillager), village))
	require.False(t, MaskFor(auth.System("test"), village))
}

// Any page of any board, and the surroundings of any line, are cut from the one ranking.
func TestPagesAndNeighboursAreCutFromOneRanking(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis) {
		w := newWorld(t, r)
		v := w.villages[0]
		for i := range 40 {
			w.household(v, w.groups[v.ID][i%2], "赵大有")
		}
		type line struct {
			id    id.ID
			score points.Amount
			rank  int
		}
		var model []line
		for _, h := range w.houses[v.ID] {
			n := points.Amount(rand.IntN(6)+1) * 50
			w.award(h, thisMonth, n)
			model = append(model, line{id: h, score: n})
		}
		for i := range model { // the rank is one more than the number of those who have more
			model[i].rank = 1
			for _, other := range model {
				if other.score > model[i].score {
					model[i].rank++
				}
			}
		}
		slices.SortFunc(model, func(a, b line) int {
			if a.score != b.score {
				return int(b.score - a.score)
			}
			return strings.Compare(b.id.String(), a.id.String())
		})
		w.tick()
		_, dead := stoppable(t)
		require.NoError(t, dead.Close())
		for name, s := range map[string]*Service{"redis": w.s, "database": New(w.d, dead, Options{})} {
			t.Run(name, func(t *testing.T) {
				lines := func(p Page) (out []line) {
					for _, r := range p.Rows {
						out = append(out, line{r.ID, r.Score, r.Rank})
					}
					require.Equal(t, len(model), p.Total)
					return out
				}
				ctx := context.Background()
				q := Query{Scope: v.ID, Subject: Household, Period: cal.Period{Kind: cal.ByYear, N: 2026}}
				for from := 0; from < len(model)+3; from += 3 {
					q.Offset, q.Limit = from, 7
					p, err := s.Top(ctx, q)
					require.NoError(t, err)
					require.Equal(t, append([]line(nil), model[min(from, len(model)):min(from+7, len(model))]...), lines(p), from)
				}
				for i := 0; i < len(model); i += 5 {
					p, err := s.Around(ctx, q, model[i].id, 3)
					require.NoError(t, err)
					require.True(t, p.Found)
					require.Equal(t, model[max(i-3, 0):min(i+4, len(model))], lines(p))
				}
				p, err := s.Around(ctx, q, id.New(), 3)
				require.NoError(t, err)
				require.False(t, p.Found)
				require.Empty(t, p.Rows)
				require.Equal(t, len(model), p.Total)
			})
		}
	})
}

func TestMovement(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis) {
		w := newWorld(t, r)
		v := w.villages[0].ID
		h := w.houses[v]
		for i, n := range []points.Amount{500, 400, 400, 100} { // October: 1, 2, 2, 4
			w.award(h[i], 202610, n)
		}
		for i, n := range []points.Amount{100, 400, 300, 90} { // November: 3, 1, 2, 4
			w.award(h[i], 202611, n)
		}
		w.award(h[4], 202611, 10)
		w.tick()
		_, dead := stoppable(t)
		require.NoError(t, dead.Close())
		for name, s := range map[string]*Service{"redis": w.s, "database": New(w.d, dead, Options{})} {
			t.Run(name, func(t *testing.T) {
				w := *w
				w.s = s
				got := map[id.ID]Movement{}
				for _, r := range w.top(v, Household, month(202611)).Rows {
					got[r.ID] = r.Movement
				}
				require.Equal(t, map[id.ID]Movement{h[1]: {Up, 1}, h[2]: {Still, 0}, h[0]: {Down, 2}, h[3]: {Still, 0}, h[4]: {Entered, 0}}, got)
				for _, r := range w.top(v, Household, month(202610)).Rows {
					require.Equal(t, Movement{}, r.Movement, "there is no board of September")
				}
				for _, r := range w.top(v, Household, always).Rows {
					require.Equal(t, Movement{}, r.Movement)
				}
			})
		}
	})
}

func TestSchemeYearsBeginWhereTheVillageSays(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis) {
		w := newWorld(t, r)
		a, b := w.villages[0].ID, w.villages[1].ID
		for v, start := range map[id.ID]int{a: 1, b: 10} {
			w.exec("INSERT INTO village_settings (village_id, scheme_start, close_day, expiry_months, expiry_auto, shortfall, owing_limit, mask_names, publish, redeem_min, redeem_step, redeem_month_cap, redeem_days, card_day_cap, updated_at)"+
				" VALUES (?, ?, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0, '', 0, 0)", v, start)
		}
		for _, h := range []id.ID{w.houses[a][0], w.houses[b][0]} {
			w.award(h, 202609, 100)
			w.award(h, 202610, 1)
		}
		w.tick()
		w.clean(t)
		scheme := func(n int32) map[id.ID]points.Amount {
			out := map[id.ID]points.Amount{}
			for _, r := range w.top(w.township.ID, Household, cal.Period{Kind: cal.ByScheme, N: n}).Rows {
				out[r.ID] = r.Score
			}
			return out
		}
		require.Equal(t, map[id.ID]points.Amount{w.houses[a][0]: 101, w.houses[b][0]: 1}, scheme(2026))
		require.Equal(t, map[id.ID]points.Amount{w.houses[b][0]: 100}, scheme(2025))
		now, err := w.s.Current(context.Background(), b)
		require.NoError(t, err)
		require.Equal(t, cal.PeriodsOf(thisMonth, 10), now)
		_, err = w.s.Current(context.Background(), id.New())
		require.ErrorIs(t, err, errs.ErrNotFound)
	})
}

func TestSnapshotKeepsAClosedPeriodAsItStood(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis) {
		w := newWorld(t, r)
		ctx := context.Background()
		v := w.villages[0].ID
		h := w.houses[v]
		w.award(h[0], 202610, 300)
		w.award(h[1], 202610, 200)
		w.award(h[0], 202611, 10)
		w.award(h[1], 202611, 20)
		w.tick()
		require.Equal(t, FromRedis, w.top(v, Household, month(202610)).Source)
		require.NoError(t, w.s.TakeSnapshots(ctx))
		october := w.top(v, Household, month(202610))
		require.Equal(t, FromSnapshot, october.Source, "October closed on the sixth of November")
		require.Equal(t, FromRedis, w.top(v, Household, month(202611)).Source)
		kept, err := w.s.KeptPeriods(ctx, v, Household)
		require.NoError(t, err)
		require.True(t, slices.ContainsFunc(kept, func(k Kept) bool { return k.Period == month(202610) && k.Members == 2 }))
		require.False(t, slices.ContainsFunc(kept, func(k Kept) bool { return k.Period == month(202611) }))

		// The household changes its head and moves away, and a score is mended by force: the board of October stays.
		w.exec("UPDATE households SET head_name = '王新', state = 2 WHERE id = ?", h[0])
		w.exec("UPDATE scores SET points = 1 WHERE month = 202610")
		require.NoError(t, w.s.TakeSnapshots(ctx), "the second time finds nothing to do")
		fresh := New(w.d, r, w.s.o) // without what has been read before
		q := Query{Scope: v, Subject: Household, Period: month(202610), Limit: maxLimit}
		again, err := fresh.Top(ctx, q)
		require.NoError(t, err)
		require.Equal(t, october, again)
		require.Equal(t, "户**0", again.Rows[0].Name, "the name as it was, masked as it is read")
		q.FullNames = true
		full, err := fresh.Top(ctx, q)
		require.NoError(t, err)
		require.Equal(t, "户主00", full.Rows[0].Name)
		require.EqualValues(t, 300, full.Rows[0].Score)
		around, err := fresh.Around(ctx, q, h[1], 0)
		require.NoError(t, err)
		require.True(t, around.Found)
		require.Equal(t, 2, around.Rows[0].Rank)

		w.clock.Add(14 * 24 * 60 * 60 * 1e9) // 7 December: November has closed
		require.NoError(t, w.s.TakeSnapshots(ctx))
		require.Equal(t, FromSnapshot, w.top(v, Household, month(202611)).Source)
		require.Equal(t, []Movement{{Up, 1}}, []Movement{w.top(v, Household, month(202611)).Rows[0].Movement}, "against October as it stood")
	})
}

func TestSnapshotsOfEveryScope(t *testing.T) {
	w := newWorld(t, open(t, conf.Redis{}))
	ctx := context.Background()
	for _, v := range w.villages {
		w.award(w.houses[v.ID][0], 202610, 300)
		w.assess(v.ID, w.members[v.ID][0], 202610, 100)
	}
	require.NoError(t, w.s.TakeSnapshots(ctx))
	var n, want int64
	require.NoError(t, w.d.Read(ctx, func(tx db.Tx) error {
		all, err := people.AllRegions(tx)
		require.NoError(t, err)
		for _, r := range all {
			want += int64(len(Subjects(r.Kind)))
		}
		return tx.Raw("SELECT COUNT(*) FROM board_snapshots WHERE period_kind = 'm' AND period = 202610").Scan(&n).Error
	}))
	require.Equal(t, want, n)
	p := w.top(w.township.ID, Village, month(202610))
	require.Equal(t, FromSnapshot, p.Source)
	require.Len(t, p.Rows, 2)
	require.Equal(t, 1, p.Rows[1].Rank, "equal averages share the first rank")
}
