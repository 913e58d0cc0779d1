package rule

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"jishan/internal/points"
	"jishan/internal/xlsx"
)

// Sheets write caps as people say them. One clause bounds one stretch:
//
//	每日最多1次；每月最多4次
//	每月累计不超过20分，每年100分封顶
//	2次/月
//	仅一次
const (
	numberText = `([0-9]+(?:\.[0-9]+)?|[一二两三四五六七八九十]{1,3})`
	fillText   = `(?:最多|最高|至多|不超过|不得超过|不能超过|不高于|上限|限|只|仅|可|可以|累计|合计|总计|总分|加|扣|计|得|记|积|减|内|为|:)*`
	whoText    = `(每户家庭|每户|每个家庭|每家|每人|每名村民|每位村民|每个村民|每名党员|每位党员|每个党员|同一人|同一户|单户|单人)?`
)

var (
	periodFirst = regexp.MustCompile(`^` + whoText +
		`(?:(每次|单次|一次|每日|每天|一天|当日|当天|单日|日|每周|每星期|一周|当周|周|每月度|每月|每个月|一个月|当月|单月|月度|月|每季度|每季|一季度|一个季度|当季|季度|每年度|每年|每个年度|全年|一年|一个年度|当年|本年度|年度|年|累计|总计|终身|一共|合计)内?)?` + whoText +
		fillText + numberText + `(次|分|积分|个积分)(?:封顶|为限|为止|以内)?$`)
	periodLast = regexp.MustCompile(`^` + whoText + fillText + numberText + `(次|分|积分)(?:/|每|一)(日|天|周|月|季度|季|年)$`)
	onceOnly   = regexp.MustCompile(`^(?:仅|只|限|只限|仅限|只能)(?:计|加|扣|得|记|奖励)?[一1]次$|^一次性$`)
	noCap      = map[string]bool{"": true, "无": true, "不限": true, "无上限": true, "不设上限": true, "不封顶": true, "无限制": true, "-": true, "—": true, "/": true}
	perOf      = map[string]Per{
		"日": PerDay, "天": PerDay, "周": PerWeek, "期": PerWeek, "月": PerMonth, "季": PerQuarter, "年": PerYear,
		"计": PerEver, "身": PerEver, "共": PerEver,
	}
)

// ParseCaps reads the Chinese text of a cap. What it cannot say comes back in rest, clause by clause, as it was written but
// for blanks and width; caps is then what could be said. Caps are sorted from short to long stretches.
func ParseCaps(text string, subject Subject) (caps []Cap, rest []string) {
	text = xlsx.Fold(strings.ReplaceAll(text, "\n", ";"))
	if noCap[text] {
		return nil, nil
	}
	last := Per("") // a clause without a stretch means the one before: 每月最多4次，20分封顶
	for _, clause := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(";,、。", r) }) {
		c, ok := parseClause(clause, last, subject)
		if ok {
			caps, ok = merge(caps, c)
		}
		if !ok {
			rest = append(rest, clause)
			continue
		}
		last = c.Per
	}
	slices.SortFunc(caps, compareCaps)
	return caps, rest
}

func parseClause(clause string, last Per, subject Subject) (Cap, bool) {
	if onceOnly.MatchString(clause) && last == "" {
		return Cap{Per: PerEver, Times: 1}, true
	}
	var who, number, unit string
	c := Cap{Per: last}
	if m := periodFirst.FindStringSubmatch(clause); m != nil {
		who, number, unit = m[1]+m[3], m[4], m[5]
		if m[2] != "" {
			c.Per = period(m[2])
		}
	} else if m := periodLast.FindStringSubmatch(clause); m != nil {
		who, number, unit = m[1], m[2], m[3]
		c.Per = period(m[4])
	}
	var ok bool
	if c.Who, ok = counts(who, subject); c.Per == "" || number == "" || !ok || c.Per == PerAct && c.Who != WhoSubject {
		return Cap{}, false
	}
	n, err := points.Parse(number)
	if err != nil {
		if n = points.Whole(chineseNumber(number)); n == 0 {
			return Cap{}, false
		}
	}
	switch {
	case n <= 0 || n > points.Whole(maxCapSize):
		return Cap{}, false
	case unit != "次":
		c.Points = n
	case n%100 != 0 || c.Per == PerAct:
		return Cap{}, false
	default:
		c.Times = int(n / 100)
	}
	return c, true
}

func period(word string) Per {
	switch word {
	case "每次", "单次", "一次":
		return PerAct
	}
	word = strings.TrimSuffix(word, "度")
	rs := []rune(word)
	return perOf[string(rs[len(rs)-1])]
}

// counts is for whom a cap of 每户 or 每人 counts, in a rule that counts for s; false where that makes no sense.
func counts(who string, s Subject) (Who, bool) {
	switch {
	case who == "":
		return WhoSubject, true
	case strings.Contains(who, "党员"):
		return WhoSubject, s == Member
	case strings.Contains(who, "户"), strings.Contains(who, "家"):
		if s == Household {
			return WhoSubject, true
		}
		return WhoHousehold, s == Person
	case s == Household:
		return WhoPerson, true
	}
	return WhoSubject, true
}

func merge(caps []Cap, c Cap) ([]Cap, bool) {
	for i := range caps {
		if compareCaps(caps[i], c) != 0 {
			continue
		}
		if caps[i].Times > 0 && c.Times > 0 || caps[i].Points > 0 && c.Points > 0 {
			return caps, false
		}
		caps[i].Times += c.Times
		caps[i].Points += c.Points
		return caps, true
	}
	return append(caps, c), true
}

const chineseDigits = "一二三四五六七八九"

// chineseNumber reads 一 to 九十九, and 两; 0 when it is none.
func chineseNumber(s string) int64 {
	digit := func(s string) int64 {
		if s == "两" {
			return 2
		}
		if i := strings.Index(chineseDigits, s); i >= 0 && len(s) == len("一") {
			return int64(i/len("一") + 1)
		}
		return 0
	}
	tens, ones, has := strings.Cut(s, "十")
	if !has {
		return digit(s)
	}
	n := int64(10)
	if tens != "" {
		if n = digit(tens) * 10; n == 0 {
			return 0
		}
	}
	if ones == "" {
		return n
	}
	if d := digit(ones); d > 0 {
		return n + d
	}
	return 0
}

// FormatCaps writes caps as ParseCaps reads them.
func FormatCaps(caps []Cap) string {
	var out []string
	for _, c := range caps {
		i := c.Per.index()
		if i < 0 {
			continue
		}
		every := map[Who]string{WhoHousehold: "每户", WhoPerson: "每人"}[c.Who] + pers[i].every
		if c.Times > 0 {
			out = append(out, fmt.Sprintf("%s最多%d次", every, c.Times))
		}
		if c.Points > 0 {
			out = append(out, every+"最多"+c.Points.String()+"分")
		}
	}
	return strings.Join(out, "；")
}

// ordinal reads 第一次 or 第3次 within a text; 0 when there is none.
func ordinal(s string) int {
	m := ordinalText.FindStringSubmatch(s)
	if m == nil {
		return 0
	}
	if n, err := strconv.Atoi(m[1]); err == nil {
		return n
	}
	return int(chineseNumber(m[1]))
}

var ordinalText = regexp.MustCompile(`第([0-9]{1,2}|[一二两三四五六七八九十]{1,3})次`)
