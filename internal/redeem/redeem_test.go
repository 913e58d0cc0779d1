package redeem_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/notice"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/redeem"
	"jishan/internal/shop"
)

type setting = people.Settings

var systemActor = auth.System("test")

func TestAtTheCounter(t *testing.T) {
	w := newWorld(t)
	w.settings(func(s *setting) {
		s.RedeemMin, s.RedeemStep, s.RedeemMonthCap = points.Whole(2), points.Whole(1), points.Whole(80)
	})
	h := w.household(points.Whole(100))
	soap, oil := w.product("洗衣粉", points.Whole(12), 10), w.product("食用油", points.Whole(30), 4)

	code, err := w.s.Code(ctx, villager(h.ID), h.ID)
	w.must(err)
	require.Less(t, len(code.Text), 80)
	who, err := w.s.Identify(ctx, w.clerk, 0, redeem.Presented{Text: strings.ToLower(code.Text)})
	w.must(err)
	require.Equal(t, "张*三", who.Name)
	require.Equal(t, "小渔溪村", who.VillageName)
	require.Equal(t, points.Whole(100), who.Balance)
	require.Equal(t, points.Whole(80), who.Limits.Spendable)
	require.True(t, who.FreeAmount)
	again, err := w.s.Identify(ctx, w.clerk, w.market.ID, redeem.Presented{Text: code.Text})
	w.must(err)
	require.Equal(t, who.Household, again.Household, "identifying consumes nothing")

	req := fresh()
	in := redeem.Confirmation{Presented: redeem.Presented{Ticket: who.Ticket}, Basket: redeem.Basket{Lines: []redeem.Line{{Product: soap.ID, Quantity: 2}, {Product: oil.ID, Quantity: 1}}, Total: points.Whole(54)}}
	w.clock.Add(4 * time.Minute) // the code has expired, the ticket has not
	r, err := w.s.Confirm(ctx, w.clerk, req, in)
	w.must(err)
	require.Equal(t, points.Whole(54), r.Points)
	require.EqualValues(t, 567, r.Fen, "54 points at 10 for 1.05 yuan")
	require.Equal(t, points.Whole(46), *r.Balance)
	require.Equal(t, "汇丰超市", r.MerchantName)
	require.Equal(t, cal.Day(20261123), r.Day)
	require.Len(t, r.Lines, 2)
	require.EqualValues(t, 8, w.stock(soap))
	require.EqualValues(t, 3, w.stock(oil))

	w.clock.Add(24 * time.Hour)
	replay, err := w.s.Confirm(ctx, w.clerk, req, in)
	w.must(err)
	require.Equal(t, r, replay, "a repetition is answered even when the ticket has expired")
	asked := idempotency.Request{Scope: req.Scope, Key: req.Key, Operation: "redeem.confirm"}
	found, err := w.s.Answered(ctx, w.clerk, asked)
	w.must(err)
	require.Equal(t, r, found)
	for what, other := range map[string]idempotency.Request{
		"another key":       {Scope: req.Scope, Key: req.Key + "x", Operation: "redeem.confirm"},
		"somebody else's":   {Scope: req.Scope + 1, Key: req.Key, Operation: "redeem.confirm"},
		"another operation": {Scope: req.Scope, Key: req.Key, Operation: "redeem.refund"},
	} {
		_, err = w.s.Answered(ctx, w.clerk, other)
		require.ErrorIs(t, err, redeem.ErrNoAnswer, what)
	}
	_, err = w.s.Answered(ctx, villager(h.ID), asked)
	require.ErrorIs(t, err, errs.ErrForbidden)
	_, err = w.s.Confirm(ctx, w.clerk, fresh(), in)
	require.ErrorIs(t, err, redeem.ErrTicketExpired)

	_, err = w.pay(h, 27)
	require.ErrorIs(t, err, redeem.ErrMonthCap)
	_, err = w.pay(h, 1)
	require.ErrorIs(t, err, redeem.ErrMinimum)
	second, err := w.pay(h, 26)
	w.must(err)
	require.Equal(t, "自选商品", second.Lines[0].Name)
	limits, err := w.s.Limits(ctx, villager(h.ID), h.ID)
	w.must(err)
	require.Equal(t, points.Whole(80), limits.MonthUsed)
	require.Zero(t, limits.Spendable)
	w.clock.Add(8 * 24 * time.Hour)
	_, err = w.pay(h, 2)
	w.must(err)
	w.clean()
}

func TestCodesAndTicketsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	h := w.household(points.Whole(100))
	basket := redeem.Basket{Points: points.Whole(1)}
	confirm := func(actor auth.Actor, p redeem.Presented) error {
		_, err := w.s.Confirm(ctx, actor, fresh(), redeem.Confirmation{Presented: p, Basket: basket})
		return err
	}
	text := w.code(h)
	who, err := w.s.Identify(ctx, w.clerk, 0, redeem.Presented{Text: text})
	w.must(err)
	rival := atShop(auth.RoleClerk, w.merchant("桥头小店", true, w.village).ID)
	require.ErrorIs(t, confirm(rival, redeem.Presented{Ticket: who.Ticket}), redeem.ErrTicket, "a ticket is bound to its merchant")
	require.ErrorIs(t, confirm(w.clerk, redeem.Presented{Ticket: who.Ticket + "A"}), redeem.ErrTicket)
	require.ErrorIs(t, confirm(w.clerk, redeem.Presented{Text: text[:20] + "AAAA" + text[24:]}), redeem.ErrCode)
	require.ErrorIs(t, confirm(w.clerk, redeem.Presented{Text: who.Ticket}), people.ErrHouseCode)
	require.ErrorIs(t, confirm(w.clerk, redeem.Presented{}), errs.ErrInvalid)
	require.ErrorIs(t, confirm(w.clerk, redeem.Presented{Text: text, Ticket: who.Ticket}), errs.ErrInvalid)
	w.must(confirm(w.clerk, redeem.Presented{Text: text}))
	require.ErrorIs(t, confirm(w.clerk, redeem.Presented{Text: text}), redeem.ErrCodeUsed)
	require.ErrorIs(t, confirm(w.clerk, redeem.Presented{Ticket: who.Ticket}), redeem.ErrCodeUsed, "the ticket carries the code's number")
	_, err = w.s.Identify(ctx, w.clerk, 0, redeem.Presented{Text: text})
	require.ErrorIs(t, err, redeem.ErrCodeUsed)

	old := w.code(h)
	w.clock.Add(77 * time.Second)
	require.ErrorIs(t, confirm(w.clerk, redeem.Presented{Text: old}), redeem.ErrCodeExpired)
	_, err = w.s.Identify(ctx, w.clerk, 0, redeem.Presented{Text: old})
	require.ErrorIs(t, err, redeem.ErrCodeExpired)
	ahead := w.code(h)
	w.clock.Add(-time.Minute)
	require.ErrorIs(t, confirm(w.clerk, redeem.Presented{Text: ahead}), redeem.ErrCodeExpired, "from the future")

	far := atShop(auth.RoleClerk, w.merchant("外村小店", true, w.other).ID)
	_, err = w.s.Identify(ctx, far, 0, redeem.Presented{Text: w.code(h)})
	require.ErrorIs(t, err, redeem.ErrNotServing)
	require.ErrorIs(t, confirm(far, redeem.Presented{Text: w.code(h)}), redeem.ErrNotServing)
	_, err = w.shop.SetMerchantState(ctx, w.township1, w.market.ID, shop.Closed)
	w.must(err)
	require.ErrorIs(t, confirm(w.clerk, redeem.Presented{Text: w.code(h)}), redeem.ErrMerchantClosed)
	require.Equal(t, points.Whole(99), w.balance(h))

	w.clock.Add(48 * time.Hour)
	n, err := w.s.Sweep(ctx)
	w.must(err)
	require.EqualValues(t, 1, n)
	w.clean()
}

func TestNobodyReachesWhatIsNotTheirs(t *testing.T) {
	w := newWorld(t)
	h, neighbour := w.household(points.Whole(100)), w.household(points.Whole(100))
	r, err := w.pay(h, 5)
	w.must(err)
	rival := atShop(auth.RoleOwner, w.merchant("桥头小店", true, w.village).ID)
	_, err = w.s.Code(ctx, villager(neighbour.ID), h.ID)
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = w.s.Code(ctx, w.officer, h.ID)
	require.ErrorIs(t, err, errs.ErrForbidden)
	_, err = w.s.Identify(ctx, rival, w.market.ID, redeem.Presented{Text: w.code(h)})
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = w.s.Confirm(ctx, w.officer, fresh(), redeem.Confirmation{Merchant: w.market.ID, Presented: redeem.Presented{Text: w.code(h)}, Basket: redeem.Basket{Points: 100}})
	require.ErrorIs(t, err, errs.ErrForbidden)
	for _, actor := range []auth.Actor{villager(neighbour.ID), rival, w.remote} {
		_, err = w.s.Receipt(ctx, actor, r.Key())
		require.ErrorIs(t, err, errs.ErrNotFound)
		_, err = w.s.Refund(ctx, actor, fresh(), r.Key(), "想要")
		require.Error(t, err)
	}
	_, err = w.s.Refund(ctx, w.officer, fresh(), r.Key(), "想要")
	require.ErrorIs(t, err, errs.ErrForbidden, "the village's officers have no redeem.refund")
	_, err = w.s.Proxy(ctx, w.remote, fresh(), redeem.ProxyOrder{Merchant: w.market.ID, Household: h.ID, Basket: redeem.Basket{Points: 100}, Reason: "代办"})
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = w.s.Proxy(ctx, w.clerk, fresh(), redeem.ProxyOrder{Merchant: w.market.ID, Household: h.ID, Basket: redeem.Basket{Points: 100}, Reason: "代办"})
	require.ErrorIs(t, err, errs.ErrForbidden)
	_, err = w.s.MerchantReceipts(ctx, rival, w.market.ID, 0, redeem.Page{})
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = w.s.VillageReceipts(ctx, w.remote, w.village, 0, redeem.Page{})
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = w.s.HouseholdReceipts(ctx, w.remote, h.ID, redeem.Page{})
	require.ErrorIs(t, err, errs.ErrNotFound)
	totals, err := w.s.Totals(ctx, w.remote, redeem.TotalsQuery{Merchant: w.market.ID})
	w.must(err)
	require.Empty(t, totals)
	_, err = w.s.Totals(ctx, w.remote, redeem.TotalsQuery{Village: w.village})
	require.ErrorIs(t, err, errs.ErrNotFound)
	require.Equal(t, points.Whole(95), w.balance(h))
}

func TestProxy(t *testing.T) {
	w := newWorld(t)
	h := w.household(points.Whole(100))
	in := redeem.ProxyOrder{Merchant: w.market.ID, Household: h.ID, Basket: redeem.Basket{Points: points.Whole(20)}}
	_, err := w.s.Proxy(ctx, w.officer, fresh(), in)
	require.ErrorIs(t, err, errs.ErrInvalid, "without a reason")
	in.Reason = strings.Repeat("长", 201)
	_, err = w.s.Proxy(ctx, w.officer, fresh(), in)
	require.ErrorIs(t, err, errs.ErrInvalid)
	in.Reason = "老人行动不便"
	before, err := w.s.ProxyLimits(ctx, w.officer, h.ID)
	w.must(err)
	require.Equal(t, points.Whole(100), before.Spendable)
	_, err = w.s.ProxyLimits(ctx, villager(h.ID), h.ID)
	require.ErrorIs(t, err, errs.ErrForbidden)
	req := fresh()
	for range 2 {
		r, err := w.s.Proxy(ctx, w.officer, req, in)
		w.must(err)
		require.Equal(t, redeem.ByProxy, r.Way)
		require.Equal(t, "老人行动不便", r.Reason)
	}
	require.Equal(t, points.Whole(80), w.balance(h))
	after, err := w.s.ProxyLimits(ctx, w.officer, h.ID)
	w.must(err)
	require.Equal(t, before.MonthUsed+points.Whole(20), after.MonthUsed)
	require.Equal(t, points.Whole(80), after.Spendable)
	inbox := w.notices(h)
	require.Len(t, inbox, 1)
	require.Equal(t, notice.KindProxy, inbox[0].Kind)
	for _, part := range []string{"王主任", "20 积分", "80 积分", "老人行动不便", "汇丰超市"} {
		require.Contains(t, inbox[0].Body, part)
	}
	w.clean()
}

func TestRefund(t *testing.T) {
	w := newWorld(t)
	h := w.household(points.Whole(100))
	w.must(w.d.Tx(ctx, func(tx db.Tx) error { // points that expire, to be seen back in their lot
		b := ledger.Begin(tx)
		if err := b.Lock(ledger.Wallet(w.village, h.ID)); err != nil {
			return err
		}
		_, err := b.Post(ledger.Posting{Book: w.village, Kind: ledger.Award, Asset: ledger.Points, Day: 20261123, Month: 202611, Household: h.ID, Score: points.Whole(10), Reason: "打扫",
			From: ledger.Issue(w.village, ledger.Points), To: ledger.Wallet(w.village, h.ID), Amount: points.Whole(10), Lot: 20271130})
		if err != nil {
			return err
		}
		return b.Seal()
	}))
	lots := func() (out []ledger.Lot) {
		w.must(w.d.Read(ctx, func(tx db.Tx) (err error) {
			out, err = ledger.Lots(tx, ledger.Wallet(w.village, h.ID))
			return err
		}))
		return out
	}
	before := lots()
	soap := w.product("洗衣粉", points.Whole(12), 10)
	r, err := w.s.Confirm(ctx, w.clerk, fresh(), redeem.Confirmation{Presented: redeem.Presented{Text: w.code(h)}, Basket: redeem.Basket{Lines: []redeem.Line{{Product: soap.ID, Quantity: 2}}}})
	w.must(err)
	require.Empty(t, lots())

	_, err = w.s.Refund(ctx, w.clerk, fresh(), r.Key(), "  ")
	require.ErrorIs(t, err, errs.ErrInvalid)
	req := fresh()
	back, err := w.s.Refund(ctx, w.clerk, req, r.Key(), "包装破损")
	w.must(err)
	require.Equal(t, redeem.Refunded, back.State)
	require.Equal(t, points.Whole(110), *back.Balance)
	require.Greater(t, back.RefundNumber, back.Number)
	require.Equal(t, before, lots(), "back in the lot they came from")
	require.EqualValues(t, 10, w.stock(soap))
	again, err := w.s.Refund(ctx, w.clerk, req, r.Key(), "包装破损")
	w.must(err)
	require.Equal(t, back, again)
	_, err = w.s.Refund(ctx, w.clerk, fresh(), r.Key(), "包装破损")
	require.ErrorIs(t, err, redeem.ErrRefunded)
	inbox := w.notices(h)
	require.Equal(t, notice.KindRefund, inbox[0].Kind)

	r, err = w.pay(h, 10)
	w.must(err)
	_, err = w.s.Refund(ctx, w.township1, fresh(), r.Key(), "金额输错")
	w.must(err)
	r, err = w.pay(h, 10)
	w.must(err)
	w.clock.Add(73 * time.Hour)
	_, err = w.s.Refund(ctx, w.clerk, fresh(), r.Key(), "太晚")
	require.ErrorIs(t, err, redeem.ErrRefundLate)
	_, err = w.s.Refund(ctx, w.clerk, fresh(), ledger.Key{Book: w.village, Number: 1}, "不是兑换")
	require.ErrorIs(t, err, errs.ErrNotFound)
	w.clean()
}

func TestReceiptsAndTotals(t *testing.T) {
	w := newWorld(t)
	hs := w.households(2, points.Whole(100))
	var first redeem.Receipt
	for i := range 5 {
		r, err := w.pay(hs[i%2], int64(i)+1)
		w.must(err)
		if i == 0 {
			first = r
		}
	}
	_, err := w.s.Refund(ctx, w.clerk, fresh(), first.Key(), "输错")
	w.must(err)

	var all []redeem.Receipt
	for cursor := ""; ; {
		page, err := w.s.MerchantReceipts(ctx, w.clerk, 0, 0, redeem.Page{Cursor: cursor, Limit: 2})
		w.must(err)
		all = append(all, page.Receipts...)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	require.Len(t, all, 5)
	for i, r := range all {
		require.EqualValues(t, points.Whole(int64(5-i)), r.Points, "newest first")
		require.Equal(t, "张*三", r.Name)
		require.Nil(t, r.Balance)
		require.Len(t, r.Lines, 1)
	}
	require.Equal(t, redeem.Refunded, all[4].State)
	page, err := w.s.MerchantReceipts(ctx, w.clerk, 0, 20261122, redeem.Page{})
	w.must(err)
	require.Empty(t, page.Receipts)
	page, err = w.s.HouseholdReceipts(ctx, villager(hs[0].ID), hs[0].ID, redeem.Page{})
	w.must(err)
	require.Len(t, page.Receipts, 3)
	require.Equal(t, "张小三", page.Receipts[0].Name)
	page, err = w.s.VillageReceipts(ctx, w.officer, w.village, 202611, redeem.Page{Limit: 3})
	w.must(err)
	require.Len(t, page.Receipts, 3)
	for _, bad := range []string{"x", "a-b-c", "1-" + id.New().String() + "-x"} {
		_, err = w.s.VillageReceipts(ctx, w.officer, w.village, 202611, redeem.Page{Cursor: bad})
		require.ErrorIs(t, err, redeem.ErrCursor)
	}

	one, err := w.s.Receipt(ctx, villager(hs[0].ID), first.Key())
	w.must(err)
	require.Equal(t, points.Whole(99), *one.Balance)
	one, err = w.s.Receipt(ctx, w.clerk, first.Key())
	w.must(err)
	require.Nil(t, one.Balance)
	require.Equal(t, "张*三", one.Name)
	require.NotZero(t, one.RefundNumber)

	for _, actor := range []auth.Actor{w.clerk, w.officer, w.township1, systemActor} {
		totals, err := w.s.Totals(ctx, actor, redeem.TotalsQuery{})
		w.must(err)
		require.Len(t, totals, 1)
		got := totals[0]
		require.EqualValues(t, 4, got.Count)
		require.Equal(t, points.Whole(14), got.Points)
		require.EqualValues(t, 21+32+42+53, got.Fen, "rounded per redemption")
		require.EqualValues(t, 1, got.RefundedCount)
		require.Equal(t, points.Whole(1), got.RefundedPoints)
		require.EqualValues(t, 11, got.RefundedFen)
		require.Equal(t, "小渔溪村", got.VillageName)
	}
	w.clean()
}

func TestRedemptionDays(t *testing.T) {
	w := newWorld(t)
	w.settings(func(s *setting) { s.RedeemDays = "w2" })
	h := w.household(points.Whole(100))
	_, err := w.pay(h, 5)
	require.ErrorIs(t, err, redeem.ErrDay)
	require.Contains(t, errs.From(err).Text(), "2026年11月24日")
	who, err := w.s.Identify(ctx, w.clerk, 0, redeem.Presented{Text: w.code(h)})
	w.must(err)
	require.False(t, who.Limits.OpenToday)
	require.Zero(t, who.Limits.Spendable)
	w.clock.Add(24 * time.Hour)
	_, err = w.pay(h, 5)
	w.must(err)
}
