package api

import (
	"context"
	"time"

	"jishan/internal/auth"
	"jishan/internal/files"
	"jishan/internal/id"
	"jishan/internal/money"
	"jishan/internal/points"
	"jishan/internal/shop"
)

const tagMerchants = "商户与商品"

// Merchant is a shop that takes points.
type Merchant struct {
	ID         id.ID     `json:"id"`
	Code       string    `json:"code"`
	Name       string    `json:"name"`
	Initials   string    `json:"initials"`
	Region     id.ID     `json:"region" doc:"所在的县或乡镇"`
	Address    string    `json:"address"`
	Phone      string    `json:"phone"`
	FreeAmount bool      `json:"free_amount" doc:"可以不选商品，直接兑任意积分"`
	State      string    `json:"state" enum:"open,closed"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// Rate is so many points for so many yuan.
type Rate struct {
	Points Points `json:"points" exclusiveMinimum:"0" doc:"多少积分"`
	Yuan   Yuan   `json:"yuan" minimum:"0" doc:"兑多少元"`
}

// Contract is that a merchant serves a village.
type Contract struct {
	Merchant id.ID  `json:"merchant"`
	Village  id.ID  `json:"village"`
	Rate     Rate   `json:"rate"`
	State    string `json:"state" enum:"serving,ended"`
}

// MerchantDetail is a merchant with the contracts one may see.
type MerchantDetail struct {
	Merchant
	Contracts []Contract `json:"contracts"`
}

// MerchantInput is what is known of a merchant.
type MerchantInput struct {
	Code       string `json:"code,omitempty" maxLength:"16" doc:"字母、数字、短横线；留空则自动编号（修改时为不变）"`
	Name       string `json:"name" minLength:"1" maxLength:"64"`
	Region     id.ID  `json:"region,omitempty" doc:"只在新建时填"`
	Address    string `json:"address,omitempty" maxLength:"128"`
	Phone      string `json:"phone,omitempty" maxLength:"20"`
	FreeAmount bool   `json:"free_amount,omitempty"`
}

// MerchantStateInput opens or closes a merchant.
type MerchantStateInput struct {
	State string `json:"state" enum:"open,closed"`
}

// ContractInput is what a merchant's points are worth in a village.
type ContractInput struct {
	Rate  Rate   `json:"rate"`
	State string `json:"state,omitempty" enum:"serving,ended" default:"serving"`
}

// Offer is a merchant as a village sees it.
type Offer struct {
	Merchant
	Rate Rate `json:"rate"`
}

// Offers are the merchants of a village.
type Offers struct {
	Items []Offer `json:"items"`
}

// Product is something a merchant gives for points.
type Product struct {
	ID           id.ID         `json:"id"`
	Merchant     id.ID         `json:"merchant"`
	MerchantName string        `json:"merchant_name,omitempty"`
	Name         string        `json:"name"`
	Initials     string        `json:"initials"`
	Unit         string        `json:"unit"`
	Price        points.Amount `json:"price" doc:"每单位多少积分"`
	Stock        int64         `json:"stock"`
	LowStock     int64         `json:"low_stock" doc:"库存到多少提醒，0 为不提醒"`
	Low          bool          `json:"low" doc:"该补货了"`
	Photo        string        `json:"photo" doc:"照片的地址，最长边 960 像素；没有照片就是空的"`
	Thumb        string        `json:"thumb" doc:"小照片的地址，最长边 240 像素"`
	State        string        `json:"state" enum:"on,off" doc:"上架、下架"`
	UpdatedAt    time.Time     `json:"updated_at"`
}

// ProductInput is what is known of a product. Stock is only read when creating.
type ProductInput struct {
	Name     string `json:"name" minLength:"1" maxLength:"64"`
	Unit     string `json:"unit" minLength:"1" maxLength:"16"`
	Price    Points `json:"price" exclusiveMinimum:"0"`
	Stock    int64  `json:"stock,omitempty" minimum:"0" maximum:"1000000" doc:"只在新建时填"`
	LowStock int64  `json:"low_stock,omitempty" minimum:"0" maximum:"1000000"`
	State    string `json:"state,omitempty" enum:"on,off" default:"on"`
}

// StockInput changes a product's stock: delivered or counted.
type StockInput struct {
	Kind     string `json:"kind" enum:"in,out,count" doc:"in 入库多少；out 出库多少（破损、过期等，不是兑换）；count 盘点为多少"`
	Quantity int64  `json:"quantity" minimum:"0" maximum:"1000000"`
	Note     string `json:"note,omitempty" maxLength:"100" doc:"原因；出库必须写"`
}

// StockMove is one change of a product's stock.
type StockMove struct {
	ID      id.ID     `json:"id"`
	Delta   int64     `json:"delta"`
	Stock   int64     `json:"stock" doc:"变动后的库存"`
	Kind    string    `json:"kind" enum:"in,out,count,sold,refunded"`
	Village id.ID     `json:"village,omitempty"`
	Number  int64     `json:"number,omitempty" doc:"哪一笔兑换"`
	Note    string    `json:"note"`
	At      time.Time `json:"at"`
}

var (
	merchantStates = words[shop.MerchantState]{shop.Open: "open", shop.Closed: "closed"}
	contractStates = words[shop.ContractState]{shop.Serving: "serving", shop.Ended: "ended"}
	productStates  = words[shop.ProductState]{shop.OnSale: "on", shop.OffSale: "off"}
	moveKinds      = words[shop.MoveKind]{shop.MoveIn: "in", shop.MoveOut: "out", shop.MoveCount: "count", shop.MoveSold: "sold", shop.MoveRefunded: "refunded"}
)

func merchantOut(m shop.Merchant) Merchant {
	return Merchant{ID: m.ID, Code: m.Code, Name: m.Name, Initials: m.Initials, Region: m.Region, Address: m.Address, Phone: m.Phone, FreeAmount: m.FreeAmount,
		State: merchantStates[m.State], CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt}
}

func rateOut(r money.Rate) Rate { return Rate{Points(r.Points), Yuan(r.Fen)} }

func (r Rate) domain() money.Rate { return money.Rate{Points: r.Points.Amount(), Fen: r.Yuan.Fen()} }

func contractOut(c shop.Contract) Contract {
	return Contract{c.Merchant, c.Village, rateOut(c.Rate), contractStates[c.State]}
}

func productOut(p shop.Product) Product {
	return Product{ID: p.ID, Merchant: p.Merchant, Name: p.Name, Initials: p.Initials, Unit: p.Unit, Price: p.Price, Stock: p.Stock, LowStock: p.LowStock,
		Low: p.Low(), Photo: photoPath(p, files.Large), Thumb: photoPath(p, files.Small), State: productStates[p.State], UpdatedAt: p.UpdatedAt}
}

func goodOut(g shop.Good) Product {
	p := productOut(g.Product)
	p.MerchantName = g.MerchantName
	return p
}

func (in MerchantInput) domain() shop.MerchantInput {
	return shop.MerchantInput{Code: in.Code, Name: in.Name, Region: in.Region, Address: in.Address, Phone: in.Phone, FreeAmount: in.FreeAmount}
}

func (in ProductInput) domain(merchant id.ID) shop.ProductInput {
	return shop.ProductInput{Merchant: merchant, Name: in.Name, Unit: in.Unit, Price: in.Price.Amount(), Stock: in.Stock, LowStock: in.LowStock,
		State: productStates.value(in.State)}
}

// SearchQuery is a paged search by name or initials.
type SearchQuery struct {
	Q      string `query:"q" maxLength:"50" doc:"名称或首字母"`
	Cursor string `query:"cursor" maxLength:"500" doc:"上一页给出的 next"`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"100" doc:"每页多少条"`
}

func (s *Server) merchantOps() {
	op := func(o Op, p auth.Permission, a Audience) Op { o.Tag, o.Perm, o.Audience = tagMerchants, p, a; return o }

	register(s, op(Op{ID: "merchant-list", Method: "GET", Path: "/merchants", Summary: "商户"}, auth.MerchantRead, Officers|Merchants),
		func(ctx context.Context, c *Call, in *struct {
			SearchQuery
			Village Key `query:"village" doc:"只看服务这个村的"`
		}) (Page[Merchant], error) {
			p, err := s.deps.Shop.Merchants(ctx, c.Actor, shop.MerchantQuery{Search: in.Q, Village: in.Village.V, Cursor: in.Cursor, Limit: in.Limit})
			return Page[Merchant]{mapped(p.Merchants, merchantOut), p.Next}, err
		})
	register(s, op(Op{ID: "merchant-create", Method: "POST", Path: "/merchants", Summary: "新增商户"}, auth.MerchantWrite, Officers),
		func(ctx context.Context, c *Call, in *struct{ Body MerchantInput }) (Merchant, error) {
			m, err := s.deps.Shop.CreateMerchant(ctx, c.Actor, in.Body.domain())
			return merchantOut(m), err
		})
	register(s, op(Op{ID: "merchant-get", Method: "GET", Path: "/merchants/{id}", Summary: "一个商户和它服务的村"}, auth.MerchantRead, Officers|Merchants),
		func(ctx context.Context, c *Call, in *ByID) (MerchantDetail, error) {
			d, err := s.deps.Shop.Merchant(ctx, c.Actor, in.ID.V)
			return MerchantDetail{merchantOut(d.Merchant), mapped(d.Contracts, contractOut)}, err
		})
	register(s, op(Op{ID: "merchant-update", Method: "PUT", Path: "/merchants/{id}", Summary: "修改商户资料"}, auth.MerchantWrite, Officers),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body MerchantInput
		}) (Merchant, error) {
			m, err := s.deps.Shop.UpdateMerchant(ctx, c.Actor, in.ID.V, in.Body.domain())
			return merchantOut(m), err
		})
	register(s, op(Op{ID: "merchant-state", Method: "PUT", Path: "/merchants/{id}/state", Summary: "商户营业或停业"}, auth.MerchantWrite, Officers),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body MerchantStateInput
		}) (Merchant, error) {
			m, err := s.deps.Shop.SetMerchantState(ctx, c.Actor, in.ID.V, merchantStates.value(in.Body.State))
			return merchantOut(m), err
		})
	registerEmpty(s, op(Op{ID: "merchant-contract", Method: "PUT", Path: "/merchants/{id}/villages/{village}", Summary: "商户服务一个村，按什么比例",
		Note: "以前的兑换仍按原来的比例。state 为 ended 就不再服务。"}, auth.MerchantWrite, Officers),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Village Key `path:"village"`
			Body    ContractInput
		}) error {
			return s.deps.Shop.SetContract(ctx, c.Actor, shop.Contract{Merchant: in.ID.V, Village: in.Village.V, Rate: in.Body.Rate.domain(), State: contractStates.value(in.Body.State)})
		})
	s.productOps(op)
}

func (s *Server) productOps(op func(Op, auth.Permission, Audience) Op) {
	register(s, op(Op{ID: "product-list", Method: "GET", Path: "/merchants/{id}/products", Summary: "商户的商品", Note: "按首字母排列。"}, auth.MerchantRead, Officers|Merchants),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			SearchQuery
			Low    bool `query:"low" doc:"只看该补货的"`
			OnSale bool `query:"on_sale" doc:"只看上架的"`
		}) (Page[Product], error) {
			p, err := s.deps.Shop.Products(ctx, c.Actor, shop.ProductQuery{Merchant: in.ID.V, Search: in.Q, Low: in.Low, OnSale: in.OnSale, Cursor: in.Cursor, Limit: in.Limit})
			return Page[Product]{mapped(p.Products, productOut), p.Next}, err
		})
	register(s, op(Op{ID: "product-create", Method: "POST", Path: "/merchants/{id}/products", Summary: "上架新商品", Idempotent: true}, auth.ProductWrite, Merchants),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body ProductInput
		}) (Product, error) {
			p, err := s.deps.Shop.CreateProduct(ctx, c.Actor, c.Idem, in.Body.domain(in.ID.V))
			return productOut(p), err
		})
	register(s, op(Op{ID: "product-update", Method: "PUT", Path: "/products/{id}", Summary: "修改商品", Note: "库存和照片不在这里改。"}, auth.ProductWrite, Merchants),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body ProductInput
		}) (Product, error) {
			p, err := s.deps.Shop.UpdateProduct(ctx, c.Actor, in.ID.V, in.Body.domain(0))
			return productOut(p), err
		})
	register(s, op(Op{ID: "product-stock", Method: "POST", Path: "/products/{id}/stock", Summary: "入库、出库或盘点", Idempotent: true}, auth.ProductWrite, Merchants),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body StockInput
		}) (Product, error) {
			change := s.deps.Shop.StockIn
			switch in.Body.Kind {
			case "count":
				change = s.deps.Shop.StockCount
			case "out":
				change = s.deps.Shop.StockOut
			}
			p, err := change(ctx, c.Actor, c.Idem, in.ID.V, in.Body.Quantity, in.Body.Note)
			return productOut(p), err
		})
	register(s, op(Op{ID: "product-moves", Method: "GET", Path: "/products/{id}/moves", Summary: "商品的出入库记录", Note: "新的在前。"}, auth.MerchantRead, Officers|Merchants),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Cursor string `query:"cursor" maxLength:"500" doc:"上一页给出的 next"`
			Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"100" doc:"每页多少条"`
		}) (Page[StockMove], error) {
			moves, next, err := s.deps.Shop.Moves(ctx, c.Actor, in.ID.V, in.Cursor, in.Limit)
			return Page[StockMove]{mapped(moves, func(m shop.Move) StockMove {
				return StockMove{m.ID, m.Delta, m.Stock, moveKinds[m.Kind], m.Village, m.Number, m.Note, m.At}
			}), next}, err
		})
	s.photoOps(op)
	register(s, op(Op{ID: "village-goods", Method: "GET", Path: "/villages/{id}/goods", Summary: "一个村能兑换的商品"}, auth.MerchantRead, Officers),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			SearchQuery
			Merchant Key `query:"merchant"`
		}) (Page[Product], error) {
			p, err := s.deps.Shop.Goods(ctx, c.Actor, shop.GoodsQuery{Village: in.ID.V, Merchant: in.Merchant.V, Search: in.Q, Cursor: in.Cursor, Limit: in.Limit})
			return Page[Product]{mapped(p.Goods, goodOut), p.Next}, err
		})
	register(s, op(Op{ID: "village-merchants", Method: "GET", Path: "/villages/{id}/merchants", Summary: "服务一个村的商户"}, auth.MerchantRead, Officers),
		func(ctx context.Context, c *Call, in *ByID) (Offers, error) {
			list, err := s.deps.Shop.Offers(ctx, c.Actor, in.ID.V, 0)
			return Offers{mapped(list, offerOut)}, err
		})
}

func offerOut(o shop.Offer) Offer { return Offer{merchantOut(o.Merchant), rateOut(o.Rate)} }
