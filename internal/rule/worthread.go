package rule

import (
	"regexp"
	"slices"
	"strings"

	"jishan/internal/points"
)

const howToWrite = "请填数字（最多两位小数）、区间如 2～5、分级如 较轻：-2；较重：-5、累次加重如 -8/-15/-20、按量如 每100元1分、" +
	"累计分档如 累计满4小时得1；满10小时得2、满分倒扣如 满分10，每处-2，或 一票否决"

// parseWorth reads a cell of points. sign is the sheet's direction: with −1 a bare number is a deduction. kind is the shape
// that the sheet names, "" where it does not. The problem is Chinese; empty where there is none.
func parseWorth(text string, sign int, kind Shape, unit string) (w worth, problem string) {
	s := upTo.ReplaceAllString(plain(text, unit), "每次最多${1}分")
	if first, rest, ok := strings.Cut(s, ","); ok { // 每月1次，加3分
		if caps, odd := ParseCaps(first, Household); len(caps) == 1 && len(odd) == 0 && caps[0].Points == 0 {
			s = rest + "," + first
		}
	}
	for _, only := range []bool{true, false} { // what the sheet calls it comes first
		for _, read := range readers {
			if w, ok := read(s, kind, unit); ok && (!only || w.Shape == kind) {
				return w.directed(sign)
			}
		}
	}
	return w, "分值「" + cut(text, 30) + "」无法识别，" + howToWrite
}

// upTo is 扣完10分为止: what one event may come to.
var upTo = regexp.MustCompile(`(?:扣完|扣满|加满|加完)` + num + `分?为止`)

// readers know one way of writing points each, the surest first.
var readers = []func(s string, kind Shape, unit string) (worth, bool){
	readGrade, readBase, readBlock, readDouble, readTimes, readQuantities, readLevels, readPlain,
}

// split is the clauses of a cell.
func split(s, at string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(at, r) })
}

// each gives every amount of the shape.
func (w *worth) each(do func(*points.Amount)) {
	for _, p := range []*points.Amount{&w.Points, &w.Min, &w.Max} {
		do(p)
	}
	for i := range w.Levels {
		do(&w.Levels[i].Points)
		do(&w.Levels[i].Max)
	}
	for i := range w.Steps {
		do(&w.Steps[i].Points)
	}
	for i := range w.Tiers {
		do(&w.Tiers[i].Points)
	}
	for i := range w.Bands {
		do(&w.Bands[i].Points)
	}
}

// directed makes the amounts agree with the direction of the sheet.
func (w worth) directed(sign int) (worth, string) {
	plus, minus := false, false
	w.each(func(p *points.Amount) { plus, minus = plus || *p > 0, minus || *p < 0 })
	switch {
	case w.Shape == Grade:
		w.Lowers = sign < 0
	case w.Shape == Block || w.Shape == Base:
		if sign < 0 || minus {
			return w, ShapeNames[w.Shape] + "是加分，方向请填“加分”"
		}
	case !plus && !minus:
		return w, "分值不能是 0"
	case plus && minus:
		return w, "同一条的分值不能有正有负"
	case minus && sign > 0:
		return w, "方向是加分，分值却是扣分"
	case plus && sign < 0:
		if !w.unsigned {
			return w, "方向是扣分，分值却是加分"
		}
		w.each(func(p *points.Amount) { *p = -*p })
	}
	return w, ""
}

var gradeWords = []string{"直接评定为", "直接确定为", "直接评为", "直接判为", "直接定为", "直接降为", "直接列为", "直接判定为", "评定为", "判定为", "确定为", "定为", "评为", "判为", "降为", "列为"}

// gradeOf is the grade that a text decides: 直接判为C级 is C级.
func gradeOf(s string) string {
	if m := lowered.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	for _, w := range gradeWords {
		if _, after, ok := strings.Cut(s, w); ok {
			return strings.TrimRight(cut(strings.Trim(after, "「」“”\"'"), maxName), "。;,")
		}
	}
	return ""
}

// lowered is 降B级, the grade that is left.
var lowered = regexp.MustCompile(`^降(?:为|至|到)?([A-Da-d]级?)$`)

// isConsequence reports what a veto entails rather than a grade: 取消评优资格.
func isConsequence(s string) bool {
	return slices.ContainsFunc([]string{"取消", "清零", "黑名单", "不得", "不予"}, func(word string) bool { return strings.Contains(s, word) })
}

func readGrade(s string, kind Shape, _ string) (w worth, ok bool) {
	w.Shape, w.Veto, w.Grade = Grade, strings.Contains(s, "一票否决"), gradeOf(s)
	if w.Veto || w.Grade != "" || kind == Grade {
		if _, after, ok := strings.Cut(s, "一票否决,"); w.Grade == "" && ok {
			w.Grade = cut(after, maxName)
		}
		if !w.Veto && w.Grade == "" {
			w.Grade = cut(s, maxName)
		}
		return w, true
	}
	if isConsequence(s) {
		w.Grade, w.odd = cut(s, maxName), "「"+cut(s, 30)+"」要人工执行：按直接定级导入，登记时不加减分"
		return w, true
	}
	return w, false
}

func readBase(s string, kind Shape, _ string) (w worth, ok bool) {
	named := false
	for _, word := range []string{"基础分", "基础积分", "起始分", "起始积分", "初始分", "初始积分", "底分"} {
		if before, after, found := strings.Cut(s, word); found {
			s, named = strings.TrimLeft(before+after, "每年度初户人个党员名:为是"), true
		}
	}
	if !named && kind != Base {
		return w, false
	}
	m := clausePoints.FindStringSubmatch(s)
	if m == nil || m[3] != "" {
		return w, false
	}
	w.Shape, w.unsigned = Base, true
	w.Points, ok = w.amount(m[1], m[2])
	return w, ok
}

// readBlock is 满分10分，每发现一处扣2分，扣完为止.
func readBlock(s string, kind Shape, _ string) (w worth, ok bool) {
	clauses := slices.DeleteFunc(split(s, ";,"), clauseStop.MatchString)
	if len(clauses) < 2 {
		return w, false
	}
	full, spot := clauseFull.FindStringSubmatch(clauses[0]), clauseSpot.FindStringSubmatch(clauses[1])
	if full == nil || spot == nil {
		return w, false
	}
	var ok2 bool
	w.Shape, w.caps = Block, clauses[2:]
	w.Points, ok = quantity(full[1] + full[2] + full[3])
	w.Less, ok2 = quantity(spot[2] + spot[4])
	return w, ok && ok2
}

// readDouble is 扣5分，再犯加倍，最多扣40分.
func readDouble(s string, _ Shape, _ string) (w worth, ok bool) {
	clauses := split(s, ";,")
	if len(clauses) < 2 || !clauseDouble.MatchString(clauses[1]) {
		return w, false
	}
	first := clausePoints.FindStringSubmatch(dropTimes(clauses[0]))
	if first == nil || first[3] != "" {
		return w, false
	}
	w.Shape, w.unsigned = Double, true
	if w.Points, ok = w.amount(first[1], first[2]); !ok {
		return w, false
	}
	for _, c := range clauses[2:] {
		most := strings.TrimLeft(c, "最多高至不超过扣-")
		if p, is := quantity(strings.TrimSuffix(most, "分")); is && w.Max == 0 && most != c {
			w.Max = signed(p, w.Points)
			continue
		}
		w.caps = append(w.caps, c)
	}
	return w, true
}

// dropTimes takes 首次 and 第1次 off.
func dropTimes(s string) string {
	for _, t := range []string{"第1次", "首次", "初次", "初犯", "首犯", "发现", "每次", "的"} {
		s = strings.TrimPrefix(s, t)
	}
	return s
}

// readTimes is -8/-15/-20, or 第一次扣5分，第二次扣10分，第三次及以上扣20分.
func readTimes(s string, kind Shape, _ string) (w worth, ok bool) {
	w.Shape, w.unsigned = Escalate, true
	clauses := split(s, ";,、")
	if !strings.Contains(s, "分/") && strings.Count(s, "/") > 0 && len(clauses) == 1 || strings.Count(s, "分/") > 0 && strings.HasSuffix(s, "分") {
		clauses = split(s, "/")
	}
	if bare := slices.IndexFunc(clauses, func(c string) bool {
		m := clausePoints.FindStringSubmatch(c)
		return m == nil || m[3] != ""
	}); bare < 0 && len(clauses) > 1 {
		for _, c := range clauses {
			m := clausePoints.FindStringSubmatch(c)
			p, ok := w.amount(m[1], m[2])
			if !ok {
				return w, false
			}
			w.Steps = append(w.Steps, Step{Points: p})
		}
		return w, true
	}
	for _, c := range clauses {
		m := clauseTimes.FindStringSubmatch(c)
		if m == nil || m[6] != "" {
			if len(w.Steps) < 2 {
				return w, false
			}
			w.caps = append(w.caps, c)
			continue
		}
		if n := len(w.Steps) + 1; m[1] != "" && m[1] != points.Whole(int64(n)).String() && !(m[1] == "2" && n == 1) {
			return w, false
		}
		p, ok := w.amount(m[4], m[5])
		if !ok {
			return w, false
		}
		w.Steps = append(w.Steps, Step{Points: p})
	}
	return w, len(w.Steps) > 1
}

// readLevels is 较轻：-2；较重：-5, or 县级5分、市级10分.
func readLevels(s string, kind Shape, _ string) (w worth, ok bool) {
	w.Shape, w.unsigned = Levels, true
	clauses := split(s, ";,、")
	if len(clauses) == 1 && strings.Contains(s, "/") {
		clauses = split(s, "/")
	}
	for _, c := range clauses {
		m := clauseNamed.FindStringSubmatch(c)
		if m == nil {
			m = clauseLevel.FindStringSubmatch(c)
		}
		if m == nil || looksLikeCap(m[1]) && m[0] != "" && !strings.Contains(c, ":") {
			if len(w.Levels) < 2 {
				return w, false
			}
			w.caps = append(w.caps, c)
			continue
		}
		if strings.HasSuffix(m[1], "等") && m[2] == "奖" { // 一等奖10分
			m[1], m[2] = m[1]+"奖", ""
		}
		a, b, ok := w.span(m[2], m[3], m[4])
		if !ok {
			return w, false
		}
		w.Levels = append(w.Levels, Level{Name: strings.TrimSpace(m[1]), Points: a, Max: b})
	}
	return w, len(w.Levels) > 1
}

func looksLikeCap(s string) bool {
	for _, word := range []string{"最高", "最多", "至多", "上限", "不超过", "封顶", "累计", "每", "满", "第"} {
		if strings.Contains(s, word) {
			return true
		}
	}
	return false
}
