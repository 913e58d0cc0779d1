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
	Limits               []Limit // of the versions in force beside it; set by Schedule.Bind, not stored with the rule
	Sort                 int
	pinyin, initials     string // of the item, as stored; for searching
}

// Facts are the case that a rule is applied to. What a rule does not ask for must be left out: giving it is ErrFacts.
type Facts struct {
	Day         cal.Day
	Points      *points.Amount // chosen within a range or level, with its sign; a bare magnitude is taken for deductions too
	Quantity    points.Amount  // Tiers and Amount: hundredths of the rule's unit; otherwise 0, or 1 for the one time
	Level       string         // Levels: the name of the one that fits
	Spots       *int           // Block: how many spots were found, perhaps none
	Act         string         // names the act, where several rules may speak of it; "" does not
	Subject     id.ID          // whom the rule counts for: household, person or member
	Household   id.ID          // whose wallet it is; 0 for members
	Person      id.ID          // who did it, where that is known
	SchemeStart int            // month 1–12 in which the village's scheme year begins; 0 is January
}

// Past is an award that stands (is not reversed) of the household or member that the facts are about. Evaluate picks what
// it needs, so more than needed does no harm; Needs and Span say what is needed.
type Past struct {
	Day       cal.Day
	Points    points.Amount
	Quantity  points.Amount
	Lineage   id.ID
	Category  string
	Item      string
	Group     string // Spec.Group, as Result.Group gave it
	Act       string
	Subject   id.ID
	Household id.ID
	Person    id.ID
	// Times is how many awards of this day, lineage and subject, and of one sign, it stands for, where Needs asked for no more than
	// NeedsOwn; Points and Quantity are then their sums. 0 is the one award.
	Times int
}

func (p Past) times() int { return max(1, p.Times) }

// Result is what a rule gives.
type Result struct {
	Points      points.Amount // with its sign; zero where there is something to record without points
	Explanation string        // Chinese, at most 300 characters
	Capped      bool          // a cap cut it below what the rule says
	Topped      bool          // an award that stands for the same act left only what it falls short of this rule
	ScoreOnly   bool          // it counts on boards and cannot be spent
	Grade       string        // the grade it decides, where it decides one
	Veto        bool
	Group       string // to be kept with the award: Past.Group
}

// The ways in which a rule gives nothing.
var (
	ErrCapped = errs.Define(errs.Refused, "rule.capped", "已到这一条的上限，不能再加")
	ErrRange  = errs.Define(errs.Invalid, "rule.range", "分值不在这一条允许的范围内，请重新填写")
	ErrFacts  = errs.Define(errs.Invalid, "rule.facts", "这一条需要的内容没有填全或填错了，请检查日期和数量")
	ErrLower  = errs.Define(errs.Refused, "rule.lower", "同一件事已按分值更高的条目计过，只计最高的一条")
	ErrTwice  = errs.Define(errs.Refused, "rule.twice", "这件事已经按这一条计过，不能再计")
	ErrTooFew = errs.Define(errs.Refused, "rule.too_few", "数量不够，按这一条还不能计分")
)

// Scope is how much of the past a rule needs.
type Scope uint8

// The scopes.
const (
	NeedsNothing Scope = iota
	NeedsOwn           // awards of the same lineage to the same subject
	NeedsAll           // all awards of the household or member
)

// Needs says which past awards Evaluate needs for these facts; Span on which days.
func (r Rule) Needs(f Facts) Scope {
	s := r.Spec
	if f.Act != "" || s.Group != "" || len(r.Limits) > 0 && s.Shape != Base && s.Shape != Grade {
		return NeedsAll
	}
	scope := NeedsNothing
	for _, c := range s.Caps {
		switch {
		case c.Who != WhoSubject:
			return NeedsAll
		case c.Per != PerAct:
			scope = NeedsOwn
		}
	}
	switch s.Shape {
	case Escalate, Double, Tiers, Base:
		return NeedsOwn
	case Amount:
		if s.Per != "" {
			return NeedsOwn
		}
	}
	return scope
}

// actDays is how far apart two awards for the same act may lie and still be known as such.
const actDays = 366

// Span is the first and last day of past awards that Evaluate needs for the rule in that case. Both may lie beside the
// year of the day: a week may straddle two years.
func (r Rule) Span(f Facts) (from, to cal.Day) {
	day, start := f.Day, startOr1(f.SchemeStart)
	from, to = day, day
	widen := func(p Per) {
		a, b := p.span(day, start)
		from, to = min(from, a), max(to, b)
	}
	for _, c := range r.Spec.Caps {
		widen(c.Per)
	}
	for _, l := range r.Limits {
		widen(l.Per)
	}
	switch r.Spec.Shape {
	case Escalate, Double, Tiers, Amount:
		if p := r.Spec.per(); p != "" {
			widen(p)
		}
	case Base:
		widen(PerYear)
	}
	if r.Spec.Group != "" {
		widen(r.Spec.groupPer())
	}
	if f.Act != "" && day.Valid() {
		from, to = min(from, day.Add(-actDays)), max(to, day.Add(actDays))
	}
	return from, to
}

// InForce reports whether the rule's version holds on the day.
func (r Rule) InForce(day cal.Day) bool {
	return r.From != 0 && r.From <= day && (r.To == 0 || day <= r.To)
}

// Evaluate says what the rule gives in this case, knowing what stands. It is pure. Past awards are taken in any order and
// from either side of the day: a cap that later days have filled is filled for a back-dated award as well, and repeats are
// counted in the order they are recorded.
//
// First the rule says what it is worth; of that an award that stands for the same act, or in the same group, leaves only
// what it falls short of the highest; the caps of the rule and the limits of its book leave the rest.
//
// Errors: ErrCapped, ErrRange, ErrFacts, ErrLower, ErrTwice, ErrTooFew, ErrSpec.
func Evaluate(r Rule, f Facts, past []Past) (Result, error) {
	if !f.Day.Valid() || f.SchemeStart < 0 || f.SchemeStart > 12 {
		return Result{}, ErrFacts.With("日期不对，请重新选择")
	}
	if err := r.spare(f); err != nil {
		return Result{}, err
	}
	c := &evaluation{rule: r, spec: r.Spec, facts: f, start: startOr1(f.SchemeStart), past: past}
	res := Result{ScoreOnly: r.Spec.ScoreOnly, Group: r.Spec.group()}
	if r.Spec.Shape == Grade {
		res.Grade, res.Veto, res.Explanation = r.Spec.Grade, r.Spec.Veto, r.verdict()
		return res, c.twice()
	}
	want, said, err := c.worth()
	if err != nil {
		return Result{}, err
	}
	left, text, err := c.highest(want)
	if err != nil {
		return Result{}, err
	}
	res.Topped = left != want
	if r.Spec.Shape != Base {
		room, capText, err := c.room(left)
		if err != nil {
			return Result{}, err
		}
		if room < left.Abs() {
			left, text, res.Capped = signed(room, want), capText, true
		}
	}
	res.Points = left
	res.Explanation = fmt.Sprintf("%s：%s", said, left.Signed())
	if text != "" {
		res.Explanation += "（" + text + "）"
	}
	if res.ScoreOnly {
		res.Explanation += "，只计累计积分，不可兑换"
	}
	return res, nil
}

// evaluation is one call of Evaluate.
type evaluation struct {
	rule  Rule
	spec  Spec
	facts Facts
	start int
	past  []Past
}

// own reports whether p is an award by this rule to this subject.
func (c *evaluation) own(p Past) bool {
	return p.Lineage == c.rule.Lineage && p.Subject == c.facts.Subject
}

// within goes through the own awards of a stretch around the day.
func (c *evaluation) within(per Per) (n int, sum, quantity points.Amount) {
	from, to := per.span(c.facts.Day, c.start)
	for _, p := range c.past {
		if from <= p.Day && p.Day <= to && c.own(p) {
			n += p.times()
			sum += p.Points
			quantity += p.Quantity
		}
	}
	return n, sum, quantity
}

// signed is the magnitude a with the sign of like.
func signed(a, like points.Amount) points.Amount {
	if like < 0 {
		return -a
	}
	return a
}

// spare refuses facts that the rule does not ask for: a number typed into the wrong place must not vanish.
func (r Rule) spare(f Facts) error {
	s := r.Spec
	switch {
	case f.Quantity < 0:
		return ErrFacts.With("数量不能是负数")
	case f.Quantity != 0 && f.Quantity != points.Whole(1) && s.Shape != Tiers && s.Shape != Amount:
		return ErrFacts.With("「%s」按次计分，不填数量；多次请分次登记", r.name())
	case f.Level != "" && s.Shape != Levels:
		return ErrFacts.With("「%s」不分级，不用选等级", r.name())
	case f.Spots != nil && s.Shape != Block:
		return ErrFacts.With("「%s」不按处数扣分，不用填处数", r.name())
	case f.Points != nil && s.Shape != Range && s.Shape != Levels:
		if want := s.Points; s.Shape != Fixed || *f.Points != want && *f.Points != want.Abs() {
			return ErrRange.With("「%s」的分值由细则规定，不能自己填", r.name())
		}
	}
	return nil
}

// verdict is what a rule that decides a grade says.
func (r Rule) verdict() string {
	text := r.name() + "：不加减分"
	if r.Spec.Veto {
		text += "，一票否决"
	}
	switch {
	case isConsequence(r.Spec.Grade):
		text += "，" + r.Spec.Grade
	case r.Spec.Grade != "":
		text += "，直接定为「" + r.Spec.Grade + "」"
	case !r.Spec.Veto:
		text += "，直接影响评定等次"
	}
	return text
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

func startOr1(start int) int {
	if start < 1 || start > 12 {
		return 1
	}
	return start
}
