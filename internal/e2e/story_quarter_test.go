package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/app/apptest"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/points"
	"jishan/internal/testkit"
	"jishan/internal/xlsx"
)

// quarter is a branch of forty in the third quarter, and the people who evaluate it.
type quarter struct {
	*story
	clock      *testkit.Clock
	secretary  client
	branch     api.Branch
	members    map[string]api.PartyMember // by name
	names      []string
	evaluation api.Evaluation
	path       string // of the evaluation
}

// to moves the clock to 9 o'clock of a day and logs everybody in again.
func (q *quarter) to(t *testing.T, day string) {
	at, err := time.ParseInLocation("2006-01-02 15:04", day+" 09:00", cal.Shanghai)
	require.NoError(t, err)
	q.clock.Add(at.Sub(q.clock.Now()))
	q.town, q.officer = login(t, q.stranger, "officer", "laoyin", password), login(t, q.stranger, "officer", "laoli", password)
	q.secretary = login(t, q.stranger, "officer", "shuji", password)
}

func (q *quarter) table(t *testing.T) api.EvaluationTable {
	return get[api.EvaluationTable](t, q.secretary, q.path)
}

var pointer = regexp.MustCompile(`；?见补正第 \d+ 号`)

// result is everything that a closed evaluation consists of, objections and what points to them apart: what the API shows, and the rows.
func (q *quarter) result(t *testing.T) string {
	t.Helper()
	table := q.table(t)
	table.Objections = nil
	for i := range table.Standing.Ranked { // what points to them
		table.Standing.Ranked[i].Remark = pointer.ReplaceAllString(table.Standing.Ranked[i].Remark, "")
	}
	shown, err := json.Marshal([]any{table, get[api.Standing](t, q.secretary, "/branches/"+q.branch.ID.String()+"/standing?quarter=2026-Q3")})
	require.NoError(t, err)
	out := []string{string(shown)}
	require.NoError(t, q.s.DB.Read(t.Context(), func(tx db.Tx) error {
		for _, text := range []string{
			`SELECT CONCAT(id, ' ', state, ' ', meeting, ' ', met_on, ' ', published_at, ' ', public_until, ' ', closed_at, ' ', closed_name, ' ', branch_name, ' ', secretary, ' ',
				village_name, ' ', township_name, ' ', from_month, ' ', to_month, ' ', average, ' ', reached, ' ', excellent, ' ', qualified, ' ', basic, ' ', score_percent, ' ',
				review_percent, ' ', review_full) FROM party_evaluations WHERE quarter = 20263 ORDER BY id`,
			`SELECT CONCAT(member_id, ' ', report, ' ', self_score, ' ', reported_at, ' ', score, ' ', note, ' ', reviewed_at) FROM party_reviews ORDER BY member_id`,
			`SELECT CONCAT(member_id, ' ', sort, ' ', place, ' ', name, ' ', class, ' ', base, ' ', earned, ' ', awarded, ' ', goal, ' ', due, ' ', total, ' ', grade, ' ', veto, ' ',
				exempt_id, ' ', exempt_from, ' ', exempt_to) FROM party_results ORDER BY member_id`,
		} {
			var rows []string
			if err := tx.Raw(text).Scan(&rows).Error; err != nil {
				return err
			}
			require.NotEmpty(t, rows)
			out = append(out, rows...)
		}
		return nil
	}))
	return strings.Join(out, "\n")
}

// found makes the branch: forty households with a member each, and one household without.
func foundBranch(t *testing.T) *quarter {
	clock := testkit.NewClock(t, "2026-08-17 09:00")
	q := &quarter{story: begin(t, func(s *apptest.Setup) { s.Options.Clock = clock.Now }), clock: clock, members: map[string]api.PartyMember{}}
	people, list := [][]any{{"组", "户主", "姓名", "与户主关系"}}, [][]any{{"姓名", "支部", "类别"}}
	for i := range 40 {
		name := fmt.Sprintf("党员%s%s", string([]rune("甲乙丙丁")[i/10]), string([]rune("子丑寅卯辰巳午未申酉")[i%10]))
		q.names = append(q.names, name)
		people, list = append(people, []any{"1组", name, name, "户主"}), append(list, []any{name, "第一党支部", []string{"普通党员", "骨干党员"}[i%2]})
	}
	people = append(people, []any{"1组", "王群众", "王群众", "户主"})
	require.True(t, upload[api.RosterReport](t, q.officer, q.village("/roster/import"), sheet(t, people...)).Written)
	q.book(t, q.officer, "party", []any{"组织生活", "参加党课", "4", "", "党员", "加分"}, []any{"纪律", "无故缺席", "2", "", "党员", "扣分"},
		[]any{"民主评议", "民主评议党员被评为不合格党员的", "", "", "党员", "扣分", "直接定级"})
	for _, class := range []string{"ordinary", "backbone"} {
		put[none](t, q.town, "/townships/"+q.township.ID.String()+"/party-classes", map[string]any{"class": class, "base": 60, "goal": 120})
	}
	put[none](t, q.town, "/townships/"+q.township.ID.String()+"/party-standard", map[string]any{"excellent": 88, "qualified": 70, "basic": 60,
		"score_percent": 80, "review_percent": 20, "review_full": 100, "publicity_days": 3})
	set := get[api.Settings](t, q.town, q.village("/settings"))
	set.CloseDay = 20
	put[none](t, q.town, q.village("/settings"), set)
	q.branch = post[api.Branch](t, q.officer, q.village("/branches"), map[string]any{"name": "第一党支部", "secretary": "赵铁柱"})
	done := upload[api.PartyReport](t, q.officer, q.village("/party-members/import"), sheet(t, list...))
	require.Equal(t, 40, done.Added, "%v", done.Problems)
	for _, m := range get[api.PartyMembers](t, q.officer, q.village("/party-members")).Items {
		q.members[m.Name] = m
	}
	q.secretary = q.newcomer(t, q.town, "/users", "officer", "shuji", map[string]any{"role": "secretary", "region": q.vil.ID, "branch": q.branch.ID})
	return q
}

func (q *quarter) member(i int) api.PartyMember { return q.members[q.names[i]] }

// score gives the i-th member i lessons, and the last ones absences.
func (q *quarter) score(t *testing.T) {
	var list []map[string]any
	for i := range 40 {
		rule, n := "参加党课", i/2
		if i >= 36 {
			rule, n = "无故缺席", i-35
		}
		for range n {
			list = append(list, map[string]any{"rule": q.rules[rule].ID, "member": q.member(i).ID})
		}
	}
	require.Equal(t, len(list), post[api.AwardResult](t, q.secretary, q.village("/party-awards"), grants(list...)).Booked)
}

func (q *quarter) exempt(t *testing.T, i int, reason, from string) api.Exemption {
	return post[api.Exemption](t, q.officer, "/party-members/"+q.member(i).ID.String()+"/exemptions", map[string]any{"reason": reason, "from": from, "evidence": "县医院证明"})
}

// TestQuarterOfABranchOf40 is the third quarter of a branch, from opening to the printed table.
func TestQuarterOfABranchOf40(t *testing.T) {
	q := foundBranch(t)
	q.score(t)
	ill := q.exempt(t, 34, "illness", "2026-08-01")
	q.exempt(t, 35, "old_age", "2026-07-01")

	// Opened, and reported by the members: one from the household's own log-in, the others with the secretary's help.
	q.to(t, "2026-09-28")
	q.evaluation = post[api.Evaluation](t, q.secretary, "/branches/"+q.branch.ID.String()+"/evaluations", map[string]any{"quarter": "2026-Q3"})
	q.path = "/evaluations/" + q.evaluation.ID.String()
	require.Equal(t, "self_report", q.evaluation.State)
	home := get[api.Page[api.Household]](t, q.officer, "/households?village="+q.vil.ID.String()+"&q="+q.names[0]).Items[0].ID
	own := fmt.Sprintf("/my/households/%s/party/%s", home, q.member(0).ID)
	self := map[string]any{"quarter": "2026-Q3", "text": "按时参加组织生活", "score": 92}
	put[none](t, villager(t, q.stranger, home), own+"/report", self)
	for i := 1; i < 34; i++ {
		put[none](t, q.secretary, "/party-members/"+q.member(i).ID.String()+"/report", map[string]any{"quarter": "2026-Q3", "text": "代填", "score": 80})
	}
	require.Equal(t, points.Whole(92), *get[api.PartyCard](t, villager(t, q.stranger, home), own+"/card").Quarters[2].Place.SelfScore)

	// Reviewed: a score each, and one whom the meeting found wanting.
	post[api.Evaluation](t, q.secretary, q.path+"/begin-review", nil)
	a, err := q.secretary.json(http.MethodPost, q.path+"/publish", "", nil)
	refused(t, a, err, http.StatusConflict, "party.early")
	q.to(t, "2026-10-02")
	a, err = q.secretary.json(http.MethodPost, q.path+"/publish", "", nil)
	refused(t, a, err, http.StatusConflict, "party.unscored")
	var scores []any
	for i := range 40 {
		if i != 34 && i != 35 {
			scores = append(scores, map[string]any{"member": q.member(i).ID, "score": 90})
		}
	}
	reviewed := put[api.Evaluation](t, q.secretary, q.path+"/reviews", map[string]any{"meeting": "支部党员大会，应到 40 人，实到 36 人", "met_on": "2026-10-01", "items": scores})
	require.Equal(t, "2026-10-01", reviewed.MetOn.String())
	veto := post[api.AwardResult](t, q.secretary, q.village("/party-awards"), grants(
		map[string]any{"rule": q.rules["民主评议党员被评为不合格党员的"].ID, "member": q.member(33).ID, "day": "2026-09-30"})).Items[0]
	require.Nil(t, veto.Failed)

	// Public, then closed.
	post[api.Evaluation](t, q.secretary, q.path+"/publish", nil)
	a, err = q.secretary.json(http.MethodPost, q.path+"/close", "", nil)
	refused(t, a, err, http.StatusConflict, "party.early")
	q.to(t, "2026-10-05")
	closed := post[api.Evaluation](t, q.secretary, q.path+"/close", nil)
	require.Equal(t, "closed", closed.State)
	q.looksRight(t)
	before := q.result(t)

	// Closing twice, and late, and by somebody else, changes nothing.
	q.clock.Add(time.Minute)
	for _, who := range []client{q.secretary, q.officer, q.town} {
		require.Equal(t, closed, post[api.Evaluation](t, who, q.path+"/close", nil))
		require.Equal(t, before, q.result(t))
	}

	late := post[api.Objection](t, q.secretary, q.path+"/objections", map[string]any{"member": q.member(20).ID, "raised_by": q.names[20], "text": "少算一次党课",
		"upheld": true, "finding": "签到表属实", "points": 4, "grade": "excellent"})
	require.True(t, late.Amendment)
	require.Equal(t, "补正第 1 号（对2026年第3季度）", late.Title)
	require.Equal(t, "成立，等次应为优秀，总分应为 +4", late.Outcome)
	require.Equal(t, before, q.result(t), "an amendment alters nothing")

	q.meddle(t, before, ill, veto.Number, home)
	q.prints(t)
	q.goesOn(t, home)
	verifyRows(t, q.s.DB)
}

// looksRight checks the closed table against sums of its own.
func (q *quarter) looksRight(t *testing.T) {
	table := q.table(t)
	require.Equal(t, api.PartyTally{Members: 40, Ranked: 38, Exempt: 2, Reached: 4, Average: table.Standing.Average, Excellent: 19, Qualified: 10, Basic: 7, Failed: 2,
		Text: fmt.Sprintf("共 40 人：参加考核 38 人，免考核 2 人；平均 %s 分；达到全年目标 4 人；优秀 19 人，合格 10 人，基本合格 7 人，不合格 2 人", table.Standing.Average)}, table.Tally)
	var exempt []string
	for _, p := range table.Standing.Exempt {
		require.Zero(t, p.Rank)
		require.Empty(t, p.Grade)
		exempt = append(exempt, p.Member.Name)
	}
	require.ElementsMatch(t, []string{q.names[34], q.names[35]}, exempt)
	var sum points.Amount
	for _, p := range table.Standing.Ranked {
		i := slices.Index(q.names, p.Member.Name)
		score := points.Whole(int64(60 + 4*(i/2)))
		if i >= 36 {
			score = points.Whole(int64(60 - 2*(i-35)))
		}
		total := (score*80 + points.Whole(90)*20) / 100
		sum += total
		require.Equal(t, score, p.Score, p.Member.Name)
		require.Equal(t, total, p.Total, p.Member.Name)
		require.Equal(t, score-points.Whole(105), p.Ahead, "nine months of the way from 60 to 120")
		better := 0
		for _, o := range table.Standing.Ranked {
			if o.Total > p.Total {
				better++
			}
		}
		require.Equal(t, better+1, p.Rank)
		want := "failed"
		switch {
		case i == 33: // whatever the score
			require.Contains(t, p.Veto, "民主评议党员被评为不合格党员的（2026-09-30）")
		case total >= points.Whole(88):
			want = "excellent"
		case total >= points.Whole(70):
			want = "qualified"
		case total >= points.Whole(60):
			want = "basic"
		}
		require.Equal(t, want, p.Grade, "%s %s", p.Member.Name, p.Total)
	}
	require.Equal(t, (2*sum+38)/76, table.Standing.Average)
	require.Equal(t, "本季度落后 45 分", table.Standing.Ranked[slices.IndexFunc(table.Standing.Ranked, func(p api.PartyPlace) bool { return p.Member.Name == q.names[0] })].Pace)
}

// meddle tries to alter the closed quarter by every call that writes the party's books, and some that write beside them. A call that
// has its own good reason may succeed; the quarter stays as it was closed.
func (q *quarter) meddle(t *testing.T, before string, ill api.Exemption, veto int64, home id.ID) {
	q.to(t, "2026-10-10") // September is open until the 20th
	m, vil, town := q.member(20), q.vil.ID.String(), "/townships/"+q.township.ID.String()
	lesson := get[api.Page[api.StatementLine]](t, q.secretary, "/party-members/"+m.ID.String()+"/statement").Items[0].Number
	backdated := grants(map[string]any{"rule": q.rules["参加党课"].ID, "member": m.ID, "day": "2026-09-30"})
	report := map[string]any{"quarter": "2026-Q3", "text": "补报", "score": 100}
	neighbour := post[api.Region](t, q.town, "/regions", map[string]any{"kind": "village", "parent": q.township.ID, "code": "500240100202", "name": "邻村"})
	q.town = login(t, q.stranger, "officer", "laoyin", password) // to reach it
	there := post[api.Household](t, q.town, "/households", map[string]any{"village": neighbour.ID, "members": []any{map[string]any{"name": "邻居"}}})
	mine := villager(t, q.stranger, home)
	settings := get[api.Settings](t, q.town, q.village("/settings"))
	settings.SchemeStart = 9
	list := sheet(t, []any{"姓名", "支部", "类别"}, []any{q.names[20], "第一党支部", "村干部"})
	member := "/party-members/" + m.ID.String()
	attempts := []struct {
		op     string
		who    client
		method string
		path   string
		body   any
		code   string // of the refusal; "" where the call has its own good reason
	}{
		{"party-award-grant", q.secretary, "POST", q.village("/party-awards"), backdated, "party.quarter_sealed"},
		{"award-grant", q.officer, "POST", q.village("/awards"), backdated, "party.quarter_sealed"},
		{"party-award-preview", q.secretary, "POST", q.village("/party-awards/preview"), backdated, ""},
		{"party-award-grant", q.secretary, "POST", q.village("/party-awards"), grants(map[string]any{"rule": q.rules["民主评议党员被评为不合格党员的"].ID, "member": m.ID, "day": "2026-07-03"}), "party.quarter_sealed"},
		{"party-award-reverse", q.secretary, "POST", q.village(fmt.Sprintf("/party-awards/%d/reverse", lesson)), map[string]any{"reason": "没有到场"}, ""},
		{"party-award-reverse", q.secretary, "POST", q.village(fmt.Sprintf("/party-awards/%d/reverse", veto)), map[string]any{"reason": "复议改定"}, ""},
		{"exemption-create", q.officer, "POST", member + "/exemptions", map[string]any{"reason": "illness", "from": "2026-09-01"}, "party.quarter_sealed"},
		{"exemption-create", q.officer, "POST", member + "/exemptions", map[string]any{"reason": "illness", "from": "2026-09-30", "to": "2026-12-31"}, "party.quarter_sealed"},
		{"exemption-revoke", q.officer, "POST", "/exemptions/" + ill.ID.String() + "/revoke", map[string]any{"reason": "身体康复"}, ""}, // ends with the quarter
		{"exemption-revoke", q.officer, "POST", "/exemptions/" + ill.ID.String() + "/revoke", map[string]any{"reason": "再撤一次"}, "party.quarter_sealed"},
		{"party-report", q.secretary, "PUT", member + "/report", report, "party.quarter_sealed"},
		{"my-party-report", mine, "PUT", fmt.Sprintf("/my/households/%s/party/%s/report", home, q.member(0).ID), report, "party.quarter_sealed"},
		{"evaluation-review", q.secretary, "PUT", q.path + "/reviews", map[string]any{"items": []any{map[string]any{"member": m.ID, "score": 100}}}, "party.quarter_sealed"},
		{"evaluation-open", q.secretary, "POST", "/branches/" + q.branch.ID.String() + "/evaluations", map[string]any{"quarter": "2026-Q3"}, "party.evaluation_opened"},
		{"evaluation-begin-review", q.officer, "POST", q.path + "/begin-review", nil, "party.quarter_sealed"},
		{"evaluation-publish", q.officer, "POST", q.path + "/publish", nil, "party.quarter_sealed"},
		{"evaluation-return", q.town, "POST", q.path + "/return", map[string]any{"reason": "重新评议"}, "party.quarter_sealed"},
		{"evaluation-close", q.town, "POST", q.path + "/close", nil, ""},
		{"evaluation-object", q.officer, "POST", q.path + "/objections", map[string]any{"raised_by": "群众", "text": "评得不公", "upheld": false, "finding": "经核实无误"}, ""},
		{"party-class-update", q.town, "PUT", town + "/party-classes", map[string]any{"class": "ordinary", "base": 10, "goal": 500}, ""},
		{"party-standard-update", q.town, "PUT", town + "/party-standard", map[string]any{"qualified": 99, "score_percent": 10, "review_percent": 90, "review_full": 10, "publicity_days": 9}, ""},
		{"party-member-update", q.officer, "PUT", member, map[string]any{"branch": q.branch.ID, "class": "away", "active": true}, ""},
		{"party-member-update", q.officer, "PUT", "/party-members/" + q.member(21).ID.String(), map[string]any{"branch": q.branch.ID, "class": "away", "active": false}, ""},
		{"party-member-create", q.officer, "POST", "/party-members", map[string]any{"villager": q.member(21).Villager, "branch": q.branch.ID, "class": "cadre"}, ""},
		{"party-import", q.officer, "POST", q.village("/party-members/import"), list, ""},
		{"party-problems", q.officer, "POST", q.village("/party-members/import/problems"), list, ""},
		{"branch-create", q.officer, "POST", q.village("/branches"), map[string]any{"name": "新支部"}, ""},
		{"branch-update", q.officer, "PUT", "/branches/" + q.branch.ID.String(), map[string]any{"name": "改了名的支部", "secretary": "换了人"}, ""},
		{"branch-delete", q.officer, "DELETE", "/branches/" + q.branch.ID.String(), nil, "party.branch_in_use"},
		{"village-settings-update", q.town, "PUT", q.village("/settings"), settings, ""},
		{"region-update", q.town, "PUT", "/regions/" + vil, map[string]any{"name": "改了名的村"}, ""},
		{"villager-update", q.officer, "PUT", "/villagers/" + m.Villager.String(), map[string]any{"name": "改了名的人", "relation": "户主", "state": "here"}, ""},
		{"villager-move", q.town, "POST", "/villagers/" + m.Villager.String() + "/move", map[string]any{"household": there.ID}, "person.party_member"},
	}
	tried := map[string]bool{}
	for _, x := range attempts {
		tried[x.op] = true
		var a answer
		var err error
		if data, ok := x.body.([]byte); ok {
			a, err = x.who.file(x.path, newKey(), "名单.xlsx", data)
		} else {
			a, err = x.who.json(x.method, x.path, newKey(), x.body)
		}
		require.NoError(t, err)
		name := fmt.Sprintf("%s %v: %s", x.op, x.body, a)
		if x.code == "" {
			require.Less(t, a.Status, 300, name)
		} else {
			var p api.Problem
			require.NoError(t, json.Unmarshal(a.Body, &p), name)
			require.Equal(t, x.code, p.Code, name)
		}
		require.Equal(t, before, q.result(t), name)
	}
	for _, op := range api.Operations() {
		if op.Method != http.MethodGet && (op.Perm == auth.PartyWrite || op.Perm == auth.PartyReport) && !tried[op.ID] {
			t.Errorf("%s writes the party's books: try it on a closed quarter", op.ID)
		}
	}
}

// prints reads the workbooks back.
func (q *quarter) prints(t *testing.T) {
	table := q.table(t)
	a, err := q.secretary.json(http.MethodGet, q.path+"/table.xlsx", "", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, a.Status)
	f, err := xlsx.OpenBytes(a.Body, xlsx.DefaultLimits())
	require.NoError(t, err)
	require.Equal(t, []string{"考核表", "免考核", "异议和补正"}, f.Sheets())
	ranked := printed(t, f, "考核表", "名次", "姓名", "总分", "等次", "备注")
	require.Len(t, ranked, 38+5, "and what is said below")
	for i, p := range table.Standing.Ranked {
		require.Equal(t, []string{strconv.Itoa(p.Rank), p.Member.Name, p.Total.String(), p.GradeName}, ranked[i][:4])
		require.Equal(t, p.Veto != "", strings.Contains(ranked[i][4], "直接定级"))
		require.Equal(t, p.Member.Name == q.names[20], strings.Contains(ranked[i][4], "见补正第 1 号"))
	}
	require.Contains(t, ranked[38][0], "共 40 人：参加考核 38 人，免考核 2 人")
	require.Contains(t, ranked[39][0], "88 分及以上为优秀，70 分及以上为合格，60 分及以上为基本合格，60 分以下为不合格；总分＝积分×80%＋民主评议分×20%")
	require.Contains(t, ranked[42][0], "支部书记（签字）")
	require.Len(t, printed(t, f, "免考核", "姓名", "免考核原因", "批准人"), 2)
	amended := printed(t, f, "异议和补正", "编号", "党员", "结果")
	require.Equal(t, []string{"补正第 1 号（对2026年第3季度）", q.names[20], "成立，等次应为优秀，总分应为 +4"}, amended[0])
	require.Len(t, amended, 2)

	whole := get[api.TownshipTable](t, q.town, "/townships/"+q.township.ID.String()+"/evaluations?quarter=2026-Q3")
	i := slices.IndexFunc(whole.Branches, func(b api.EvaluationTable) bool { return b.Standing.Branch.ID == q.branch.ID })
	require.Equal(t, table, whole.Branches[i])
	require.Equal(t, table.Tally, whole.Tally, "the other branch has nobody")
	a, err = q.town.json(http.MethodGet, "/townships/"+q.township.ID.String()+"/evaluations.xlsx?quarter=2026-Q3", "", nil)
	require.NoError(t, err)
	f, err = xlsx.OpenBytes(a.Body, xlsx.DefaultLimits())
	require.NoError(t, err)
	sums := printed(t, f, "汇总", "村", "党支部", "参加考核", "免考核", "优秀", "不合格", "补正")
	require.Contains(t, sums, []string{"小渔溪村", "第一党支部", "38", "2", "19", "2", "2"})
	require.Contains(t, sums, []string{"合计", "", "38", "2", "19", "2", "2"})
	require.Len(t, printed(t, f, "党员明细", "姓名"), 40)
}

// printed reads columns of a sheet.
func printed(t *testing.T, f *xlsx.File, name string, headers ...string) (out [][]string) {
	t.Helper()
	var columns []xlsx.Column
	for _, h := range headers {
		columns = append(columns, xlsx.Column{Key: h, Header: h})
	}
	table, err := f.Table(name, columns)
	require.NoError(t, err)
	for row, err := range table.Rows() {
		require.NoError(t, err)
		var line []string
		for _, h := range headers {
			line = append(line, row.Get(h))
		}
		out = append(out, line)
	}
	return out
}

// goesOn is the quarter after: what was meddled with counts there, and the card of the year has both.
func (q *quarter) goesOn(t *testing.T, home id.ID) {
	card := get[api.PartyCard](t, q.secretary, "/party-members/"+q.member(20).ID.String()+"/card?year=2026")
	own := get[api.PartyCard](t, villager(t, q.stranger, home), fmt.Sprintf("/my/households/%s/party/%s/card?year=2025", home, q.member(0).ID))
	require.Equal(t, q.names[0], own.Place.Member.Name)
	i := slices.IndexFunc(own.Quarters, func(p api.PartyQuarter) bool { return p.Quarter.V == 20263 })
	require.Equal(t, "closed", own.Quarters[i].State)
	require.Equal(t, "第一党支部", own.Quarters[i].Branch.Name, "as it was called")
	for _, c := range []api.PartyCard{card, own} {
		require.NotEmpty(t, c.Months)
	}
}
