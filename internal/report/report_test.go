package report_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/report"
	"jishan/internal/rule"
	"jishan/internal/testkit"
)

var (
	ctx    = context.Background()
	system = auth.System("test")
)

func officer(region id.ID) auth.Actor {
	return auth.Actor{UserID: 1, Kind: auth.KindOfficer, Grants: []auth.Grant{{Role: auth.RoleVillage, Regions: map[id.ID]struct{}{region: {}}}}}
}

func TestFigures(t *testing.T) {
	clock := testkit.NewClock(t, "2026-11-23 10:00")
	d := testkit.DBAt(t, clock)
	folk, err := people.NewService(d, []byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	region := func(parent id.ID, kind people.RegionKind, code string) id.ID {
		r, err := folk.CreateRegion(ctx, system, people.NewRegion{Parent: parent, Kind: kind, Code: code, Name: "地方" + code})
		require.NoError(t, err)
		return r.ID
	}
	county := region(0, people.County, "500100")
	town := region(county, people.Township, "500100101")
	village, empty := region(town, people.Village, "500100101201"), region(town, people.Village, "500100101202")
	var houses []people.Household
	for i := range 4 {
		h, err := folk.CreateHousehold(ctx, system, people.NewHousehold{Village: village, Members: []people.Person{{Name: fmt.Sprintf("户主%d", i)}}})
		require.NoError(t, err)
		houses = append(houses, h)
	}
	rules := rule.New(d)
	book, err := rules.CreateBook(ctx, system, rule.NewBook{Region: village, Asset: ledger.Points, Name: "本村积分细则"})
	require.NoError(t, err)
	draft := book.Versions[0].ID
	add := func(code string, p points.Amount) id.ID {
		r, err := rules.AddRule(ctx, system, draft, rule.Input{Code: code, Category: "环境", Item: "条目" + code, Subject: rule.Household, Spec: rule.Spec{Shape: rule.Fixed, Points: p}})
		require.NoError(t, err)
		return r.ID
	}
	good, bad := add("A1", points.Whole(10)), add("B1", points.Whole(-4))
	_, err = rules.Adopt(ctx, system, draft, rule.Adoption{Meeting: "村民代表会议", On: 20260101, VotesFor: 30, From: 20260101})
	require.NoError(t, err)
	awards := award.New(d)
	t.Cleanup(awards.Close)
	grant := func(r id.ID, house int, day cal.Day) award.Outcome {
		out, err := awards.Grant(ctx, system, award.Order{Village: village, Grants: []award.Grant{{Rule: r, Household: houses[house].ID, Day: day}}})
		require.NoError(t, err)
		require.Nil(t, out[0].Failed)
		return out[0]
	}
	grant(good, 0, 20261101)
	grant(good, 0, 20261122)
	grant(bad, 0, 20261123)
	undone := grant(good, 1, 20261123)
	_, err = awards.Reverse(ctx, system, village, []int64{undone.Number}, "录入有误", idempotency.Request{})
	require.NoError(t, err)

	s := report.New(d)
	list, err := s.Indicators(ctx, officer(village), village, 0)
	require.NoError(t, err)
	require.Equal(t, []report.Indicators{{Village: village, Name: "地方500100101201", Households: 4, People: 4, Awards: 3, Awarded: points.Whole(20),
		Deducted: points.Whole(4), Active: 1, Quarter: 1}}, list, "the reversed award is not counted")

	all, err := s.Indicators(ctx, system, county, 202610)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, empty, all[1].Village)
	require.Zero(t, all[0].Awards, "another month")
	require.EqualValues(t, 1, all[0].Quarter, "the same quarter")
	_, err = s.Indicators(ctx, officer(village), town, 0)
	require.ErrorIs(t, err, errs.ErrNotFound, "the township is out of reach")

	months, err := s.Months(ctx, officer(village), village, 3)
	require.NoError(t, err)
	require.Equal(t, []report.MonthLine{{Month: 202609}, {Month: 202610}, {Month: 202611, Awarded: points.Whole(20), Deducted: points.Whole(4), Active: 1}}, months)
	_, err = s.Months(ctx, officer(village), empty, 3)
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = s.Months(ctx, system, town, 3)
	require.ErrorIs(t, err, errs.ErrNotFound, "no village")

	first, err := s.Silent(ctx, officer(village), village, 0, "", 2)
	require.NoError(t, err)
	require.Len(t, first, 2)
	rest, err := s.Silent(ctx, officer(village), village, 0, first[1].Code, 2)
	require.NoError(t, err)
	require.Len(t, rest, 1)
	for _, h := range append(first, rest...) {
		require.NotEqual(t, houses[0].ID, h.ID, "it has points")
	}
	_, err = s.Silent(ctx, officer(village), empty, 0, "", 2)
	require.ErrorIs(t, err, errs.ErrNotFound)
}
