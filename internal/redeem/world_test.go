package redeem_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/money"
	"jishan/internal/notice"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/redeem"
	"jishan/internal/shop"
	"jishan/internal/testkit"
)

// world is a village with households, a supermarket that serves it, and the people around the counter. It begins on Monday,
// 2026-11-23.
type world struct {
	t                          *testing.T
	dsn                        string
	clock                      *testkit.Clock
	d                          *db.DB
	s                          *redeem.Service
	shop                       *shop.Service
	township, village, other   id.ID
	market                     shop.Merchant
	clerk, owner               auth.Actor
	officer, township1, remote auth.Actor
}

var ctx = context.Background()

func newWorld(t *testing.T) *world {
	w := &world{t: t, dsn: testkit.DSN(t), clock: testkit.NewClock(t, "2026-11-23 10:00"), township: id.New(), village: id.New(), other: id.New()}
	w.d = testkit.Reopen(t, w.dsn, w.clock)
	w.s = w.service(w.d)
	w.shop = shop.New(w.d)
	w.must(w.d.Tx(ctx, func(tx db.Tx) error {
		villages := []id.ID{w.village, w.other}
		cols := []string{"id", "parent_id", "kind", "code", "name", "initials", "county_id", "township_id", "village_id", "created_at"}
		err := db.Insert(tx, "regions", cols, 1, func(_ int, args []any) []any {
			return append(args, int64(w.township), 0, 2, "433126", "古阳镇", "gyz", 0, int64(w.township), 0, 0)
		})
		if err != nil {
			return err
		}
		return db.Insert(tx, "regions", cols, 2, func(i int, args []any) []any {
			return append(args, int64(villages[i]), int64(w.township), 3, fmt.Sprint("43312600", i), []string{"小渔溪村", "芷溪村"}[i], "c", 0, int64(w.township), int64(villages[i]), 0)
		})
	}))
	w.township1 = officer(auth.RoleTownship, w.township, w.village, w.other)
	w.officer, w.remote = officer(auth.RoleVillage, w.village), officer(auth.RoleVillage, w.other)
	w.market = w.merchant("汇丰超市", true, w.village)
	w.clerk, w.owner = atShop(auth.RoleClerk, w.market.ID), atShop(auth.RoleOwner, w.market.ID)
	return w
}

func (w *world) service(d *db.DB) *redeem.Service {
	s, err := redeem.New(d, redeem.Options{Secret: "the secret of tests, thirty-two bytes and more", CardPepper: "the pepper of tests, thirty-two bytes and more",
		CodeTTL: 75 * time.Second, TicketTTL: 5 * time.Minute, RefundWindow: 72 * time.Hour})
	w.must(err)
	w.t.Cleanup(s.Close)
	return s
}

func (w *world) must(err error) {
	w.t.Helper()
	require.NoError(w.t, err)
}

func officer(role auth.Role, regions ...id.ID) auth.Actor {
	set := map[id.ID]struct{}{}
	for _, r := range regions {
		set[r] = struct{}{}
	}
	return auth.Actor{UserID: id.New(), Kind: auth.KindOfficer, Name: "王主任", Grants: []auth.Grant{{Role: role, Region: regions[0], Regions: set}}}
}

func atShop(role auth.Role, merchant id.ID) auth.Actor {
	return auth.Actor{UserID: id.New(), Kind: auth.KindMerchant, Name: "小李", Grants: []auth.Grant{{Role: role, Merchant: merchant}}}
}

func villager(household id.ID) auth.Actor {
	return auth.Actor{UserID: id.New(), Kind: auth.KindVillager, Name: "张三", Grants: []auth.Grant{{Role: auth.RoleVillager}}, Households: []id.ID{household}}
}

// fresh is a request that was never sent before.
func fresh() idempotency.Request { return request(id.New().String()) }

func request(key string) idempotency.Request { return idempotency.Request{Scope: 7, Key: key} }

func (w *world) merchant(name string, free bool, villages ...id.ID) shop.Merchant {
	m, err := w.shop.CreateMerchant(ctx, w.township1, shop.MerchantInput{Name: name, Region: w.township, FreeAmount: free})
	w.must(err)
	for _, v := range villages {
		w.must(w.shop.SetContract(ctx, w.township1, shop.Contract{Merchant: m.ID, Village: v, Rate: money.Rate{Points: points.Whole(10), Fen: 105}}))
	}
	return m
}

func (w *world) product(name string, price points.Amount, stock int64) shop.Product {
	p, err := w.shop.CreateProduct(ctx, w.owner, fresh(), shop.ProductInput{Merchant: w.market.ID, Name: name, Unit: "袋", Price: price, Stock: stock})
	w.must(err)
	return p
}

// households are new ones of the village with so many points each.
func (w *world) households(n int, amount points.Amount) []people.Household {
	out := make([]people.Household, n)
	keys := make([]id.ID, n)
	for i := range out {
		keys[i] = id.New()
	}
	w.must(w.d.Tx(ctx, func(tx db.Tx) error {
		cols := []string{"id", "village_id", "code", "head_name", "pinyin", "initials", "address", "state", "created_at", "updated_at"}
		err := db.Insert(tx, "households", cols, n, func(i int, args []any) []any {
			return append(args, int64(keys[i]), int64(w.village), people.NewHouseCode(), "张小三", "zhangxiaosan", "zxs", "", people.HouseholdHere, 0, 0)
		})
		if err != nil {
			return err
		}
		byID, err := people.HouseholdsByID(tx, keys)
		if err != nil {
			return err
		}
		refs := make([]ledger.Ref, n)
		for i, k := range keys {
			out[i] = byID[k]
			refs[i] = ledger.Wallet(w.village, k)
		}
		b := ledger.Begin(tx)
		if err := b.Lock(refs...); err != nil {
			return err
		}
		for i := range refs {
			_, err := b.Post(ledger.Posting{Book: w.village, Kind: ledger.Opening, Asset: ledger.Points, Day: 20261101, Month: 202611, Household: keys[i], Score: amount,
				Reason: "期初", From: ledger.Issue(w.village, ledger.Points), To: refs[i], Amount: amount})
			if err != nil {
				return err
			}
		}
		return b.Seal()
	}))
	return out
}

func (w *world) household(amount points.Amount) people.Household { return w.households(1, amount)[0] }

func (w *world) settings(change func(*people.Settings)) {
	set := people.DefaultSettings(w.village)
	change(&set)
	w.must(w.d.Tx(ctx, func(tx db.Tx) error {
		cols := []string{"village_id", "scheme_start", "close_day", "expiry_months", "expiry_auto", "shortfall", "owing_limit", "mask_names", "publish", "redeem_min", "redeem_step", "redeem_month_cap", "redeem_days", "card_day_cap", "updated_at"}
		return db.Upsert(tx, "village_settings", cols, cols[:1], cols[1:], nil, 1, func(_ int, args []any) []any {
			return append(args, int64(w.village), 1, 5, 0, 0, 1, 0, 1, 0, int64(set.RedeemMin), int64(set.RedeemStep), int64(set.RedeemMonthCap), set.RedeemDays, int64(set.CardDayCap), 0)
		})
	}))
}

func (w *world) code(h people.Household) string {
	c, err := w.s.Code(ctx, villager(h.ID), h.ID)
	w.must(err)
	return c.Text
}

// pay redeems so many points by a fresh dynamic code.
func (w *world) pay(h people.Household, n int64) (redeem.Receipt, error) {
	return w.s.Confirm(ctx, w.clerk, fresh(), redeem.Confirmation{Presented: redeem.Presented{Text: w.code(h)}, Basket: redeem.Basket{Points: points.Whole(n)}})
}

func (w *world) balance(h people.Household) points.Amount {
	var out points.Amount
	ref := ledger.Wallet(w.village, h.ID)
	w.must(w.d.Read(ctx, func(tx db.Tx) error {
		m, err := ledger.Balances(tx, ref)
		out = m[ref]
		return err
	}))
	return out
}

func (w *world) stock(p shop.Product) int64 {
	page, err := w.shop.Products(ctx, w.owner, shop.ProductQuery{Search: p.Name})
	w.must(err)
	require.Len(w.t, page.Products, 1)
	return page.Products[0].Stock
}

func (w *world) notices(h people.Household) []notice.Notice {
	page, err := notice.New(w.d).List(ctx, villager(h.ID), h.ID, "", 0)
	w.must(err)
	return page.Notices
}

// clean checks every invariant from the raw rows.
func (w *world) clean() {
	w.t.Helper()
	w.must(w.d.Read(ctx, func(tx db.Tx) error {
		report, err := ledger.Verify(tx)
		w.must(err)
		require.Empty(w.t, report.Findings)
		found, err := redeem.Verify(tx)
		w.must(err)
		require.Empty(w.t, found)
		found, err = shop.VerifyStock(tx)
		require.Empty(w.t, found)
		return err
	}))
}

// together runs fn n times at once and returns the errors.
func together(n int, fn func(i int) error) []error {
	out := make([]error, n)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			out[i] = fn(i)
		})
	}
	close(start)
	wg.Wait()
	return out
}

func succeeded(all []error) (n int) {
	for _, err := range all {
		if err == nil {
			n++
		}
	}
	return n
}
