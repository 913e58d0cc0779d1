package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/cal"
	"jishan/internal/points"
)

func TestStoryOfAPartyMember(t *testing.T) {
	st := begin(t)
	st.people(t)
	st.book(t, st.officer, "party", []any{"组织生活", "参加党课", "4", "每月最多2次", "党员", "加分"}, []any{"纪律", "无故缺席", "2", "", "党员", "扣分"})
	lesson, absent := st.rules["参加党课"].ID, st.rules["无故缺席"].ID
	for class, goal := range map[string]int{"ordinary": 66, "cadre": 100} {
		put[none](t, st.town, "/townships/"+st.township.ID.String()+"/party-classes", map[string]any{"class": class, "base": 60, "goal": goal})
	}
	branch := post[api.Branch](t, st.officer, st.village("/branches"), map[string]any{"name": "第一党支部", "secretary": "赵铁柱"})
	report := upload[api.PartyReport](t, st.officer, st.village("/party-members/import"),
		sheet(t, []any{"姓名", "支部", "类别", "入党日期"}, []any{"王大山", "第一党支部", "普通党员", "2001-07-01"}, []any{"赵铁柱", "第一党支部", "村干部", "1999-07-01"},
			[]any{"钱多多", "第一党支部", "", "2010-07-01"}))
	require.True(t, report.Written, "%v", report.Problems)
	members := map[string]api.PartyMember{}
	for _, m := range get[api.PartyMembers](t, st.officer, st.village("/party-members")).Items {
		members[m.Name] = m
	}
	require.Len(t, members, 3)
	secretary := st.newcomer(t, st.town, "/users", "officer", "shuji", map[string]any{"role": "secretary", "region": st.vil.ID, "branch": branch.ID})

	// The secretary sees and scores the branch; a third lesson in the month is one too many.
	one := grants(map[string]any{"rule": lesson, "member": members["王大山"].ID})
	seen := post[api.AwardResult](t, secretary, st.village("/party-awards/preview"), one)
	require.Equal(t, points.Whole(4), seen.Items[0].Points)
	first := post[api.AwardResult](t, secretary, st.village("/party-awards"), one).Items[0]
	post[api.AwardResult](t, secretary, st.village("/party-awards"), one)
	a, err := secretary.json(http.MethodPost, st.village("/party-awards"), newKey(), one)
	refused(t, a, err, http.StatusConflict, "rule.capped")
	post[api.AwardResult](t, secretary, st.village("/party-awards"), grants(
		map[string]any{"rule": lesson, "member": members["赵铁柱"].ID}, map[string]any{"rule": absent, "member": members["钱多多"].ID}))

	standing := func() map[string]api.PartyPlace {
		out := map[string]api.PartyPlace{}
		s := get[api.Standing](t, secretary, "/branches/"+branch.ID.String()+"/standing")
		for _, p := range append(s.Ranked, s.Exempt...) {
			out[p.Member.Name] = p
		}
		out[""] = api.PartyPlace{Score: s.Average, Rank: len(s.Ranked), Progress: s.Reached}
		return out
	}
	now := standing()
	require.Equal(t, points.Whole(68), now["王大山"].Score)
	require.Equal(t, 1, now["王大山"].Rank)
	require.Equal(t, 103, now["王大山"].Progress) // 68 of 66
	require.Equal(t, points.Whole(64), now["赵铁柱"].Score)
	require.Equal(t, 64, now["赵铁柱"].Progress)
	require.Equal(t, points.Whole(58), now["钱多多"].Score)
	require.Equal(t, 3, now["钱多多"].Rank)
	require.Equal(t, points.Amount(6333), now[""].Score) // (68 + 64 + 58) / 3
	require.Equal(t, 1, now[""].Progress, "one has reached the goal")

	// An exempt member is out of the ranking and out of the denominator.
	e := post[api.Exemption](t, st.officer, "/party-members/"+members["钱多多"].ID.String()+"/exemptions", map[string]any{"reason": "illness", "from": cal.DayOf(time.Now()).Month().First().String()})
	now = standing()
	require.Zero(t, now["钱多多"].Rank)
	require.NotNil(t, now["钱多多"].Exemption)
	require.Equal(t, points.Whole(66), now[""].Score)
	require.Equal(t, 2, now[""].Rank)
	post[api.Exemption](t, st.officer, "/exemptions/"+e.ID.String()+"/revoke", map[string]any{"reason": "身体康复"})
	require.Equal(t, 3, standing()["钱多多"].Rank)

	// The score is not money: the wallet knows nothing of it.
	require.Zero(t, st.balance(t, "王大山"))
	lines := get[api.Page[api.StatementLine]](t, secretary, "/party-members/"+members["王大山"].ID.String()+"/statement").Items
	require.Len(t, lines, 2)
	require.Contains(t, lines[0].Reason, "参加党课")

	settled(t, st.s)
	board := func() (out []string) {
		settled(t, st.s)
		for _, r := range get[api.Board](t, st.officer, "/boards?subject=member&scope="+st.vil.ID.String()).Items {
			out = append(out, fmt.Sprintf("%d %s %s", r.Rank, r.Name, r.Score))
		}
		return out
	}
	require.Equal(t, []string{"1 王大山 8", "2 赵铁柱 4", "3 钱多多 -2"}, board())

	mine := get[api.MyParty](t, villager(t, st.stranger, st.houses["王大山"].ID), "/my/households/"+st.houses["王大山"].ID.String()+"/party")
	require.Len(t, mine.Items, 1)
	require.Equal(t, points.Whole(68), mine.Items[0].Score)

	undone := post[api.AwardOutcome](t, secretary, st.village(fmt.Sprintf("/party-awards/%d/reverse", first.Number)), map[string]any{"reason": "没有到场"})
	require.Nil(t, undone.Failed)
	require.Equal(t, points.Whole(64), standing()["王大山"].Score)
	require.ElementsMatch(t, []string{"1 王大山 4", "1 赵铁柱 4", "3 钱多多 -2"}, board(), "they share the first place")
	verifyRows(t, st.s.DB)
	verifyBoards(t, st.s)
}
