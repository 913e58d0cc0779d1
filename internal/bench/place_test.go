//go:build bench

package bench

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/money"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/redeem"
	"jishan/internal/rule"
	"jishan/internal/shop"
)

const (
	secret   = "demo-only-signing-secret-never-use-it-in-production"
	pepper   = "demo-only-card-pepper-never-use-it-in-production"
	password = "Jishan-bench-2026"
	villages = 7
	houses   = 300 // in each village
	shops    = 16
)

// place is a township with everything that the load needs.
type place struct {
	d        *db.DB
	villages []id.ID
	houses   [][]id.ID // by village
	rule     id.ID     // a fixed rule without a cap
	shops    []id.ID
	codes    *redeem.Service
}

// furnish makes the township directly through the services.
func furnish(t testing.TB, dsn string) *place {
	ctx, system := context.Background(), auth.System("bench")
	d, err := db.Open(ctx, db.Options{DSN: dsn})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	p := &place{d: d}
	pp, err := people.NewService(d, []byte(secret))
	require.NoError(t, err)
	region := func(parent id.ID, kind people.RegionKind, code, name string) id.ID {
		r, err := pp.CreateRegion(ctx, system, people.NewRegion{Parent: parent, Kind: kind, Code: code, Name: name})
		require.NoError(t, err)
		return r.ID
	}
	county := region(0, people.County, "500100", "青山县")
	town := region(county, people.Township, "500100101", "渔溪镇")
	for v := range villages {
		village := region(town, people.Village, fmt.Sprintf("5001001012%02d", v), fmt.Sprintf("第%d村", v+1))
		p.villages = append(p.villages, village)
		var ids []id.ID
		for h := range houses {
			house, err := pp.CreateHousehold(ctx, system, people.NewHousehold{Village: village, Members: []people.Person{{Name: fmt.Sprintf("户主%d之%d", v, h)}}})
			require.NoError(t, err)
			ids = append(ids, house.ID)
		}
		p.houses = append(p.houses, ids)
	}
	rules := rule.New(d)
	book, err := rules.CreateBook(ctx, system, rule.NewBook{Region: town, Asset: ledger.Points, Name: "积分细则"})
	require.NoError(t, err)
	r, err := rules.AddRule(ctx, system, book.Versions[0].ID, rule.Input{Category: "环境", Item: "庭院整洁", Subject: rule.Household,
		Spec: rule.Spec{Shape: rule.Fixed, Points: points.Whole(5), Caps: []rule.Cap{{Per: rule.PerDay, Times: 1_000_000}}}})
	require.NoError(t, err)
	p.rule = r.ID
	_, err = rules.Adopt(ctx, system, book.Versions[0].ID, rule.Adoption{Meeting: "会议", On: 20260101, VotesFor: 1, From: 20260101})
	require.NoError(t, err)

	au, err := auth.New(d, auth.Options{Secret: secret, AccessTTL: time.Hour, RefreshTTL: time.Hour})
	require.NoError(t, err)
	t.Cleanup(au.Close)
	_, err = au.EnsureAdmin(ctx, "admin", password)
	require.NoError(t, err)
	sh := shop.New(d)
	for i := range shops {
		m, err := sh.CreateMerchant(ctx, system, shop.MerchantInput{Name: fmt.Sprintf("商店%d", i), Region: town, FreeAmount: true})
		require.NoError(t, err)
		for _, v := range p.villages {
			require.NoError(t, sh.SetContract(ctx, system, shop.Contract{Merchant: m.ID, Village: v, Rate: money.Rate{Points: points.Whole(10), Fen: 100}, State: 1}))
		}
		_, _, err = au.CreateUser(ctx, system, auth.NewUser{Kind: auth.KindMerchant, Login: fmt.Sprintf("shop%d", i), Name: "店员", Password: password,
			Roles: []auth.Assignment{{Role: auth.RoleClerk, Merchant: m.ID}}})
		require.NoError(t, err)
		p.shops = append(p.shops, m.ID)
	}
	p.codes, err = redeem.New(d, redeem.Options{Secret: secret, CardPepper: pepper, CodeTTL: 90 * time.Second, TicketTTL: time.Minute, RefundWindow: time.Hour})
	require.NoError(t, err)
	t.Cleanup(p.codes.Close)
	p.fill(t, points.Whole(1_000_000))
	return p
}

// fill gives every household points to spend.
func (p *place) fill(t testing.TB, amount points.Amount) {
	today := cal.DayOf(time.Now())
	require.NoError(t, p.d.Tx(context.Background(), func(tx db.Tx) error {
		b := ledger.Begin(tx)
		var refs []ledger.Ref
		for v, list := range p.houses {
			for _, h := range list {
				refs = append(refs, ledger.Wallet(p.villages[v], h))
			}
		}
		if err := b.Lock(refs...); err != nil {
			return err
		}
		for _, r := range refs {
			if _, err := b.Post(ledger.Posting{Book: r.Book, Kind: ledger.Opening, Asset: ledger.Points, Day: today, Month: today.Month(), Household: r.Owner,
				From: ledger.Issue(r.Book, ledger.Points), To: r, Amount: amount, Reason: "期初"}); err != nil {
				return err
			}
		}
		return b.Seal()
	}))
}

// at is the household of the n-th turn, spread over all villages.
func (p *place) at(n int) (village, house id.ID) {
	v := n % villages
	return p.villages[v], p.houses[v][n/villages%houses]
}

// presented are fresh dynamic codes, one a household in turn.
func (p *place) presented(t testing.TB, n int) []string {
	out := make([]string, n)
	for i := range out {
		_, h := p.at(i)
		c, err := p.codes.Code(context.Background(), auth.Actor{Kind: auth.KindVillager, Households: []id.ID{h}, Grants: []auth.Grant{{Role: auth.RoleVillager}}}, h)
		require.NoError(t, err)
		out[i] = c.Text
	}
	return out
}

func isMySQL(dsn string) bool { return !strings.HasPrefix(dsn, "sqlite:") }
