package rule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"jishan/internal/cal"
	"jishan/internal/errs"
	"jishan/internal/points"
)

// Shape says how a rule arrives at its points.
type Shape string

// The shapes. A stored Spec names its shape and carries only that shape's fields, so further shapes are added beside
// these without touching what is stored.
const (
	Fixed    Shape = "fixed"    // always Points
	Range    Shape = "range"    // the officer chooses from Min to Max, in steps of Step
	Levels   Shape = "level"    // the officer picks a named level of severity or merit
	Escalate Shape = "escalate" // the n-th time within Per gives Steps[n-1]; past the end the last step repeats
	Double   Shape = "double"   // Points, and twice the time before for every one that stands within Per, up to Max
	Tiers    Shape = "tiers"    // quantities add up within Per; in all they give what the tier reached says, never twice
	Amount   Shape = "amount"   // so much for each so many yuan, hours, places …, by Bands
	Block    Shape = "block"    // full marks of Points, less Less for each spot found, never below zero
	Base     Shape = "base"     // Points at the start of a scheme year, once
	Grade    Shape = "grade"    // no points: decides a grade in the evaluation, or vetoes it
)

// ShapeNames are the shapes as sheets and screens show them.
var ShapeNames = map[Shape]string{
	Fixed: "固定", Range: "区间", Levels: "分级", Escalate: "累次加重", Double: "再犯加倍", Tiers: "累计分档", Amount: "按量", Block: "满分倒扣",
	Base: "基础分", Grade: "直接定级",
}

// Per is the stretch of time over which a cap or a repeat counts.
type Per string

// The stretches. Year is the scheme year of Facts.SchemeStart; quarters and months are the calendar's; weeks begin on Monday.
const (
	PerAct     Per = "act" // one award; only of caps in points
	PerDay     Per = "day"
	PerWeek    Per = "week"
	PerMonth   Per = "month"
	PerQuarter Per = "quarter"
	PerYear    Per = "year"
	PerEver    Per = "ever"
)

// pers is every stretch from short to long, with its Chinese: of a cap (每日), and of a cap met (本日).
var pers = []struct {
	per           Per
	every, within string
}{
	{PerAct, "每次", "本次"},
	{PerDay, "每日", "本日"}, {PerWeek, "每周", "本周"}, {PerMonth, "每月", "本月"},
	{PerQuarter, "每季度", "本季度"}, {PerYear, "每年", "本年度"}, {PerEver, "累计", "累计"},
}

func (p Per) index() int {
	for i := range pers {
		if pers[i].per == p {
			return i
		}
	}
	return -1
}

// span is the first and last day of the stretch around day, for scheme years beginning in month start (1–12).
func (p Per) span(day cal.Day, start int) (from, to cal.Day) {
	switch p {
	case PerAct, PerDay:
		return day, day
	case PerWeek:
		return day.Week(), day.Week().Add(6)
	case PerMonth:
		return day.Month().First(), day.Month().Last()
	case PerQuarter:
		a, b := day.Month().Quarter().Months()
		return a.First(), b.Last()
	case PerYear:
		a, b := cal.Period{Kind: cal.ByScheme, N: int32(day.Month().SchemeYear(start))}.Months(start)
		return a.First(), b.Last()
	}
	return 19000101, 99991231
}

// Who is for whom a cap counts, where that is not the rule's own subject.
type Who string

// A rule for persons may bound what their household gets by it, and one for households what the one who did it brings in.
const (
	WhoSubject   Who = ""
	WhoHousehold Who = "household"
	WhoPerson    Who = "person"
)

// Cap bounds what one subject gets by one rule (one lineage) within a stretch of time: so many times, or so many points
// in all, or both. Zero means no bound. Deductions are bounded by magnitude.
type Cap struct {
	Per    Per           `json:"per"`
	Times  int           `json:"times,omitzero"`
	Points points.Amount `json:"points,omitzero"`
	Who    Who           `json:"who,omitzero"`
}

// Step is one rung of an escalating rule. Label is how the sheet words the rung (（第一次发现）), for writing it out again.
type Step struct {
	Points points.Amount `json:"points"`
	Label  string        `json:"label,omitzero"`
}

// Level is one named degree. Where Max is set, the officer chooses from Points to Max.
type Level struct {
	Name   string        `json:"name"`
	Points points.Amount `json:"points"`
	Max    points.Amount `json:"max,omitzero"`
}

// Tier is what has been earned in all when the sum of quantities reaches At: 10 hours make 2 points, not 2 more.
type Tier struct {
	At     points.Amount `json:"at"` // hundredths of the rule's unit
	Points points.Amount `json:"points"`
}

// Band is the rate that holds from a quantity on: Points for each Each. Where Each is zero, Points once for reaching From.
type Band struct {
	From   points.Amount `json:"from,omitzero"` // hundredths of the rule's unit
	Each   points.Amount `json:"each,omitzero"`
	Points points.Amount `json:"points"`
}

// Credit is who gets the points of a rule, where that is not simply its subject.
type Credit string

// Points of a person always go to the wallet of the household, and count in the scores of both.
const (
	CreditSubject Credit = ""
	CreditHead    Credit = "head"    // a rule for persons: the head of the household that is named
	CreditMembers Credit = "members" // a rule for persons: each member of the household that is named
	CreditBoth    Credit = "both"    // a rule for households: the household, and in the score of the one who did it
)

// Spec is how a rule gives points; stored as JSON in rules.spec, read strictly by ParseSpec.
// Deductions carry negative points. A rule is of one sign throughout.
type Spec struct {
	Shape  Shape         `json:"shape"`
	Points points.Amount `json:"points,omitzero"` // Fixed, Double (the first time), Block (full marks), Base
	Min    points.Amount `json:"min,omitzero"`    // Range, by magnitude: 2 to 5 or −2 to −5; 0 to 5 is from the smallest amount
	Max    points.Amount `json:"max,omitzero"`    // Range; Double: where doubling stops, 0 nowhere
	Step   points.Amount `json:"step,omitzero"`   // Range: distance of the choices from Min; 0 any
	Less   points.Amount `json:"less,omitzero"`   // Block: taken off for each spot, positive
	Levels []Level       `json:"levels,omitzero"` // Levels
	Steps  []Step        `json:"steps,omitzero"`  // Escalate
	Tiers  []Tier        `json:"tiers,omitzero"`  // Tiers, rising
	Bands  []Band        `json:"bands,omitzero"`  // Amount, rising
	Whole  bool          `json:"whole,omitzero"`  // Amount: the whole quantity at the rate of the band reached; else each part at its own
	Share  bool          `json:"share,omitzero"`  // Amount: what does not fill an Each counts in proportion; else not at all
	Per    Per           `json:"per,omitzero"`    // Escalate, Double, Tiers: within which they count, "" is PerYear; Amount: within which quantities add up, "" never
	Grade  string        `json:"grade,omitzero"`  // Grade: the grade it decides, where the book says so
	Lowers bool          `json:"lowers,omitzero"` // Grade: it stands among the deductions
	Veto   bool          `json:"veto,omitzero"`   // Grade: 一票否决
	Caps   []Cap         `json:"caps,omitzero"`   // at most one per stretch and Who, from short to long

	Group     string `json:"group,omitzero"`     // rules of one group give only the highest for one subject within GroupPer
	GroupPer  Per    `json:"groupPer,omitzero"`  // "" is PerDay
	Credit    Credit `json:"credit,omitzero"`    // who gets it
	ScoreOnly bool   `json:"scoreOnly,omitzero"` // counts on boards, cannot be spent

	// What the sheet says beside the arithmetic, in its own words.
	Unit     string `json:"unit,omitzero"`     // 每次; for Tiers and Amount what is counted: 小时, 元
	Subject  string `json:"subject,omitzero"`  // 户（记在户主账户）
	Evidence string `json:"evidence,omitzero"` // 需上传照片
	CapText  string `json:"capText,omitzero"`  // the cap as written, where Caps cannot say the whole of it
	Remark   string `json:"remark,omitzero"`   // 备注
	Kind     string `json:"kind,omitzero"`     // the kind as written, where Shape cannot say it
}

// Limit bounds what a household (or a party member) gets in all by a category, or, with Category "", by the whole book.
// Base points are not counted and not bounded.
type Limit struct {
	Category string `json:"category,omitzero"`
	Cap
}

// Own says how many rules of its own a village may add to a township's book, and how large one award by them may be.
type Own struct {
	Rules   int           `json:"rules,omitzero"`   // in all; of those that give where Deducts is set
	Deducts int           `json:"deducts,omitzero"` // of those that take; 0: counted with the others
	Points  points.Amount `json:"points,omitzero"`  // 0: no bound
}

// Terms are what a version says about its rules together.
type Terms struct {
	Limits []Limit `json:"limits,omitzero"` // at most one per category, stretch and Who
	Own    Own     `json:"own,omitzero"`    // of a township's book; zero Rules: villages add none
}

// ErrSpec is a Spec that contradicts itself or is not understood.
var ErrSpec = errs.Define(errs.Invalid, "rule.spec", "条目的计分方式有误，请按提示修改")

// ParseSpec reads a stored Spec; unknown fields and shapes are errors, so that no rule is ever half understood.
func ParseSpec(b []byte) (Spec, error) {
	var s Spec
	if err := strict(b, &s); err != nil {
		return Spec{}, &errs.Error{Code: ErrSpec, Detail: "条目的计分方式无法识别", Cause: err}
	}
	return s, s.Validate()
}

// strict reads exactly one JSON value without unknown fields.
func strict(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("more than one value")
	}
	return nil
}

// encode is the Spec as stored.
func (s Spec) encode() (string, error) {
	if err := s.Validate(); err != nil {
		return "", err
	}
	b, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("writing a rule's spec: %w", err)
	}
	return string(b), nil
}

// Deducts reports whether the rule stands among the deductions.
func (s Spec) Deducts() bool {
	switch s.Shape {
	case Grade:
		return s.Lowers
	case Range:
		return s.Max < 0
	case Levels:
		return len(s.Levels) > 0 && s.Levels[0].Points < 0
	case Escalate:
		return len(s.Steps) > 0 && s.Steps[0].Points < 0
	case Tiers:
		return len(s.Tiers) > 0 && s.Tiers[0].Points < 0
	case Amount:
		return len(s.Bands) > 0 && s.Bands[0].Points < 0
	}
	return s.Points < 0
}

// per is the stretch in which an escalating, doubling or tiered rule counts.
func (s Spec) per() Per {
	if s.Per == "" && s.Shape != Amount {
		return PerYear
	}
	return s.Per
}

// baseGroup marks base points among past awards; no group of a Spec begins like it.
const baseGroup = "#base"

// group is what Past.Group says of the rule's awards.
func (s Spec) group() string {
	if s.Shape == Base {
		return baseGroup
	}
	return s.Group
}

func (s Spec) groupPer() Per {
	if s.GroupPer == "" {
		return PerDay
	}
	return s.GroupPer
}
