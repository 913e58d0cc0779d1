package xlsx

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// openCSV takes UTF-8, UTF-16 (what Excel calls Unicode text) and GB18030, separated by commas, tabs or semicolons.
func openCSV(b []byte, l Limits) (*File, error) {
	text, err := decode(b)
	if err != nil {
		return nil, err
	}
	comma := separator(text)
	rows := func(string) iter.Seq2[rawRow, error] {
		return func(yield func(rawRow, error) bool) { streamCSV(text, comma, l, yield) }
	}
	return &File{limits: l, sheets: []sheet{{}}, rows: rows}, nil
}

func decode(b []byte) (string, error) {
	var from encoding.Encoding
	switch {
	case bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")):
		b = b[3:]
	case bytes.HasPrefix(b, []byte("\xFF\xFE")), bytes.HasPrefix(b, []byte("\xFE\xFF")):
		from = unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
	}
	if from == nil && !utf8.Valid(b) {
		from = simplifiedchinese.GB18030
	}
	if from != nil {
		var err error
		if b, err = from.NewDecoder().Bytes(b); err != nil {
			return "", ErrNotTable.Wrap(err)
		}
		if bytes.ContainsRune(b, utf8.RuneError) {
			return "", ErrNotTable.New()
		}
	}
	if bytes.IndexByte(b, 0) >= 0 {
		return "", ErrNotTable.New()
	}
	return string(b), nil
}

// separator is the one that occurs most in the first lines, commas first.
func separator(text string) rune {
	head := text[:min(len(text), 4096)]
	best, count := ',', strings.Count(head, ",")
	for _, r := range "\t;" {
		if n := strings.Count(head, string(r)); n > count {
			best, count = r, n
		}
	}
	return best
}

// streamCSV numbers rows as Excel does when it opens the file: blank lines count, lines within quotes do not.
func streamCSV(text string, comma rune, l Limits, yield func(rawRow, error) bool) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = comma, true, -1, true
	number, line, filled := 0, 0, 0 // line is the last one that belongs to a row already given
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			yield(rawRow{}, ErrBroken.Wrap(err))
			return
		}
		begin, _ := r.FieldPos(0)
		number += begin - line
		line, _ = r.FieldPos(len(record) - 1)
		line += strings.Count(record[len(record)-1], "\n")
		row := rawRow{number: number, share: float64(r.InputOffset()) / float64(len(text))}
		for i, field := range record {
			c := textCell(field, l.Cell)
			if c.blank() {
				continue
			}
			if i >= l.Columns {
				yield(rawRow{}, tooManyColumns(l.Columns))
				return
			}
			for len(row.cells) <= i {
				row.cells = append(row.cells, cell{})
			}
			row.cells[i] = c
		}
		if len(row.cells) > 0 {
			filled++
		}
		if filled > l.Rows {
			yield(rawRow{}, tooManyRows(l.Rows))
			return
		}
		if !yield(row, nil) {
			return
		}
	}
}
