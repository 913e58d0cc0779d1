package rule

import (
	"fmt"

	"jishan/internal/cal"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
)

// Subject is whom a rule's points and caps count for.
type Subject uint8

// The subjects.
const (
	Household Subject = 1
	Person    Subject = 2
	Member    Subject = 3 // party member
)

// SubjectNames are the subjects as sheets and screens show them.
var SubjectNames = map[Subject]string{Household: "户", Person: "个人", Member: "党员"}

// Rule is one rule of one version, with what the version says of when it holds.
type Rule struct {
	ID, Version, Lineage id.ID
	Book, Region         id.ID // Region is the village or township whose book it is
	Asset                ledger.Asset
	From, To             cal.Day // in force, both included; From 0: a draft; To 0: open
	Code, Category, Item string
	Subject              Subject
	Spec                 Spec
	Sort                 int
	pinyin, initials     string // of the item, as stored; for searching
}

// Facts are the case that a rule is applied to.
type Facts struct {
	Day         cal.Day
	Points      *points.Amount // chosen within a range, with its sign; a bare magnitude is taken for deductions too
	Quantity    points.Amount  // hundredths of the rule's unit; 0 for rules that count by the time
	SchemeStart int            // month 1–12 in which the village's scheme year begins; 0 is January
}

// Past is an award of the same lineage to the same subject that stands (is not reversed). Evaluate picks by day what it
// needs, so more than needed does no harm; Span says what is needed.
type Past struct {
	Day    cal.Day
	Points points.Amount
}

// Result is what a rule gives.
type Result struct {
	Points      points.Amount // with its sign, never zero
	Explanation string        // Chinese, at most 300 characters
	Capped      bool          // a cap cut it below what the rule says
}

// The ways in which a rule gives nothing.
var (
	ErrCapped   = errs.Define(errs.Refused, "rule.capped", "已到这一条的上限，不能再加")
	ErrRange    = errs.Define(errs.Invalid, "rule.range", "分值不在这一条允许的范围内，请重新填写")
	ErrFacts    = errs.Define(errs.Invalid, "rule.facts", "这一条需要的内容没有填全或填错了，请检查日期和数量")
	ErrNoPoints = errs.Define(errs.Refused, "rule.no_points", "这一条不加减分，直接影响评定等次，请在评议时处理")
)

// Span is the first and last day of past awards that Evaluate needs for the rule on that day. Both may lie beside the
// year of the day: a week may straddle two years.
func (r Rule) Span(day cal.Day, schemeStart int) (from, to cal.Day) {
	from, to = day, day
	widen := func(p Per) {
		a, b := p.span(day, startOr1(schemeStart))
		from, to = min(from, a), max(to, b)
	}
	for _, c := range r.Spec.Caps {
		widen(c.Per)
	}
	if r.Spec.Shape == Escalate {
		widen(r.Spec.per())
	}
	return from, to
}

// InForce reports whether the rule's version holds on the day.
func (r Rule) InForce(day cal.Day) bool {
	return r.From != 0 && r.From <= day && (r.To == 0 || day <= r.To)
}

// Evaluate says what the rule gives in this case, knowing what stands. It is pure. Past awards are taken in any order and
// from either side of the day: a cap that later days have filled is filled for a back-dated award as well, and repeats are
// counted in the order they are recorded. Errors: ErrCapped, ErrRange, ErrFacts, ErrNoPoints, ErrSpec.
func Evaluate(r Rule, f Facts, past []Past) (Result, error) {
	if !f.Day.Valid() || f.SchemeStart < 0 || f.SchemeStart > 12 {
		return Result{}, ErrFacts.With("日期不对，请重新选择")
	}
	if f.Quantity != 0 && f.Quantity != points.Whole(1) {
		return Result{}, ErrFacts.With("「%s」按次计分，不填数量；多次请分次登记", r.name())
	}
	start := startOr1(f.SchemeStart)
	want, said, err := r.worth(f, start, past)
	if err != nil {
		return Result{}, err
	}
	left, capText, err := r.room(f.Day, start, want, past)
	if err != nil {
		return Result{}, err
	}
	if left >= want.Abs() {
		return Result{Points: want, Explanation: fmt.Sprintf("%s：%s", said, want.Signed())}, nil
	}
	if want < 0 {
		left = -left
	}
	return Result{Points: left, Explanation: fmt.Sprintf("%s：%s（%s）", said, left.Signed(), capText), Capped: true}, nil
}

// worth is what the rule says before caps, and how the explanation begins.
func (r Rule) worth(f Facts, start int, past []Past) (points.Amount, string, error) {
	s := r.Spec
	if f.Points != nil && s.Shape != Range {
		if want := s.Points; s.Shape != Fixed || *f.Points != want && *f.Points != want.Abs() {
			return 0, "", ErrRange.With("「%s」的分值由细则规定，不能自己填", r.name())
		}
	}
	switch s.Shape {
	case Fixed:
		return s.Points, r.name(), nil
	case Range:
		if f.Points == nil {
			return 0, "", ErrRange.With("「%s」要在 %s 之间选定分值", r.name(), s.rangeText())
		}
		p := *f.Points
		if s.Max < 0 && p > 0 {
			p = -p
		}
		if (p < 0) != (s.Max < 0) || p.Abs() < s.Min.Abs() || p.Abs() > s.Max.Abs() {
			return 0, "", ErrRange.With("「%s」的分值应在 %s 之间，填的是 %s", r.name(), s.rangeText(), p)
		}
		if s.Step > 0 && (p.Abs()-s.Min.Abs())%s.Step != 0 {
			return 0, "", ErrRange.With("「%s」的分值应从 %s 起每 %s 分一档，填的是 %s", r.name(), s.Min.Abs(), s.Step, p.Abs())
		}
		return p, r.name(), nil
	case Escalate:
		from, to := s.per().span(f.Day, start)
		n := 0
		for _, p := range past {
			if from <= p.Day && p.Day <= to {
				n++
			}
		}
		if len(s.Steps) == 0 {
			return 0, "", ErrSpec.New()
		}
		return s.Steps[min(n, len(s.Steps)-1)].Points, fmt.Sprintf("%s第 %d 次", r.name(), n+1), nil
	case Grade:
		return 0, "", ErrNoPoints.New()
	}
	return 0, "", ErrSpec.With("计分类型「%s」无法识别", s.Shape)
}

// room is how much magnitude the caps leave for an award of want, and the explanation of the tightest cap in points.
func (r Rule) room(day cal.Day, start int, want points.Amount, past []Past) (points.Amount, string, error) {
	verb, got := "加", "得"
	if want < 0 {
		verb, got = "扣", "扣"
	}
	left, text := want.Abs(), ""
	for _, c := range r.Spec.Caps {
		from, to := c.Per.span(day, start)
		times, used := 0, points.Amount(0)
		for _, p := range past {
			if from <= p.Day && p.Day <= to && (p.Points < 0) == (want < 0) {
				times++
				used += p.Points.Abs()
			}
		}
		i := c.Per.index()
		if i < 0 {
			return 0, "", ErrSpec.With("上限的时段「%s」无法识别", c.Per)
		}
		if c.Times > 0 && times >= c.Times {
			return 0, "", ErrCapped.With("%s已%s满 %d 次，不能再%s", pers[i].within, verb, c.Times, verb)
		}
		if c.Points == 0 {
			continue
		}
		if used >= c.Points {
			return 0, "", ErrCapped.With("%s上限 %s 分，已%s满，不能再%s", pers[i].within, c.Points, got, verb)
		}
		if rest := c.Points - used; rest < left {
			left = rest
			text = fmt.Sprintf("%s上限 %s，已%s %s，本次计 %s", pers[i].within, c.Points, got, used, rest)
		}
	}
	return left, text, nil
}

// name is the item, short enough that an explanation stays within its column.
func (r Rule) name() string {
	const most = 120
	rs := []rune(r.Item)
	if len(rs) <= most {
		return r.Item
	}
	return string(rs[:most-1]) + "…"
}

func (s Spec) per() Per {
	if s.Per == "" {
		return PerYear
	}
	return s.Per
}

// rangeText is 2～5, or −2～−5.
func (s Spec) rangeText() string {
	if s.Max < 0 {
		return s.Min.Signed() + "～" + s.Max.Signed()
	}
	return s.Min.String() + "～" + s.Max.String()
}

func startOr1(start int) int {
	if start < 1 || start > 12 {
		return 1
	}
	return start
}
