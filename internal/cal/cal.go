// Package cal is the village's calendar: days, months, quarters and years in
// Asia/Shanghai, as integers that sort and store as they read.
//
//	d := cal.DayOf(time.Now())   // 20261123
//	d.Month()                    // 202611
//	cal.Quarter(20264).Months()  // 202610, 202612
//
// A scheme year is twelve months beginning in any month; it is named after the
// calendar year in which it begins.
package cal

import (
	"errors"
	"fmt"
	"time"
)

// Shanghai has had no daylight saving since 1991, so a fixed offset serves and needs no time zone data.
var Shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

// ErrBad is returned for a text or number that is no day, month or period.
var ErrBad = errors.New("cal: not a date")

// Day is yyyymmdd. Zero means none.
type Day int32

// Month is yyyymm.
type Month int32

// Quarter is yyyyq.
type Quarter int32

// DayOf is the day in Shanghai at t.
func DayOf(t time.Time) Day {
	y, m, d := t.In(Shanghai).Date()
	return Day(y*10000 + int(m)*100 + d)
}

// Time is the first moment of the day.
func (d Day) Time() time.Time {
	return time.Date(int(d)/10000, time.Month(int(d)/100%100), int(d)%100, 0, 0, 0, 0, Shanghai)
}

// Valid reports whether the day exists and lies in the years 1900–9999.
func (d Day) Valid() bool { return d >= 19000101 && d <= 99991231 && DayOf(d.Time()) == d }

// Add moves by n days.
func (d Day) Add(n int) Day { return DayOf(d.Time().AddDate(0, 0, n)) }

// Sub is the number of days from o to d.
func (d Day) Sub(o Day) int { return int(d.Time().Sub(o.Time()).Hours() / 24) }

// Month is the month the day lies in.
func (d Day) Month() Month { return Month(d / 100) }

// Week is the Monday of the day's week.
func (d Day) Week() Day { return d.Add(-((int(d.Time().Weekday()) + 6) % 7)) }

// String is 2026-11-23; the zero day is empty.
func (d Day) String() string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d/10000, d/100%100, d%100)
}

// Chinese is 2026年11月23日.
func (d Day) Chinese() string { return fmt.Sprintf("%d年%d月%d日", d/10000, d/100%100, d%100) }

// ParseDay reads 2026-11-23.
func ParseDay(s string) (Day, error) {
	t, err := time.ParseInLocation("2006-01-02", s, Shanghai)
	if err != nil || t.Year() < 1900 {
		return 0, ErrBad
	}
	return DayOf(t), nil
}

// MarshalText makes a day a JSON string.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Day) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*d = 0
		return nil
	}
	*d, err = ParseDay(string(b))
	return err
}

// MonthOf is the month in Shanghai at t.
func MonthOf(t time.Time) Month { return DayOf(t).Month() }

// Valid reports whether the month exists.
func (m Month) Valid() bool { return m >= 190001 && m <= 999912 && m%100 >= 1 && m%100 <= 12 }

// Add moves by n months.
func (m Month) Add(n int) Month {
	k := int(m)/100*12 + int(m)%100 - 1 + n
	return Month(k/12*100 + k%12 + 1)
}

// First and Last are the month's days.
func (m Month) First() Day { return Day(m*100 + 1) }

// Last is the month's last day.
func (m Month) Last() Day { return m.Add(1).First().Add(-1) }

// Quarter is the quarter the month lies in.
func (m Month) Quarter() Quarter { return Quarter(int(m)/100*10 + (int(m)%100-1)/3 + 1) }

// Year is the calendar year.
func (m Month) Year() int { return int(m) / 100 }

// SchemeYear is the year in which the scheme year containing m began, for schemes that begin in month start (1–12).
func (m Month) SchemeYear(start int) int {
	if int(m)%100 < start {
		return m.Year() - 1
	}
	return m.Year()
}

// String is 2026-11.
func (m Month) String() string { return fmt.Sprintf("%04d-%02d", m/100, m%100) }

// ParseMonth reads 2026-11.
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil || t.Year() < 1900 {
		return 0, ErrBad
	}
	return Month(t.Year()*100 + int(t.Month())), nil
}

// Valid reports whether the quarter exists.
func (q Quarter) Valid() bool { return q >= 19001 && q <= 99994 && q%10 >= 1 && q%10 <= 4 }

// Months are the quarter's first and last month.
func (q Quarter) Months() (first, last Month) {
	first = Month(int(q)/10*100 + (int(q)%10-1)*3 + 1)
	return first, first.Add(2)
}

// Add moves by n quarters.
func (q Quarter) Add(n int) Quarter {
	k := int(q)/10*4 + int(q)%10 - 1 + n
	return Quarter(k/4*10 + k%4 + 1)
}

// String is 2026-Q4.
func (q Quarter) String() string { return fmt.Sprintf("%04d-Q%d", q/10, q%10) }
