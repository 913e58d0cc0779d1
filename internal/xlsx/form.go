package xlsx

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// width is the column's, in characters.
func (h Head) width() float64 {
	if h.Width != 0 {
		return min(h.Width, 255)
	}
	return min(max(10, float64(2*utf8.RuneCountInString(h.Header)+4)), 255)
}

// upright is how many characters stand side by side on an upright page of A4 in a size that is easy to read.
const upright = 95

// page sets a sheet up for printing; the header in row head is repeated on every page.
func (p *printer) page(name string, head int, heads []Head) error {
	fit, orientation, a4, wide, tall, margin, center := true, "portrait", 9, 1, 0, 15/25.4, true
	sum := 0.0
	for _, h := range heads {
		sum += h.width()
	}
	if sum > upright {
		orientation = "landscape"
	}
	quoted := "'" + strings.ReplaceAll(name, "'", "''") + "'"
	return errors.Join(
		p.file.SetSheetProps(name, &excelize.SheetPropsOptions{FitToPage: &fit}),
		p.file.SetPageLayout(name, &excelize.PageLayoutOptions{Orientation: &orientation, Size: &a4, FitToWidth: &wide, FitToHeight: &tall}),
		p.file.SetPageMargins(name, &excelize.PageLayoutMarginsOptions{Left: &margin, Right: &margin, Top: &margin, Bottom: &margin, Horizontally: &center}),
		p.file.SetHeaderFooter(name, &excelize.HeaderFooterOptions{OddFooter: "&C第 &P 页，共 &N 页"}),
		p.file.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", Scope: name, RefersTo: fmt.Sprintf("%s!$%d:$%d", quoted, head, head)}),
	)
}

// across writes a line across the width of the columns.
func (p *printer) across(sw *excelize.StreamWriter, row, columns, style int, text string) error {
	from, err := excelize.CoordinatesToCellName(1, row)
	if err != nil {
		return err
	}
	to, err := excelize.CoordinatesToCellName(columns, row)
	if err != nil {
		return err
	}
	if err := sw.SetRow(from, []any{excelize.Cell{StyleID: style, Value: printable(text)}}, excelize.RowOpts{Height: 28}); err != nil || columns < 2 {
		return err
	}
	return sw.MergeCell(from, to)
}

// line puts a border around a cell, a blank one too.
func (p *printer) line(v any, k Kind) any {
	c, ok := v.(excelize.Cell)
	if !ok {
		c = excelize.Cell{StyleID: p.style(k)}
	}
	c.StyleID = p.lined[c.StyleID]
	return c
}
