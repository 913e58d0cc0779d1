package award_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/award"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/rule"
	"jishan/internal/testkit"
)

// Where households belong is kept by two processes, and each decides on what stands, whoever has changed it.
func TestWhereHouseholdsBelongIsWhatStands(t *testing.T) {
	p := setup(t)
	rules := rule.New(p.d)
	book, err := rules.CreateBook(ctx, system, rule.NewBook{Region: p.village, Asset: ledger.Points, Name: "户主的细则"})
	require.NoError(t, err)
	forHead, err := rules.AddRule(ctx, system, book.Versions[0].ID, rule.Input{Code: "H", Category: "会议", Item: "户主到会", Subject: rule.Person,
		Spec: rule.Spec{Shape: rule.Fixed, Points: whole(1), Credit: rule.CreditHead}})
	require.NoError(t, err)
	_, err = rules.Adopt(ctx, system, book.Versions[0].ID, rule.Adoption{Meeting: "会议", On: 20260101, VotesFor: 1, From: 20260101})
	require.NoError(t, err)

	other := award.New(testkit.Reopen(t, p.dsn, p.clock))
	t.Cleanup(other.Close)
	everywhere := func(house int, want error) {
		t.Helper()
		for _, s := range []*award.Service{p.Service, other} {
			for range 2 { // what the first has read, the second supposes
				_, err := s.Grant(ctx, system, award.Order{Village: p.village, Grants: []award.Grant{{Rule: p.rules["A1"], Household: p.houses[house].ID}}})
				require.ErrorIs(t, err, want)
			}
		}
	}
	for house := range 4 {
		everywhere(house, nil)
	}
	moved, here := people.HouseholdMoved, people.HouseholdHere
	_, err = p.people.UpdateHousehold(ctx, system, p.houses[0].ID, people.HouseholdChange{State: &moved})
	require.NoError(t, err)
	everywhere(0, award.ErrInactive)
	everywhere(1, nil)
	_, err = p.people.UpdateHousehold(ctx, system, p.houses[0].ID, people.HouseholdChange{State: &here})
	require.NoError(t, err)
	everywhere(0, nil)

	merged, err := p.people.Merge(ctx, system, idempotency.Request{}, people.MergeOrder{Household: p.houses[1].ID, Into: p.houses[2].ID, Reason: "婚后同住"})
	require.NoError(t, err)
	everywhere(1, people.ErrMerged)
	everywhere(2, nil)
	_, err = p.people.UndoChange(ctx, system, idempotency.Request{}, merged.Change, "登记错了")
	require.NoError(t, err)
	everywhere(1, nil)

	_, members, err := p.people.Household(ctx, system, p.houses[3].ID)
	require.NoError(t, err)
	everywhere(3, nil)
	_, err = p.people.MoveVillager(ctx, system, members[0].ID, p.houses[2].ID, "亲属")
	require.NoError(t, err)
	everywhere(3, award.ErrInactive)

	wife, err := p.people.AddMember(ctx, system, p.houses[4].ID, people.Person{Name: "李芳", Relation: "配偶"})
	require.NoError(t, err)
	_, members, err = p.people.Household(ctx, system, p.houses[4].ID)
	require.NoError(t, err)
	toHead := func(want id.ID) {
		t.Helper()
		for _, s := range []*award.Service{p.Service, other} {
			out, err := s.Grant(ctx, system, award.Order{Village: p.village, Grants: []award.Grant{{Rule: forHead.ID, Household: p.houses[4].ID}}})
			require.NoError(t, err)
			require.Equal(t, want, out[0].Person)
		}
	}
	toHead(members[0].ID)
	_, err = p.people.UpdateHousehold(ctx, system, p.houses[4].ID, people.HouseholdChange{Head: &wife.ID})
	require.NoError(t, err)
	toHead(wife.ID)
	_, err = p.people.Split(ctx, system, idempotency.Request{}, people.SplitOrder{Household: p.houses[4].ID, Members: []people.Mover{{Villager: wife.ID}},
		StayHead: members[0].ID, Reason: "分家"})
	require.NoError(t, err)
	toHead(members[0].ID)
	p.clean(t)
}

// An award of what is kept asks for nothing but the stamps and the wallet.
func TestWhatIsKeptIsNotReadAgain(t *testing.T) {
	p := setup(t)
	var households, rules atomic.Int64
	d, err := db.Open(ctx, db.Options{DSN: p.dsn, Clock: p.clock.Now, Watch: func(query string, _ []any) {
		if strings.Contains(query, "FROM households") {
			households.Add(1)
		}
		if strings.Contains(query, "FROM rules") {
			rules.Add(1)
		}
	}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	s := award.New(d)
	t.Cleanup(s.Close)
	give := func() {
		_, err := s.Grant(ctx, system, award.Order{Village: p.village, Grants: []award.Grant{{Rule: p.rules["A1"], Household: p.houses[0].ID}}})
		require.NoError(t, err)
	}
	give()
	read, ruled := households.Load(), rules.Load()
	require.Positive(t, read)
	require.Positive(t, ruled)
	give()
	require.Equal(t, read, households.Load())
	require.Equal(t, ruled, rules.Load())
}
