package party

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/cal"
	"jishan/internal/points"
)

func TestExemptionCountsForAQuarter(t *testing.T) {
	for _, c := range []struct {
		name string
		list []Exemption
		want bool
	}{
		{"none", nil, false},
		{"the whole quarter", []Exemption{{From: 20261001, To: 20261231}}, true},
		{"open", []Exemption{{From: 20200101}}, true},
		{"the last day only", []Exemption{{From: 20261231, To: 20261231}}, true},
		{"all but the last day", []Exemption{{From: 20261001, To: 20261230}}, true},
		{"half of 92 days", []Exemption{{From: 20261001, To: 20261115}}, false},
		{"a day more than half", []Exemption{{From: 20261001, To: 20261116}}, true},
		{"two parts together", []Exemption{{From: 20261001, To: 20261030}, {From: 20261110, To: 20261130}}, true},
		{"revoked", []Exemption{{From: 20200101, Revoked: true}}, false},
		{"the quarter before", []Exemption{{From: 20260701, To: 20260930}}, false},
	} {
		_, got := exemptIn(20264, c.list)
		require.Equal(t, c.want, got, c.name)
	}
	e, _ := exemptIn(20264, []Exemption{{From: 20261001, To: 20261005, Reason: Illness}, {From: 20261101, Reason: OldAge}})
	require.Equal(t, OldAge, e.Reason, "the one that counts most days is named")
}

// Ranks are those of a competition: one more than the number of better scores; exempt members change nobody's.
func TestRanksAreShared(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var places []Place
		for i := range rapid.IntRange(0, 30).Draw(t, "members") {
			p := place(Member{ID: 1, Name: string(rune('a' + i))}, ClassPlan{Base: points.Whole(60), Goal: points.Whole(70)},
				points.Amount(rapid.Int64Range(-10, 10).Draw(t, "awarded"))*500, 0, 12)
			if rapid.Bool().Draw(t, "exempt") {
				p.Exemption = &Exemption{From: cal.Day(20260101)}
			}
			places = append(places, p)
		}
		var s Standing
		s.rank(places)
		require.Len(t, places, len(s.Ranked)+len(s.Exempt))
		var sum points.Amount
		for _, p := range s.Ranked {
			better := 0
			for _, o := range s.Ranked {
				if o.Total > p.Total {
					better++
				}
			}
			require.Equal(t, better+1, p.Rank)
			sum += p.Total
		}
		for _, p := range s.Exempt {
			require.Zero(t, p.Rank)
		}
		if n := points.Amount(len(s.Ranked)); n > 0 {
			require.LessOrEqual(t, (s.Average*n-sum).Abs()*2, n, "the average is off by half a hundredth at most")
		}
	})
}
