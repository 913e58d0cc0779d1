package api

import (
	"context"
	"io"
	"slices"
	"time"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/party"
	"jishan/internal/points"
)

// PartyStandard is how a township evaluates its party members.
type PartyStandard struct {
	Excellent     Points `json:"excellent,omitempty" minimum:"0" doc:"优秀的分数线，0 为不用这一等次"`
	Qualified     Points `json:"qualified,omitempty" minimum:"0" doc:"合格的分数线；0 为没有设标准，60 分以下为不合格"`
	Basic         Points `json:"basic,omitempty" minimum:"0" doc:"基本合格的分数线，0 为不用这一等次"`
	ScorePercent  int    `json:"score_percent" minimum:"0" maximum:"100" doc:"积分按百分之几计入总分"`
	ReviewPercent int    `json:"review_percent" minimum:"0" maximum:"100" doc:"民主评议分按百分之几计入总分"`
	ReviewFull    Points `json:"review_full" minimum:"0" doc:"民主评议的满分，也是自评的满分"`
	PublicityDays int    `json:"publicity_days" minimum:"1" maximum:"60" doc:"公示几天，含公示当天"`
	Text          string `json:"text,omitempty" readOnly:"true" doc:"标准和总分的算法，一句话"`
}

// Evaluation is the evaluation of a branch for a quarter.
type Evaluation struct {
	ID          id.ID      `json:"id"`
	Branch      id.ID      `json:"branch"`
	Village     id.ID      `json:"village"`
	Quarter     Quarter    `json:"quarter"`
	State       string     `json:"state" enum:"self_report,review,publicity,closed"`
	StateName   string     `json:"state_name"`
	Meeting     string     `json:"meeting" doc:"民主评议的会议"`
	MetOn       cal.Day    `json:"met_on,omitempty"`
	OpenedAt    time.Time  `json:"opened_at"`
	OpenedName  string     `json:"opened_name"`
	PublishedAt *time.Time `json:"published_at,omitempty"`
	PublicUntil cal.Day    `json:"public_until,omitempty" doc:"公示的最后一天"`
	ClosedAt    *time.Time `json:"closed_at,omitempty"`
	ClosedName  string     `json:"closed_name"`
}

// Evaluations is a list of evaluations.
type Evaluations struct {
	Items []Evaluation `json:"items"`
}

// PartyTally is what a table adds up to.
type PartyTally struct {
	Members   int           `json:"members"`
	Ranked    int           `json:"ranked" doc:"参加考核的"`
	Exempt    int           `json:"exempt" doc:"免考核的"`
	Reached   int           `json:"reached" doc:"达到全年目标的"`
	Average   points.Amount `json:"average"`
	Excellent int           `json:"excellent"`
	Qualified int           `json:"qualified"`
	Basic     int           `json:"basic"`
	Failed    int           `json:"failed"`
	Ungraded  int           `json:"ungraded" doc:"没有等次的：乡镇没有设标准，或考核还没有开启"`
	Text      string        `json:"text" doc:"一句话"`
}

// Objection is who disagrees with a published result, and what came of it; after the closing, an amendment.
type Objection struct {
	Number     int           `json:"number"`
	Title      string        `json:"title" doc:"如：补正第 1 号（对2026年第3季度）"`
	Quarter    Quarter       `json:"quarter"`
	Amendment  bool          `json:"amendment" doc:"关闭以后的，为补正，不改动已关闭的结果"`
	Member     id.ID         `json:"member,omitzero"`
	MemberName string        `json:"member_name"`
	RaisedBy   string        `json:"raised_by"`
	Text       string        `json:"text"`
	Upheld     bool          `json:"upheld"`
	Finding    string        `json:"finding" doc:"处理结论"`
	Grade      string        `json:"grade,omitempty" enum:"excellent,qualified,basic,failed" doc:"更正：等次应为"`
	Points     points.Amount `json:"points" doc:"更正：总分应加减"`
	Outcome    string        `json:"outcome"`
	ActorName  string        `json:"actor_name"`
	At         time.Time     `json:"at"`
}

// EvaluationTable is a branch's table of a quarter: what is printed and handed upwards.
type EvaluationTable struct {
	Title      string        `json:"title" doc:"表头，未定稿的会写明"`
	Township   string        `json:"township"`
	Village    string        `json:"village"`
	Evaluation *Evaluation   `json:"evaluation,omitempty" doc:"没有就是还没有开启"`
	Standing   Standing      `json:"standing"`
	Tally      PartyTally    `json:"tally"`
	Standard   PartyStandard `json:"standard" doc:"公示后为公示时的标准"`
	Objections []Objection   `json:"objections"`
}

// TownshipTable are the tables of a township's branches.
type TownshipTable struct {
	Township id.ID             `json:"township"`
	Name     string            `json:"name"`
	Quarter  Quarter           `json:"quarter"`
	Branches []EvaluationTable `json:"branches"`
	Tally    PartyTally        `json:"tally"`
}

// EvaluationInput names the quarter to be evaluated.
type EvaluationInput struct {
	Quarter Quarter `json:"quarter"`
}

// PartyReportInput is a member's self-report.
type PartyReportInput struct {
	Quarter Quarter `json:"quarter"`
	Text    string  `json:"text" minLength:"1" maxLength:"500"`
	Score   Points  `json:"score" minimum:"0" doc:"给自己打的分"`
}

// ReviewScore is what the democratic review gives a member.
type ReviewScore struct {
	Member id.ID  `json:"member"`
	Score  Points `json:"score" minimum:"0"`
	Note   string `json:"note,omitempty" maxLength:"200"`
}

// ReviewScores are scores of the democratic review, and the meeting that gave them.
type ReviewScores struct {
	Meeting string        `json:"meeting,omitempty" maxLength:"200"`
	MetOn   *cal.Day      `json:"met_on,omitempty"`
	Items   []ReviewScore `json:"items" minItems:"1" maxItems:"1000"`
}

// ObjectionInput is an objection with what came of it.
type ObjectionInput struct {
	Member   *id.ID `json:"member,omitempty" doc:"不填为对整张表"`
	RaisedBy string `json:"raised_by" minLength:"1" maxLength:"64"`
	Text     string `json:"text" minLength:"1" maxLength:"500"`
	Upheld   bool   `json:"upheld"`
	Finding  string `json:"finding" minLength:"1" maxLength:"500"`
	Grade    string `json:"grade,omitempty" enum:"excellent,qualified,basic,failed" doc:"补正：等次应为"`
	Points   Points `json:"points,omitempty" doc:"补正：总分应加减"`
}

// MonthPoints is what a member got in a month.
type MonthPoints struct {
	Month  Month         `json:"month"`
	Points points.Amount `json:"points"`
}

// PartyQuarter is one quarter of a member's year.
type PartyQuarter struct {
	Quarter    Quarter     `json:"quarter"`
	State      string      `json:"state,omitempty" enum:"self_report,review,publicity,closed" doc:"没有就是还没有开启考核"`
	StateName  string      `json:"state_name"`
	Branch     Branch      `json:"branch" doc:"在哪个支部考核的"`
	Place      PartyPlace  `json:"place"`
	Of         int         `json:"of" doc:"多少人参加排名"`
	Amendments []Objection `json:"amendments"`
}

// PartyVeto is a record that decides a quarter's grade.
type PartyVeto struct {
	Number    int64   `json:"number" doc:"加减分的编号"`
	Item      string  `json:"item"`
	Day       cal.Day `json:"day"`
	Grade     string  `json:"grade" enum:"excellent,qualified,basic,failed"`
	GradeName string  `json:"grade_name"`
	Note      string  `json:"note"`
}

// PartyCard is a member's scheme year.
type PartyCard struct {
	Branch     Branch         `json:"branch"`
	SchemeYear int            `json:"scheme_year"`
	From       Month          `json:"from"`
	To         Month          `json:"to"`
	Place      PartyPlace     `json:"place" doc:"到现在为止，或到年度末"`
	Months     []MonthPoints  `json:"months"`
	Quarters   []PartyQuarter `json:"quarters"`
	Exemptions []Exemption    `json:"exemptions"`
	Vetoes     []PartyVeto    `json:"vetoes"`
}

// YearQuery names a scheme year.
type YearQuery struct {
	Year int `query:"year" minimum:"1901" maximum:"9000" doc:"积分年度，以开始的那一年称呼；不填为本年度"`
}

var (
	evaluationStates = words[party.State]{party.SelfReport: "self_report", party.Review: "review", party.Publicity: "publicity", party.Closed: "closed"}
	grades           = words[party.Grade]{party.Excellent: "excellent", party.Qualified: "qualified", party.Basic: "basic", party.Failed: "failed"}
)

func instantIf(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	return ptr(instant(ms))
}

func standardOut(s party.Standard) PartyStandard {
	return PartyStandard{Points(s.Excellent), Points(s.Qualified), Points(s.Basic), s.ScorePercent, s.ReviewPercent, Points(s.ReviewFull), s.PublicityDays, s.Text()}
}

func evaluationOut(e party.Evaluation) Evaluation {
	return Evaluation{e.ID, e.Branch, e.Village, Quarter{e.Quarter}, evaluationStates[e.State], party.StateNames[e.State], e.Meeting, e.MetOn, instant(e.OpenedAt),
		e.OpenedName, instantIf(e.PublishedAt), e.PublicUntil, instantIf(e.ClosedAt), e.ClosedName}
}

func tallyOut(t party.Tally) PartyTally {
	g := t.Grades
	return PartyTally{t.Members, t.Ranked, t.Exempt, t.Reached, t.Average, g[party.Excellent], g[party.Qualified], g[party.Basic], g[party.Failed], g[party.NoGrade], t.Text()}
}

func objectionOut(o party.Objection) Objection {
	return Objection{o.Number, o.Title(), Quarter{o.Quarter}, o.Late, o.Member, o.MemberName, o.RaisedBy, o.Text, o.Upheld, o.Finding, grades[o.Grade], o.Points,
		o.Outcome(), o.ActorName, instant(o.At)}
}

func tableOut(t party.Table) EvaluationTable {
	out := EvaluationTable{Title: t.Title(), Township: t.Township, Village: t.Village, Standing: standingOut(t.Standing), Tally: tallyOut(t.Tally()), Standard: standardOut(t.Standard),
		Objections: mapped(t.Objections, objectionOut)}
	if t.Evaluation != nil {
		out.Evaluation = ptr(evaluationOut(*t.Evaluation))
	}
	for i, p := range t.Ranked {
		out.Standing.Ranked[i].Remark = t.Remark(p)
	}
	return out
}

func partyCardOut(c party.Card) PartyCard {
	return PartyCard{branchOut(c.Branch), c.SchemeYear, Month{c.From}, Month{c.To}, placeOut(c.Place),
		mapped(c.Months, func(m party.MonthScore) MonthPoints { return MonthPoints{Month{m.Month}, m.Points} }),
		mapped(c.Quarters, func(q party.QuarterCard) PartyQuarter {
			return PartyQuarter{Quarter{q.Quarter}, evaluationStates[q.State], party.StateNames[q.State], branchOut(q.Branch), placeOut(q.Place), q.Of, mapped(q.Amendments, objectionOut)}
		}),
		mapped(c.Exemptions, exemptionOut),
		mapped(c.Vetoes, func(v party.Veto) PartyVeto {
			return PartyVeto{v.Number, v.Item, v.Day, grades[v.Grade], party.GradeNames[v.Grade], v.Note}
		})}
}

// evaluationOps are the stages of a quarter, in their order.
func (s *Server) evaluationOps(read, write func(Op) Op) {
	register(s, read(Op{ID: "evaluation-list", Method: "GET", Path: "/villages/{id}/evaluations", Summary: "本村各支部的季度考核", Note: "新的季度在前。"}),
		func(ctx context.Context, c *Call, in *ByID) (Evaluations, error) {
			list, err := s.deps.Party.Evaluations(ctx, c.Actor, in.ID.V)
			return Evaluations{mapped(list, evaluationOut)}, err
		})
	register(s, write(Op{ID: "evaluation-open", Method: "POST", Path: "/branches/{id}/evaluations", Summary: "开启支部一个季度的考核", Note: "从党员自评开始。"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body EvaluationInput
		}) (Evaluation, error) {
			e, err := s.deps.Party.Open(ctx, c.Actor, in.ID.V, in.Body.Quarter.V)
			return evaluationOut(e), err
		})
	register(s, read(Op{ID: "evaluation-get", Method: "GET", Path: "/evaluations/{id}", Summary: "一次季度考核的表"}),
		func(ctx context.Context, c *Call, in *ByID) (EvaluationTable, error) {
			t, err := s.deps.Party.Evaluation(ctx, c.Actor, in.ID.V)
			return tableOut(t), err
		})
	registerFile(s, read(Op{ID: "evaluation-sheet", Method: "GET", Path: "/evaluations/{id}/table.xlsx", Summary: "一次季度考核的表，上报用的 Excel"}),
		func(ctx context.Context, c *Call, in *ByID) (*file, error) {
			t, err := s.deps.Party.Evaluation(ctx, c.Actor, in.ID.V)
			if err != nil {
				return nil, err
			}
			return workbook(t.Branch.Name+t.Quarter.String()+"党员积分考核表.xlsx", func(w io.Writer) error { return party.WriteTable(w, t) })
		})
	registerEmpty(s, write(Op{ID: "party-report", Method: "PUT", Path: "/party-members/{id}/report", Summary: "代党员填季度自评"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body PartyReportInput
		}) error {
			return s.deps.Party.Report(ctx, c.Actor, in.Body.domain(in.ID.V))
		})
	register(s, write(Op{ID: "evaluation-review", Method: "PUT", Path: "/evaluations/{id}/reviews", Summary: "登记民主评议分", Note: "没有列出的党员，原来登记的分不变。"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body ReviewScores
		}) (Evaluation, error) {
			scores := mapped(in.Body.Items, func(r ReviewScore) party.Score {
				return party.Score{Member: r.Member, Score: r.Score.Amount(), Note: r.Note}
			})
			e, err := s.deps.Party.Review(ctx, c.Actor, in.ID.V, in.Body.Meeting, dayOf(in.Body.MetOn), scores)
			return evaluationOut(e), err
		})
	stage := func(op Op, move func(context.Context, auth.Actor, id.ID) (party.Evaluation, error)) {
		register(s, write(op), func(ctx context.Context, c *Call, in *ByID) (Evaluation, error) {
			e, err := move(ctx, c.Actor, in.ID.V)
			return evaluationOut(e), err
		})
	}
	stage(Op{ID: "evaluation-begin-review", Method: "POST", Path: "/evaluations/{id}/begin-review", Summary: "结束自评，转入评议"}, s.deps.Party.BeginReview)
	stage(Op{ID: "evaluation-publish", Method: "POST", Path: "/evaluations/{id}/publish", Summary: "公示考核结果", Note: "结果从此写定；季度结束后才能公示。"}, s.deps.Party.Publish)
	stage(Op{ID: "evaluation-close", Method: "POST", Path: "/evaluations/{id}/close", Summary: "关闭考核", Note: "公示期满后关闭，不能再开；重复关闭没有影响。"}, s.deps.Party.Close)
	register(s, write(Op{ID: "evaluation-return", Method: "POST", Path: "/evaluations/{id}/return", Summary: "退回上一阶段"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body ReasonInput
		}) (Evaluation, error) {
			e, err := s.deps.Party.Return(ctx, c.Actor, in.ID.V, in.Body.Reason)
			return evaluationOut(e), err
		})
	register(s, write(Op{ID: "evaluation-object", Method: "POST", Path: "/evaluations/{id}/objections", Summary: "登记异议；关闭以后登记的是补正", Idempotent: true}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body ObjectionInput
		}) (Objection, error) {
			b := in.Body
			n := party.NewObjection{Evaluation: in.ID.V, RaisedBy: b.RaisedBy, Text: b.Text, Upheld: b.Upheld, Finding: b.Finding, Grade: grades.value(b.Grade), Points: b.Points.Amount()}
			if b.Member != nil {
				n.Member = *b.Member
			}
			o, err := s.deps.Party.Object(ctx, c.Actor, n, c.Idem)
			return objectionOut(o), err
		})
}

// partyTableOps are what a township sets and sees, and a member's card.
func (s *Server) partyTableOps(read, write func(Op) Op) {
	register(s, read(Op{ID: "party-standard-get", Method: "GET", Path: "/townships/{id}/party-standard", Summary: "党员考核的等次标准"}),
		func(ctx context.Context, c *Call, in *ByID) (PartyStandard, error) {
			st, err := s.deps.Party.Standard(ctx, c.Actor, in.ID.V)
			return standardOut(st), err
		})
	registerEmpty(s, write(Op{ID: "party-standard-update", Method: "PUT", Path: "/townships/{id}/party-standard", Summary: "设定党员考核的等次标准", Note: "已经公示的考核不受影响。"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body PartyStandard
		}) error {
			b := in.Body
			return s.deps.Party.SetStandard(ctx, c.Actor, party.Standard{Township: in.ID.V, Excellent: b.Excellent.Amount(), Qualified: b.Qualified.Amount(),
				Basic: b.Basic.Amount(), ScorePercent: b.ScorePercent, ReviewPercent: b.ReviewPercent, ReviewFull: b.ReviewFull.Amount(), PublicityDays: b.PublicityDays})
		})
	type townshipQuarter struct {
		ByID
		QuarterQuery
	}
	register(s, read(Op{ID: "township-evaluations", Method: "GET", Path: "/townships/{id}/evaluations", Summary: "全乡镇各支部一个季度的考核", Note: "村里的干部只看到本村的支部。"}),
		func(ctx context.Context, c *Call, in *townshipQuarter) (TownshipTable, error) {
			t, err := s.deps.Party.TownshipTable(ctx, c.Actor, in.ID.V, s.quarterOr(in.Quarter))
			return TownshipTable{t.Township.ID, t.Township.Name, Quarter{t.Quarter}, mapped(t.Branches, tableOut), tallyOut(t.Sum)}, err
		})
	registerFile(s, read(Op{ID: "township-evaluation-sheet", Method: "GET", Path: "/townships/{id}/evaluations.xlsx", Summary: "全乡镇一个季度的考核，上报用的 Excel"}),
		func(ctx context.Context, c *Call, in *townshipQuarter) (*file, error) {
			t, err := s.deps.Party.TownshipTable(ctx, c.Actor, in.ID.V, s.quarterOr(in.Quarter))
			if err != nil {
				return nil, err
			}
			return workbook(t.Township.Name+t.Quarter.String()+"党员积分考核汇总表.xlsx", func(w io.Writer) error { return party.WriteTownshipTable(w, t) })
		})
	register(s, read(Op{ID: "party-card", Method: "GET", Path: "/party-members/{id}/card", Summary: "一位党员的年度积分卡"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			YearQuery
		}) (PartyCard, error) {
			card, err := s.deps.Party.Card(ctx, c.Actor, in.ID.V, in.Year)
			return partyCardOut(card), err
		})
}

func (in PartyReportInput) domain(member id.ID) party.NewReport {
	return party.NewReport{Member: member, Quarter: in.Quarter.V, Text: in.Text, Score: in.Score.Amount()}
}

// myMember is a party member of one's own household.
func (s *Server) myMember(ctx context.Context, actor auth.Actor, household, member id.ID) (party.Member, error) {
	members, err := s.ownMembers(ctx, actor, household)
	if err != nil {
		return party.Member{}, err
	}
	i := slices.IndexFunc(members, func(m party.Member) bool { return m.ID == member })
	if i < 0 {
		return party.Member{}, errs.ErrNotFound.New()
	}
	return members[i], nil
}

// MyMemberPath names a party member of one's household.
type MyMemberPath struct {
	ByID
	Member Key `path:"member"`
}

// myEvaluationOps are a member's own card and self-report.
func (s *Server) myEvaluationOps(op func(Op, auth.Permission) Op) {
	register(s, op(Op{ID: "my-party-card", Method: "GET", Path: "/my/households/{id}/party/{member}/card", Summary: "我家一位党员的年度积分卡"}, auth.HouseholdRead),
		func(ctx context.Context, c *Call, in *struct {
			MyMemberPath
			YearQuery
		}) (PartyCard, error) {
			m, err := s.myMember(ctx, c.Actor, in.ID.V, in.Member.V)
			if err != nil {
				return PartyCard{}, err
			}
			card, err := s.deps.Party.Card(ctx, auth.System("api"), m.ID, in.Year)
			return partyCardOut(card), err
		})
	registerEmpty(s, op(Op{ID: "my-party-report", Method: "PUT", Path: "/my/households/{id}/party/{member}/report", Summary: "我家一位党员的季度自评"}, auth.PartyReport),
		func(ctx context.Context, c *Call, in *struct {
			MyMemberPath
			Body PartyReportInput
		}) error {
			m, err := s.myMember(ctx, c.Actor, in.ID.V, in.Member.V)
			if err != nil {
				return err
			}
			return s.deps.Party.Report(ctx, c.Actor, in.Body.domain(m.ID))
		})
}
