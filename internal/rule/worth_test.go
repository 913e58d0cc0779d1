package rule

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/xlsx"
)

// said is what was read, in the words of an export: shape, points, unit, stretch, and, marked, the clauses left for caps.
func (w worth) said() string {
	parts := strings.Fields(ShapeNames[w.Shape] + " " + w.Text())
	if w.Unit != "" {
		parts = append(parts, "单位"+w.Unit)
	}
	for _, c := range w.caps {
		parts = append(parts, "上限"+c)
	}
	if w.odd != "" {
		parts = append(parts, "?")
	}
	return strings.TrimSpace(strings.Join(parts, " "))
}

func TestParsePoints(t *testing.T) {
	for _, c := range []struct {
		text string
		sign int
		kind Shape
		unit string
		want string
	}{
		{text: "5", want: "固定 5"},
		{text: "+5分", want: "固定 5"},
		{text: "0.1", sign: 1, want: "固定 0.1"},
		{text: "5", sign: -1, want: "固定 -5"},
		{text: "−20", sign: -1, want: "固定 -20"},
		{text: "扣 5 积分", want: "固定 -5"},
		{text: "每次2分", want: "固定 2 单位每次"},
		{text: "每次加2分，每月最高10分", want: "固定 2 单位每次 上限每月最高10分"},
		{text: "2分/次", want: "固定 2 单位每次"},
		{text: "一次加50分", want: "固定 50"},
		{text: "每人次加20分", want: "固定 20 单位每人次"},
		{text: "一个年度加10分", want: "固定 10 单位每年度 上限每年最多1次 ?"},
		{text: "两分", want: "固定 2"},
		{text: "5分/月", want: "固定 5 单位每月 上限每月最多1次 ?"},
		{text: "每年加10分", want: "固定 10 单位每年 上限每年最多1次 ?"},
		{text: "每月1次，加3分", want: "固定 3 上限每月1次"},
		{text: "每发现一处扣2分，扣完10分为止", want: "按量 每1计-2 单位处 上限每次最多10分"},
		{text: "每次扣50分，整改前再次发现加倍扣分", want: "再犯加倍 -50，再犯加倍"},
		{text: "降B级", want: "直接定级 定为B级"},
		{text: "2～5", want: "区间 2～5"},
		{text: "2-5分（每0.5分一档）", want: "区间 2～5（每0.5分一档）"},
		{text: "2至5", sign: -1, want: "区间 -2～-5"},
		{text: "-2～-5", want: "区间 -2～-5"},
		{text: "-1-5分", want: "区间 -1～-5 ?"},
		{text: "每项加5~10分", want: "区间 5～10"},
		{text: "5-10分", want: "区间 5～10"},
		{text: "视情节扣1—5分", want: "区间 -1～-5"},
		{text: "酌情扣1至5分不等", want: "区间 -1～-5"},
		{text: "+1至20", want: "区间 1～20"},
		{text: "最高5分", want: "区间 0～5"},
		{text: "扣5分以内", want: "区间 0～-5"},
		{text: "-8/-15/-20", want: "累次加重 -8/-15/-20"},
		{text: "8、15", sign: -1, want: "累次加重 -8/-15"},
		{text: "第一次扣5分,第二次扣10分", want: "累次加重 -5/-10"},
		{text: "首次扣2分；再次扣5分；第三次及以上每次扣10分", want: "累次加重 -2/-5/-10"},
		{text: "发现一次扣5分，二次扣10分，三次扣20分", want: "累次加重 -5/-10/-20"},
		{text: "扣5分，再犯加倍", want: "再犯加倍 -5，再犯加倍"},
		{text: "首次扣5分，再次发现加倍扣分，最多扣40分", want: "再犯加倍 -5，再犯加倍，最多-40"},
		{text: "较轻扣2分、一般扣5分、严重扣10分", want: "分级 较轻：-2；一般：-5；严重：-10"},
		{text: "县级5分，市级10分，省级20分", want: "分级 县级：5；市级：10；省级：20"},
		{text: "一等奖10分/二等奖8分/三等奖5分", want: "分级 一等奖：10；二等奖：8；三等奖：5"},
		{text: "轻微：1～2；严重：5～8", sign: -1, want: "分级 轻微：-1～-2；严重：-5～-8"},
		{text: "情节较轻的扣1-3分，情节较重的扣4-6分", want: "分级 情节较轻：-1～-3；情节较重：-4～-6"},
		{text: "每100元1分", want: "按量 每100计1 单位元"},
		{text: "每捐款100元加1分，每年最多加40分", want: "按量 每100计1 单位元 上限每年最多加40分"},
		{text: "每百元计1分", want: "按量 每100计1 单位元"},
		{text: "每10元加0.1分", want: "按量 每10计0.1 单位元"},
		{text: "每人每小时0.5分", want: "按量 每1计0.5 单位小时"},
		{text: "0.5分/小时", want: "按量 每1计0.5 单位小时"},
		{text: "1分/100元", want: "按量 每100计1 单位元"},
		{text: "每发现一处扣2分，扣完为止", want: "按量 每1计-2 单位处"},
		{text: "捐款100—1000元的，每100元加1分；1001—5000元的，每400元加1分；5001—10000元的，每500元加1分；1万元以上的，每1000元加1分",
			want: "按量 每100计1；1000以上部分每400计1；5000以上部分每500计1；10000以上部分每1000计1 单位元 ?"},
		{text: "每100元1分，超过1000元的部分每100元0.5分", want: "按量 每100计1；1000以上部分每100计0.5 单位元"},
		{text: "每100元1分；满1000元，每100元2分", want: "按量 每100计1；满1000每100计2 单位元"},
		{text: "满100元2分，满500元5分", want: "按量 满100计2；满500计5 单位元"},
		{text: "100—1000元加2分；1001—5000元加5分；1万元以上加10分", want: "按量 满100计2；满1001计5；满10000计10 单位元"},
		{text: "100—200万元10分；200—500万元20分；500万元以上50分", unit: "万元", want: "按量 满100计10；满200计20；满500计50 单位万元"},
		{text: "1", unit: "每100元", want: "按量 每100计1 单位元 ?"},
		{text: "0.5", unit: "小时", want: "按量 每1计0.5 单位小时 ?"},
		{text: "5", unit: "每次", want: "固定 5"},
		{text: "累计满4小时得1分；满10小时得2分；满20小时得5分", want: "累计分档 累计满4得1；满10得2；满20得5 单位小时"},
		{text: "累计达到10小时加2分，达到20小时加5分", want: "累计分档 累计满10得2；满20得5 单位小时"},
		{text: "满4小时1分；满10小时2分", kind: Tiers, want: "累计分档 累计满4得1；满10得2 单位小时"},
		{text: "满分10分，每发现一处扣2分，扣完为止", want: "满分倒扣 满分10，每处-2"},
		{text: "6分，每处扣1分，不计负分", want: "满分倒扣 满分6，每处-1"},
		{text: "基础分100分", want: "基础分 100"},
		{text: "每年每户基础分100分", want: "基础分 100"},
		{text: "1000", kind: Base, want: "基础分 1000"},
		{text: "一票否决", sign: -1, want: "直接定级 一票否决"},
		{text: "直接判为C级", want: "直接定级 定为C级"},
		{text: "一票否决，直接定为不合格", want: "直接定级 一票否决，定为不合格"},
		{text: "取消当年评优资格", want: "直接定级 取消当年评优资格 ?"},
		{text: "主动参加的加5分", want: "固定 5 ?"},
	} {
		t.Run(c.text, func(t *testing.T) {
			w, problem := parseWorth(c.text, c.sign, c.kind, c.unit)
			require.Empty(t, problem)
			require.Equal(t, c.want, w.said())
			require.NoError(t, w.Validate())
		})
	}
	for _, c := range []struct {
		text string
		sign int
		want string
	}{
		{"-5", 1, "方向是加分，分值却是扣分"},
		{"扣5", 1, "方向是加分，分值却是扣分"},
		{"+5", -1, "方向是扣分，分值却是加分"},
		{"-2/5", 0, "同一条的分值不能有正有负"},
		{"0", 0, "分值不能是 0"},
		{"满分10，每处扣2分", -1, "满分倒扣是加分，方向请填“加分”"},
	} {
		_, problem := parseWorth(c.text, c.sign, "", "")
		require.Equal(t, c.want, problem, c.text)
	}
	for _, s := range []string{"", "视情况", "1.234", "1e5", "5+5", "99999999999", "由村委会研究决定", "按有关规定执行", "/", "；"} {
		_, problem := parseWorth(s, 0, "", "")
		require.Contains(t, problem, "无法识别", s)
	}
}

// Whatever a cell holds, what is read of it agrees with the direction and holds together; nothing panics.
func FuzzParsePoints(f *testing.F) {
	for _, s := range []string{"5", "-20", "2～5", "-8/-15/-20", "扣5分", "2-5（每0.5分一档）", "1至3分", "--5--", "5-", "0/0", "每100元1分；1000元以上部分每400元1分",
		"累计满4小时得1分；满10小时得2分", "满分10分，每发现一处扣2分", "较轻：-2；较重：-5", "首次扣5分，再犯加倍，最多40分", "一票否决", "基础分100", "5分/月", "最高5分", "每人每小时0.5分"} {
		for i, k := range []Shape{"", Tiers, Amount, Levels, Block} {
			f.Add(s, i%3-1, string(k), "元")
		}
	}
	f.Fuzz(func(t *testing.T, text string, sign int, kind, unit string) {
		sign = max(-1, min(1, sign))
		w, problem := parseWorth(text, sign, Shape(kind), unit)
		if problem != "" {
			return
		}
		if sign != 0 && w.Validate() == nil && w.Deducts() != (sign < 0) {
			t.Fatalf("%q with direction %d gave %s", text, sign, w.Text())
		}
	})
}

// No cell of a sheet, whatever stands in it, makes a row vanish: it becomes a rule, a limit, part of a rule, or a note.
func FuzzRowsAreNeverLost(f *testing.F) {
	f.Add("环境", "庭院整洁", "5", "每次", "每月最多4次", "户", "加分", "固定", "每年", "组", "不可兑换", "备注")
	f.Add("", "全书合计", "", "", "每月最多100分", "", "", "总上限", "", "", "", "")
	f.Add("一、扣分项", "", "", "", "", "", "", "", "", "", "", "")
	f.Add("乡镇", "村自设条目", "最多5条；每次最多2分", "", "", "", "", "自设条目", "", "", "", "")
	f.Add("志愿", "志愿服务时间累计达到10小时", "+2", "", "本类每月最多20分", "每名成员", "加分", "", "", "优秀（每年）", "", "捐款每年最多加40分")
	f.Fuzz(func(t *testing.T, category, item, worth, unit, caps, subject, dir, kind, per, group, spend, remark string) {
		var file strings.Builder
		heads := []string{"类别", "条目", "分值", "单位", "上限", "计分对象", "方向", "类型", "累次周期", "取高组", "可否兑换", "备注"}
		file.WriteString(strings.Join(heads, ",") + "\n")
		quoted := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
		cells := []string{category, item, worth, unit, caps, subject, dir, kind, per, group, spend, remark}
		for i := range cells {
			cells[i] = quoted(cells[i])
		}
		line := strings.Join(cells, ",")
		file.WriteString(line + "\n" + line + "\n")
		x, err := xlsx.OpenBytes([]byte(file.String()), xlsx.DefaultLimits())
		if err != nil {
			return
		}
		table, err := x.Table("", sheetColumns)
		if err != nil {
			return
		}
		inputs, report, err := readSheet(table, 1)
		if err != nil {
			return
		}
		for _, in := range inputs {
			if err := in.Spec.Validate(); err != nil {
				t.Fatalf("%q became a rule that does not hold together: %v", line, err)
			}
		}
		if err := report.Terms.Validate(); err != nil {
			t.Fatalf("%q became terms that do not hold together: %v", line, err)
		}
		combined := 0
		for _, n := range report.Notes {
			if n.Outcome == Combined || n.Outcome == Heading {
				combined++
			}
		}
		if got := len(inputs) + len(report.Terms.Limits) + report.Terms.Own.Rules + combined + report.LeftOut(); got < report.Rows {
			t.Fatalf("%q: %d rows, of which %d are accounted for", line, report.Rows, got)
		}
	})
}

// Titles across the table are no rules; what they say holds for the rows below that do not say it themselves.
func TestHeadings(t *testing.T) {
	file := "序号,类别,条目,分值\n一,加分项,,\n1,环境,扫街,2\n二、,扣分项,,\n2,环境,乱倒垃圾,2\n3,,占道,每次扣3分\n,（三）乡风文明,,\n4,,赌博,5\n"
	x, err := xlsx.OpenBytes([]byte(file), xlsx.DefaultLimits())
	require.NoError(t, err)
	table, err := x.Table("", sheetColumns)
	require.NoError(t, err)
	inputs, report, err := readSheet(table, 1)
	require.NoError(t, err)
	var got []string
	for _, in := range inputs {
		got = append(got, in.Category+" "+in.Item+" "+in.Spec.Text())
	}
	require.Equal(t, []string{"环境 扫街 2", "环境 乱倒垃圾 -2", "环境 占道 -3", "乡风文明 赌博 -5"}, got)
	require.Zero(t, report.LeftOut())
	headings := 0
	for _, n := range report.Notes {
		if n.Outcome == Heading {
			headings++
		}
	}
	require.Equal(t, 3, headings)
}
