package board

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/cal"
	"jishan/internal/id"
	"jishan/internal/points"
)

func monthGen(from, to int) *rapid.Generator[cal.Month] {
	return rapid.Custom(func(t *rapid.T) cal.Month {
		return cal.Month(rapid.IntRange(from, to).Draw(t, "year")*100 + rapid.IntRange(1, 12).Draw(t, "month"))
	})
}

// The naive model names each month's periods by plain arithmetic and adds up by name.
func TestTotalsAgreeWithNaiveModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := monthGen(2020, 2030).Draw(t, "now")
		start := rapid.IntRange(1, 12).Draw(t, "start")
		var rows []monthScore
		sums, seen := map[string]points.Amount{}, map[string]bool{}
		for m, p := range rapid.MapOfN(monthGen(2017, 2031), rapid.Int64Range(-5000, 5000), 0, 60).Draw(t, "scores") {
			rows = append(rows, monthScore{m, points.Amount(p)})
			year, month := int(m)/100, int(m)%100
			scheme := year
			if month < start {
				scheme--
			}
			for _, name := range []string{fmt.Sprint("m", year, "/", month), fmt.Sprint("q", year, "/", (month+2)/3), fmt.Sprint("y", year), fmt.Sprint("s", scheme), "a"} {
				sums[name] += points.Amount(p)
				seen[name] = true
			}
		}
		w := windowAt(now.First().Time())
		got, has := w.totals(start, rows)
		year, month := int(now)/100, int(now)%100
		before := func(y, part, parts int) (int, int) {
			if part == 1 {
				return y - 1, parts
			}
			return y, part - 1
		}
		py, pm := before(year, month, 12)
		qy, pq := before(year, (month+2)/3, 4)
		for i, name := range []string{
			fmt.Sprint("m", year, "/", month), fmt.Sprint("m", py, "/", pm), fmt.Sprint("q", year, "/", (month+2)/3), fmt.Sprint("q", qy, "/", pq),
			fmt.Sprint("y", year), fmt.Sprint("y", year-1), fmt.Sprint("s", year), fmt.Sprint("s", year-1), fmt.Sprint("s", year-2), "a",
		} {
			require.Equal(t, sums[name], got[i], name)
			require.Equal(t, seen[name], has[i], name)
		}
	})
}

func TestWindowHoldsWhatIsAskedForEveryDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now, start := monthGen(2020, 2030).Draw(t, "now"), rapid.IntRange(1, 12).Draw(t, "start")
		w := windowAt(now.Last().Time())
		for _, p := range cal.PeriodsOf(now, start) {
			require.True(t, w.holds(p), p)
			require.True(t, !w.open(p) || p.Contains(now, start) || p.Kind == cal.ByScheme, p)
			if before, ok := p.Previous(); ok {
				require.True(t, w.holds(before), before)
				require.False(t, p.Kind != cal.ByScheme && w.open(before), before)
			}
		}
	})
}

func TestSetsOutliveTheWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		made := cal.Day(20240101).Add(rapid.IntRange(0, 1500).Draw(t, "day"))
		later := made.Add(rapid.IntRange(0, 1500).Draw(t, "days later"))
		w := windowAt(made.Time())
		for _, p := range w.periods {
			keep := w.keep(p)
			if p.Kind == cal.ForAll {
				require.Zero(t, keep)
			} else if windowAt(later.Time()).holds(p) {
				require.Greater(t, made.Time().Add(keep), later.Time().Add(30*24*time.Hour), "%s made on %s", p, made)
			}
		}
	})
}

func TestAverage(t *testing.T) {
	for _, c := range []struct{ sum, n, want int64 }{{100, 3, 33}, {200, 3, 67}, {-200, 3, -67}, {5, 2, 3}, {-5, 2, -3}, {0, 7, 0}, {7, 1, 7}, {-1, 2, -1}, {1, 3, 0}} {
		require.EqualValues(t, c.want, average(points.Amount(c.sum), c.n), "%d/%d", c.sum, c.n)
	}
}

func TestClosesOn(t *testing.T) {
	for _, c := range []struct {
		p          cal.Period
		start, day int
		want       cal.Day
	}{
		{cal.Period{Kind: cal.ByMonth, N: 202611}, 1, 5, 20261206},
		{cal.Period{Kind: cal.ByMonth, N: 202612}, 1, 5, 20270106},
		{cal.Period{Kind: cal.ByMonth, N: 202611}, 1, 0, 20261201},
		{cal.Period{Kind: cal.ByMonth, N: 202601}, 1, 31, 20260301},
		{cal.Period{Kind: cal.ByQuarter, N: 20264}, 1, 5, 20270106},
		{cal.Period{Kind: cal.ByYear, N: 2026}, 10, 28, 20270129},
		{cal.Period{Kind: cal.ByScheme, N: 2026}, 10, 5, 20271006},
		{cal.Period{Kind: cal.ForAll}, 1, 5, 0},
	} {
		require.Equal(t, c.want, closesOn(c.p, c.start, c.day), c.p)
	}
}

func TestSharedRanks(t *testing.T) {
	list := []entry{{id: 9, score: 50}, {id: 4, score: 30}, {id: 8, score: 30}, {id: 1, score: -2}}
	slices.SortFunc(list, compareEntries)
	number(list, 0, 1)
	require.Equal(t, []entry{{9, 50, 1}, {8, 30, 2}, {4, 30, 2}, {1, -2, 4}}, list)
	number(list[2:], 2, 2)
	require.Equal(t, []entry{{4, 30, 2}, {1, -2, 4}}, list[2:], "a page beginning within a tie")
}

func TestKeysSortAsTextsAsTheyDoAsNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.Custom(func(t *rapid.T) id.ID { return id.ID(rapid.Int64Range(1, 1<<62-1).Draw(t, "key")) })
		a, b := key.Draw(t, "a"), key.Draw(t, "b")
		require.Equal(t, a < b, a.String() < b.String())
	})
}
