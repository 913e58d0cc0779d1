package redeem

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/cal"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/money"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/shop"
)

const (
	village  = id.ID(10)
	market   = id.ID(20) // takes any number of points
	corner   = id.ID(21) // only goods
	closed   = id.ID(22)
	stranger = id.ID(23) // does not serve the village
	soap     = id.ID(30)
	oil      = id.ID(31)
	offSale  = id.ID(32)
	foreign  = id.ID(33) // of the corner shop
)

// someState is a village on Monday, 2026-11-23, with two households.
func someState(set people.Settings) *state {
	set.Village = village
	return &state{
		day:        20261123,
		households: map[id.ID]people.Household{1: {ID: 1, Village: village, State: people.HouseholdHere}, 2: {ID: 2, Village: village, State: people.HouseholdMoved}},
		settings:   map[id.ID]people.Settings{village: set},
		merchants: map[id.ID]shop.Merchant{market: {ID: market, Name: "汇丰超市", State: shop.Open, FreeAmount: true}, corner: {ID: corner, State: shop.Open},
			closed: {ID: closed, State: shop.Closed}, stranger: {ID: stranger, State: shop.Open}},
		contracts: map[shop.ContractKey]shop.Contract{
			{Merchant: market, Village: village}: {Merchant: market, Village: village, Rate: money.Rate{Points: points.Whole(10), Fen: 105}, State: shop.Serving},
			{Merchant: corner, Village: village}: {Merchant: corner, Village: village, Rate: money.Rate{Points: points.Whole(1), Fen: 10}, State: shop.Serving},
			{Merchant: closed, Village: village}: {Merchant: closed, Village: village, Rate: money.Rate{Points: 1, Fen: 1}, State: shop.Serving},
		},
		balance: map[id.ID]points.Amount{1: points.Whole(100), 2: points.Whole(100)},
		month:   map[id.ID]points.Amount{}, card: map[id.ID]points.Amount{}, used: map[Nonce]bool{{9}: true},
		products: map[id.ID]shop.Product{
			soap:    {ID: soap, Merchant: market, Name: "洗衣粉", Unit: "袋", Price: points.Whole(12), Stock: 5, State: shop.OnSale},
			oil:     {ID: oil, Merchant: market, Name: "食用油", Unit: "瓶", Price: 3050, Stock: 2, State: shop.OnSale},
			offSale: {ID: offSale, Merchant: market, Name: "旧货", Price: 1, Stock: 5, State: shop.OffSale},
			foreign: {ID: foreign, Merchant: corner, Name: "盐", Price: 1, Stock: 5, State: shop.OnSale},
		},
	}
}

func TestDecide(t *testing.T) {
	lines := func(l ...Line) Basket { return Basket{Lines: l} }
	order := func(b Basket) Order {
		return Order{Household: 1, Merchant: market, Way: ByCode, Nonce: Nonce{1}, Basket: b}
	}
	free := func(n int64) Order { return order(Basket{Points: points.Whole(n)}) }
	with := func(o Order, change func(*Order)) Order { change(&o); return o }
	for name, c := range map[string]struct {
		set   people.Settings
		order Order
		want  *errs.Code
		fen   money.Fen
		sum   points.Amount
	}{
		"goods":               {order: order(lines(Line{soap, 2}, Line{oil, 1})), sum: 5450, fen: 572},
		"free amount":         {order: free(33), sum: 3300, fen: 347},
		"told total":          {order: with(free(33), func(o *Order) { o.Total = 3300 }), sum: 3300, fen: 347},
		"price changed":       {order: with(order(lines(Line{soap, 1})), func(o *Order) { o.Total = 1000 }), want: ErrPriceChanged},
		"nothing":             {order: order(Basket{}), want: errs.ErrInvalid},
		"both":                {order: order(Basket{Lines: []Line{{soap, 1}}, Points: 1}), want: errs.ErrInvalid},
		"negative points":     {order: free(-5), want: errs.ErrInvalid},
		"no quantity":         {order: order(lines(Line{soap, 0})), want: errs.ErrInvalid},
		"huge quantity":       {order: order(lines(Line{soap, 1 << 62})), want: errs.ErrInvalid},
		"too many lines":      {order: order(Basket{Lines: make([]Line, 51)}), want: errs.ErrInvalid},
		"out of stock":        {order: order(lines(Line{soap, 6})), want: shop.ErrStock},
		"out of stock in two": {order: order(lines(Line{soap, 3}, Line{soap, 3})), want: shop.ErrStock},
		"off sale":            {order: order(lines(Line{offSale, 1})), want: ErrProduct},
		"another shop's":      {order: order(lines(Line{foreign, 1})), want: ErrProduct},
		"unknown product":     {order: order(lines(Line{99, 1})), want: ErrProduct},
		"unknown household":   {order: with(free(1), func(o *Order) { o.Household = 99 }), want: errs.ErrNotFound},
		"moved household":     {order: with(free(1), func(o *Order) { o.Household = 2 }), want: ErrMoved},
		"unknown merchant":    {order: with(free(1), func(o *Order) { o.Merchant = 99 }), want: errs.ErrNotFound},
		"closed merchant":     {order: with(free(1), func(o *Order) { o.Merchant = closed }), want: ErrMerchantClosed},
		"not serving":         {order: with(free(1), func(o *Order) { o.Merchant = stranger }), want: ErrNotServing},
		"no free amount":      {order: with(free(1), func(o *Order) { o.Merchant = corner }), want: ErrNoFreeAmount},
		"used code":           {order: with(free(1), func(o *Order) { o.Nonce = Nonce{9} }), want: ErrCodeUsed},
		"balance":             {order: free(101), want: ledger.ErrInsufficient},
		"all of it":           {order: free(100), sum: 10000, fen: 1050},
		"below minimum":       {set: people.Settings{RedeemMin: points.Whole(20)}, order: free(19), want: ErrMinimum},
		"minimum":             {set: people.Settings{RedeemMin: points.Whole(20)}, order: free(20), sum: 2000, fen: 210},
		"off step":            {set: people.Settings{RedeemStep: points.Whole(10)}, order: free(25), want: ErrStep},
		"on step":             {set: people.Settings{RedeemStep: points.Whole(10)}, order: free(30), sum: 3000, fen: 315},
		"over month":          {set: people.Settings{RedeemMonthCap: points.Whole(50)}, order: free(51), want: ErrMonthCap},
		"card over day":       {set: people.Settings{CardDayCap: points.Whole(30)}, order: with(free(31), func(o *Order) { o.Way = ByCard }), want: ErrCardDayCap},
		"code over card day":  {set: people.Settings{CardDayCap: points.Whole(30)}, order: free(31), sum: 3100, fen: 326},
		"not today":           {set: people.Settings{RedeemDays: "w6,w7"}, order: free(1), want: ErrDay},
		"today is Monday":     {set: people.Settings{RedeemDays: "w1"}, order: free(1), sum: 100, fen: 11},
		"today is the 23rd":   {set: people.Settings{RedeemDays: "8,23"}, order: free(1), sum: 100, fen: 11},
		"proxy needs reason":  {order: with(free(1), func(o *Order) { o.Way = ByProxy }), want: errs.ErrInvalid},
		"proxy":               {order: with(free(1), func(o *Order) { o.Way, o.Reason = ByProxy, "老人行动不便" }), sum: 100, fen: 11},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decide(someState(c.set), c.order)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
				require.Regexp(t, `\p{Han}`, errs.From(err).Text())
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.sum, got.points)
			require.Equal(t, c.fen, got.fen)
			var sum points.Amount
			for _, l := range got.lines {
				sum += l.Points
				require.Equal(t, l.Points, l.Price*points.Amount(l.Quantity))
			}
			require.Equal(t, got.points, sum)
		})
	}
}

// Whatever orders come in whatever order, what decide lets through never breaks a rule, and what it refuses changes nothing.
func TestDecideKeepsEveryRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := func(name string, most int64) points.Amount {
			return points.Amount(rapid.Int64Range(0, most).Draw(t, name))
		}
		set := people.Settings{RedeemMin: amount("min", 2000), RedeemStep: amount("step", 3) * 100, RedeemMonthCap: amount("month", 12000), CardDayCap: amount("card", 8000)}
		st := someState(set)
		begin := someState(set)
		var month, card points.Amount
		spent := map[Nonce]bool{}
		sold := map[id.ID]int64{}
		for range rapid.IntRange(1, 40).Draw(t, "orders") {
			o := Order{Household: 1, Merchant: market, Way: rapid.SampledFrom([]Way{ByCode, ByCard}).Draw(t, "way"), Nonce: Nonce{byte(rapid.IntRange(0, 60).Draw(t, "nonce"))}}
			if rapid.Bool().Draw(t, "goods") {
				for range rapid.IntRange(1, 3).Draw(t, "lines") {
					o.Lines = append(o.Lines, Line{rapid.SampledFrom([]id.ID{soap, oil}).Draw(t, "product"), rapid.Int64Range(-1, 3).Draw(t, "quantity")})
				}
			} else {
				o.Points = points.Amount(rapid.Int64Range(-100, 4000).Draw(t, "points"))
			}
			balances, products := maps.Clone(st.balance), maps.Clone(st.products)
			limits := st.limits(st.households[1], o.Way)
			c, err := decide(st, o)
			require.Equal(t, balances, st.balance)
			require.Equal(t, products, st.products)
			if err != nil {
				continue
			}
			st.apply(o, c)
			require.LessOrEqual(t, c.points, limits.Spendable, "the screen had promised less")
			require.False(t, spent[o.Nonce] || o.Nonce == Nonce{9})
			spent[o.Nonce] = true
			require.Positive(t, c.points)
			require.GreaterOrEqual(t, c.points, set.RedeemMin)
			if set.RedeemStep > 0 {
				require.Zero(t, c.points%set.RedeemStep)
			}
			month += c.points
			if o.Way == ByCard {
				card += c.points
			}
			for _, l := range o.Lines {
				sold[l.Product] += l.Quantity
			}
		}
		require.Equal(t, begin.balance[1]-month, st.balance[1])
		require.GreaterOrEqual(t, st.balance[1], points.Amount(0))
		if set.RedeemMonthCap > 0 {
			require.LessOrEqual(t, month, set.RedeemMonthCap)
		}
		if set.CardDayCap > 0 {
			require.LessOrEqual(t, card, set.CardDayCap)
		}
		for p, n := range sold {
			require.Equal(t, begin.products[p].Stock-n, st.products[p].Stock)
			require.GreaterOrEqual(t, st.products[p].Stock, int64(0))
		}
	})
}

func TestDays(t *testing.T) {
	for spec, c := range map[string]struct {
		text string
		next cal.Day // from Monday 2026-11-23
	}{
		"":         {"", 20261123},
		"1,15":     {"每月1日、15日", 20261201},
		"w6,w7":    {"每周六、周日", 20261128},
		" w7 , 30": {"每月30日，每周日", 20261129},
		"23":       {"每月23日", 20261123},
		"nonsense": {"", 20261123},
	} {
		d := parseDays(spec)
		require.Equal(t, c.text, d.String(), spec)
		require.Equal(t, c.next, d.next(20261123), spec)
	}
}

// The village's settings and the counter must read the same text in the same way.
func TestDaysAgreeWithSettings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := rapid.StringMatching(`((w[1-7]|[1-9]|[12][0-9]|3[01])(, ?(w[1-7]|[1-9]|[12][0-9]|3[01])){0,4})?`).Draw(t, "spec")
		day := cal.Day(20260101).Add(rapid.IntRange(0, 800).Draw(t, "day"))
		want, err := people.RedeemOpen(spec, day)
		require.NoError(t, err)
		require.Equal(t, want, parseDays(spec).allow(day))
	})
}

func TestWeakPINs(t *testing.T) {
	for _, pin := range []string{"", "123", "1234567", "0000", "777777", "1234", "987654", "45678", "12a4", "１２３５", "-123"} {
		require.ErrorIs(t, checkNewPIN(pin), ErrWeakPIN, pin)
	}
	for _, pin := range []string{"1357", "112233", "80251", "9081"} {
		require.NoError(t, checkNewPIN(pin), pin)
	}
}
