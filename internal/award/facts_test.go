package award_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/award"
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

func whole(n int64) points.Amount { return points.Whole(n) }

// shaped is a village with a book of shapes that depend on more than the rule, and limits over all of it.
func shaped(t testing.TB) place {
	p := setup(t)
	rules := rule.New(p.d)
	book, err := rules.CreateBook(ctx, system, rule.NewBook{Region: p.village, Asset: ledger.Points, Name: "各种计分"})
	require.NoError(t, err)
	draft := book.Versions[0].ID
	for _, in := range []rule.Input{
		{Code: "T", Category: "志愿", Item: "志愿服务", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Tiers, Unit: "小时", Tiers: []rule.Tier{{At: whole(4), Points: whole(1)}, {At: whole(10), Points: whole(2)}}}},
		{Code: "H1", Category: "活动", Item: "参加清洁日", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Fixed, Points: whole(3)}},
		{Code: "H2", Category: "活动", Item: "组织清洁日", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Fixed, Points: whole(8)}},
		{Code: "H3", Category: "活动", Item: "清洁日带头", Subject: rule.Person, Spec: rule.Spec{Shape: rule.Fixed, Points: whole(5)}},
		{Code: "M", Category: "会议", Item: "全家参加村民大会", Subject: rule.Person, Spec: rule.Spec{Shape: rule.Fixed, Points: whole(2), Credit: rule.CreditMembers, Caps: []rule.Cap{{Per: rule.PerDay, Times: 1}}}},
		{Code: "F", Category: "失信", Item: "家庭失信", Subject: rule.Person, Spec: rule.Spec{Shape: rule.Fixed, Points: whole(-1), Credit: rule.CreditHead}},
		{Code: "B", Category: "表彰", Item: "受表彰", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Levels, Credit: rule.CreditBoth, Levels: []rule.Level{{Name: "县级", Points: whole(4)}, {Name: "市级", Points: whole(9)}}}},
		{Code: "P", Category: "学习", Item: "参加培训", Subject: rule.Person, Spec: rule.Spec{Shape: rule.Fixed, Points: whole(2), Caps: []rule.Cap{{Per: rule.PerMonth, Times: 2, Who: rule.WhoHousehold}}}},
		{Code: "Y", Category: "基础", Item: "年度基础分", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Base, Points: whole(100), ScoreOnly: true}},
		{Code: "K", Category: "环境", Item: "庭院检查", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Block, Points: whole(10), Less: whole(4)}},
		{Code: "V", Category: "底线", Item: "参与邪教", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Grade, Veto: true, Lowers: true}},
	} {
		r, err := rules.AddRule(ctx, system, draft, in)
		require.NoError(t, err, in.Code)
		p.rules[in.Code] = r.ID
	}
	_, err = rules.SetTerms(ctx, system, draft, rule.Terms{Limits: []rule.Limit{
		{Cap: rule.Cap{Per: rule.PerMonth, Points: whole(40)}}, {Category: "会议", Cap: rule.Cap{Per: rule.PerMonth, Points: whole(5)}},
	}})
	require.NoError(t, err)
	_, err = rules.Adopt(ctx, system, draft, rule.Adoption{Meeting: "村民代表会议", On: 20260101, VotesFor: 30, From: 20260101})
	require.NoError(t, err)
	return p
}

// family is a household of n persons; the first is the head.
func (p place) family(t require.TestingT, n int) (people.Household, []people.Villager) {
	var members []people.Person
	for i := range n {
		members = append(members, people.Person{Name: fmt.Sprintf("成员%d", i)})
	}
	h, err := p.people.CreateHousehold(ctx, system, people.NewHousehold{Village: p.village, Members: members})
	require.NoError(t, err)
	_, all, err := p.people.Household(ctx, system, h.ID)
	require.NoError(t, err)
	return h, all
}

func (p place) grant(grants ...award.Grant) ([]award.Outcome, error) {
	return p.Grant(ctx, system, award.Order{Village: p.village, Grants: grants})
}

func (p place) scores(t require.TestingT, owners ...id.ID) (out map[id.ID]points.Amount) {
	require.NoError(t, p.d.Read(ctx, func(tx db.Tx) (err error) {
		out, err = ledger.Scores(tx, ledger.Points, owners, 202601, 202612)
		return err
	}))
	return out
}

func TestHoursAddUpAndReversedOnesDoNot(t *testing.T) {
	p := shaped(t)
	h := p.houses[0].ID
	give := func(hours int64) award.Outcome {
		out, err := p.grant(award.Grant{Rule: p.rules["T"], Household: h, Quantity: whole(hours)})
		require.NoError(t, err)
		return out[0]
	}
	first := give(3)
	require.Zero(t, first.Points)
	require.EqualValues(t, 1, first.Number, "hours without points are on record all the same")
	require.Equal(t, whole(1), give(2).Points)
	require.Equal(t, whole(1), give(6).Points)
	_, err := p.Reverse(ctx, system, p.village, []int64{first.Number}, "记错了户", key("r"))
	require.NoError(t, err)
	require.Zero(t, give(1).Points, "11−3+1 hours: tier 1, of which 2 points stand already")
	require.Zero(t, give(1).Points)
	require.Equal(t, whole(2), p.balance(t, 0))
	p.clean(t)
}

func TestWhoGetsIt(t *testing.T) {
	p := shaped(t)
	h, members := p.family(t, 3)
	out, err := p.grant(award.Grant{Rule: p.rules["M"], Household: h.ID}, award.Grant{Rule: p.rules["F"], Household: h.ID},
		award.Grant{Rule: p.rules["B"], Person: members[1].ID, Level: "市级"}, award.Grant{Rule: p.rules["B"], Household: h.ID, Level: "市级"})
	require.NoError(t, err)
	require.Len(t, out, 6)
	var got []points.Amount
	for i, o := range out {
		got = append(got, o.Points)
		require.Equal(t, []int{0, 0, 0, 1, 2, 3}[i], o.Grant)
	}
	require.Equal(t, []points.Amount{whole(2), whole(2), whole(1), whole(-1), whole(9), 0}, got, "会议 is limited to 5 a month for the household")
	require.Equal(t, "award.subject", out[5].Failed.Code, "the one who did it must be named")
	require.Equal(t, h.Head, out[3].Person)
	scores := p.scores(t, h.ID, members[0].ID, members[1].ID, members[2].ID)
	require.Equal(t, whole(13), scores[h.ID])
	var byPerson points.Amount
	for _, m := range members {
		byPerson += scores[m.ID]
	}
	require.Equal(t, whole(13), byPerson)
	require.GreaterOrEqual(t, scores[members[1].ID], whole(10))
	_, err = p.grant(award.Grant{Rule: p.rules["P"], Person: members[0].ID})
	require.NoError(t, err)
	_, err = p.grant(award.Grant{Rule: p.rules["P"], Person: members[1].ID})
	require.NoError(t, err)
	_, err = p.grant(award.Grant{Rule: p.rules["P"], Person: members[2].ID})
	require.ErrorIs(t, err, rule.ErrCapped, "twice a month for the whole household")
	p.clean(t)
}

func TestBaseBlockAndVeto(t *testing.T) {
	p := shaped(t)
	h := p.houses[1].ID
	out, err := p.grant(award.Grant{Rule: p.rules["Y"], Household: h}, award.Grant{Rule: p.rules["Y"], Household: h},
		award.Grant{Rule: p.rules["K"], Household: h, Spots: new(int)}, award.Grant{Rule: p.rules["V"], Household: h})
	require.NoError(t, err)
	require.Equal(t, whole(100), out[0].Points)
	require.Zero(t, out[0].Booked)
	require.Equal(t, "rule.capped", out[1].Failed.Code)
	require.Equal(t, whole(10), out[2].Points)
	require.True(t, out[3].Veto)
	require.Equal(t, whole(10), p.balance(t, 1), "base points count and cannot be spent")
	require.Equal(t, whole(110), p.scores(t, h)[h])
	_, err = p.Reverse(ctx, system, p.village, []int64{out[0].Number, out[3].Number}, "记错了", key("r"))
	require.NoError(t, err)
	require.Equal(t, whole(10), p.scores(t, h)[h])
	out, err = p.grant(award.Grant{Rule: p.rules["Y"], Household: h})
	require.NoError(t, err)
	require.Equal(t, whole(100), out[0].Points)
	p.clean(t)
}

// One act under several rules, one after another, at once, or from a sheet, in any order, brings the highest once; so it
// does when the awards are first looked at.
func TestOneActPaysTheHighestOnly(t *testing.T) {
	p := shaped(t)
	rapid.Check(t, func(t *rapid.T) {
		h, members := p.family(t, 2)
		codes := rapid.Permutation([]string{"H1", "H2", "H3", "H1", "H2"}).Draw(t, "order")
		var grants []award.Grant
		for _, c := range codes {
			g := award.Grant{Rule: p.rules[c], Household: h.ID, Act: "清洁日"}
			if c == "H3" {
				g.Person = members[1].ID
			}
			grants = append(grants, g)
		}
		switch rapid.SampledFrom([]string{"singly", "in bulk", "by sheet", "at once"}).Draw(t, "how") {
		case "singly":
			for _, g := range grants {
				_, err := p.grant(g)
				_ = err // refused where it is not the highest; the sum tells
			}
		case "in bulk":
			seen, err := p.Preview(ctx, system, award.Order{Village: p.village, Grants: grants})
			require.NoError(t, err)
			out, err := p.grant(grants...)
			require.NoError(t, err)
			for i := range out {
				require.Equal(t, seen[i].Points, out[i].Points)
			}
		case "by sheet":
			report, err := p.Import(ctx, system, p.village, actSheet(t, h, codes), false, idempotency.Request{})
			require.NoError(t, err)
			require.True(t, report.Written)
		case "at once":
			var wg sync.WaitGroup
			for _, g := range grants {
				wg.Go(func() { _, _ = p.grant(g) })
			}
			wg.Wait()
		}
		require.Equal(t, whole(8), p.scores(t, h.ID)[h.ID])
	})
	p.clean(t)
}

func actSheet(t require.TestingT, h people.Household, codes []string) []byte {
	var file bytes.Buffer
	heads := []xlsx.Head{{Header: "户码"}, {Header: "姓名"}, {Header: "条目"}, {Header: "同一行为"}}
	require.NoError(t, xlsx.Write(&file, xlsx.Book{Sheets: []xlsx.Sheet{{Name: "登记", Heads: heads, Rows: func(yield func([]any) bool) {
		for _, c := range codes {
			if !yield([]any{h.Code, "成员1", c, "清洁日"}) {
				return
			}
		}
	}}}}))
	return file.Bytes()
}

func TestFactsFromASheet(t *testing.T) {
	p := shaped(t)
	h, _ := p.family(t, 1)
	var file bytes.Buffer
	heads := []xlsx.Head{{Header: "户码"}, {Header: "姓名"}, {Header: "条目"}, {Header: "时长"}, {Header: "等级"}, {Header: "处数"}}
	require.NoError(t, xlsx.Write(&file, xlsx.Book{Sheets: []xlsx.Sheet{{Name: "登记", Heads: heads, Rows: func(yield func([]any) bool) {
		_ = yield([]any{h.Code, "", "志愿服务", xlsx.Number("4.5"), "", ""}) &&
			yield([]any{h.Code, "成员0", "受表彰", "", "县级", ""}) &&
			yield([]any{h.Code, "", "庭院检查", "", "", xlsx.Number("1")}) &&
			yield([]any{h.Code, "", "庭院检查", "", "", ""}) &&
			yield([]any{h.Code, "成员0", "受表彰", "", "省级", ""})
	}}}}))
	report, err := p.Import(ctx, system, p.village, file.Bytes(), false, idempotency.Request{})
	require.NoError(t, err)
	require.Len(t, report.Outcomes, 5)
	require.Equal(t, []points.Amount{whole(1), whole(4), whole(6)}, []points.Amount{report.Outcomes[0].Points, report.Outcomes[1].Points, report.Outcomes[2].Points})
	require.Equal(t, "「庭院检查」要填发现几处问题，没有就填 0", report.Outcomes[3].Failed.Text)
	require.Equal(t, "「受表彰」要选等级：县级、市级", report.Outcomes[4].Failed.Text)
	list, err := p.List(ctx, system, p.village, award.Filter{Household: h.ID})
	require.NoError(t, err)
	require.Equal(t, []any{points.Amount(450), "县级", 1}, []any{list[2].Quantity, list[1].Level, list[0].Spots})
}

// The limit over the whole book holds for a household and its persons together, however many ask at once on two processes.
func TestBookLimitHoldsUnderConcurrency(t *testing.T) {
	p := shaped(t)
	other := award.New(testkit.Reopen(t, p.dsn, p.clock))
	t.Cleanup(other.Close)
	h, members := p.family(t, 2)
	var wg sync.WaitGroup
	for i := range 40 {
		g := award.Grant{Rule: p.rules["H1"], Household: h.ID}
		if i%2 == 0 {
			g = award.Grant{Rule: p.rules["H3"], Person: members[i%4/2].ID}
		}
		wg.Go(func() {
			_, err := []*award.Service{p.Service, other}[i%2].Grant(ctx, system, award.Order{Village: p.village, Grants: []award.Grant{g}})
			if err != nil {
				require.ErrorIs(t, err, rule.ErrCapped)
			}
		})
	}
	wg.Wait()
	require.Equal(t, whole(40), p.scores(t, h.ID)[h.ID])
	p.clean(t)
}

// What a person got in another household still counts for that person's caps.
func TestHistoryFollowsThePerson(t *testing.T) {
	p := shaped(t)
	h, members := p.family(t, 2)
	_, err := p.grant(award.Grant{Rule: p.rules["M"], Household: h.ID})
	require.NoError(t, err)
	to, _ := p.family(t, 1)
	_, err = p.people.MoveVillager(ctx, system, members[1].ID, to.ID, "")
	require.NoError(t, err)
	_, err = p.grant(award.Grant{Rule: p.rules["M"], Person: members[1].ID})
	require.ErrorIs(t, err, rule.ErrCapped, "once a day, wherever the person lives")
}

func TestBasePointsAreGivenToAllOnce(t *testing.T) {
	p := shaped(t)
	_, err := p.GiveBase(ctx, system, p.village, false, key("none"))
	require.NoError(t, err)
	report, err := p.GiveBase(ctx, system, p.village, true, idempotency.Request{})
	require.NoError(t, err)
	require.Equal(t, award.BaseReport{Rules: 1, Had: 5}, report)
	h, _ := p.family(t, 1)
	report, err = p.GiveBase(ctx, system, p.village, true, idempotency.Request{})
	require.NoError(t, err)
	require.Equal(t, award.BaseReport{Rules: 1, Given: 1, Points: whole(100), Had: 5}, report)
	require.Zero(t, p.scores(t, h.ID)[h.ID], "a preview writes nothing")
	report, err = p.GiveBase(ctx, system, p.village, false, key("newcomer"))
	require.NoError(t, err)
	require.Equal(t, 1, report.Given)
	require.Equal(t, whole(100), p.scores(t, h.ID)[h.ID])
	again, err := p.GiveBase(ctx, system, p.village, false, key("newcomer"))
	require.NoError(t, err)
	require.Equal(t, report, again, "a repetition answers as the first time")
	p.clock.Add(40 * 24 * time.Hour) // into 2027
	report, err = p.GiveBase(ctx, system, p.village, false, key("next year"))
	require.NoError(t, err)
	require.Equal(t, 6, report.Given)
	p.clean(t)

	plain := setup(t)
	_, err = plain.GiveBase(ctx, system, plain.village, false, key("x"))
	require.ErrorIs(t, err, award.ErrNoBase)
}

// A household's own awards are counted once, whether another grant of the order makes the plan read all of the household's or not.
func TestTalliesBesideWholeHistories(t *testing.T) {
	p := setup(t)
	rules := rule.New(p.d)
	book, err := rules.CreateBook(ctx, system, rule.NewBook{Region: p.village, Asset: ledger.Points, Name: "每月三次"})
	require.NoError(t, err)
	draft := book.Versions[0].ID
	r, err := rules.AddRule(ctx, system, draft, rule.Input{Code: "C", Category: "劳动", Item: "出工", Subject: rule.Household,
		Spec: rule.Spec{Shape: rule.Fixed, Points: whole(2), Caps: []rule.Cap{{Per: rule.PerMonth, Times: 4}}}})
	require.NoError(t, err)
	_, err = rules.Adopt(ctx, system, draft, rule.Adoption{Meeting: "村民代表会议", On: 20260101, VotesFor: 30, From: 20260101})
	require.NoError(t, err)
	own := award.Grant{Rule: r.ID, Household: p.houses[0].ID}
	act := award.Grant{Rule: p.rules["A1"], Household: p.houses[0].ID, Act: "清洁日"} // needs all of the household's
	other := award.Grant{Rule: r.ID, Household: p.houses[1].ID}
	failed := func(grants ...award.Grant) (codes []string) {
		out, err := p.grant(grants...)
		require.NoError(t, err)
		for _, o := range out {
			code := ""
			if o.Failed != nil {
				code = o.Failed.Code
			}
			codes = append(codes, code)
		}
		return codes
	}
	capped := rule.ErrCapped.ID
	require.Equal(t, []string{"", ""}, failed(own, own))
	require.Equal(t, []string{"", "", "", ""}, failed(own, act, other, other), "the third of one, the first two of another")
	require.Equal(t, []string{"", capped}, failed(own, own), "the fourth is the last")
	require.Equal(t, []string{"", "", capped}, failed(other, other, other))

	out, err := p.grant(award.Grant{Rule: p.rules["B1"], Household: p.houses[2].ID}, award.Grant{Rule: r.ID, Household: p.houses[2].ID})
	require.NoError(t, err)
	require.Nil(t, out[1].Failed)
	_, err = p.Reverse(ctx, system, p.village, []int64{1}, "记错了", idempotency.Request{})
	require.NoError(t, err)
	require.Equal(t, []string{"", capped}, failed(own, own), "what was reversed does not count")
	p.clean(t)
}
