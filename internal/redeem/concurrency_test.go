package redeem_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/db/batch"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/redeem"
	"jishan/internal/shop"
	"jishan/internal/testkit"
)

// services are two, on two sets of connections to the same database, as two processes have.
func (w *world) services() [2]*redeem.Service {
	return [2]*redeem.Service{w.s, w.service(testkit.Reopen(w.t, w.dsn, w.clock))}
}

func TestWalletIsNeverOverdrawn(t *testing.T) {
	w := newWorld(t)
	h := w.household(points.Whole(50))
	two := w.services()
	codes := make([]string, 200)
	for i := range codes {
		codes[i] = w.code(h)
	}
	all := together(200, func(i int) error {
		_, err := two[i%2].Confirm(ctx, w.clerk, fresh(), redeem.Confirmation{Presented: redeem.Presented{Text: codes[i]}, Basket: redeem.Basket{Points: points.Whole(1)}})
		return err
	})
	require.Equal(t, 50, succeeded(all))
	for _, err := range all {
		if err != nil {
			require.ErrorIs(t, err, ledger.ErrInsufficient)
		}
	}
	require.Zero(t, w.balance(h))
	w.clean()
}

func TestStockIsNeverOversold(t *testing.T) {
	w := newWorld(t)
	buyers := w.households(100, points.Whole(30))
	soap := w.product("洗衣粉", points.Whole(12), 10)
	two := w.services()
	codes := make([]string, len(buyers))
	for i, h := range buyers {
		codes[i] = w.code(h)
	}
	all := together(100, func(i int) error {
		_, err := two[i%2].Confirm(ctx, w.clerk, fresh(), redeem.Confirmation{Presented: redeem.Presented{Text: codes[i]},
			Basket: redeem.Basket{Lines: []redeem.Line{{Product: soap.ID, Quantity: 1}}}})
		return err
	})
	require.Equal(t, 10, succeeded(all))
	for _, err := range all {
		if err != nil {
			require.ErrorIs(t, err, shop.ErrStock)
		}
	}
	require.Zero(t, w.stock(soap))
	w.clean()
}

func TestSameRequestRedeemsOnce(t *testing.T) {
	w := newWorld(t)
	h := w.household(points.Whole(500))
	two := w.services()
	code := w.code(h)
	in := redeem.Confirmation{Presented: redeem.Presented{Text: code}, Basket: redeem.Basket{Points: points.Whole(3)}}
	numbers := make([]int64, 60)
	all := together(60, func(i int) error {
		r, err := two[i%2].Confirm(ctx, w.clerk, request("one finger"), in)
		numbers[i] = r.Number
		return err
	})
	require.Equal(t, 60, succeeded(all), "%v", all)
	for _, n := range numbers {
		require.Equal(t, numbers[0], n)
	}
	require.Equal(t, points.Whole(497), w.balance(h))
	w.clean()
}

func TestOneCodeAtTwoCounters(t *testing.T) {
	w := newWorld(t)
	h := w.household(points.Whole(500))
	rival := w.merchant("桥头小店", true, w.village)
	rivalClerk := atShop("clerk", rival.ID)
	two := w.services()
	for range 5 {
		before := w.balance(h)
		text := w.code(h)
		who, err := two[1].Identify(ctx, rivalClerk, 0, redeem.Presented{Text: text})
		w.must(err)
		all := together(20, func(i int) error {
			basket := redeem.Basket{Points: points.Whole(2)}
			if i%2 == 0 {
				_, err := two[0].Confirm(ctx, w.clerk, fresh(), redeem.Confirmation{Presented: redeem.Presented{Text: text}, Basket: basket})
				return err
			}
			_, err := two[1].Confirm(ctx, rivalClerk, fresh(), redeem.Confirmation{Presented: redeem.Presented{Ticket: who.Ticket}, Basket: basket})
			return err
		})
		require.Equal(t, 1, succeeded(all))
		for _, err := range all {
			if err != nil {
				require.ErrorIs(t, err, redeem.ErrCodeUsed)
			}
		}
		require.Equal(t, before-points.Whole(2), w.balance(h))
	}
	w.clean()
}

func TestRefundHappensOnce(t *testing.T) {
	w := newWorld(t)
	h := w.household(points.Whole(100))
	soap := w.product("洗衣粉", points.Whole(12), 10)
	r, err := w.s.Confirm(ctx, w.clerk, fresh(), redeem.Confirmation{Presented: redeem.Presented{Text: w.code(h)}, Basket: redeem.Basket{Lines: []redeem.Line{{Product: soap.ID, Quantity: 3}}}})
	w.must(err)
	two := w.services()
	keys := []string{id.New().String(), id.New().String(), id.New().String(), id.New().String()}
	all := together(20, func(i int) error { // four clerks, five impatient fingers each
		_, err := two[i%2].Refund(ctx, w.clerk, request(keys[i/5]), r.Key(), "破损")
		return err
	})
	require.Equal(t, 5, succeeded(all), "one clerk has done it, and every repetition says so")
	for _, err := range all {
		if err != nil {
			require.ErrorIs(t, err, redeem.ErrRefunded)
		}
	}
	require.Equal(t, points.Whole(100), w.balance(h))
	require.EqualValues(t, 10, w.stock(soap))
	w.clean()
}

func TestMonthCapAtOnce(t *testing.T) {
	w := newWorld(t)
	w.settings(func(s *setting) { s.RedeemMonthCap = points.Whole(20) })
	h := w.household(points.Whole(500))
	two := w.services()
	codes := make([]string, 40)
	for i := range codes {
		codes[i] = w.code(h)
	}
	all := together(40, func(i int) error {
		_, err := two[i%2].Confirm(ctx, w.clerk, fresh(), redeem.Confirmation{Presented: redeem.Presented{Text: codes[i]}, Basket: redeem.Basket{Points: points.Whole(2)}})
		return err
	})
	require.Equal(t, 10, succeeded(all))
	require.Equal(t, points.Whole(480), w.balance(h))
	w.clean()
}

// Orders of one batch fail alone, repeat each other, and see what the ones before them did.
func TestBatch(t *testing.T) {
	w := newWorld(t)
	hs := w.households(3, points.Whole(10))
	soap := w.product("洗衣粉", points.Whole(5), 1)
	nonce := redeem.NewNonce()
	free := func(h int, key string, n int64) redeem.Order {
		return redeem.Order{Actor: w.clerk, Idempotency: idempotency.Request{Scope: 1, Key: key, Input: [32]byte{byte(n)}}, Merchant: w.market.ID, Household: hs[h].ID,
			Way: redeem.ByCode, Basket: redeem.Basket{Points: points.Whole(n)}}
	}
	goods := func(h int) redeem.Order {
		o := free(h, "", 1)
		o.Basket = redeem.Basket{Lines: []redeem.Line{{Product: soap.ID, Quantity: 1}}}
		return o
	}
	withNonce := func(o redeem.Order) redeem.Order { o.Nonce = nonce; return o }
	poison := free(2, "", 1)
	poison.Actor.Name = string(make([]rune, 300)) // MySQL refuses so long a name, SQLite does not mind
	orders := []redeem.Order{
		free(0, "a", 6), free(0, "b", 6), free(0, "a", 6), free(0, "a", 7), goods(1), goods(2), withNonce(free(2, "c", 1)), withNonce(free(2, "d", 1)), free(0, "b", 6), poison,
	}
	got := w.s.Import(ctx, systemActor, orders)
	w.must(got[0].Err)
	require.ErrorIs(t, got[1].Err, ledger.ErrInsufficient, "6 of the 10 were gone")
	w.must(got[2].Err)
	require.Equal(t, got[0].Value, got[2].Value, "the same key replays the first")
	require.ErrorIs(t, got[3].Err, idempotency.ErrConflict)
	w.must(got[4].Err)
	require.ErrorIs(t, got[5].Err, shop.ErrStock)
	w.must(got[6].Err)
	require.ErrorIs(t, got[7].Err, redeem.ErrCodeUsed)
	require.ErrorIs(t, got[8].Err, ledger.ErrInsufficient, "it repeats a request that was refused")
	if testkit.OnMySQL() {
		require.Error(t, got[9].Err, "the order that cannot be written stands alone")
	}

	again := w.s.Import(ctx, systemActor, orders[:3])
	require.Equal(t, []batch.Result[redeem.Receipt]{{Value: got[0].Value}, {Err: again[1].Err}, {Value: got[0].Value}}, again)
	require.Equal(t, points.Whole(4), w.balance(hs[0]))
	for _, r := range w.s.Import(ctx, w.clerk, orders[:1]) {
		require.Error(t, r.Err, "only the system imports")
	}
	w.clean()
}

func TestVerifyFindsWhatWasAltered(t *testing.T) {
	w := newWorld(t)
	h := w.household(points.Whole(100))
	soap := w.product("洗衣粉", points.Whole(12), 10)
	r, err := w.s.Confirm(ctx, w.clerk, fresh(), redeem.Confirmation{Presented: redeem.Presented{Text: w.code(h)}, Basket: redeem.Basket{Lines: []redeem.Line{{Product: soap.ID, Quantity: 2}}}})
	w.must(err)
	_, err = w.pay(h, 5)
	w.must(err)
	w.clean()
	for _, c := range []struct {
		sql, back string
		args      []any
	}{
		{"UPDATE redemptions SET points = points + 1 WHERE number = ?", "UPDATE redemptions SET points = points - 1 WHERE number = ?", []any{r.Number}},
		{"UPDATE redemption_lines SET quantity = 3 WHERE number = ?", "UPDATE redemption_lines SET quantity = 2 WHERE number = ?", []any{r.Number}},
		{"UPDATE redemptions SET state = 2 WHERE number = ?", "UPDATE redemptions SET state = 1 WHERE number = ?", []any{r.Number}},
		{"UPDATE redemptions SET merchant_id = merchant_id + 1 WHERE number = ?", "UPDATE redemptions SET merchant_id = merchant_id - 1 WHERE number = ?", []any{r.Number}},
		{"UPDATE redemptions SET household_id = household_id + 1 WHERE number = ?", "UPDATE redemptions SET household_id = household_id - 1 WHERE number = ?", []any{r.Number}},
		{"UPDATE redemptions SET number = number + 100 WHERE number = ?", "UPDATE redemptions SET number = number - 100 WHERE number = ? + 100", []any{r.Number}},
		{"UPDATE stock_moves SET delta = delta + 1 WHERE number = ?", "UPDATE stock_moves SET delta = delta - 1 WHERE number = ?", []any{r.Number}},
		{"UPDATE redemptions SET nonce = ?", "", []any{[]byte("same")}},
	} {
		testkit.Tamper(t, w.d, c.sql, c.args...)
		w.must(w.d.Read(ctx, func(tx db.Tx) error {
			found, err := redeem.Verify(tx)
			require.NotEmpty(t, found, c.sql)
			require.Regexp(t, `\p{Han}`, found[0])
			if err != nil {
				return err
			}
			found, rows, err := redeem.VerifySince(tx, []ledger.Span{{Book: w.village, After: r.Number - 1, At: tx.Millis()}})
			require.NotEmpty(t, found, "since the redemption: %s", c.sql)
			require.EqualValues(t, 2, rows)
			return err
		}))
		if c.back != "" {
			testkit.Tamper(t, w.d, c.back, c.args...)
			w.clean()
		}
	}
}

// Since a number, later redemptions are read, and earlier ones where they were given back later.
func TestVerifySinceReadsWhatCameLater(t *testing.T) {
	w := newWorld(t)
	h := w.household(points.Whole(100))
	soap := w.product("洗衣粉", points.Whole(12), 10)
	confirm := func() redeem.Receipt {
		r, err := w.s.Confirm(ctx, w.clerk, fresh(), redeem.Confirmation{Presented: redeem.Presented{Text: w.code(h)}, Basket: redeem.Basket{Lines: []redeem.Line{{Product: soap.ID, Quantity: 1}}}})
		w.must(err)
		return r
	}
	first, second := confirm(), confirm()
	since := func(after int64) (found []string, rows int64) {
		w.must(w.d.Read(ctx, func(tx db.Tx) (err error) {
			found, rows, err = redeem.VerifySince(tx, []ledger.Span{{Book: w.village, After: after, At: tx.Millis()}})
			return err
		}))
		return found, rows
	}
	found, rows := since(first.Number)
	require.Empty(t, found)
	require.EqualValues(t, 1, rows)
	testkit.Tamper(t, w.d, "UPDATE redemption_lines SET quantity = 2 WHERE number = ?", first.Number)
	found, _ = since(first.Number)
	require.Empty(t, found, "an old line is not read")
	found, _ = since(first.Number - 1)
	require.NotEmpty(t, found)
	testkit.Tamper(t, w.d, "UPDATE redemption_lines SET quantity = 1 WHERE number = ?", first.Number)
	testkit.Tamper(t, w.d, "UPDATE stock_moves SET delta = -2 WHERE number = ?", second.Number)
	found, _ = since(first.Number)
	require.NotEmpty(t, found, "new stock is compared")
	testkit.Tamper(t, w.d, "UPDATE stock_moves SET delta = -1 WHERE number = ?", second.Number)

	_, err := w.s.Refund(ctx, w.clerk, fresh(), first.Key(), "坏了")
	w.must(err)
	found, _ = since(second.Number)
	require.Empty(t, found)
	testkit.Tamper(t, w.d, "UPDATE redemptions SET state = 1 WHERE number = ?", first.Number)
	found, _ = since(second.Number)
	require.Len(t, found, 1, "given back since")
}
