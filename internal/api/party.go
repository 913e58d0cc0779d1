package api

import (
	"bytes"
	"context"
	"slices"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/points"
)

const tagParty = "党员"

// Branch is a party branch.
type Branch struct {
	ID        id.ID  `json:"id"`
	Village   id.ID  `json:"village"`
	Name      string `json:"name"`
	Secretary string `json:"secretary"`
	Members   int    `json:"members" doc:"多少党员"`
}

// Branches are the branches of a village.
type Branches struct {
	Items []Branch `json:"items"`
}

// BranchInput is a branch's name and secretary.
type BranchInput struct {
	Name      string `json:"name" minLength:"1" maxLength:"64"`
	Secretary string `json:"secretary,omitempty" maxLength:"64"`
}

// PartyMember is a villager's membership of a branch.
type PartyMember struct {
	ID        id.ID   `json:"id"`
	Villager  id.ID   `json:"villager"`
	Village   id.ID   `json:"village"`
	Branch    id.ID   `json:"branch"`
	Name      string  `json:"name"`
	Initials  string  `json:"initials"`
	Class     string  `json:"class" enum:"cadre,backbone,ordinary,away,special"`
	ClassName string  `json:"class_name"`
	Joined    cal.Day `json:"joined,omitempty" doc:"入党日期"`
	Active    bool    `json:"active" doc:"没有离开支部"`
}

// PartyMembers is a list of members.
type PartyMembers struct {
	Items []PartyMember `json:"items"`
}

// PartyMemberInput enters a villager into a branch.
type PartyMemberInput struct {
	Villager id.ID    `json:"villager"`
	Branch   id.ID    `json:"branch"`
	Class    string   `json:"class" enum:"cadre,backbone,ordinary,away,special"`
	Joined   *cal.Day `json:"joined,omitempty"`
}

// PartyMemberChange is a member's record as it should be.
type PartyMemberChange struct {
	Branch id.ID    `json:"branch"`
	Class  string   `json:"class" enum:"cadre,backbone,ordinary,away,special"`
	Joined *cal.Day `json:"joined,omitempty"`
	Active bool     `json:"active"`
}

// PartyClass is what members of a class begin the scheme year with and should reach.
type PartyClass struct {
	Class string `json:"class" enum:"cadre,backbone,ordinary,away,special"`
	Name  string `json:"name,omitempty" readOnly:"true"`
	Base  Points `json:"base" minimum:"0" doc:"基础分"`
	Goal  Points `json:"goal" minimum:"0" doc:"全年目标"`
}

// PartyClasses are the classes of a township.
type PartyClasses struct {
	Items []PartyClass `json:"items"`
}

// Exemption takes a member out of ranking and average for a time.
type Exemption struct {
	ID           id.ID   `json:"id"`
	Member       id.ID   `json:"member"`
	Reason       string  `json:"reason" enum:"illness,old_age,other"`
	ReasonName   string  `json:"reason_name"`
	Note         string  `json:"note"`
	Evidence     string  `json:"evidence"`
	From         cal.Day `json:"from"`
	To           cal.Day `json:"to,omitempty" doc:"没有就是长期"`
	ApprovedName string  `json:"approved_name"`
	Revoked      bool    `json:"revoked"`
}

// Exemptions is a list of exemptions, latest first.
type Exemptions struct {
	Items []Exemption `json:"items"`
}

// ExemptionInput is what an approver decides.
type ExemptionInput struct {
	Reason   string   `json:"reason" enum:"illness,old_age,other"`
	Note     string   `json:"note,omitempty" maxLength:"200" doc:"其他原因须写明"`
	Evidence string   `json:"evidence,omitempty" maxLength:"500"`
	From     cal.Day  `json:"from"`
	To       *cal.Day `json:"to,omitempty" doc:"不填为长期"`
}

// PartyPlace is how one member stands.
type PartyPlace struct {
	Member     PartyMember    `json:"member"`
	Base       points.Amount  `json:"base"`
	Earned     points.Amount  `json:"earned" doc:"这个季度得的分"`
	Awarded    points.Amount  `json:"awarded" doc:"本积分年度到这个季度末得的分"`
	Score      points.Amount  `json:"score" doc:"基础分加得分"`
	Goal       points.Amount  `json:"goal" doc:"全年目标，0 为没有设定"`
	Due        points.Amount  `json:"due" doc:"按进度到这个季度末应有的积分"`
	Ahead      points.Amount  `json:"ahead" doc:"比进度多多少分，负数为落后"`
	Pace       string         `json:"pace" doc:"如：本季度落后 12 分"`
	Progress   int            `json:"progress" doc:"完成目标的百分之几"`
	SelfScore  *points.Amount `json:"self_score,omitempty" doc:"自评分，没有就是还没有自评"`
	Report     string         `json:"report" doc:"自评"`
	Review     *points.Amount `json:"review,omitempty" doc:"民主评议分，没有就是还没有评议"`
	ReviewNote string         `json:"review_note"`
	Total      points.Amount  `json:"total" doc:"总分，按它排名"`
	Grade      string         `json:"grade,omitempty" enum:"excellent,qualified,basic,failed" doc:"等次"`
	GradeName  string         `json:"grade_name"`
	Veto       string         `json:"veto" doc:"直接定级的事由"`
	Remark     string         `json:"remark,omitempty" doc:"考核表的备注：直接定级的事由、补正"`
	Rank       int            `json:"rank,omitempty" doc:"免考核的没有名次"`
	Exemption  *Exemption     `json:"exemption,omitempty"`
}

// Standing is how a branch stands at the end of a quarter.
type Standing struct {
	Branch     Branch        `json:"branch"`
	Quarter    Quarter       `json:"quarter"`
	SchemeYear int           `json:"scheme_year"`
	From       Month         `json:"from"`
	To         Month         `json:"to"`
	Ranked     []PartyPlace  `json:"ranked" doc:"名次在前的在前"`
	Exempt     []PartyPlace  `json:"exempt" doc:"免考核的"`
	Average    points.Amount `json:"average"`
	Reached    int           `json:"reached" doc:"多少人达到目标"`
}

// Standings are the branches of a village.
type Standings struct {
	Items []Standing `json:"items"`
}

// PartyReport is what an import of members did, or would do.
type PartyReport struct {
	Rows      int            `json:"rows"`
	Added     int            `json:"added"`
	Changed   int            `json:"changed"`
	Unchanged int            `json:"unchanged"`
	Written   bool           `json:"written"`
	Problems  []SheetProblem `json:"problems"`
}

// MyPartyPlace is one's own standing.
type MyPartyPlace struct {
	PartyPlace
	Branch  Branch        `json:"branch"`
	Quarter Quarter       `json:"quarter"`
	Average points.Amount `json:"average" doc:"支部平均"`
	Ranked  int           `json:"ranked" doc:"参加排名的有多少人"`
}

// MyParty are the party members of one's household.
type MyParty struct {
	Items []MyPartyPlace `json:"items"`
}

// ReasonInput is why something is done.
type ReasonInput struct {
	Reason string `json:"reason" minLength:"1" maxLength:"200"`
}

var (
	partyClasses = words[party.Class]{party.Cadre: "cadre", party.Backbone: "backbone", party.Ordinary: "ordinary", party.Away: "away", party.Special: "special"}
	exemptions   = words[party.Reason]{party.Illness: "illness", party.OldAge: "old_age", party.Other: "other"}
)

func branchOut(b party.Branch) Branch { return Branch{b.ID, b.Village, b.Name, b.Secretary, b.Members} }

func memberOut(m party.Member) PartyMember {
	return PartyMember{ID: m.ID, Villager: m.Villager, Village: m.Village, Branch: m.Branch, Name: m.Name, Initials: m.Initials, Class: partyClasses[m.Class],
		ClassName: party.ClassNames[m.Class], Joined: m.Joined, Active: m.Active()}
}

func exemptionOut(e party.Exemption) Exemption {
	return Exemption{ID: e.ID, Member: e.Member, Reason: exemptions[e.Reason], ReasonName: party.ReasonNames[e.Reason], Note: e.Note, Evidence: e.Evidence,
		From: e.From, To: e.To, ApprovedName: e.ApprovedName, Revoked: e.Revoked}
}

func placeOut(p party.Place) PartyPlace {
	out := PartyPlace{Member: memberOut(p.Member), Base: p.Base, Earned: p.Earned, Awarded: p.Awarded, Score: p.Score, Goal: p.Goal, Due: p.Due, Ahead: p.Ahead(),
		Pace: p.Pace(), Progress: p.Progress, Report: p.Report, ReviewNote: p.ReviewNote, Total: p.Total, Grade: grades[p.Grade], GradeName: party.GradeNames[p.Grade],
		Veto: p.Veto, Rank: p.Rank}
	if p.Reported {
		out.SelfScore = ptr(p.SelfScore)
	}
	if p.Reviewed {
		out.Review = ptr(p.Review)
	}
	if p.Exemption != nil {
		out.Exemption = ptr(exemptionOut(*p.Exemption))
	}
	return out
}

func standingOut(s party.Standing) Standing {
	return Standing{branchOut(s.Branch), Quarter{s.Quarter}, s.SchemeYear, Month{s.From}, Month{s.To}, mapped(s.Ranked, placeOut), mapped(s.Exempt, placeOut), s.Average, s.Reached}
}

func dayOf(d *cal.Day) cal.Day {
	if d == nil {
		return 0
	}
	return *d
}

// quarterOr is the quarter asked for, or the present one.
func (s *Server) quarterOr(q Quarter) cal.Quarter {
	if q.V != 0 {
		return q.V
	}
	return cal.MonthOf(s.deps.DB.Now()).Quarter()
}

// QuarterQuery names a quarter.
type QuarterQuery struct {
	Quarter Quarter `query:"quarter" doc:"不填为本季度"`
}

// partyAtHome are the party members of households.
func (s *Server) partyAtHome(ctx context.Context, houses []people.Household) (out []party.Member, err error) {
	var villages, ids []id.ID
	for _, h := range houses {
		villages, ids = append(villages, h.Village), append(ids, h.ID)
	}
	var found map[id.ID][]people.Villager
	err = s.deps.DB.Read(ctx, func(tx db.Tx) (err error) {
		found, err = people.Members(tx, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	home := map[id.ID]bool{}
	for _, list := range found {
		for _, v := range list {
			home[v.ID] = true
		}
	}
	for _, v := range distinct(villages) {
		list, err := s.deps.Party.Members(ctx, auth.System("api"), party.MemberQuery{Village: v})
		if err != nil {
			return nil, err
		}
		for _, m := range list {
			if home[m.Villager] {
				out = append(out, m)
			}
		}
	}
	return out, nil
}

// myParty draws up how the party members of one's household stand in their branches.
func (s *Server) myParty(ctx context.Context, actor auth.Actor, household id.ID, q cal.Quarter) (out MyParty, err error) {
	members, err := s.ownMembers(ctx, actor, household)
	if err != nil {
		return out, err
	}
	out.Items = []MyPartyPlace{}
	for _, m := range members {
		st, err := s.deps.Party.Standing(ctx, auth.System("api"), m.Branch, q)
		if err != nil {
			return out, err
		}
		for _, p := range slices.Concat(st.Ranked, st.Exempt) {
			if p.Member.ID == m.ID {
				out.Items = append(out.Items, MyPartyPlace{placeOut(p), branchOut(st.Branch), Quarter{q}, st.Average, len(st.Ranked)})
			}
		}
	}
	return out, nil
}

func (s *Server) ownMembers(ctx context.Context, actor auth.Actor, household id.ID) ([]party.Member, error) {
	var h people.Household
	err := s.deps.DB.Read(ctx, func(tx db.Tx) (err error) {
		h, err = mayHousehold(tx, actor, household)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.partyAtHome(ctx, []people.Household{h})
}

// memberStatement pages a member's party score; the caller has checked that it may be read.
func (s *Server) memberStatement(ctx context.Context, m party.Member, q PageQuery) (page Page[StatementLine], err error) {
	err = s.deps.DB.Read(ctx, func(tx db.Tx) error {
		page, err = lines(tx, q, func(before int64, limit int) ([]ledger.Line, error) {
			return ledger.Statement(tx, ledger.Party(m.Village, m.ID), before, limit)
		})
		return err
	})
	return page, err
}

func (s *Server) myPartyOps(read func(Op) Op) {
	register(s, read(Op{ID: "my-party", Method: "GET", Path: "/my/households/{id}/party", Summary: "我家党员的积分和目标"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			QuarterQuery
		}) (MyParty, error) {
			return s.myParty(ctx, c.Actor, in.ID.V, s.quarterOr(in.Quarter))
		})
	register(s, read(Op{ID: "my-party-statement", Method: "GET", Path: "/my/households/{id}/party/{member}/statement", Summary: "我家一位党员的积分明细"}),
		func(ctx context.Context, c *Call, in *struct {
			MyMemberPath
			PageQuery
		}) (Page[StatementLine], error) {
			m, err := s.myMember(ctx, c.Actor, in.ID.V, in.Member.V)
			if err != nil {
				return Page[StatementLine]{}, err
			}
			return s.memberStatement(ctx, m, in.PageQuery)
		})
}

// partySheetOps are lists of members as Excel.
func (s *Server) partySheetOps(write func(Op) Op) {
	importMembers := func(ctx context.Context, c *Call, village id.ID, o party.ImportOptions) (*party.Report, error) {
		return s.deps.Party.Import(ctx, c.Actor, village, bytes.NewReader(c.Upload.Data), o)
	}
	register(s, write(Op{ID: "party-import", Method: "POST", Path: "/villages/{id}/party-members/import", Summary: "从 Excel 导入党员", Upload: true}),
		func(ctx context.Context, c *Call, in *ImportQuery) (PartyReport, error) {
			r, err := importMembers(ctx, c, in.ID.V, party.ImportOptions{Preview: in.Preview, SkipBad: in.SkipBad})
			if err != nil {
				return PartyReport{}, err
			}
			return PartyReport{r.Rows, r.Added, r.Changed, r.Unchanged, r.Written, problemsOut(r.Problems)}, nil
		})
	registerFile(s, write(Op{ID: "party-problems", Method: "POST", Path: "/villages/{id}/party-members/import/problems", Summary: "检查党员名单，取回有问题的行", Upload: true}),
		func(ctx context.Context, c *Call, in *ByID) (*file, error) {
			r, err := importMembers(ctx, c, in.ID.V, party.ImportOptions{Preview: true})
			if err != nil {
				return nil, err
			}
			return workbook("党员名单-有问题的行.xlsx", r.WriteProblems)
		})
	registerFile(s, write(Op{ID: "party-template", Method: "GET", Path: "/templates/party-members.xlsx", Summary: "党员名单模板"}),
		func(context.Context, *Call, *struct{}) (*file, error) {
			return workbook("党员名单模板.xlsx", party.Template)
		})
}
