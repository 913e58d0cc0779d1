package rule

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/errs"
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
		{Category: "人居环境", Item: "没有类别的", Subject: Household, Spec: Spec{Shape: Range, Min: 200, Max: 500}},
		{Category: "人居环境", Item: "乱倒垃圾", Subject: Household, Spec: Spec{Shape: Fixed, Points: -300, CapText: "由村委会定"}},
		{Category: "人居环境", Item: "捐款", Subject: Household, Spec: Spec{Shape: Amount, Unit: "元", Bands: []Band{{Each: 10000, Points: 100}}, Caps: []Cap{{Per: PerYear, Points: 5000}}}},
		{Category: "人居环境", Item: "散养（第一次）", Subject: Household, Spec: Spec{Shape: Fixed, Points: -500, Kind: "累次加重"}},
		{Category: "人居环境", Item: "养狗不拴", Subject: Household, Spec: Spec{Shape: Escalate, Caps: []Cap{{Per: PerDay, Times: 1}},
			Steps: []Step{{Points: -500}, {Points: -1000}, {Points: -1500}}}},
	}, inputs)
	var notes []string
	for _, n := range report.Notes {
		notes = append(notes, string(n.Outcome)+" "+n.Text)
	}
	require.Equal(t, []string{
		"check 类别空着的行按上一行的类别“人居环境”导入，后面的也一样，请核对",
		"partial 上限中的「由村委会定」还不能自动控制，其余内容已导入，登记时请人工把关；请写成如 每日最多1次；每月最多20分",
		"left_out 没有导入：「积分标准」没有填分值，" + howToWrite,
		"left_out 没有导入：「积分标准」分值「视情况而定」无法识别，" + howToWrite,
		"partial 没有找到配套的“第一次、第二次……”各行，不能逐次加重，已按固定分值 -5 导入",
		"left_out 没有导入：这是村民积分细则，计分对象应是户或个人",
		"left_out 没有导入：「对象」「大家」无法识别，请填“户”“个人”“户主”“每名成员”“个人和户”或“党员”",
	}, notes)
}

func TestExportedSheetGivesAnEqualBook(t *testing.T) {
	for _, b := range realBooks {
		inputs, _ := readBook(t, realBook(t, b.name), b.asset)
		roundTrip(t, asRules(inputs), Terms{}, b.asset)
	}
	odd := []Rule{
		{Code: "A-1", Category: "甲", Item: "区间", Subject: Household, Spec: Spec{Shape: Range, Min: -50, Max: -1050, Step: 50, Caps: []Cap{{Per: PerWeek, Times: 2}, {Per: PerQuarter, Times: 3, Points: 4050}}}},
		{Code: "A-2", Category: "甲", Item: "无字累次", Subject: Person, Spec: Spec{Shape: Escalate, Per: PerMonth, Steps: []Step{{Points: 100}, {Points: 250}}}},
		{Code: "A-3", Category: "甲", Item: "有字累次", Subject: Person, Spec: Spec{Shape: Escalate, Per: PerEver, Steps: []Step{{-100, "（第1次）"}, {-200, "（第2次起）"}}}},
		{Code: "A-4", Category: "乙", Item: "=1+1", Subject: Household, Spec: Spec{Shape: Fixed, Points: 10, CapText: "看情况；每日最多1次", Caps: []Cap{{Per: PerDay, Times: 1}}, Kind: "阶梯"}},
	}
	roundTrip(t, odd, exampleTerms, ledger.Points)
	roundTrip(t, examples(ledger.Points), Terms{}, ledger.Points)
	roundTrip(t, examples(ledger.PartyScore), Terms{}, ledger.PartyScore)
}

func roundTrip(t require.TestingT, rules []Rule, terms Terms, asset ledger.Asset) {
	var file bytes.Buffer
	require.NoError(t, writeBook(&file, Book{Name: "细则", Asset: asset}, terms, rules))
	comesIn(t, file.Bytes(), rules, terms, asset)
}

func comesIn(t require.TestingT, file []byte, rules []Rule, terms Terms, asset ledger.Asset) {
	inputs, report, err := openSheet(bytes.NewReader(file), Book{Asset: asset})
	if err != nil {
		require.NoError(t, err, "%+v %+v", errs.From(err).Fields, rules)
	}
	require.Equal(t, terms, report.Terms)
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
	for asset, n := range map[ledger.Asset]int{ledger.Points: 20, ledger.PartyScore: 20} {
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

// The words of other real books: one column for what is added and one for what is taken, points within the text of the rule,
// tiers and bands on rows of their own, remarks that are caps, limits over everything.
func TestSheetsAsOtherVillagesWriteThem(t *testing.T) {
	for _, c := range []struct {
		name, sheet string
		asset       ledger.Asset
		want, notes []string
		terms       Terms
	}{
		{name: "文登居民: tiers and donations row by row, +5 under 加减分", asset: ledger.Points, sheet: `附件1,,,,
评价类别,评价标准,加减分,备注,考核对象
志愿服务,参加志愿服务时间累计达到 10 小时,+2,,居民
,参加志愿服务时间累计达到 20 小时,+5,,居民
,参加志愿服务时间累计达到 50 小时,+10,,居民
社会公益,捐款100—1000元的，每100元加1分,+10,捐款每年最多加40分,居民
,无偿献血的,+10,每次,居民
社区管理,不按规定停放车辆,-10,,居民
`, want: []string{"志愿服务|参加志愿服务|累计满10得2；满20得5；满50得10|小时||个人", "社会公益|捐款100—1000元的，每100元加1分|10|||个人", "社会公益|无偿献血的|10|||个人", "社区管理|不按规定停放车辆|-10|||个人"},
			notes: []string{"combined", "check", "combined", "combined", "check"}},
		{name: "住户: 一人次加5分 in a list of its own", asset: ledger.Points, sheet: `序号,类别,内容,加分,扣分,频次
1,荣誉,家庭或家庭成员获得国家级表彰,一次加50分,,
2,,成为致富带头人,一个年度加10分,,
3,,参加社区环境卫生整治,一人次加5分,,每户每月最高10分
4,失信,乱倒垃圾,,第一次扣2分；第二次扣5分,
5,,聚众赌博,,取消当年和次年积分兑换资格,
6,,两样都有,5,3,
`, want: []string{"荣誉|家庭或家庭成员获得国家级表彰|50|||户", "荣誉|成为致富带头人|10|每年度|每年最多1次|户", "荣誉|参加社区环境卫生整治|5||每月最多10分|户", "失信|乱倒垃圾|-2/-5|||户", "失信|聚众赌博|取消当年和次年积分兑换资格|||户"},
			notes: []string{"check", "check", "check", "left_out"}},
		{name: "余姚: points within the text", asset: ledger.Points, sheet: `项目,标准内容,得分
遵纪守法,自觉维护村庄环境秩序，如有乱搭乱建每类扣1分,
,参加村民大会、村务监督等，每次积2分,
,捐资助学（每次加10分）,
,没有说多少分,
`, want: []string{"遵纪守法|自觉维护村庄环境秩序，如有乱搭乱建每类扣1分|-1|||户", "遵纪守法|参加村民大会、村务监督等，每次积2分|2|每次||户", "遵纪守法|捐资助学（每次加10分）|10|每次||户"},
			notes: []string{"check", "check", "check", "check", "left_out"}},
		{name: "limits over a category and the book, own rules", asset: ledger.Points, sheet: `类别,条目,分值,上限,类型,对象
环境,庭院整洁,10,每日最多1次；本类每月最多30分,,户
环境,义务清扫,每人每小时0.5分,各类合计每户每月最高100分,,每名成员
,全书合计,,每年最多1000分,总上限,
,村自设条目,,最多5条；每次最多2分,自设条目,
,全书合计,,看情况,总上限,
`, want: []string{"环境|庭院整洁|10||每日最多1次|户", "环境|义务清扫|每1计0.5|小时||每名成员"},
			notes: []string{"check", "check", "left_out"},
			terms: Terms{Limits: []Limit{{"环境", Cap{Per: PerMonth, Points: whole(30)}}, {"", Cap{Per: PerMonth, Points: whole(100)}}, {"", Cap{Per: PerYear, Points: whole(1000)}}},
				Own: Own{Rules: 5, Points: whole(2)}}},
		{name: "东阳: party members, base points, levels, a cap without a stretch", asset: ledger.PartyScore, sheet: `板块,考核内容,赋分标准,最高分,计分方式
基础,党员基础积分,100,,基础分
先锋,在三改一拆中起重要作用,每项加5~10分,20,
纪律,受党纪处分,警告扣50分；严重警告扣70分,,
纪律,违章搭建逾期不拆,扣10分，再犯加倍,,
纪律,开除党籍,一票否决，定为不合格,,
`, want: []string{"基础|党员基础积分|100|||党员", "先锋|在三改一拆中起重要作用|5～10||20|党员", "纪律|受党纪处分|警告：-50；严重警告：-70|||党员", "纪律|违章搭建逾期不拆|-10，再犯加倍|||党员", "纪律|开除党籍|一票否决，定为不合格|||党员"},
			notes: []string{"partial"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inputs, report := readBook(t, []byte(c.sheet), c.asset)
			var got, notes []string
			for _, in := range inputs {
				caps := in.Spec.CapText
				if caps == "" {
					caps = FormatCaps(in.Spec.Caps)
				}
				got = append(got, strings.Join([]string{in.Category, in.Item, in.Spec.Text(), in.Spec.Unit, caps, subjectName(in.Subject, in.Spec.Credit)}, "|"))
			}
			for _, n := range report.Notes {
				notes = append(notes, string(n.Outcome))
			}
			require.Equal(t, c.want, got)
			require.Equal(t, c.notes, notes, "%+v", report.Notes)
			require.Equal(t, c.terms, report.Terms)
			roundTrip(t, asRules(inputs), report.Terms, c.asset)
		})
	}
}

// Whatever rule a book can hold, its sheet says it, and is read back as the same rule.
func TestEveryRuleComesOutAndInAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRule(t)
		r.Code, r.Subject = "001", Person
		s := &r.Spec
		s.Evidence = rapid.SampledFrom([]string{"", "照片", "2张照片，每次"}).Draw(t, "evidence")
		s.Remark = rapid.SampledFrom([]string{"", "由村委会认定"}).Draw(t, "remark")
		s.Unit = rapid.SampledFrom([]string{"", "每次", "小时", "元", "每户"}).Draw(t, "unit")
		s.Credit = rapid.SampledFrom([]Credit{CreditSubject, CreditHead, CreditMembers}).Draw(t, "credit")
		s.ScoreOnly = rapid.Bool().Draw(t, "score only")
		if s.Shape != Base && rapid.Bool().Draw(t, "grouped") {
			s.Group = "学生表彰"
			s.GroupPer = rapid.SampledFrom([]Per{"", PerDay, PerYear, PerEver}).Draw(t, "group per")
		}
		if rapid.IntRange(0, 9).Draw(t, "grade") == 0 {
			r.Spec = Spec{Shape: Grade, Lowers: rapid.Bool().Draw(t, "lowers"), Veto: rapid.Bool().Draw(t, "veto"), Grade: rapid.SampledFrom([]string{"", "不合格", "C级"}).Draw(t, "grade name")}
		}
		require.NoError(t, r.Spec.Validate())
		var file bytes.Buffer // as CSV, for writing workbooks takes long
		w := csv.NewWriter(&file)
		var header []string
		for _, h := range heads(ledger.Points) {
			header = append(header, h.Header)
		}
		require.NoError(t, w.Write(header))
		for _, cells := range r.lines() {
			var line []string
			for _, c := range cells {
				line = append(line, fmt.Sprint(c))
			}
			require.NoError(t, w.Write(line))
		}
		w.Flush()
		comesIn(t, file.Bytes(), []Rule{r}, Terms{}, ledger.Points)
	})
}
