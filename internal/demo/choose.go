package demo

import (
	"math/rand/v2"

	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/id"
	"jishan/internal/points"
	"jishan/internal/rule"
)

// home is a household of the demo as its history needs it.
type home struct {
	ID      id.ID
	People  []id.ID
	Eager   float64 // 0–1: how often it does something for the village
	Balance points.Amount
}

// chooser makes up what happens: the same seed and the same village give the same year.
type chooser struct {
	r     *rand.Rand
	gains []rule.Rule // rules for households and persons that give points
	takes []rule.Rule // … that take points
	party []rule.Rule // rules for party members that give points
}

func newChooser(seed uint64, rules, party []rule.Rule) *chooser {
	c := &chooser{r: rand.New(rand.NewPCG(seed, 0x6869_7374))}
	for _, r := range rules {
		switch {
		case r.Spec.Shape == rule.Grade || r.Subject == rule.Member:
		case r.Spec.Deducts():
			c.takes = append(c.takes, r)
		default:
			c.gains = append(c.gains, r)
		}
	}
	for _, r := range party {
		if r.Spec.Shape != rule.Grade && !r.Spec.Deducts() && r.Subject == rule.Member {
			c.party = append(c.party, r)
		}
	}
	return c
}

// eagerness is squared, so that a board has a head and a long tail.
func (c *chooser) eagerness() float64 {
	x := c.r.Float64()
	return 0.15 + 0.85*x*x
}

// home picks one of the homes, the eager ones more often.
func (c *chooser) home(homes []home) *home {
	for {
		h := &homes[c.r.IntN(len(homes))]
		if c.r.Float64() < h.Eager {
			return h
		}
	}
}

// awards are n grants on days from–to. One in fifteen is a deduction. Rules early in the book are used more than late ones.
func (c *chooser) awards(homes []home, n int, from, to cal.Day) []award.Grant {
	out := make([]award.Grant, 0, n)
	for range n {
		rules := c.gains
		if len(c.takes) > 0 && c.r.IntN(15) == 0 {
			rules = c.takes
		}
		if len(rules) == 0 {
			break
		}
		r := rules[min(c.r.IntN(len(rules)), c.r.IntN(len(rules)))]
		h := c.home(homes)
		g := award.Grant{Rule: r.ID, Household: h.ID, Day: c.day(from, to), Points: c.points(r.Spec)}
		if r.Subject == rule.Person {
			g.Person = h.People[c.r.IntN(len(h.People))]
		}
		out = append(out, g)
	}
	return out
}

// members gives every party member an award with the given chance in percent.
func (c *chooser) members(members []id.ID, percent int, from, to cal.Day) []award.Grant {
	var out []award.Grant
	for _, m := range members {
		if len(c.party) == 0 || c.r.IntN(100) >= percent {
			continue
		}
		r := c.party[c.r.IntN(len(c.party))]
		out = append(out, award.Grant{Rule: r.ID, Member: m, Day: c.day(from, to), Points: c.points(r.Spec)})
	}
	return out
}

func (c *chooser) day(from, to cal.Day) cal.Day { return from.Add(c.r.IntN(to.Sub(from) + 1)) }

// points are chosen where the rule leaves a choice, whole points where the range allows it.
func (c *chooser) points(s rule.Spec) *points.Amount {
	if s.Shape != rule.Range {
		return nil
	}
	step := s.Step
	if step == 0 {
		step = min(points.Whole(1), s.Max.Abs()-s.Min.Abs())
	}
	n := int((s.Max.Abs() - s.Min.Abs()) / step)
	p := s.Min.Abs() + step*points.Amount(c.r.IntN(n+1))
	if s.Max < 0 {
		p = -p
	}
	return &p
}

// item is a product on a shelf, as a basket needs it.
type item struct {
	ID    id.ID
	Price points.Amount
}

// basket is one to three different things that the balance pays for; empty where it pays for none.
func (c *chooser) basket(shelf []item, balance points.Amount) (lines []basketLine, total points.Amount) {
	for _, i := range c.r.Perm(len(shelf))[:min(len(shelf), 4)] {
		n := 1 + int64(c.r.IntN(2))
		cost := shelf[i].Price * points.Amount(n)
		if total+cost > balance {
			continue
		}
		lines = append(lines, basketLine{shelf[i].ID, n})
		if total += cost; len(lines) == 3 || c.r.IntN(2) == 0 {
			break
		}
	}
	return lines, total
}

type basketLine struct {
	Product  id.ID
	Quantity int64
}
