package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/app"
	"jishan/internal/app/apptest"
	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/money"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/redeem"
	"jishan/internal/rule"
	"jishan/internal/shop"
)

const password = "xiangcun2026"

var system = auth.System("e2e")

// place is a furnished township: everything that is not the point of a test is there already.
type place struct {
	*app.Services
	d      *db.DB
	ctx    context.Context
	county id.ID
	town   id.ID
	a, b   village
	m, n   store
	tidy   id.ID // rule for households: +5, no limit
	help   id.ID // rule for households: 1–50, chosen
	kind   id.ID // rule for persons: +2
	litter id.ID // rule for households: −3
	lesson id.ID // rule for party members: +3
	book   id.ID // of tidy, help, kind and litter
}

type village struct {
	id, group id.ID
	houses    []id.ID
	heads     []id.ID // the villager who is head, by house
	branch    id.ID
	member    id.ID // the head of the first house
}

type store struct {
	id       id.ID
	products []id.ID // 1, 10 and 100 points
}

// furnish fills an empty database. houses is how many households each of the two villages has.
func furnish(t testing.TB, s *app.Services, d *db.DB, houses int) *place {
	t.Helper()
	p := &place{Services: s, d: d, ctx: context.Background()}
	region := func(parent id.ID, kind people.RegionKind, code, name string) id.ID {
		r, err := s.People.CreateRegion(p.ctx, system, people.NewRegion{Parent: parent, Kind: kind, Code: code, Name: name})
		require.NoError(t, err)
		return r.ID
	}
	p.county = region(0, people.County, "500100", "青山县")
	p.town = region(p.county, people.Township, "500100101", "渔溪镇")
	p.a = village{id: region(p.town, people.Village, "500100101201", "甲村")}
	p.b = village{id: region(p.town, people.Village, "500100101202", "乙村")}
	for i, v := range []*village{&p.a, &p.b} {
		v.group = region(v.id, people.Group, fmt.Sprintf("50010010120%d01", i+1), "1组")
		for h := range houses {
			house, err := s.People.CreateHousehold(p.ctx, system, people.NewHousehold{Village: v.id, Group: v.group, Address: fmt.Sprintf("%d号", h+1),
				Members: []people.Person{{Name: fmt.Sprintf("%s户主%d", []string{"甲", "乙"}[i], h), Relation: "户主"}}})
			require.NoError(t, err)
			v.houses, v.heads = append(v.houses, house.ID), append(v.heads, house.Head)
		}
	}
	p.rules(t)
	p.party(t)
	p.m = p.store(t, "近店", p.a.id, p.b.id)
	p.n = p.store(t, "远店", p.a.id, p.b.id)
	return p
}

func (p *place) rules(t testing.TB) {
	t.Helper()
	adopt := func(asset ledger.Asset, rules ...rule.Input) (book id.ID, out []id.ID) {
		b, err := p.Rules.CreateBook(p.ctx, system, rule.NewBook{Region: p.town, Asset: asset, Name: "积分细则"})
		require.NoError(t, err)
		for _, in := range rules {
			r, err := p.Rules.AddRule(p.ctx, system, b.Versions[0].ID, in)
			require.NoError(t, err)
			out = append(out, r.ID)
		}
		from := cal.DayOf(time.Now()).Add(-60)
		_, err = p.Rules.Adopt(p.ctx, system, b.Versions[0].ID, rule.Adoption{Meeting: "村民代表会议", On: from, VotesFor: 30, From: from})
		require.NoError(t, err)
		return b.ID, out
	}
	fixed := func(n int64) rule.Spec { return rule.Spec{Shape: rule.Fixed, Points: points.Whole(n)} }
	book, r := adopt(ledger.Points,
		rule.Input{Category: "环境", Item: "庭院整洁", Subject: rule.Household, Spec: fixed(5)},
		rule.Input{Category: "互助", Item: "邻里互助", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Range, Min: points.Whole(1), Max: points.Whole(50)}},
		rule.Input{Category: "互助", Item: "好人好事", Subject: rule.Person, Spec: fixed(2)},
		rule.Input{Category: "环境", Item: "乱扔垃圾", Subject: rule.Household, Spec: fixed(-3)})
	p.book, p.tidy, p.help, p.kind, p.litter = book, r[0], r[1], r[2], r[3]
	_, r = adopt(ledger.PartyScore, rule.Input{Category: "学习", Item: "参加党课", Subject: rule.Member, Spec: fixed(3)})
	p.lesson = r[0]
}

func (p *place) party(t testing.TB) {
	t.Helper()
	require.NoError(t, p.Party.SetClass(p.ctx, system, p.town, party.ClassPlan{Class: party.Ordinary, Base: points.Whole(60), Goal: points.Whole(100)}))
	for _, v := range []*village{&p.a, &p.b} {
		b, err := p.Party.CreateBranch(p.ctx, system, v.id, "第一党支部", "张书记")
		require.NoError(t, err)
		m, err := p.Party.AddMember(p.ctx, system, party.NewMember{Villager: v.heads[0], Branch: b.ID, Class: party.Ordinary})
		require.NoError(t, err)
		v.branch, v.member = b.ID, m.ID
	}
}

// store opens a merchant that takes points in the villages, with plenty of everything.
func (p *place) store(t testing.TB, name string, villages ...id.ID) store {
	t.Helper()
	m, err := p.Shops.CreateMerchant(p.ctx, system, shop.MerchantInput{Name: name, Region: p.town, FreeAmount: true})
	require.NoError(t, err)
	for _, v := range villages {
		require.NoError(t, p.Shops.SetContract(p.ctx, system, shop.Contract{Merchant: m.ID, Village: v, Rate: money.Rate{Points: points.Whole(10), Fen: 100}, State: shop.Serving}))
	}
	out := store{id: m.ID}
	for _, price := range []int64{1, 10, 100} {
		out.products = append(out.products, p.product(t, m.ID, fmt.Sprintf("%s的%d分货", name, price), price, 100_000))
	}
	return out
}

func (p *place) product(t testing.TB, merchant id.ID, name string, price, stock int64) id.ID {
	t.Helper()
	g, err := p.Shops.CreateProduct(p.ctx, system, idempotency.Request{}, shop.ProductInput{Merchant: merchant, Name: name, Unit: "件", Price: points.Whole(price), Stock: stock})
	require.NoError(t, err)
	return g.ID
}

// give awards whole points to households of village a, at most 50 each time.
func (p *place) give(t testing.TB, village id.ID, n int64, houses ...id.ID) {
	t.Helper()
	for n > 0 {
		part := points.Whole(min(n, 50))
		n -= 50
		o := award.Order{Village: village}
		for _, h := range houses {
			o.Grants = append(o.Grants, award.Grant{Rule: p.help, Household: h, Points: &part})
		}
		list, err := p.Awards.Grant(p.ctx, system, o)
		require.NoError(t, err)
		for _, r := range list {
			require.Nil(t, r.Failed)
		}
	}
}

// expire gives a household points that were good until yesterday, and clears them. It returns the clearing's number.
func (p *place) expire(t testing.TB, village, house id.ID) int64 {
	t.Helper()
	require.NoError(t, p.d.Tx(p.ctx, func(tx db.Tx) error {
		b := ledger.Begin(tx)
		wallet, today := ledger.Wallet(village, house), cal.DayOf(tx.Now)
		if err := b.Lock(wallet); err != nil {
			return err
		}
		_, err := b.Post(ledger.Posting{Book: village, Kind: ledger.Opening, Asset: ledger.Points, Day: today, Month: today.Month(), Household: house,
			From: ledger.Issue(village, ledger.Points), To: wallet, Amount: points.Whole(3), Lot: today.Add(-1), Reason: "期初"})
		if err != nil {
			return err
		}
		return b.Seal()
	}))
	due, err := p.Awards.Due(p.ctx, system, village)
	require.NoError(t, err)
	done, err := p.Awards.Expire(p.ctx, system, idempotency.Request{}, village, due.DueTotals)
	require.NoError(t, err)
	return done.Number
}

// code is a fresh dynamic code, as the household's screen shows it.
func (p *place) code(t testing.TB, house id.ID) string {
	t.Helper()
	c, err := p.Redeem.Code(p.ctx, auth.Actor{UserID: 1, Kind: auth.KindVillager, Households: []id.ID{house}, Grants: []auth.Grant{{Role: auth.RoleVillager}}}, house)
	require.NoError(t, err)
	return c.Text
}

func (p *place) balance(t testing.TB, village, house id.ID) points.Amount {
	t.Helper()
	var out points.Amount
	ref := ledger.Wallet(village, house)
	require.NoError(t, p.d.Read(p.ctx, func(tx db.Tx) error {
		got, err := ledger.Balances(tx, ref)
		out = got[ref]
		return err
	}))
	return out
}

// account makes a log-in with one role and logs it in at the server.
func (p *place) account(t testing.TB, c client, kind auth.Kind, name string, role auth.Assignment) client {
	t.Helper()
	_, _, err := p.Auth.CreateUser(p.ctx, system, auth.NewUser{Kind: kind, Login: name, Name: name, Password: password, Roles: []auth.Assignment{role}})
	require.NoError(t, err)
	audience := "officer"
	if kind == auth.KindMerchant {
		audience = "merchant"
	}
	return login(t, c, audience, name, password)
}

// villager is the log-in of a household.
func villager(t testing.TB, c client, house id.ID) client {
	t.Helper()
	out := post[api.Tokens](t, c, "/auth/demo", api.DemoPick{Household: house})
	return c.as(out.AccessToken)
}

// verifyRows recomputes everything that the database can tell of itself.
func verifyRows(t testing.TB, d *db.DB) {
	t.Helper()
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) error {
		r, err := ledger.Verify(tx)
		if err != nil {
			return err
		}
		require.Empty(t, r.Findings)
		require.NotZero(t, r.Transactions)
		for _, check := range []func(db.Tx) ([]string, error){award.Verify, redeem.Verify, shop.VerifyStock} {
			found, err := check(tx)
			if err != nil {
				return err
			}
			require.Empty(t, found)
		}
		return nil
	}))
}

// verifyBoards waits until every board equals the scores.
func verifyBoards(t testing.TB, s *apptest.Server) {
	t.Helper()
	settled(t, s)
	r, err := s.Boards.Verify(context.Background())
	require.NoError(t, err)
	require.Empty(t, r.Away)
	require.Empty(t, r.Differences)
	require.NotZero(t, r.Boards)
}

// settled waits until the boards have heard of everything committed.
func settled(t testing.TB, s *apptest.Server) {
	t.Helper()
	require.Eventually(t, func() bool {
		n, _, err := s.Boards.Waiting(context.Background())
		return err == nil && n == 0
	}, 20*time.Second, 10*time.Millisecond, "the boards do not catch up")
}

func start(t testing.TB, houses int, change ...func(*apptest.Setup)) (*apptest.Server, *place, client) {
	t.Helper()
	s := apptest.Start(t, change...)
	return s, furnish(t, s.Services, s.DB, houses), client{base: s.URL}
}

func isOK(a answer, err error) bool { return err == nil && a.Status == http.StatusOK }
