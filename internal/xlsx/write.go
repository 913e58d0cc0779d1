package xlsx

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"jishan/internal/cal"
)

// Kind is what a column of a written sheet holds; it decides the format of cells, those still to be filled in included.
type Kind uint8

const (
	Text   Kind = iota // the default: identity numbers and leading zeros stay as they are
	Amount             // numbers
	Money              // numbers with two decimals
	Date               // yyyy-mm-dd
)

// Number is a decimal number as text ("12.5"), written as a number and not as text.
type Number string

// Book is what Write writes.
type Book struct {
	Sheets []Sheet
}

// Sheet is a table with a styled header that stays in view.
type Sheet struct {
	Name  string   // characters that Excel forbids are replaced; at most 31 are kept
	Title string   // in a row above the header; empty for none
	About []string // lines below the title, each across the whole width
	Heads []Head
	// Rows are the values in the order of Heads: string, int, int64, Number, cal.Day, bool, or nil for blank; anything else is
	// written as fmt.Sprint gives it. nil for a sheet to be filled in.
	Rows iter.Seq[[]any]
	Foot []string // lines below the rows, each across the whole width
	Form bool     // to be printed: cells are bordered, the page is A4, one wide and numbered, with the header on every one
}

// Head is the head of a column.
type Head struct {
	Header   string
	Kind     Kind
	Width    float64  // in characters; 0 fits the header
	Required bool     // marked by an asterisk
	Options  []string // a drop-down list
	Note     string   // how to fill it in; shown on a template's page of notes
	Sum      bool     // added up in a row below the others, which the first column calls 合计
}

const (
	blankRows   = 5_000  // rows of a sheet that get drop-down lists
	maxCell     = 32_767 // characters that Excel keeps in a cell
	optionSheet = "选项"
)

// Write writes a workbook. Text is always stored as text, whatever it begins with, so that no name or remark becomes a formula.
func Write(w io.Writer, b Book) error {
	if len(b.Sheets) == 0 {
		return errors.New("writing a workbook: no sheets")
	}
	p := &printer{file: excelize.NewFile(), lined: map[int]int{}}
	defer p.file.Close()
	if err := p.book(b); err != nil {
		return fmt.Errorf("writing a workbook: %w", err)
	}
	if _, err := p.file.WriteTo(w); err != nil {
		return fmt.Errorf("writing a workbook: %w", err)
	}
	return nil
}

// printer holds the workbook and the styles while it is written.
type printer struct {
	file                                                   *excelize.File
	title, head, required, text, amount, money, date, foot int
	lined                                                  map[int]int // the same with borders
	options                                                int         // columns used on the sheet of options
}

func (p *printer) book(b Book) error {
	if err := p.styles(); err != nil {
		return err
	}
	for i, s := range b.Sheets {
		name := sheetName(s.Name)
		if i == 0 {
			if err := p.file.SetSheetName("Sheet1", name); err != nil {
				return err
			}
		} else {
			if n, err := p.file.GetSheetIndex(name); err != nil || n >= 0 {
				return fmt.Errorf("sheet %q twice", name)
			}
			if _, err := p.file.NewSheet(name); err != nil {
				return err
			}
		}
		if err := p.sheet(name, s); err != nil {
			return fmt.Errorf("sheet %q: %w", name, err)
		}
	}
	return nil
}

func (p *printer) styles() error {
	border := []excelize.Border{
		{Type: "left", Color: "BFBFBF", Style: 1}, {Type: "right", Color: "BFBFBF", Style: 1},
		{Type: "top", Color: "BFBFBF", Style: 1}, {Type: "bottom", Color: "BFBFBF", Style: 1},
	}
	fill := excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"E2EFDA"}}
	middle := &excelize.Alignment{Horizontal: "center", Vertical: "center", WrapText: true}
	right := &excelize.Alignment{Horizontal: "right", Vertical: "center"}
	day := "yyyy-mm-dd"
	for _, s := range []struct {
		id    *int
		style excelize.Style
	}{
		{&p.title, excelize.Style{Font: &excelize.Font{Bold: true, Size: 14}, Alignment: middle}},
		{&p.head, excelize.Style{Font: &excelize.Font{Bold: true}, Fill: fill, Border: border, Alignment: middle, NumFmt: 49}},
		{&p.required, excelize.Style{Font: &excelize.Font{Bold: true, Color: "C00000"}, Fill: fill, Border: border, Alignment: middle, NumFmt: 49}},
		{&p.text, excelize.Style{Alignment: &excelize.Alignment{Vertical: "center", WrapText: true}, NumFmt: 49}},
		{&p.amount, excelize.Style{Alignment: right}},
		{&p.money, excelize.Style{Alignment: right, NumFmt: 2}},
		{&p.date, excelize.Style{Alignment: &excelize.Alignment{Vertical: "center"}, CustomNumFmt: &day}},
		{&p.foot, excelize.Style{Alignment: &excelize.Alignment{Vertical: "center", WrapText: true}, NumFmt: 49}},
	} {
		id, err := p.file.NewStyle(&s.style)
		if err != nil {
			return err
		}
		*s.id = id
		s.style.Border = border
		if p.lined[id], err = p.file.NewStyle(&s.style); err != nil {
			return err
		}
	}
	return nil
}

func (p *printer) style(k Kind) int {
	switch k {
	case Amount:
		return p.amount
	case Money:
		return p.money
	case Date:
		return p.date
	}
	return p.text
}

func (p *printer) sheet(name string, s Sheet) error {
	head := 1 + len(s.About)
	if s.Title != "" {
		head++
	}
	for i, h := range s.Heads {
		if err := p.dropDown(name, i+1, head+1, h.Options); err != nil {
			return err
		}
	}
	if s.Form {
		if err := p.page(name, head, s.Heads); err != nil {
			return err
		}
	}
	sw, err := p.file.NewStreamWriter(name)
	if err != nil {
		return err
	}
	for i, h := range s.Heads {
		if err := sw.SetColWidth(i+1, i+1, h.width()); err != nil {
			return err
		}
		if err := sw.SetColStyle(i+1, i+1, p.style(h.Kind)); err != nil {
			return err
		}
	}
	corner, err := excelize.CoordinatesToCellName(1, head+1)
	if err != nil {
		return err
	}
	if err := sw.SetPanes(&excelize.Panes{Freeze: true, YSplit: head, TopLeftCell: corner, ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	if s.Title != "" {
		if err := p.across(sw, 1, len(s.Heads), p.title, s.Title); err != nil {
			return err
		}
	}
	for i, line := range s.About {
		if err := p.across(sw, head-len(s.About)+i, len(s.Heads), p.foot, line); err != nil {
			return err
		}
	}
	if err := p.headers(sw, head, s.Heads); err != nil {
		return err
	}
	last := head
	if s.Rows != nil {
		if last, err = p.rows(sw, head, s); err != nil {
			return err
		}
	}
	for i, line := range s.Foot {
		if err := p.across(sw, last+1+i, len(s.Heads), p.foot, line); err != nil {
			return err
		}
	}
	return sw.Flush()
}

func (p *printer) headers(sw *excelize.StreamWriter, row int, heads []Head) error {
	values := make([]any, len(heads))
	for i, h := range heads {
		values[i] = excelize.Cell{StyleID: p.head, Value: printable(h.Header)}
		if h.Required {
			values[i] = excelize.Cell{StyleID: p.required, Value: "*" + printable(h.Header)}
		}
	}
	return sw.SetRow("A"+strconv.Itoa(row), values, excelize.RowOpts{Height: 22})
}

// rows writes the rows below the header and their sums, and says which was the last.
func (p *printer) rows(sw *excelize.StreamWriter, head int, s Sheet) (n int, err error) {
	n = head
	sums := adding(s.Heads)
	for row := range s.Rows {
		if n++; n > lastRow {
			return n, errors.New("too many rows")
		}
		if err := p.row(sw, n, s, row); err != nil {
			return n, fmt.Errorf("row %d: %w", n, err)
		}
		if err := sums.add(row); err != nil {
			return n, fmt.Errorf("row %d: %w", n, err)
		}
	}
	if sums == nil {
		return n, nil
	}
	return n + 1, p.row(sw, n+1, s, sums.row())
}

func (p *printer) row(sw *excelize.StreamWriter, n int, s Sheet, row []any) (err error) {
	if len(row) > len(s.Heads) {
		return fmt.Errorf("%d values for %d columns", len(row), len(s.Heads))
	}
	values := make([]any, len(row))
	for i, v := range row {
		if values[i], err = p.value(v, p.style(s.Heads[i].Kind)); err != nil {
			return err
		}
		if s.Form {
			values[i] = p.line(values[i], s.Heads[i].Kind)
		}
	}
	return sw.SetRow("A"+strconv.Itoa(n), values)
}

func (p *printer) value(v any, style int) (any, error) {
	c := excelize.Cell{StyleID: style}
	switch x := v.(type) {
	case nil:
		return nil, nil
	case string:
		c.Value = printable(x)
		if style == p.amount || style == p.money {
			c.StyleID = p.text
		}
	case int, int64, bool:
		c.Value = x
	case Number:
		if x == "" {
			return nil, nil
		}
		f, err := strconv.ParseFloat(string(x), 64)
		if s, ok := ParseDecimal(string(x)); err != nil || !ok || len(s) > 16 {
			return nil, fmt.Errorf("%q is no number that a sheet can hold", x)
		}
		c.Value = f
		if style == p.text {
			c.StyleID = p.amount
		}
	case cal.Day:
		if x == 0 {
			return nil, nil
		}
		c.Value = daySerial(x)
		c.StyleID = p.date
	default:
		c.Value = printable(fmt.Sprint(x))
	}
	return c, nil
}

// daySerial is the day's number in the 1900 system, which has a 29 February 1900 in it.
func daySerial(d cal.Day) int {
	n := d.Sub(18991230)
	if d < 19000301 {
		n--
	}
	return n
}

// dropDown offers the options in a column from the given row on. The options are kept on a hidden sheet, since a list within
// the rule itself may not be long and not contain commas.
func (p *printer) dropDown(name string, column, from int, options []string) error {
	if len(options) == 0 {
		return nil
	}
	if p.options == 0 {
		if _, err := p.file.NewSheet(optionSheet); err != nil {
			return err
		}
		if err := p.file.SetSheetVisible(optionSheet, false); err != nil {
			return err
		}
	}
	p.options++
	for i, o := range options {
		at, err := excelize.CoordinatesToCellName(p.options, i+1)
		if err != nil {
			return err
		}
		if err := p.file.SetCellStr(optionSheet, at, printable(o)); err != nil {
			return err
		}
	}
	source, err := excelize.ColumnNumberToName(p.options)
	if err != nil {
		return err
	}
	target, err := excelize.ColumnNumberToName(column)
	if err != nil {
		return err
	}
	dv := excelize.NewDataValidation(true)
	dv.Sqref = fmt.Sprintf("%s%d:%s%d", target, from, target, from+blankRows-1)
	dv.SetSqrefDropList(fmt.Sprintf("%s!$%s$1:$%s$%d", optionSheet, source, source, len(options)))
	dv.SetError(excelize.DataValidationErrorStyleStop, "请从列表中选择", "请从下拉列表中选择一项")
	return p.file.AddDataValidation(name, dv)
}

// printable is what a cell can hold.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == '\ufffe' || r == '\uffff' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > maxCell {
		n := 0
		for i := range s {
			if n == maxCell {
				return s[:i]
			}
			n++
		}
	}
	return s
}

func sheetName(s string) string {
	s = strings.Trim(strings.NewReplacer(":", "：", "\\", "＼", "/", "／", "?", "？", "*", "＊", "[", "［", "]", "］").Replace(printable(s)), "' ")
	if r := []rune(s); len(r) > 31 {
		s = string(r[:31])
	}
	if s == "" {
		return "表"
	}
	return s
}
