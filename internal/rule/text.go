package rule

import "strings"

// Text is how a sheet writes the points of a rule; parseWorth reads it back. Units stand in their own column.
func (s Spec) Text() string {
	switch s.Shape {
	case Fixed, Base:
		return s.Points.String()
	case Range:
		t := s.Min.String() + "～" + s.Max.String()
		if s.Step > 0 {
			t += "（每" + s.Step.String() + "分一档）"
		}
		return t
	case Levels:
		return list(s.Levels, func(l Level) string {
			if l.Max != 0 {
				return l.Name + "：" + l.Points.String() + "～" + l.Max.String()
			}
			return l.Name + "：" + l.Points.String()
		})
	case Escalate:
		parts := make([]string, len(s.Steps))
		for i, st := range s.Steps {
			parts[i] = st.Points.String()
		}
		return strings.Join(parts, "/")
	case Double:
		t := s.Points.String() + "，再犯加倍"
		if s.Max != 0 {
			t += "，最多" + s.Max.String()
		}
		return t
	case Tiers:
		return "累计" + list(s.Tiers, func(t Tier) string { return "满" + t.At.String() + "得" + t.Points.String() })
	case Amount:
		return s.bandsText()
	case Block:
		return "满分" + s.Points.String() + "，每处-" + s.Less.String()
	case Grade:
		var parts []string
		if s.Veto {
			parts = append(parts, "一票否决")
		}
		switch {
		case s.Grade != "" && isConsequence(s.Grade):
			parts = append(parts, s.Grade)
		case s.Grade != "":
			parts = append(parts, "定为"+s.Grade)
		}
		return strings.Join(parts, "，")
	}
	return ""
}

func (s Spec) bandsText() string {
	full := false // a band that only a whole quantity has
	t := list(s.Bands, func(b Band) string {
		each := "计"
		if b.Each != 0 {
			each = "每" + b.Each.String() + "计"
		}
		from := ""
		switch {
		case s.Whole && b.From != 0:
			from, full = "满"+b.From.String(), true
		case b.From != 0:
			from = b.From.String() + "以上部分"
		}
		return from + each + b.Points.String()
	})
	if s.Whole && !full {
		t += "，整额"
	}
	if s.Share {
		t += "，按比例"
	}
	return t
}

func list[T any](items []T, text func(T) string) string {
	parts := make([]string, len(items))
	for i, x := range items {
		parts[i] = text(x)
	}
	return strings.Join(parts, "；")
}

// Says is the rule's worth as screens show it, with its unit: 每 100 元 1 分.
func (s Spec) Says() string {
	t := s.Text()
	if t == "" || s.Shape == Grade {
		return t
	}
	if u := s.unit(); u != "" && (s.Shape == Tiers || s.Shape == Amount) {
		t += "（单位：" + u + "）"
	}
	return t
}
