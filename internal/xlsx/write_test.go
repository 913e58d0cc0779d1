package xlsx_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"jishan/internal/cal"
	"jishan/internal/xlsx"
)

func written(t testing.TB, b xlsx.Book) ([]byte, *excelize.File) {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, xlsx.Write(&out, b))
	f, err := excelize.OpenReader(bytes.NewReader(out.Bytes()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return out.Bytes(), f
}

func TestWriteAndReadBack(t *testing.T) {
	heads := []xlsx.Head{
		{Header: "姓名", Required: true}, {Header: "手机号", Width: 20}, {Header: "积分", Kind: xlsx.Amount},
		{Header: "出生日期", Kind: xlsx.Date}, {Header: "户号"},
	}
	b, f := written(t, xlsx.Book{Sheets: []xlsx.Sheet{
		{Name: "名册:一/二", Title: "芷溪村名册", Heads: heads, Rows: slices.Values([][]any{
			{"张三", "013800138000", xlsx.Number("12.5"), cal.Day(20240105), "H-1"},
			{"李<四>&\x01", nil, xlsx.Number(""), cal.Day(0), 7},
			{"王五", "x", xlsx.Number("-0.1"), cal.Day(19000228), true},
			{"赵六", "x", int64(5)},
		})},
		{Name: "空", Heads: heads},
	}})
	require.Equal(t, []string{"名册：一／二", "空"}, f.GetSheetList())
	panes, err := f.GetPanes("名册：一／二")
	require.NoError(t, err)
	require.True(t, panes.Freeze)
	require.Equal(t, 2, panes.YSplit)
	width, err := f.GetColWidth("名册：一／二", "B")
	require.NoError(t, err)
	require.Equal(t, 20.0, width)
	merged, err := f.GetMergeCells("名册：一／二")
	require.NoError(t, err)
	require.Len(t, merged, 1)
	shown, err := f.GetCellValue("名册：一／二", "D3")
	require.NoError(t, err)
	require.Equal(t, "2024-01-05", shown, "Excel shows a day")
	typ, err := f.GetCellType("名册：一／二", "C3")
	require.NoError(t, err)
	require.Equal(t, excelize.CellTypeUnset, typ, "a number, not a text")

	table, rows := open(t, b, people)
	require.Equal(t, 2, table.HeaderRow)
	require.Equal(t, "*姓名", table.Headers[0])
	require.Len(t, rows, 4)
	require.Equal(t, "013800138000", rows[0].Get("phone"))
	require.Equal(t, "12.5", rows[0].Decimal("points"))
	require.Equal(t, cal.Day(20240105), rows[0].Day("born"))
	require.Equal(t, "李<四>&", rows[1].Get("name"))
	require.Empty(t, rows[1].Get("points"))
	require.Equal(t, "7", rows[1].Get("house"))
	require.Equal(t, "-0.1", rows[2].Decimal("points"))
	require.Equal(t, cal.Day(19000228), rows[2].Day("born"))
	require.Zero(t, rows[3].Day("born"))
	require.EqualValues(t, 5, rows[3].Int("points"))
}

func TestNoTextBecomesAFormula(t *testing.T) {
	evil := []string{"=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(\"http://x\",\"y\")", "\t=1", "\n=1", "'=1", "=cmd|' /C calc'!A0"}
	var rows [][]any
	for _, s := range evil {
		rows = append(rows, []any{s, "1"})
	}
	b, f := written(t, xlsx.Book{Sheets: []xlsx.Sheet{{
		Name: "表", Title: "=1+1", Heads: []xlsx.Head{{Header: "姓名", Options: []string{"=1+1", "是,否"}}, {Header: "积分"}}, Rows: slices.Values(rows),
	}}})
	for i, s := range evil {
		at := fmt.Sprintf("A%d", i+3)
		formula, err := f.GetCellFormula("表", at)
		require.NoError(t, err)
		require.Empty(t, formula)
		v, err := f.GetCellValue("表", at)
		require.NoError(t, err)
		require.Equal(t, s, v)
		typ, err := f.GetCellType("表", at)
		require.NoError(t, err)
		require.Contains(t, []excelize.CellType{excelize.CellTypeInlineString, excelize.CellTypeSharedString}, typ, s)
	}
	_, read := open(t, b, people)
	require.Equal(t, "=1+1", read[0].Get("name"))
}

func TestFormIsHandedIn(t *testing.T) {
	heads := []xlsx.Head{{Header: "户主", Width: 20}, {Header: "积分", Kind: xlsx.Amount, Width: 10, Sum: true}, {Header: "应付", Kind: xlsx.Money, Width: 10, Sum: true}, {Header: "余额", Kind: xlsx.Amount}}
	form := xlsx.Sheet{Name: "张三'家", Title: "明细", About: []string{"单位：芷溪村", "导出人：王五"}, Heads: heads, Form: true, Rows: slices.Values([][]any{
		{"张三", xlsx.Number("0.1"), xlsx.Number("12.50"), xlsx.Number("3")}, {"李四", xlsx.Number("0.2"), nil, "=1"}, {"王五", 7, xlsx.Number("-0.5")},
	})}
	_, f := written(t, xlsx.Book{Sheets: []xlsx.Sheet{form}})
	name := f.GetSheetList()[0]
	rows, err := f.GetRows(name)
	require.NoError(t, err)
	require.Equal(t, [][]string{{"明细"}, {"单位：芷溪村"}, {"导出人：王五"}, {"户主", "积分", "应付", "余额"}, {"张三", "0.1", "12.50", "3"}, {"李四", "0.2", "", "=1"}, {"王五", "7", "-0.50"}, {"合计", "7.3", "12.00"}}, rows,
		"sums are exact, not 0.30000000000000004")
	for at, right := range map[string]bool{"B5": true, "C5": true, "B8": true, "A5": false, "D6": false} {
		style, err := f.GetCellStyle(name, at)
		require.NoError(t, err)
		s, err := f.GetStyle(style)
		require.NoError(t, err)
		require.Equal(t, right, s.Alignment.Horizontal == "right", at)
		require.NotEmpty(t, s.Border, at)
	}
	require.Equal(t, []excelize.DefinedName{{Name: "_xlnm.Print_Titles", RefersTo: "'张三''家'!$4:$4", Scope: name}}, f.GetDefinedName())
	layout, err := f.GetPageLayout(name)
	require.NoError(t, err)
	require.Equal(t, 9, *layout.Size)
	require.Equal(t, "portrait", *layout.Orientation)
	footer, err := f.GetHeaderFooter(name)
	require.NoError(t, err)
	require.Contains(t, footer.OddFooter, "第 &P 页，共 &N 页")
	panes, err := f.GetPanes(name)
	require.NoError(t, err)
	require.Equal(t, 4, panes.YSplit)

	form.Heads = append(slices.Clone(heads), xlsx.Head{Header: "为什么", Width: 60})
	_, f = written(t, xlsx.Book{Sheets: []xlsx.Sheet{form}})
	layout, err = f.GetPageLayout(name)
	require.NoError(t, err)
	require.Equal(t, "landscape", *layout.Orientation, "a wide table lies on its side")

	form.Rows = slices.Values([][]any{{"张三", xlsx.Number("0.125")}})
	require.ErrorContains(t, xlsx.Write(&bytes.Buffer{}, xlsx.Book{Sheets: []xlsx.Sheet{form}}), "two decimal places")
}

func TestTemplate(t *testing.T) {
	kinds := []string{"加分", "扣分"}
	var long []string
	for i := range 100 {
		long = append(long, fmt.Sprintf("芷溪村第%d村民小组", i+1))
	}
	var out bytes.Buffer
	require.NoError(t, xlsx.WriteTemplate(&out, xlsx.Template{
		Name: "积分登记",
		Heads: []xlsx.Head{
			{Header: "姓名", Required: true, Note: "与名册一致"}, {Header: "积分", Kind: xlsx.Amount, Required: true},
			{Header: "加减", Options: kinds}, {Header: "小组", Options: long},
		},
		Notes:    []string{"一行一人。"},
		Examples: [][]any{{"张三", xlsx.Number("5"), "加分", "芷溪村第1村民小组"}},
	}))
	f, err := excelize.OpenReader(bytes.NewReader(out.Bytes()))
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, []string{"积分登记", "选项", "填写说明", "填写示例"}, f.GetSheetList())
	visible, err := f.GetSheetVisible("选项")
	require.NoError(t, err)
	require.False(t, visible)
	lists, err := f.GetDataValidations("积分登记")
	require.NoError(t, err)
	require.Len(t, lists, 2)
	require.Equal(t, "C2:C5001", lists[0].Sqref)
	require.Equal(t, "选项!$A$1:$A$2", lists[0].Formula1)
	require.Equal(t, "选项!$B$1:$B$100", lists[1].Formula1)
	v, err := f.GetCellValue("选项", "B100")
	require.NoError(t, err)
	require.Equal(t, long[99], v)
	notes, err := f.GetRows("填写说明")
	require.NoError(t, err)
	require.Equal(t, []string{"姓名", "必填", "与名册一致"}, notes[1])
	require.Equal(t, []string{"加减", "选填", "", "加分、扣分"}, notes[3])
	require.Equal(t, []string{"注意 1", "", "一行一人。"}, notes[5])

	table, rows := open(t, out.Bytes(), people)
	require.Equal(t, "积分登记", table.Sheet, "an empty template is taken for the sheet to be filled in, not its examples")
	require.Empty(t, rows)
}

func TestReportCanBeMendedAndSentAgain(t *testing.T) {
	f, _ := book(t,
		[]any{"标题"},
		[]any{"备注", "姓名", "积分", "出生日期"},
		[]any{"=好", "甲", 1, "2024年1月5日"},
		[]any{"", "", "x", "2024-1-5"},
		[]any{"无", "丙", 0.5, "没有"},
	)
	table, rows := open(t, packed(t, f), people)
	var bad []*xlsx.Row
	for _, r := range rows {
		r.Need("name")
		r.Decimal("points")
		r.Day("born")
		if !r.OK() {
			bad = append(bad, r)
		}
	}
	require.Len(t, bad, 2)
	var out bytes.Buffer
	require.NoError(t, xlsx.WriteReport(&out, table, bad))
	x, err := excelize.OpenReader(bytes.NewReader(out.Bytes()))
	require.NoError(t, err)
	defer x.Close()
	got, err := x.GetRows("需要改正的行")
	require.NoError(t, err)
	require.Equal(t, [][]string{
		{"原行号", "备注", "姓名", "积分", "出生日期", "问题"},
		{"4", "", "", "x", "2024-1-5", "「姓名」不能为空；「积分」“x”不是数字"},
		{"5", "无", "丙", "0.5", "没有", "「出生日期」“没有”不是日期，请写成 2026-11-23"},
	}, got)

	require.NoError(t, x.SetCellStr("需要改正的行", "E3", "2024-2-1"))
	_, again := open(t, packed(t, x), people)
	require.Equal(t, "丙", again[1].Need("name"))
	require.Equal(t, "0.5", again[1].Decimal("points"))
	require.Equal(t, cal.Day(20240201), again[1].Day("born"))
	require.True(t, again[1].OK())
}

func TestWriteRefuses(t *testing.T) {
	heads := []xlsx.Head{{Header: "甲"}}
	for want, b := range map[string]xlsx.Book{
		"no sheets":           {},
		"twice":               {Sheets: []xlsx.Sheet{{Name: "a", Heads: heads}, {Name: "A", Heads: heads}}},
		"2 values":            {Sheets: []xlsx.Sheet{{Heads: heads, Rows: slices.Values([][]any{{1, 2}})}}},
		`"five" is no number`: {Sheets: []xlsx.Sheet{{Heads: heads, Rows: slices.Values([][]any{{xlsx.Number("five")}})}}},
	} {
		require.ErrorContains(t, xlsx.Write(&bytes.Buffer{}, b), want)
	}
}

func TestLongCellsAreCutNotRefused(t *testing.T) {
	_, f := written(t, xlsx.Book{Sheets: []xlsx.Sheet{{
		Name: strings.Repeat("长", 40), Heads: []xlsx.Head{{Header: "甲"}}, Rows: slices.Values([][]any{{strings.Repeat("字", 40_000)}}),
	}}})
	require.Equal(t, strings.Repeat("长", 31), f.GetSheetList()[0])
	v, err := f.GetCellValue(f.GetSheetList()[0], "A2")
	require.NoError(t, err)
	require.Equal(t, 32_767, len([]rune(v)))
}

// What is written is read, whatever the text.
func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		name := "x" + rapid.StringN(0, 30, -1).Draw(rt, "name") + "x"
		name = strings.Map(func(r rune) rune {
			if r < ' ' || r == '\ufeff' || r == '\ufffe' || r == '\uffff' || r >= '\u200b' && r <= '\u200d' {
				return -1
			}
			return r
		}, strings.ToValidUTF8(name, ""))
		var out bytes.Buffer
		require.NoError(rt, xlsx.Write(&out, xlsx.Book{Sheets: []xlsx.Sheet{{
			Heads: []xlsx.Head{{Header: "姓名"}, {Header: "积分"}}, Rows: slices.Values([][]any{{name, xlsx.Number("1")}}),
		}}}))
		_, rows := open(t, out.Bytes(), people)
		require.Len(rt, rows, 1)
		require.Equal(rt, name, rows[0].Get("name"))
	})
}

func BenchmarkRead10000Rows(b *testing.B) {
	rows := func(yield func([]any) bool) {
		for i := range 10_000 {
			if !yield([]any{fmt.Sprint("人", i), "13800138000", i, cal.Day(20240105), "H-1"}) {
				return
			}
		}
	}
	var out bytes.Buffer
	require.NoError(b, xlsx.Write(&out, xlsx.Book{Sheets: []xlsx.Sheet{{Heads: []xlsx.Head{
		{Header: "姓名"}, {Header: "手机号"}, {Header: "积分", Kind: xlsx.Amount}, {Header: "出生日期", Kind: xlsx.Date}, {Header: "户号"},
	}, Rows: rows}}}))
	b.ReportAllocs()
	for b.Loop() {
		_, got := open(b, out.Bytes(), people)
		require.Len(b, got, 10_000)
	}
}
