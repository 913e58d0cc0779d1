package rule

import (
	"regexp"
	"strings"

	"jishan/internal/points"
	"jishan/internal/xlsx"
)

// kindWords are the names of shapes in sheets; 类型 in any of them.
var kindWords = map[string]Shape{
	"flat": Fixed, "fixed": Fixed, "固定": Fixed, "固定分值": Fixed, "固定分": Fixed,
	"range": Range, "区间": Range, "范围": Range, "幅度": Range, "区间分": Range,
	"repeat_escalation": Escalate, "escalate": Escalate, "累次加重": Escalate, "逐次加重": Escalate, "累犯加重": Escalate, "逐次递增": Escalate,
	"direct_grade": Grade, "grade": Grade, "直接定级": Grade, "定级": Grade, "直接定等": Grade,
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

// subjectOf reads whom a rule counts for; a remark in parentheses does not matter. 0 where the word says nothing.
func subjectOf(word string) Subject {
	word, _, _ = strings.Cut(xlsx.Fold(word), "(")
	switch {
	case strings.Contains(word, "党员"):
		return Member
	case strings.Contains(word, "个人"), strings.Contains(word, "村民"), strings.Contains(word, "成员"), strings.Contains(word, "本人"):
		return Person
	case strings.Contains(word, "户"), strings.Contains(word, "家庭"):
		return Household
	}
	return 0
}

// worth is what a cell of points says: one number, two ends of a range with a step, or the rungs of a repeat.
type worth struct {
	shape Shape // Fixed, Range or Escalate
	nums  []points.Amount
	step  points.Amount
}

var (
	rangeText = regexp.MustCompile(`^([+-]?[0-9.]+)分?(?:~|-|—|–|至|到)+?([+-]?[0-9.]+)分?(?:[(,](?:步长|每档|每)([0-9.]+)分?(?:一档)?\)?)?$`)
	wordsOff  = strings.NewReplacer("−", "-", "﹣", "-", "∼", "~", "〜", "~", "积分", "分", "个分", "分")
)

// parseWorth reads a cell of points. sign is the sheet's direction: with −1 a bare number is a deduction.
// The problem is Chinese; empty where there is none.
func parseWorth(text string, sign int) (w worth, problem string) {
	s := wordsOff.Replace(xlsx.Fold(text))
	for _, p := range []struct {
		word string
		sign int
	}{{"扣除", -1}, {"扣", -1}, {"减", -1}, {"奖励", 1}, {"奖", 1}, {"加", 1}} {
		if rest, ok := strings.CutPrefix(s, p.word); ok {
			if sign != 0 && sign != p.sign {
				return w, "分值与加扣方向不一致"
			}
			s, sign = rest, p.sign
			break
		}
	}
	var parts []string
	switch m := rangeText.FindStringSubmatch(s); {
	case m != nil:
		w.shape, parts = Range, m[1:3]
		if m[3] != "" {
			step, err := points.Parse(m[3])
			if err != nil || step <= 0 {
				return w, "区间的步长应是大于 0、最多两位小数的数字"
			}
			w.step = step
		}
	case strings.ContainsAny(s, "/、"):
		w.shape, parts = Escalate, strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == '、' })
	default:
		w.shape, parts = Fixed, []string{s}
	}
	for _, p := range parts {
		d, ok := xlsx.ParseDecimal(strings.TrimSuffix(p, "分"))
		n, err := points.Parse(d)
		if !ok || err != nil {
			return w, "分值「" + cut(text, 30) + "」无法识别，请填数字（最多两位小数）、区间如 2～5，或累次加重如 -8/-15/-20"
		}
		w.nums = append(w.nums, n)
	}
	return w.signed(sign)
}

func (w worth) signed(sign int) (worth, string) {
	plus, minus := false, false
	for _, n := range w.nums {
		plus, minus = plus || n > 0, minus || n < 0
	}
	switch {
	case len(w.nums) == 0 || !plus && !minus:
		return w, "分值不能是 0"
	case plus && minus:
		return w, "同一条的分值不能有正有负"
	case minus && sign > 0:
		return w, "方向是加分，分值却是负数"
	case plus && sign < 0:
		for i := range w.nums {
			w.nums[i] = -w.nums[i]
		}
	}
	return w, ""
}

// cut is at most n characters of s.
func cut(s string, n int) string {
	if rs := []rune(s); len(rs) > n {
		return string(rs[:n-1]) + "…"
	}
	return s
}
