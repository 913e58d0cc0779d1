package growth

import (
	"context"
	"fmt"

	"jishan/internal/app"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/money"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
	"jishan/internal/shop"
)

// County is an empty county: regions, rules, shops and people, and no point moved yet.
type County struct {
	Plan // complete but for From, To, Rows and Workers
	ID   id.ID
	Town id.ID // all villages lie in it
}

// Found makes a county of so many villages with so many houses each. Its rule book is in force from the day on.
func Found(ctx context.Context, s *app.Services, d *db.DB, villages, houses int, from cal.Day) (*County, error) {
	c := &County{}
	if err := c.found(ctx, s, d, villages, houses, from); err != nil {
		return nil, fmt.Errorf("founding a county: %w", err)
	}
	return c, nil
}

func (c *County) found(ctx context.Context, s *app.Services, d *db.DB, villages, houses int, from cal.Day) error {
	system := auth.System("growth")
	region := func(parent id.ID, kind people.RegionKind, code, name string) (id.ID, error) {
		r, err := s.People.CreateRegion(ctx, system, people.NewRegion{Parent: parent, Kind: kind, Code: code, Name: name})
		return r.ID, err
	}
	var err error
	if c.ID, err = region(0, people.County, "500100", "青山县"); err != nil {
		return err
	}
	if c.Town, err = region(c.ID, people.Township, "500100101", "渔溪镇"); err != nil {
		return err
	}
	if err := c.rules(ctx, s, d, from); err != nil {
		return err
	}
	c.Price = points.Whole(10)
	for i := range villages {
		v := Village{Officer: id.New()}
		if v.ID, err = region(c.Town, people.Village, fmt.Sprintf("500100101%03d", i+1), fmt.Sprintf("第%d村", i+1)); err != nil {
			return err
		}
		if v.Houses, err = Settle(ctx, d, v.ID, houses); err != nil {
			return err
		}
		m, err := s.Shops.CreateMerchant(ctx, system, shop.MerchantInput{Name: fmt.Sprintf("第%d村商店", i+1), Region: c.Town, FreeAmount: true})
		if err != nil {
			return err
		}
		v.Merchant = m.ID
		err = s.Shops.SetContract(ctx, system, shop.Contract{Merchant: m.ID, Village: v.ID, Rate: money.Rate{Points: points.Whole(10), Fen: 100}, State: shop.Serving})
		if err != nil {
			return err
		}
		p, err := s.Shops.CreateProduct(ctx, system, idempotency.Request{}, shop.ProductInput{Merchant: m.ID, Name: "洗衣粉", Unit: "袋", Price: c.Price, Stock: 1_000_000})
		if err != nil {
			return err
		}
		v.Product = p.ID
		c.Villages = append(c.Villages, v)
	}
	return nil
}

func (c *County) rules(ctx context.Context, s *app.Services, d *db.DB, from cal.Day) error {
	system := auth.System("growth")
	book, err := s.Rules.CreateBook(ctx, system, rule.NewBook{Region: c.Town, Asset: ledger.Points, Name: "积分细则"})
	if err != nil {
		return err
	}
	often := []rule.Cap{{Per: rule.PerDay, Times: 1_000_000}} // a cap, so that the past is read
	for _, r := range []struct {
		out            *rule.Rule
		category, item string
		subject        rule.Subject
		points         int64
	}{
		{&c.House, "环境", "庭院整洁", rule.Household, 5}, {&c.Person, "互助", "好人好事", rule.Person, 2}, {&c.Deduct, "环境", "乱扔垃圾", rule.Household, -3},
	} {
		*r.out, err = s.Rules.AddRule(ctx, system, book.Versions[0].ID, rule.Input{Category: r.category, Item: r.item, Subject: r.subject,
			Spec: rule.Spec{Shape: rule.Fixed, Points: points.Whole(r.points), Caps: often}})
		if err != nil {
			return err
		}
	}
	_, err = s.Rules.Adopt(ctx, system, book.Versions[0].ID, rule.Adoption{Meeting: "村民代表会议", On: from, VotesFor: 30, From: from})
	return err
}
