package api

import "jishan/internal/rule"

// RuleCap bounds what one subject gets by one rule.
type RuleCap struct {
	Per    string `json:"per" enum:"act,day,week,month,quarter,year,ever" doc:"act：每次"`
	Times  int    `json:"times,omitempty" minimum:"0" doc:"最多几次，0 为不限"`
	Points Points `json:"points,omitempty" doc:"最多多少分，0 为不限"`
	Who    string `json:"who,omitempty" enum:"household,person" doc:"按全户或按人计；不填按条目的对象计"`
}

// RuleStep is one rung of an escalating rule.
type RuleStep struct {
	Points Points `json:"points"`
	Label  string `json:"label,omitempty" maxLength:"50"`
}

// RuleLevel is one named degree.
type RuleLevel struct {
	Name   string `json:"name" minLength:"1" maxLength:"50"`
	Points Points `json:"points"`
	Max    Points `json:"max,omitempty" doc:"填了就可在 points 与 max 之间选"`
}

// RuleTier is what has been earned in all at a sum of quantities.
type RuleTier struct {
	At     Points `json:"at" doc:"累计满多少"`
	Points Points `json:"points" doc:"一共多少分"`
}

// RuleBand is the rate that holds from a quantity on.
type RuleBand struct {
	From   Points `json:"from,omitempty" doc:"从多少起"`
	Each   Points `json:"each,omitempty" doc:"每多少；0 为满 from 一次计"`
	Points Points `json:"points"`
}

// RuleSpec says how a rule gives points. Deductions are negative.
type RuleSpec struct {
	Shape     string      `json:"shape" enum:"fixed,range,level,escalate,double,tiers,amount,block,base,grade" doc:"固定、区间、分级、累次加重、再犯加倍、累计分档、按量、满分倒扣、基础分、直接定级"`
	Points    Points      `json:"points,omitempty" doc:"固定的分值、第一次的分值、满分、基础分"`
	Min       Points      `json:"min,omitempty" doc:"区间：从多少（按大小）"`
	Max       Points      `json:"max,omitempty" doc:"区间：到多少；再犯加倍：最多多少"`
	Step      Points      `json:"step,omitempty" doc:"区间：每档相差多少，0 为任意"`
	Less      Points      `json:"less,omitempty" doc:"满分倒扣：每处扣多少"`
	Levels    []RuleLevel `json:"levels,omitempty" maxItems:"50" doc:"分级：各级的名称和分值"`
	Steps     []RuleStep  `json:"steps,omitempty" maxItems:"50" doc:"累次加重：第几次多少分"`
	Tiers     []RuleTier  `json:"tiers,omitempty" maxItems:"50" doc:"累计分档：累计满多少，一共多少分"`
	Bands     []RuleBand  `json:"bands,omitempty" maxItems:"50" doc:"按量：各段每多少计多少分"`
	Whole     bool        `json:"whole,omitempty" doc:"按量：整个数量都按所到的一段计；否则各段分别计"`
	Share     bool        `json:"share,omitempty" doc:"按量：不足一份的按比例计"`
	Per       string      `json:"per,omitempty" enum:"day,week,month,quarter,year,ever" doc:"累次、加倍、累计分档：在多长时间内累计，不填按年度；按量：数量在多长时间内相加，不填每次单算"`
	Grade     string      `json:"grade,omitempty" maxLength:"50"`
	Lowers    bool        `json:"lowers,omitempty"`
	Veto      bool        `json:"veto,omitempty" doc:"一票否决"`
	Caps      []RuleCap   `json:"caps,omitempty" maxItems:"21"`
	Group     string      `json:"group,omitempty" maxLength:"50" doc:"同组的条目只计最高的一条"`
	GroupPer  string      `json:"group_per,omitempty" enum:"day,week,month,quarter,year,ever" doc:"在多长时间内只计最高，不填按日"`
	Credit    string      `json:"credit,omitempty" enum:"head,members,both" doc:"记给户主、每名成员，或本人和所在户"`
	ScoreOnly bool        `json:"score_only,omitempty" doc:"只计累计积分，不可兑换"`
	Unit      string      `json:"unit,omitempty" maxLength:"50" doc:"如 每次、小时、元"`
	Subject   string      `json:"subject,omitempty" maxLength:"100"`
	Evidence  string      `json:"evidence,omitempty" maxLength:"200" doc:"需要的佐证"`
	CapText   string      `json:"cap_text,omitempty" maxLength:"200" doc:"上限的原文"`
	Remark    string      `json:"remark,omitempty" maxLength:"200" doc:"备注"`
	Kind      string      `json:"kind,omitempty" maxLength:"50"`
}

// RuleLimit bounds what a household, or a party member, gets in all.
type RuleLimit struct {
	Category string `json:"category,omitempty" maxLength:"64" doc:"哪一类；不填为全书"`
	Per      string `json:"per" enum:"day,week,month,quarter,year,ever"`
	Times    int    `json:"times,omitempty" minimum:"0"`
	Points   Points `json:"points,omitempty"`
	Who      string `json:"who,omitempty" enum:"household,person" doc:"person：按人计；不填按全户（党员）计"`
}

// RuleTerms are what a version says about its rules together.
type RuleTerms struct {
	Limits     []RuleLimit `json:"limits,omitempty" maxItems:"200" doc:"总上限"`
	OwnRules   int         `json:"own_rules,omitempty" minimum:"0" doc:"给每个村留几条自设条目；填了 own_deducts 就只是加分的条数"`
	OwnDeducts int         `json:"own_deducts,omitempty" minimum:"0" doc:"其中扣分的另有几条；0 为合在一起算"`
	OwnPoints  Points      `json:"own_points,omitempty" doc:"自设条目每次最多多少分，0 为不限"`
}

func capOut(x rule.Cap) RuleCap {
	return RuleCap{string(x.Per), x.Times, Points(x.Points), string(x.Who)}
}

func (c RuleCap) domain() rule.Cap {
	return rule.Cap{Per: rule.Per(c.Per), Times: c.Times, Points: c.Points.Amount(), Who: rule.Who(c.Who)}
}

func specOut(s rule.Spec) RuleSpec {
	return RuleSpec{Shape: string(s.Shape), Points: Points(s.Points), Min: Points(s.Min), Max: Points(s.Max), Step: Points(s.Step), Less: Points(s.Less),
		Levels: mapped(s.Levels, func(x rule.Level) RuleLevel { return RuleLevel{x.Name, Points(x.Points), Points(x.Max)} }),
		Steps:  mapped(s.Steps, func(x rule.Step) RuleStep { return RuleStep{Points(x.Points), x.Label} }),
		Tiers:  mapped(s.Tiers, func(x rule.Tier) RuleTier { return RuleTier{Points(x.At), Points(x.Points)} }),
		Bands:  mapped(s.Bands, func(x rule.Band) RuleBand { return RuleBand{Points(x.From), Points(x.Each), Points(x.Points)} }),
		Whole:  s.Whole, Share: s.Share, Per: string(s.Per), Grade: s.Grade, Lowers: s.Lowers, Veto: s.Veto, Caps: mapped(s.Caps, capOut),
		Group: s.Group, GroupPer: string(s.GroupPer), Credit: string(s.Credit), ScoreOnly: s.ScoreOnly,
		Unit: s.Unit, Subject: s.Subject, Evidence: s.Evidence, CapText: s.CapText, Remark: s.Remark, Kind: s.Kind}
}

func (s RuleSpec) domain() rule.Spec {
	out := rule.Spec{Shape: rule.Shape(s.Shape), Points: s.Points.Amount(), Min: s.Min.Amount(), Max: s.Max.Amount(), Step: s.Step.Amount(), Less: s.Less.Amount(),
		Whole: s.Whole, Share: s.Share, Per: rule.Per(s.Per), Grade: s.Grade, Lowers: s.Lowers, Veto: s.Veto, Group: s.Group, GroupPer: rule.Per(s.GroupPer),
		Credit: rule.Credit(s.Credit), ScoreOnly: s.ScoreOnly, Unit: s.Unit, Subject: s.Subject, Evidence: s.Evidence, CapText: s.CapText, Remark: s.Remark, Kind: s.Kind}
	for _, x := range s.Levels {
		out.Levels = append(out.Levels, rule.Level{Name: x.Name, Points: x.Points.Amount(), Max: x.Max.Amount()})
	}
	for _, x := range s.Steps {
		out.Steps = append(out.Steps, rule.Step{Points: x.Points.Amount(), Label: x.Label})
	}
	for _, x := range s.Tiers {
		out.Tiers = append(out.Tiers, rule.Tier{At: x.At.Amount(), Points: x.Points.Amount()})
	}
	for _, x := range s.Bands {
		out.Bands = append(out.Bands, rule.Band{From: x.From.Amount(), Each: x.Each.Amount(), Points: x.Points.Amount()})
	}
	for _, x := range s.Caps {
		out.Caps = append(out.Caps, x.domain())
	}
	return out
}

func termsOut(t rule.Terms) RuleTerms {
	return RuleTerms{OwnRules: t.Own.Rules, OwnDeducts: t.Own.Deducts, OwnPoints: Points(t.Own.Points), Limits: mapped(t.Limits, func(l rule.Limit) RuleLimit {
		return RuleLimit{l.Category, string(l.Per), l.Times, Points(l.Points), string(l.Who)}
	})}
}

func (t RuleTerms) domain() rule.Terms {
	out := rule.Terms{Own: rule.Own{Rules: t.OwnRules, Deducts: t.OwnDeducts, Points: t.OwnPoints.Amount()}}
	for _, l := range t.Limits {
		out.Limits = append(out.Limits, rule.Limit{Category: l.Category, Cap: rule.Cap{Per: rule.Per(l.Per), Times: l.Times, Points: l.Points.Amount(), Who: rule.Who(l.Who)}})
	}
	return out
}
