package party_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/points"
)

func TestGoalsAreReadInEveryVillageOfTheTownship(t *testing.T) {
	p := setup(t)
	require.NoError(t, p.SetClass(ctx, p.town, p.township, party.ClassPlan{Class: party.Ordinary, Base: points.Whole(60), Goal: points.Whole(100)}))
	secretary := in(auth.RoleSecretary, p.branch("第一支部").ID, p.village)
	for name, a := range map[string]auth.Actor{"township": p.town, "village": p.officer, "secretary": secretary, "supervisor": in(auth.RoleSupervisor, 0, p.village)} {
		plans, err := p.Classes(ctx, a, p.township)
		require.NoError(t, err, name)
		require.Equal(t, points.Whole(100), plans[party.Ordinary-1].Goal, name)
	}
	_, err := p.Classes(ctx, in(auth.RoleVillage, 0, id.New()), p.township)
	require.ErrorIs(t, err, errs.ErrNotFound, "a village of another township")
	_, err = p.Classes(ctx, p.bystander, p.township)
	require.ErrorIs(t, err, errs.ErrForbidden)
	_, err = p.Classes(ctx, p.officer, id.New())
	require.ErrorIs(t, err, errs.ErrNotFound)
	require.ErrorIs(t, p.SetClass(ctx, p.officer, p.township, party.ClassPlan{Class: party.Ordinary}), errs.ErrNotFound, "reading is not setting")
}

// TestMemberMovesToAnotherVillage: a member leaves the branch first, and enters one of the new village under the same key.
func TestMemberMovesToAnotherVillage(t *testing.T) {
	p := setup(t, "张三", "李四")
	roster, err := people.NewService(p.d, []byte("a secret of thirty-two characters"))
	require.NoError(t, err)
	system := auth.System("test")
	there, err := roster.CreateHousehold(ctx, system, people.NewHousehold{Village: p.other, Members: []people.Person{{Name: "王五"}}})
	require.NoError(t, err)
	here := p.branch("第一支部")
	m := p.member(here, "张三", party.Ordinary)
	p.award(m, 202611, points.Whole(7))
	move := func() error {
		_, err := roster.MoveVillager(ctx, system, m.Villager, there.ID, "亲戚")
		return err
	}

	err = move()
	require.ErrorIs(t, err, people.ErrPartyMember)
	require.Contains(t, errs.From(err).Text(), "张三还是本村支部的党员，请先")
	require.NoError(t, p.d.Read(ctx, func(tx db.Tx) error {
		found, err := people.VillagersByID(tx, []id.ID{m.Villager})
		require.Equal(t, p.village, found[m.Villager].Village, "refused means nothing written")
		return err
	}))
	_, err = p.UpdateMember(ctx, p.officer, m.ID, party.MemberChange{Branch: here.ID, Class: party.Ordinary, State: party.MemberLeft})
	require.NoError(t, err)
	require.NoError(t, move())

	_, err = p.UpdateMember(ctx, p.officer, m.ID, party.MemberChange{Branch: here.ID, Class: party.Ordinary, State: party.MemberHere})
	require.ErrorIs(t, err, party.ErrMember, "the old branch does not take back who lives elsewhere")
	_, err = p.AddMember(ctx, p.officer, party.NewMember{Villager: m.Villager, Branch: here.ID, Class: party.Ordinary})
	require.ErrorIs(t, err, errs.ErrNotFound)
	branch, err := p.CreateBranch(ctx, p.neighbour, p.other, "新支部", "")
	require.NoError(t, err)
	now, err := p.AddMember(ctx, p.neighbour, party.NewMember{Villager: m.Villager, Branch: branch.ID, Class: party.Away})
	require.NoError(t, err)
	require.Equal(t, m.ID, now.ID)
	require.Equal(t, p.other, now.Village)
	st, err := p.Standing(ctx, p.neighbour, branch.ID, 20264)
	require.NoError(t, err)
	require.Equal(t, points.Whole(7), st.Ranked[0].Awarded, "the year's score comes along")
	p.award(now, 202611, points.Whole(3))
	st, err = p.Standing(ctx, p.neighbour, branch.ID, 20264)
	require.NoError(t, err)
	require.Equal(t, points.Whole(10), st.Ranked[0].Awarded)
	_, err = p.Member(ctx, p.officer, m.ID)
	require.ErrorIs(t, err, errs.ErrNotFound, "no longer the old village's")
	stays := p.member(here, "李四", party.Ordinary)
	require.Equal(t, p.village, stays.Village)
}
