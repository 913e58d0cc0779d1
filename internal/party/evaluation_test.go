package party_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
)

// office is a place in the last days of a quarter, with a rule book, awards, and months that stay open long enough to meddle.
type office struct {
	place
	awards                    *award.Service
	lesson, veto, basic, best id.ID // +3; 不合格 by its wording; 基本合格; 优秀
}

const q3 = cal.Quarter(20263)

func furnish(t *testing.T, names ...string) *office {
	p := setup(t, names...)
	p.clock.Add(-65 * 24 * time.Hour) // 2026-09-19
	o := &office{place: p, awards: award.New(p.d)}
	t.Cleanup(o.awards.Close)
	rules := rule.New(p.d)
	b, err := rules.CreateBook(ctx, p.town, rule.NewBook{Region: p.township, Asset: ledger.PartyScore, Name: "党员积分细则"})
	require.NoError(t, err)
	add := func(item string, s rule.Spec) id.ID {
		r, err := rules.AddRule(ctx, p.town, b.Versions[0].ID, rule.Input{Category: "党员", Item: item, Subject: rule.Member, Spec: s})
		require.NoError(t, err)
		return r.ID
	}
	o.lesson = add("参加党课", rule.Spec{Shape: rule.Fixed, Points: points.Whole(3)})
	o.veto = add("民主评议被评为不合格党员", rule.Spec{Shape: rule.Grade, Lowers: true})
	o.basic = add("受到党内警告", rule.Spec{Shape: rule.Grade, Lowers: true, Grade: "基本合格"})
	o.best = add("受到县级以上表彰", rule.Spec{Shape: rule.Grade, Grade: "优秀"})
	_, err = rules.Adopt(ctx, p.town, b.Versions[0].ID, rule.Adoption{Meeting: "镇党委会", On: 20260101, VotesFor: 9, From: 20260101})
	require.NoError(t, err)
	roster, err := people.NewService(p.d, []byte("a secret of thirty-two characters"))
	require.NoError(t, err)
	set := people.DefaultSettings(p.village)
	set.CloseDay = 28
	require.NoError(t, roster.UpdateSettings(ctx, p.town, set))
	require.NoError(t, p.SetClass(ctx, p.town, p.township, party.ClassPlan{Class: party.Ordinary, Base: points.Whole(60), Goal: points.Whole(100)}))
	require.NoError(t, p.SetStandard(ctx, p.town, party.Standard{Township: p.township, Excellent: points.Whole(85), Qualified: points.Whole(70), Basic: points.Whole(60),
		ScorePercent: 80, ReviewPercent: 20, ReviewFull: points.Whole(100), PublicityDays: 2}))
	return o
}

// give applies a rule to a member and answers the award's number.
func (o *office) give(r id.ID, m party.Member, day cal.Day) (int64, error) {
	out, err := o.awards.Grant(ctx, o.officer, award.Order{Idempotency: idempotency.Request{Key: id.New().String()}, Village: o.village,
		Grants: []award.Grant{{Rule: r, Member: m.ID, Day: day}}})
	if err != nil {
		return 0, err
	}
	return out[0].Number, nil
}

func (o *office) grant(m party.Member, day cal.Day) error {
	_, err := o.give(o.lesson, m, day)
	return err
}

func (o *office) reverse(number int64) error {
	_, err := o.awards.Reverse(ctx, o.officer, o.village, []int64{number}, "登记错了", idempotency.Request{Key: id.New().String()})
	return err
}

func (o *office) to(t require.TestingT, day string) {
	at, err := time.ParseInLocation("2006-01-02 15:04", day+" 09:00", cal.Shanghai)
	require.NoError(t, err)
	o.clock.Add(at.Sub(o.clock.Now()))
}

// table is everything that the actor is shown of the evaluation, objections apart.
func (o *office) table(t require.TestingT, evaluation id.ID) string {
	got, err := o.Evaluation(ctx, o.officer, evaluation)
	require.NoError(t, err)
	got.Objections, got.Evaluation.State, got.Evaluation.ClosedAt, got.Evaluation.ClosedName = nil, 0, 0, ""
	st, err := o.Standing(ctx, o.officer, got.Branch.ID, got.Quarter)
	require.NoError(t, err)
	require.Equal(t, got.Standing, st, "the standing of a published quarter is what was published")
	b, err := json.Marshal(got)
	require.NoError(t, err)
	return string(b)
}

func (o *office) review(e party.Evaluation, scores map[party.Member]int64) error {
	var list []party.Score
	for m, n := range scores {
		list = append(list, party.Score{Member: m.ID, Score: points.Whole(n)})
	}
	_, err := o.Review(ctx, o.officer, e.ID, "支部党员大会", 0, list)
	return err
}

func TestQuarterFromOpeningToClosing(t *testing.T) {
	o := furnish(t, "张三", "李四", "王五")
	b := o.branch("第一支部")
	zhang, li, wang := o.member(b, "张三", party.Ordinary), o.member(b, "李四", party.Ordinary), o.member(b, "王五", party.Ordinary)
	for range 5 {
		require.NoError(t, o.grant(zhang, 0))
	}
	require.NoError(t, o.grant(li, 0))

	_, err := o.Open(ctx, o.officer, b.ID, 20264)
	require.ErrorIs(t, err, party.ErrQuarter, "not begun")
	require.ErrorIs(t, o.Report(ctx, o.officer, party.NewReport{Member: li.ID, Quarter: q3, Text: "好"}), party.ErrNotOpened)
	e, err := o.Open(ctx, o.officer, b.ID, q3)
	require.NoError(t, err)
	_, err = o.Open(ctx, o.officer, b.ID, q3)
	require.ErrorIs(t, err, party.ErrOpened)
	require.ErrorIs(t, o.DeleteBranch(ctx, o.officer, b.ID), party.ErrBranchInUse)

	// A member reports from the household's log-in, and only there.
	home := auth.Actor{UserID: 5, Kind: auth.KindVillager, Name: "李四", Households: []id.ID{o.people["李四"].Household}, Grants: []auth.Grant{{Role: auth.RoleVillager}}}
	require.NoError(t, o.Report(ctx, home, party.NewReport{Member: li.ID, Quarter: q3, Text: "参加了党课", Score: points.Whole(90)}))
	require.NoError(t, o.Report(ctx, home, party.NewReport{Member: li.ID, Quarter: q3, Text: "参加了一次党课", Score: points.Whole(88)}))
	require.ErrorIs(t, o.Report(ctx, home, party.NewReport{Member: zhang.ID, Quarter: q3, Text: "好"}), errs.ErrNotFound)
	require.ErrorIs(t, o.Report(ctx, home, party.NewReport{Member: li.ID, Quarter: q3, Text: "好", Score: points.Whole(101)}), party.ErrReview)
	require.NoError(t, o.Report(ctx, o.officer, party.NewReport{Member: zhang.ID, Quarter: q3, Text: "代填", Score: points.Whole(80)}))
	require.ErrorIs(t, o.review(e, map[party.Member]int64{zhang: 90}), party.ErrStage, "not yet")

	_, err = o.BeginReview(ctx, o.officer, e.ID)
	require.NoError(t, err)
	require.ErrorIs(t, o.Report(ctx, home, party.NewReport{Member: li.ID, Quarter: q3, Text: "晚了"}), party.ErrStage)
	require.NoError(t, o.review(e, map[party.Member]int64{zhang: 90, li: 70}))
	require.ErrorIs(t, o.review(e, map[party.Member]int64{li: 101}), party.ErrReview)
	require.ErrorIs(t, o.review(e, map[party.Member]int64{{ID: id.New()}: 50}), party.ErrReview)
	_, err = o.Publish(ctx, o.officer, e.ID)
	require.ErrorIs(t, err, party.ErrEarly, "the quarter is running")
	o.to(t, "2026-10-01")
	_, err = o.Publish(ctx, o.officer, e.ID)
	require.ErrorIs(t, err, party.ErrUnscored)
	require.Contains(t, errs.From(err).Text(), "王五")
	require.NoError(t, o.review(e, map[party.Member]int64{wang: 40}))
	_, err = o.Close(ctx, o.officer, e.ID)
	require.ErrorIs(t, err, party.ErrStage)
	published, err := o.Publish(ctx, o.officer, e.ID)
	require.NoError(t, err)
	require.Equal(t, cal.Day(20261002), published.PublicUntil)

	table, err := o.Evaluation(ctx, o.officer, e.ID)
	require.NoError(t, err)
	var lines []string
	for _, p := range table.Ranked {
		lines = append(lines, fmt.Sprint(p.Rank, " ", p.Member.Name, " ", p.Score, " ", p.SelfScore, " ", p.Review, " ", p.Total, " ", party.GradeNames[p.Grade], " ", p.Pace()))
	}
	require.Equal(t, []string{"1 张三 75 80 90 78 合格 本季度落后 15 分", "2 李四 63 88 70 64.4 基本合格 本季度落后 27 分", "3 王五 60 0 40 56 不合格 本季度落后 30 分"}, lines)

	// Upheld during publicity: back to review, put right, published anew.
	object := func(upheld bool) error {
		_, err := o.Object(ctx, o.officer, party.NewObjection{Evaluation: e.ID, Member: wang.ID, RaisedBy: "王五", Text: "评议分登记错了", Upheld: upheld, Finding: "核对票数"},
			idempotency.Request{Key: id.New().String()})
		return err
	}
	require.NoError(t, object(true))
	o.to(t, "2026-10-03")
	_, err = o.Close(ctx, o.officer, e.ID)
	require.ErrorIs(t, err, party.ErrUnsettled)
	_, err = o.Return(ctx, o.officer, e.ID, "")
	require.ErrorIs(t, err, party.ErrStage)
	_, err = o.Return(ctx, o.officer, e.ID, "评议分登记错了")
	require.NoError(t, err)
	require.NoError(t, o.review(e, map[party.Member]int64{wang: 80}))
	_, err = o.Publish(ctx, o.officer, e.ID)
	require.NoError(t, err)
	_, err = o.Close(ctx, o.officer, e.ID)
	require.ErrorIs(t, err, party.ErrEarly, "publicity begins anew")
	require.NoError(t, object(false))
	o.to(t, "2026-10-05")
	closed, err := o.Close(ctx, o.officer, e.ID)
	require.NoError(t, err)
	before := o.table(t, e.ID)
	o.to(t, "2026-10-06")
	again, err := o.Close(ctx, o.town, e.ID)
	require.NoError(t, err)
	require.Equal(t, closed, again)
	require.Equal(t, before, o.table(t, e.ID))

	// Late: an amendment that names the quarter, counted once however often it is sent.
	late := party.NewObjection{Evaluation: e.ID, Member: wang.ID, RaisedBy: "王五", Text: "少算一次党课", Upheld: true, Finding: "签到表属实", Grade: party.Qualified, Points: points.Whole(3)}
	req := idempotency.Request{Key: "late"}
	first, err := o.Object(ctx, o.officer, late, req)
	require.NoError(t, err)
	second, err := o.Object(ctx, o.officer, late, req)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Equal(t, "补正第 3 号（对2026年第3季度）", first.Title())
	require.Equal(t, "成立，等次应为合格，总分应为 +3", first.Outcome())
	require.Equal(t, before, o.table(t, e.ID), "amended, not altered")
	card, err := o.Card(ctx, o.officer, wang.ID, 0)
	require.NoError(t, err)
	require.Len(t, card.Quarters, 4)
	require.Equal(t, party.Closed, card.Quarters[2].State)
	require.Equal(t, []party.Objection{first}, card.Quarters[2].Amendments)
}

// TestVetoDecidesTheGrade: whatever the score.
func TestVetoDecidesTheGrade(t *testing.T) {
	o := furnish(t, "张三", "李四")
	b := o.branch("第一支部")
	m := o.member(b, "张三", party.Ordinary)
	for range 20 {
		require.NoError(t, o.grant(m, 0))
	}
	e, err := o.Open(ctx, o.officer, b.ID, q3)
	require.NoError(t, err)
	grade := func() party.Grade {
		table, err := o.Evaluation(ctx, o.officer, e.ID)
		require.NoError(t, err)
		return table.Ranked[0].Grade
	}
	require.Equal(t, party.Excellent, grade())
	record := func(r id.ID, day cal.Day) int64 {
		n, err := o.give(r, m, day)
		require.NoError(t, err)
		return n
	}
	basic := record(o.basic, 0)
	require.Equal(t, party.Basic, grade())
	record(o.veto, 20260601)
	require.Equal(t, party.Basic, grade(), "another quarter's, of a month closed long ago")
	_, err = o.give(o.veto, m, 20251231)
	require.ErrorIs(t, err, award.ErrRule, "no book was in force")
	_, err = o.give(o.veto, m, 20260920)
	require.ErrorIs(t, err, award.ErrDay, "tomorrow")
	worst := record(o.veto, 20260715)
	require.Equal(t, party.Failed, grade(), "the worst decides")
	table, err := o.Evaluation(ctx, o.officer, e.ID)
	require.NoError(t, err)
	require.Equal(t, "民主评议被评为不合格党员（2026-07-15）", table.Ranked[0].Veto)
	require.Equal(t, points.Whole(120), table.Ranked[0].Score, "no points in it")
	card, err := o.Card(ctx, o.officer, m.ID, 2026)
	require.NoError(t, err)
	require.Len(t, card.Vetoes, 3)
	require.NoError(t, o.reverse(worst))
	require.Equal(t, party.Basic, grade())
	require.NoError(t, o.reverse(basic))
	require.Equal(t, party.Excellent, grade(), "the score's own")
	other := o.member(b, "李四", party.Ordinary)
	_, err = o.give(o.best, other, 0)
	require.NoError(t, err)
	table, err = o.Evaluation(ctx, o.officer, e.ID)
	require.NoError(t, err)
	require.Equal(t, party.Excellent, table.Ranked[1].Grade, "with 60 points")
	for _, a := range []auth.Actor{o.neighbour, in(auth.RoleSecretary, o.branch("第二支部").ID, o.village)} {
		_, err = o.Evaluation(ctx, a, e.ID)
		require.ErrorIs(t, err, errs.ErrNotFound)
		_, err = o.BeginReview(ctx, a, e.ID)
		require.ErrorIs(t, err, errs.ErrNotFound)
		_, err = o.Card(ctx, a, m.ID, 0)
		require.ErrorIs(t, err, errs.ErrNotFound)
	}
}

// TestExemptionEndsWithWhatIsSealed: one that counted in a closed quarter stands for it and ends with it.
func TestExemptionEndsWithWhatIsSealed(t *testing.T) {
	o := furnish(t, "张三", "李四")
	b := o.branch("第一支部")
	m, li := o.member(b, "张三", party.Ordinary), o.member(b, "李四", party.Ordinary)
	require.NoError(t, o.SetStandard(ctx, o.town, party.Standard{Township: o.township, ScorePercent: 100, ReviewFull: 100, PublicityDays: 1}))
	x, err := o.Exempt(ctx, o.officer, party.NewExemption{Member: m.ID, Reason: party.Illness, From: 20260801})
	require.NoError(t, err)
	e, err := o.Open(ctx, o.officer, b.ID, q3)
	require.NoError(t, err)
	_, err = o.BeginReview(ctx, o.officer, e.ID)
	require.NoError(t, err)
	o.to(t, "2026-10-02")
	_, err = o.Publish(ctx, o.officer, e.ID)
	require.NoError(t, err)
	before := o.table(t, e.ID)
	_, err = o.Exempt(ctx, o.officer, party.NewExemption{Member: li.ID, Reason: party.OldAge, From: 20260930})
	require.ErrorIs(t, err, party.ErrSealed)
	require.Contains(t, errs.From(err).Text(), "2026-10-01")
	_, err = o.Exempt(ctx, o.officer, party.NewExemption{Member: li.ID, Reason: party.OldAge, From: 20261001})
	require.NoError(t, err)
	require.NoError(t, o.Revoke(ctx, o.officer, x.ID, "身体康复"))
	list, err := o.Exemptions(ctx, o.officer, m.ID)
	require.NoError(t, err)
	require.Equal(t, cal.Day(20260930), list[0].To)
	require.False(t, list[0].Revoked)
	require.ErrorIs(t, o.Revoke(ctx, o.officer, x.ID, "再撤"), party.ErrSealed)
	require.Equal(t, before, o.table(t, e.ID))
	st, err := o.Standing(ctx, o.officer, b.ID, 20264)
	require.NoError(t, err)
	require.Equal(t, []string{"张三"}, names(st.Ranked), "counted again from the quarter after")
	require.Equal(t, []string{"李四"}, names(st.Exempt))
}

func names(places []party.Place) (out []string) {
	for _, p := range places {
		out = append(out, p.Member.Name)
	}
	return out
}

// TestPublishingMeetsAwards: an award that was booked is in the result, and one that is not in it was refused.
func TestPublishingMeetsAwards(t *testing.T) {
	o := furnish(t, "张三", "李四")
	require.NoError(t, o.SetStandard(ctx, o.town, party.Standard{Township: o.township, ScorePercent: 100, ReviewFull: 100, PublicityDays: 1}))
	b := o.branch("第一支部")
	members := []party.Member{o.member(b, "张三", party.Ordinary), o.member(b, "李四", party.Ordinary)}
	e, err := o.Open(ctx, o.officer, b.ID, q3)
	require.NoError(t, err)
	_, err = o.BeginReview(ctx, o.officer, e.ID)
	require.NoError(t, err)
	o.to(t, "2026-10-01")
	var wg sync.WaitGroup
	var mu sync.Mutex
	booked, refused := map[string]int64{}, 0
	for i := range 8 {
		wg.Go(func() {
			for range 12 {
				m := members[i%2]
				err := o.grant(m, 20260930)
				mu.Lock()
				if err == nil {
					booked[m.Name] += 3
				} else if errs.From(err).Code == party.ErrSealed {
					refused++
				} else {
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Go(func() {
		time.Sleep(10 * time.Millisecond)
		if _, err := o.Publish(ctx, o.officer, e.ID); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	require.NoError(t, err)
	table, err := o.Evaluation(ctx, o.officer, e.ID)
	require.NoError(t, err)
	for _, p := range table.Ranked {
		require.Equal(t, points.Whole(booked[p.Member.Name]), p.Awarded, p.Member.Name)
	}
	require.Equal(t, int64(8*12), (booked["张三"]+booked["李四"])/3+int64(refused))
}

func TestAuditOfAnEvaluation(t *testing.T) {
	o := furnish(t, "张三")
	b := o.branch("第一支部")
	e, err := o.Open(ctx, o.officer, b.ID, q3)
	require.NoError(t, err)
	_, err = o.BeginReview(ctx, o.officer, e.ID)
	require.NoError(t, err)
	_, err = o.Return(ctx, o.officer, e.ID, "忘了通知")
	require.NoError(t, err)
	var lines []string
	require.NoError(t, o.d.Read(ctx, func(tx db.Tx) error {
		return tx.Raw("SELECT summary FROM audit_log WHERE action LIKE 'party.evaluation.%' ORDER BY at").Scan(&lines).Error
	}))
	require.Equal(t, []string{"开启「第一支部」2026年第3季度的考核", "2026年第3季度的考核转入评议，从“自评”到“评议”", "2026年第3季度的考核退回，从“评议”到“自评”：忘了通知"}, lines)
}
