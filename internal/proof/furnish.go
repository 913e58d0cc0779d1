package proof

import (
	"context"
	"fmt"
	"time"

	"jishan/internal/app"
	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/conf"
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

// house is a household with its log-in.
type house struct {
	id    id.ID
	token string
}

// village is a book of its own, with a product that only its households buy: so its numbers order the product's stock, too.
type village struct {
	id      id.ID
	houses  []house
	product id.ID
	price   points.Amount
	stock   int64 // before the workload
}

// place is what the workload works with.
type place struct {
	villages []village
	merchant id.ID
	litter   id.ID // rule: takes any whole number of points from 1 to 20
	help     id.ID // rule: gives any whole number of points from 1 to 50
	officer  string
	clerk    string
}

const (
	villages = 2
	houses   = 5
)

// before is how long before now the place was furnished, so that clocks may jump back without anybody's log-in lying in the future.
const before = 96 * time.Hour

var system = auth.System("proof")

// tables makes the program's tables, as an administrator, and gives the program's user its rights.
func tables(ctx context.Context, s *Setup) error {
	d, err := db.Open(ctx, db.Options{DSN: s.Admin})
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Migrate(ctx); err != nil {
		return err
	}
	if s.Grant == nil {
		return nil
	}
	if err := s.Grant(); err != nil {
		return fmt.Errorf("granting the program's rights: %w", err)
	}
	return nil
}

// furnish fills an empty database.
func furnish(ctx context.Context, setup *Setup) (_ *place, err error) {
	if err := tables(ctx, setup); err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, db.Options{DSN: setup.DSN, Clock: func() time.Time { return time.Now().Add(-before) }})
	if err != nil {
		return nil, err
	}
	defer d.Close()
	c, err := conf.Load("")
	if err != nil {
		return nil, err
	}
	c.Demo.Enabled, c.Auth.AccessTTL = true, 30*24*time.Hour
	s, err := app.NewServices(c, d)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	f := &furnisher{ctx: ctx, s: s, now: d.Now(), p: &place{}}
	f.regions()
	f.rules()
	f.shop()
	f.people()
	return f.p, f.err
}

// furnisher keeps the first error, and does nothing after it.
type furnisher struct {
	ctx  context.Context
	s    *app.Services
	now  time.Time
	p    *place
	town id.ID
	err  error
}

func must[T any](f *furnisher, do func() (T, error)) (out T) {
	if f.err == nil {
		out, f.err = do()
	}
	return out
}

func (f *furnisher) regions() {
	region := func(parent id.ID, kind people.RegionKind, code, name string) id.ID {
		return must(f, func() (people.Region, error) {
			return f.s.People.CreateRegion(f.ctx, system, people.NewRegion{Parent: parent, Kind: kind, Code: code, Name: name})
		}).ID
	}
	f.town = region(region(0, people.County, "500100", "青山县"), people.Township, "500100101", "渔溪镇")
	for v := range villages {
		f.p.villages = append(f.p.villages, village{id: region(f.town, people.Village, fmt.Sprintf("50010010120%d", v+1), fmt.Sprintf("第%d村", v+1))})
	}
}

func (f *furnisher) rules() {
	book := must(f, func() (rule.Book, error) {
		return f.s.Rules.CreateBook(f.ctx, system, rule.NewBook{Region: f.town, Asset: ledger.Points, Name: "积分细则"})
	})
	if f.err != nil {
		return
	}
	version := book.Versions[0].ID
	add := func(item string, spec rule.Spec) id.ID {
		return must(f, func() (rule.Rule, error) {
			return f.s.Rules.AddRule(f.ctx, system, version, rule.Input{Category: "日常", Item: item, Subject: rule.Household, Spec: spec})
		}).ID
	}
	f.p.help = add("邻里互助", rule.Spec{Shape: rule.Range, Min: points.Whole(1), Max: points.Whole(50)})
	f.p.litter = add("乱扔垃圾", rule.Spec{Shape: rule.Range, Min: points.Whole(-1), Max: points.Whole(-20)})
	from := cal.DayOf(f.now).Add(-60)
	must(f, func() (rule.Version, error) {
		return f.s.Rules.Adopt(f.ctx, system, version, rule.Adoption{Meeting: "村民代表会议", On: from, VotesFor: 30, From: from})
	})
}

func (f *furnisher) shop() {
	f.p.merchant = must(f, func() (shop.Merchant, error) {
		return f.s.Shops.CreateMerchant(f.ctx, system, shop.MerchantInput{Name: "便民超市", Region: f.town, FreeAmount: true})
	}).ID
	for i := range f.p.villages {
		v := &f.p.villages[i]
		must(f, func() (struct{}, error) {
			return struct{}{}, f.s.Shops.SetContract(f.ctx, system, shop.Contract{Merchant: f.p.merchant, Village: v.id, Rate: money.Rate{Points: points.Whole(10), Fen: 100}, State: shop.Serving})
		})
		v.price, v.stock = points.Whole(3), 60
		v.product = must(f, func() (shop.Product, error) {
			return f.s.Shops.CreateProduct(f.ctx, system, idempotency.Request{}, shop.ProductInput{Merchant: f.p.merchant, Name: fmt.Sprintf("大米%d", i+1), Unit: "袋", Price: v.price, Stock: v.stock})
		}).ID
	}
	f.p.clerk = f.login(auth.NewUser{Kind: auth.KindMerchant, Login: "clerk", Name: "店员", Roles: []auth.Assignment{{Role: auth.RoleClerk, Merchant: f.p.merchant}}})
	f.p.officer = f.login(auth.NewUser{Kind: auth.KindOfficer, Login: "officer", Name: "干部", Roles: []auth.Assignment{{Role: auth.RoleTownship, Region: f.town}}})
}

func (f *furnisher) login(u auth.NewUser) string {
	u.Password = "xiangcun2026"
	must(f, func() (struct{}, error) {
		_, _, err := f.s.Auth.CreateUser(f.ctx, system, u)
		return struct{}{}, err
	})
	return must(f, func() (auth.Tokens, error) {
		return f.s.Auth.Login(f.ctx, auth.Credentials{Kind: u.Kind, Login: u.Login, Password: u.Password}, auth.Origin{Address: "127.0.0.1"})
	}).Access
}

func (f *furnisher) people() {
	first := points.Whole(20)
	for i := range f.p.villages {
		v := &f.p.villages[i]
		group := must(f, func() (people.Region, error) {
			return f.s.People.CreateRegion(f.ctx, system, people.NewRegion{Parent: v.id, Kind: people.Group, Code: fmt.Sprintf("50010010120%d01", i+1), Name: "1组"})
		})
		for h := range houses {
			made := must(f, func() (people.Household, error) {
				return f.s.People.CreateHousehold(f.ctx, system, people.NewHousehold{Village: v.id, Group: group.ID, Address: fmt.Sprintf("%d号", h+1),
					Members: []people.Person{{Name: fmt.Sprintf("户主%d%d", i+1, h+1), Relation: "户主"}}})
			})
			must(f, func() ([]award.Outcome, error) {
				return f.s.Awards.Grant(f.ctx, system, award.Order{Village: v.id, Grants: []award.Grant{{Rule: f.p.help, Household: made.ID, Points: &first}}})
			})
			token := must(f, func() (auth.Tokens, error) {
				return f.s.Auth.DemoLogin(f.ctx, auth.DemoPick{Household: made.ID}, auth.Origin{Address: "127.0.0.1"})
			}).Access
			v.houses = append(v.houses, house{made.ID, token})
		}
	}
}
