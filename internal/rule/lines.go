package rule

import (
	"slices"

	"jishan/internal/points"
	"jishan/internal/xlsx"
)

// lines are the rows that write a rule out: one, or one for each worded rung.
func (r Rule) lines() [][]any {
	s := r.Spec
	kind, per := ShapeNames[s.Shape], ""
	if s.Kind != "" {
		kind = s.Kind
	}
	if s.Per != "" {
		per = pers[s.Per.index()].every
	}
	caps := s.CapText
	if caps == "" {
		caps = FormatCaps(s.Caps)
	}
	subject := s.Subject
	if subject == "" {
		subject = subjectName(r.Subject, s.Credit)
	}
	group, spend := s.Group, ""
	if s.GroupPer != "" {
		group += "（" + pers[s.GroupPer.index()].every + "）"
	}
	if s.ScoreOnly {
		spend = "不可兑换"
	}
	dir := "加分"
	if s.Deducts() {
		dir = "扣分"
	}
	line := func(item string, worth any) []any {
		return []any{r.Code, r.Category, item, worth, s.Unit, caps, subject, s.Evidence, dir, kind, per, group, spend, s.Remark}
	}
	number := func(p points.Amount) any { return xlsx.Number(p.String()) }
	switch {
	case s.Shape == Fixed || s.Shape == Base:
		return [][]any{line(r.Item, number(s.Points))}
	case s.Shape == Escalate && !slices.ContainsFunc(s.Steps, func(st Step) bool { return st.Label == "" }):
		var out [][]any
		for _, st := range s.Steps {
			out = append(out, line(r.Item+st.Label, number(st.Points)))
		}
		return out
	}
	return [][]any{line(r.Item, s.Text())}
}

// lines are the rows that write a version's terms out, behind its rules.
func (t Terms) lines() [][]any {
	var out [][]any
	line := func(category, item, worth, caps, kind string) {
		out = append(out, []any{"", category, item, worth, "", caps, "", "", "", kind, "", "", "", ""})
	}
	for _, l := range t.Limits {
		item := bookTotal
		if l.Category != "" {
			item = categoryTotal
		}
		line(l.Category, item, "", FormatCaps([]Cap{l.Cap}), kindLimit)
	}
	if t.Own.Rules > 0 {
		line("", "村自设条目", "", t.Own.text(), kindOwn)
	}
	return out
}
