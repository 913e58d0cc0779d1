package shop

import (
	"time"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/money"
	"jishan/internal/points"
)

// What can go wrong here.
var (
	ErrMerchantTaken = errs.Define(errs.Conflict, "merchant.taken", "这个商户编号已经有人用了，请换一个编号")
	ErrProductTaken  = errs.Define(errs.Conflict, "product.taken", "本店已有同名商品，请换一个名称，或直接修改原来的商品")
	ErrStock         = errs.Define(errs.Refused, "product.stock", "商品库存不足")
	ErrCursor        = errs.Define(errs.Invalid, "shop.cursor", "翻页位置不对，请回到第一页重新查看")
)

// MerchantState says whether a merchant takes points.
type MerchantState uint8

// The states of a merchant.
const (
	Open   MerchantState = 1
	Closed MerchantState = 2
)

// ContractState says whether a merchant serves a village now.
type ContractState uint8

// The states of a contract.
const (
	Serving ContractState = 1
	Ended   ContractState = 2
)

// ProductState says whether a product is offered.
type ProductState uint8

// The states of a product.
const (
	OnSale  ProductState = 1
	OffSale ProductState = 2
)

// MoveKind is why stock changed.
type MoveKind uint8

// The kinds of stock move.
const (
	MoveIn       MoveKind = 1 // delivered
	MoveCount    MoveKind = 2 // counted on the shelf, delta is the difference found
	MoveSold     MoveKind = 3
	MoveRefunded MoveKind = 4
	MoveOut      MoveKind = 5 // taken away without being sold: broken, past its date; the note says which
)

// Merchant is a shop that takes points.
type Merchant struct {
	ID         id.ID
	Code       string // unique, capitals and digits
	Name       string
	Initials   string // pinyin initials of Name
	Region     id.ID  // the county or township where it stands; its officers look after the merchant
	Address    string
	Phone      string
	FreeAmount bool // may take any number of points without naming goods
	State      MerchantState
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Contract is that a merchant serves a village, and what a point is worth there.
type Contract struct {
	Merchant id.ID
	Village  id.ID
	Rate     money.Rate
	State    ContractState
}

// ContractKey names a contract.
type ContractKey struct{ Merchant, Village id.ID }

// Product is something a merchant gives for points.
type Product struct {
	ID        id.ID
	Merchant  id.ID
	Name      string
	Initials  string
	Unit      string        // 袋, 瓶, 斤
	Price     points.Amount // for one unit, > 0
	Stock     int64         // units
	LowStock  int64         // at or below this the owner is told; 0 never
	Photo     string        // names the content of its picture; empty where it has none
	State     ProductState
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Low reports whether the owner should order more.
func (p Product) Low() bool { return p.LowStock > 0 && p.Stock <= p.LowStock }

// Move is one change of a product's stock.
type Move struct {
	ID      id.ID // given by ApplyStock where zero
	Product id.ID
	Delta   int64
	Stock   int64 // afterwards; set by ApplyStock
	Kind    MoveKind
	Village id.ID // of the redemption, where the move belongs to one
	Number  int64
	Note    string
	Actor   id.ID
	At      time.Time
}

// Service is the merchants as officers, shopkeepers and villagers use them.
type Service struct {
	db       *db.DB
	decoding chan struct{} // held while a photo is decoded, which may need some 300 MB
}

// New is the service on a database.
func New(d *db.DB) *Service { return &Service{db: d, decoding: make(chan struct{}, 1)} }

// merchantsPeople is nil for those who work at the merchant with the permission, and for the system.
func merchantsPeople(actor auth.Actor, p auth.Permission, m Merchant) error {
	err := actor.OwnMerchant(p, m.ID)
	if err == nil || actor.InRegion(p, m.Region) == nil {
		return nil
	}
	return err
}
