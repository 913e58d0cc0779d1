package rule

import (
	"fmt"
	"strings"

	"jishan/internal/cal"
	"jishan/internal/points"
)

// worth is what the rule says before caps, and how the explanation begins.
func (c *evaluation) worth() (points.Amount, string, error) {
	s, name := c.spec, c.rule.name()
	switch s.Shape {
	case Fixed:
		return s.Points, name, nil
	case Range:
		p, err := c.choose(name, s.Min, s.Max, s.Step)
		return p, name, err
	case Levels:
		return c.level()
	case Escalate:
		n, _, _ := c.within(s.per())
		if len(s.Steps) == 0 {
			return 0, "", ErrSpec.New()
		}
		return s.Steps[min(n, len(s.Steps)-1)].Points, fmt.Sprintf("%s第 %d 次", name, n+1), nil
	case Double:
		n, _, _ := c.within(s.per())
		p, most := s.Points.Abs(), maxPoints
		if s.Max != 0 {
			most = s.Max.Abs()
		}
		for range min(n, 64) {
			p = min(2*p, most)
		}
		return signed(p, s.Points), fmt.Sprintf("%s第 %d 次", name, n+1), nil
	case Tiers:
		return c.tiers()
	case Amount:
		return c.amount()
	case Block:
		if c.facts.Spots == nil || *c.facts.Spots < 0 || *c.facts.Spots > maxCapSize {
			return 0, "", ErrFacts.With("「%s」要填发现几处问题，没有就填 0", name)
		}
		n := *c.facts.Spots
		return max(0, s.Points-s.Less*points.Amount(n)), fmt.Sprintf("%s满分 %s，%d 处", name, s.Points, n), nil
	case Base:
		year := cal.Period{Kind: cal.ByScheme, N: int32(c.facts.Day.Month().SchemeYear(c.start))}
		if n, _, _ := c.within(PerYear); n > 0 {
			return 0, "", ErrCapped.With("%d 年度的基础分已经给过", year.N)
		}
		return s.Points, fmt.Sprintf("%s（%d 年度）", name, year.N), nil
	}
	return 0, "", ErrSpec.With("计分类型「%s」无法识别", s.Shape)
}

// choose is the officer's choice between two ends.
func (c *evaluation) choose(name string, low, high, step points.Amount) (points.Amount, error) {
	text := between(low, high)
	if c.facts.Points == nil {
		return 0, ErrRange.With("「%s」要在 %s 之间选定分值", name, text)
	}
	p := *c.facts.Points
	if high < 0 && p > 0 {
		p = -p
	}
	if p == 0 || opposed(p, high) || p.Abs() < low.Abs() || p.Abs() > high.Abs() {
		return 0, ErrRange.With("「%s」的分值应在 %s 之间，填的是 %s", name, text, p)
	}
	if step > 0 && (p.Abs()-low.Abs())%step != 0 {
		return 0, ErrRange.With("「%s」的分值应从 %s 起每 %s 分一档，填的是 %s", name, low.Abs(), step, p.Abs())
	}
	return p, nil
}

// between is 2～5, or −2～−5.
func between(low, high points.Amount) string {
	if high < 0 {
		return low.Signed() + "～" + high.Signed()
	}
	return low.String() + "～" + high.String()
}

func (c *evaluation) level() (points.Amount, string, error) {
	names := make([]string, len(c.spec.Levels))
	for i, l := range c.spec.Levels {
		names[i] = l.Name
		if l.Name != c.facts.Level {
			continue
		}
		said := fmt.Sprintf("%s（%s）", c.rule.name(), l.Name)
		if l.Max != 0 {
			p, err := c.choose(c.rule.name()+"："+l.Name, l.Points, l.Max, 0)
			return p, said, err
		}
		if p := c.facts.Points; p != nil && *p != l.Points && *p != l.Points.Abs() {
			return 0, "", ErrRange.With("「%s」的分值由细则规定，不能自己填", c.rule.name()+"："+l.Name)
		}
		return l.Points, said, nil
	}
	return 0, "", ErrFacts.With("「%s」要选等级：%s", c.rule.name(), strings.Join(names, "、"))
}

// unit is what the rule counts, for explanations.
func (s Spec) unit() string {
	u := strings.TrimPrefix(strings.TrimPrefix(s.Unit, "每"), "次")
	if u == "" || len([]rune(u)) > 4 {
		return ""
	}
	return u
}

// count is a quantity with its unit: 4 小时.
func (s Spec) count(q points.Amount) string { return strings.TrimSpace(q.String() + " " + s.unit()) }

// quantity reads how much, which the rule cannot do without.
func (c *evaluation) quantity() (points.Amount, error) {
	q := c.facts.Quantity
	if q <= 0 || q > points.Whole(100*maxCapSize) {
		unit := c.spec.unit()
		if unit != "" {
			unit = "（" + unit + "）"
		}
		return 0, ErrFacts.With("「%s」按数量计分，请填数量%s", c.rule.name(), unit)
	}
	return q, nil
}

// tiers gives what the sum of quantities has reached, less what stands already. A quantity that reaches nothing new is
// still worth recording: later ones build on it.
func (c *evaluation) tiers() (points.Amount, string, error) {
	q, err := c.quantity()
	if err != nil {
		return 0, "", err
	}
	_, paid, before := c.within(c.spec.per())
	total := before + q
	reached := points.Amount(0)
	next := points.Amount(0)
	for _, t := range c.spec.Tiers {
		if total >= t.At {
			reached = t.Points
		} else if next == 0 {
			next = t.At
		}
	}
	said := fmt.Sprintf("%s %s，累计 %s", c.rule.name(), c.spec.count(q), total)
	if reached != 0 {
		said += fmt.Sprintf("，共计 %s", reached.Abs())
	}
	if next != 0 {
		said += fmt.Sprintf("，满 %s 进下一档", next)
	}
	return signed(max(0, reached.Abs()-paid.Abs()), c.spec.Tiers[0].Points), said, nil
}

// amount gives so much for each so many. Where quantities add up within a stretch, what stands already is taken off.
func (c *evaluation) amount() (points.Amount, string, error) {
	q, err := c.quantity()
	if err != nil {
		return 0, "", err
	}
	s := c.spec
	total, paid := q, points.Amount(0)
	said := c.rule.name() + " " + s.count(q)
	if s.Per != "" {
		_, p, before := c.within(s.Per)
		if total, paid = q+before, p; before > 0 {
			said += fmt.Sprintf("，%s共 %s", pers[s.Per.index()].within, total)
		}
	}
	give := max(0, s.worthOf(total).Abs()-paid.Abs())
	if give == 0 && s.Per == "" {
		return 0, "", ErrTooFew.With("「%s」填的是 %s，还不够计分", c.rule.name(), s.count(q))
	}
	return signed(give, s.Bands[0].Points), said, nil
}

// worthOf is what a quantity is worth by the bands, at most maxPoints by magnitude.
func (s Spec) worthOf(q points.Amount) points.Amount {
	var sum points.Amount
	for i, b := range s.Bands {
		if q < b.From || q == 0 {
			break
		}
		part := q
		if s.Whole {
			sum = 0 // the band reached last decides alone
		} else {
			part = q - b.From
			if i+1 < len(s.Bands) {
				part = min(part, s.Bands[i+1].From-b.From)
			}
		}
		sum += b.worth(part, s.Share)
		if sum.Abs() > maxPoints {
			return signed(maxPoints, sum)
		}
	}
	return sum
}

// worth is what a part of a quantity gives at the band's rate, rounded half up to hundredths where share is in proportion.
func (b Band) worth(part points.Amount, share bool) points.Amount {
	if b.Each == 0 {
		return b.Points
	}
	full, rest := part/b.Each, part%b.Each
	if full > maxPoints {
		full = maxPoints // of any rate this is more than an award can be
	}
	p := b.Points.Abs() * min(full, 2*maxPoints/b.Points.Abs()+1)
	if share {
		p += (b.Points.Abs()*rest*2 + b.Each) / (2 * b.Each)
	}
	return signed(p, b.Points)
}
