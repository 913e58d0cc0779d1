package redeem

import (
	"context"
	"errors"
	"runtime"
	"time"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/db/batch"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/points"
)

// What can go wrong at the counter.
var (
	ErrCode          = errs.Define(errs.Invalid, "code.invalid", "这不是有效的兑换码，请让村民打开小程序重新出示")
	ErrCodeExpired   = errs.Define(errs.Refused, "code.expired", "兑换码已过期，请让村民刷新后重新出示")
	ErrCodeUsed      = errs.Define(errs.Refused, "code.used", "这个兑换码已经用过了，请让村民刷新后重新出示")
	ErrTicket        = errs.Define(errs.Invalid, "ticket.invalid", "这次扫码的凭证无效，请重新扫码")
	ErrTicketExpired = errs.Define(errs.Refused, "ticket.expired", "扫码后等待太久，请重新扫码")

	ErrMerchantClosed = errs.Define(errs.Refused, "merchant.closed", "这家商户已停业，不能兑换")
	ErrNotServing     = errs.Define(errs.Refused, "merchant.not_serving", "这家商户没有服务这户所在的村，不能兑换")
	ErrNoFreeAmount   = errs.Define(errs.Refused, "merchant.no_free_amount", "这家商户要选商品才能兑换，不能只填积分")
	ErrMoved          = errs.Define(errs.Refused, "redeem.moved", "这户已经迁出，不能兑换，请联系村委会")
	ErrMerged         = errs.Define(errs.Refused, "redeem.merged", "这户已经并入另一户，原来的兑换码和户卡不能再用，请出示现在那一户的")
	ErrProduct        = errs.Define(errs.Refused, "redeem.product", "有商品已下架或不是本店的，请刷新商品后重选")
	ErrPriceChanged   = errs.Define(errs.Conflict, "redeem.price_changed", "商品价格已变动，请核对新的积分后再确认")
	ErrMinimum        = errs.Define(errs.Refused, "redeem.minimum", "没有达到每次兑换的最低积分")
	ErrStep           = errs.Define(errs.Refused, "redeem.step", "每次兑换的积分必须是规定数的整倍数")
	ErrMonthCap       = errs.Define(errs.Refused, "redeem.month_cap", "超过了这户本月的兑换上限")
	ErrDay            = errs.Define(errs.Refused, "redeem.day", "今天不是兑换日")
	ErrRefunded       = errs.Define(errs.Conflict, "redeem.refunded", "这一笔已经退过了，不能重复退")
	ErrRefundLate     = errs.Define(errs.Refused, "redeem.refund_late", "已经超过可以退货的时间，请联系乡镇管理员")
	ErrCursor         = errs.Define(errs.Invalid, "redeem.cursor", "翻页位置不对，请回到第一页重新查看")
)

// Way is how a household came to the counter.
type Way uint8

// The ways.
const (
	ByCode  Way = 1 // dynamic code
	ByCard  Way = 2 // house card and PIN
	ByProxy Way = 3 // an officer for the household
)

// Name is the way as receipts show it.
func (w Way) Name() string {
	return map[Way]string{ByCode: "兑换码", ByCard: "户卡", ByProxy: "代办"}[w]
}

// State is what has become of a redemption.
type State uint8

// The states.
const (
	Confirmed State = 1
	Refunded  State = 2
)

// Line is a wanted product.
type Line struct {
	Product  id.ID
	Quantity int64 // 1–9999
}

// Basket is what is wanted: either Lines or, where the merchant allows it, any number of Points.
type Basket struct {
	Lines  []Line
	Points points.Amount
	Total  points.Amount // what the customer was told, in points; 0 = not checked, otherwise ErrPriceChanged where it differs
}

// Presented is what the customer shows. Exactly one of Text and Ticket; Text is a dynamic code, a house card's QR payload or a
// house code; the last two need the PIN.
type Presented struct {
	Text   string
	PIN    string
	Ticket string // from Identify
}

// Confirmation is a clerk's wish to redeem.
type Confirmation struct {
	Merchant id.ID // zero: the merchant the actor works at
	Presented
	Basket
}

// ProxyOrder is an officer's wish to redeem for a household.
type ProxyOrder struct {
	Merchant  id.ID
	Household id.ID
	Basket
	Reason string // told to the household, 1–200 characters
}

// Order is one redemption to be decided; the unit of work is a slice of them.
type Order struct {
	Actor       auth.Actor
	Idempotency idempotency.Request
	Merchant    id.ID
	Household   id.ID
	Basket
	Way    Way
	Nonce  Nonce // spent with this order; zero is given a fresh one
	Reason string
	refuse error // found before; counts unless the request turns out to be a repetition
}

// Options are what the service needs from the configuration.
type Options struct {
	Secret          string   // root of the signatures of codes and tickets
	PreviousSecrets []string // still accepted
	CardPepper      string   // root of card signatures and PIN hashes
	CodeTTL         time.Duration
	TicketTTL       time.Duration
	RefundWindow    time.Duration
	MaxBatch        int // orders in one commit; 0 = 256
}

// Service is the counter. Close it to finish what is queued.
type Service struct {
	db   *db.DB
	o    Options
	keys *keys
	pins chan struct{} // a slot per PIN hash computed at the same time
	lane *batch.Lane[Order, Receipt]
}

// New is the service on a database.
func New(d *db.DB, o Options) (*Service, error) {
	k, err := newKeys(append([]string{o.Secret}, o.PreviousSecrets...), o.CardPepper)
	if err != nil {
		return nil, err
	}
	if o.CodeTTL <= 0 || o.TicketTTL <= 0 || o.RefundWindow <= 0 {
		return nil, errors.New("redeem: CodeTTL, TicketTTL and RefundWindow must be above zero")
	}
	s := &Service{db: d, o: o, keys: k, pins: make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))}
	s.lane = batch.New(batch.Options{Max: o.MaxBatch}, s.confirmBatch)
	return s, nil
}

// Close finishes what is queued; Confirm and Proxy fail afterwards.
func (s *Service) Close() { s.lane.Close() }

// Waiting is the number of redemptions waiting for their commit, for metrics.
func (s *Service) Waiting() int { return s.lane.Waiting() }

// Code is a fresh dynamic code of the household. It costs nothing and is stored nowhere until it is spent. Needs household.spend
// for one's own household.
func (s *Service) Code(ctx context.Context, actor auth.Actor, household id.ID) (Code, error) {
	if err := actor.OwnHousehold(auth.HouseholdSpend, household); err != nil {
		return Code{}, err
	}
	err := s.db.Read(ctx, func(tx db.Tx) error {
		_, err := livingHousehold(tx, household)
		return err
	})
	if err != nil {
		return Code{}, err
	}
	issued := s.db.Now().Truncate(time.Second)
	text := s.keys.signCode(dynamicCode{household: household, issued: issued, nonce: NewNonce()})
	return Code{Text: text, Expires: issued.Add(s.o.CodeTTL)}, nil
}

// Code is what a villager's screen shows as a QR code.
type Code struct {
	Text    string // capitals, digits and a dot; under 80 characters
	Expires time.Time
}
