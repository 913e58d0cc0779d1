package rule

import (
	"fmt"

	"jishan/internal/points"
)

// twice refuses a second award by the same rule for the same act.
func (c *evaluation) twice() error {
	for _, p := range c.past {
		if c.facts.Act != "" && p.Act == c.facts.Act && c.own(p) {
			return ErrTwice.With("「%s」已按「%s」计过，不能再计", c.facts.Act, c.rule.name())
		}
	}
	return nil
}

// highest leaves of want what the awards that stand for the same act, or in the same group, fall short of it: in any
// order of awards the act has brought the highest, once.
func (c *evaluation) highest(want points.Amount) (left points.Amount, text string, err error) {
	if err := c.twice(); err != nil {
		return 0, "", err
	}
	var had points.Amount
	name := ""
	for _, p := range c.past {
		if c.same(p) && p.Points != 0 && !opposed(p.Points, want) {
			had += p.Points.Abs()
			name = p.Item
		}
	}
	switch {
	case had == 0 || want == 0:
		return want, "", nil
	case had >= want.Abs():
		return 0, "", ErrLower.With("同一件事已按「%s」计 %s 分，只计最高的一条", cut(name, 30), had)
	}
	return signed(want.Abs()-had, want), fmt.Sprintf("同一件事已按「%s」计 %s，按最高的一条 %s 补足", cut(name, 30), had, want.Abs()), nil
}

// same reports whether a past award was for the same act, or for one of which only the highest counts. Where both name
// their act, the names decide. Two members of one household may each be rewarded for it.
func (c *evaluation) same(p Past) bool {
	f := c.facts
	if p.Subject != f.Subject && p.Subject != f.Household && p.Household != f.Subject {
		return false
	}
	if f.Act != "" && p.Act != "" {
		return f.Act == p.Act
	}
	if c.spec.Group == "" || p.Group != c.spec.Group {
		return false
	}
	from, to := c.spec.groupPer().span(f.Day, c.start)
	return from <= p.Day && p.Day <= to
}

// room is how much magnitude the caps and limits leave for an award of want, and the explanation of the tightest in points.
func (c *evaluation) room(want points.Amount) (left points.Amount, text string, err error) {
	left = want.Abs()
	tighten := func(b Cap, scope string, counts func(Past) bool) error {
		room, said, err := c.under(b, scope, want, counts)
		if err == nil && room >= 0 && room < left {
			left, text = room, said
		}
		return err
	}
	for _, b := range c.spec.Caps {
		counts := c.own
		switch b.Who {
		case WhoHousehold:
			counts = func(p Past) bool { return p.Lineage == c.rule.Lineage && p.Household == c.facts.Household }
		case WhoPerson:
			if c.facts.Person == 0 {
				continue
			}
			counts = func(p Past) bool { return p.Lineage == c.rule.Lineage && p.Person == c.facts.Person }
		}
		if err := tighten(b, "", counts); err != nil {
			return 0, "", err
		}
	}
	for _, l := range c.rule.Limits {
		if l.Category != "" && l.Category != c.rule.Category || l.Who == WhoPerson && c.facts.Person == 0 {
			continue
		}
		scope := "各类合计"
		if l.Category != "" {
			scope = "「" + l.Category + "」合计"
		}
		err := tighten(l.Cap, scope, func(p Past) bool {
			return p.Group != baseGroup && (l.Category == "" || p.Category == l.Category) && (l.Who != WhoPerson || p.Person == c.facts.Person)
		})
		if err != nil {
			return 0, "", err
		}
	}
	return left, text, nil
}

// under is the room that one cap leaves; −1 where it does not bound points.
func (c *evaluation) under(b Cap, scope string, want points.Amount, counts func(Past) bool) (room points.Amount, text string, err error) {
	verb, got := "加", "得"
	if want < 0 {
		verb, got = "扣", "扣"
	}
	i := b.Per.index()
	if i < 0 {
		return 0, "", ErrSpec.With("上限的时段「%s」无法识别", b.Per)
	}
	within := scope + pers[i].within
	if b.Who != WhoSubject {
		within = map[Who]string{WhoHousehold: "全户", WhoPerson: "每人"}[b.Who] + within
	}
	from, to := b.Per.span(c.facts.Day, c.start)
	times, used := 0, points.Amount(0)
	for _, p := range c.past {
		alike := p.Points == 0 || want == 0 || !opposed(p.Points, want)
		if b.Per != PerAct && from <= p.Day && p.Day <= to && alike && counts(p) {
			times += p.times()
			used += p.Points.Abs()
		}
	}
	switch {
	case b.Times > 0 && times >= b.Times:
		return 0, "", ErrCapped.With("%s已%s满 %d 次，不能再%s", within, verb, b.Times, verb)
	case b.Points == 0 || want == 0:
		return -1, "", nil
	case used >= b.Points:
		return 0, "", ErrCapped.With("%s上限 %s 分，已%s满，不能再%s", within, b.Points, got, verb)
	case b.Per == PerAct:
		return b.Points, fmt.Sprintf("每次上限 %s，应计 %s", b.Points, want.Abs()), nil
	}
	rest := b.Points - used
	return rest, fmt.Sprintf("%s上限 %s，已%s %s，本次计 %s", within, b.Points, got, used, rest), nil
}
