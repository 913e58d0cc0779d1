package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/money"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/xlsx"
)

const (
	xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

	// handoutRows bounds one file: more than a village of 2,000 households books in two months.
	handoutRows = 20_000
	// handoutPage is how many rows are read at a time; the lists' services give no more.
	handoutPage = 200
)

// ErrHandout is a list that is too long for one file.
var ErrHandout = errs.Define(errs.Invalid, "export.too_many", "要导出的太多，请缩小范围后再导出")

// handout is a list as one hands it in: an Excel sheet to be printed on A4, with a title, whom and when it is about, who made it
// and when, sums at the foot. Every export of a list is one of these, so that they look alike.
type handout struct {
	title  string   // also the file's name
	region id.ID    // whose list it is; zero for none
	period string   // Chinese, "2026年11月"; empty for all of it
	about  []string // more lines below the title
	heads  []xlsx.Head
	rows   iter.Seq2[[]any, error]
	narrow string // what to do when there are too many, "选一个月份"
}

// handOut writes the file. It is made in full, its rows read page by page, before a byte is sent: what goes wrong at row 9,000 is
// an error and no truncated file. Packed, the longest is some two megabytes.
func (s *Server) handOut(ctx context.Context, c *Call, h handout) (*file, error) {
	place, err := s.placeName(ctx, h.region)
	if err != nil {
		return nil, err
	}
	sheet := xlsx.Sheet{Name: h.title, Title: h.title, Heads: h.heads, Form: true}
	first := h.period
	if first == "" {
		first = "全部"
	}
	first = "时间：" + first
	if place != "" {
		sheet.Title, first = place+h.title, "单位："+place+gap+first
	}
	sheet.About = append([]string{first, "导出人：" + c.Actor.Name + gap + "导出时间：" + clock(s.deps.DB.Now())}, h.about...)
	var failed error
	n := 0
	sheet.Rows = func(yield func([]any) bool) {
		for row, err := range h.rows {
			if n++; err == nil && n > handoutRows {
				err = ErrHandout.With("要导出的超过 %d 行，请%s后再导出", handoutRows, h.narrow)
			}
			if err != nil {
				failed = err
				return
			}
			if !yield(row) {
				return
			}
		}
	}
	var buf bytes.Buffer
	if err := xlsx.Write(&buf, xlsx.Book{Sheets: []xlsx.Sheet{sheet}}); err != nil && failed == nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	return attachment(fileName(sheet.Title, h.period), xlsxType, buf.Bytes()), nil
}

const gap = "        "

// fileName is the title with its period, without what file systems refuse.
func fileName(parts ...string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`\/:*?"<>|`, r) {
			return '-'
		}
		return r
	}, strings.Join(parts, "")) + ".xlsx"
}

// placeName is a region with its township before it: 红星镇芷溪村.
func (s *Server) placeName(ctx context.Context, region id.ID) (name string, err error) {
	if region == 0 {
		return "", nil
	}
	err = s.deps.DB.Read(ctx, func(tx db.Tx) error {
		found, err := people.RegionsByID(tx, []id.ID{region})
		if err != nil {
			return err
		}
		r, ok := found[region]
		if !ok {
			return errs.ErrNotFound.New()
		}
		name = r.Name
		for _, above := range []id.ID{r.Village, r.Township} {
			if above == 0 || above == r.ID {
				continue
			}
			up, err := people.RegionsByID(tx, []id.ID{above})
			if err != nil {
				return err
			}
			name = up[above].Name + name
		}
		return nil
	})
	return name, err
}

// noteExport is what every export's description says.
const noteExport = "与列表同样的筛选。带标题、合计，按 A4 打印；一次最多 20000 行。cursor 和 limit 不起作用。"

// pages are the rows of a list as its own operation reads it, page by page; so a file holds what its caller may see on the screen.
func pages[T any](read func(PageQuery) (Page[T], error), row func(T) []any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		q := PageQuery{Limit: handoutPage}
		for {
			page, err := read(q)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, item := range page.Items {
				if !yield(row(item), nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			q.Cursor = page.Next
		}
	}
}

// spanText says which days a list is about.
func spanText(from, to cal.Day) string {
	switch {
	case from == 0 && to == 0:
		return ""
	case from == 0:
		return to.Chinese() + "以前"
	case to == 0:
		return from.Chinese() + "以来"
	case from%10000 == 101 && to == from+1231-101:
		return fmt.Sprintf("%d年", from/10000)
	case from == from.Month().First() && to == from.Month().Last():
		return fmt.Sprintf("%d年%d月", from.Month().Year(), from.Month()%100)
	}
	return from.Chinese() + "至" + to.Chinese()
}

// clock is an instant in China: 2026-11-24 09:30.
func clock(t time.Time) string { return t.In(cal.Shanghai).Format("2006-01-02 15:04") }

func number(a points.Amount) xlsx.Number { return xlsx.Number(a.String()) }
func yuan(f money.Fen) xlsx.Number       { return xlsx.Number(f.String()) }

// workbook is an Excel file to be downloaded.
func workbook(name string, write func(io.Writer) error) (*file, error) {
	var buf bytes.Buffer
	if err := write(&buf); err != nil {
		return nil, err
	}
	return attachment(name, xlsxType, buf.Bytes()), nil
}
