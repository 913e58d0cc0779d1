package redeem

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"jishan/internal/cal"
)

// days are the days on which a village redeems, as its settings spell them: "" any day, "1,15" days of the month,
// "w6,w7" weekdays (w7 is Sunday); mixed they add up. What cannot be read is not a day.
type days struct {
	month [32]bool
	week  [8]bool // 1 Monday … 7 Sunday
	some  bool
}

func parseDays(s string) (d days) {
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if w, ok := strings.CutPrefix(part, "w"); ok {
			if n, err := strconv.Atoi(w); err == nil && n >= 1 && n <= 7 {
				d.week[n], d.some = true, true
			}
		} else if n, err := strconv.Atoi(part); err == nil && n >= 1 && n <= 31 {
			d.month[n], d.some = true, true
		}
	}
	return d
}

// allow reports whether the day is one of them.
func (d days) allow(day cal.Day) bool {
	if !d.some {
		return true
	}
	w := day.Time().Weekday()
	if w == time.Sunday {
		w = 7
	}
	return d.month[day%100] || d.week[w]
}

// next is the first allowed day from the given one on; zero where there is none within a year.
func (d days) next(from cal.Day) cal.Day {
	for i := range 366 {
		if day := from.Add(i); d.allow(day) {
			return day
		}
	}
	return 0
}

// String is Chinese: 每月1日、15日，每周六、周日; empty for any day.
func (d days) String() string {
	var month, week []string
	for n, on := range d.month {
		if on {
			month = append(month, fmt.Sprintf("%d日", n))
		}
	}
	for n, on := range d.week {
		if on {
			week = append(week, "周"+string([]rune("一二三四五六日")[n-1]))
		}
	}
	var out []string
	if len(month) > 0 {
		out = append(out, "每月"+strings.Join(month, "、"))
	}
	if len(week) > 0 {
		out = append(out, "每"+strings.Join(week, "、"))
	}
	return strings.Join(out, "，")
}
