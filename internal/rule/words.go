package rule

import (
	"slices"
	"strings"

	"jishan/internal/xlsx"
)

// kindWords are the names of shapes in sheets; 类型 in any of them.
var kindWords = map[string]Shape{
	"flat": Fixed, "fixed": Fixed, "固定": Fixed, "固定分值": Fixed, "固定分": Fixed, "一次性": Fixed, "按次": Fixed,
	"range": Range, "区间": Range, "范围": Range, "幅度": Range, "区间分": Range, "幅度分": Range, "酌情": Range,
	"level": Levels, "levels": Levels, "graded": Levels, "severity": Levels, "分级": Levels, "分等": Levels, "按程度": Levels, "按情节": Levels, "分级定分": Levels, "等级": Levels,
	"repeat_escalation": Escalate, "escalate": Escalate, "累次加重": Escalate, "逐次加重": Escalate, "累犯加重": Escalate, "逐次递增": Escalate, "递增": Escalate,
	"double": Double, "repeat_double": Double, "再犯加倍": Double, "加倍": Double, "翻倍": Double,
	"tiers": Tiers, "tier": Tiers, "cumulative_tier": Tiers, "cumulative_tiers": Tiers, "累计分档": Tiers, "累进分档": Tiers, "分档累计": Tiers, "累计达标": Tiers,
	"amount": Amount, "per_amount": Amount, "per_unit": Amount, "按量": Amount, "按量计分": Amount, "按数量": Amount, "按金额": Amount, "分段": Amount, "按比例": Amount,
	"block": Block, "full_mark": Block, "满分倒扣": Block, "倒扣": Block, "满分扣减": Block, "扣减": Block,
	"base": Base, "基础分": Base, "起始分": Base, "初始分": Base,
	"direct_grade": Grade, "grade": Grade, "veto": Grade, "直接定级": Grade, "定级": Grade, "直接定等": Grade, "直接判级": Grade, "一票否决": Grade,
}

// direction is +1, −1, or 0 where the sheet does not say; ok is false for a word that is neither.
func direction(word string) (sign int, ok bool) {
	switch strings.ToLower(xlsx.Fold(word)) {
	case "":
		return 0, true
	case "add", "加", "加分", "+", "正", "正向", "奖励", "加分项":
		return 1, true
	case "deduct", "扣", "扣分", "减", "减分", "-", "负", "负向", "惩戒", "扣分项":
		return -1, true
	}
	return 0, false
}

// subjectOf reads whom a rule counts for, and who is credited; a remark in parentheses does not matter. 0 where the word
// says nothing.
func subjectOf(word string) (Subject, Credit) {
	word, _, _ = strings.Cut(xlsx.Fold(word), "(")
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(word, w) })
	}
	person := has("个人", "本人", "村民", "成员", "当事人", "居民")
	switch {
	case has("党员"):
		return Member, CreditSubject
	case has("户主", "家长"):
		return Person, CreditHead
	case has("每名成员", "每位成员", "每个成员", "全体成员", "全部成员", "所有成员", "每名家庭成员", "每位家庭成员", "每个家庭成员"):
		return Person, CreditMembers
	case person && has("户", "家庭") && has("和", "及", "与", "、", "+", "同时", "并"):
		return Household, CreditBoth
	case person && !has("户"), has("个人"):
		return Person, CreditSubject
	case has("户", "家庭"):
		return Household, CreditSubject
	case person:
		return Person, CreditSubject
	}
	return 0, CreditSubject
}

// subjectName is how a sheet writes whom a rule counts for.
func subjectName(s Subject, c Credit) string {
	switch c {
	case CreditHead:
		return "户主"
	case CreditMembers:
		return "每名成员"
	case CreditBoth:
		return "个人和户"
	}
	return SubjectNames[s]
}

// cut is at most n characters of s.
func cut(s string, n int) string {
	if rs := []rune(s); len(rs) > n {
		return string(rs[:n-1]) + "…"
	}
	return s
}
