package shop_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/money"
	"jishan/internal/points"
	"jishan/internal/shop"
	"jishan/internal/testkit"
)

// town is a county with one township and two villages, a household in the first, and people of every sort.
type town struct {
	d                                           *db.DB
	clock                                       *testkit.Clock
	s                                           *shop.Service
	county, township, village, other, household id.ID
	officer, neighbour, villager                auth.Actor
}

func officer(role auth.Role, regions ...id.ID) auth.Actor {
	set := map[id.ID]struct{}{}
	for _, r := range regions {
		set[r] = struct{}{}
	}
	return auth.Actor{UserID: id.New(), Kind: auth.KindOfficer, Name: "王主任", Grants: []auth.Grant{{Role: role, Region: regions[0], Regions: set}}}
}

func shopkeeper(role auth.Role, merchant id.ID) auth.Actor {
	return auth.Actor{UserID: id.New(), Kind: auth.KindMerchant, Name: "李老板", Grants: []auth.Grant{{Role: role, Merchant: merchant}}}
}

func request(key string) idempotency.Request {
	return idempotency.Request{Scope: 7, Key: key, Operation: "test"}
}

func newTown(t *testing.T) *town {
	clock := testkit.NewClock(t, "2026-11-23 10:00")
	w := &town{d: testkit.DBAt(t, clock), clock: clock, county: id.New(), township: id.New(), village: id.New(), other: id.New(), household: id.New()}
	w.s = shop.New(w.d)
	require.NoError(t, w.d.Tx(context.Background(), func(tx db.Tx) error {
		regions := []struct {
			key, parent id.ID
			kind        int
			village     id.ID
		}{{w.county, 0, 1, 0}, {w.township, w.county, 2, 0}, {w.village, w.township, 3, w.village}, {w.other, w.township, 3, w.other}}
		cols := []string{"id", "parent_id", "kind", "code", "name", "initials", "county_id", "township_id", "village_id", "created_at"}
		err := db.Insert(tx, "regions", cols, len(regions), func(i int, args []any) []any {
			r := regions[i]
			return append(args, int64(r.key), int64(r.parent), r.kind, fmt.Sprint("43", i), fmt.Sprint("地方", i), "df", int64(w.county), int64(w.township), int64(r.village), tx.Millis())
		})
		if err != nil {
			return err
		}
		return tx.Exec(`INSERT INTO households (id, village_id, code, head_name, pinyin, initials, address, state, created_at, updated_at)
			VALUES (?, ?, 'ABCD2345', '张三', 'zhangsan', 'zs', '', 1, 0, 0)`, w.household, w.village).Error
	}))
	w.officer = officer(auth.RoleTownship, w.county, w.township, w.village, w.other)
	w.neighbour = officer(auth.RoleTownship, id.New())
	w.villager = auth.Actor{UserID: id.New(), Kind: auth.KindVillager, Grants: []auth.Grant{{Role: auth.RoleVillager}}, Households: []id.ID{w.household}}
	return w
}

func (w *town) merchant(t *testing.T, name string, villages ...id.ID) shop.Merchant {
	m, err := w.s.CreateMerchant(context.Background(), w.officer, shop.MerchantInput{Name: name, Region: w.county})
	require.NoError(t, err)
	for _, v := range villages {
		require.NoError(t, w.s.SetContract(context.Background(), w.officer, shop.Contract{Merchant: m.ID, Village: v, Rate: money.Rate{Points: points.Whole(10), Fen: 100}}))
	}
	return m
}

func (w *town) clean(t *testing.T) {
	require.NoError(t, w.d.Read(context.Background(), func(tx db.Tx) error {
		found, err := shop.VerifyStock(tx)
		require.Empty(t, found)
		return err
	}))
}

func TestMerchants(t *testing.T) {
	w, ctx := newTown(t), context.Background()
	m := w.merchant(t, "汇丰超市", w.village)
	require.Equal(t, "hfcs", m.Initials)
	require.NotEmpty(t, m.Code)
	other := w.merchant(t, "桥头小店", w.other)

	_, err := w.s.CreateMerchant(ctx, w.officer, shop.MerchantInput{Name: "又一家", Code: m.Code, Region: w.county})
	require.ErrorIs(t, err, shop.ErrMerchantTaken)
	_, err = w.s.CreateMerchant(ctx, w.neighbour, shop.MerchantInput{Name: "又一家", Region: w.county})
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = w.s.CreateMerchant(ctx, auth.System("test"), shop.MerchantInput{Name: "又一家", Region: id.New()})
	require.ErrorIs(t, err, errs.ErrNotFound, "a region that does not exist")
	_, err = w.s.CreateMerchant(ctx, w.officer, shop.MerchantInput{Name: " ", Phone: "打电话", Code: "超市", Region: w.county})
	require.ErrorIs(t, err, errs.ErrInvalid)
	require.Len(t, errs.From(err).Fields, 3)
	_, err = w.s.UpdateMerchant(ctx, shopkeeper(auth.RoleOwner, m.ID), m.ID, shop.MerchantInput{Name: "自己改名"})
	require.ErrorIs(t, err, errs.ErrForbidden)

	changed, err := w.s.UpdateMerchant(ctx, w.officer, m.ID, shop.MerchantInput{Name: "汇丰大超市", FreeAmount: true, Phone: "0731-8888"})
	require.NoError(t, err)
	require.Equal(t, m.Code, changed.Code)
	closed, err := w.s.SetMerchantState(ctx, w.officer, other.ID, shop.Closed)
	require.NoError(t, err)
	require.Equal(t, shop.Closed, closed.State)

	require.ErrorIs(t, w.s.SetContract(ctx, w.officer, shop.Contract{Merchant: m.ID, Village: w.village}), errs.ErrInvalid)
	require.ErrorIs(t, w.s.SetContract(ctx, auth.System("test"), shop.Contract{Merchant: m.ID, Village: w.township, Rate: money.Rate{Points: 1, Fen: 1}}), errs.ErrNotFound, "a township is no village")

	page, err := w.s.Merchants(ctx, w.officer, shop.MerchantQuery{Search: "hfd"})
	require.NoError(t, err)
	require.Len(t, page.Merchants, 1)
	require.Equal(t, "汇丰大超市", page.Merchants[0].Name)
	require.True(t, page.Merchants[0].FreeAmount)
	page, err = w.s.Merchants(ctx, w.officer, shop.MerchantQuery{Search: "小店"})
	require.NoError(t, err)
	require.Len(t, page.Merchants, 1)
	page, err = w.s.Merchants(ctx, officer(auth.RoleVillage, w.other), shop.MerchantQuery{})
	require.NoError(t, err)
	require.Len(t, page.Merchants, 1, "only what serves the village")
	page, err = w.s.Merchants(ctx, shopkeeper(auth.RoleClerk, m.ID), shop.MerchantQuery{})
	require.NoError(t, err)
	require.Len(t, page.Merchants, 1)
	page, err = w.s.Merchants(ctx, w.officer, shop.MerchantQuery{Limit: 1})
	require.NoError(t, err)
	require.NotEmpty(t, page.Next)
	page, err = w.s.Merchants(ctx, w.officer, shop.MerchantQuery{Limit: 1, Cursor: page.Next})
	require.NoError(t, err)
	require.Empty(t, page.Next)
	_, err = w.s.Merchants(ctx, w.officer, shop.MerchantQuery{Cursor: "乱写"})
	require.NoError(t, err)

	details, err := w.s.Merchant(ctx, officer(auth.RoleVillage, w.village), m.ID)
	require.NoError(t, err)
	require.Len(t, details.Contracts, 1)
	_, err = w.s.Merchant(ctx, officer(auth.RoleVillage, w.other), m.ID)
	require.ErrorIs(t, err, errs.ErrNotFound)
}

func TestGoodsOfAVillage(t *testing.T) {
	w, ctx := newTown(t), context.Background()
	near, far := w.merchant(t, "汇丰超市", w.village), w.merchant(t, "桥头小店", w.other)
	for i, name := range []string{"洗衣粉", "食用油", "毛巾", "100%棉袜"} {
		p, err := w.s.CreateProduct(ctx, shopkeeper(auth.RoleOwner, near.ID), request(name), shop.ProductInput{Merchant: near.ID, Name: name, Unit: "件", Price: points.Whole(5), Stock: int64(i), LowStock: 1})
		require.NoError(t, err)
		require.EqualValues(t, i, p.Stock)
		require.Equal(t, i <= 1, p.Low())
	}
	_, err := w.s.CreateProduct(ctx, shopkeeper(auth.RoleOwner, far.ID), request("x"), shop.ProductInput{Merchant: far.ID, Name: "洗衣粉", Unit: "袋", Price: points.Whole(5)})
	require.NoError(t, err)

	goods, err := w.s.Goods(ctx, w.villager, shop.GoodsQuery{Household: w.household})
	require.NoError(t, err)
	require.Len(t, goods.Goods, 4)
	require.Equal(t, "汇丰超市", goods.Goods[0].MerchantName)
	for search, want := range map[string]string{"xyf": "洗衣粉", "XY": "洗衣粉", "衣": "洗衣粉", "%棉": "100%棉袜", "油": "食用油"} {
		goods, err = w.s.Goods(ctx, w.officer, shop.GoodsQuery{Village: w.village, Search: search})
		require.NoError(t, err, search)
		require.Len(t, goods.Goods, 1, search)
		require.Equal(t, want, goods.Goods[0].Name)
	}
	var names []string
	for cursor := ""; ; {
		goods, err = w.s.Goods(ctx, w.villager, shop.GoodsQuery{Household: w.household, Cursor: cursor, Limit: 3})
		require.NoError(t, err)
		for _, g := range goods.Goods {
			names = append(names, g.Name)
		}
		if cursor = goods.Next; cursor == "" {
			break
		}
	}
	require.ElementsMatch(t, []string{"洗衣粉", "食用油", "毛巾", "100%棉袜"}, names)

	_, err = w.s.Goods(ctx, w.villager, shop.GoodsQuery{Household: id.New()})
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = w.s.Goods(ctx, w.neighbour, shop.GoodsQuery{Village: w.village})
	require.ErrorIs(t, err, errs.ErrNotFound)

	low, err := w.s.Products(ctx, shopkeeper(auth.RoleClerk, near.ID), shop.ProductQuery{Low: true})
	require.NoError(t, err)
	require.Len(t, low.Products, 2)
	_, err = w.s.Products(ctx, shopkeeper(auth.RoleClerk, near.ID), shop.ProductQuery{Merchant: far.ID})
	require.ErrorIs(t, err, errs.ErrNotFound)

	offers, err := w.s.Offers(ctx, w.villager, 0, w.household)
	require.NoError(t, err)
	require.Len(t, offers, 1)
	require.EqualValues(t, 250, offers[0].Value(points.Whole(25)))
	_, err = w.s.SetMerchantState(ctx, w.officer, near.ID, shop.Closed)
	require.NoError(t, err)
	goods, err = w.s.Goods(ctx, w.villager, shop.GoodsQuery{Household: w.household})
	require.NoError(t, err)
	require.Empty(t, goods.Goods)
	require.NoError(t, w.s.SetContract(ctx, w.officer, shop.Contract{Merchant: far.ID, Village: w.other, Rate: money.Rate{Points: 1, Fen: 1}, State: shop.Ended}))
	goods, err = w.s.Goods(ctx, w.officer, shop.GoodsQuery{Village: w.other})
	require.NoError(t, err)
	require.Empty(t, goods.Goods)
	w.clean(t)
}

func TestProductsBelongToTheirMerchant(t *testing.T) {
	w, ctx := newTown(t), context.Background()
	m, rival := w.merchant(t, "汇丰超市", w.village), w.merchant(t, "桥头小店", w.village)
	owner := shopkeeper(auth.RoleOwner, m.ID)
	in := shop.ProductInput{Merchant: m.ID, Name: "洗衣粉", Unit: "袋", Price: points.Whole(12), Stock: 40}
	p, err := w.s.CreateProduct(ctx, owner, request("a"), in)
	require.NoError(t, err)
	again, err := w.s.CreateProduct(ctx, owner, request("a"), in)
	require.NoError(t, err)
	require.Equal(t, p.ID, again.ID, "a repeated request is answered with the first product")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := w.s.CreateProduct(ctx, owner, request("impatient"), shop.ProductInput{Merchant: m.ID, Name: "肥皂", Unit: "块", Price: points.Whole(3), Stock: 1})
			require.NoError(t, err)
		})
	}
	wg.Wait()
	_, err = w.s.CreateProduct(ctx, owner, request("b"), in)
	require.ErrorIs(t, err, shop.ErrProductTaken)
	for _, actor := range []auth.Actor{shopkeeper(auth.RoleOwner, rival.ID), shopkeeper(auth.RoleClerk, m.ID), w.officer, w.villager} {
		_, err = w.s.CreateProduct(ctx, actor, request(id.New().String()), shop.ProductInput{Merchant: m.ID, Name: "毛巾", Unit: "条", Price: 1})
		require.Error(t, err)
		_, err = w.s.UpdateProduct(ctx, actor, p.ID, in)
		require.Error(t, err)
		_, err = w.s.StockIn(ctx, actor, request(id.New().String()), p.ID, 1, "")
		require.Error(t, err)
		_, err = w.s.StockOut(ctx, actor, request(id.New().String()), p.ID, 1, "破损")
		require.Error(t, err)
	}
	_, err = w.s.CreateProduct(ctx, owner, request("c"), shop.ProductInput{Merchant: m.ID, Name: "坏\x00名", Price: -1, Stock: -1, LowStock: -1, State: 9})
	require.Len(t, errs.From(err).Fields, 6)

	in.Price, in.State = points.Whole(15), shop.OffSale
	p, err = w.s.UpdateProduct(ctx, owner, p.ID, in)
	require.NoError(t, err)
	require.EqualValues(t, 40, p.Stock)
	goods, err := w.s.Goods(ctx, w.officer, shop.GoodsQuery{Village: w.village, Search: "xyf"})
	require.NoError(t, err)
	require.Empty(t, goods.Goods)
	w.clean(t)
}

func TestStock(t *testing.T) {
	w, ctx := newTown(t), context.Background()
	m := w.merchant(t, "汇丰超市", w.village)
	owner := shopkeeper(auth.RoleOwner, m.ID)
	p, err := w.s.CreateProduct(ctx, owner, request("new"), shop.ProductInput{Merchant: m.ID, Name: "洗衣粉", Unit: "袋", Price: points.Whole(12), Stock: 5})
	require.NoError(t, err)

	var wg sync.WaitGroup
	for range 8 { // the same request from an impatient finger
		wg.Go(func() {
			_, err := w.s.StockIn(ctx, owner, request("delivery"), p.ID, 20, "送货")
			require.NoError(t, err)
		})
	}
	wg.Wait()
	p, err = w.s.StockCount(ctx, owner, request("count"), p.ID, 22, "")
	require.NoError(t, err)
	require.EqualValues(t, 22, p.Stock)
	_, err = w.s.StockIn(ctx, owner, request("zero"), p.ID, 0, "")
	require.ErrorIs(t, err, errs.ErrInvalid)
	_, err = w.s.StockCount(ctx, owner, request("minus"), p.ID, -1, "")
	require.ErrorIs(t, err, errs.ErrInvalid)
	_, err = w.s.StockIn(ctx, owner, request("gone"), id.New(), 1, "")
	require.ErrorIs(t, err, errs.ErrNotFound)

	_, err = w.s.StockOut(ctx, owner, request("no reason"), p.ID, 1, " ")
	require.ErrorIs(t, err, errs.ErrInvalid)
	_, err = w.s.StockOut(ctx, owner, request("none"), p.ID, 0, "破损")
	require.ErrorIs(t, err, errs.ErrInvalid)
	_, err = w.s.StockOut(ctx, owner, request("too many"), p.ID, 23, "破损")
	require.ErrorIs(t, err, shop.ErrStock)
	for range 2 { // pressed twice
		p, err = w.s.StockOut(ctx, owner, request("broken"), p.ID, 2, "破损")
		require.NoError(t, err)
		require.EqualValues(t, 20, p.Stock)
	}
	_, err = w.s.StockIn(ctx, owner, request("back"), p.ID, 2, "")
	require.NoError(t, err)

	var moves []shop.Move
	for cursor := ""; ; {
		part, next, err := w.s.Moves(ctx, owner, p.ID, cursor, 1)
		require.NoError(t, err)
		moves = append(moves, part...)
		if cursor = next; cursor == "" {
			break
		}
	}
	require.Len(t, moves, 5)
	require.Equal(t, []int64{2, -2, -3, 20, 5}, []int64{moves[0].Delta, moves[1].Delta, moves[2].Delta, moves[3].Delta, moves[4].Delta})
	require.Equal(t, shop.MoveOut, moves[1].Kind)
	require.Equal(t, "破损", moves[1].Note)
	require.EqualValues(t, 22, moves[0].Stock)

	err = w.d.Tx(ctx, func(tx db.Tx) error {
		locked, err := shop.LockProducts(tx, []id.ID{p.ID, id.New(), p.ID})
		require.NoError(t, err)
		require.Len(t, locked, 1)
		sell := func(n int64) shop.Move { return shop.Move{Product: p.ID, Delta: -n, Kind: shop.MoveSold} }
		require.ErrorIs(t, shop.ApplyStock(tx, locked, []shop.Move{sell(20), sell(3)}), shop.ErrStock)
		require.EqualValues(t, 22, locked[p.ID].Stock, "a refusal changes nothing")
		require.NoError(t, shop.ApplyStock(tx, locked, []shop.Move{sell(20), {Product: p.ID, Delta: 1, Kind: shop.MoveRefunded}, sell(3)}))
		require.EqualValues(t, 0, locked[p.ID].Stock)
		return nil
	})
	require.NoError(t, err)
	w.clean(t)

	require.NoError(t, w.d.Tx(ctx, func(tx db.Tx) error { return tx.Exec("UPDATE products SET stock = 3 WHERE id = ?", p.ID).Error }))
	require.NoError(t, w.d.Read(ctx, func(tx db.Tx) error {
		found, err := shop.VerifyStock(tx)
		require.Len(t, found, 1)
		require.Contains(t, found[0], "洗衣粉")
		return err
	}))
}

// Since a mark only new moves are read; what they do not explain is added up from the start.
func TestStockIsVerifiedSinceAMark(t *testing.T) {
	w, ctx := newTown(t), context.Background()
	m := w.merchant(t, "汇丰超市", w.village)
	owner := shopkeeper(auth.RoleOwner, m.ID)
	product := func(name string) shop.Product {
		p, err := w.s.CreateProduct(ctx, owner, request(name), shop.ProductInput{Merchant: m.ID, Name: name, Unit: "袋", Price: points.Whole(5), Stock: 10})
		require.NoError(t, err)
		return p
	}
	soap, rice := product("洗衣粉"), product("大米")
	since := func(from *shop.StockMark, ahead time.Duration) (found []string, moves int64, mark *shop.StockMark) {
		require.NoError(t, w.d.Read(ctx, func(tx db.Tx) (err error) {
			tx.Now = tx.Now.Add(ahead)
			found, moves, mark, err = shop.VerifyStockSince(tx, from)
			return err
		}))
		return found, moves, mark
	}
	found, moves, mark := since(nil, 2*time.Hour)
	require.Empty(t, found)
	require.EqualValues(t, 2, moves)
	require.Equal(t, map[id.ID]int64{soap.ID: 10, rice.ID: 10}, mark.Sums)
	_, moves, young := since(nil, 0)
	require.EqualValues(t, 2, moves)
	require.Equal(t, map[id.ID]int64{soap.ID: 0, rice.ID: 0}, young.Sums, "what is an hour old may still get company")

	w.clock.Add(3 * time.Hour)
	_, err := w.s.StockIn(ctx, owner, request("in"), soap.ID, 5, "")
	require.NoError(t, err)
	found, moves, next := since(mark, 2*time.Hour)
	require.Empty(t, found)
	require.EqualValues(t, 1, moves)
	require.Equal(t, map[id.ID]int64{soap.ID: 15, rice.ID: 10}, next.Sums)
	found, moves, _ = since(young, 0)
	require.Empty(t, found)
	require.EqualValues(t, 3, moves)

	testkit.Tamper(t, w.d, "UPDATE stock_moves SET delta = delta + 1 WHERE product_id = ?", int64(rice.ID))
	found, _, _ = since(next, 0)
	require.Empty(t, found, "an old move is not read")
	found, _, _ = since(nil, 0)
	require.Len(t, found, 1)
	testkit.Tamper(t, w.d, "UPDATE products SET stock = stock + 1 WHERE id = ?", int64(soap.ID))
	found, _, _ = since(next, 0)
	require.Len(t, found, 1, "the stock is")
	testkit.Tamper(t, w.d, "UPDATE products SET stock = stock - 1 WHERE id = ?", int64(soap.ID))
	testkit.Tamper(t, w.d, "UPDATE stock_moves SET delta = delta + 1 WHERE product_id = ? AND delta = 5", int64(soap.ID))
	found, _, _ = since(mark, 0)
	require.Len(t, found, 1, "and so is a new move")

	// A move that was on its way for longer than thought is no finding.
	testkit.Tamper(t, w.d, "UPDATE stock_moves SET delta = 5, at = 0 WHERE product_id = ? AND delta = 6", int64(soap.ID))
	found, _, again := since(mark, 2*time.Hour)
	require.Empty(t, found)
	require.EqualValues(t, 15, again.Sums[soap.ID])
}
