package board

import (
	"cmp"
	"time"

	"jishan/internal/cal"
	"jishan/internal/id"
	"jishan/internal/points"
)

// windowSize is the number of periods that are kept in Redis.
const windowSize = 10

// window is the periods kept in Redis on a day: the present and the previous month, quarter and year, three scheme years
// (villages whose scheme years begin in different months are never all in the same two), and all.
type window struct {
	today   cal.Day
	periods [windowSize]cal.Period
}

func windowAt(now time.Time) window {
	today := cal.DayOf(now)
	m := today.Month()
	q, y := m.Quarter(), int32(m.Year())
	return window{today, [windowSize]cal.Period{
		{Kind: cal.ByMonth, N: int32(m)}, {Kind: cal.ByMonth, N: int32(m.Add(-1))},
		{Kind: cal.ByQuarter, N: int32(q)}, {Kind: cal.ByQuarter, N: int32(q.Add(-1))},
		{Kind: cal.ByYear, N: y}, {Kind: cal.ByYear, N: y - 1},
		{Kind: cal.ByScheme, N: y}, {Kind: cal.ByScheme, N: y - 1}, {Kind: cal.ByScheme, N: y - 2},
		{Kind: cal.ForAll},
	}}
}

// holds reports whether the period is kept in Redis.
func (w window) holds(p cal.Period) bool {
	for _, q := range w.periods {
		if q == p {
			return true
		}
	}
	return false
}

// monthScore is what an owner scored in a month.
type monthScore struct {
	month  cal.Month
	points points.Amount
}

// totals are an owner's scores in the periods of the window, for schemes beginning in month start. has says in which periods
// there is any score at all.
func (w window) totals(start int, rows []monthScore) (sums [windowSize]points.Amount, has [windowSize]bool) {
	for i, p := range w.periods {
		first, last := p.Months(start)
		for _, r := range rows {
			if first <= r.month && r.month <= last {
				sums[i] += r.points
				has[i] = true
			}
		}
	}
	return sums, has
}

// keep is how long a period's set stays in Redis after it was last made: until it has left the window, and a month and more
// for clocks and villages that lag.
func (w window) keep(p cal.Period) time.Duration {
	var out cal.Month // the first month in which the window holds it no longer
	switch p.Kind {
	case cal.ByMonth:
		out = cal.Month(p.N).Add(2)
	case cal.ByQuarter:
		first, _ := cal.Quarter(p.N).Months()
		out = first.Add(6)
	case cal.ByYear:
		out = cal.Month(p.N*100 + 1).Add(24)
	case cal.ByScheme:
		out = cal.Month(p.N*100 + 1).Add(36)
	default:
		return 0 // for ever
	}
	return max(time.Duration(out.First().Sub(w.today))*24*time.Hour, 0) + 40*24*time.Hour
}

// average is sum / n in hundredths, half rounded away from zero; n > 0.
func average(sum points.Amount, n int64) points.Amount {
	s, half := int64(sum), n/2
	if s < 0 {
		return points.Amount(-((-s + half) / n))
	}
	return points.Amount((s + half) / n)
}

// closesOn is the first day on which a period takes no back-dated awards any more, where a month is open until closeDay of the
// following month; ForAll never closes (zero).
func closesOn(p cal.Period, start, closeDay int) cal.Day {
	if p.Kind == cal.ForAll {
		return 0
	}
	_, last := p.Months(start)
	m := last.Add(1)
	return m.First().Add(min(max(closeDay, 0), int(m.Last())%100))
}

// entry is one line of a ranking without its decoration.
type entry struct {
	id    id.ID
	score points.Amount
	rank  int
}

// compareEntries orders as Redis does from the top: by score, equal scores by key, both descending. Redis compares members as
// texts; keys spelled by id.ID.String sort as texts as they do as numbers.
func compareEntries(a, b entry) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(b.id, a.id))
}

// number gives the ordered entries their ranks: equal scores share one. offset is how many stand before the first, and
// firstRank the rank of the first.
func number(list []entry, offset, firstRank int) {
	for i := range list {
		switch {
		case i == 0:
			list[i].rank = firstRank
		case list[i].score == list[i-1].score:
			list[i].rank = list[i-1].rank
		default:
			list[i].rank = offset + i + 1
		}
	}
}
