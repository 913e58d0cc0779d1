package xlsx

import (
	"encoding/xml"
	"slices"
	"strconv"
	"strings"
)

const maxMerges = 100_000

// span is the rows of a merged cell, inclusive.
type span struct{ first, last int }

// mergesOf reads the merged cells of a sheet that go over several rows, by index of their leftmost column. They stand behind
// the rows in the file, so this is a pass of its own.
func (w *workbook) mergesOf(sheets []sheet) func(string) (map[int][]span, error) {
	return func(name string) (map[int][]span, error) {
		for _, s := range sheets {
			if s.name == name {
				return w.merges(s.part)
			}
		}
		return nil, ErrNoSheet.With("文件里没有“%s”这个工作表", name)
	}
}

func (w *workbook) merges(part string) (map[int][]span, error) {
	out := map[int][]span{}
	count := 0
	err := w.each(part, func(_ *xml.Decoder, e xml.StartElement) error {
		if e.Name.Local != "mergeCell" {
			return nil
		}
		if count++; count > maxMerges {
			return ErrTooMany.With("合并单元格太多，请取消合并后再上传")
		}
		from, to, ok := strings.Cut(attr(e, "ref"), ":")
		column, first, last := columnOf(from), rowOf(from), rowOf(to)
		if ok && column > 0 && first > 0 && last > first && last <= lastRow {
			out[column-1] = append(out[column-1], span{first: first, last: last})
		}
		return nil
	})
	return out, err
}

// rowOf is the row of a reference such as AB12; 0 if it is none.
func rowOf(ref string) int {
	n, err := strconv.Atoi(strings.TrimLeft(ref, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz$"))
	if err != nil {
		return 0
	}
	return n
}

// filler gives the value of a merged cell to its lower rows. Rows must come in order.
type filler struct {
	column int
	spans  []span // by first row
	top    cell   // of the span that begins in row topRow
	topRow int
}

// fillers are those of the columns that want it.
func (t *Table) fillers() ([]*filler, error) {
	var out []*filler
	for _, c := range t.columns {
		if i, ok := t.at[c.Key]; ok && c.Merged {
			out = append(out, &filler{column: i})
		}
	}
	if len(out) == 0 || t.file.merges == nil {
		return nil, nil
	}
	all, err := t.file.merges(t.Sheet)
	if err != nil {
		return nil, err
	}
	for _, f := range out {
		f.spans = slices.SortedFunc(slices.Values(all[f.column]), func(a, b span) int { return a.first - b.first })
	}
	return out, nil
}

func (f *filler) apply(r *Row) {
	for len(f.spans) > 0 && f.spans[0].last < r.Number {
		f.spans = f.spans[1:]
	}
	if len(f.spans) == 0 || r.Number < f.spans[0].first {
		return
	}
	for len(r.cells) <= f.column {
		r.cells = append(r.cells, cell{})
	}
	c := &r.cells[f.column]
	switch first := f.spans[0].first; {
	case r.Number == first:
		f.top, f.topRow = *c, first
	case f.topRow == first && c.blank():
		*c = f.top
	}
}
