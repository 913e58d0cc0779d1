package api

import (
	"context"
	"time"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/money"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/redeem"
)

const (
	tagCounter = "兑换"
	opRedeem   = "counter-redeem"
)

// IdentifyInput is what the customer shows.
type IdentifyInput struct {
	Text     string `json:"text" minLength:"1" maxLength:"200" doc:"扫到的兑换码、户卡二维码，或输入的户码"`
	PIN      string `json:"pin,omitempty" maxLength:"12" doc:"户卡密码；用户卡时填"`
	Merchant id.ID  `json:"merchant,omitempty" doc:"不填为自己所在的商户"`
}

// RedeemLimits are what the village's rules leave a household.
type RedeemLimits struct {
	Min         points.Amount `json:"min" doc:"每次至少"`
	Step        points.Amount `json:"step" doc:"须为多少的整倍数，0 为不限"`
	MonthCap    points.Amount `json:"month_cap" doc:"每月最多，0 为不限"`
	MonthUsed   points.Amount `json:"month_used"`
	CardDayCap  points.Amount `json:"card_day_cap" doc:"凭户卡每天最多，0 为不限"`
	CardDayUsed points.Amount `json:"card_day_used"`
	Days        string        `json:"days" doc:"兑换日，空为每天"`
	OpenToday   bool          `json:"open_today"`
	NextDay     cal.Day       `json:"next_day,omitempty"`
	Spendable   points.Amount `json:"spendable" doc:"现在最多能兑多少"`
}

// Identity is what a clerk sees of the customer.
type Identity struct {
	Household   id.ID         `json:"household"`
	Village     id.ID         `json:"village"`
	VillageName string        `json:"village_name"`
	HouseCode   string        `json:"house_code"`
	Name        string        `json:"name" doc:"户主，打了星号"`
	Way         string        `json:"way" enum:"code,card,proxy"`
	Balance     points.Amount `json:"balance"`
	Limits      RedeemLimits  `json:"limits"`
	Rate        Rate          `json:"rate"`
	FreeAmount  bool          `json:"free_amount" doc:"可以只填积分，不选商品"`
	Ticket      string        `json:"ticket" doc:"确认时用"`
	ExpiresAt   time.Time     `json:"expires_at"`
}

// BasketLine is a wanted product.
type BasketLine struct {
	Product  id.ID `json:"product"`
	Quantity int64 `json:"quantity" minimum:"1" maximum:"9999"`
}

// BasketInput is what is wanted: lines, or a number of points.
type BasketInput struct {
	Lines  []BasketLine `json:"lines,omitempty" maxItems:"100"`
	Points Points       `json:"points,omitempty" minimum:"0" doc:"不选商品，直接兑多少积分"`
	Total  Points       `json:"total,omitempty" minimum:"0" doc:"告诉顾客的总积分；与现价不符就不兑"`
}

// ConfirmInput redeems at the counter: by the ticket of identify, by a dynamic code, or by card and PIN.
type ConfirmInput struct {
	BasketInput
	Ticket   string `json:"ticket,omitempty" maxLength:"500"`
	Text     string `json:"text,omitempty" maxLength:"200" doc:"没有 ticket 时：兑换码、户卡二维码或户码"`
	PIN      string `json:"pin,omitempty" maxLength:"12"`
	Merchant id.ID  `json:"merchant,omitempty" doc:"不填为自己所在的商户"`
}

// ProxyInput redeems for a household.
type ProxyInput struct {
	BasketInput
	Merchant  id.ID  `json:"merchant"`
	Household id.ID  `json:"household"`
	Reason    string `json:"reason" minLength:"1" maxLength:"200" doc:"会告诉这户"`
}

// RefundInput is why goods came back.
type RefundInput struct {
	Reason string `json:"reason" minLength:"1" maxLength:"200"`
}

// ReceiptLine is one product, or a free amount of points.
type ReceiptLine struct {
	Product  id.ID         `json:"product,omitempty"`
	Name     string        `json:"name"`
	Price    points.Amount `json:"price"`
	Quantity int64         `json:"quantity"`
	Points   points.Amount `json:"points"`
}

// Receipt is a redemption as it is shown and printed.
type Receipt struct {
	Village      id.ID          `json:"village"`
	VillageName  string         `json:"village_name"`
	Number       int64          `json:"number" doc:"本村账上的第几号"`
	At           time.Time      `json:"at"`
	Day          cal.Day        `json:"day"`
	Household    id.ID          `json:"household"`
	HouseCode    string         `json:"house_code"`
	Name         string         `json:"name" doc:"户主；商户看到的打了星号"`
	Merchant     id.ID          `json:"merchant"`
	MerchantName string         `json:"merchant_name"`
	Way          string         `json:"way" enum:"code,card,proxy"`
	WayName      string         `json:"way_name"`
	Lines        []ReceiptLine  `json:"lines"`
	Points       points.Amount  `json:"points"`
	Yuan         money.Fen      `json:"yuan" doc:"村里应付商户多少元"`
	Balance      *points.Amount `json:"balance,omitempty" doc:"兑换后的余额"`
	State        string         `json:"state" enum:"confirmed,refunded"`
	RefundedAt   *time.Time     `json:"refunded_at,omitempty"`
	RefundNumber int64          `json:"refund_number,omitempty"`
	Reason       string         `json:"reason,omitempty" doc:"代办的原因"`
	ActorName    string         `json:"actor_name"`
}

// Total is what a merchant took in from a village in a month.
type Total struct {
	Merchant       id.ID         `json:"merchant"`
	MerchantName   string        `json:"merchant_name"`
	Village        id.ID         `json:"village"`
	VillageName    string        `json:"village_name"`
	Month          Month         `json:"month"`
	Count          int64         `json:"count" doc:"多少笔，不含已退的"`
	Points         points.Amount `json:"points"`
	Yuan           money.Fen     `json:"yuan"`
	RefundedCount  int64         `json:"refunded_count"`
	RefundedPoints points.Amount `json:"refunded_points"`
	RefundedYuan   money.Fen     `json:"refunded_yuan"`
}

// Totals are per merchant and village.
type Totals struct {
	Items []Total `json:"items"`
}

var (
	ways             = words[redeem.Way]{redeem.ByCode: "code", redeem.ByCard: "card", redeem.ByProxy: "proxy"}
	redemptionStates = words[redeem.State]{redeem.Confirmed: "confirmed", redeem.Refunded: "refunded"}
)

func limitsOut(l redeem.Limits) RedeemLimits {
	return RedeemLimits{Min: l.Min, Step: l.Step, MonthCap: l.MonthCap, MonthUsed: l.MonthUsed, CardDayCap: l.CardDayCap, CardDayUsed: l.CardDayUsed,
		Days: l.Days, OpenToday: l.OpenToday, NextDay: l.NextDay, Spendable: l.Spendable}
}

func receiptOut(r redeem.Receipt) Receipt {
	out := Receipt{Village: r.Village, VillageName: r.VillageName, Number: r.Number, At: r.At, Day: r.Day, Household: r.Household, HouseCode: people.FormatHouseCode(r.HouseCode),
		Name: r.Name, Merchant: r.Merchant, MerchantName: r.MerchantName, Way: ways[r.Way], WayName: r.Way.Name(), Points: r.Points, Yuan: r.Fen,
		Balance: r.Balance, State: redemptionStates[r.State], RefundNumber: r.RefundNumber, Reason: r.Reason, ActorName: r.ActorName,
		Lines: mapped(r.Lines, func(l redeem.ReceiptLine) ReceiptLine {
			return ReceiptLine{l.Product, l.Name, l.Price, l.Quantity, l.Points}
		})}
	if !r.RefundedAt.IsZero() {
		out.RefundedAt = &r.RefundedAt
	}
	return out
}

func receiptsOut(p redeem.ReceiptPage) Page[Receipt] {
	return Page[Receipt]{mapped(p.Receipts, receiptOut), p.Next}
}

func (b BasketInput) domain() redeem.Basket {
	return redeem.Basket{Points: b.Points.Amount(), Total: b.Total.Amount(), Lines: mapped(b.Lines, func(l BasketLine) redeem.Line { return redeem.Line{Product: l.Product, Quantity: l.Quantity} })}
}

// HundredQuery is a page of at most a hundred.
type HundredQuery struct {
	Cursor string `query:"cursor" maxLength:"500" doc:"上一页给出的 next"`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"100" doc:"每页多少条"`
}

func (q HundredQuery) page() redeem.Page { return redeem.Page{Cursor: q.Cursor, Limit: q.Limit} }

// RedemptionPath is a redemption: the village and the number in its ledger.
type RedemptionPath struct {
	Village Key   `path:"village"`
	Number  int64 `path:"number" minimum:"1"`
}

func (p RedemptionPath) key() ledger.Key { return ledger.Key{Book: p.Village.V, Number: p.Number} }

type villageRedemptions struct {
	ByID
	HundredQuery
	Month Month `query:"month" doc:"不填为本月"`
}

// redemptionPage is a page of a village's redemptions in a month, newest first.
func (s *Server) redemptionPage(ctx context.Context, actor auth.Actor, in villageRedemptions) (Page[Receipt], error) {
	p, err := s.deps.Redeem.VillageReceipts(ctx, actor, in.ID.V, in.Month.V, in.page())
	return receiptsOut(p), err
}

func (s *Server) counterOps() {
	op := func(o Op, p auth.Permission, a Audience) Op { o.Tag, o.Perm, o.Audience = tagCounter, p, a; return o }

	register(s, op(Op{ID: "counter-identify", Method: "POST", Path: "/counter/identify", Summary: "扫码，看是谁、有多少积分", Note: "不消耗兑换码。户卡的密码输错会计数，次数多了卡会锁住。"}, auth.RedeemCounter, Merchants),
		func(ctx context.Context, c *Call, in *struct{ Body IdentifyInput }) (Identity, error) {
			i, err := s.deps.Redeem.Identify(ctx, c.Actor, in.Body.Merchant, redeem.Presented{Text: in.Body.Text, PIN: in.Body.PIN})
			return Identity{Household: i.Household, Village: i.Village, VillageName: i.VillageName, HouseCode: people.FormatHouseCode(i.HouseCode), Name: i.Name, Way: ways[i.Way],
				Balance: i.Balance, Limits: limitsOut(i.Limits), Rate: rateOut(i.Rate), FreeAmount: i.FreeAmount, Ticket: i.Ticket, ExpiresAt: i.Expires}, err
		})
	register(s, op(Op{ID: opRedeem, Method: "POST", Path: "/counter/redemptions", Summary: "核销", Idempotent: true,
		Note: "用 identify 给的 ticket，或直接用兑换码、户卡和密码。没有收到回答时，用同样的内容和操作编号再发一次，不会重复扣分。"}, auth.RedeemCounter, Merchants),
		func(ctx context.Context, c *Call, in *struct{ Body ConfirmInput }) (Receipt, error) {
			b := in.Body
			r, err := s.deps.Redeem.Confirm(ctx, c.Actor, c.Idem, redeem.Confirmation{Merchant: b.Merchant,
				Presented: redeem.Presented{Text: b.Text, PIN: b.PIN, Ticket: b.Ticket}, Basket: b.BasketInput.domain()})
			return receiptOut(r), err
		})
	register(s, op(Op{ID: "counter-answer", Method: "GET", Path: "/counter/answers/{key}", Summary: "上一笔核销成了没有", Note: "凭自己核销时用的操作编号找回小票；没有记账就是 redeem.no_answer。"}, auth.RedeemCounter, Merchants),
		func(ctx context.Context, c *Call, in *struct {
			Key string `path:"key" minLength:"8" maxLength:"128"`
		}) (Receipt, error) {
			r, err := s.deps.Redeem.Answered(ctx, c.Actor, idempotency.Request{Scope: c.Actor.UserID, Key: in.Key, Operation: opRedeem})
			return receiptOut(r), err
		})
	register(s, op(Op{ID: "counter-redemptions", Method: "GET", Path: "/counter/redemptions", Summary: "本店一天的兑换", Note: "新的在前。"}, auth.RedeemRead, Merchants),
		func(ctx context.Context, c *Call, in *struct {
			HundredQuery
			Merchant Key  `query:"merchant" doc:"不填为自己所在的商户"`
			Day      Date `query:"day" doc:"不填为今天"`
		}) (Page[Receipt], error) {
			p, err := s.deps.Redeem.MerchantReceipts(ctx, c.Actor, in.Merchant.V, in.Day.V, in.page())
			return receiptsOut(p), err
		})
	register(s, op(Op{ID: "redemption-get", Method: "GET", Path: "/redemptions/{village}/{number}", Summary: "一笔兑换的凭证"}, auth.RedeemRead, Officers|Merchants),
		func(ctx context.Context, c *Call, in *RedemptionPath) (Receipt, error) {
			r, err := s.deps.Redeem.Receipt(ctx, c.Actor, in.key())
			return receiptOut(r), err
		})
	register(s, op(Op{ID: "redemption-refund", Method: "POST", Path: "/redemptions/{village}/{number}/refund", Summary: "退货", Note: "整笔退：积分回到户里，商品回到库存。", Idempotent: true}, auth.RedeemRefund, Officers|Merchants),
		func(ctx context.Context, c *Call, in *struct {
			RedemptionPath
			Body RefundInput
		}) (Receipt, error) {
			r, err := s.deps.Redeem.Refund(ctx, c.Actor, c.Idem, in.key(), in.Body.Reason)
			return receiptOut(r), err
		})
	register(s, op(Op{ID: "redemption-proxy", Method: "POST", Path: "/villages/{id}/redemptions", Summary: "代办兑换", Note: "替没有手机的户兑换；会通知这户。", Idempotent: true}, auth.RedeemProxy, Officers),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body ProxyInput
		}) (Receipt, error) {
			b := in.Body
			if err := c.Actor.InRegion(auth.RedeemProxy, in.ID.V); err != nil {
				return Receipt{}, err
			}
			r, err := s.deps.Redeem.Proxy(ctx, c.Actor, c.Idem, redeem.ProxyOrder{Merchant: b.Merchant, Household: b.Household, Basket: b.BasketInput.domain(), Reason: b.Reason})
			return receiptOut(r), err
		})
	register(s, op(Op{ID: "redemption-limits", Method: "GET", Path: "/households/{id}/redeem-limits", Summary: "代办前看这户今天还能兑多少"}, auth.RedeemProxy, Officers),
		func(ctx context.Context, c *Call, in *ByID) (RedeemLimits, error) {
			l, err := s.deps.Redeem.ProxyLimits(ctx, c.Actor, in.ID.V)
			return limitsOut(l), err
		})
	register(s, op(Op{ID: "redemption-list", Method: "GET", Path: "/villages/{id}/redemptions", Summary: "本村一个月的兑换", Note: "新的在前。"}, auth.RedeemRead, Officers),
		func(ctx context.Context, c *Call, in *villageRedemptions) (Page[Receipt], error) {
			return s.redemptionPage(ctx, c.Actor, *in)
		})
	registerFile(s, op(Op{ID: "redemption-export", Method: "GET", Path: "/villages/{id}/redemptions.xlsx", Summary: "本村一个月的兑换，Excel", Note: noteExport}, auth.RedeemRead, Officers),
		func(ctx context.Context, c *Call, in *villageRedemptions) (*file, error) {
			return s.redemptionSheet(ctx, c, *in)
		})
	register(s, op(Op{ID: "household-redemptions", Method: "GET", Path: "/households/{id}/redemptions", Summary: "一户的兑换", Note: "新的在前。"}, auth.RedeemRead, Officers),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			HundredQuery
		}) (Page[Receipt], error) {
			p, err := s.deps.Redeem.HouseholdReceipts(ctx, c.Actor, in.ID.V, in.page())
			return receiptsOut(p), err
		})
	s.totalOps(op)
	s.cardOps()
}

func (s *Server) totalOps(op func(Op, auth.Permission, Audience) Op) {
	totals := func(ctx context.Context, c *Call, q redeem.TotalsQuery) (Totals, error) {
		list, err := s.deps.Redeem.Totals(ctx, c.Actor, q)
		return Totals{mapped(list, func(t redeem.Total) Total {
			return Total{t.Merchant, t.MerchantName, t.Village, t.VillageName, Month{t.Month}, t.Count, t.Points, t.Fen, t.RefundedCount, t.RefundedPoints, t.RefundedFen}
		})}, err
	}
	register(s, op(Op{ID: "merchant-totals", Method: "GET", Path: "/merchants/{id}/totals", Summary: "商户一个月收了多少，按村"}, auth.RedeemRead, Officers|Merchants),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Month Month `query:"month" doc:"不填为本月"`
		}) (Totals, error) {
			return totals(ctx, c, redeem.TotalsQuery{Merchant: in.ID.V, Month: in.Month.V})
		})
	register(s, op(Op{ID: "village-totals", Method: "GET", Path: "/villages/{id}/totals", Summary: "本村一个月兑了多少，按商户"}, auth.RedeemRead, Officers),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Month Month `query:"month" doc:"不填为本月"`
		}) (Totals, error) {
			return totals(ctx, c, redeem.TotalsQuery{Village: in.ID.V, Month: in.Month.V})
		})
}
