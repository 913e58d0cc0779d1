package rule

import (
	"cmp"
	"slices"

	"jishan/internal/points"
)

// A month for the forecast: as many days, and as many weeks begun, as a month of 30 days can have.
const (
	forecastDays  = 30
	forecastWeeks = 6
)

// Forecast is the most that a household could earn in a month of 30 days under a book, were everything done that gives
// points as often as the caps allow. Base points and what cannot be spent are left out.
type Forecast struct {
	Most  points.Amount // rules without any bound counted once
	Open  []Rule        // rules that nothing bounds, neither a cap nor a limit
	Rules []Share       // what each rule brings, largest first, before limits
}

// Share is one rule's part of a forecast.
type Share struct {
	Rule   Rule
	Most   points.Amount
	Bounds bool // false: nothing bounds it, Most is one award
}

// MostPerMonth forecasts for a household of so many persons.
func MostPerMonth(rules []Rule, terms Terms, persons int) Forecast {
	var f Forecast
	byCategory := map[string][]Share{}
	groups := map[string][]Share{}
	for _, r := range rules {
		s := r.Spec
		if s.Deducts() || s.ScoreOnly || s.Shape == Grade || s.Shape == Base {
			continue
		}
		share := r.mostPerMonth(persons)
		f.Rules = append(f.Rules, share)
		if s.Group != "" && share.Bounds {
			groups[s.Group] = append(groups[s.Group], share)
			continue
		}
		byCategory[r.Category] = append(byCategory[r.Category], share)
	}
	for name, g := range groups {
		category := g[0].Rule.Category
		if slices.ContainsFunc(g, func(s Share) bool { return s.Rule.Category != category }) {
			category = "\x00" + name // which of the categories' limits holds depends on which rule is the highest: none is counted on
		}
		byCategory[category] = append(byCategory[category], highestOf(g, persons))
	}
	var open []Rule
	for category, shares := range byCategory {
		sum, loose := points.Amount(0), []Rule(nil)
		for _, s := range shares {
			sum += s.Most
			if !s.Bounds {
				loose = append(loose, s.Rule)
			}
		}
		if limit, ok := limitPerMonth(terms, category, persons); ok && (len(loose) > 0 || limit < sum) {
			sum, loose = limit, nil
		}
		f.Most += sum
		open = append(open, loose...)
	}
	if limit, ok := limitPerMonth(terms, "", persons); ok && (len(open) > 0 || limit < f.Most) {
		f.Most, open = limit, nil
	}
	slices.SortFunc(open, func(a, b Rule) int { return a.Sort - b.Sort })
	f.Open = open
	slices.SortStableFunc(f.Rules, func(a, b Share) int { return cmp.Compare(b.Most, a.Most) })
	return f
}

// inMonth is how many stretches of a kind a month touches.
func (p Per) inMonth() int {
	switch p {
	case PerDay:
		return forecastDays
	case PerWeek:
		return forecastWeeks
	}
	return 1
}

// mostPerMonth is what the rule can bring a household in a month.
func (r Rule) mostPerMonth(persons int) Share {
	s := r.Spec
	one, sized := s.most()
	heads := 1
	if r.Subject == Person && s.Credit != CreditHead {
		heads = persons
	}
	times, most := -1, points.Amount(-1) // −1: unbounded
	if s.Shape == Tiers {
		most = s.Tiers[len(s.Tiers)-1].Points * points.Amount(heads) // in all, however many times
	}
	for _, c := range s.Caps {
		n := c.Per.inMonth()
		switch {
		case c.Who == WhoSubject:
			n *= heads
		case c.Who == WhoPerson:
			n *= persons
		}
		if c.Times > 0 && (times < 0 || n*c.Times < times) {
			times = n * c.Times
		}
		if p := points.Amount(n) * c.Points; c.Points > 0 && c.Per != PerAct && (most < 0 || p < most) {
			most = p
		}
	}
	if p := one * points.Amount(times); times >= 0 && sized && (most < 0 || p < most) {
		most = p
	}
	if most < 0 {
		return Share{Rule: r, Most: one}
	}
	return Share{Rule: r, Most: most, Bounds: true}
}

// highestOf is what the rules of a group bring together: the highest in each stretch.
func highestOf(g []Share, persons int) Share {
	out := g[0]
	sum, stretches := points.Amount(0), 1
	for _, s := range g {
		sum += s.Most
		if s.Most > out.Most {
			out = s
		}
		stretches = max(stretches, s.Rule.Spec.groupPer().inMonth())
	}
	one := points.Amount(0)
	for _, s := range g {
		if p, ok := s.Rule.Spec.most(); ok {
			one = max(one, p*points.Amount(max(1, persons)))
		}
	}
	if out.Most = sum; one > 0 {
		out.Most = min(sum, one*points.Amount(stretches))
	}
	return out
}

// limitPerMonth is the tightest limit on a category, or with "" on the whole book.
func limitPerMonth(t Terms, category string, persons int) (most points.Amount, ok bool) {
	for _, l := range t.Limits {
		if l.Category != category || l.Points == 0 {
			continue
		}
		p := l.Points * points.Amount(l.Per.inMonth())
		if l.Who == WhoPerson {
			p *= points.Amount(persons)
		}
		if !ok || p < most {
			most, ok = p, true
		}
	}
	return most, ok
}
