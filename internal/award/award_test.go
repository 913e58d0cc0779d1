package award_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
	"jishan/internal/testkit"
	"jishan/internal/xlsx"
)

var (
	ctx    = context.Background()
	system = auth.System("test")
)

// place is a village with a rule book of each shape and a few households.
type place struct {
	*award.Service
	dsn     string
	d       *db.DB
	clock   *testkit.Clock
	people  *people.Service
	village id.ID
	houses  []people.Household
	person  people.Villager
	rules   map[string]id.ID
}

func setup(t testing.TB) place {
	p := place{dsn: testkit.DSN(t), clock: testkit.NewClock(t, "2026-11-23 10:00"), rules: map[string]id.ID{}}
	p.d = testkit.Reopen(t, p.dsn, p.clock)
	p.Service = award.New(p.d)
	t.Cleanup(p.Close)
	var err error
	p.people, err = people.NewService(p.d, []byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	parent := id.ID(0)
	for kind, code := range []string{"500100", "500100101", "500100101201"} {
		r, err := p.people.CreateRegion(ctx, system, people.NewRegion{Parent: parent, Kind: people.RegionKind(kind + 1), Code: code, Name: "地方" + code})
		require.NoError(t, err)
		parent = r.ID
	}
	p.village = parent
	for i := range 5 {
		h, err := p.people.CreateHousehold(ctx, system, people.NewHousehold{Village: p.village, Members: []people.Person{{Name: fmt.Sprintf("户主%d", i)}}})
		require.NoError(t, err)
		p.houses = append(p.houses, h)
	}
	_, members, err := p.people.Household(ctx, system, p.houses[0].ID)
	require.NoError(t, err)
	p.person = members[0]

	rules := rule.New(p.d)
	book, err := rules.CreateBook(ctx, system, rule.NewBook{Region: p.village, Asset: ledger.Points, Name: "本村积分细则"})
	require.NoError(t, err)
	draft := book.Versions[0].ID
	for _, in := range []rule.Input{
		{Code: "A1", Category: "环境", Item: "庭院整洁", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Fixed, Points: points.Whole(10)}},
		{Code: "A2", Category: "环境", Item: "参加劳动", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Fixed, Points: points.Whole(4), Caps: []rule.Cap{{Per: rule.PerDay, Times: 1}, {Per: rule.PerMonth, Points: points.Whole(10)}}}},
		{Code: "A3", Category: "互助", Item: "邻里帮扶", Subject: rule.Person, Spec: rule.Spec{Shape: rule.Range, Min: points.Whole(2), Max: points.Whole(8)}},
		{Code: "B1", Category: "扣分", Item: "乱堆垃圾", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Fixed, Points: points.Whole(-15)}},
		{Code: "B2", Category: "扣分", Item: "散养家禽", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Escalate, Steps: []rule.Step{{Points: -800}, {Points: -1500}, {Points: -2000}}}},
	} {
		r, err := rules.AddRule(ctx, system, draft, in)
		require.NoError(t, err)
		p.rules[in.Code] = r.ID
	}
	_, err = rules.Adopt(ctx, system, draft, rule.Adoption{Meeting: "村民代表会议", On: 20260101, VotesFor: 30, From: 20260101})
	require.NoError(t, err)
	return p
}

func key(k string) idempotency.Request {
	return idempotency.Request{Scope: 7, Key: k, Operation: "test"}
}

func (p place) one(code string, house int, day cal.Day) (award.Outcome, error) {
	out, err := p.Grant(ctx, system, award.Order{Village: p.village, Grants: []award.Grant{{Rule: p.rules[code], Household: p.houses[house].ID, Day: day}}})
	if err != nil {
		return award.Outcome{}, err
	}
	return out[0], nil
}

func (p place) balance(t require.TestingT, house int) (out points.Amount) {
	require.NoError(t, p.d.Read(ctx, func(tx db.Tx) error {
		ref := ledger.Wallet(p.village, p.houses[house].ID)
		m, err := ledger.Balances(tx, ref)
		out = m[ref]
		return err
	}))
	return out
}

func (p place) clean(t require.TestingT) {
	require.NoError(t, p.d.Read(ctx, func(tx db.Tx) error {
		report, err := ledger.Verify(tx)
		require.NoError(t, err)
		require.Empty(t, report.Findings)
		found, err := award.Verify(tx)
		require.Empty(t, found)
		return err
	}))
}

func TestGrantExplainsCapsAndReverses(t *testing.T) {
	p := setup(t)
	out, err := p.one("A1", 0, 0)
	require.NoError(t, err)
	require.Equal(t, "庭院整洁：+10", out.Explanation)
	require.EqualValues(t, 1, out.Number)
	require.Equal(t, points.Whole(10), out.Balance)

	_, err = p.one("A2", 0, 20261121)
	require.NoError(t, err)
	_, err = p.one("A2", 0, 20261121)
	require.ErrorIs(t, err, rule.ErrCapped)
	second, err := p.one("A2", 0, 20261122)
	require.NoError(t, err)
	third, err := p.one("A2", 0, 20261123)
	require.NoError(t, err)
	require.True(t, third.Capped)
	require.Equal(t, points.Whole(2), third.Points)

	_, err = p.Reverse(ctx, system, p.village, []int64{second.Number}, "记错了人", key("r"))
	require.NoError(t, err)
	_, err = p.Reverse(ctx, system, p.village, []int64{second.Number}, "记错了人", key("r2"))
	require.ErrorIs(t, err, ledger.ErrReversed)
	again, err := p.one("A2", 0, 20261122) // what was reversed no longer counts
	require.NoError(t, err)
	require.Equal(t, points.Whole(4), again.Points)
	require.Equal(t, points.Whole(20), p.balance(t, 0))

	list, err := p.List(ctx, system, p.village, award.Filter{Household: p.houses[0].ID})
	require.NoError(t, err)
	require.Len(t, list, 5)
	got, err := p.Get(ctx, system, p.village, second.Number)
	require.NoError(t, err)
	require.True(t, got.Reversed)
	p.clean(t)
}

func TestPersonPointsGoToTheHouseholdAndScoreBoth(t *testing.T) {
	p := setup(t)
	five := points.Whole(5)
	out, err := p.Grant(ctx, system, award.Order{Village: p.village, Grants: []award.Grant{{Rule: p.rules["A3"], Person: p.person.ID, Points: &five}}})
	require.NoError(t, err)
	require.Equal(t, p.houses[0].ID, out[0].Household)
	require.Equal(t, five, p.balance(t, 0))
	require.NoError(t, p.d.Read(ctx, func(tx db.Tx) error {
		s, err := ledger.Scores(tx, ledger.Points, []id.ID{p.person.ID, p.houses[0].ID, p.village}, 202611, 202611)
		require.Equal(t, map[id.ID]points.Amount{p.person.ID: five, p.houses[0].ID: five, p.village: five}, s)
		return err
	}))
	_, err = p.Grant(ctx, system, award.Order{Village: p.village, Grants: []award.Grant{{Rule: p.rules["A3"], Household: p.houses[0].ID, Points: &five}}})
	require.ErrorIs(t, err, award.ErrSubject)
}

func TestDeductionBeyondTheBalance(t *testing.T) {
	p := setup(t)
	_, err := p.one("A1", 0, 0)
	require.NoError(t, err)
	out, err := p.one("B1", 0, 0)
	require.NoError(t, err)
	require.Equal(t, points.Whole(10), out.Booked)
	require.Equal(t, points.Whole(-15), out.Points)
	require.Contains(t, out.Explanation, "实扣 10")
	require.Zero(t, p.balance(t, 0))

	set := people.DefaultSettings(p.village)
	set.Shortfall = ledger.Refuse
	require.NoError(t, p.people.UpdateSettings(ctx, system, set))
	_, err = p.one("B1", 0, 0)
	require.ErrorIs(t, err, ledger.ErrInsufficient)
	set.Shortfall, set.OwingLimit = ledger.Owe, points.Whole(20)
	require.NoError(t, p.people.UpdateSettings(ctx, system, set))
	out, err = p.one("B1", 0, 0)
	require.NoError(t, err)
	require.Equal(t, points.Whole(-15), out.Balance)
	_, err = p.one("B1", 0, 0)
	require.ErrorIs(t, err, ledger.ErrInsufficient)
	p.clean(t)
}

func TestDaysOutsideAnOpenMonthAreRefused(t *testing.T) {
	p := setup(t)
	_, err := p.one("A1", 0, 20261124)
	require.ErrorIs(t, err, award.ErrDay)
	_, err = p.one("A1", 0, 20261031)
	require.ErrorIs(t, err, award.ErrMonthClosed)
	p.clock.Add(11 * 24 * time.Hour) // 4 December: November is open until the 5th
	out, err := p.one("A1", 0, 20261130)
	require.NoError(t, err)
	p.clock.Add(4 * 24 * time.Hour)
	_, err = p.one("A1", 0, 20261130)
	require.ErrorIs(t, err, award.ErrMonthClosed)
	_, err = p.Reverse(ctx, system, p.village, []int64{out.Number}, "记错了", key("late"))
	require.NoError(t, err)
	require.NoError(t, p.d.Read(ctx, func(tx db.Tx) error { // November stays as it was published
		s, err := ledger.Scores(tx, ledger.Points, []id.ID{p.houses[0].ID}, 202611, 202611)
		require.Equal(t, points.Whole(10), s[p.houses[0].ID])
		return err
	}))
	p.clean(t)
}

func TestExpiryMonthsMakeLots(t *testing.T) {
	p := setup(t)
	set := people.DefaultSettings(p.village)
	set.ExpiryMonths = 12
	require.NoError(t, p.people.UpdateSettings(ctx, system, set))
	_, err := p.one("A1", 0, 0)
	require.NoError(t, err)
	require.NoError(t, p.d.Read(ctx, func(tx db.Tx) error {
		lots, err := ledger.Lots(tx, ledger.Wallet(p.village, p.houses[0].ID))
		require.Equal(t, []ledger.Lot{{Expires: 20271130, Amount: points.Whole(10)}}, lots)
		return err
	}))
}

func TestPreviewSaysWhatGrantDoes(t *testing.T) {
	p := setup(t)
	five := points.Whole(5)
	codes := []string{"A1", "A2", "A2", "A3", "B1", "B2", "B2"}
	order := award.Order{Village: p.village}
	for _, c := range codes {
		g := award.Grant{Rule: p.rules[c], Household: p.houses[0].ID}
		if c == "A3" {
			g = award.Grant{Rule: p.rules[c], Person: p.person.ID, Points: &five}
		}
		order.Grants = append(order.Grants, g)
	}
	seen, err := p.Preview(ctx, system, order)
	require.NoError(t, err)
	require.Zero(t, p.balance(t, 0))
	done, err := p.Grant(ctx, system, order)
	require.NoError(t, err)
	for i := range done {
		require.Equal(t, done[i].Number == 0, done[i].Failed != nil)
		done[i].Number = 0
		require.Equal(t, done[i], seen[i], codes[i])
	}
	require.Equal(t, "rule.capped", done[2].Failed.Code)
	require.Contains(t, done[6].Explanation, "散养家禽第 2 次：−15")
}

func TestRepeatedKeyWorksOnce(t *testing.T) {
	p := setup(t)
	other := award.New(testkit.Reopen(t, p.dsn, p.clock))
	t.Cleanup(other.Close)
	order := award.Order{Idempotency: key("same"), Village: p.village, Grants: []award.Grant{{Rule: p.rules["A2"], Household: p.houses[0].ID}}} // once a day
	var wg sync.WaitGroup
	numbers := make([]int64, 40)
	for i := range numbers {
		wg.Go(func() {
			out, err := []*award.Service{p.Service, other}[i%2].Grant(ctx, system, order)
			require.NoError(t, err)
			numbers[i] = out[0].Number
		})
	}
	wg.Wait()
	for _, n := range numbers {
		require.EqualValues(t, 1, n)
	}
	require.Equal(t, points.Whole(4), p.balance(t, 0))
	order.Idempotency.Input[0] = 1
	_, err := p.Grant(ctx, system, order)
	require.ErrorIs(t, err, idempotency.ErrConflict)
}

// However many ask at once, on two processes, a cap is never exceeded.
func TestCapsHoldUnderConcurrency(t *testing.T) {
	p := setup(t)
	other := award.New(testkit.Reopen(t, p.dsn, p.clock))
	t.Cleanup(other.Close)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var total points.Amount
	for i := range 120 {
		wg.Go(func() {
			out, err := []*award.Service{p.Service, other}[i%2].Grant(ctx, system, award.Order{Village: p.village,
				Grants: []award.Grant{{Rule: p.rules["A2"], Household: p.houses[i%3].ID, Day: cal.Day(20261101 + i%20)}}})
			if err != nil {
				require.ErrorIs(t, err, rule.ErrCapped)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			total += out[0].Points
		})
	}
	wg.Wait()
	require.Equal(t, points.Whole(30), total)
	for h := range 3 {
		require.Equal(t, points.Whole(10), p.balance(t, h))
	}
	p.clean(t)
}

// In any order, with reversals in between, the month's cap and the day's times hold.
func TestCapsHoldInAnyOrder(t *testing.T) {
	p := setup(t)
	rapid.Check(t, func(t *rapid.T) {
		h, err := p.people.CreateHousehold(ctx, system, people.NewHousehold{Village: p.village, Members: []people.Person{{Name: "某某"}}})
		require.NoError(t, err)
		standing := map[cal.Day]award.Outcome{}
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			day := cal.Day(20261101 + rapid.IntRange(0, 6).Draw(t, "day"))
			if old, ok := standing[day]; ok && rapid.Bool().Draw(t, "undo") {
				_, err := p.Reverse(ctx, system, p.village, []int64{old.Number}, "记错了", idempotency.Request{})
				require.NoError(t, err)
				delete(standing, day)
				continue
			}
			out, err := p.Grant(ctx, system, award.Order{Village: p.village, Grants: []award.Grant{{Rule: p.rules["A2"], Household: h.ID, Day: day}}})
			if err != nil {
				require.ErrorIs(t, err, rule.ErrCapped)
				continue
			}
			require.NotContains(t, standing, day)
			standing[day] = out[0]
			var sum points.Amount
			for _, o := range standing {
				sum += o.Points
			}
			require.LessOrEqual(t, sum, points.Whole(10))
		}
	})
	p.clean(t)
}

func TestImportFromExcel(t *testing.T) {
	p := setup(t)
	sheet := func(rows ...[]any) []byte {
		var b bytes.Buffer
		require.NoError(t, xlsx.Write(&b, xlsx.Book{Sheets: []xlsx.Sheet{{Name: "登记", Heads: []xlsx.Head{{Header: "项目"}, {Header: "户码"}, {Header: "姓名"}, {Header: "分值"}, {Header: "备注"}},
			Rows: func(yield func([]any) bool) {
				for _, r := range rows {
					if !yield(r) {
						return
					}
				}
			}}}}))
		return b.Bytes()
	}
	good := sheet([]any{"庭院整洁", p.houses[0].Code, "", "", "干净"}, []any{"A1", "", "户主1", "", ""}, []any{"A3", "", "户主2", "6", ""})
	r, err := p.Import(ctx, system, p.village, good, true, key("x"))
	require.NoError(t, err)
	require.False(t, r.Written)
	require.Zero(t, p.balance(t, 0))
	for range 2 { // sent twice, booked once
		r, err = p.Import(ctx, system, p.village, good, false, key("x"))
		require.NoError(t, err)
		require.True(t, r.Written)
		require.Len(t, r.Outcomes, 3)
	}
	require.Equal(t, points.Whole(10), p.balance(t, 1))
	require.Equal(t, points.Whole(6), p.balance(t, 2))

	bad := sheet([]any{"庭院整洁", p.houses[0].Code, "张三", "", ""}, []any{"没有这条", "", "户主1", "", ""}, []any{"A1", "", "无名氏", "", ""}, []any{"A1", "", "户主1", "", ""})
	r, err = p.Import(ctx, system, p.village, bad, false, key("y"))
	require.NoError(t, err)
	require.False(t, r.Written)
	require.Len(t, r.Problems, 3)
	var report bytes.Buffer
	require.NoError(t, r.WriteProblems(&report))
	require.Equal(t, points.Whole(10), p.balance(t, 1))
}

func TestNeighbourMayNotAward(t *testing.T) {
	p := setup(t)
	elsewhere := id.New()
	neighbour := auth.Actor{Kind: auth.KindOfficer, Grants: []auth.Grant{{Role: auth.RoleVillage, Region: elsewhere, Regions: map[id.ID]struct{}{elsewhere: {}}}}}
	_, err := p.Grant(ctx, neighbour, award.Order{Village: p.village, Grants: []award.Grant{{Rule: p.rules["A1"], Household: p.houses[0].ID}}})
	require.ErrorContains(t, err, "not_found")
	_, err = p.Grant(ctx, neighbour, award.Order{Village: elsewhere, Grants: []award.Grant{{Rule: p.rules["A1"], Household: p.houses[0].ID}}})
	require.ErrorContains(t, err, "not_found")
	_, err = p.Preview(ctx, neighbour, award.Order{Village: p.village, Grants: []award.Grant{{Rule: p.rules["A1"], Household: p.houses[0].ID}}})
	require.ErrorContains(t, err, "not_found")
	require.Zero(t, p.balance(t, 0))
}
