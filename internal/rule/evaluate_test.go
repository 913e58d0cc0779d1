package rule

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/cal"
	"jishan/internal/errs"
	"jishan/internal/points"
)

func whole(n int64) points.Amount { return points.Whole(n) }

func chosen(n int64) *points.Amount { p := whole(n); return &p }

func fixed(item string, n int64, caps ...Cap) Rule {
	return Rule{Item: item, Spec: Spec{Shape: Fixed, Points: whole(n), Caps: caps}}
}

func TestEvaluateExplains(t *testing.T) {
	poultry := Rule{Item: "家禽散养", Spec: Spec{Shape: Escalate, Steps: []Step{{Points: whole(-8)}, {Points: whole(-15)}, {Points: whole(-20)}}}}
	help := Rule{Item: "调解纠纷", Spec: Spec{Shape: Range, Min: whole(2), Max: whole(8), Step: whole(2)}}
	fine := Rule{Item: "违反村规", Spec: Spec{Shape: Range, Min: whole(-1), Max: whole(-5)}}
	d := func(day cal.Day, n int64) Past { return Past{day, whole(n)} }
	for _, c := range []struct {
		name   string
		rule   Rule
		facts  Facts
		past   []Past
		points points.Amount
		said   string
		err    *errs.Code
	}{
		{name: "fixed", rule: fixed("参加植树造林", 10), points: whole(10), said: "参加植树造林：+10"},
		{name: "fixed deduction", rule: fixed("参与赌博", -20), points: whole(-20), said: "参与赌博：−20"},
		{name: "fixed, stated", rule: fixed("参与赌博", -20), facts: Facts{Points: chosen(20)}, points: whole(-20), said: "参与赌博：−20"},
		{name: "fixed, stated wrongly", rule: fixed("植树", 10), facts: Facts{Points: chosen(11)}, err: ErrRange, said: "「植树」的分值由细则规定，不能自己填"},
		{name: "points cap leaves some", rule: fixed("植树", 5, Cap{PerDay, 0, whole(10)}), past: []Past{d(20261123, 8), d(20261122, 5)},
			points: whole(2), said: "植树：+2（本日上限 10，已得 8，本次计 2）"},
		{name: "points cap leaves nothing", rule: fixed("植树", 5, Cap{PerMonth, 0, whole(10)}), past: []Past{d(20261101, 5), d(20261130, 5)},
			err: ErrCapped, said: "本月上限 10 分，已得满，不能再加"},
		{name: "times cap", rule: fixed("整治", 12, Cap{PerDay, 1, 0}, Cap{PerMonth, 4, 0}),
			past: []Past{d(20261101, 12), d(20261102, 12), d(20261125, 12), d(20261126, 12), d(20261001, 12)}, err: ErrCapped, said: "本月已加满 4 次，不能再加"},
		{name: "times cap of deductions", rule: fixed("垃圾", -5, Cap{PerDay, 1, 0}), past: []Past{d(20261123, -5)}, err: ErrCapped, said: "本日已扣满 1 次，不能再扣"},
		{name: "week straddles", rule: fixed("清扫", 5, Cap{PerWeek, 1, 0}), past: []Past{d(20261129, 5)}, err: ErrCapped, said: "本周已加满 1 次，不能再加"},
		{name: "escalates first", rule: poultry, points: whole(-8), said: "家禽散养第 1 次：−8"},
		{name: "escalates second", rule: poultry, past: []Past{d(20260105, -8)}, points: whole(-15), said: "家禽散养第 2 次：−15"},
		{name: "escalates fifth", rule: poultry, past: []Past{d(20260105, -8), d(20260105, -8), d(20260105, -8), d(20261201, -8)}, points: whole(-20), said: "家禽散养第 5 次：−20"},
		{name: "last year does not count", rule: poultry, past: []Past{d(20251231, -8)}, points: whole(-8), said: "家禽散养第 1 次：−8"},
		{name: "scheme year", rule: poultry, facts: Facts{SchemeStart: 4}, past: []Past{d(20260331, -8), d(20260401, -8), d(20270331, -8)}, points: whole(-20), said: "家禽散养第 3 次：−20"},
		{name: "range", rule: help, facts: Facts{Points: chosen(6)}, points: whole(6), said: "调解纠纷：+6"},
		{name: "range, none chosen", rule: help, err: ErrRange, said: "「调解纠纷」要在 2～8 之间选定分值"},
		{name: "range, off step", rule: help, facts: Facts{Points: chosen(3)}, err: ErrRange, said: "「调解纠纷」的分值应从 2 起每 2 分一档，填的是 3"},
		{name: "range, over", rule: help, facts: Facts{Points: chosen(9)}, err: ErrRange, said: "「调解纠纷」的分值应在 2～8 之间，填的是 9"},
		{name: "range, wrong sign", rule: help, facts: Facts{Points: chosen(-4)}, err: ErrRange, said: "「调解纠纷」的分值应在 2～8 之间，填的是 -4"},
		{name: "range of deductions", rule: fine, facts: Facts{Points: chosen(-5)}, points: whole(-5), said: "违反村规：−5"},
		{name: "range of deductions by magnitude", rule: fine, facts: Facts{Points: chosen(3)}, points: whole(-3), said: "违反村规：−3"},
		{name: "grade", rule: Rule{Item: "开除党籍", Spec: Spec{Shape: Grade}}, err: ErrNoPoints, said: ErrNoPoints.Text},
		{name: "quantity", rule: fixed("植树", 5), facts: Facts{Quantity: whole(2)}, err: ErrFacts, said: "「植树」按次计分，不填数量；多次请分次登记"},
		{name: "no such day", rule: fixed("植树", 5), facts: Facts{Day: 20260231}, err: ErrFacts, said: "日期不对，请重新选择"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.facts.Day == 0 {
				c.facts.Day = 20261123 // a Monday
			}
			res, err := Evaluate(c.rule, c.facts, c.past)
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
				require.Equal(t, c.said, errs.From(err).Text())
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.points, res.Points)
			require.Equal(t, c.said, res.Explanation)
		})
	}
}

func drawDay(t *rapid.T, label string) cal.Day {
	return cal.Day(20260101).Add(rapid.IntRange(0, 500).Draw(t, label))
}

func drawRule(t *rapid.T) Rule {
	sign := points.Amount(rapid.SampledFrom([]int{1, -1}).Draw(t, "sign"))
	amount := rapid.Custom(func(t *rapid.T) points.Amount {
		return points.Amount(rapid.Int64Range(1, 3000).Draw(t, "hundredths"))
	})
	s := Spec{Shape: rapid.SampledFrom([]Shape{Fixed, Range, Escalate}).Draw(t, "shape")}
	switch s.Shape {
	case Fixed:
		s.Points = sign * amount.Draw(t, "points")
	case Range:
		s.Min = amount.Draw(t, "min")
		s.Max = sign * (s.Min + amount.Draw(t, "more"))
		s.Min *= sign
	case Escalate:
		for range rapid.IntRange(2, 4).Draw(t, "steps") {
			s.Steps = append(s.Steps, Step{Points: sign * amount.Draw(t, "step")})
		}
		s.Per = rapid.SampledFrom([]Per{"", PerMonth, PerQuarter, PerEver}).Draw(t, "per")
	}
	for _, p := range pers {
		c := Cap{Per: p.per, Times: rapid.IntRange(0, 5).Draw(t, "times"), Points: points.Amount(rapid.Int64Range(0, 9000).Draw(t, "cap"))}
		if rapid.Bool().Draw(t, "capped") && (c.Times > 0 || c.Points > 0) {
			s.Caps = append(s.Caps, c)
		}
	}
	return Rule{Item: "某事", Spec: s}
}

func (r Rule) anyChoice(t *rapid.T, f *Facts) {
	if r.Spec.Shape == Range {
		p := points.Amount(rapid.Int64Range(int64(r.Spec.Min.Abs()), int64(r.Spec.Max.Abs())).Draw(t, "chosen"))
		f.Points = &p
	}
}

// Whatever the order of days in which events are recorded, no stretch ever holds more than its cap.
func TestCapsHoldInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRule(t)
		start := rapid.IntRange(1, 12).Draw(t, "start")
		base := drawDay(t, "base")
		var past []Past
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			f := Facts{Day: base.Add(rapid.IntRange(0, 40).Draw(t, "offset")), SchemeStart: start}
			r.anyChoice(t, &f)
			res, err := Evaluate(r, f, past)
			if err != nil {
				if !errors.Is(err, ErrCapped) {
					t.Fatalf("unexpected: %v", err)
				}
				continue
			}
			if res.Points == 0 || (res.Points < 0) != r.Spec.Deducts() {
				t.Fatalf("gave %s", res.Points)
			}
			past = append(past, Past{f.Day, res.Points})
		}
		for _, c := range r.Spec.Caps {
			times, sum := map[cal.Day]int{}, map[cal.Day]points.Amount{}
			for _, p := range past {
				from, _ := c.Per.span(p.Day, start)
				times[from]++
				sum[from] += p.Points.Abs()
				if c.Times > 0 && times[from] > c.Times || c.Points > 0 && sum[from] > c.Points {
					t.Fatalf("cap %+v broken: %+v", c, past)
				}
			}
		}
	})
}

// Same input, same output; the order of past and what lies outside Span make no difference.
func TestEvaluateIsPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRule(t)
		f := Facts{Day: drawDay(t, "day"), SchemeStart: rapid.IntRange(0, 12).Draw(t, "start")}
		r.anyChoice(t, &f)
		past := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Past {
			p := points.Amount(rapid.Int64Range(1, 2000).Draw(t, "p"))
			if r.Spec.Deducts() {
				p = -p
			}
			return Past{drawDay(t, "past"), p}
		})).Draw(t, "past")
		before := slices.Clone(past)
		res, err := Evaluate(r, f, past)
		require.Equal(t, before, past)
		from, to := r.Span(f.Day, f.SchemeStart)
		var needed []Past
		for _, p := range rapid.Permutation(past).Draw(t, "order") {
			if from <= p.Day && p.Day <= to {
				needed = append(needed, p)
			}
		}
		res2, err2 := Evaluate(r, f, needed)
		require.Equal(t, res, res2)
		require.Equal(t, err, err2)
	})
}

// A repeat is the count of what stands: taking one back takes one rung back.
func TestEscalationCountsOnlyWhatStands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(t, "steps")
		r := Rule{Item: "散养", Spec: Spec{Shape: Escalate, Per: PerEver}}
		for i := range n {
			r.Spec.Steps = append(r.Spec.Steps, Step{Points: whole(int64(-i - 1))})
		}
		var past []Past
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			if len(past) > 0 && rapid.Bool().Draw(t, "reverse") {
				i := rapid.IntRange(0, len(past)-1).Draw(t, "which")
				past = append(past[:i], past[i+1:]...)
				continue
			}
			day := drawDay(t, "day")
			res, err := Evaluate(r, Facts{Day: day}, past)
			require.NoError(t, err)
			require.Equal(t, whole(int64(-min(len(past)+1, n))), res.Points)
			past = append(past, Past{day, res.Points})
		}
	})
}

func TestExplanationFitsItsColumn(t *testing.T) {
	r := fixed("", 5, Cap{PerQuarter, 0, whole(99_990)})
	for range 300 {
		r.Item += "长"
	}
	r.Spec.Points = whole(100_000)
	res, err := Evaluate(r, Facts{Day: 20261123}, []Past{{20261123, 1}})
	require.NoError(t, err)
	require.True(t, res.Capped)
	require.LessOrEqual(t, len([]rune(res.Explanation)), 300)
}
