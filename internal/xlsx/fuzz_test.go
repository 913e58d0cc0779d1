package xlsx_test

import (
	"archive/zip"
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/cal"
	"jishan/internal/decimal"
	"jishan/internal/xlsx"
)

var small = xlsx.Limits{Bytes: 1 << 16, Unpacked: 1 << 20, Rows: 100, Columns: 50, Cell: 100}

func drain(t *testing.T, b []byte) {
	begin := time.Now()
	defer func() { require.Less(t, time.Since(begin), 10*time.Second) }()
	file, err := xlsx.OpenBytes(b, small)
	if err != nil {
		code(t, err)
		return
	}
	for _, name := range append(file.Sheets(), "") {
		table, err := file.Table(name, people)
		if err != nil {
			code(t, err)
			continue
		}
		for r, err := range table.Rows() {
			if err != nil {
				code(t, err)
				break
			}
			r.Need("name")
			r.Day("born")
			r.Decimal("points")
			r.Get("house")
		}
	}
}

// FuzzOpen feeds arbitrary bytes: no panic, no endless loop, and an error of ours or none.
func FuzzOpen(f *testing.F) {
	wb, s := book(f, []any{"户号", "姓名", "积分", "出生日期"}, []any{"H", "甲", 1.5, time.Date(2024, 1, 5, 0, 0, 0, 0, time.UTC)}, []any{nil, "乙", 2})
	require.NoError(f, wb.MergeCell(s, "A2", "A3"))
	f.Add(packed(f, wb))
	f.Add([]byte("姓名,积分\n甲,1\n"))
	f.Add([]byte("\xFF\xFE"))
	f.Fuzz(drain)
}

// FuzzSheet feeds arbitrary XML as the sheet of a workbook that is otherwise sound, where arbitrary bytes rarely get to.
func FuzzSheet(f *testing.F) {
	f.Add(`<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>姓名</t></is></c><c t="s"><v>0</v></c></row><row><c s="1"><v>45296.5</v></c><c><f>1</f></c></row></sheetData><mergeCells><mergeCell ref="A1:A2"/></mergeCells></worksheet>`)
	f.Add(`<worksheet><sheetData><row><c t="b"><v>1</v></c><c t="d"><v>2024-01-05T00:00:00</v></c><c t="e"><v>#N/A</v></c><c><v>1e999</v></c></row>`)
	f.Fuzz(func(t *testing.T, sheet string) {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		const rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
		for _, p := range [][2]string{
			{"xl/workbook.xml", `<workbook xmlns:r="` + rel + `"><sheets><sheet name="a" r:id="1"/></sheets></workbook>`},
			{"xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="1" Type="` + rel + `/worksheet" Target="s.xml"/>` +
				`<Relationship Id="2" Type="` + rel + `/sharedStrings" Target="t.xml"/><Relationship Id="3" Type="` + rel + `/styles" Target="/xl/y.xml"/></Relationships>`},
			{"xl/t.xml", "<sst><si><t>积分</t></si></sst>"},
			{"xl/y.xml", `<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>`},
			{"xl/s.xml", sheet},
		} {
			part, err := w.Create(p[0])
			require.NoError(t, err)
			_, err = part.Write([]byte(p[1]))
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		drain(t, b.Bytes())
	})
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{"2024-1-5", "2024年1月5日", "20240105", "45296", "1,000.50", "＋１２．５", "2024/1/5 10:30", "-0", "", ".5", "5."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := xlsx.ParseDay(s); ok {
			require.True(t, d.Valid(), "%q gave %d", s, d)
			again, ok := xlsx.ParseDay(d.String())
			require.True(t, ok)
			require.Equal(t, d, again)
		} else {
			require.True(t, d == 0 || !d.Valid())
		}
		if n, ok := xlsx.ParseDecimal(s); ok {
			_, err := decimal.Parse(n)
			require.NotErrorIs(t, err, decimal.ErrSyntax, "%q gave %q", s, n)
		}
	})
}

func TestParseDay(t *testing.T) {
	for s, want := range map[string]cal.Day{
		"2024-1-5": 20240105, "2024-01-05": 20240105, "2024/1/5": 20240105, "2024.1.5": 20240105, "2024年1月5日": 20240105,
		"2024年1月5号": 20240105, "20240105": 20240105, "２０２４－１－５": 20240105, "2024 年 1 月 5 日": 20240105,
		"2024-01-05 10:30:00": 20240105, "2024-01-05T10:30:00": 20240105, "45296": 20240105, "1": 19000101, "61": 19000301,
		"2024-02-29": 20240229,
	} {
		got, ok := xlsx.ParseDay(s)
		require.True(t, ok, s)
		require.Equal(t, want, got, s)
	}
	for _, s := range []string{
		"", "0", "60", "2023-02-29", "2024-13-1", "24-1-5", "2024-1", "2024年1月", "1899-12-31", "20241301", "2024010", "1-5-2024",
		"today", "-5", "99999999999999999999", "3000000", "2024-1-5-6", "2024--5", "2024-001-05",
	} {
		_, ok := xlsx.ParseDay(s)
		require.False(t, ok, s)
	}
}

func TestParseDecimal(t *testing.T) {
	for s, want := range map[string]string{
		"1": "1", "-1.50": "-1.50", "+2": "2", "１２．５": "12.5", "1,000": "1000", "12,345,678.9": "12345678.9", " 7 ": "7", "−3": "-3", "－３": "-3",
	} {
		got, ok := xlsx.ParseDecimal(s)
		require.True(t, ok, s)
		require.Equal(t, want, got)
	}
	for _, s := range []string{"", "-", ".5", "5.", "1,00", "1,0000", ",100", "1e3", "0x1", "五", "1.2.3", "--1", "+-1", "5分", "1.000,5", "NaN"} {
		_, ok := xlsx.ParseDecimal(s)
		require.False(t, ok, s)
	}
}
