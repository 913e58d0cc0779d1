package rule

import (
	"regexp"
	"strconv"
	"strings"

	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/xlsx"
)

// Rows of a sheet that are no rules but bound the others: 类型 总上限 and 自设条目.
const (
	kindLimit     = "总上限"
	kindOwn       = "自设条目"
	bookTotal     = "全书合计"
	categoryTotal = "本类合计"
)

var limitKinds = map[string]bool{kindLimit: true, "合计上限": true, "总分上限": true, "总封顶": true, "limit": true}

var (
	ownRules  = regexp.MustCompile(`^(?:每村|各村)?(加分|奖分|奖励|扣分|减分)?(?:最多|不超过|可设|可自设|限)?([0-9]{1,4})条(?:以内)?$`)
	ownPoints = regexp.MustCompile(`^(?:每次|每条|每项|单次|单条|每条每次)(?:分值)?(?:最多|不超过|最高)` + num + `分$`)
	ofGroup   = regexp.MustCompile(`^(?:本类别|本类|该类别|该类|此类|同类|本大类|本项目类)(?:各项|所有条目|全部条目|条目)?(?:合计|累计|总计)?`)
	ofBook    = regexp.MustCompile(`^(?:所有条目|全部条目|各类|各项|全书|总积分|总分)(?:合计|累计|总计)?`)
)

// subjectOfLimits is for whom a limit counts where nothing else is said.
func (rd *reader) subjectOfLimits() Subject {
	if rd.asset == ledger.PartyScore {
		return Member
	}
	return Household
}

// terms reads a row that bounds the other rows; false where it is a rule.
func (rd *reader) terms(row *xlsx.Row) bool {
	kind := row.Code(colKind)
	if !limitKinds[strings.ToLower(kind)] && kind != kindOwn {
		return false
	}
	item := oneLine(row.Get(colItem))
	text := row.Get(colCap)
	if text == "" {
		text = row.Get(colPoints)
	}
	t := &rd.report.Terms
	if kind == kindOwn {
		if own, ok := parseOwn(text); ok && t.Own.Rules == 0 {
			t.Own = own
			return true
		}
		row.Problem(colCap, "自设条目请写成：最多5条；每次最多2分，或 加分最多5条；扣分最多5条；每次最多2分，并且只写一行")
		rd.leaveOut(row, item)
		return true
	}
	caps, rest := ParseCaps(text, rd.subjectOfLimits())
	category := oneLine(row.Get(colCategory))
	if strings.HasPrefix(item, "全书") || strings.HasPrefix(item, "全部") || strings.HasPrefix(item, "各类") || category == "全部" {
		category = ""
	}
	next := *t
	for _, c := range caps {
		next.Limits = append(next.Limits, Limit{category, c})
	}
	switch err := next.Validate(); {
	case len(caps) == 0 || len(rest) > 0:
		row.Problem(colCap, "总上限请写成：每月最多100分，或 每人每年最多50分；每行一个类别，全书的类别不填")
	case err != nil:
		row.Problem(colCap, errText(err))
	default:
		*t = next
		return true
	}
	rd.leaveOut(row, item)
	return true
}

func parseOwn(text string) (own Own, ok bool) {
	for _, c := range split(strings.ReplaceAll(xlsx.Fold(text), "。", ";"), ";,") {
		if m := ownRules.FindStringSubmatch(c); m != nil {
			n, _ := strconv.Atoi(m[2])
			if m[1] == "扣分" || m[1] == "减分" {
				own.Deducts = n
			} else {
				own.Rules = n
			}
		} else if m := ownPoints.FindStringSubmatch(c); m != nil {
			own.Points, _ = points.Parse(m[1])
		} else {
			return Own{}, false
		}
	}
	return own, own.Rules > 0
}

// limit takes a clause of a rule's cap that bounds its whole category or the whole book; false where it is none.
func (rd *reader) limit(e *entry, clause string) bool {
	category, rest := e.Category, ofGroup.ReplaceAllString(clause, "")
	if rest == clause {
		if category, rest = "", ofBook.ReplaceAllString(clause, ""); rest == clause {
			return false
		}
	}
	caps, odd := ParseCaps(rest, rd.subjectOfLimits())
	if len(caps) != 1 || len(odd) > 0 {
		return false
	}
	l := Limit{category, caps[0]}
	for _, had := range rd.report.Terms.Limits {
		if had == l {
			return true
		}
	}
	next := rd.report.Terms
	next.Limits = append(next.Limits, l)
	if next.Validate() != nil {
		return false
	}
	rd.report.Terms = next
	rd.note(e.row, e.Item, Check, "「%s」已作为%s的总上限导入，请核对", clause, map[bool]string{true: "全书", false: "“" + category + "”"}[category == ""])
	return true
}
