package rule

import (
	"slices"
	"strings"
	"unicode/utf8"

	"jishan/internal/points"
)

const (
	maxPoints  = points.Amount(100_000 * 100) // of one award
	maxText    = 200                          // runes of the sheet's own words
	maxName    = 50                           // runes of a level, a group or a grade
	maxSteps   = 50
	maxCapSize = 1_000_000
)

// Validate is nil for a Spec that Evaluate understands; otherwise an ErrSpec that says in Chinese what to change.
func (s Spec) Validate() error {
	if err := s.validateStray(); err != nil {
		return err
	}
	if err := s.validateShape(); err != nil {
		return err
	}
	if err := validateCaps(s.Caps); err != nil {
		return err
	}
	switch {
	case s.Per != "" && (s.Per == PerAct || s.Per.index() < 0):
		return ErrSpec.With("累次的时段「%s」无法识别", s.Per)
	case s.GroupPer != "" && (s.Group == "" || s.GroupPer == PerAct || s.GroupPer.index() < 0):
		return ErrSpec.With("取高组的时段有误：要先填取高组，时段用每日、每月、每季度、每年或累计")
	case strings.HasPrefix(s.Group, "#"), tooLong(s.Group, maxName), tooLong(s.Grade, maxName):
		return ErrSpec.With("取高组和等次不超过 %d 字，取高组不能以 # 开头", maxName)
	case !slices.Contains([]Credit{CreditSubject, CreditHead, CreditMembers, CreditBoth}, s.Credit):
		return ErrSpec.With("记给谁「%s」无法识别", s.Credit)
	}
	for _, t := range []string{s.Unit, s.Subject, s.Evidence, s.CapText, s.Kind, s.Remark} {
		if tooLong(t, maxText) {
			return ErrSpec.With("说明文字不能超过 %d 字", maxText)
		}
	}
	return nil
}

func tooLong(s string, most int) bool {
	return utf8.RuneCountInString(s) > most || !utf8.ValidString(s)
}

func validateCaps(caps []Cap) error {
	for k, c := range caps {
		if err := c.validate(); err != nil {
			return err
		}
		if k > 0 && compareCaps(caps[k-1], c) >= 0 {
			return ErrSpec.With("上限要从短到长排列，同一时段只写一次")
		}
	}
	return nil
}

// compareCaps orders caps as a Spec keeps them: from short to long stretches, and by whom they count for.
func compareCaps(a, b Cap) int {
	if d := a.Per.index() - b.Per.index(); d != 0 {
		return d
	}
	return strings.Compare(string(a.Who), string(b.Who))
}

func (c Cap) validate() error {
	i := c.Per.index()
	switch {
	case i < 0:
		return ErrSpec.With("上限的时段「%s」无法识别", c.Per)
	case c.Times < 0 || c.Points < 0:
		return ErrSpec.With("%s的上限不能是负数", pers[i].every)
	case c.Times == 0 && c.Points == 0:
		return ErrSpec.With("%s的上限没有填次数或分数", pers[i].every)
	case c.Times > maxCapSize || c.Points > points.Whole(maxCapSize):
		return ErrSpec.With("%s的上限太大", pers[i].every)
	case c.Per == PerAct && (c.Times != 0 || c.Who != WhoSubject):
		return ErrSpec.With("每次的上限只能是分数")
	case c.Who != WhoSubject && c.Who != WhoHousehold && c.Who != WhoPerson:
		return ErrSpec.With("上限的对象「%s」无法识别", c.Who)
	}
	return nil
}

// validateStray refuses fields that belong to another shape: they would be silently without effect.
func (s Spec) validateStray() error {
	name, ok := ShapeNames[s.Shape]
	if !ok {
		return ErrSpec.With("计分类型「%s」无法识别", s.Shape)
	}
	for _, f := range []struct {
		set    bool
		shapes []Shape
	}{
		{s.Points != 0, []Shape{Fixed, Double, Block, Base}},
		{s.Min != 0 || s.Step != 0, []Shape{Range}},
		{s.Max != 0, []Shape{Range, Double}},
		{s.Less != 0, []Shape{Block}},
		{s.Levels != nil, []Shape{Levels}},
		{s.Steps != nil, []Shape{Escalate}},
		{s.Tiers != nil, []Shape{Tiers}},
		{s.Bands != nil || s.Whole || s.Share, []Shape{Amount}},
		{s.Per != "", []Shape{Escalate, Double, Tiers, Amount}},
		{s.Grade != "" || s.Lowers || s.Veto, []Shape{Grade}},
	} {
		if f.set && !slices.Contains(f.shapes, s.Shape) {
			return ErrSpec.With("计分类型是「%s」，却填了别的类型的内容", name)
		}
	}
	return nil
}

// bad reports an amount that one award cannot be.
func bad(a points.Amount) bool { return a == 0 || a.Abs() > maxPoints }

// opposed reports amounts of different sign.
func opposed(a, b points.Amount) bool { return (a < 0) != (b < 0) }

func (s Spec) validateShape() error {
	switch s.Shape {
	case Fixed, Double, Block, Base:
		return s.validatePoints()
	case Range:
		switch {
		case s.Max == 0 || s.Min != 0 && opposed(s.Min, s.Max):
			return ErrSpec.With("区间的两端要同为加分或同为扣分，大的一端不能是 0")
		case s.Min.Abs() >= s.Max.Abs() || bad(s.Max):
			return ErrSpec.With("区间要从小到大填写，且不能超过 %s", maxPoints)
		case s.Step < 0 || s.Step > s.Max.Abs()-s.Min.Abs():
			return ErrSpec.With("区间的步长不合适：应在 0 与 %s 之间", s.Max.Abs()-s.Min.Abs())
		}
	case Levels:
		return s.validateLevels()
	case Escalate:
		if len(s.Steps) < 2 || len(s.Steps) > maxSteps {
			return ErrSpec.With("累次加重要填 2 到 %d 档", maxSteps)
		}
		for _, st := range s.Steps {
			if bad(st.Points) || opposed(st.Points, s.Steps[0].Points) {
				return ErrSpec.With("累次加重的各档要同为加分或同为扣分，不能是 0，也不能超过 %s", maxPoints)
			}
			if tooLong(st.Label, maxText) {
				return ErrSpec.With("说明文字不能超过 %d 字", maxText)
			}
		}
	case Tiers:
		return s.validateTiers()
	case Amount:
		return s.validateBands()
	case Grade:
		if len(s.Caps) > 0 || s.Group != "" || s.ScoreOnly {
			return ErrSpec.With("直接定级的条目没有分值，不能有上限、取高组或不可兑换")
		}
	}
	return nil
}

func (s Spec) validatePoints() error {
	if bad(s.Points) {
		return ErrSpec.With("分值不能是 0，也不能超过 %s", maxPoints)
	}
	switch s.Shape {
	case Double:
		if s.Max != 0 && (opposed(s.Max, s.Points) || s.Max.Abs() < s.Points.Abs() || bad(s.Max)) {
			return ErrSpec.With("加倍的最高分要与第一次的分值同为加分或同为扣分，且不小于它")
		}
	case Block:
		if s.Points < 0 || s.Less <= 0 || s.Less > s.Points {
			return ErrSpec.With("满分要大于 0，每处扣的分要大于 0 且不超过满分")
		}
	case Base:
		if s.Points < 0 || len(s.Caps) > 0 || s.Group != "" {
			return ErrSpec.With("基础分要大于 0，每年度自动只给一次，不用填上限和取高组")
		}
	}
	return nil
}

func (s Spec) validateLevels() error {
	if len(s.Levels) < 2 || len(s.Levels) > maxSteps {
		return ErrSpec.With("分级要填 2 到 %d 级", maxSteps)
	}
	names := map[string]bool{}
	for _, l := range s.Levels {
		switch {
		case l.Name == "" || tooLong(l.Name, maxName) || names[l.Name] || l.Name != oneLine(l.Name) || strings.ContainsAny(l.Name, "：；:;"):
			return ErrSpec.With("各级要有不同的名称，不超过 %d 字，不含冒号、分号", maxName)
		case bad(l.Points) || opposed(l.Points, s.Levels[0].Points):
			return ErrSpec.With("各级的分值要同为加分或同为扣分，不能是 0，也不能超过 %s", maxPoints)
		case l.Max != 0 && (bad(l.Max) || opposed(l.Max, l.Points) || l.Max.Abs() <= l.Points.Abs()):
			return ErrSpec.With("「%s」的分值范围要从小到大，同为加分或同为扣分", l.Name)
		}
		names[l.Name] = true
	}
	return nil
}

func (s Spec) validateTiers() error {
	if len(s.Tiers) < 1 || len(s.Tiers) > maxSteps {
		return ErrSpec.With("累计分档要填 1 到 %d 档", maxSteps)
	}
	for i, x := range s.Tiers {
		switch {
		case x.At <= 0 || x.At > points.Whole(maxCapSize) || bad(x.Points) || opposed(x.Points, s.Tiers[0].Points):
			return ErrSpec.With("各档的数量要大于 0，分值要同为加分或同为扣分，不能是 0，也不能超过 %s", maxPoints)
		case i > 0 && (x.At <= s.Tiers[i-1].At || x.Points.Abs() <= s.Tiers[i-1].Points.Abs()):
			return ErrSpec.With("累计分档的数量和分值都要一档比一档大：写的是到这一档为止一共得多少分")
		}
	}
	return nil
}

func (s Spec) validateBands() error {
	if len(s.Bands) < 1 || len(s.Bands) > maxSteps {
		return ErrSpec.With("按量计分要填 1 到 %d 段", maxSteps)
	}
	for i, b := range s.Bands {
		switch {
		case b.From < 0 || b.Each < 0 || max(b.From, b.Each) > points.Whole(100*maxCapSize):
			return ErrSpec.With("按量计分的数量不能是负数，也不能太大")
		case bad(b.Points) || opposed(b.Points, s.Bands[0].Points):
			return ErrSpec.With("按量计分各段的分值要同为加分或同为扣分，不能是 0，也不能超过 %s", maxPoints)
		case i > 0 && b.From <= s.Bands[i-1].From:
			return ErrSpec.With("按量计分各段的起点要一段比一段大")
		case b.Each == 0 && (!s.Whole || s.Share || b.From == 0):
			return ErrSpec.With("没有写“每多少”的一段，要写明满多少一次计多少分")
		}
	}
	return nil
}

// Validate is nil for terms that hold together; otherwise an ErrSpec.
func (t Terms) Validate() error {
	seen := map[Limit]bool{}
	for _, l := range t.Limits {
		if err := l.Cap.validate(); err != nil {
			return err
		}
		id := Limit{l.Category, Cap{Per: l.Per, Who: l.Who}}
		switch {
		case l.Per == PerAct:
			return ErrSpec.With("总上限要写明每日、每周、每月、每季度、每年或累计")
		case len([]rune(l.Category)) > maxCategory || !utf8.ValidString(l.Category):
			return ErrSpec.With("类别不超过 %d 字", maxCategory)
		case seen[id]:
			return ErrSpec.With("同一类别、同一时段的总上限只写一次")
		}
		seen[id] = true
	}
	if len(t.Limits) > 200 {
		return ErrSpec.With("总上限最多 200 条")
	}
	if o := t.Own; o.Rules < 0 || o.Rules > maxRules || o.Deducts < 0 || o.Deducts > maxRules || o.Rules == 0 && o.Deducts != 0 || o.Points < 0 || o.Points > maxPoints || o.Rules == 0 && o.Points != 0 {
		return ErrSpec.With("村自设条目的条数应在 0 与 %d 之间，分值不超过 %s", maxRules, maxPoints)
	}
	return nil
}
