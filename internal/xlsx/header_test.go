package xlsx_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/errs"
	"jishan/internal/xlsx"
)

func csvTable(t testing.TB, text string) (*xlsx.Table, error) {
	t.Helper()
	f, err := xlsx.OpenBytes([]byte(text), xlsx.DefaultLimits())
	require.NoError(t, err)
	return f.Table("", people)
}

func TestMissingColumnsAreListed(t *testing.T) {
	_, err := csvTable(t, "手机号,出生日期\n1,2\n")
	require.Equal(t, xlsx.ErrColumns, code(t, err))
	e := errs.From(err)
	require.Equal(t, "缺少 「姓名」「积分」 这些列，请补上后再上传", e.Text())
	require.Equal(t, []errs.Field{{Path: "姓名", Text: "缺少这一列"}, {Path: "积分", Text: "缺少这一列"}}, e.Fields)

	for _, text := range []string{"", "\n\n", "甲,乙\n1,2\n"} {
		_, err = csvTable(t, text)
		require.Equal(t, xlsx.ErrColumns, code(t, err))
		require.Contains(t, errs.From(err).Text(), "没有找到表头：需要有 「姓名」「积分」")
	}
	_, err = csvTable(t, strings.Repeat("标题\n", 30)+"姓名,积分\n")
	require.Equal(t, xlsx.ErrColumns, code(t, err), "too far down")
}

func TestDoubledColumns(t *testing.T) {
	_, err := csvTable(t, "姓名,积分,姓 名\n甲,1,乙\n")
	require.Equal(t, xlsx.ErrColumns, code(t, err))
	require.Contains(t, errs.From(err).Text(), "「姓名」 这些列出现了不止一次")

	table, err := csvTable(t, "户主姓名,姓名,积分,电话（座机）,联系电话\n户主,甲,1,2,3\n")
	require.NoError(t, err, "a better name wins over a synonym")
	r := all(t, table)[0]
	require.Equal(t, "甲", r.Get("name"))
	require.Equal(t, "3", r.Get("phone"))
}

func TestHeaderInTwoRows(t *testing.T) {
	f, s := book(t,
		[]any{"名册"},
		[]any{"户号", "成员", nil, "积分"},
		[]any{nil, "姓名", "手机号"},
		[]any{"H-1", "甲", "1", 5},
	)
	for _, m := range [][2]string{{"A1", "D1"}, {"A2", "A3"}, {"B2", "C2"}, {"D2", "D3"}} {
		require.NoError(t, f.MergeCell(s, m[0], m[1]))
	}
	table, rows := open(t, packed(t, f), people)
	require.Equal(t, 3, table.HeaderRow)
	require.Len(t, rows, 1)
	require.Equal(t, "H-1", rows[0].Get("house"))
	require.Equal(t, "甲", rows[0].Get("name"))
	require.EqualValues(t, 5, rows[0].Int("points"))
}

func TestFindsTheRightSheet(t *testing.T) {
	f, _ := book(t, []any{"封面"})
	for _, name := range []string{"说明", "名册", "旧名册"} {
		_, err := f.NewSheet(name)
		require.NoError(t, err)
	}
	require.NoError(t, f.SetSheetRow("说明", "A1", &[]any{"姓名"}))
	require.NoError(t, f.SetSheetRow("名册", "A1", &[]any{"姓名", "积分"}))
	require.NoError(t, f.SetSheetRow("名册", "A2", &[]any{"甲", 1}))
	require.NoError(t, f.SetSheetRow("旧名册", "A1", &[]any{"姓名", "积分"}))
	require.NoError(t, f.SetSheetVisible("旧名册", false))
	file, err := xlsx.OpenBytes(packed(t, f), xlsx.DefaultLimits())
	require.NoError(t, err)
	require.Equal(t, []string{"Sheet1", "说明", "名册"}, file.Sheets())
	table, err := file.Table("", people)
	require.NoError(t, err)
	require.Equal(t, "名册", table.Sheet)
	_, err = file.Table("旧名册", people)
	require.NoError(t, err, "a hidden sheet can be named")
	_, err = file.Table("别的", people)
	require.Equal(t, xlsx.ErrNoSheet, code(t, err))
	_, err = file.Table("", append([]xlsx.Column{{Key: "x", Header: "没有的列", Required: true}}, people...))
	require.Equal(t, "工作表“名册”缺少 「没有的列」 这些列，请补上后再上传", errs.From(err).Text())
}

// Any order of columns, with any decoration of headers, reads the same.
func TestHeaderProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		order := rapid.Permutation([]int{0, 1, 2, 3}).Draw(rt, "order")
		names := []string{"姓名", "手机号", "积分", "出生日期"}
		values := []string{"甲", "13800138000", "7", "2024-01-05"}
		var head, row []string
		for _, i := range order {
			h := strings.Join(strings.Split(names[i], ""), rapid.SampledFrom([]string{"", " ", "　"}).Draw(rt, "gap"))
			h = rapid.SampledFrom([]string{"", "*", "＊", " "}).Draw(rt, "before") + h +
				rapid.SampledFrom([]string{"", "（必填）", "(选填)", "：", "（某种说明）", "【必填】"}).Draw(rt, "after")
			head, row = append(head, h), append(row, values[i])
			if rapid.Bool().Draw(rt, "unknown") {
				head, row = append(head, "其他"), append(row, "x")
			}
		}
		titles := strings.Repeat("标题\n", rapid.IntRange(0, 5).Draw(rt, "titles"))
		table, err := csvTable(t, titles+strings.Join(head, ",")+"\n"+strings.Join(row, ",")+"\n")
		require.NoError(rt, err)
		rows := all(t, table)
		require.Len(rt, rows, 1)
		for i, key := range []string{"name", "phone", "points", "born"} {
			require.Equal(rt, values[i], rows[0].Get(key))
		}
	})
}

func FuzzHeader(f *testing.F) {
	for _, s := range []string{"姓名,积分\n甲,1\n", "＊姓 名（必填）\t积　分\n\n甲\t1", "\"姓\n名\";积分\n", "((,[,*,姓名", "姓名(", ",,,\n,户号\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := xlsx.OpenBytes([]byte(text), xlsx.Limits{Bytes: 1 << 16, Unpacked: 1 << 20, Rows: 50, Columns: 20, Cell: 50})
		if err != nil {
			code(t, err)
			return
		}
		table, err := file.Table("", people)
		if err != nil {
			code(t, err)
			return
		}
		require.True(t, table.Has("name") && table.Has("points"), "a table without its required columns was accepted")
		last := table.HeaderRow
		for r, err := range table.Rows() {
			if err != nil {
				code(t, err)
				return
			}
			require.Greater(t, r.Number, last)
			last = r.Number
			r.Need("name")
			r.Decimal("points")
			r.Day("born")
			r.Int("phone")
			r.Get("house")
		}
	})
}
