package rule

import (
	"regexp"
	"strings"

	"jishan/internal/points"
	"jishan/internal/xlsx"
)

// worth is what a cell of points says: the shape and its fields, and what else stood in the cell.
type worth struct {
	Spec              // only shape, its fields, Unit and Per
	caps     []string // clauses that look like caps
	odd      string   // what was guessed, for a person to check; "" nothing
	unsigned bool     // no amount carried a sign or a word for one
}

// Clauses of a cell of points, after plain has made them alike. The parts:
const (
	num    = `([0-9]+(?:\.[0-9]+)?)`
	amt    = `([+-]?[0-9]+(?:\.[0-9]+)?)`
	fill   = `(?:可以|可|一共|共|各|再|另外|另|予以|给予|酌情|视情节轻重|视情节|视情况|视情|分别|一次性|均|则|每次|每人每次|每人次|每[项场例起件篇条个名户人批期]|1次|1人次|每1次|的|者)*`
	verb   = `(扣除|扣减|扣|减去|减|罚|奖励|奖|加|计|记|得|积|给)?`
	tail   = `分?(?:不等|左右)?`
	worth1 = fill + verb + amt + `分?(?:[~-]` + amt + tail + `)?` + tail + `$`
)

var (
	clausePoints = regexp.MustCompile(`^` + worth1)
	clauseSlash  = regexp.MustCompile(`^` + fill + verb + amt + `分?/每?` + num + `?([^0-9+.~/-]{1,6})$`)
	clauseEach   = regexp.MustCompile(`^(?:每人|每户|每名[^0-9每]{0,4}|每位[^0-9每]{0,4})?每([^0-9+.~每-]{0,12}?)` + num + `?([^0-9+.~-]{0,8}?)` + worth1)
	clauseFrom   = regexp.MustCompile(`^[^0-9:]{0,8}?(超过|超出|累计满|累计达到|累计达|累计|满|达到|达|不满|不足|低于)?` + num + `(?:~` + num + `)?([^0-9+.~每以及部的,扣加计得积记奖-]{0,4})(以上部分|的部分|部分|及以上|以上|及以下|以下|以内)?(?:的)?(.*)$`)
	clauseTimes  = regexp.MustCompile(`^(?:年度内|年内|全年|当年|一年内)?(?:发现|违反|累计)?(?:第?([0-9]{1,2})次(?:及?以?[上后])?|(首次|初次|首犯|初犯)|(再次|再犯|重犯|屡犯|屡教不改|多次))(?:的|者|发现|违反|起|每次|,)*` + worth1)
	clauseLevel  = regexp.MustCompile(`^([^0-9+~:][^:;]*?)(?:的|者)?:?` + verb + amt + `分?(?:[~-]` + amt + `分?)?$`)
	clauseNamed  = regexp.MustCompile(`^([^:;]+?):` + verb + amt + `分?(?:[~-]` + amt + `分?)?$`)
	clauseUpTo   = regexp.MustCompile(`^` + fill + verb + `(?:最高|最多|至多|不超过|不高于|上限)` + fill + verb + num + `分?$|^` + fill + verb + num + `分?(?:以内|以下|封顶)$`)
	clauseFull   = regexp.MustCompile(`^(?:满分|基准分|标准分|基本分|总分|共|计)` + num + `分?$|^` + num + `分$|^` + num + `$`)
	clauseSpot   = regexp.MustCompile(`^(?:每)?(?:发现|有|存在|出现|查出)?(?:每)?(?:1|一)?([^0-9+.~-]{1,12}?)` + `(?:扣除|扣减|扣|减)` + num + `分?$|^每([处项个次点])-` + num + `$`)
	clauseStop   = regexp.MustCompile(`^(?:直至|直到)?(?:扣完|扣光|扣至0分?)(?:为止)?$|^不[计得]负分$|^最低(?:为|得)?0分?$`)
	clauseDouble = regexp.MustCompile(`^(?:整改[前中]|整改期间?)?(?:再犯|再次(?:发生|发现)?|重犯|重复(?:发生|出现)?|屡教不改|屡犯|第?2次(?:及?以上|起)?|以后每次|整改不到位)?(?:的|者|则)?(?:扣分)?(?:加倍|翻倍|翻番|双倍)(?:扣分|扣除|扣|处罚)?$`)
	rangeStep    = regexp.MustCompile(`[(,](?:步长|每档|每)` + num + `分?(?:一档)?\)?`)

	hanBefore  = regexp.MustCompile(`([一二两三四五六七八九十]{1,3}|[一二两三四五六七八九]百)(分|元|小时|处|天|次|个|人|篇|项|户)`)
	roundYuan  = regexp.MustCompile(`每(百|千|万)元`)
	wanYuan    = regexp.MustCompile(`([0-9]+(?:\.[0-9]+)?)(?:~([0-9]+(?:\.[0-9]+)?))?万元`)
	pointsWord = regexp.MustCompile(`([0-9一二两三四五六七八九十])个?(?:积分|分值)`)
	yearly     = regexp.MustCompile(`^1个?(年度|月|季度|学期)`)
	thousands  = regexp.MustCompile(`([0-9]{1,3}),([0-9]{3})元`)
	toward     = regexp.MustCompile(`([0-9])(分|元|小时|万元)?(?:至|到)([+-]?[0-9])`)
	between2   = regexp.MustCompile(`([0-9])(元|小时|万元)?[-]([0-9])`)
	including  = regexp.MustCompile(`\((?:不含|含|不含本数|含本数|不包括|包括)\)`)
)

var alike = strings.NewReplacer("−", "-", "﹣", "-", "–", "-", "—", "-", "∼", "~", "〜", "~", "∽", "~", "扣分:", "扣", "。", ";", "\n", ";")

// plain writes a cell as the clauses expect it: no blanks, ASCII signs, digits for Chinese numbers, 元 for 万元.
func plain(text, unit string) string {
	s := alike.Replace(xlsx.Fold(strings.ReplaceAll(text, "\n", ";")))
	s = pointsWord.ReplaceAllString(s, "${1}分")
	s = including.ReplaceAllString(s, "")
	s = roundYuan.ReplaceAllStringFunc(s, func(m string) string {
		return map[string]string{"每百元": "每100元", "每千元": "每1000元", "每万元": "每10000元"}[m]
	})
	s = hanBefore.ReplaceAllStringFunc(s, func(m string) string {
		p := hanBefore.FindStringSubmatch(m)
		if n := hundreds(p[1]); n > 0 {
			return points.Whole(n).String() + p[2]
		}
		return m
	})
	s = yearly.ReplaceAllString(s, "每$1")
	s = toward.ReplaceAllString(s, "$1$2~$3")
	s = thousands.ReplaceAllString(s, "$1$2元")
	if strings.ContainsAny(s, "元") {
		s = between2.ReplaceAllString(s, "$1$2~$3")
	}
	if !strings.Contains(unit, "万") {
		s = wanYuan.ReplaceAllStringFunc(s, func(m string) string {
			p := wanYuan.FindStringSubmatch(m)
			out := tenThousand(p[1])
			if p[2] != "" {
				out += "~" + tenThousand(p[2])
			}
			return out + "元"
		})
	}
	return s
}

// hundreds reads 一 to 九十九, and 三百; 0 when it is none.
func hundreds(s string) int64 {
	if h, ok := strings.CutSuffix(s, "百"); ok {
		return 100 * chineseNumber(h)
	}
	return chineseNumber(s)
}

func tenThousand(s string) string {
	n, err := points.Parse(s)
	if err != nil || n > points.Whole(maxCapSize) {
		return s + "万"
	}
	return (n * 10_000).String()
}

// sign is what a verb says of the amount behind it.
func verbSign(v string) points.Amount {
	switch v {
	case "扣除", "扣减", "扣", "减去", "减", "罚":
		return -1
	case "奖励", "奖", "加":
		return 1
	}
	return 0
}

// signedAmount reads an amount behind a verb; signs counts what it tells of its direction.
func (w *worth) amount(v, text string) (points.Amount, bool) {
	p, err := points.Parse(strings.TrimPrefix(text, "+"))
	if err != nil {
		return 0, false
	}
	if strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-") || verbSign(v) != 0 {
		w.unsigned = false
	}
	if verbSign(v) < 0 && p > 0 {
		p = -p
	}
	return p, true
}

// span reads an amount, or two of one sign: 扣1-5分 is −1 to −5.
func (w *worth) span(v, low, high string) (a, b points.Amount, ok bool) {
	if a, ok = w.amount(v, low); !ok || high == "" {
		return a, 0, ok
	}
	if b, ok = w.amount(v, high); ok && a < 0 && b > 0 {
		b = -b // 扣1～5, and −1～5 written for −1～−5
		if verbSign(v) == 0 {
			w.odd = "「" + low + "～" + high + "」按 " + a.String() + "～" + b.String() + " 导入"
		}
	}
	return a, b, ok
}

func quantity(s string) (points.Amount, bool) {
	p, err := points.Parse(s)
	return p, err == nil && p > 0
}
