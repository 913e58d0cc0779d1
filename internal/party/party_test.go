package party_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/testkit"
)

var ctx = context.Background()

// place is a village with villagers, and the officers who keep its party books.
type place struct {
	*party.Service
	t                                   *testing.T
	d                                   *db.DB
	clock                               *testkit.Clock
	township, village, other            id.ID
	people                              map[string]people.Villager
	codes                               map[string]string
	register                            *people.Service
	town, officer, neighbour, bystander auth.Actor
}

func in(role auth.Role, branch id.ID, regions ...id.ID) auth.Actor {
	set := map[id.ID]struct{}{}
	for _, r := range regions {
		set[r] = struct{}{}
	}
	return auth.Actor{UserID: id.New(), Kind: auth.KindOfficer, Name: auth.RoleNames[role],
		Grants: []auth.Grant{{Role: role, Region: regions[0], Regions: set, Branch: branch}}}
}

func setup(t *testing.T, names ...string) place {
	clock := testkit.NewClock(t, "2026-11-23 10:00")
	p := place{t: t, clock: clock, d: testkit.DBAt(t, clock), people: map[string]people.Villager{}, codes: map[string]string{}}
	villagers, err := people.NewService(p.d, bytes.Repeat([]byte("k"), 32))
	require.NoError(t, err)
	p.Service, p.register = party.New(p.d, villagers), villagers
	require.NoError(t, p.d.Tx(ctx, func(tx db.Tx) error {
		region := func(parent id.ID, kind people.RegionKind, code, name string) id.ID {
			r, err := people.InsertRegion(tx, people.NewRegion{Parent: parent, Kind: kind, Code: code, Name: name})
			require.NoError(t, err)
			return r.ID
		}
		county := region(0, people.County, "522200000000", "某县")
		p.township = region(county, people.Township, "522200100000", "某乡")
		p.village = region(p.township, people.Village, "522200100200", "小渔溪村")
		p.other = region(p.township, people.Village, "522200100201", "芷溪村")
		return nil
	}))
	p.town = in(auth.RoleTownship, 0, p.township, p.village, p.other)
	p.officer = in(auth.RoleVillage, 0, p.village)
	p.neighbour = in(auth.RoleVillage, 0, p.other)
	p.bystander = auth.Actor{Kind: auth.KindMerchant, Grants: []auth.Grant{{Role: auth.RoleClerk, Merchant: id.New()}}}
	p.settle(names...)
	return p
}

// settle gives people households in the village.
func (p place) settle(names ...string) {
	roster, err := people.NewService(p.d, []byte("a secret of thirty-two characters"))
	require.NoError(p.t, err)
	for _, n := range names {
		h, err := roster.CreateHousehold(ctx, auth.System("test"), people.NewHousehold{Village: p.village, Members: []people.Person{{Name: n}}})
		require.NoError(p.t, err)
		require.NoError(p.t, p.d.Read(ctx, func(tx db.Tx) error {
			found, err := people.VillagersByID(tx, []id.ID{h.Head})
			p.people[n], p.codes[n] = found[h.Head], h.Code
			return err
		}))
	}
}

func (p place) branch(name string) party.Branch {
	b, err := p.CreateBranch(ctx, p.officer, p.village, name, "书记")
	require.NoError(p.t, err)
	return b
}

func (p place) member(b party.Branch, name string, c party.Class) party.Member {
	m, err := p.AddMember(ctx, p.officer, party.NewMember{Villager: p.people[name].ID, Branch: b.ID, Class: c})
	require.NoError(p.t, err)
	return m
}

// award posts party score as the award package does.
func (p place) award(m party.Member, month cal.Month, n points.Amount) {
	p.t.Helper()
	require.NoError(p.t, p.d.Tx(ctx, func(tx db.Tx) error {
		account, issue := ledger.Party(m.Village, m.ID), ledger.Issue(m.Village, ledger.PartyScore)
		post := ledger.Posting{Book: m.Village, Kind: ledger.Award, Asset: ledger.PartyScore, Day: month.First(), Month: month, Member: m.ID, Branch: m.Branch,
			Score: n, Reason: "测试", From: issue, To: account, Amount: n.Abs()}
		if n < 0 {
			post.Kind, post.From, post.To, post.Shortfall, post.Owing = ledger.Deduct, account, issue, ledger.Owe, points.Whole(1000)
		}
		b := ledger.Begin(tx)
		if err := b.Lock(account); err != nil {
			return err
		}
		if _, err := b.Post(post); err != nil {
			return err
		}
		return b.Seal()
	}))
}

func ranks(s party.Standing) (out []string) {
	for _, p := range s.Ranked {
		out = append(out, fmt.Sprintf("%d %s %s %d%%", p.Rank, p.Member.Name, p.Score, p.Progress))
	}
	return out
}

func TestStandingOfAQuarter(t *testing.T) {
	p := setup(t, "张三", "李四", "王五", "赵六", "孙七", "周八")
	b := p.branch("第一支部")
	require.NoError(t, p.SetClass(ctx, p.town, p.township, party.ClassPlan{Class: party.Ordinary, Base: points.Whole(60), Goal: points.Whole(80)}))
	require.NoError(t, p.SetClass(ctx, p.town, p.township, party.ClassPlan{Class: party.Cadre, Base: points.Whole(50), Goal: points.Whole(100)}))
	zhang, li, wang := p.member(b, "张三", party.Cadre), p.member(b, "李四", party.Ordinary), p.member(b, "王五", party.Ordinary)
	zhao, sun := p.member(b, "赵六", party.Ordinary), p.member(b, "孙七", party.Ordinary)
	gone := p.member(b, "周八", party.Ordinary)
	_, err := p.UpdateMember(ctx, p.officer, gone.ID, party.MemberChange{Branch: b.ID, Class: party.Ordinary, State: party.MemberLeft})
	require.NoError(t, err)

	p.award(zhang, 202602, points.Whole(20))
	p.award(li, 202609, points.Whole(10))
	p.award(wang, 202610, points.Whole(25))
	p.award(wang, 202611, points.Whole(-5))
	p.award(zhao, 202611, points.Amount(1050))
	p.award(zhao, 202512, points.Whole(500)) // of the year before
	p.award(sun, 202611, points.Whole(-100))

	st, err := p.Standing(ctx, p.officer, b.ID, 20264)
	require.NoError(t, err)
	require.Equal(t, []string{"1 王五 80 100%", "2 赵六 70.5 88%", "3 李四 70 87%", "3 张三 70 70%", "5 孙七 -40 0%"}, ranks(st))
	require.Empty(t, st.Exempt)
	require.Equal(t, points.Amount(5010), st.Average)
	require.Equal(t, 1, st.Reached)
	require.Equal(t, 5, st.Branch.Members)
	require.Equal(t, [3]any{2026, cal.Month(202601), cal.Month(202612)}, [3]any{st.SchemeYear, st.From, st.To})

	// The one in difficulties is exempt: out of ranking and average, listed with the reason.
	e, err := p.Exempt(ctx, p.officer, party.NewExemption{Member: sun.ID, Reason: party.Illness, Evidence: "县医院诊断书", From: 20261120})
	require.NoError(t, err)
	require.Equal(t, p.officer.UserID, e.ApprovedBy)
	st, err = p.Standing(ctx, p.officer, b.ID, 20264)
	require.NoError(t, err)
	require.Len(t, st.Ranked, 4)
	require.Equal(t, points.Amount(7263), st.Average, "290.5 by 4, rounded half up")
	require.Len(t, st.Exempt, 1)
	require.Equal(t, "孙七", st.Exempt[0].Member.Name)
	require.Equal(t, points.Whole(-40), st.Exempt[0].Score)
	require.Equal(t, party.Illness, st.Exempt[0].Exemption.Reason)
	st, err = p.Standing(ctx, p.officer, b.ID, 20263)
	require.NoError(t, err)
	require.Equal(t, []string{"1 李四 70 87%", "1 张三 70 70%", "3 孙七 60 75%", "3 王五 60 75%", "3 赵六 60 75%"}, ranks(st))

	require.NoError(t, p.Revoke(ctx, p.officer, e.ID, "已康复"))
	require.ErrorIs(t, p.Revoke(ctx, p.officer, e.ID, "再撤"), party.ErrAlreadyLifted)
	st, err = p.Standing(ctx, p.officer, b.ID, 20264)
	require.NoError(t, err)
	require.Len(t, st.Ranked, 5)
	list, err := p.Exemptions(ctx, p.officer, sun.ID)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.True(t, list[0].Revoked)

	all, err := p.Standings(ctx, p.officer, p.village, 20264)
	require.NoError(t, err)
	require.Equal(t, []party.Standing{st}, all)
	_, err = p.Standing(ctx, p.officer, b.ID, 20265)
	require.ErrorIs(t, err, party.ErrQuarter)

	var entries []audit.Record
	require.NoError(t, p.d.Read(ctx, func(tx db.Tx) (err error) {
		entries, err = audit.List(tx, audit.Filter{Anywhere: true, Action: "party"}, audit.Cursor{}, 100)
		return err
	}))
	require.Len(t, entries, 12)
}

func TestSchemeYearFromAugust(t *testing.T) {
	p := setup(t, "张三")
	set := people.DefaultSettings(p.village)
	set.SchemeStart = 8
	roster, err := people.NewService(p.d, []byte("a secret of thirty-two characters"))
	require.NoError(t, err)
	require.NoError(t, roster.UpdateSettings(ctx, p.town, set))
	m := p.member(p.branch("第一支部"), "张三", party.Ordinary)
	for month, n := range map[cal.Month]int64{202607: 1, 202608: 2, 202609: 4, 202610: 8, 202707: 16, 202708: 32} {
		p.award(m, month, points.Whole(n))
	}
	// August begins the year within a quarter: that quarter's standing is the end of the old year, and no month is lost.
	for q, want := range map[cal.Quarter]int64{20262: 0, 20263: 1, 20264: 14, 20272: 14, 20273: 30, 20274: 32} {
		st, err := p.Standing(ctx, p.officer, m.Branch, q)
		require.NoError(t, err)
		require.Equal(t, points.Whole(want), st.Ranked[0].Score, q)
	}
}

func TestExemptionIsChecked(t *testing.T) {
	p := setup(t, "张三")
	m := p.member(p.branch("第一支部"), "张三", party.Ordinary)
	for _, n := range []party.NewExemption{
		{Member: m.ID, From: 20260101}, {Member: m.ID, Reason: party.Other, From: 20260101}, {Member: m.ID, Reason: party.OldAge},
		{Member: m.ID, Reason: party.OldAge, From: 20260201, To: 20260131}, {Member: m.ID, Reason: party.OldAge, From: 20260231},
		{Member: m.ID, Reason: party.Other, Note: strings.Repeat("长", 201), From: 20260101},
	} {
		_, err := p.Exempt(ctx, p.officer, n)
		require.ErrorIs(t, err, party.ErrExemption, "%+v", n)
	}
	_, err := p.Exempt(ctx, p.officer, party.NewExemption{Member: m.ID, Reason: party.OldAge, From: 20260101, To: 20260630})
	require.NoError(t, err)
	_, err = p.Exempt(ctx, p.officer, party.NewExemption{Member: m.ID, Reason: party.Illness, From: 20260630})
	require.ErrorIs(t, err, party.ErrExempt)
	_, err = p.Exempt(ctx, p.officer, party.NewExemption{Member: m.ID, Reason: party.Illness, From: 20260701})
	require.NoError(t, err)
}

func TestMembersComeGoAndMove(t *testing.T) {
	p := setup(t, "张三", "李四")
	a, b := p.branch("第一支部"), p.branch("第二支部")
	_, err := p.CreateBranch(ctx, p.officer, p.village, " 第一支部 ", "")
	require.ErrorIs(t, err, party.ErrBranchTaken)
	_, err = p.UpdateBranch(ctx, p.officer, b.ID, "第一支部", "")
	require.ErrorIs(t, err, party.ErrBranchTaken)
	_, err = p.UpdateBranch(ctx, p.officer, b.ID, "老年支部", "李四")
	require.NoError(t, err)

	m := p.member(a, "张三", party.Ordinary)
	_, err = p.AddMember(ctx, p.officer, party.NewMember{Villager: m.Villager, Branch: b.ID, Class: party.Ordinary})
	require.ErrorIs(t, err, party.ErrMemberTaken)
	_, err = p.AddMember(ctx, p.officer, party.NewMember{Villager: p.people["李四"].ID, Branch: b.ID, Class: 9})
	require.ErrorIs(t, err, party.ErrMember)
	_, err = p.AddMember(ctx, p.officer, party.NewMember{Villager: id.New(), Branch: b.ID, Class: party.Ordinary})
	require.ErrorIs(t, err, errs.ErrNotFound)

	require.ErrorIs(t, p.DeleteBranch(ctx, p.officer, a.ID), party.ErrBranchInUse)
	m, err = p.UpdateMember(ctx, p.officer, m.ID, party.MemberChange{Branch: b.ID, Class: party.Cadre, Joined: 20010701, State: party.MemberLeft})
	require.NoError(t, err)
	require.NoError(t, p.DeleteBranch(ctx, p.officer, a.ID))
	back := p.member(b, "张三", party.Ordinary)
	require.Equal(t, m.ID, back.ID, "who comes back keeps the key and so the score")

	got, err := p.Members(ctx, p.officer, party.MemberQuery{Village: p.village, Text: "zs"})
	require.NoError(t, err)
	require.Equal(t, []party.Member{back}, got)
	got, err = p.Members(ctx, p.officer, party.MemberQuery{Village: p.village, Text: "四"})
	require.NoError(t, err)
	require.Empty(t, got)
	branches, err := p.Branches(ctx, p.officer, p.village)
	require.NoError(t, err)
	require.Equal(t, []party.Branch{{ID: b.ID, Village: p.village, Name: "老年支部", Secretary: "李四", Members: 1}}, branches)
}

func TestNobodyReachesAnothersBranch(t *testing.T) {
	p := setup(t, "张三", "李四")
	a, b := p.branch("第一支部"), p.branch("第二支部")
	m := p.member(a, "张三", party.Ordinary)
	e, err := p.Exempt(ctx, p.officer, party.NewExemption{Member: m.ID, Reason: party.OldAge, From: 20260101})
	require.NoError(t, err)
	secretary := in(auth.RoleSecretary, b.ID, p.village)
	for name, c := range map[string]struct {
		actor auth.Actor
		want  *errs.Code
	}{
		"neighbour":          {p.neighbour, errs.ErrNotFound},
		"the other branch's": {secretary, errs.ErrNotFound},
		"clerk":              {p.bystander, errs.ErrForbidden},
		"nobody":             {auth.Actor{}, errs.ErrForbidden},
	} {
		check := func(err error) { t.Helper(); require.ErrorIs(t, err, c.want, name) }
		_, err := p.Member(ctx, c.actor, m.ID)
		check(err)
		_, err = p.Member(ctx, c.actor, id.New())
		check(err)
		_, err = p.Exemptions(ctx, c.actor, m.ID)
		check(err)
		_, err = p.Standing(ctx, c.actor, a.ID, 20264)
		check(err)
		_, err = p.UpdateMember(ctx, c.actor, m.ID, party.MemberChange{Branch: b.ID, Class: party.Cadre, State: party.MemberHere})
		check(err)
		_, err = p.AddMember(ctx, c.actor, party.NewMember{Villager: p.people["李四"].ID, Branch: a.ID, Class: party.Ordinary})
		check(err)
		_, err = p.Exempt(ctx, c.actor, party.NewExemption{Member: m.ID, Reason: party.OldAge, From: 20260101})
		check(err)
		check(p.Revoke(ctx, c.actor, e.ID, "x"))
		check(p.Revoke(ctx, c.actor, id.New(), "x"))
		_, err = p.UpdateBranch(ctx, c.actor, a.ID, "x", "")
		check(err)
		check(p.DeleteBranch(ctx, c.actor, a.ID))
		_, err = p.CreateBranch(ctx, c.actor, p.village, "x", "")
		check(err)
		check(p.SetClass(ctx, c.actor, p.township, party.ClassPlan{Class: party.Ordinary}))
	}
	// The secretary sees and keeps their own branch.
	branches, err := p.Branches(ctx, secretary, p.village)
	require.NoError(t, err)
	require.Len(t, branches, 1)
	_, err = p.AddMember(ctx, secretary, party.NewMember{Villager: p.people["李四"].ID, Branch: b.ID, Class: party.Ordinary})
	require.NoError(t, err)
	members, err := p.Members(ctx, secretary, party.MemberQuery{Village: p.village})
	require.NoError(t, err)
	require.Len(t, members, 1)
	standings, err := p.Standings(ctx, secretary, p.village, 20264)
	require.NoError(t, err)
	require.Len(t, standings, 1)
	plans, err := p.Classes(ctx, p.town, p.township)
	require.NoError(t, err)
	require.Len(t, plans, len(party.ClassNames))
}

// A list with identity numbers finds whom it means by them, whoever else has the name.
func TestImportMembersByIdentityNumber(t *testing.T) {
	p := setup(t, "张三", "王五", "王五")
	p.branch("第一支部")
	const first, second, nobody, wrong = "11010519491231002X", "500101197001011003", "500101195001010001", "110105194912310021"
	var fives []people.Villager
	for _, number := range []string{first, second} {
		h, err := p.register.CreateHousehold(ctx, auth.System("test"), people.NewHousehold{Village: p.village, Members: []people.Person{{Name: "王五", IDNumber: number}}})
		require.NoError(t, err)
		_, members, err := p.register.Household(ctx, auth.System("test"), h.ID)
		require.NoError(t, err)
		fives = append(fives, members[0])
	}
	sheet := func(lines ...string) *strings.Reader {
		return strings.NewReader("姓名,证件号码,党员类别\n" + strings.Join(lines, "\n"))
	}
	r, err := p.Import(ctx, p.officer, p.village, sheet("王五,"+second+",村干部", "王五,"+wrong+",", "张三,"+first+",", "王五,"+nobody+",", "王五,,", "张三,"+nobody+","), party.ImportOptions{SkipBad: true})
	require.NoError(t, err)
	var problems []string
	for _, f := range r.Problems {
		problems = append(problems, f.Path+f.Text)
		require.NotContains(t, f.Text, first)
	}
	require.Equal(t, []string{
		"第3行「证件号码」身份证号码不对，请核对 18 位号码",
		"第4行「证件号码」姓名和身份证号对不上，或此人不在本村，请核对",
		"第5行「证件号码」姓名和身份证号对不上，或此人不在本村，请核对",
		"第6行「姓名」本村没有这个人，或有重名；请核对姓名，重名的请填户码或身份证号",
	}, problems, "the number of 张三 is not known yet, so his name decides")
	members, err := p.Members(ctx, p.officer, party.MemberQuery{Village: p.village})
	require.NoError(t, err)
	require.Len(t, members, 2)
	for _, m := range members {
		require.Contains(t, []id.ID{fives[1].ID, p.people["张三"].ID}, m.Villager)
	}
}

func TestImportMembers(t *testing.T) {
	p := setup(t, "张三", "李四", "王五", "王五")
	a := p.branch("第一支部")
	sheet := func(lines ...string) *strings.Reader {
		return strings.NewReader("党员名册,,,,\n姓名,户码,所在支部,党员类别,入党时间\n" + strings.Join(lines, "\n"))
	}
	bad := []string{"张三,,第一支部,村干部,2001-07-01", "李四,,,,", "王五,,,,", "没有的人,,,,", "张三,,,,", "李四,AAAA-AAAA,,,", "王五," + p.codes["王五"] + ",第九支部,群众,昨天"}
	r, err := p.Import(ctx, p.officer, p.village, sheet(bad...), party.ImportOptions{})
	require.NoError(t, err)
	require.False(t, r.Written)
	require.Equal(t, 7, r.Rows)
	var problems []string
	for _, f := range r.Problems {
		problems = append(problems, f.Path+f.Text)
	}
	require.Equal(t, []string{
		"第5行「姓名」本村没有这个人，或有重名；请核对姓名，重名的请填户码或身份证号",
		"第6行「姓名」本村没有这个人，或有重名；请核对姓名，重名的请填户码或身份证号",
		"第7行「姓名」与第 3 行是同一个人",
		"第8行「户码」户码不对，请核对卡片上的 8 位户码后再输入",
		"第9行「入党时间」“昨天”不是日期，请写成 2026-11-23",
		"第9行「党员类别」请填村干部、骨干党员、普通党员、流动党员或特殊党员",
		"第9行「所在支部」没有这个支部，或不在您的管理范围内；请先建好支部，再填它的名称",
	}, problems)
	var report bytes.Buffer
	require.NoError(t, r.WriteProblems(&report))
	require.NotZero(t, report.Len())
	members, err := p.Members(ctx, p.officer, party.MemberQuery{Village: p.village})
	require.NoError(t, err)
	require.Empty(t, members)

	good := sheet("张三,,第一支部,村干部,2001-07-01", "李四,,,,", "王五,"+strings.ToLower(p.codes["王五"])+",第 一 支部,流动,2010.1.2")
	r, err = p.Import(ctx, p.officer, p.village, good, party.ImportOptions{Preview: true})
	require.NoError(t, err)
	require.Equal(t, 3, r.Added)
	require.False(t, r.Written)
	r, err = p.Import(ctx, p.officer, p.village, sheet(bad...), party.ImportOptions{SkipBad: true})
	require.NoError(t, err)
	require.True(t, r.Written)
	require.Equal(t, 2, r.Added)
	good.Reset("姓名,户码,类别\n张三,,骨干党员\n李四,,\n王五," + p.codes["王五"] + ",")
	r, err = p.Import(ctx, p.officer, p.village, good, party.ImportOptions{})
	require.NoError(t, err)
	require.Equal(t, [3]int{1, 1, 1}, [3]int{r.Added, r.Changed, r.Unchanged})
	members, err = p.Members(ctx, p.officer, party.MemberQuery{Village: p.village, Branch: a.ID})
	require.NoError(t, err)
	require.Len(t, members, 3)
	require.Equal(t, cal.Day(20010701), members[2].Joined, "a blank day leaves what was there")
	require.Equal(t, party.Backbone, members[2].Class)

	for _, c := range []struct {
		actor auth.Actor
		want  *errs.Code
	}{{p.neighbour, errs.ErrNotFound}, {p.bystander, errs.ErrForbidden}} {
		_, err = p.Import(ctx, c.actor, p.village, sheet(), party.ImportOptions{})
		require.ErrorIs(t, err, c.want)
	}
	r, err = p.Import(ctx, in(auth.RoleSecretary, id.New(), p.village), p.village, sheet("张三,,第一支部,,"), party.ImportOptions{})
	require.NoError(t, err)
	require.Len(t, r.Problems, 1, "another branch's secretary")
	var template bytes.Buffer
	require.NoError(t, party.Template(&template))
}
