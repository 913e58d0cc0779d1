package api

import (
	"context"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/party"
)

const (
	memberActive = 1 // party_members.state
	memberLeft   = 2
)

func (s *Server) partyOps() {
	read := func(o Op) Op { o.Tag, o.Perm, o.Audience = tagParty, auth.PartyRead, Officers; return o }
	write := func(o Op) Op { o.Tag, o.Perm, o.Audience = tagParty, auth.PartyWrite, Officers; return o }

	register(s, read(Op{ID: "branch-list", Method: "GET", Path: "/villages/{id}/branches", Summary: "本村的党支部"}),
		func(ctx context.Context, c *Call, in *ByID) (Branches, error) {
			list, err := s.deps.Party.Branches(ctx, c.Actor, in.ID.V)
			return Branches{mapped(list, branchOut)}, err
		})
	register(s, write(Op{ID: "branch-create", Method: "POST", Path: "/villages/{id}/branches", Summary: "新建党支部"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body BranchInput
		}) (Branch, error) {
			b, err := s.deps.Party.CreateBranch(ctx, c.Actor, in.ID.V, in.Body.Name, in.Body.Secretary)
			return branchOut(b), err
		})
	register(s, write(Op{ID: "branch-update", Method: "PUT", Path: "/branches/{id}", Summary: "修改党支部"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body BranchInput
		}) (Branch, error) {
			b, err := s.deps.Party.UpdateBranch(ctx, c.Actor, in.ID.V, in.Body.Name, in.Body.Secretary)
			return branchOut(b), err
		})
	registerEmpty(s, write(Op{ID: "branch-delete", Method: "DELETE", Path: "/branches/{id}", Summary: "删除没有党员的支部"}),
		func(ctx context.Context, c *Call, in *ByID) error {
			return s.deps.Party.DeleteBranch(ctx, c.Actor, in.ID.V)
		})
	register(s, read(Op{ID: "branch-standing", Method: "GET", Path: "/branches/{id}/standing", Summary: "支部一个季度的考核"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			QuarterQuery
		}) (Standing, error) {
			st, err := s.deps.Party.Standing(ctx, c.Actor, in.ID.V, s.quarterOr(in.Quarter))
			return standingOut(st), err
		})
	register(s, read(Op{ID: "village-standings", Method: "GET", Path: "/villages/{id}/standings", Summary: "本村各支部一个季度的考核"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			QuarterQuery
		}) (Standings, error) {
			list, err := s.deps.Party.Standings(ctx, c.Actor, in.ID.V, s.quarterOr(in.Quarter))
			return Standings{mapped(list, standingOut)}, err
		})
	registerFile(s, read(Op{ID: "standings-export", Method: "GET", Path: "/villages/{id}/standings.xlsx", Summary: "本村各支部一个季度的考核，Excel", Note: "各支部的党员积分和目标，免考核的在后。"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			QuarterQuery
		}) (*file, error) {
			return s.standingsSheet(ctx, c, in.ID.V, s.quarterOr(in.Quarter))
		})
	register(s, read(Op{ID: "party-class-list", Method: "GET", Path: "/townships/{id}/party-classes", Summary: "各类党员的基础分和目标"}),
		func(ctx context.Context, c *Call, in *ByID) (PartyClasses, error) {
			list, err := s.deps.Party.Classes(ctx, c.Actor, in.ID.V)
			return PartyClasses{mapped(list, func(p party.ClassPlan) PartyClass {
				return PartyClass{partyClasses[p.Class], party.ClassNames[p.Class], Points(p.Base), Points(p.Goal)}
			})}, err
		})
	registerEmpty(s, write(Op{ID: "party-class-update", Method: "PUT", Path: "/townships/{id}/party-classes", Summary: "设定一类党员的基础分和目标"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body PartyClass
		}) error {
			return s.deps.Party.SetClass(ctx, c.Actor, in.ID.V, party.ClassPlan{Class: partyClasses.value(in.Body.Class), Base: in.Body.Base.Amount(), Goal: in.Body.Goal.Amount()})
		})
	s.partyMemberOps(read, write)
	s.exemptionOps(read, write)
	s.evaluationOps(read, write)
	s.partyTableOps(read, write)
	s.partySheetOps(write)
	s.partyAwardOps(write)
}

func (s *Server) partyMemberOps(read, write func(Op) Op) {
	register(s, read(Op{ID: "party-member-list", Method: "GET", Path: "/villages/{id}/party-members", Summary: "本村的党员"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Branch Key    `query:"branch" doc:"只看一个支部"`
			Q      string `query:"q" maxLength:"50" doc:"姓名或首字母"`
			Left   bool   `query:"left" doc:"连已离开的也列出"`
		}) (PartyMembers, error) {
			list, err := s.deps.Party.Members(ctx, c.Actor, party.MemberQuery{Village: in.ID.V, Branch: in.Branch.V, Text: in.Q, Left: in.Left})
			return PartyMembers{mapped(list, memberOut)}, err
		})
	register(s, write(Op{ID: "party-member-create", Method: "POST", Path: "/party-members", Summary: "把村民登记为党员"}),
		func(ctx context.Context, c *Call, in *struct{ Body PartyMemberInput }) (PartyMember, error) {
			m, err := s.deps.Party.AddMember(ctx, c.Actor, party.NewMember{Villager: in.Body.Villager, Branch: in.Body.Branch, Class: partyClasses.value(in.Body.Class), Joined: dayOf(in.Body.Joined)})
			return memberOut(m), err
		})
	register(s, read(Op{ID: "party-member-get", Method: "GET", Path: "/party-members/{id}", Summary: "一位党员"}),
		func(ctx context.Context, c *Call, in *ByID) (PartyMember, error) {
			m, err := s.deps.Party.Member(ctx, c.Actor, in.ID.V)
			return memberOut(m), err
		})
	register(s, write(Op{ID: "party-member-update", Method: "PUT", Path: "/party-members/{id}", Summary: "修改党员"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body PartyMemberChange
		}) (PartyMember, error) {
			state := memberLeft
			if in.Body.Active {
				state = memberActive
			}
			m, err := s.deps.Party.UpdateMember(ctx, c.Actor, in.ID.V, party.MemberChange{Branch: in.Body.Branch, Class: partyClasses.value(in.Body.Class), Joined: dayOf(in.Body.Joined), State: state})
			return memberOut(m), err
		})
	register(s, read(Op{ID: "party-member-statement", Method: "GET", Path: "/party-members/{id}/statement", Summary: "一位党员的积分明细"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			PageQuery
		}) (Page[StatementLine], error) {
			m, err := s.deps.Party.Member(ctx, c.Actor, in.ID.V)
			if err != nil {
				return Page[StatementLine]{}, err
			}
			return s.memberStatement(ctx, m, in.PageQuery)
		})
	registerFile(s, read(Op{ID: "party-member-statement-export", Method: "GET", Path: "/party-members/{id}/statement.xlsx", Summary: "一位党员的积分明细，Excel", Note: noteStatement}),
		func(ctx context.Context, c *Call, in *statementSpan) (*file, error) {
			m, err := s.deps.Party.Member(ctx, c.Actor, in.ID.V)
			if err != nil {
				return nil, err
			}
			return s.memberSheet(ctx, c, m, *in)
		})
}

func (s *Server) exemptionOps(read, write func(Op) Op) {
	register(s, read(Op{ID: "exemption-list", Method: "GET", Path: "/party-members/{id}/exemptions", Summary: "党员的免考核", Note: "新的在前，含已撤回的。"}),
		func(ctx context.Context, c *Call, in *ByID) (Exemptions, error) {
			list, err := s.deps.Party.Exemptions(ctx, c.Actor, in.ID.V)
			return Exemptions{mapped(list, exemptionOut)}, err
		})
	register(s, write(Op{ID: "exemption-create", Method: "POST", Path: "/party-members/{id}/exemptions", Summary: "同意免考核"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body ExemptionInput
		}) (Exemption, error) {
			b := in.Body
			e, err := s.deps.Party.Exempt(ctx, c.Actor, party.NewExemption{Member: in.ID.V, Reason: exemptions.value(b.Reason), Note: b.Note, Evidence: b.Evidence, From: b.From, To: dayOf(b.To)})
			return exemptionOut(e), err
		})
	registerEmpty(s, write(Op{ID: "exemption-revoke", Method: "POST", Path: "/exemptions/{id}/revoke", Summary: "撤回免考核"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body ReasonInput
		}) error {
			return s.deps.Party.Revoke(ctx, c.Actor, in.ID.V, in.Body.Reason)
		})
}

// partyAwardOps are awards of party score, for secretaries too, who have no other awards to give. The service asks each grant's
// own permission, so a household's grant through here needs what it needs elsewhere.
func (s *Server) partyAwardOps(write func(Op) Op) {
	register(s, write(Op{ID: "party-award-preview", Method: "POST", Path: "/villages/{id}/party-awards/preview", Summary: "看看党员会得多少分、为什么"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body AwardInput
		}) (AwardResult, error) {
			list, err := s.deps.Awards.Preview(ctx, c.Actor, award.Order{Village: in.ID.V, Grants: mapped(in.Body.Grants, GrantInput.domain)})
			return resultOut(list), err
		})
	register(s, write(Op{ID: "party-award-grant", Method: "POST", Path: "/villages/{id}/party-awards", Summary: "给党员加减分", Idempotent: true, MaxBody: maxAwardBody}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body AwardInput
		}) (AwardResult, error) {
			list, err := s.deps.Awards.Grant(ctx, c.Actor, award.Order{Idempotency: c.Idem, Village: in.ID.V, Grants: mapped(in.Body.Grants, GrantInput.domain)})
			return resultOut(list), err
		})
	register(s, write(Op{ID: "party-award-reverse", Method: "POST", Path: "/villages/{id}/party-awards/{number}/reverse", Summary: "撤销党员的一次加减分", Idempotent: true}),
		func(ctx context.Context, c *Call, in *struct {
			NumberPath
			Body ReverseInput
		}) (AwardOutcome, error) {
			list, err := s.deps.Awards.Reverse(ctx, c.Actor, in.ID.V, []int64{in.Number}, in.Body.Reason, c.Idem)
			if err != nil {
				return AwardOutcome{}, err
			}
			return outcomeOut(list[0]), nil
		})
}
