package people_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
)

func once() idempotency.Request {
	return idempotency.Request{Scope: 7, Key: id.New().String(), Operation: "test"}
}

// move books an award (amount above zero) or a redemption for the household, as the features do.
func (f fixture) move(t require.TestingT, h people.Household, amount points.Amount, lot cal.Day) {
	require.NoError(t, f.db.Tx(ctx, func(tx db.Tx) error {
		w := ledger.Wallet(h.Village, h.ID)
		b := ledger.Begin(tx)
		if err := b.Lock(w); err != nil {
			return err
		}
		p := ledger.Posting{Book: h.Village, Kind: ledger.Opening, Asset: ledger.Points, Day: 20261123, Month: 202611, Household: h.ID, Score: amount, Lot: lot,
			Reason: "期初", From: ledger.Issue(h.Village, ledger.Points), To: w, Amount: amount}
		if amount < 0 {
			p.Kind, p.From, p.To, p.Amount, p.Score, p.Shortfall, p.Owing = ledger.Redeem, w, ledger.Merchant(h.Village, 5), -amount, 0, ledger.Owe, points.Whole(100)
		}
		if _, err := b.Post(p); err != nil {
			return err
		}
		return b.Seal()
	}))
}

func (f fixture) balance(t require.TestingT, h people.Household) (out points.Amount) {
	require.NoError(t, f.db.Read(ctx, func(tx db.Tx) error {
		m, err := ledger.Balances(tx, ledger.Wallet(h.Village, h.ID))
		out = m[ledger.Wallet(h.Village, h.ID)]
		return err
	}))
	return out
}

func (f fixture) clean(t require.TestingT) {
	require.NoError(t, f.db.Read(ctx, func(tx db.Tx) error {
		r, err := ledger.Verify(tx)
		require.Empty(t, r.Findings)
		return err
	}))
}

// bound are the households that a log-in sees.
func (f fixture) bound(t *testing.T, user id.ID) (out []id.ID) {
	t.Helper()
	require.NoError(t, f.db.Read(ctx, func(tx db.Tx) error {
		return tx.Raw("SELECT household_id FROM user_households WHERE user_id = ? ORDER BY household_id", user).Scan(&out).Error
	}))
	return out
}

func (f fixture) bind(t *testing.T, user, household, villager id.ID) {
	t.Helper()
	require.NoError(t, f.db.Tx(ctx, func(tx db.Tx) error {
		return auth.BindAgain(tx, household, auth.Rebound{User: user, Villager: villager})
	}))
}

func (f fixture) read(t require.TestingT, h people.Household) (people.Household, map[string]string) {
	got, members, err := f.s.Household(ctx, system, h.ID)
	require.NoError(t, err)
	relations := map[string]string{}
	for _, m := range members {
		relations[m.Name] = m.Relation
	}
	return got, relations
}

func TestSplit(t *testing.T) {
	f := setup(t)
	h, _ := f.household(t, f.village, "王大", "李花", "王小", "王二")
	f.move(t, h, points.Whole(60), 20270131)
	f.move(t, h, points.Whole(40), 0)
	f.bind(t, 91, h.ID, f.find(t, "王小").ID)
	f.bind(t, 92, h.ID, 0)
	who := func(names ...string) (out []people.Mover) {
		for _, n := range names {
			out = append(out, people.Mover{Villager: f.find(t, n).ID})
		}
		return out
	}
	o := people.SplitOrder{Household: h.ID, Members: who("王小"), Reason: "结婚单过"}

	for want, bad := range map[*errs.Code]people.SplitOrder{
		people.ErrSplitMembers:  {Household: h.ID, Reason: "结婚"},
		people.ErrSplitAll:      {Household: h.ID, Members: who("王大", "李花", "王小", "王二"), Reason: "结婚"},
		people.ErrSplitHead:     {Household: h.ID, Members: who("王大"), Reason: "结婚"},
		people.ErrRegroupReason: {Household: h.ID, Members: who("王小"), Reason: "x"},
		people.ErrRegroupPoints: {Household: h.ID, Members: who("王小"), Reason: "结婚", Points: points.Whole(101)},
		errs.ErrInvalid:         {Household: h.ID, Members: who("王小"), Reason: "结婚", Points: -1},
	} {
		_, err := f.s.Split(ctx, system, once(), bad)
		require.ErrorIs(t, err, want)
	}
	_, err := f.s.PreviewSplit(ctx, officer(auth.RoleVillage, f.other), o)
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = f.s.PreviewSplit(ctx, officer(auth.RoleSupervisor, f.village), o)
	require.ErrorIs(t, err, errs.ErrForbidden)

	o.Points = 5050
	seen, err := f.s.PreviewSplit(ctx, officer(auth.RoleVillage, f.village), o)
	require.NoError(t, err)
	require.Equal(t, []any{points.Whole(25), points.Amount(4950), points.Amount(5050), []ledger.Lot{{Expires: 20270131, Amount: 5050}}}, []any{seen.Share, seen.From.After, seen.To.After, seen.Lots})
	req := once()
	done, err := f.s.Split(ctx, officer(auth.RoleVillage, f.village), req, o)
	require.NoError(t, err)
	again, err := f.s.Split(ctx, officer(auth.RoleVillage, f.village), req, o)
	require.NoError(t, err)
	require.Equal(t, done.To.Household.ID, again.To.Household.ID)
	require.Equal(t, []points.Amount{4950, 5050}, []points.Amount{f.balance(t, h), f.balance(t, done.To.Household)})
	n, relations := f.read(t, done.To.Household)
	require.Equal(t, map[string]string{"王小": "户主"}, relations)
	require.NotEqual(t, h.Code, n.Code)
	_, err = people.ParseHouseCode(n.Code)
	require.NoError(t, err)
	require.Equal(t, [][]id.ID{{n.ID}, {h.ID}}, [][]id.ID{f.bound(t, 91), f.bound(t, 92)}, "who leaves no longer sees the old wallet")
	require.Equal(t, 1, f.audited(t, "household.split"))

	// The head leaves: another one stays as head.
	o = people.SplitOrder{Household: h.ID, Members: who("王大"), StayHead: f.find(t, "李花").ID, Reason: "另立门户"}
	second, err := f.s.Split(ctx, system, once(), o)
	require.NoError(t, err)
	old, relations := f.read(t, h)
	require.Equal(t, []any{"李花", "户主", 2}, []any{old.HeadName, relations["李花"], len(relations)})

	// Undoing puts everything back; a household in which something has happened since is not torn apart.
	_, err = f.s.UndoChange(ctx, officer(auth.RoleVillage, f.other), once(), second.Change, "办错了")
	require.ErrorIs(t, err, errs.ErrNotFound)
	change, err := f.s.UndoChange(ctx, system, once(), second.Change, "办错了")
	require.NoError(t, err)
	require.True(t, change.Undone)
	_, err = f.s.UndoChange(ctx, system, once(), second.Change, "办错了")
	require.ErrorIs(t, err, people.ErrUndone)
	old, relations = f.read(t, h)
	require.Equal(t, []any{"王大", "户主", ""}, []any{old.HeadName, relations["王大"], relations["李花"]})
	gone, _ := f.read(t, second.To.Household)
	require.Equal(t, []any{people.HouseholdMerged, h.ID}, []any{gone.State, gone.MergedInto})
	f.move(t, n, points.Whole(1), 0)
	_, err = f.s.UndoChange(ctx, system, once(), done.Change, "办错了")
	require.ErrorIs(t, err, people.ErrUndoLater)
	list, err := f.s.Changes(ctx, system, h.ID)
	require.NoError(t, err)
	require.Len(t, list, 2)
	f.clean(t)
}

func TestMerge(t *testing.T) {
	f := setup(t)
	from, m := f.household(t, f.village, "王大", "王花")
	into, n := f.household(t, f.village, "李一")
	far, _ := f.household(t, f.other, "赵远")
	f.move(t, from, points.Whole(10), 20270131)
	f.move(t, from, points.Whole(5), 0)
	f.move(t, into, -points.Whole(2), 0)
	f.bind(t, 91, from.ID, m[0].ID)
	f.bind(t, 92, from.ID, m[1].ID)
	f.bind(t, 92, into.ID, n[0].ID)
	f.bind(t, 93, from.ID, 0)

	o := people.MergeOrder{Household: from.ID, Into: into.ID, Relations: []people.Mover{{Villager: m[1].ID, Relation: "孙女"}}, Reason: "老人并到儿子家"}
	for want, bad := range map[*errs.Code]people.MergeOrder{
		people.ErrMergeSelf:     {Household: from.ID, Into: from.ID, Reason: "并户"},
		people.ErrMergeVillage:  {Household: from.ID, Into: far.ID, Reason: "并户"},
		errs.ErrNotFound:        {Household: from.ID, Into: 77, Reason: "并户"},
		people.ErrRegroupReason: {Household: from.ID, Into: into.ID},
		people.ErrPerson:        {Household: from.ID, Into: into.ID, Reason: "并户", Relations: []people.Mover{{Villager: n[0].ID, Relation: "父"}}},
	} {
		_, err := f.s.Merge(ctx, system, once(), bad)
		require.ErrorIs(t, err, want)
	}
	seen, err := f.s.PreviewMerge(ctx, system, o)
	require.NoError(t, err)
	require.Equal(t, []points.Amount{points.Whole(15), 0, -points.Whole(2), points.Whole(13)}, []points.Amount{seen.From.Before, seen.From.After, seen.To.Before, seen.To.After})
	req := once()
	done, err := f.s.Merge(ctx, officer(auth.RoleVillage, f.village), req, o)
	require.NoError(t, err)
	again, err := f.s.Merge(ctx, officer(auth.RoleVillage, f.village), req, o)
	require.NoError(t, err)
	require.Equal(t, done.Number, again.Number)
	require.Equal(t, []points.Amount{0, points.Whole(13)}, []points.Amount{f.balance(t, from), f.balance(t, into)})
	closed, relations := f.read(t, from)
	require.Equal(t, []any{people.HouseholdMerged, into.ID, 0}, []any{closed.State, closed.MergedInto, len(relations)})
	_, relations = f.read(t, into)
	require.Equal(t, map[string]string{"李一": "户主", "王大": "原户主", "王花": "孙女"}, relations)
	for _, user := range []id.ID{91, 92, 93} {
		require.Equal(t, []id.ID{into.ID}, f.bound(t, user))
	}

	// A closed household takes nothing and is not found where people are looked for.
	_, err = f.s.AddMember(ctx, system, from.ID, people.Person{Name: "王三"})
	require.ErrorIs(t, err, people.ErrMerged)
	here := people.HouseholdHere
	_, err = f.s.UpdateHousehold(ctx, system, from.ID, people.HouseholdChange{State: &here})
	require.ErrorIs(t, err, people.ErrMerged)
	_, err = f.s.Merge(ctx, system, once(), people.MergeOrder{Household: into.ID, Into: from.ID, Reason: "并回"})
	require.ErrorIs(t, err, people.ErrMerged)
	found, err := f.s.Households(ctx, system, people.Search{Village: f.village.ID})
	require.NoError(t, err)
	require.Len(t, found, 1)

	// Undone, everything is as it was.
	_, err = f.s.UndoChange(ctx, system, once(), done.Change, "并错了")
	require.NoError(t, err)
	require.Equal(t, []points.Amount{points.Whole(15), -points.Whole(2)}, []points.Amount{f.balance(t, from), f.balance(t, into)})
	open, relations := f.read(t, from)
	require.Equal(t, []any{people.HouseholdHere, id.ID(0), m[0].ID, "户主", ""}, []any{open.State, open.MergedInto, open.Head, relations["王大"], relations["王花"]})
	require.Equal(t, [][]id.ID{{from.ID}, {min(from.ID, into.ID), max(from.ID, into.ID)}, {from.ID}}, [][]id.ID{f.bound(t, 91), f.bound(t, 92), f.bound(t, 93)})
	f.move(t, from, points.Whole(1), 0)

	// Once more, and the points are spent: no undoing.
	done, err = f.s.Merge(ctx, system, once(), people.MergeOrder{Household: from.ID, Into: into.ID, Reason: "还是并了"})
	require.NoError(t, err)
	f.move(t, into, -points.Whole(13), 0)
	_, err = f.s.UndoChange(ctx, system, once(), done.Change, "并错了")
	require.ErrorIs(t, err, people.ErrUndoPoints)
	f.clean(t)
}

// A debt goes along, and comes back.
func TestMergeWithADebt(t *testing.T) {
	f := setup(t)
	from, _ := f.household(t, f.village, "王大")
	into, _ := f.household(t, f.village, "李一")
	f.move(t, from, -points.Whole(4), 0)
	f.move(t, into, points.Whole(3), 20270131)
	done, err := f.s.Merge(ctx, system, once(), people.MergeOrder{Household: from.ID, Into: into.ID, Reason: "并户"})
	require.NoError(t, err)
	require.Equal(t, []points.Amount{-points.Whole(4), 0, -points.Whole(1)}, []points.Amount{done.Points, f.balance(t, from), f.balance(t, into)})
	_, err = f.s.UndoChange(ctx, system, once(), done.Change, "并错了")
	require.NoError(t, err)
	require.Equal(t, []points.Amount{-points.Whole(4), points.Whole(3)}, []points.Amount{f.balance(t, from), f.balance(t, into)})
	f.clean(t)
}

// An imported roster neither opens a merged household again nor looks for anybody in it.
func TestRosterKnowsNoMergedHousehold(t *testing.T) {
	f := setup(t)
	from, _ := f.household(t, f.village, "王大")
	into, _ := f.household(t, f.village, "李一")
	_, err := f.s.Merge(ctx, system, once(), people.MergeOrder{Household: from.ID, Into: into.ID, Reason: "并户"})
	require.NoError(t, err)
	report, err := f.s.ImportRoster(ctx, system, f.village.ID, sheet(t, []any{"户码", "户主", "姓名", "与户主关系"}, []any{from.Code, "王大", "王大", "户主"}), people.ImportOptions{})
	require.NoError(t, err)
	require.Len(t, report.Problems, 1)
	require.Contains(t, report.Problems[0].Text, "并入另一户")
}

// The model: a household is a number of points and a set of people.
func TestRandomSplitsAndMergesAgreeWithModel(t *testing.T) {
	f := setup(t)
	rapid.Check(t, func(t *rapid.T) {
		type house struct {
			people.Household
			points points.Amount
			names  map[string]bool
		}
		var all []*house
		var total points.Amount
		for _, names := range [][]string{{"甲", "乙", "丙"}, {"丁", "戊"}, {"己"}} {
			n := people.NewHousehold{Village: f.village.ID}
			set := map[string]bool{}
			for _, name := range names {
				n.Members, set[name] = append(n.Members, people.Person{Name: name}), true
			}
			h, err := f.s.CreateHousehold(ctx, system, n)
			require.NoError(t, err)
			all = append(all, &house{h, 0, set})
		}
		var last people.Regrouping
		var before []house
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			h := rapid.SampledFrom(all).Draw(t, "house")
			other := rapid.SampledFrom(all).Draw(t, "other")
			n := points.Amount(rapid.IntRange(1, 3000).Draw(t, "points"))
			step := rapid.SampledFrom([]string{"award", "redeem", "split", "split", "merge", "merge", "undo"}).Draw(t, "step")
			if len(h.names) == 0 && step != "undo" {
				if step == "merge" {
					_, err := f.s.Merge(ctx, system, once(), people.MergeOrder{Household: h.ID, Into: other.ID, Reason: "并户"})
					require.ErrorIs(t, err, people.ErrMerged)
				}
				continue
			}
			copied := func() (out []house) {
				for _, x := range all {
					names := map[string]bool{}
					for k := range x.names {
						names[k] = true
					}
					out = append(out, house{x.Household, x.points, names})
				}
				return out
			}
			switch step {
			case "award":
				f.move(t, h.Household, n, rapid.SampledFrom([]cal.Day{0, 20261231, 20270131}).Draw(t, "lot"))
				h.points, total = h.points+n, total+n
				before = nil
			case "redeem":
				n = min(n, h.points)
				if n > 0 {
					f.move(t, h.Household, -n, 0)
					h.points, total = h.points-n, total-n
					before = nil
				}
			case "split":
				_, members, err := f.s.Household(ctx, system, h.ID)
				require.NoError(t, err)
				count := rapid.IntRange(1, len(members)).Draw(t, "leave")
				var movers []people.Mover
				for _, v := range members[len(members)-count:] {
					movers = append(movers, people.Mover{Villager: v.ID})
				}
				saved := copied()
				r, err := f.s.Split(ctx, system, once(), people.SplitOrder{Household: h.ID, Members: movers, Points: n, Reason: "分户"})
				if count == len(members) || n > h.points {
					require.Error(t, err)
					continue
				}
				require.NoError(t, err)
				fresh := &house{r.To.Household, n, map[string]bool{}}
				for _, v := range r.Movers {
					fresh.names[v.Name] = true
					delete(h.names, v.Name)
				}
				h.points -= n
				all = append(all, fresh)
				before, last = append(saved, house{fresh.Household, 0, map[string]bool{}}), r
			case "merge":
				saved := copied()
				r, err := f.s.Merge(ctx, system, once(), people.MergeOrder{Household: h.ID, Into: other.ID, Reason: "并户"})
				if h == other || len(other.names) == 0 {
					require.Error(t, err)
					continue
				}
				require.NoError(t, err)
				for k := range h.names {
					other.names[k] = true
				}
				other.points, h.points, h.names = other.points+h.points, 0, map[string]bool{}
				before, last = saved, r
			case "undo":
				if before == nil {
					continue
				}
				_, err := f.s.UndoChange(ctx, system, once(), last.Change, "办错了")
				require.NoError(t, err)
				for i := range before {
					*all[i] = before[i]
				}
				before = nil
			}
		}
		var sum points.Amount
		for _, h := range all {
			require.Equal(t, h.points, f.balance(t, h.Household))
			got, relations := f.read(t, h.Household)
			require.Len(t, relations, len(h.names))
			for name := range h.names {
				require.Contains(t, relations, name)
			}
			require.Equal(t, len(h.names) > 0, got.Active())
			if got.Active() {
				require.Contains(t, relations, got.HeadName, "the head lives there")
				require.Equal(t, "户主", relations[got.HeadName])
			}
			sum += h.points
		}
		require.Equal(t, total, sum)
	})
	f.clean(t)
}

// Two officers at once: one household does not go to two, two do not go into each other.
func TestMergesAtOnce(t *testing.T) {
	f := setup(t)
	for range 10 {
		a, _ := f.household(t, f.village, "王大")
		b, _ := f.household(t, f.village, "李一")
		c, _ := f.household(t, f.village, "赵一")
		for _, h := range []people.Household{a, b, c} {
			f.move(t, h, points.Whole(10), 0)
		}
		orders := []people.MergeOrder{{Household: a.ID, Into: b.ID, Reason: "并户"}, {Household: b.ID, Into: a.ID, Reason: "并户"}, {Household: a.ID, Into: c.ID, Reason: "并户"}}
		failures := make(chan error, len(orders))
		for _, o := range orders {
			go func() {
				_, err := f.s.Merge(ctx, system, once(), o)
				failures <- err
			}()
		}
		done := 0
		for range orders {
			if err := <-failures; err == nil {
				done++
			} else if !errors.Is(err, people.ErrMerged) {
				require.NoError(t, err)
			}
		}
		require.Contains(t, []int{1, 2}, done)
		require.Equal(t, points.Whole(30), f.balance(t, a)+f.balance(t, b)+f.balance(t, c))
	}
	f.clean(t)
}
