package xlsx

import (
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

// Template is a workbook to be filled in and sent back.
type Template struct {
	Name     string // of the first sheet
	Heads    []Head
	Notes    []string // sentences for the page of notes
	Examples [][]any  // rows for the page of notes; values as in Sheet.Rows
}

// WriteTemplate writes a sheet that has a header only, and behind it a page of notes with each column explained and the
// examples, which therefore cannot be imported by mistake.
func WriteTemplate(w io.Writer, t Template) error {
	notes := Sheet{Name: "填写说明", Heads: []Head{
		{Header: "说明", Width: 24}, {Header: "是否必填", Width: 12}, {Header: "怎么填", Width: 60}, {Header: "可选内容", Width: 40},
	}, Rows: func(yield func([]any) bool) {
		for _, h := range t.Heads {
			required := "选填"
			if h.Required {
				required = "必填"
			}
			if !yield([]any{h.Header, required, h.Note, strings.Join(h.Options, "、")}) {
				return
			}
		}
		for i, n := range t.Notes {
			if !yield([]any{fmt.Sprintf("注意 %d", i+1), nil, n}) {
				return
			}
		}
	}}
	sheets := []Sheet{{Name: t.Name, Heads: t.Heads}, notes}
	if len(t.Examples) > 0 {
		heads := slices.Clone(t.Heads)
		for i := range heads {
			heads[i].Options = nil
		}
		sheets = append(sheets, Sheet{Name: "填写示例", Title: "示例（请填在第一个工作表里）", Heads: heads, Rows: slices.Values(t.Examples)})
	}
	return Write(w, Book{Sheets: sheets})
}

// WriteReport writes rows as they were sent, with their row number in front and their problems in a last column 「问题」. The
// result can be mended and sent again, since unknown columns are ignored.
func WriteReport(w io.Writer, t *Table, rows []*Row) error {
	heads := []Head{{Header: "原行号", Kind: Amount}}
	for _, h := range t.Headers {
		heads = append(heads, Head{Header: h, Width: 16})
	}
	heads = append(heads, Head{Header: "问题", Width: 60})
	return Write(w, Book{Sheets: []Sheet{{Name: "需要改正的行", Heads: heads, Rows: reportRows(t, rows)}}})
}

func reportRows(t *Table, rows []*Row) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for _, r := range rows {
			values := make([]any, len(t.Headers)+2)
			values[0] = r.Number
			for i := range t.Headers {
				if i < len(r.cells) && r.cells[i].text != "" {
					values[i+1] = r.cells[i].text
				}
			}
			var problems []string
			for _, p := range r.problems {
				problems = append(problems, strings.TrimPrefix(p.Path, fmt.Sprintf("第%d行", r.Number))+p.Text)
			}
			values[len(values)-1] = strings.Join(problems, "；")
			if !yield(values) {
				return
			}
		}
	}
}
