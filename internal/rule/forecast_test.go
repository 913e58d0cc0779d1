package rule

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/cal"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
)

// 龙胜 gives 30 rules once a day, five of them four times a month: 6,880 points in a month of 30 days.
func TestForecastOfRealBooks(t *testing.T) {
	inputs, _ := readBook(t, realBook(t, "rulebook-longsheng.csv"), ledger.Points)
	rules := asRules(inputs)
	f := MostPerMonth(rules, Terms{}, 3)
	require.Equal(t, whole(6880), f.Most)
	require.Empty(t, f.Open)
	require.Equal(t, whole(450), f.Rules[0].Most)

	limits := []Limit{{"参与美", Cap{Per: PerMonth, Points: whole(100)}}, {"家风美", Cap{Per: PerMonth, Points: whole(100_000)}}}
	was := whole((8+5)*4 + (10+8+8)*30)
	require.Equal(t, whole(6880)-was+whole(100), MostPerMonth(rules, Terms{Limits: limits}, 3).Most)
	require.Equal(t, whole(150), MostPerMonth(rules, Terms{Limits: append(limits, Limit{"", Cap{Per: PerMonth, Points: whole(150)}})}, 3).Most)

	// luoyu bounds nothing: every rule that gives points is named, and counted once.
	inputs, _ = readBook(t, realBook(t, "rulebook-luoyu.csv"), ledger.Points)
	f = MostPerMonth(asRules(inputs), Terms{}, 3)
	require.Len(t, f.Open, 24)
	require.Equal(t, whole(473), f.Most)
	f = MostPerMonth(asRules(inputs), Terms{Limits: []Limit{{"", Cap{Per: PerMonth, Points: whole(50), Who: WhoPerson}}}}, 3)
	require.Empty(t, f.Open)
	require.Equal(t, whole(150), f.Most)
}

// However a household of persons goes about it, it never earns more in a month than was forecast where nothing is open.
func TestNobodyEarnsMoreThanTheForecast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const persons = 2
		var rules []Rule
		terms := Terms{}
		for i := range rapid.IntRange(1, 3).Draw(t, "rules") {
			r := drawRule(t)
			r.Lineage, r.Subject, r.Category = id.ID(i+1), Person, string(rune('甲'+i%2))
			if r.Spec.Shape != Base && rapid.Bool().Draw(t, "grouped") {
				r.Spec.Group = "组"
			}
			rules = append(rules, r)
		}
		for _, category := range []string{"甲", ""} {
			if rapid.Bool().Draw(t, "limited") {
				terms.Limits = append(terms.Limits, Limit{category, Cap{Per: PerWeek, Points: drawAmount(t, "limit")}})
			}
		}
		f := MostPerMonth(rules, terms, persons)
		if len(f.Open) > 0 {
			return
		}
		var past []Past
		total := points.Amount(0)
		for range rapid.IntRange(1, 60).Draw(t, "awards") {
			r := rapid.SampledFrom(rules).Draw(t, "rule")
			r.Limits = terms.Limits
			facts := Facts{Day: cal.Day(20261101).Add(rapid.IntRange(0, 29).Draw(t, "day")), Household: 9, Subject: id.ID(rapid.IntRange(20, 21).Draw(t, "who"))}
			r.anyChoice(t, &facts)
			res, err := Evaluate(r, facts, past)
			if err != nil {
				continue
			}
			past = append(past, r.award(facts, res))
			if res.Points > 0 && r.Spec.Shape != Base {
				total += res.Points
			}
		}
		if total > f.Most {
			t.Fatalf("earned %s, forecast %s: %+v", total, f.Most, rules)
		}
	})
}
