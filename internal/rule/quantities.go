package rule

import (
	"regexp"
	"slices"
	"strings"

	"jishan/internal/points"
	"jishan/internal/xlsx"
)

// part is one clause of a rule that counts something: 每100元1分, 1000元以上部分每400元1分, 满10小时得2分.
type part struct {
	from, to points.Amount
	over     bool // only what is over from is at this rate; else the whole, once from is reached
	each     points.Amount
	points   points.Amount
	unit     string
}

// timesUnits are counted by making an award each time, not by a quantity.
var timesUnits = []string{"次", "人次", "场", "场次", "项", "例", "起", "件", "篇", "条", "个", "名", "户", "人", "户次", "期", "届", "批", "人·次"}

// boundWords say that a clause is a cap.
var boundWords = regexp.MustCompile(`最高|最多|至多|上限|不超过|不得超过|封顶|为限`)

// periodUnits are points for a stretch of time: 每月5分 is 5 points, once a month.
var periodUnits = map[string]string{
	"天": "每日", "日": "每日", "周": "每周", "星期": "每周", "月": "每月", "个月": "每月", "季": "每季度", "季度": "每季度", "年": "每年", "年度": "每年", "学年": "每年",
}

func isTimes(unit string) bool {
	return strings.HasPrefix(unit, "次") || strings.HasPrefix(unit, "人次") || slices.Contains(timesUnits, unit)
}

// readQuantities is tiers and rates: 累计满4小时得1；满10小时得2, or 每100元1分；1000元以上部分每400元1分.
func readQuantities(s string, kind Shape, unit string) (w worth, ok bool) {
	w.unsigned = true
	var parts []part
	pending := ""
	adds := strings.Contains(s, "累计") && kind != Amount || kind == Tiers
	for _, c := range split(s, ";,") {
		switch {
		case c == "整额":
			w.Whole = true
		case strings.HasSuffix(c, "按比例") || strings.HasSuffix(c, "按比例计"):
			w.Share = true
		case clauseStop.MatchString(c):
		default:
			var p part
			var found, more bool
			if !boundWords.MatchString(c) {
				p, found, more = w.part(pending + c)
			}
			switch {
			case more:
				pending += strings.TrimSuffix(c, "的")
				continue
			case found:
				parts = append(parts, p)
			case len(parts) == 0:
				return w, false
			default:
				w.caps = append(w.caps, c)
			}
			pending = ""
		}
	}
	if len(parts) == 0 || pending != "" {
		return w, false
	}
	for _, p := range parts {
		if w.Unit == "" {
			w.Unit = p.unit
		}
	}
	flat := !slices.ContainsFunc(parts, func(p part) bool { return p.each != 0 })
	one := parts[0]
	switch {
	case flat && adds:
		w.Shape = Tiers
		for _, p := range parts {
			w.Tiers = append(w.Tiers, Tier{p.from, p.points})
		}
	case flat:
		w.Shape, w.Whole = Amount, true
		for _, p := range parts {
			w.Bands = append(w.Bands, Band{From: max(1, p.from), Points: p.points})
		}
	case len(parts) == 1 && kind != Amount && one.from == 0 && one.each == points.Whole(1) && (isTimes(one.unit) || periodUnits[one.unit] != ""):
		w.Shape, w.Points = Fixed, one.points
		w.Unit = "每" + one.unit
		if every := periodUnits[one.unit]; every != "" {
			w.caps, w.odd = append(w.caps, every+"最多1次"), "按"+every+"最多 1 次导入"
		}
	default:
		w.Shape = Amount
		return w, w.bands(parts)
	}
	return w, true
}

// bands makes rates of parts: what lies between two amounts, or over one, is for that part of the quantity; what says 满 is
// for all of it.
func (w *worth) bands(parts []part) bool {
	partial, full := false, w.Whole
	for i, p := range parts {
		switch {
		case p.from == 0:
		case p.over || p.to != 0:
			partial = partial || i > 0 || p.over
		case i > 0 && parts[i-1].to != 0: // 1万元以上的, behind 5001—10000元的
			partial = true
		default:
			full = true
		}
	}
	if partial && full {
		return false
	}
	w.Whole = full
	for i, p := range parts {
		b := Band{p.from, p.each, p.points}
		switch {
		case p.each == 0 && !full:
			return false
		case i == 0 && p.to != 0 && p.from <= p.each:
			b.From = 0 // 100—1000元的，每100元: below it nothing fills 100 anyway
		case i == 0 && p.to != 0 && len(parts) == 1:
			w.Whole = true
		case i > 0 && parts[i-1].to != 0 && p.from > parts[i-1].to && p.from-parts[i-1].to <= points.Whole(1):
			b.From = parts[i-1].to // 1001 after 1000
		}
		w.Bands = append(w.Bands, b)
	}
	if partial && parts[len(parts)-1].to+parts[0].to != 0 {
		w.odd = "各段分别按自己的标准计算；如果整个数量都按所到的一段算，请把各段写成“满多少，每多少计多少”"
	}
	return true
}

// part reads one clause; more reports that it only says from where on, and the rate follows.
func (w *worth) part(c string) (p part, ok, more bool) {
	if m := clauseEach.FindStringSubmatch(c); m != nil && m[6] == "" && (m[2] != "" || m[1]+m[3] != "") {
		return w.rate(part{}, m)
	}
	m := clauseFrom.FindStringSubmatch(c)
	if m == nil || m[1] == "" && m[3] == "" && m[5] == "" {
		return p, false, false
	}
	if p.from, ok = quantity(m[2]); !ok {
		return p, false, false
	}
	if m[3] != "" {
		if p.to, ok = quantity(m[3]); !ok || p.to <= p.from {
			return p, false, false
		}
	}
	p.unit = m[4]
	switch {
	case strings.HasSuffix(m[5], "下") || m[5] == "以内" || strings.Contains(m[1], "不") || m[1] == "低于":
		p.from, p.to = 0, p.from
	case strings.HasPrefix(m[1], "超") || strings.HasSuffix(m[5], "部分"):
		p.over = true
	}
	rest := strings.TrimLeft(m[6], ",的")
	if rest == "" {
		return p, false, true
	}
	if e := clauseEach.FindStringSubmatch(rest); e != nil && e[6] == "" && (e[2] != "" || e[1]+e[3] != "") {
		return w.rate(p, e)
	}
	e := clausePoints.FindStringSubmatch(rest)
	if e == nil || e[3] != "" || p.over {
		return p, false, false
	}
	p.points, ok = w.amount(e[1], e[2])
	return p, ok, false
}

func (w *worth) rate(p part, m []string) (part, bool, bool) {
	var ok bool
	unit := m[3]
	p.each = points.Whole(1)
	if m[2] != "" {
		if p.each, ok = quantity(m[2]); !ok {
			return p, false, false
		}
	} else {
		unit = m[1] + m[3]
	}
	for _, lead := range []string{"增加", "捐款", "捐赠", "捐", "满", "超过", "超", "多", "少", "发现", "存在", "出现", "有", "参加", "缺席", "缺"} {
		unit = strings.TrimPrefix(unit, lead)
	}
	if unit != "" {
		p.unit = unit
	}
	p.points, ok = w.amount(m[4], m[5])
	return p, ok, false
}

var unitQuantity = regexp.MustCompile(`^每?` + num + `?([^0-9+.~/-]{1,6})$`)

// readPlain is a number or a range, perhaps with what it is for: 每次2分, 5分/月, 扣1-5分, 最高5分.
func readPlain(s string, kind Shape, unit string) (w worth, ok bool) {
	w.unsigned = true
	if m := rangeStep.FindStringSubmatch(s); m != nil {
		if w.Step, ok = quantity(m[1]); !ok {
			return w, false
		}
		s = strings.Replace(s, m[0], "", 1)
	}
	clauses := split(s, ";,")
	if len(clauses) == 0 {
		return w, false
	}
	first, rest := clauses[0], slices.DeleteFunc(clauses[1:], clauseStop.MatchString)
	w.caps = rest
	if m := clauseSlash.FindStringSubmatch(first); m != nil {
		return readQuantities("每"+m[3]+m[4]+m[1]+m[2]+"分"+strings.Join(append([]string{""}, rest...), ";"), kind, unit)
	}
	if m := clauseUpTo.FindStringSubmatch(first); m != nil {
		w.Shape = Range
		w.Max, ok = w.amount(m[1]+m[2]+m[4], m[3]+m[5])
		return w, ok
	}
	m := clausePoints.FindStringSubmatch(first)
	if m == nil {
		named := clauseLevel.FindStringSubmatch(first)
		if named == nil || looksLikeCap(named[1]) || len([]rune(named[1])) > 20 {
			return w, false
		}
		w.odd = "分值里还有文字「" + cut(named[1], 20) + "」"
		m = []string{"", named[2], named[3], named[4]}
	}
	a, b, ok := w.span(m[1], m[2], m[3])
	switch {
	case !ok:
		return w, false
	case m[3] != "":
		w.Shape, w.Min, w.Max = Range, a, b
		if a.Abs() > b.Abs() {
			w.Min, w.Max = b, a
		}
		return w, true
	case w.Step != 0:
		return w, false
	}
	w.Shape, w.Points = Fixed, a
	if u := unitQuantity.FindStringSubmatch(plain(unit, unit)); u != nil && (kind == "" || kind == Amount) && !isTimes(u[2]) && periodUnits[u[2]] == "" {
		each := points.Whole(1)
		if u[1] != "" {
			if each, ok = quantity(u[1]); !ok {
				return w, true
			}
		}
		w.Shape, w.Points, w.Unit = Amount, 0, u[2]
		w.Bands = []Band{{Each: each, Points: a}}
		if kind == "" {
			w.odd = "单位写的是「" + cut(xlsx.Fold(unit), 20) + "」：按数量计分导入，登记时要填数量"
		}
	}
	return w, true
}
