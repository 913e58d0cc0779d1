package rule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

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
	Escalate Shape = "escalate" // the n-th time within Per gives Steps[n-1]; past the end the last step repeats
	Grade    Shape = "grade"    // no points: decides a grade in the evaluation
)

// ShapeNames are the shapes as sheets and screens show them.
var ShapeNames = map[Shape]string{Fixed: "固定", Range: "区间", Escalate: "累次加重", Grade: "直接定级"}

// Per is the stretch of time over which a cap or a repeat counts.
type Per string

// The stretches. Year is the scheme year of Facts.SchemeStart; quarters and months are the calendar's; weeks begin on Monday.
const (
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
	case PerDay:
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

// Cap bounds what one subject gets by one rule (one lineage) within a stretch of time: so many times, or so many points
// in all, or both. Zero means no bound. Deductions are bounded by magnitude.
type Cap struct {
	Per    Per           `json:"per"`
	Times  int           `json:"times,omitzero"`
	Points points.Amount `json:"points,omitzero"`
}

// Step is one rung of an escalating rule. Label is how the sheet words the rung (（第一次发现）), for writing it out again.
type Step struct {
	Points points.Amount `json:"points"`
	Label  string        `json:"label,omitzero"`
}

// Spec is how a rule gives points; stored as JSON in rules.spec, read strictly by ParseSpec.
// Deductions carry negative points. A rule is of one sign throughout.
type Spec struct {
	Shape  Shape         `json:"shape"`
	Points points.Amount `json:"points,omitzero"` // Fixed
	Min    points.Amount `json:"min,omitzero"`    // Range, by magnitude: 2 to 5 or −2 to −5
	Max    points.Amount `json:"max,omitzero"`
	Step   points.Amount `json:"step,omitzero"`   // Range: distance of the choices from Min; 0 any
	Steps  []Step        `json:"steps,omitzero"`  // Escalate
	Per    Per           `json:"per,omitzero"`    // Escalate: within which the times are counted; "" is PerYear
	Grade  string        `json:"grade,omitzero"`  // Grade: the grade it decides, where the book says so
	Lowers bool          `json:"lowers,omitzero"` // Grade: it stands among the deductions
	Caps   []Cap         `json:"caps,omitzero"`   // at most one per stretch, from short to long

	// What the sheet says beside the arithmetic, in its own words.
	Unit     string `json:"unit,omitzero"`     // 每次
	Subject  string `json:"subject,omitzero"`  // 户（记在户主账户）
	Evidence string `json:"evidence,omitzero"` // 需上传照片
	CapText  string `json:"capText,omitzero"`  // the cap as written, where Caps cannot say the whole of it
	Kind     string `json:"kind,omitzero"`     // the kind as written, where Shape cannot say it
}

// ErrSpec is a Spec that contradicts itself or is not understood.
var ErrSpec = errs.Define(errs.Invalid, "rule.spec", "条目的计分方式有误，请按提示修改")

// ParseSpec reads a stored Spec; unknown fields and shapes are errors, so that no rule is ever half understood.
func ParseSpec(b []byte) (Spec, error) {
	var s Spec
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Spec{}, &errs.Error{Code: ErrSpec, Detail: "条目的计分方式无法识别", Cause: err}
	}
	if _, err := d.Token(); err != io.EOF {
		return Spec{}, ErrSpec.With("条目的计分方式后面有多余的内容")
	}
	return s, s.Validate()
}

// Deducts reports whether the rule stands among the deductions.
func (s Spec) Deducts() bool {
	switch s.Shape {
	case Grade:
		return s.Lowers
	case Range:
		return s.Max < 0
	case Escalate:
		return len(s.Steps) > 0 && s.Steps[0].Points < 0
	}
	return s.Points < 0
}

const (
	maxPoints  = points.Amount(100_000 * 100) // of one award
	maxText    = 200                          // runes of the sheet's own words
	maxSteps   = 50
	maxCapSize = 1_000_000
)

// Validate is nil for a Spec that Evaluate understands; otherwise an ErrSpec that says in Chinese what to change.
func (s Spec) Validate() error {
	if err := s.validateShape(); err != nil {
		return err
	}
	last := -1
	for _, c := range s.Caps {
		i := c.Per.index()
		switch {
		case i < 0:
			return ErrSpec.With("上限的时段「%s」无法识别", c.Per)
		case i <= last:
			return ErrSpec.With("上限要从短到长排列，同一时段只写一次")
		case c.Times < 0 || c.Points < 0:
			return ErrSpec.With("%s的上限不能是负数", pers[i].every)
		case c.Times == 0 && c.Points == 0:
			return ErrSpec.With("%s的上限没有填次数或分数", pers[i].every)
		case c.Times > maxCapSize || c.Points > points.Whole(maxCapSize):
			return ErrSpec.With("%s的上限太大", pers[i].every)
		}
		last = i
	}
	for _, t := range []string{s.Unit, s.Subject, s.Evidence, s.CapText, s.Kind, s.Grade} {
		if utf8.RuneCountInString(t) > maxText || !utf8.ValidString(t) {
			return ErrSpec.With("说明文字不能超过 %d 字", maxText)
		}
	}
	return nil
}

func (s Spec) validateShape() error {
	stray := func(want Shape, set bool) bool { return set && s.Shape != want }
	switch {
	case ShapeNames[s.Shape] == "":
		return ErrSpec.With("计分类型「%s」无法识别", s.Shape)
	case stray(Fixed, s.Points != 0), stray(Range, s.Min != 0 || s.Max != 0 || s.Step != 0),
		stray(Escalate, s.Steps != nil || s.Per != ""), stray(Grade, s.Grade != "" || s.Lowers):
		return ErrSpec.With("计分类型是「%s」，却填了别的类型的内容", ShapeNames[s.Shape])
	}
	big := func(a points.Amount) bool { return a > maxPoints || a < -maxPoints }
	switch s.Shape {
	case Fixed:
		if s.Points == 0 || big(s.Points) {
			return ErrSpec.With("分值不能是 0，也不能超过 %s", maxPoints)
		}
	case Range:
		switch {
		case s.Min == 0 || s.Max == 0 || (s.Min < 0) != (s.Max < 0):
			return ErrSpec.With("区间的两端要同为加分或同为扣分，且不能是 0")
		case s.Min.Abs() >= s.Max.Abs() || big(s.Max):
			return ErrSpec.With("区间要从小到大填写，且不能超过 %s", maxPoints)
		case s.Step < 0 || s.Step > s.Max.Abs()-s.Min.Abs():
			return ErrSpec.With("区间的步长不合适：应在 0 与 %s 之间", s.Max.Abs()-s.Min.Abs())
		}
	case Escalate:
		if len(s.Steps) < 2 || len(s.Steps) > maxSteps {
			return ErrSpec.With("累次加重要填 2 到 %d 档", maxSteps)
		}
		for _, st := range s.Steps {
			if st.Points == 0 || big(st.Points) || (st.Points < 0) != (s.Steps[0].Points < 0) {
				return ErrSpec.With("累次加重的各档要同为加分或同为扣分，不能是 0，也不能超过 %s", maxPoints)
			}
			if utf8.RuneCountInString(st.Label) > maxText {
				return ErrSpec.With("说明文字不能超过 %d 字", maxText)
			}
		}
		if s.Per != "" && s.Per.index() < 0 {
			return ErrSpec.With("累次的时段「%s」无法识别", s.Per)
		}
	case Grade:
		if len(s.Caps) > 0 {
			return ErrSpec.With("直接定级的条目没有分值，不能有上限")
		}
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
