package xlsx_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"jishan/internal/cal"
	"jishan/internal/errs"
	"jishan/internal/xlsx"
)

var people = []xlsx.Column{
	{Key: "name", Header: "姓名", Synonyms: []string{"户主姓名"}, Required: true},
	{Key: "phone", Header: "手机号", Synonyms: []string{"电话", "联系电话"}},
	{Key: "points", Header: "积分", Required: true},
	{Key: "born", Header: "出生日期"},
	{Key: "house", Header: "户号", Merged: true},
}

// book builds a workbook whose first sheet has the rows.
func book(t testing.TB, rows ...[]any) (*excelize.File, string) {
	t.Helper()
	f := excelize.NewFile()
	t.Cleanup(func() { _ = f.Close() })
	for i, r := range rows {
		require.NoError(t, f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &r))
	}
	return f, "Sheet1"
}

func packed(t testing.TB, f *excelize.File) []byte {
	t.Helper()
	b, err := f.WriteToBuffer()
	require.NoError(t, err)
	return b.Bytes()
}

func open(t testing.TB, b []byte, columns []xlsx.Column) (*xlsx.Table, []*xlsx.Row) {
	t.Helper()
	f, err := xlsx.OpenBytes(b, xlsx.DefaultLimits())
	require.NoError(t, err)
	table, err := f.Table("", columns)
	require.NoError(t, err)
	return table, all(t, table)
}

func all(t testing.TB, table *xlsx.Table) []*xlsx.Row {
	t.Helper()
	var rows []*xlsx.Row
	for r, err := range table.Rows() {
		require.NoError(t, err)
		rows = append(rows, r)
	}
	return rows
}

func problems(r *xlsx.Row) string {
	var out []string
	for _, p := range r.Problems() {
		out = append(out, p.Path+p.Text)
	}
	return strings.Join(out, "；")
}

func TestReadsARealWorkbook(t *testing.T) {
	f, s := book(t,
		[]any{"芷溪村村民名册"},
		[]any{"填表人：某某", nil, "2026年"},
		nil,
		[]any{"序号", " 电 话（手机） ", "＊姓　名", "积分（必填）", "备注", "出生日期"},
		[]any{1, 13800138000, " 张三\u00a0", 12.5, "", time.Date(1980, 2, 29, 0, 0, 0, 0, time.UTC)},
		[]any{2},
		[]any{3, "１３８ ００１３ ８００１", "李四", 0.1 + 0.2, nil, "1980年3月1日"},
		nil,
		[]any{"序号", " 电 话（手机） ", "＊姓　名", "积分（必填）", "备注", "出生日期"},
		[]any{4, nil, "王五", "-1,234.50", nil, 29221},
	)
	require.NoError(t, f.MergeCell(s, "A1", "F1"))
	table, rows := open(t, packed(t, f), people)
	require.Equal(t, "Sheet1", table.Sheet)
	require.Equal(t, 4, table.HeaderRow)
	require.Equal(t, []string{"序号", "电 话（手机）", "＊姓　名", "积分（必填）", "备注", "出生日期"}, table.Headers)
	require.True(t, table.Has("born"))
	require.False(t, table.Has("house"))

	require.Len(t, rows, 3, "blank rows, rows with a serial number only and repeated headers are no rows")
	require.Equal(t, []int{5, 7, 10}, []int{rows[0].Number, rows[1].Number, rows[2].Number})
	require.Equal(t, "张三", rows[0].Need("name"))
	require.Equal(t, "13800138000", rows[0].Code("phone"))
	require.Equal(t, "12.5", rows[0].Decimal("points"))
	require.Equal(t, cal.Day(19800229), rows[0].Day("born"))
	require.Equal(t, "1980-02-29", rows[0].Get("born"))
	require.Equal(t, "13800138001", rows[1].Code("phone"))
	require.Equal(t, "0.3", rows[1].Decimal("points"))
	require.Equal(t, cal.Day(19800301), rows[1].Day("born"))
	require.Equal(t, "-1234.50", rows[2].Decimal("points"))
	require.Equal(t, cal.Day(19800101), rows[2].Day("born"), "a serial number in a cell without a date format")
	require.False(t, rows[2].Has("phone"))
	require.Empty(t, rows[2].Get("house"))
	for _, r := range rows {
		require.True(t, r.OK(), problems(r))
	}
	require.Len(t, all(t, table), 3, "rows can be read again")
}

func TestProblemsAreGatheredPerRow(t *testing.T) {
	f, _ := book(t,
		[]any{"姓名", "积分", "出生日期", "手机号"},
		[]any{"", "很多", "2023-02-29", 1380013800012345678},
		[]any{"张三", "1.5", "45296", "x"},
	)
	_, rows := open(t, packed(t, f), people)
	r := rows[0]
	require.Empty(t, r.Need("name"))
	require.Empty(t, r.Decimal("points"))
	require.Zero(t, r.Int("points"))
	require.Zero(t, r.Day("born"))
	require.Empty(t, r.Code("phone"))
	require.Empty(t, r.Code("phone"), "noted once")
	r.Problem("", "整行都有问题")
	require.False(t, r.OK())
	require.Equal(t, "第2行「姓名」不能为空；第2行「积分」“很多”不是数字；第2行「积分」“很多”不是整数；第2行「出生日期」“2023-02-29”不是日期，请写成 2026-11-23；"+
		"第2行「手机号」数字超过 15 位，表格软件已把后几位变成 0，请把这一列的格式改成“文本”后重新填写；第2行整行都有问题", problems(r))
	require.Zero(t, rows[1].Int("points"))
	require.Equal(t, "第3行「积分」“1.5”不是整数", problems(rows[1]))
	require.Equal(t, cal.Day(20240105), rows[1].Day("born"))
}

func TestFormulaCellsAreNeverEvaluated(t *testing.T) {
	f, s := book(t, []any{"姓名", "积分"}, []any{"甲"}, []any{"乙"}, []any{"丙"}, []any{"丁"})
	require.NoError(t, f.SetCellFormula(s, "B2", "1+1"))
	b := packed(t, f)
	b = patch(t, b, "xl/worksheets/sheet1.xml", func(x string) string {
		x = strings.Replace(x, `<row r="3">`, `<row r="3"><c r="A3" t="inlineStr"><is><t>乙</t></is></c><c r="B3"><f>2*3</f><v>6</v></c></row><row r="3x">`, 1)
		i, j := strings.Index(x, `<row r="3x">`), strings.Index(x, `</sheetData>`)
		return x[:i] +
			`<row r="4"><c r="A4" t="str"><f>"丙"</f><v>丙</v></c><c r="B4" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>` +
			`<row r="5"><c r="A5" t="inlineStr"><is><t>丁</t></is></c><c r="B5" t="str"><f>IF(1,"",1)</f><v></v></c></row>` +
			`<row r="6"><c r="A6" t="str"><f>""</f><v></v></c></row>` +
			`<row r="7"><c r="B7" t="e"><v>#REF!</v></c></row>` + x[j:]
	})
	_, rows := open(t, b, people)
	require.Len(t, rows, 5, "a row of formulas with blank results is blank")
	require.Empty(t, rows[0].Decimal("points"))
	require.Contains(t, problems(rows[0]), "第2行「积分」公式没有保存计算结果")
	require.Equal(t, "6", rows[1].Decimal("points"), "the saved result")
	require.True(t, rows[1].OK())
	require.Equal(t, "丙", rows[2].Need("name"))
	require.Zero(t, rows[2].Int("points"))
	require.Equal(t, "第4行「积分」单元格的值是错误 #DIV/0!，请改正", problems(rows[2]))
	require.Empty(t, rows[3].Get("points"))
	require.True(t, rows[3].OK())
	require.Empty(t, rows[4].Get("points"))
	require.Contains(t, problems(rows[4]), "#REF!")
}

func TestNumberFormats(t *testing.T) {
	f, s := book(t, []any{"姓名", "积分", "户号"})
	custom := func(code string) int {
		id, err := f.NewStyle(&excelize.Style{CustomNumFmt: &code})
		require.NoError(t, err)
		return id
	}
	builtin := func(n int) int {
		id, err := f.NewStyle(&excelize.Style{NumFmt: n})
		require.NoError(t, err)
		return id
	}
	for i, c := range []struct {
		value any
		style int
		want  string
	}{
		{7, custom("0000"), "0007"},
		{12345, custom("0000"), "12345"},
		{45296, custom(`yyyy"年"m"月"d"日"`), "2024-01-05"},
		{45296.75, custom("yyyy/m/d h:mm"), "2024-01-05 18:00:00"},
		{45296, builtin(14), "2024-01-05"},
		{45296, builtin(31), "2024-01-05"},
		{45296.5, builtin(22), "2024-01-05 12:00:00"},
		{0.75, builtin(20), "18:00:00"},
		{1234.5, builtin(4), "1234.5"},
		{0.5, builtin(10), "0.5"},
		{45296, custom(`#,##0.00"元/day"`), "45296"},
		{45296, custom(`[Red]0;"d"0`), "45296"},
		{59, builtin(14), "1900-02-28"},
		{61, builtin(14), "1900-03-01"},
		{60, builtin(14), "60"},
		{-5, builtin(14), "-5"},
		{1e-7, 0, "0.0000001"},
		{1.1000000000000001, 0, "1.1"},
		{999999999999999, 0, "999999999999999"},
		{true, 0, "TRUE"},
	} {
		require.NoError(t, f.SetCellValue(s, fmt.Sprintf("A%d", i+2), c.value))
		require.NoError(t, f.SetCellStyle(s, fmt.Sprintf("A%d", i+2), fmt.Sprintf("A%d", i+2), c.style))
		require.NoError(t, f.SetCellStr(s, fmt.Sprintf("C%d", i+2), c.want))
	}
	_, rows := open(t, packed(t, f), people)
	require.Len(t, rows, 20)
	for _, r := range rows {
		require.Equal(t, r.Get("house"), r.Get("name"), "row %d", r.Number)
		require.True(t, r.OK())
	}
}

func Test1904Dates(t *testing.T) {
	f, s := book(t, []any{"姓名", "积分", "出生日期"}, []any{"甲", 1, 43834})
	id, err := f.NewStyle(&excelize.Style{NumFmt: 14})
	require.NoError(t, err)
	require.NoError(t, f.SetCellStyle(s, "C2", "C2", id))
	yes := true
	require.NoError(t, f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes}))
	_, rows := open(t, packed(t, f), people)
	require.Equal(t, cal.Day(20240105), rows[0].Day("born"))
}

func TestRichTextAndEscapes(t *testing.T) {
	f, s := book(t, []any{"姓名", "积分"}, []any{"甲", 1})
	require.NoError(t, f.SetCellRichText(s, "A2", []excelize.RichTextRun{{Text: "张"}, {Text: "三", Font: &excelize.Font{Bold: true}}}))
	b := patch(t, packed(t, f), "xl/sharedStrings.xml", func(x string) string {
		return strings.Replace(x, "</si></sst>", `<rPh sb="0" eb="1"><t>zhang</t></rPh><r><t>_x000D_&lt;_xZZ_&gt;</t></r></si></sst>`, 1)
	})
	_, rows := open(t, b, people)
	require.Equal(t, "张三<_xZZ_>", rows[0].Get("name"))
}

func TestMergedCellsServeEveryRow(t *testing.T) {
	f, s := book(t,
		[]any{"户号", "姓名", "积分"},
		[]any{"H-1", "甲", 1}, []any{nil, "乙", 2}, []any{nil, "丙", 3}, []any{nil, "丁", 4},
		[]any{nil, nil, nil}, []any{nil, "戊", 5},
	)
	require.NoError(t, f.MergeCell(s, "A2", "A4"))
	require.NoError(t, f.MergeCell(s, "A6", "A7"))
	_, rows := open(t, packed(t, f), people)
	var houses []string
	for _, r := range rows {
		houses = append(houses, r.Get("house"))
	}
	require.Equal(t, []string{"H-1", "H-1", "H-1", "", ""}, houses, "only where the cells are merged, never by guess")
}

func TestCSVInEveryEncoding(t *testing.T) {
	text := "村民名册,,\n\n姓名,手机号,积分\n张三,13800138000,5\n\n\"李,\n四\",,\"1,000.5\"\n\"他说\"\"好\"\"\",x,2\n"
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	require.NoError(t, err)
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(strings.ReplaceAll(text, ",", "\t"))
	require.NoError(t, err)
	for name, b := range map[string]string{
		"utf-8": text, "bom": "\ufeff" + text, "gb18030": gb, "crlf": strings.ReplaceAll(text, "\n", "\r\n"),
	} {
		table, rows := open(t, []byte(b), people)
		require.Equal(t, 3, table.HeaderRow, name)
		require.Len(t, rows, 3, name)
		require.Equal(t, []int{4, 6, 7}, []int{rows[0].Number, rows[1].Number, rows[2].Number}, name)
		require.Equal(t, "张三", rows[0].Get("name"), name)
		require.Equal(t, "李,\n四", rows[1].Get("name"), name)
		require.Equal(t, "1000.5", rows[1].Decimal("points"), name)
		require.Equal(t, `他说"好"`, rows[2].Get("name"), name)
	}
	_, rows := open(t, []byte(wide), people)
	require.Equal(t, "张三", rows[0].Get("name"))
	_, rows = open(t, []byte("姓名;积分\n张三;5\n"), people)
	require.EqualValues(t, 5, rows[0].Int("points"))
}

func TestEnglishHeadersOfARuleBook(t *testing.T) {
	_, rows := open(t, []byte("category,item,points\n庭院环境,\"庭院地面干净整洁，无垃圾杂物\",10\n"), []xlsx.Column{
		{Key: "item", Header: "条目", Synonyms: []string{"Item"}, Required: true}, {Key: "points", Header: "分值", Synonyms: []string{"points"}, Required: true},
	})
	require.Equal(t, "庭院地面干净整洁，无垃圾杂物", rows[0].Need("item"))
	require.EqualValues(t, 10, rows[0].Int("points"))
}

// patch rewrites one part of a workbook.
func patch(t testing.TB, b []byte, part string, change func(string) string) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	done := false
	for _, f := range r.File {
		rc, err := f.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(rc)
		require.NoError(t, err)
		text := string(content)
		if f.Name == part {
			text, done = change(text), true
		}
		p, err := w.Create(f.Name)
		require.NoError(t, err)
		_, err = io.WriteString(p, text)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.True(t, done, "no part %s", part)
	return out.Bytes()
}

func code(t testing.TB, err error) *errs.Code {
	t.Helper()
	var e *errs.Error
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.Text())
	return e.Code
}
