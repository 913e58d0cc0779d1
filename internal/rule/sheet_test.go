package rule

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/xlsx"
)

// testdata holds three real books as their villages published them.
func realBook(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return b
}

// asExcel makes the CSV of a real book into a workbook as a village keeps it: a title row and Chinese headers.
func asExcel(t *testing.T, file []byte) []byte {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	require.NoError(t, err)
	var heads []xlsx.Head
	for _, h := range []string{"类别", "条目", "分值", "单位", "上限", "计分对象", "佐证", "方向", "类型"} {
		heads = append(heads, xlsx.Head{Header: h})
	}
	var out bytes.Buffer
	require.NoError(t, xlsx.Write(&out, xlsx.Book{Sheets: []xlsx.Sheet{{Name: "积分", Title: "某村积分细则", Heads: heads, Rows: func(yield func([]any) bool) {
		for _, r := range records[1:] {
			row := make([]any, len(r))
			for i, v := range r {
				row[i] = v
				if i == 2 {
					row[i] = xlsx.Number(v)
				}
			}
			if !yield(row) {
				return
			}
		}
	}}}}))
	return out.Bytes()
}

func readBook(t *testing.T, file []byte, asset ledger.Asset) ([]Input, Report) {
	t.Helper()
	inputs, report, err := openSheet(bytes.NewReader(file), Book{Asset: asset})
	require.NoError(t, err)
	return inputs, report
}

var realBooks = []struct {
	name        string
	asset       ledger.Asset
	rows, rules int
}{
	{"rulebook-luoyu.csv", ledger.Points, 28, 28},
	{"rulebook-longsheng.csv", ledger.Points, 63, 61},
	{"rulebook-party-wendeng.csv", ledger.PartyScore, 35, 35},
}

func TestRealBooksComeInWhole(t *testing.T) {
	for _, b := range realBooks {
		file := realBook(t, b.name)
		inputs, report := readBook(t, file, b.asset)
		require.Equal(t, b.rows, report.Rows, b.name)
		require.Len(t, inputs, b.rules, b.name)
		require.Zero(t, report.LeftOut(), b.name)

		fromExcel, excelReport := readBook(t, asExcel(t, file), b.asset)
		require.Equal(t, inputs, fromExcel, b.name)
		require.Equal(t, len(report.Notes), len(excelReport.Notes), b.name)

		// Every row of the file, and nothing else, comes out again.
		records, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
		require.NoError(t, err)
		var want, got []string
		for _, r := range records[1:] {
			want = append(want, strings.Join(r[:7], "|"))
		}
		for i, r := range asRules(inputs) {
			for _, l := range r.lines() {
				number, _ := l[3].(xlsx.Number)
				got = append(got, strings.Join([]string{l[1].(string), l[2].(string), string(number), l[4].(string), l[5].(string), l[6].(string), l[7].(string)}, "|"))
			}
			require.NoError(t, r.Spec.Validate(), i)
		}
		require.Equal(t, want, got, b.name)
	}
}

func asRules(inputs []Input) []Rule {
	return (&known{codes: map[string]id.ID{}, words: map[string][]string{}, next: 1}).assign(Book{}, 1, inputs, map[string]bool{})
}

func TestRealBooksReport(t *testing.T) {
	_, report := readBook(t, realBook(t, "rulebook-luoyu.csv"), ledger.Points)
	require.Empty(t, report.Notes)

	inputs, report := readBook(t, realBook(t, "rulebook-longsheng.csv"), ledger.Points)
	require.Len(t, report.Notes, 3)
	for i, n := range report.Notes {
		require.Equal(t, 44+i, n.Row)
		require.Equal(t, Combined, n.Outcome)
	}
	require.Equal(t, "第 44、45、46 行合并为一条“家禽散养”，第 2 次计 −15", report.Notes[1].Text)
	i := slices.IndexFunc(inputs, func(in Input) bool { return in.Item == "家禽散养" })
	require.Equal(t, []Step{{-800, "（第一次发现）"}, {-1500, "（第二次发现）"}, {-2000, "（第三次及以上）"}}, inputs[i].Spec.Steps)
	require.Equal(t, []Cap{{Per: PerDay, Times: 1}}, inputs[i].Spec.Caps)
	require.Equal(t, Household, inputs[i].Subject)
	i = slices.IndexFunc(inputs, func(in Input) bool {
		return strings.HasPrefix(in.Item, "积极参与村里组织的公共环境整治")
	})
	require.Equal(t, []Cap{{Per: PerDay, Times: 1}, {Per: PerMonth, Times: 4}}, inputs[i].Spec.Caps)

	inputs, report = readBook(t, realBook(t, "rulebook-party-wendeng.csv"), ledger.PartyScore)
	require.Len(t, report.Notes, 3)
	require.Equal(t, []Outcome{Partial, Check, Partial}, []Outcome{report.Notes[0].Outcome, report.Notes[1].Outcome, report.Notes[2].Outcome})
	require.Equal(t, 12, report.Notes[0].Row)
	require.Contains(t, report.Notes[1].Text, "与第 13 行的条目相同（分值不同）")
	require.Equal(t, Spec{Shape: Grade, Lowers: true, Subject: ""}, inputs[10].Spec)
}

func TestSheetOfAVillage(t *testing.T) {
	sheet := `某村积分细则,,,,,
分类,积分事项,积分标准,频次限制,对象,计分方式
人居环境,院子干净,5分,每周1次,每户,
,没有类别的,2～5,,户,
人居环境,乱倒垃圾,扣3分,由村委会定,户,固定
人居环境,没有分值的,,,户,
人居环境,看不懂分值,视情况而定,,户,
人居环境,捐款,1,每年最多50分,户,每百元计分
人居环境,散养（第一次）,-5,,户,累次加重
人居环境,养狗不拴,-5/-10/-15,每日最多1次,户,累次加重
党员,参加党课,5,,党员,
人居环境,不知给谁,5,,大家,
`
	inputs, report := readBook(t, []byte(sheet), ledger.Points)
	require.Equal(t, 10, report.Rows)
	require.Equal(t, 6, report.Rules)
	require.Equal(t, []Input{
		{Category: "人居环境", Item: "院子干净", Subject: Household, Spec: Spec{Shape: Fixed, Points: 500, Caps: []Cap{{Per: PerWeek, Times: 1}}, Subject: "每户"}},
		{Category: "未分类", Item: "没有类别的", Subject: Household, Spec: Spec{Shape: Range, Min: 200, Max: 500}},
		{Category: "人居环境", Item: "乱倒垃圾", Subject: Household, Spec: Spec{Shape: Fixed, Points: -300, CapText: "由村委会定"}},
		{Category: "人居环境", Item: "捐款", Subject: Household, Spec: Spec{Shape: Fixed, Points: 100, Caps: []Cap{{Per: PerYear, Points: 5000}}, Kind: "每百元计分"}},
		{Category: "人居环境", Item: "散养（第一次）", Subject: Household, Spec: Spec{Shape: Fixed, Points: -500, Kind: "累次加重"}},
		{Category: "人居环境", Item: "养狗不拴", Subject: Household, Spec: Spec{Shape: Escalate, Caps: []Cap{{Per: PerDay, Times: 1}},
			Steps: []Step{{Points: -500}, {Points: -1000}, {Points: -1500}}}},
	}, inputs)
	var notes []string
	for _, n := range report.Notes {
		notes = append(notes, string(n.Outcome)+" "+n.Text)
	}
	require.Equal(t, []string{
		"partial 上限中的「由村委会定」还不能自动控制，其余内容已导入，登记时请人工把关",
		"left_out 没有导入：「积分标准」没有填分值",
		"left_out 没有导入：「积分标准」分值「视情况而定」无法识别，请填数字（最多两位小数）、区间如 2～5，或累次加重如 -8/-15/-20",
		"partial 类型「每百元计分」现在还不能自动计算，已先按固定分值 1 导入，登记时请人工核对",
		"partial 没有找到配套的“第一次、第二次……”各行，不能逐次加重，已按固定分值 -5 导入",
		"left_out 没有导入：这是村民积分细则，计分对象应是户或个人",
		"left_out 没有导入：「对象」「大家」无法识别，请填“户”“个人”或“党员”",
	}, notes)
}

func TestExportedSheetGivesAnEqualBook(t *testing.T) {
	for _, b := range realBooks {
		inputs, _ := readBook(t, realBook(t, b.name), b.asset)
		roundTrip(t, asRules(inputs), b.asset)
	}
	odd := []Rule{
		{Code: "A-1", Category: "甲", Item: "区间", Subject: Household, Spec: Spec{Shape: Range, Min: -50, Max: -1050, Step: 50, Caps: []Cap{{Per: PerWeek, Times: 2}, {Per: PerQuarter, Times: 3, Points: 4050}}}},
		{Code: "A-2", Category: "甲", Item: "无字累次", Subject: Person, Spec: Spec{Shape: Escalate, Per: PerMonth, Steps: []Step{{Points: 100}, {Points: 250}}}},
		{Code: "A-3", Category: "甲", Item: "有字累次", Subject: Person, Spec: Spec{Shape: Escalate, Per: PerEver, Steps: []Step{{-100, "（第1次）"}, {-200, "（第2次起）"}}}},
		{Code: "A-4", Category: "乙", Item: "=1+1", Subject: Household, Spec: Spec{Shape: Fixed, Points: 10, CapText: "看情况；每日最多1次", Caps: []Cap{{Per: PerDay, Times: 1}}, Kind: "阶梯"}},
	}
	roundTrip(t, odd, ledger.Points)
}

func roundTrip(t *testing.T, rules []Rule, asset ledger.Asset) {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, writeBook(&file, Book{Name: "细则", Asset: asset}, rules))
	inputs, _ := readBook(t, file.Bytes(), asset)
	var want []Input
	for _, r := range rules {
		want = append(want, Input{Code: r.Code, Category: r.Category, Item: r.Item, Subject: r.Subject, Spec: r.Spec})
	}
	require.Equal(t, want, inputs)
}

func TestBuiltinBooksAreClean(t *testing.T) {
	for _, b := range Builtins() {
		file, err := builtinFiles.ReadFile("builtin/" + b.Key + ".csv")
		require.NoError(t, err)
		inputs, report := readBook(t, file, b.Asset)
		require.GreaterOrEqual(t, len(inputs), 28)
		for _, n := range report.Notes {
			require.True(t, n.Outcome == Combined || n.Outcome == Partial && strings.HasPrefix(n.Text, "直接定级"), "%s: %+v", b.Key, n)
		}
		for _, real := range realBooks {
			text := string(realBook(t, real.name))
			for _, in := range inputs {
				require.False(t, strings.Contains(text, ","+in.Item+","), "%s copied from %s", in.Item, real.name)
			}
		}
	}
}

func TestTemplateExamplesCanBeImported(t *testing.T) {
	for asset, n := range map[ledger.Asset]int{ledger.Points: 5, ledger.PartyScore: 6} {
		var file bytes.Buffer
		require.NoError(t, Template(&file, asset))
		_, _, err := openSheet(bytes.NewReader(file.Bytes()), Book{Asset: asset})
		require.ErrorIs(t, err, ErrEmptySheet, "an unfilled template must not import its examples")
		f, err := xlsx.OpenBytes(file.Bytes(), xlsx.DefaultLimits())
		require.NoError(t, err)
		table, err := f.Table("填写示例", sheetColumns)
		require.NoError(t, err)
		inputs, report, err := readSheet(table, asset)
		require.NoError(t, err)
		require.Zero(t, report.LeftOut())
		require.Len(t, inputs, n)
	}
}

func TestStoredSpecsAreReadStrictly(t *testing.T) {
	for _, s := range []string{
		``, `null`, `{}`, `{"shape":"fixed"}`, `{"shape":"fixed","points":5,"more":1}`, `{"shape":"fixed","points":5} {}`, `{"shape":"fixed","points":5,"min":1}`,
		`{"shape":"range","min":1,"max":-2}`, `{"shape":"range","min":3,"max":2}`, `{"shape":"escalate","steps":[{"points":1}]}`,
		`{"shape":"escalate","steps":[{"points":1},{"points":-1}]}`, `{"shape":"fixed","points":5,"caps":[{"per":"day"}]}`,
		`{"shape":"fixed","points":5,"caps":[{"per":"month","times":1},{"per":"day","times":1}]}`, `{"shape":"fixed","points":1.234}`, `{"shape":"tiers"}`,
		`{"shape":"fixed","points":5,"caps":[{"per":"day","times":-1}]}`, `{"shape":"fixed","points":9999999}`,
	} {
		_, err := ParseSpec([]byte(s))
		require.ErrorIs(t, err, ErrSpec, s)
	}
	spec, err := ParseSpec([]byte(`{"shape":"fixed","points":0.5,"caps":[{"per":"day","times":1}]}`))
	require.NoError(t, err)
	require.Equal(t, Spec{Shape: Fixed, Points: 50, Caps: []Cap{{Per: PerDay, Times: 1}}}, spec)
}
