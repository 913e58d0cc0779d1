package xlsx

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	lastColumn = 16_384    // XFD
	lastRow    = 1_048_576 // of any sheet
)

// Problems of a single cell.
const (
	textNoResult   = "公式没有保存计算结果，请在 Excel 或 WPS 里打开并重新保存，或直接填写结果"
	textErrorValue = "单元格的值是错误 %s，请改正"
	textPrecision  = "数字超过 15 位，表格软件已把后几位变成 0，请把这一列的格式改成“文本”后重新填写"
	textNotNumber  = "单元格里的数字无法识别，请重新填写"
)

// rowsOf streams the rows of a sheet, each time from the start. Iteration ends after the first error.
func (w *workbook) rowsOf(sheets []sheet) func(string) iter.Seq2[rawRow, error] {
	return func(name string) iter.Seq2[rawRow, error] {
		return func(yield func(rawRow, error) bool) {
			for _, s := range sheets {
				if s.name == name {
					w.stream(s.part, yield)
					return
				}
			}
			yield(rawRow{}, ErrNoSheet.With("文件里没有“%s”这个工作表", name))
		}
	}
}

func (w *workbook) stream(part string, yield func(rawRow, error) bool) {
	rc, err := w.archive.open(part)
	if err != nil {
		yield(rawRow{}, err)
		return
	}
	defer rc.Close()
	d := xml.NewDecoder(rc)
	number, filled := 0, 0
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			yield(rawRow{}, broken(err))
			return
		}
		switch t := tok.(type) {
		case xml.EndElement:
			if t.Name.Local == "sheetData" {
				return
			}
		case xml.StartElement:
			if t.Name.Local != "row" {
				continue
			}
			row, err := w.row(d, t, number)
			if err != nil {
				yield(rawRow{}, broken(err))
				return
			}
			number, row.share = row.number, rc.share()
			if !row.blank() {
				filled++
			}
			if filled > w.limits.Rows {
				yield(rawRow{}, tooManyRows(w.limits.Rows))
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func tooManyRows(limit int) error {
	return ErrTooMany.With("表格超过 %d 行，请拆成几个文件分别导入", limit)
}

func tooManyColumns(limit int) error {
	return ErrTooMany.With("表格超过 %d 列，请只保留要导入的列", limit)
}

func (w *workbook) row(d *xml.Decoder, start xml.StartElement, previous int) (rawRow, error) {
	row := rawRow{number: previous + 1}
	if r := attr(start, "r"); r != "" {
		n, err := strconv.Atoi(r)
		if err != nil || n <= previous {
			return row, fmt.Errorf("row %q after row %d", r, previous)
		}
		row.number = n
	}
	if row.number > lastRow {
		return row, fmt.Errorf("row %d lies beyond the last", row.number)
	}
	column := 0
	for {
		tok, err := d.Token()
		if err != nil {
			return row, err
		}
		switch t := tok.(type) {
		case xml.EndElement:
			if t.Name.Local == "row" {
				return row, nil
			}
		case xml.StartElement:
			if t.Name.Local != "c" {
				if err := d.Skip(); err != nil {
					return row, err
				}
				continue
			}
			column++
			if ref := attr(t, "r"); ref != "" {
				if column = columnOf(ref); column == 0 {
					return row, fmt.Errorf("cell reference %q", ref)
				}
			}
			c, err := w.cell(d, t)
			if err != nil {
				return row, err
			}
			if c.blank() {
				continue
			}
			if column > w.limits.Columns {
				return row, tooManyColumns(w.limits.Columns)
			}
			for len(row.cells) < column {
				row.cells = append(row.cells, cell{})
			}
			row.cells[column-1] = c
		}
	}
}

// columnOf is the column, from 1, of a reference such as AB12; 0 if it is none.
func columnOf(ref string) int {
	n := 0
	for i := range len(ref) {
		c := ref[i] &^ 0x20
		if c < 'A' || c > 'Z' {
			break
		}
		if n = n*26 + int(c-'A') + 1; n > lastColumn {
			return 0
		}
	}
	return n
}

func (w *workbook) cell(d *xml.Decoder, start xml.StartElement) (cell, error) {
	var value strings.Builder
	inline, formula, hasValue, inValue := "", false, false, false
	for {
		tok, err := d.Token()
		if err != nil {
			return cell{}, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "v":
				inValue, hasValue = true, true
			case "f":
				formula = true
				if err := d.Skip(); err != nil {
					return cell{}, err
				}
			case "is":
				if inline, err = richText(d, t); err != nil {
					return cell{}, err
				}
			}
		case xml.CharData:
			if inValue {
				value.Write(t)
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "v":
				inValue = false
			case "c":
				return w.interpret(attr(start, "t"), attr(start, "s"), value.String(), inline, formula, hasValue)
			}
		}
	}
}

func (w *workbook) interpret(typ, style, value, inline string, formula, hasValue bool) (cell, error) {
	// A formula whose result is the empty text is blank; one without any result was never calculated.
	if formula && (!hasValue || value == "" && typ != "str") {
		return cell{problem: textNoResult}, nil
	}
	switch typ {
	case "e":
		return cell{text: clean(value), problem: fmt.Sprintf(textErrorValue, clean(value))}, nil
	case "s":
		if value == "" {
			return cell{}, nil
		}
		i, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || i < 0 || i >= len(w.strings) {
			return cell{}, fmt.Errorf("shared string %q of %d", value, len(w.strings))
		}
		return w.text(w.strings[i]), nil
	case "inlineStr":
		return w.text(inline), nil
	case "str":
		return w.text(unescape(value)), nil
	case "b":
		if truth(value) {
			return cell{text: "TRUE"}, nil
		}
		return cell{text: "FALSE"}, nil
	case "d": // ISO 8601
		return cell{text: clean(strings.Replace(value, "T", " ", 1)), kind: kindDay}, nil
	}
	if value = strings.TrimSpace(value); value == "" {
		return cell{}, nil
	}
	var f format
	if i, err := strconv.Atoi(style); err == nil && i >= 0 && i < len(w.styles) {
		f = w.styles[i]
	}
	return w.number(value, f), nil
}

// text is a text cell. A cell over the limit keeps its beginning, for the report.
func (w *workbook) text(s string) cell { return textCell(s, w.limits.Cell) }

func textCell(s string, limit int) cell {
	s = clean(s)
	if len(s) <= limit {
		return cell{text: s}
	}
	n := 0
	for i := range s {
		if n == limit {
			return cell{text: s[:i], problem: fmt.Sprintf("内容超过 %d 个字，请缩短", limit)}
		}
		n++
	}
	return cell{text: s}
}

func (w *workbook) number(value string, f format) cell {
	x, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		c := w.text(value)
		c.problem = textNotNumber
		return c
	}
	if f.day || f.clock && x >= 1 {
		if t, ok := w.serial(x); ok {
			layout := "2006-01-02"
			if t.Hour()+t.Minute()+t.Second() > 0 && f.clock {
				layout = "2006-01-02 15:04:05"
			}
			return cell{text: t.Format(layout), kind: kindDay}
		}
	}
	if f.clock && x >= 0 && x < 1 {
		return cell{text: time.Unix(0, 0).UTC().Add(time.Duration(math.Round(x*86400)) * time.Second).Format("15:04:05")}
	}
	c := cell{text: plain(x), kind: kindNumber}
	if math.Abs(x) >= 1e15 {
		c.text, c.problem = clean(value), textPrecision
	}
	for f.zeros > len(c.text) && x >= 0 && x == math.Trunc(x) {
		c.text = "0" + c.text
	}
	return c
}

// plain writes a number as the screen shows it: 15 significant digits, no exponent, so that 0.1+0.2 is 0.3.
func plain(x float64) string {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 15, 64), 64)
	if err != nil {
		y = x
	}
	if y == 0 {
		return "0"
	}
	return strconv.FormatFloat(y, 'f', -1, 64)
}

// serial is the moment that a date serial means. Day 60 of the 1900 system, 29 February 1900, never was.
func (w *workbook) serial(x float64) (time.Time, bool) {
	base := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case w.date1904:
		base = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case x < 60:
		base = base.AddDate(0, 0, 1)
	case x < 61:
		return time.Time{}, false
	}
	if x < 0 || !w.date1904 && x < 1 || x >= 2_958_466 {
		return time.Time{}, false
	}
	days := math.Floor(x)
	return base.AddDate(0, 0, int(days)).Add(time.Duration(math.Round((x-days)*86400)) * time.Second), true
}
