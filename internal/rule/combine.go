package rule

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"jishan/internal/xlsx"
)

// rungs is the item of an escalating row without its ordinal, and the ordinal's wording: 家禽散养 and （第二次发现）.
func rungs(item string) (base, label string, n int) {
	i := strings.LastIndexAny(item, "（(")
	if i < 0 {
		if i = strings.LastIndex(item, "第"); i < 0 {
			return item, "", 0
		}
	}
	if n = ordinal(xlsx.Fold(item[i:])); n == 0 {
		return item, "", 0
	}
	return strings.TrimSpace(item[:i]), item[i:], n
}

// combine makes one rule of the rows 第一次, 第二次, 第三次及以上 of the same item, notes rows that stand twice, and drops
// codes that are taken.
func (rd *reader) combine() []Input {
	var out []Input
	done := map[int]bool{}
	seen := map[string]entry{}
	codes := map[string]int{}
	for i, e := range rd.entries {
		if done[i] {
			continue
		}
		if e.shape == Escalate && e.Spec.Shape == Fixed {
			rd.escalate(&e, rd.entries[i:], func(j int) { done[i+j] = true })
		}
		if (e.shape == "" || e.shape == Tiers) && e.Spec.Shape == Fixed {
			rd.tiers(&e, rd.entries[i:], func(j int) { done[i+j] = true })
		}
		key := e.Category + "\x00" + e.Item
		if first, ok := seen[key]; ok {
			difference := "内容也相同"
			if first.Spec.Text() != e.Spec.Text() {
				difference = "分值不同"
			}
			rd.note(e.row, e.Item, Check, "与第 %d 行的条目相同（%s），两条都已导入，请核对", first.row, difference)
		} else {
			seen[key] = e
		}
		if first, ok := codes[e.Code]; ok && e.Code != "" {
			rd.note(e.row, e.Item, Check, "编号「%s」与第 %d 行重复，已另编一个", e.Code, first)
			e.Code = ""
		}
		codes[e.Code] = e.row
		out = append(out, e.Input)
	}
	return out
}

// escalate turns e, the first of rest, into the rule of all rungs among rest; a row whose rungs do not make a whole ladder
// stays a rule of fixed points, and says so.
func (rd *reader) escalate(e *entry, rest []entry, done func(int)) {
	base, _, _ := rungs(e.Item)
	type rung struct {
		at, n int
		label string
		entry
	}
	var found []rung
	for j, o := range rest {
		if o.shape != Escalate || o.Spec.Shape != Fixed || o.Category != e.Category {
			continue
		}
		if b, label, n := rungs(o.Item); n > 0 && b == base {
			found = append(found, rung{j, n, label, o})
		}
	}
	slices.SortStableFunc(found, func(a, b rung) int { return cmp.Compare(a.n, b.n) })
	spec := e.Spec
	spec.Shape, spec.Points = Escalate, 0
	whole := len(found) >= 2
	for i, r := range found {
		whole = whole && r.n == i+1 && r.Subject == e.Subject
		spec.Steps = append(spec.Steps, Step{Points: r.Spec.Points, Label: r.label})
	}
	if !whole || spec.Validate() != nil {
		e.Spec.Per = ""
		e.Spec.Kind = ShapeNames[Escalate]
		rd.note(e.row, e.Item, Partial, "没有找到配套的“第一次、第二次……”各行，不能逐次加重，已按固定分值 %s 导入", e.Spec.Text())
		return
	}
	rows := make([]string, len(found))
	for i, r := range found {
		rows[i] = fmt.Sprint(r.row)
		done(r.at)
		if !slices.Equal(r.Spec.Caps, e.Spec.Caps) || r.Spec.CapText != e.Spec.CapText || r.Spec.Evidence != e.Spec.Evidence || r.Spec.Unit != e.Spec.Unit {
			rd.note(r.row, r.Item, Check, "单位、上限或佐证与第 %d 行不同，合并后以第 %d 行为准", e.row, e.row)
		}
	}
	for i, r := range found {
		rd.note(r.row, r.Item, Combined, "第 %s 行合并为一条“%s”，第 %d 次计 %s", strings.Join(rows, "、"), cut(base, 40), i+1, spec.Steps[i].Points.Signed())
	}
	e.Item, e.Spec = base, spec
}

// tierItem is an item that speaks of a sum: 参加志愿服务时间累计达到10小时的.
var tierItem = regexp.MustCompile(`^(.*?累计.*?)(?:达到|达|满|超过)` + num + `(小时|次|天|学时|个小时|分钟)?(?:及?以上)?(?:的)?$`)

// tiers turns e, the first of rest, into the rule of all rows that say the same with a larger number: what they give is in
// all, not each.
func (rd *reader) tiers(e *entry, rest []entry, done func(int)) {
	m := tierItem.FindStringSubmatch(xlsx.Fold(e.Item))
	if m == nil {
		return
	}
	spec := e.Spec
	spec.Shape, spec.Points, spec.Unit = Tiers, 0, m[3]
	var found []int
	for j, o := range rest {
		x := tierItem.FindStringSubmatch(xlsx.Fold(o.Item))
		if x == nil || x[1] != m[1] || x[3] != m[3] || o.Category != e.Category || o.Spec.Shape != Fixed || o.Subject != e.Subject {
			continue
		}
		if at, ok := quantity(x[2]); ok {
			spec.Tiers = append(spec.Tiers, Tier{at, o.Spec.Points})
			found = append(found, j)
		}
	}
	if spec.Unit == "" {
		spec.Unit = e.Spec.Unit
	}
	if len(found) < 2 || spec.Validate() != nil {
		if e.Spec.Per = ""; len(found) > 1 {
			rd.note(e.row, e.Item, Check, "像是累计分档的一行，但各行的数量和分值不是一档比一档大，已按固定分值 %s 导入", e.Spec.Text())
		}
		return
	}
	base := strings.TrimRight(strings.Replace(m[1], "累计", "", 1), "时间,")
	for i, j := range found {
		done(j)
		rd.note(rest[j].row, rest[j].Item, Combined, "与同类各行合并为一条“%s”：累计满 %s%s 一共 %s 分", cut(base, 40), spec.Tiers[i].At, m[3], spec.Tiers[i].Points)
	}
	e.Item, e.Spec = base, spec
}
