package trial

import (
	"context"
	"fmt"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/money"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
	"jishan/internal/shop"
)

// usualPersons is how many persons a household has where nobody says.
const usualPersons = 3

// tooMany is how many of the cheapest goods a month's points may buy before a book is warned of.
const tooMany = 5

// Forecast is the most that a household could earn in a month under a version, and what that would buy.
type Forecast struct {
	Persons  int
	Most     points.Amount // rules that nothing bounds counted once
	MostFen  money.Fen     // at the village's rate
	Rate     money.Rate    // zero where no merchant serves the village
	Cheapest shop.Product  // its Price is 0 where nothing is on sale
	Buys     int64         // how many of the cheapest
	Open     []rule.Rule   // rules that nothing bounds
	Top      []rule.Share  // the rules that bring most, at most ten
	Warnings []string      // Chinese; to be read before the version is adopted
}

// Forecast says what a version could bring a household of so many persons (0: three) in a month. Prices are those of the
// village; without one those of the book's region. Needs the right to read the version's rules.
func (s *Service) Forecast(ctx context.Context, actor auth.Actor, version, village id.ID, persons int) (Forecast, error) {
	book, v, rules, err := s.rules.Version(ctx, actor, version)
	if err != nil {
		return Forecast{}, err
	}
	if village != 0 {
		if err := actor.InRegion(auth.RuleRead, village); err != nil {
			return Forecast{}, err
		}
	}
	if persons <= 0 {
		persons = usualPersons
	}
	most := rule.MostPerMonth(rules, v.Terms, persons)
	out := Forecast{Persons: persons, Most: most.Most, Open: most.Open, Top: most.Rules[:min(10, len(most.Rules))]}
	if book.Asset == ledger.PartyScore { // a member's score buys nothing
		out.Warnings = out.warnings()
		return out, nil
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		villages, err := villagesOf(tx, book.Region, village)
		if err != nil || len(villages) == 0 {
			return err
		}
		prices, err := shop.PricesOf(tx, villages)
		if err != nil {
			return err
		}
		out.Rate, out.Cheapest = prices.Rate, prices.Cheapest
		if prices.Rate.Points > 0 {
			out.MostFen = prices.Rate.Value(out.Most)
		}
		if p := prices.Cheapest.Price; p > 0 {
			out.Buys = int64(out.Most / p)
		}
		return nil
	})
	out.Warnings = out.warnings()
	return out, err
}

// villagesOf are the villages whose prices count: the one that is named, the one whose book it is, or all of the township.
func villagesOf(tx db.Tx, region, village id.ID) ([]id.ID, error) {
	all, err := people.AllRegions(tx)
	if err != nil {
		return nil, err
	}
	var out []id.ID
	for _, r := range all {
		inBook := r.ID == region || r.Township == region
		if r.Kind == people.Village && inBook && (village == 0 || village == r.ID) {
			out = append(out, r.ID)
		}
	}
	if village != 0 && len(out) == 0 {
		return nil, errs.ErrNotFound.New()
	}
	return out, nil
}

func (f Forecast) warnings() []string {
	var out []string
	if n := len(f.Open); n > 0 {
		names := ""
		for i, r := range f.Open[:min(3, n)] {
			if i > 0 {
				names += "、"
			}
			names += "「" + r.Item + "」"
		}
		if n > 3 {
			names += "等"
		}
		out = append(out, fmt.Sprintf("%s%d 条加分没有任何上限，记多少次就得多少分；请给它们加上限，或给全书加总上限", names, n))
	}
	if f.Buys >= tooMany {
		text := fmt.Sprintf("一户（%d 人）一个月最多可得 %s 分，而最便宜的“%s”只要 %s 分，够换 %d %s", f.Persons, f.Most, f.Cheapest.Name, f.Cheapest.Price, f.Buys, unit(f.Cheapest))
		if f.Rate.Points > 0 {
			text += fmt.Sprintf("，折合 %s 元", f.MostFen)
		}
		out = append(out, text+"；请确认兑换资金够用，或调低分值、加总上限")
	}
	return out
}

func unit(p shop.Product) string {
	if p.Unit == "" {
		return "份"
	}
	return p.Unit
}
