package xlsx

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"jishan/internal/errs"
)

// headerWithin is how many rows with content may stand above the header, and so where it is looked for.
const headerWithin = 30

// Column is one column that the reader of a table understands.
type Column struct {
	Key      string   // what Row's methods are called with
	Header   string   // as in our template
	Synonyms []string // other names that villages use, best first
	Required bool     // a table without this column is refused
	Merged   bool     // a cell merged over several rows counts for each of them
}

// Table is one sheet with its header found.
type Table struct {
	Sheet     string
	HeaderRow int      // the lowest header row, from 1
	Headers   []string // all of them as written, unknown ones included

	file    *File
	columns []Column
	at      map[string]int // key → index of the cell
}

// Table finds the header in the named sheet; with an empty name, in the first sheet that has all required columns. Columns may
// stand in any order, beneath title rows, in one header row or in two; blanks, full-width forms, asterisks and remarks such
// as （必填） do not matter. What is missing or doubled is listed in the fields of ErrColumns.
func (f *File) Table(name string, columns []Column) (*Table, error) {
	names := []string{name}
	if name == "" {
		if names = f.Sheets(); len(names) == 0 {
			return nil, ErrNoSheet.With("文件里的工作表都是隐藏的，请取消隐藏后再上传")
		}
	}
	var best *match
	for _, n := range names {
		m, err := f.match(n, columns)
		if err != nil {
			return nil, err
		}
		if best == nil || m.better(best) {
			best = m
		}
		if len(m.missing) == 0 && len(m.doubled) == 0 {
			best = m
			break
		}
	}
	if err := best.problem(len(names)); err != nil {
		return nil, err
	}
	return &Table{
		Sheet: best.sheet, HeaderRow: best.row, Headers: best.headers,
		file: f, columns: columns, at: best.at,
	}, nil
}

// Has reports whether the table has the column.
func (t *Table) Has(key string) bool { _, ok := t.at[key]; return ok }

// match is how well a row serves as the header.
type match struct {
	sheet   string
	row     int
	headers []string
	at      map[string]int
	missing []string // headers of required columns
	doubled []string
}

func (m *match) better(than *match) bool { return len(m.at) > len(than.at) }

func (m *match) problem(sheets int) error {
	var fields []errs.Field
	for _, h := range m.missing {
		fields = append(fields, errs.Field{Path: h, Text: "缺少这一列"})
	}
	for _, h := range m.doubled {
		fields = append(fields, errs.Field{Path: h, Text: "这一列出现了不止一次，请只保留一列"})
	}
	if len(fields) == 0 {
		return nil
	}
	e := ErrColumns.New()
	switch {
	case len(m.at) == 0:
		e = ErrColumns.With("没有找到表头：需要有 %s 这些列，请下载模板，按模板的表头填写", quoted(m.missing))
	case len(m.missing) > 0:
		e = ErrColumns.With("缺少 %s 这些列，请补上后再上传", quoted(m.missing))
		if sheets > 1 {
			e.Detail = fmt.Sprintf("工作表“%s”", m.sheet) + e.Detail
		}
	default:
		e = ErrColumns.With("%s 这些列出现了不止一次，请各只保留一列", quoted(m.doubled))
	}
	e.Fields = fields
	return e
}

func quoted(headers []string) string { return "「" + strings.Join(headers, "」「") + "」" }

func (f *File) match(name string, columns []Column) (*match, error) {
	names := known(columns)
	best := assign(nil, columns, names)
	best.sheet = name
	var above []string
	seen := 0
	for row, err := range f.rows(name) {
		if err != nil {
			return nil, err
		}
		if row.blank() {
			above = nil
			continue
		}
		headers := make([]string, len(row.cells))
		for i, c := range row.cells {
			headers[i] = c.text
		}
		for _, h := range [][]string{headers, stack(above, headers)} {
			if m := assign(h, columns, names); m.better(best) {
				m.sheet, m.row = name, row.number
				best = m
			}
		}
		above = headers
		if seen++; seen >= headerWithin {
			break
		}
	}
	return best, nil
}

// stack is the header of two rows, where the upper cell is merged down, or over a group of lower cells.
func stack(upper, lower []string) []string {
	out := make([]string, max(len(upper), len(lower)))
	copy(out, upper)
	for i, h := range lower {
		if h != "" {
			out[i] = h
		}
	}
	return out
}

// candidate says that a column is known under a name, and how good a name it is; 0 is the best.
type candidate struct {
	column, rank int
}

// known maps folded names to the columns they may mean.
func known(columns []Column) map[string][]candidate {
	out := map[string][]candidate{}
	for i, c := range columns {
		for rank, name := range append([]string{c.Header}, c.Synonyms...) {
			key := foldHeader(name)
			if key == "" || slices.ContainsFunc(out[key], func(o candidate) bool { return o.column == i }) {
				continue
			}
			out[key] = append(out[key], candidate{column: i, rank: rank})
		}
	}
	return out
}

// loose is added to the rank of a header that matches only without its remark: 电话（手机）.
const loose = 1000

// assign gives each known column the best of the headers. A header serves one column only.
func assign(headers []string, columns []Column, names map[string][]candidate) *match {
	m := &match{headers: headers, at: map[string]int{}}
	type claim struct{ cell, rank int }
	claims := map[int][]claim{}
	for i, h := range headers {
		found, add := names[foldHeader(h)], 0
		if found == nil {
			found, add = names[foldHeader(withoutRemark(h))], loose
		}
		if len(found) > 0 {
			b := slices.MinFunc(found, func(a, b candidate) int { return a.rank - b.rank })
			claims[b.column] = append(claims[b.column], claim{cell: i, rank: b.rank + add})
		}
	}
	for i, c := range columns {
		if len(claims[i]) == 0 {
			if c.Required {
				m.missing = append(m.missing, c.Header)
			}
			continue
		}
		b := slices.MinFunc(claims[i], func(a, b claim) int { return a.rank - b.rank })
		m.at[c.Key] = b.cell
		same := 0
		for _, x := range claims[i] {
			if x.rank == b.rank {
				same++
			}
		}
		if same > 1 {
			m.doubled = append(m.doubled, headers[b.cell])
		}
	}
	return m
}

var remarks = strings.NewReplacer(
	"(必填)", "", "[必填]", "", "【必填】", "", "(选填)", "", "[选填]", "", "【选填】", "", "(可选)", "", "(可不填)", "", "(必填项)", "",
	"*", "", "★", "", "●", "", "※", "", ":", "")

// foldHeader is what two headers have in common when they are the same to a person.
func foldHeader(s string) string { return strings.ToLower(remarks.Replace(Fold(s))) }

func withoutRemark(s string) string {
	s = Fold(s)
	if i := strings.IndexAny(s, "(["); i > 0 {
		return s[:i]
	}
	return s
}

// Rows streams the rows below the header that have something in a known column, each time from the start. After an error,
// which is about the file, iteration ends; what is wrong with a row is in its Problems.
func (t *Table) Rows() iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		fill, err := t.fillers()
		if err != nil {
			yield(nil, err)
			return
		}
		for raw, err := range t.file.rows(t.Sheet) {
			if err != nil {
				yield(nil, err)
				return
			}
			if raw.number <= t.HeaderRow {
				continue
			}
			row := &Row{Number: raw.number, Share: raw.share, table: t, cells: raw.cells}
			if row.blank() || t.repeated(row) {
				continue
			}
			for _, f := range fill {
				f.apply(row)
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// repeated reports whether the row is the header again, as printed at the top of each page.
func (t *Table) repeated(r *Row) bool {
	for _, i := range t.at {
		if i >= len(r.cells) || r.cells[i].text != t.Headers[i] {
			return false
		}
	}
	return true
}
