package redeem

import (
	"strconv"
	"strings"
	"unicode/utf8"

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
	maxLines    = 50
	maxQuantity = 9999
	maxReason   = 200
)

// state is everything a batch of orders is decided on, as it stands under the locks; apply keeps it true from one order to
// the next.
type state struct {
	day        cal.Day
	households map[id.ID]people.Household
	settings   map[id.ID]people.Settings // by village
	merchants  map[id.ID]shop.Merchant
	contracts  map[shop.ContractKey]shop.Contract
	balance    map[id.ID]points.Amount // by household
	month      map[id.ID]points.Amount // redeemed this month and not refunded, by household
	card       map[id.ID]points.Amount // the same, today and by card
	products   map[id.ID]shop.Product  // with the stock that is left
	used       map[Nonce]bool
}

// changes are what an accepted order does.
type changes struct {
	points points.Amount
	fen    money.Fen
	lines  []ReceiptLine
}

// decide says what the order does, or why not. It changes nothing.
func decide(st *state, o Order) (changes, error) {
	h, ok := st.households[o.Household]
	if !ok {
		return changes{}, errs.ErrNotFound.New()
	}
	if utf8.RuneCountInString(o.Reason) > maxReason || !utf8.ValidString(o.Reason) || o.Way == ByProxy && strings.TrimSpace(o.Reason) == "" {
		return changes{}, errs.ErrInvalid.At(errs.Field{Path: "reason", Text: "请写明代办的原因，最多 200 个字"})
	}
	contract, err := st.served(h, o.Merchant)
	if err != nil {
		return changes{}, err
	}
	if st.used[o.Nonce] {
		return changes{}, ErrCodeUsed.New()
	}
	c, err := st.price(o)
	if err != nil {
		return changes{}, err
	}
	if o.Total != 0 && o.Total != c.points {
		return changes{}, ErrPriceChanged.With("商品价格已变动：现在共需 %s 积分，请核对后再确认", c.points)
	}
	if err := st.rules(h, o.Way, c.points); err != nil {
		return changes{}, err
	}
	if have := st.balance[h.ID]; have < c.points {
		return changes{}, ledger.ErrInsufficient.With("可用积分不足：现有 %s，需要 %s", max(have, 0), c.points)
	}
	c.fen = contract.Rate.Value(c.points)
	return c, nil
}

// served finds the contract under which the merchant may serve the household now.
func (st *state) served(h people.Household, merchant id.ID) (shop.Contract, error) {
	m, ok := st.merchants[merchant]
	switch {
	case !ok:
		return shop.Contract{}, errs.ErrNotFound.New()
	case m.State != shop.Open:
		return shop.Contract{}, ErrMerchantClosed.New()
	case !h.Active():
		return shop.Contract{}, gone(h)
	}
	c, ok := st.contracts[shop.ContractKey{Merchant: merchant, Village: h.Village}]
	if !ok || c.State != shop.Serving {
		return shop.Contract{}, ErrNotServing.New()
	}
	return c, nil
}

// gone is why a household that does not live here cannot redeem.
func gone(h people.Household) error {
	if h.State == people.HouseholdMerged {
		return ErrMerged.New()
	}
	return ErrMoved.New()
}

// price is the order's lines at today's prices, in stock.
func (st *state) price(o Order) (changes, error) {
	if (len(o.Lines) > 0) == (o.Points != 0) {
		return changes{}, errs.ErrInvalid.At(errs.Field{Path: "lines", Text: "请选择商品，或填写积分，两样选一样"})
	}
	if len(o.Lines) == 0 {
		switch {
		case o.Points < 0 || o.Points > points.Whole(1_000_000):
			return changes{}, errs.ErrInvalid.At(errs.Field{Path: "points", Text: "兑换积分要大于 0，且不超过 1000000"})
		case !st.merchants[o.Merchant].FreeAmount:
			return changes{}, ErrNoFreeAmount.New()
		}
		return changes{points: o.Points, lines: []ReceiptLine{{Name: "自选商品", Price: o.Points, Quantity: 1, Points: o.Points}}}, nil
	}
	if len(o.Lines) > maxLines {
		return changes{}, errs.ErrInvalid.At(errs.Field{Path: "lines", Text: "一次最多兑换 50 种商品"})
	}
	var c changes
	taken := map[id.ID]int64{}
	for i, l := range o.Lines {
		path := "lines[" + strconv.Itoa(i) + "]"
		if l.Quantity < 1 || l.Quantity > maxQuantity {
			return changes{}, errs.ErrInvalid.At(errs.Field{Path: path + ".quantity", Text: "数量要在 1 到 9999 之间"})
		}
		p, ok := st.products[l.Product]
		if !ok || p.Merchant != o.Merchant || p.State != shop.OnSale {
			return changes{}, ErrProduct.New()
		}
		if taken[p.ID] += l.Quantity; taken[p.ID] > p.Stock {
			return changes{}, shop.ErrStock.With("“%s”库存不足：还剩 %d %s", p.Name, p.Stock, p.Unit)
		}
		sum := p.Price * points.Amount(l.Quantity) // a price is at most 1e9 hundredths: no overflow within 50 lines
		c.lines = append(c.lines, ReceiptLine{Product: p.ID, Name: p.Name, Price: p.Price, Quantity: l.Quantity, Points: sum})
		c.points += sum
	}
	return c, nil
}

// rules are those of the village.
func (st *state) rules(h people.Household, way Way, amount points.Amount) error {
	set := st.settings[h.Village]
	if d := parseDays(set.RedeemDays); !d.allow(st.day) {
		if next := d.next(st.day); next != 0 {
			return ErrDay.With("今天不是兑换日：%s可以兑换，下一次是%s", d, next.Chinese())
		}
		return ErrDay.New()
	}
	if amount < set.RedeemMin {
		return ErrMinimum.With("每次至少兑换 %s 积分，这次只有 %s", set.RedeemMin, amount)
	}
	if set.RedeemStep > 0 && amount%set.RedeemStep != 0 {
		return ErrStep.With("每次兑换的积分必须是 %s 的整倍数，这次是 %s", set.RedeemStep, amount)
	}
	if left := set.RedeemMonthCap - st.month[h.ID]; set.RedeemMonthCap > 0 && amount > left {
		return ErrMonthCap.With("每户每月最多兑换 %s 积分，这户本月还可以兑换 %s", set.RedeemMonthCap, max(left, 0))
	}
	if left := set.CardDayCap - st.card[h.ID]; way == ByCard && set.CardDayCap > 0 && amount > left {
		return ErrCardDayCap.With("用户卡每天最多兑换 %s 积分，今天还可以兑换 %s", set.CardDayCap, max(left, 0))
	}
	return nil
}

// apply makes the state what it is after an accepted order.
func (st *state) apply(o Order, c changes) {
	st.used[o.Nonce] = true
	st.balance[o.Household] -= c.points
	st.month[o.Household] += c.points
	if o.Way == ByCard {
		st.card[o.Household] += c.points
	}
	for _, l := range c.lines {
		if p, ok := st.products[l.Product]; ok {
			p.Stock -= l.Quantity
			st.products[l.Product] = p
		}
	}
}

// limits are what the village's rules leave the household today.
func (st *state) limits(h people.Household, way Way) Limits {
	set := st.settings[h.Village]
	d := parseDays(set.RedeemDays)
	l := Limits{Min: set.RedeemMin, Step: set.RedeemStep, MonthCap: set.RedeemMonthCap, MonthUsed: st.month[h.ID],
		CardDayCap: set.CardDayCap, CardDayUsed: st.card[h.ID], Days: d.String(), OpenToday: d.allow(st.day), NextDay: d.next(st.day)}
	can := max(st.balance[h.ID], 0)
	if l.MonthCap > 0 {
		can = min(can, l.MonthCap-l.MonthUsed)
	}
	if way == ByCard && l.CardDayCap > 0 {
		can = min(can, l.CardDayCap-l.CardDayUsed)
	}
	if l.Step > 0 {
		can -= can % l.Step
	}
	if can < l.Min || can < 0 || !l.OpenToday {
		can = 0
	}
	l.Spendable = can
	return l
}

// describe is the redemption as the household's statement shows it.
func describe(m shop.Merchant, c changes) string {
	names := make([]string, len(c.lines))
	for i, l := range c.lines {
		names[i] = l.Name
		if l.Quantity > 1 {
			names[i] += "×" + strconv.FormatInt(l.Quantity, 10)
		}
	}
	return "在" + m.Name + "兑换：" + strings.Join(names, "、")
}
