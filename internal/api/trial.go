package api

import (
	"context"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/money"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
	"jishan/internal/trial"
)

// DryRunInput says which months of which village a version is tried on.
type DryRunInput struct {
	Village id.ID `json:"village"`
	From    Month `json:"from" doc:"从哪个月"`
	To      Month `json:"to" doc:"到哪个月（含）"`
}

// DryRunRule is one rule's part of a dry run.
type DryRunRule struct {
	Rule     id.ID         `json:"rule,omitempty" doc:"这一版里的条目；没有了就不填"`
	Code     string        `json:"code,omitempty"`
	Category string        `json:"category"`
	Item     string        `json:"item"`
	Times    int           `json:"times"`
	Before   points.Amount `json:"before"`
	After    points.Amount `json:"after"`
}

// DryRunOwner is one household's or party member's part.
type DryRunOwner struct {
	Household id.ID         `json:"household,omitempty"`
	Member    id.ID         `json:"member,omitempty"`
	Name      string        `json:"name" doc:"户主或党员"`
	Before    points.Amount `json:"before"`
	After     points.Amount `json:"after"`
}

// DryRun is what a version would have given for a past period's real awards.
type DryRun struct {
	Awards       int           `json:"awards" doc:"时段内没有撤销的加减分"`
	Before       points.Amount `json:"before" doc:"实际合计"`
	After        points.Amount `json:"after" doc:"按这一版合计"`
	BeforeYuan   money.Fen     `json:"before_yuan" doc:"按本村折算标准"`
	AfterYuan    money.Fen     `json:"after_yuan"`
	Undetermined int           `json:"undetermined" doc:"这一版要的内容当时没有记（等级、数量等），按原来的分值算"`
	Refused      int           `json:"refused" doc:"因上限、同一行为只计最高等不得分的"`
	Rules        []DryRunRule  `json:"rules" doc:"变化大的在前"`
	Owners       []DryRunOwner `json:"owners" doc:"变化大的在前，最多 200 个"`
	OwnersTotal  int           `json:"owners_total"`
	Unmatched    []string      `json:"unmatched" doc:"这一版里没有了的条目，不得分"`
	Unused       []string      `json:"unused" doc:"这一版里当时没有人登记过的条目，无法推算"`
}

// ForecastShare is what one rule can bring a household in a month.
type ForecastShare struct {
	Code    string        `json:"code"`
	Item    string        `json:"item"`
	Most    points.Amount `json:"most"`
	Bounded bool          `json:"bounded" doc:"有上限；没有就只算一次"`
}

// RuleForecast is the most a household could earn in a month under a version.
type RuleForecast struct {
	Persons       int             `json:"persons" doc:"按几口人算"`
	Most          points.Amount   `json:"most" doc:"一户一个月最多可得多少分；没有上限的条目只算一次"`
	MostYuan      money.Fen       `json:"most_yuan"`
	Cheapest      string          `json:"cheapest" doc:"最便宜的商品"`
	CheapestPrice points.Amount   `json:"cheapest_price"`
	Buys          int64           `json:"buys" doc:"够换多少份最便宜的商品"`
	Open          []ForecastShare `json:"open" doc:"没有任何上限的条目"`
	Top           []ForecastShare `json:"top" doc:"得分最多的条目"`
	Warnings      []string        `json:"warnings" doc:"表决之前请看"`
}

// maxOwners is how many owners a dry run names.
const maxOwners = 200

func shareOut(s rule.Share) ForecastShare {
	return ForecastShare{s.Rule.Code, s.Rule.Item, s.Most, s.Bounds}
}

func (s *Server) dryRunOut(ctx context.Context, r trial.Report) (out DryRun, err error) {
	out = DryRun{Awards: r.Awards, Before: r.Before, After: r.After, BeforeYuan: r.BeforeFen, AfterYuan: r.AfterFen, Undetermined: r.Undetermined, Refused: r.Refused,
		Rules: mapped(r.Rules, func(d trial.RuleDiff) DryRunRule {
			return DryRunRule{d.Rule, d.Code, d.Category, d.Item, d.Times, d.Before, d.After}
		}),
		OwnersTotal: len(r.Owners), Unmatched: append([]string{}, r.Unmatched...), Unused: append([]string{}, r.Unused...)}
	owners := r.Owners[:min(maxOwners, len(r.Owners))]
	var households, members []id.ID
	for _, o := range owners {
		households, members = append(households, o.Household), append(members, o.Member)
	}
	err = s.deps.DB.Read(ctx, func(tx db.Tx) error {
		h, err := people.HouseholdsByID(tx, distinct(households))
		if err != nil {
			return err
		}
		m, err := party.MembersByID(tx, distinct(members))
		if err != nil {
			return err
		}
		out.Owners = mapped(owners, func(o trial.OwnerDiff) DryRunOwner {
			name := h[o.Household].HeadName
			if o.Member != 0 {
				name = m[o.Member].Name
			}
			return DryRunOwner{o.Household, o.Member, name, o.Before, o.After}
		})
		return nil
	})
	return out, err
}

func (s *Server) trialOps() {
	op := func(o Op) Op { o.Tag, o.Perm, o.Audience = tagRules, auth.RuleRead, Officers; return o }

	register(s, op(Op{ID: "rule-version-dry-run", Method: "POST", Path: "/rule-versions/{id}/dry-run", Summary: "用一版细则试算过去的加减分",
		Note: "按登记的先后，用这一版重新计算一个时段里没有撤销的加减分：每户、每条、合计会有什么不同。什么也不写入。还需要能看该村的加减分；党员积分的细则要能看党员积分。"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body DryRunInput
		}) (DryRun, error) {
			r, err := s.deps.Trial.DryRun(ctx, c.Actor, trial.Period{Version: in.ID.V, Village: in.Body.Village, From: in.Body.From.V, To: in.Body.To.V})
			if err != nil {
				return DryRun{}, err
			}
			return s.dryRunOut(ctx, r)
		})
	register(s, op(Op{ID: "rule-version-forecast", Method: "GET", Path: "/rule-versions/{id}/forecast", Summary: "一版细则下一户一个月最多能得多少分",
		Note: "与最便宜的商品和折算标准比较，warnings 在表决之前请看。"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Village Key `query:"village" doc:"按哪个村的商品和折算标准；不填为细则所在的村，乡镇的细则为全乡镇"`
			Persons int `query:"persons" minimum:"1" maximum:"30" default:"3" doc:"一户几口人"`
		}) (RuleForecast, error) {
			f, err := s.deps.Trial.Forecast(ctx, c.Actor, in.ID.V, in.Village.V, in.Persons)
			if err != nil {
				return RuleForecast{}, err
			}
			return RuleForecast{Persons: f.Persons, Most: f.Most, MostYuan: f.MostFen, Cheapest: f.Cheapest.Name, CheapestPrice: f.Cheapest.Price, Buys: f.Buys,
				Open: mapped(f.Open, func(r rule.Rule) ForecastShare { return ForecastShare{Code: r.Code, Item: r.Item} }),
				Top:  mapped(f.Top, shareOut), Warnings: append([]string{}, f.Warnings...)}, nil
		})
}
