package cal

import (
	"fmt"
	"strconv"
	"strings"
)

// PeriodKind is how long a Period is.
type PeriodKind string

// The kinds of period that boards and standings know.
const (
	ByMonth   PeriodKind = "m"
	ByQuarter PeriodKind = "q"
	ByYear    PeriodKind = "y"
	ByScheme  PeriodKind = "s" // scheme year
	ForAll    PeriodKind = "a" // since the beginning
)

// Period is a stretch of whole months. N is yyyymm, yyyyq, yyyy, the scheme year's first year, or 0 for ForAll.
type Period struct {
	Kind PeriodKind
	N    int32
}

// PeriodsOf are the five periods that contain month m, for schemes beginning in month start.
func PeriodsOf(m Month, start int) [5]Period {
	return [5]Period{
		{ByMonth, int32(m)}, {ByQuarter, int32(m.Quarter())}, {ByYear, int32(m.Year())},
		{ByScheme, int32(m.SchemeYear(start))}, {ForAll, 0},
	}
}

// Months are the first and last month of the period; ForAll is 190001 to 999912.
func (p Period) Months(start int) (first, last Month) {
	switch p.Kind {
	case ByMonth:
		return Month(p.N), Month(p.N)
	case ByQuarter:
		return Quarter(p.N).Months()
	case ByYear:
		return Month(p.N*100 + 1), Month(p.N*100 + 12)
	case ByScheme:
		first = Month(int(p.N)*100 + start)
		return first, first.Add(11)
	}
	return 190001, 999912
}

// Contains reports whether month m lies in the period.
func (p Period) Contains(m Month, start int) bool {
	a, b := p.Months(start)
	return a <= m && m <= b
}

// Previous is the period before; ok is false for ForAll.
func (p Period) Previous() (prev Period, ok bool) {
	switch p.Kind {
	case ByMonth:
		return Period{ByMonth, int32(Month(p.N).Add(-1))}, true
	case ByQuarter:
		return Period{ByQuarter, int32(Quarter(p.N).Add(-1))}, true
	case ByYear, ByScheme:
		return Period{p.Kind, p.N - 1}, true
	}
	return p, false
}

// String is 2026-11, 2026-Q4, 2026, scheme-2026 or all; ParsePeriod reads it back.
func (p Period) String() string {
	switch p.Kind {
	case ByMonth:
		return Month(p.N).String()
	case ByQuarter:
		return Quarter(p.N).String()
	case ByYear:
		return fmt.Sprintf("%04d", p.N)
	case ByScheme:
		return fmt.Sprintf("scheme-%04d", p.N)
	}
	return "all"
}

// Chinese is how a screen names the period.
func (p Period) Chinese() string {
	switch p.Kind {
	case ByMonth:
		return fmt.Sprintf("%d年%d月", p.N/100, p.N%100)
	case ByQuarter:
		return fmt.Sprintf("%d年第%d季度", p.N/10, p.N%10)
	case ByYear:
		return fmt.Sprintf("%d年", p.N)
	case ByScheme:
		return fmt.Sprintf("%d年度", p.N)
	}
	return "累计"
}

// ParsePeriod reads what String wrote.
func ParsePeriod(s string) (Period, error) {
	if s == "all" {
		return Period{ForAll, 0}, nil
	}
	if y, ok := strings.CutPrefix(s, "scheme-"); ok {
		return parseYear(ByScheme, y)
	}
	if y, q, ok := strings.Cut(s, "-Q"); ok {
		p, err := parseYear(ByQuarter, y)
		n, err2 := strconv.Atoi(q)
		if err != nil || err2 != nil || len(q) != 1 || n < 1 || n > 4 {
			return Period{}, ErrBad
		}
		p.N = p.N*10 + int32(n)
		return p, nil
	}
	if len(s) == 7 {
		m, err := ParseMonth(s)
		return Period{ByMonth, int32(m)}, err
	}
	return parseYear(ByYear, s)
}

func parseYear(k PeriodKind, s string) (Period, error) {
	n, err := strconv.Atoi(s)
	if err != nil || len(s) != 4 || n < 1900 {
		return Period{}, ErrBad
	}
	return Period{k, int32(n)}, nil
}
