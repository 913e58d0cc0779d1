package cal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/cal"
)

func TestDaysAreShanghais(t *testing.T) {
	require.Equal(t, cal.Day(20261124), cal.DayOf(time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC)))
	require.Equal(t, cal.Day(20261123), cal.DayOf(time.Date(2026, 11, 23, 15, 59, 59, 0, time.UTC)))
	require.Equal(t, cal.Day(20260301), cal.Day(20260228).Add(1))
	require.Equal(t, cal.Day(20240229), cal.Month(202402).Last())
	require.Equal(t, cal.Day(20261123), cal.Day(20261129).Week())
	require.Equal(t, 30, cal.Day(20261231).Sub(20261201))
	for _, d := range []cal.Day{0, 20260229, 20261301, 20260100, 18991231} {
		require.False(t, d.Valid(), d)
	}
}

func TestMonthsQuartersAndSchemeYears(t *testing.T) {
	require.Equal(t, cal.Month(202601), cal.Month(202512).Add(1))
	require.Equal(t, cal.Month(202511), cal.Month(202601).Add(-2))
	require.Equal(t, cal.Quarter(20264), cal.Month(202611).Quarter())
	require.Equal(t, cal.Quarter(20254), cal.Quarter(20261).Add(-1))
	first, last := cal.Quarter(20264).Months()
	require.Equal(t, [2]cal.Month{202610, 202612}, [2]cal.Month{first, last})
	require.Equal(t, 2025, cal.Month(202603).SchemeYear(4))
	require.Equal(t, 2026, cal.Month(202604).SchemeYear(4))
}

func TestPeriodsSpellAndContain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := cal.Month(190012).Add(rapid.IntRange(0, 12*300).Draw(t, "month"))
		start := rapid.IntRange(1, 12).Draw(t, "start")
		for _, p := range cal.PeriodsOf(m, start) {
			require.True(t, p.Contains(m, start), "%s %s", p, m)
			back, err := cal.ParsePeriod(p.String())
			require.NoError(t, err)
			require.Equal(t, p, back)
			if prev, ok := p.Previous(); ok {
				_, end := prev.Months(start)
				begin, _ := p.Months(start)
				require.Equal(t, begin, end.Add(1), "%s follows %s", p, prev)
			}
		}
	})
	for _, s := range []string{"", "2026-13", "2026-Q5", "scheme-26", "26", "2026-Q44", "alle"} {
		_, err := cal.ParsePeriod(s)
		require.Error(t, err, s)
	}
}

func FuzzParsePeriod(f *testing.F) {
	for _, s := range []string{"2026-11", "2026-Q4", "2026", "scheme-2026", "all"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := cal.ParsePeriod(s); err == nil {
			back, err := cal.ParsePeriod(p.String())
			require.NoError(t, err)
			require.Equal(t, p, back)
		}
	})
}
