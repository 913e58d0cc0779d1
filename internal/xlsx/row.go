package xlsx

import (
	"fmt"
	"strconv"

	"jishan/internal/cal"
	"jishan/internal/errs"
)

// Row is one row of a table. Its reading methods note what is wrong instead of returning it, so that a person gets to see all
// the mistakes of a row at once; look at OK when all is read. A column that the table lacks reads as blank.
type Row struct {
	Number int     // as the person sees it in Excel, from 1
	Share  float64 // of the sheet that has been read with it, 0–1, for showing progress

	table    *Table
	cells    []cell
	problems []errs.Field
}

func (r *Row) cell(key string) cell {
	i, ok := r.table.at[key]
	if !ok || i >= len(r.cells) {
		return cell{}
	}
	return r.cells[i]
}

// usable is the cell, or a noted problem.
func (r *Row) usable(key string) (cell, bool) {
	c := r.cell(key)
	if c.problem != "" {
		r.Problem(key, c.problem)
		return cell{}, false
	}
	return c, c.text != ""
}

// Get is the cell's text without blanks around it; empty when blank or when a problem was noted.
func (r *Row) Get(key string) string {
	c, _ := r.usable(key)
	return c.text
}

// Need is Get for a cell that must not be blank.
func (r *Row) Need(key string) string {
	c, ok := r.usable(key)
	if !ok && r.cell(key).problem == "" {
		r.Problem(key, "不能为空")
	}
	return c.text
}

// Code is Get with full-width letters and digits made ASCII and all blanks removed, for codes and phone numbers.
func (r *Row) Code(key string) string { return Fold(r.Get(key)) }

// Has reports whether the cell is not blank, whether or not it can be used.
func (r *Row) Has(key string) bool { return !r.cell(key).blank() }

// Int reads a whole number; 0 when blank or when a problem was noted.
func (r *Row) Int(key string) int64 {
	c, ok := r.usable(key)
	if !ok {
		return 0
	}
	s, ok := ParseDecimal(c.text)
	n, err := strconv.ParseInt(s, 10, 64)
	if !ok || err != nil {
		r.Problem(key, fmt.Sprintf("“%s”不是整数", c.text))
		return 0
	}
	return n
}

// Decimal reads a number as the plain text that points.Parse and money.Parse take; empty when blank or when a problem was noted.
func (r *Row) Decimal(key string) string {
	c, ok := r.usable(key)
	if !ok {
		return ""
	}
	s, ok := ParseDecimal(c.text)
	if !ok {
		r.Problem(key, fmt.Sprintf("“%s”不是数字", c.text))
	}
	return s
}

// Day reads a day in any of the forms of ParseDay or as a date cell; 0 when blank or when a problem was noted.
func (r *Row) Day(key string) cal.Day {
	c, ok := r.usable(key)
	if !ok {
		return 0
	}
	d, ok := ParseDay(c.text)
	if !ok {
		r.Problem(key, fmt.Sprintf("“%s”不是日期，请写成 2026-11-23", c.text))
		return 0
	}
	return d
}

// Problem notes that a cell is wrong; with an empty key, the row. Text is Chinese. The same problem is noted once.
func (r *Row) Problem(key, text string) {
	f := errs.Field{Path: r.path(key), Text: text}
	for _, p := range r.problems {
		if p == f {
			return
		}
	}
	r.problems = append(r.problems, f)
}

func (r *Row) path(key string) string {
	row := fmt.Sprintf("第%d行", r.Number)
	for _, c := range r.table.columns {
		if c.Key == key && key != "" {
			if i, ok := r.table.at[key]; ok {
				return row + "「" + r.table.Headers[i] + "」"
			}
			return row + "「" + c.Header + "」"
		}
	}
	return row
}

// Problems are what was noted, in order.
func (r *Row) Problems() []errs.Field { return r.problems }

// OK reports whether nothing was noted.
func (r *Row) OK() bool { return len(r.problems) == 0 }

// blank reports whether all known columns are; a column of serial numbers filled in beforehand makes no row.
func (r *Row) blank() bool {
	for key := range r.table.at {
		if r.Has(key) {
			return false
		}
	}
	return true
}
