package demo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/money"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
	"jishan/internal/shop"
)

// system is who sets the demo up.
var system = auth.System("演示")

// place is a village of the demo as it came into being.
type place struct {
	village
	Region  people.Region
	Homes   []home
	Members []id.ID // party members
	branch  id.ID
	officer auth.Actor
	choose  *chooser
	byID    map[id.ID]*home
	last    award.Outcome // the month's last award, to be corrected

	evaluation id.ID // of the quarter before
}

// market is a shop of the demo as it came into being.
type market struct {
	store
	ID    id.ID
	Shelf []item
	clerk auth.Actor
}

// regions makes county, township and villages, and the villages' settings.
func (f *filler) regions(ctx context.Context) (err error) {
	if f.county, err = f.w.People.CreateRegion(ctx, system, people.NewRegion{Kind: people.County, Code: countyCode, Name: countyName}); err != nil {
		return fmt.Errorf("making the county: %w", err)
	}
	if f.township, err = f.w.People.CreateRegion(ctx, system, people.NewRegion{Parent: f.county.ID, Kind: people.Township, Code: townshipCode, Name: townshipName}); err != nil {
		return fmt.Errorf("making the township: %w", err)
	}
	for i, v := range villages {
		r, err := f.w.People.CreateRegion(ctx, system, people.NewRegion{Parent: f.township.ID, Kind: people.Village, Code: v.Code, Name: v.Name, Sort: i + 1})
		if err != nil {
			return fmt.Errorf("making %s: %w", v.Name, err)
		}
		set := people.DefaultSettings(r.ID)
		set.Publish = true
		set.RedeemMin, set.RedeemMonthCap = points.Whole(10), points.Whole(1000)
		if i == 0 { // the pilot has thought about it for longer
			set.ExpiryMonths, set.SchemeStart = 24, 3
		}
		if err := f.w.People.UpdateSettings(ctx, system, set); err != nil {
			return fmt.Errorf("setting up %s: %w", v.Name, err)
		}
		f.places = append(f.places, &place{village: v, Region: r})
	}
	return nil
}

// households enters the rosters, as a village clerk would: from a sheet.
func (f *filler) households(ctx context.Context) error {
	for i, p := range f.places {
		report, err := f.w.People.ImportRoster(ctx, system, p.Region.ID, roster(newInventor(uint64(i+1)).families(max(p.Households*f.percent/100, 20), p.Groups)), people.ImportOptions{})
		if err != nil {
			return fmt.Errorf("entering the households of %s: %w", p.Name, err)
		}
		if !report.Written {
			return fmt.Errorf("entering the households of %s: %v", p.Name, report.Problems)
		}
		f.progress(fmt.Sprintf("登记%s的户册", p.Name), 0.01+0.08*float64(i+1)/float64(len(f.places)))
	}
	return nil
}

// roster is the families as a sheet.
func roster(families []family) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"组", "户主", "姓名", "与户主关系", "性别", "手机号", "住址"})
	for _, f := range families {
		for _, p := range f.People {
			_ = w.Write([]string{strconv.Itoa(f.Group) + "组", f.People[0].Name, p.Name, p.Relation, []string{"", "男", "女"}[p.Gender], p.Phone,
				fmt.Sprintf("%d组%d号", f.Group, f.House)})
		}
	}
	w.Flush() // to memory: it cannot fail
	return b.Bytes()
}

// homes reads the households back, in order of address, with who lives there.
func (f *filler) homes(ctx context.Context) error {
	return f.w.DB.Read(ctx, func(tx db.Tx) error {
		for _, p := range f.places {
			var rows []struct{ ID id.ID }
			q := "SELECT h.id FROM households h JOIN regions g ON g.id = h.group_id WHERE h.village_id = ? ORDER BY g.code, LENGTH(h.address), h.address"
			if err := tx.Raw(q, p.Region.ID).Scan(&rows).Error; err != nil {
				return fmt.Errorf("reading the households of %s: %w", p.Name, err)
			}
			ids := make([]id.ID, len(rows))
			for i, r := range rows {
				ids[i] = r.ID
			}
			members, err := people.Members(tx, ids)
			if err != nil {
				return err
			}
			houses, err := people.HouseholdsByID(tx, ids)
			if err != nil {
				return err
			}
			p.Homes = p.Homes[:0]
			for _, key := range ids {
				h := home{ID: key}
				for _, v := range members[key] {
					if v.ID == houses[key].Head {
						h.People = append([]id.ID{v.ID}, h.People...)
					} else {
						h.People = append(h.People, v.ID)
					}
				}
				p.Homes = append(p.Homes, h)
			}
		}
		return nil
	})
}

// grids divides every village into three grids, which cut across its groups.
func (f *filler) grids(ctx context.Context) error {
	for i, p := range f.places {
		who := newInventor(uint64(100 + i))
		for n := range 3 {
			g, err := f.w.People.CreateGrid(ctx, system, p.Region.ID, fmt.Sprintf("第%s网格", []string{"一", "二", "三"}[n]), who.family(1, 1).People[0].Name)
			if err != nil {
				return fmt.Errorf("making the grids of %s: %w", p.Name, err)
			}
			var ids []id.ID
			for j := n; j < len(p.Homes); j += 3 {
				ids = append(ids, p.Homes[j].ID)
			}
			if _, err := f.w.People.SetGridHouseholds(ctx, system, g.ID, ids); err != nil {
				return fmt.Errorf("making the grids of %s: %w", p.Name, err)
			}
		}
	}
	return nil
}

// books adopts the built-in rule books: the township's for all, and the pilot's own.
func (f *filler) books(ctx context.Context, from cal.Day) error {
	for _, b := range []struct {
		region  people.Region
		key     string
		meeting string
	}{
		{f.township, "village-household", "渔溪镇村民代表联席会议"}, {f.township, "village-person", "渔溪镇村民代表联席会议"}, {f.township, "party", "中共渔溪镇委员会会议"},
		{f.places[0].Region, "village-household", "小渔溪村村民代表会议"}, {f.places[0].Region, "village-person", "小渔溪村村民代表会议"},
	} {
		book, err := f.w.Rules.CreateFromBuiltin(ctx, system, b.region.ID, b.key, "")
		if err != nil {
			return fmt.Errorf("founding the book %s: %w", b.key, err)
		}
		if _, err := f.w.Rules.Adopt(ctx, system, book.Versions[0].ID, rule.Adoption{Meeting: b.meeting, On: from.Add(-1), VotesFor: 41, VotesAgainst: 3, From: from}); err != nil {
			return fmt.Errorf("adopting the book %s: %w", b.key, err)
		}
	}
	return f.w.DB.Read(ctx, func(tx db.Tx) error {
		for i, p := range f.places {
			rules, err := rule.InForce(tx, p.Region.ID, ledger.Points, from)
			if err != nil {
				return err
			}
			party, err := rule.InForce(tx, p.Region.ID, ledger.PartyScore, from)
			if err != nil {
				return err
			}
			p.choose = newChooser(uint64(i+1), rules, party)
			for j := range p.Homes {
				p.Homes[j].Eager = p.choose.eagerness()
			}
		}
		return nil
	})
}

// shops opens the shops, fills their shelves and has them serve every village: ten points are one yuan.
func (f *filler) shops(ctx context.Context) error {
	for _, s := range stores {
		region := f.township
		if s.County {
			region = f.county
		}
		m, err := f.w.Shops.CreateMerchant(ctx, system, shop.MerchantInput{Code: s.Code, Name: s.Name, Region: region.ID, Address: s.Address, Phone: s.Phone, FreeAmount: s.County})
		if err != nil {
			return fmt.Errorf("opening %s: %w", s.Name, err)
		}
		x := &market{store: s, ID: m.ID}
		for _, p := range f.places {
			if err := f.w.Shops.SetContract(ctx, system, shop.Contract{Merchant: m.ID, Village: p.Region.ID, Rate: money.Rate{Points: points.Whole(10), Fen: 100}}); err != nil {
				return fmt.Errorf("contracting %s: %w", s.Name, err)
			}
		}
		for _, g := range s.Goods {
			p, err := f.w.Shops.CreateProduct(ctx, system, idempotency.Request{}, shop.ProductInput{
				Merchant: m.ID, Name: g.Name, Unit: g.Unit, Price: g.Price, Stock: g.Stock, LowStock: g.Stock / 20})
			if err != nil {
				return fmt.Errorf("putting %s on the shelf: %w", g.Name, err)
			}
			photo, err := drawing(g.Name)
			if err != nil {
				return err
			}
			if photo != nil {
				if _, err := f.w.Shops.SetPhoto(ctx, system, p.ID, photo); err != nil {
					return fmt.Errorf("showing %s: %w", g.Name, err)
				}
			}
			x.Shelf = append(x.Shelf, item{p.ID, p.Price})
		}
		f.markets = append(f.markets, x)
	}
	return nil
}

// cards prints a house card for everybody.
func (f *filler) cards(ctx context.Context) error {
	for _, p := range f.places {
		ids := make([]id.ID, len(p.Homes))
		for i, h := range p.Homes {
			ids[i] = h.ID
		}
		if _, err := f.w.Redeem.IssueCards(ctx, p.officer, ids); err != nil {
			return fmt.Errorf("issuing the cards of %s: %w", p.Name, err)
		}
	}
	return nil
}

// richest are the n homes with the largest balance.
func (p *place) richest(n int) []id.ID {
	sorted := slices.Clone(p.Homes)
	slices.SortStableFunc(sorted, func(a, b home) int { return cmp.Compare(b.Balance, a.Balance) })
	out := make([]id.ID, n)
	for i := range out {
		out[i] = sorted[i].ID
	}
	return out
}

// refused reports whether the error is a rule's or a village's no, which the history takes as life does.
func refused(err error) bool {
	switch errs.From(err).Code.Kind {
	case errs.Refused, errs.Invalid, errs.Conflict:
		return true
	}
	return false
}
