package rule

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/cal"
	"jishan/internal/errs"
	"jishan/internal/id"
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
	d := func(day cal.Day, n int64) Past { return Past{Day: day, Points: whole(n)} }
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
		{name: "points cap leaves some", rule: fixed("植树", 5, Cap{Per: PerDay, Points: whole(10)}), past: []Past{d(20261123, 8), d(20261122, 5)},
			points: whole(2), said: "植树：+2（本日上限 10，已得 8，本次计 2）"},
		{name: "points cap leaves nothing", rule: fixed("植树", 5, Cap{Per: PerMonth, Points: whole(10)}), past: []Past{d(20261101, 5), d(20261130, 5)},
			err: ErrCapped, said: "本月上限 10 分，已得满，不能再加"},
		{name: "times cap", rule: fixed("整治", 12, Cap{Per: PerDay, Times: 1}, Cap{Per: PerMonth, Times: 4}),
			past: []Past{d(20261101, 12), d(20261102, 12), d(20261125, 12), d(20261126, 12), d(20261001, 12)}, err: ErrCapped, said: "本月已加满 4 次，不能再加"},
		{name: "times cap of deductions", rule: fixed("垃圾", -5, Cap{Per: PerDay, Times: 1}), past: []Past{d(20261123, -5)}, err: ErrCapped, said: "本日已扣满 1 次，不能再扣"},
		{name: "week straddles", rule: fixed("清扫", 5, Cap{Per: PerWeek, Times: 1}), past: []Past{d(20261129, 5)}, err: ErrCapped, said: "本周已加满 1 次，不能再加"},
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
		{name: "grade", rule: Rule{Item: "开除党籍", Spec: Spec{Shape: Grade}}, points: 0, said: "开除党籍：不加减分，直接影响评定等次"},
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

func drawAmount(t *rapid.T, label string) points.Amount {
	return points.Amount(rapid.Int64Range(1, 3000).Draw(t, label))
}

// drawRule is a rule of any shape that gives points, with caps.
func drawRule(t *rapid.T) Rule {
	sign := points.Amount(rapid.SampledFrom([]int{1, -1}).Draw(t, "sign"))
	n := rapid.IntRange(2, 4).Draw(t, "parts")
	s := Spec{Shape: rapid.SampledFrom([]Shape{Fixed, Range, Levels, Escalate, Double, Tiers, Amount, Block, Base}).Draw(t, "shape")}
	per := rapid.SampledFrom([]Per{"", PerMonth, PerQuarter, PerEver})
	switch s.Shape {
	case Fixed:
		s.Points = sign * drawAmount(t, "points")
	case Range:
		s.Min = rapid.SampledFrom([]points.Amount{0, 1}).Draw(t, "from zero") * drawAmount(t, "min")
		s.Max = sign * (s.Min + drawAmount(t, "more"))
		s.Min *= sign
	case Levels:
		for i := range n {
			l := Level{Name: string(rune('甲' + i)), Points: sign * drawAmount(t, "level")}
			if rapid.Bool().Draw(t, "spread") {
				l.Max = l.Points + sign*drawAmount(t, "more")
			}
			s.Levels = append(s.Levels, l)
		}
	case Escalate:
		for range n {
			s.Steps = append(s.Steps, Step{Points: sign * drawAmount(t, "step")})
		}
		s.Per = per.Draw(t, "per")
	case Double:
		s.Points, s.Per = sign*drawAmount(t, "points"), per.Draw(t, "per")
		if rapid.Bool().Draw(t, "bounded") {
			s.Max = s.Points * 4
		}
	case Tiers:
		s.Per = per.Draw(t, "per")
		at, p := points.Amount(0), points.Amount(0)
		for range n {
			at, p = at+drawAmount(t, "at"), p+sign*drawAmount(t, "points")
			s.Tiers = append(s.Tiers, Tier{at, p})
		}
	case Amount:
		s.Whole, s.Share, s.Per = rapid.Bool().Draw(t, "whole"), rapid.Bool().Draw(t, "share"), per.Draw(t, "per")
		from := rapid.SampledFrom([]points.Amount{0, 100}).Draw(t, "from")
		for range n {
			s.Bands = append(s.Bands, Band{from, drawAmount(t, "each"), sign * drawAmount(t, "points")})
			from += drawAmount(t, "from")
		}
	case Block:
		s.Less = drawAmount(t, "less")
		s.Points = s.Less + drawAmount(t, "full")
	case Base:
		s.Points = drawAmount(t, "points")
	}
	r := Rule{Item: "某事", Category: "某类", Lineage: 7, Spec: s}
	if s.Shape == Base {
		return r
	}
	for _, p := range pers {
		for _, who := range []Who{WhoSubject, WhoHousehold} {
			c := Cap{Per: p.per, Times: rapid.IntRange(0, 5).Draw(t, "times"), Points: points.Amount(rapid.Int64Range(0, 9000).Draw(t, "cap")), Who: who}
			if p.per == PerAct {
				c.Times = 0
			}
			if rapid.IntRange(0, 2).Draw(t, "capped") == 0 && (c.Times > 0 || c.Points > 0) && (p.per != PerAct || who == WhoSubject) {
				r.Spec.Caps = append(r.Spec.Caps, c)
			}
		}
	}
	return r
}

// anyChoice fills in what the rule asks for.
func (r Rule) anyChoice(t *rapid.T, f *Facts) {
	between := func(a, b points.Amount) *points.Amount {
		p := points.Amount(rapid.Int64Range(max(1, int64(a.Abs())), int64(b.Abs())).Draw(t, "chosen"))
		return &p
	}
	switch s := r.Spec; s.Shape {
	case Range:
		f.Points = between(s.Min, s.Max)
	case Levels:
		l := rapid.SampledFrom(s.Levels).Draw(t, "level")
		if f.Level = l.Name; l.Max != 0 {
			f.Points = between(l.Points, l.Max)
		}
	case Tiers, Amount:
		f.Quantity = drawAmount(t, "quantity") * 3
	case Block:
		n := rapid.IntRange(0, 50).Draw(t, "spots")
		f.Spots = &n
	}
}

// award is what a history keeps of a result.
func (r Rule) award(f Facts, res Result) Past {
	return Past{Day: f.Day, Points: res.Points, Quantity: f.Quantity, Lineage: r.Lineage, Category: r.Category, Item: r.Item, Group: res.Group, Act: f.Act,
		Subject: f.Subject, Household: f.Household, Person: f.Person}
}

// Whatever the order of days in which events are recorded, no stretch ever holds more than its cap.
func TestCapsHoldInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRule(t)
		start := rapid.IntRange(1, 12).Draw(t, "start")
		base := drawDay(t, "base")
		var past []Past
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			f := Facts{Day: base.Add(rapid.IntRange(0, 40).Draw(t, "offset")), SchemeStart: start, Household: 1}
			f.Subject = id.ID(rapid.IntRange(2, 3).Draw(t, "who"))
			r.anyChoice(t, &f)
			res, err := Evaluate(r, f, past)
			if err != nil {
				if !errors.Is(err, ErrCapped) && !errors.Is(err, ErrTooFew) {
					t.Fatalf("unexpected: %v", err)
				}
				continue
			}
			if res.Points != 0 && (res.Points < 0) != r.Spec.Deducts() {
				t.Fatalf("gave %s", res.Points)
			}
			past = append(past, r.award(f, res))
		}
		for _, c := range r.Spec.Caps {
			type stretch struct {
				who  id.ID
				from cal.Day
				act  int
			}
			times, sum := map[stretch]int{}, map[stretch]points.Amount{}
			for i, p := range past {
				k := stretch{who: p.Subject}
				if c.Who == WhoHousehold {
					k.who = p.Household
				}
				if k.from, _ = c.Per.span(p.Day, start); c.Per == PerAct {
					k.act = i
				}
				times[k]++
				sum[k] += p.Points.Abs()
				if c.Times > 0 && times[k] > c.Times || c.Points > 0 && sum[k] > c.Points {
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
			return Past{Day: drawDay(t, "past"), Points: p, Quantity: drawAmount(t, "quantity"), Lineage: 7, Category: "某类"}
		})).Draw(t, "past")
		before := slices.Clone(past)
		res, err := Evaluate(r, f, past)
		require.Equal(t, before, past)
		from, to := r.Span(f)
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
			past = append(past, Past{Day: day, Points: res.Points})
		}
	})
}

func TestExplanationFitsItsColumn(t *testing.T) {
	r := fixed("", 5, Cap{Per: PerQuarter, Points: whole(99_990)})
	for range 300 {
		r.Item += "长"
	}
	r.Spec.Points = whole(100_000)
	res, err := Evaluate(r, Facts{Day: 20261123}, []Past{{Day: 20261123, Points: 1}})
	require.NoError(t, err)
	require.True(t, res.Capped)
	require.LessOrEqual(t, len([]rune(res.Explanation)), 300)
}

// For a rule that needs no more than its own awards it makes no difference whether it is told each of them, or how many of a day were of
// how much.
func TestTalliesAreAsGoodAsAwards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRule(t)
		r.Spec.Caps = slices.DeleteFunc(r.Spec.Caps, func(c Cap) bool { return c.Who != WhoSubject }) // those need all of the household's
		f := Facts{Day: drawDay(t, "day"), SchemeStart: rapid.IntRange(1, 12).Draw(t, "start"), Subject: 2, Household: 1}
		r.anyChoice(t, &f)
		if r.Needs(f) == NeedsAll {
			t.Fatalf("needs more: %+v", r.Spec)
		}
		type pile struct {
			day     cal.Day
			points  points.Amount
			subject id.ID
			lineage id.ID
		}
		var each []Past
		piles := map[pile]Past{}
		for range rapid.IntRange(0, 30).Draw(t, "past") {
			p := Past{Day: f.Day.Add(rapid.IntRange(-40, 40).Draw(t, "offset")), Points: points.Amount(rapid.Int64Range(-3, 3).Draw(t, "points")) * 100,
				Quantity: points.Amount(rapid.Int64Range(0, 500).Draw(t, "quantity")), Lineage: id.ID(rapid.IntRange(7, 8).Draw(t, "lineage")),
				Subject: id.ID(rapid.IntRange(2, 3).Draw(t, "subject")), Household: 1}
			each = append(each, p)
			k := pile{p.Day, p.Points, p.Subject, p.Lineage}
			sum := piles[k]
			p.Times, p.Points, p.Quantity, p.Household = sum.Times+1, sum.Points+p.Points, sum.Quantity+p.Quantity, 0
			piles[k] = p
		}
		a, errA := Evaluate(r, f, each)
		b, errB := Evaluate(r, f, slices.Collect(maps.Values(piles)))
		if a != b || fmt.Sprint(errA) != fmt.Sprint(errB) {
			t.Fatalf("each: %+v %v\ntallied: %+v %v", a, errA, b, errB)
		}
	})
}
