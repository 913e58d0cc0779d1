package api

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
)

const tagAwards = "加减分"

// GrantInput asks for one rule to be applied to one subject.
type GrantInput struct {
	Rule      id.ID    `json:"rule"`
	Household id.ID    `json:"household,omitempty" doc:"记给户的条目填；记给户主或每名成员的条目也可以只填户"`
	Person    id.ID    `json:"person,omitempty" doc:"记给人的条目填；同时记给本人和所在户的条目也填"`
	Member    id.ID    `json:"member,omitempty" doc:"党员积分的条目填"`
	Day       *cal.Day `json:"day,omitempty" doc:"事情发生的日期，不填为今天"`
	Points    *Points  `json:"points,omitempty" doc:"分值可选的条目填，扣分为负"`
	Quantity  Points   `json:"quantity,omitempty" minimum:"0" doc:"按量计分、累计分档的条目填：小时、元等"`
	Level     string   `json:"level,omitempty" maxLength:"50" doc:"分级的条目填等级的名称"`
	Spots     *int     `json:"spots,omitempty" minimum:"0" maximum:"1000000" doc:"满分倒扣的条目填发现几处问题，没有填 0"`
	Act       string   `json:"act,omitempty" maxLength:"64" doc:"同一行为的名称：几条都说到它时，只计最高的一条"`
	Note      string   `json:"note,omitempty" maxLength:"200"`
	Evidence  []string `json:"evidence,omitempty" maxItems:"9" doc:"照片、材料的编号或说明"`
}

// AwardInput is an order of one or many grants.
type AwardInput struct {
	Grants []GrantInput `json:"grants" minItems:"1" maxItems:"10000"`
}

// AwardOutcome is what became of one grant.
type AwardOutcome struct {
	Grant       int           `json:"grant" doc:"是请求里的第几条（从 0 起）；记给每名成员的一条有好几个结果"`
	Number      int64         `json:"number,omitempty" doc:"本村账上的第几号；预览时没有"`
	Rule        id.ID         `json:"rule,omitempty"`
	Household   id.ID         `json:"household,omitempty"`
	Person      id.ID         `json:"person,omitempty"`
	Member      id.ID         `json:"member,omitempty"`
	Day         cal.Day       `json:"day,omitempty"`
	Points      points.Amount `json:"points" doc:"按条目得多少分"`
	Booked      points.Amount `json:"booked" doc:"余额实际变动多少，不带正负号"`
	Balance     points.Amount `json:"balance" doc:"之后的余额"`
	Capped      bool          `json:"capped" doc:"受上限限制而少得"`
	Topped      bool          `json:"topped,omitempty" doc:"同一行为、同一取高组已按别的条目计过，只补到最高的一条"`
	Explanation string        `json:"explanation" doc:"为什么是这么多"`
	Grade       string        `json:"grade,omitempty" doc:"直接定为的等次"`
	Veto        bool          `json:"veto,omitempty" doc:"一票否决"`
	Failed      *AwardFailure `json:"failed,omitempty" doc:"没有记上的原因"`
}

// AwardFailure is why a grant was refused.
type AwardFailure struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// AwardResult is what became of an order, in its order.
type AwardResult struct {
	Items  []AwardOutcome `json:"items"`
	Booked int            `json:"booked" doc:"记上了（预览：能记上）多少条"`
	Failed int            `json:"failed"`
	json   []byte         // all of it, where it has been encoded ahead
}

// ahead encodes the answer before it may be given.
func (r AwardResult) ahead() AwardResult {
	var b bytes.Buffer
	if huma.DefaultJSONFormat.Marshal(&b, r) == nil {
		r.json = b.Bytes()
	}
	return r
}

// encoded implements ready.
func (r AwardResult) encoded() []byte { return r.json }

// Award is an award as it stands.
type Award struct {
	Village       id.ID         `json:"village"`
	Number        int64         `json:"number"`
	Asset         string        `json:"asset" enum:"points,party"`
	Rule          id.ID         `json:"rule"`
	RuleCode      string        `json:"rule_code"`
	RuleItem      string        `json:"rule_item"`
	Household     id.ID         `json:"household,omitempty"`
	HouseholdName string        `json:"household_name,omitempty" doc:"户主"`
	HouseCode     string        `json:"house_code,omitempty"`
	Person        id.ID         `json:"person,omitempty"`
	PersonName    string        `json:"person_name,omitempty"`
	Member        id.ID         `json:"member,omitempty"`
	MemberName    string        `json:"member_name,omitempty"`
	Day           cal.Day       `json:"day"`
	Points        points.Amount `json:"points"`
	Booked        points.Amount `json:"booked"`
	Quantity      points.Amount `json:"quantity,omitempty"`
	Level         string        `json:"level,omitempty"`
	Spots         int           `json:"spots,omitempty"`
	Act           string        `json:"act,omitempty"`
	Explanation   string        `json:"explanation"`
	Note          string        `json:"note"`
	Evidence      []string      `json:"evidence"`
	Reversed      bool          `json:"reversed"`
	ReversedBy    int64         `json:"reversed_by,omitempty" doc:"在第几号撤销"`
	ActorName     string        `json:"actor_name" doc:"经办人"`
	At            time.Time     `json:"at"`
}

// AwardReport is what an import of a sheet did, or would do.
type AwardReport struct {
	Rows     int            `json:"rows"`
	Written  bool           `json:"written"`
	Outcomes []AwardOutcome `json:"outcomes" doc:"能读懂的行，按表里的次序"`
	Problems []SheetProblem `json:"problems"`
}

// BaseGiven is what giving base points did, or would do.
type BaseGiven struct {
	Rules  int           `json:"rules" doc:"基础分的条目有几条"`
	Given  int           `json:"given" doc:"记了多少次"`
	Points points.Amount `json:"points" doc:"一共多少分"`
	Had    int           `json:"had" doc:"本年度已经得过的"`
	Failed int           `json:"failed" doc:"因别的原因没有记上的"`
}

// ReverseInput is why an award is undone.
type ReverseInput struct {
	Reason string `json:"reason" minLength:"2" maxLength:"200"`
}

// ReverseManyInput undoes several awards for one reason.
type ReverseManyInput struct {
	Numbers []int64 `json:"numbers" minItems:"1" maxItems:"10000"`
	Reason  string  `json:"reason" minLength:"2" maxLength:"200"`
}

func (g GrantInput) domain() award.Grant {
	out := award.Grant{Rule: g.Rule, Household: g.Household, Person: g.Person, Member: g.Member, Quantity: g.Quantity.Amount(),
		Level: g.Level, Spots: g.Spots, Act: strings.TrimSpace(g.Act), Note: g.Note, Evidence: g.Evidence}
	if g.Day != nil {
		out.Day = *g.Day
	}
	if g.Points != nil {
		out.Points = ptr(g.Points.Amount())
	}
	return out
}

func outcomeOut(o award.Outcome) AwardOutcome {
	out := AwardOutcome{Grant: o.Grant, Number: o.Number, Rule: o.Rule, Household: o.Household, Person: o.Person, Member: o.Member, Day: o.Day, Points: o.Points,
		Booked: o.Booked, Balance: o.Balance, Capped: o.Capped, Topped: o.Topped, Explanation: o.Explanation, Grade: o.Grade, Veto: o.Veto}
	if o.Failed != nil {
		out.Failed = &AwardFailure{o.Failed.Code, o.Failed.Text}
	}
	return out
}

func resultOut(list []award.Outcome) AwardResult {
	r := AwardResult{Items: mapped(list, outcomeOut)}
	for _, o := range list {
		if o.Failed != nil {
			r.Failed++
		} else {
			r.Booked++
		}
	}
	return r
}

// awardsOut adds the names that screens show beside the keys.
func (s *Server) awardsOut(ctx context.Context, list []award.Award) (out []Award, err error) {
	var rules, households, persons, members []id.ID
	for _, a := range list {
		rules, households, persons, members = append(rules, a.Rule), append(households, a.Household), append(persons, a.Person), append(members, a.Member)
	}
	err = s.deps.DB.Read(ctx, func(tx db.Tx) error {
		r, err := rule.RulesByID(tx, distinct(rules))
		if err != nil {
			return err
		}
		h, err := people.HouseholdsByID(tx, distinct(households))
		if err != nil {
			return err
		}
		v, err := people.VillagersByID(tx, distinct(persons))
		if err != nil {
			return err
		}
		m, err := party.MembersByID(tx, distinct(members))
		if err != nil {
			return err
		}
		out = mapped(list, func(a award.Award) Award {
			return Award{Village: a.Village, Number: a.Number, Asset: assets[a.Asset], Rule: a.Rule, RuleCode: r[a.Rule].Code, RuleItem: r[a.Rule].Item,
				Household: a.Household, HouseholdName: h[a.Household].HeadName, HouseCode: people.FormatHouseCode(h[a.Household].Code), Person: a.Person, PersonName: v[a.Person].Name,
				Member: a.Member, MemberName: m[a.Member].Name, Day: a.Day, Points: a.Points, Booked: a.Booked,
				Quantity: a.Quantity, Level: a.Level, Spots: a.Spots, Act: a.Act, Explanation: a.Explanation, Note: a.Note,
				Evidence: mapped(a.Evidence, func(e string) string { return e }), Reversed: a.Reversed, ReversedBy: a.ReversedBy, ActorName: a.ActorName, At: instant(a.At)}
		})
		return nil
	})
	return out, err
}

// distinct are the keys that are not zero, each once.
func distinct(ids []id.ID) []id.ID {
	seen := make(map[id.ID]bool, len(ids))
	out := make([]id.ID, 0, len(ids))
	for _, k := range ids {
		if k != 0 && !seen[k] {
			seen[k] = true
			out = append(out, k)
		}
	}
	return out
}

// AwardQuery narrows a list of awards.
type AwardQuery struct {
	PageQuery
	From      Date `query:"from"`
	To        Date `query:"to"`
	Household Key  `query:"household"`
	Person    Key  `query:"person"`
	Member    Key  `query:"member"`
	Rule      Key  `query:"rule"`
	Standing  bool `query:"standing" doc:"不看已撤销的"`
}

type villageAwards struct {
	ByID
	AwardQuery
}

// awardPage is a page of a village's awards, newest first.
func (s *Server) awardPage(ctx context.Context, actor auth.Actor, in villageAwards) (page Page[Award], err error) {
	before, err := position[int64](in.Cursor)
	if err != nil {
		return page, err
	}
	list, err := s.deps.Awards.List(ctx, actor, in.ID.V, award.Filter{From: in.From.V, To: in.To.V, Household: in.Household.V, Person: in.Person.V,
		Member: in.Member.V, Rule: in.Rule.V, Standing: in.Standing, Before: before, Limit: in.Limit})
	if err != nil {
		return page, err
	}
	if len(list) == in.Limit {
		page.Next = cursor(list[len(list)-1].Number)
	}
	page.Items, err = s.awardsOut(ctx, list)
	return page, err
}

// NumberPath is a numbered transaction of a village.
type NumberPath struct {
	ID     Key   `path:"id"`
	Number int64 `path:"number" minimum:"1"`
}

const maxAwardBody = 8 << 20 // ten thousand grants with notes

func (s *Server) awardOps() {
	op := func(o Op, p auth.Permission) Op { o.Tag, o.Perm, o.Audience = tagAwards, p, Officers; return o }

	register(s, op(Op{ID: "award-preview", Method: "POST", Path: "/villages/{id}/awards/preview", Summary: "看看会得多少分、为什么", Note: "什么也不写入。同一次里的多条互相计入上限。", MaxBody: maxAwardBody}, auth.AwardWrite),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body AwardInput
		}) (AwardResult, error) {
			list, err := s.deps.Awards.Preview(ctx, c.Actor, award.Order{Village: in.ID.V, Grants: mapped(in.Body.Grants, GrantInput.domain)})
			return resultOut(list), err
		})
	register(s, op(Op{ID: "award-grant", Method: "POST", Path: "/villages/{id}/awards", Summary: "加减分", MaxBody: maxAwardBody, Idempotent: true, Rechecks: true,
		Note: "一条或多条（最多 10000）。只有一条而不能记，就是错误；多条时不能记的各有原因，其余照常记上。党员积分也从这里登记。"}, auth.AwardWrite),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body AwardInput
		}) (AwardResult, error) {
			order := award.Order{Idempotency: c.Idem, Village: in.ID.V, Grants: mapped(in.Body.Grants, GrantInput.domain)}
			return rechecked(ctx, c, func() (out AwardResult, err error) {
				order.Decided = func(list []award.Outcome) { out = resultOut(list).ahead() }
				list, err := s.deps.Awards.Grant(ctx, c.Actor, order)
				if out.json == nil {
					out = resultOut(list)
				}
				return out, err
			})
		})
	register(s, op(Op{ID: "award-base", Method: "POST", Path: "/villages/{id}/awards/base", Summary: "发放本年度的基础分", Idempotent: true,
		Note: "按现行细则里基础分的条目，给本年度还没有得过的户（或人）各记一次；年度开始时发给全村，以后补给新来的。preview 只看会怎样。"}, auth.AwardWrite),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Preview bool `query:"preview" doc:"只看会怎样，不写入"`
		}) (BaseGiven, error) {
			r, err := s.deps.Awards.GiveBase(ctx, c.Actor, in.ID.V, in.Preview, c.Idem)
			return BaseGiven{r.Rules, r.Given, r.Points, r.Had, r.Failed}, err
		})
	register(s, op(Op{ID: "award-import", Method: "POST", Path: "/villages/{id}/awards/import", Summary: "从 Excel 加减分", Upload: true, Idempotent: true,
		Note: "preview 只看会怎样。有读不懂的行就一行也不写。"}, auth.AwardWrite),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Preview bool `query:"preview" doc:"只看会怎样，不写入"`
		}) (AwardReport, error) {
			r, err := s.deps.Awards.Import(ctx, c.Actor, in.ID.V, c.Upload.Data, in.Preview, c.Idem)
			if err != nil {
				return AwardReport{}, err
			}
			return AwardReport{r.Rows, r.Written, mapped(r.Outcomes, outcomeOut), problemsOut(r.Problems)}, nil
		})
	registerFile(s, op(Op{ID: "award-problems", Method: "POST", Path: "/villages/{id}/awards/import/problems", Summary: "检查加减分的 Excel，取回有问题的行", Upload: true,
		Note: "回答是一份 Excel，只含有问题的行和原因。什么也不写入。"}, auth.AwardWrite),
		func(ctx context.Context, c *Call, in *ByID) (*file, error) {
			r, err := s.deps.Awards.Import(ctx, c.Actor, in.ID.V, c.Upload.Data, true, c.Idem)
			if err != nil {
				return nil, err
			}
			return workbook("加减分-有问题的行.xlsx", r.WriteProblems)
		})
	registerFile(s, op(Op{ID: "award-template", Method: "GET", Path: "/templates/awards.xlsx", Summary: "加减分的 Excel 模板"}, auth.AwardRead),
		func(context.Context, *Call, *struct{}) (*file, error) {
			return workbook("加减分模板.xlsx", award.SheetTemplate)
		})
	register(s, op(Op{ID: "award-list", Method: "GET", Path: "/villages/{id}/awards", Summary: "本村的加减分", Note: "新的在前。"}, auth.AwardRead),
		func(ctx context.Context, c *Call, in *villageAwards) (Page[Award], error) {
			return s.awardPage(ctx, c.Actor, *in)
		})
	registerFile(s, op(Op{ID: "award-export", Method: "GET", Path: "/villages/{id}/awards.xlsx", Summary: "本村的加减分，Excel", Note: noteExport}, auth.AwardRead),
		func(ctx context.Context, c *Call, in *villageAwards) (*file, error) { return s.awardSheet(ctx, c, *in) })
	register(s, op(Op{ID: "award-get", Method: "GET", Path: "/villages/{id}/awards/{number}", Summary: "一次加减分"}, auth.AwardRead),
		func(ctx context.Context, c *Call, in *NumberPath) (Award, error) {
			a, err := s.deps.Awards.Get(ctx, c.Actor, in.ID.V, in.Number)
			if err != nil {
				return Award{}, err
			}
			out, err := s.awardsOut(ctx, []award.Award{a})
			if err != nil {
				return Award{}, err
			}
			return out[0], nil
		})
	register(s, op(Op{ID: "award-reverse", Method: "POST", Path: "/villages/{id}/awards/{number}/reverse", Summary: "撤销一次加减分", Idempotent: true}, auth.AwardReverse),
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
	register(s, op(Op{ID: "award-reverse-many", Method: "POST", Path: "/villages/{id}/awards/reverse", Summary: "撤销多次加减分", Idempotent: true,
		Note: "为同一个原因。不能撤销的各有原因，其余照常撤销。"}, auth.AwardReverse),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body ReverseManyInput
		}) (AwardResult, error) {
			list, err := s.deps.Awards.Reverse(ctx, c.Actor, in.ID.V, in.Body.Numbers, in.Body.Reason, c.Idem)
			return resultOut(list), err
		})
}
