package shop

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/people"
)

// ProductQuery selects a merchant's own products.
type ProductQuery struct {
	Merchant id.ID  // zero: the merchant the actor works at
	Search   string // part of the name, or initials
	Low      bool   // only those to be ordered
	OnSale   bool   // only those offered
	Cursor   string
	Limit    int // 1–100, 0 = 20
}

// ProductPage is a stretch of products in order of initials. Next is empty at the end.
type ProductPage struct {
	Products []Product
	Next     string
}

// GoodsQuery selects what a village can get for points. Officers name the village, villagers their household.
type GoodsQuery struct {
	Village   id.ID
	Household id.ID
	Merchant  id.ID // optional: only this merchant's
	Search    string
	Cursor    string
	Limit     int // 1–100, 0 = 20
}

// Good is a product with the shop that has it.
type Good struct {
	Product
	MerchantName string
}

// GoodsPage is a stretch of goods in order of initials. Next is empty at the end.
type GoodsPage struct {
	Goods []Good
	Next  string
}

// CreateProduct offers something new; its first stock is a move. Needs product.write at the merchant.
func (s *Service) CreateProduct(ctx context.Context, actor auth.Actor, req idempotency.Request, in ProductInput) (Product, error) {
	in, bad := in.check()
	var out Product
	err := s.db.Tx(ctx, func(tx db.Tx) (err error) {
		m, err := merchantByID(tx, in.Merchant)
		if err != nil {
			return err
		}
		if err := merchantsPeople(actor, auth.ProductWrite, m); err != nil {
			return err
		}
		if bad != nil {
			return bad
		}
		// The lock first: a repetition that waits for the first request must find that one's answer, not its product's name.
		if err := lockMerchant(tx, m.ID); err != nil {
			return err
		}
		out, _, err = idempotency.Do(tx, req, func() (Product, error) {
			p := Product{ID: id.New(), Merchant: in.Merchant, Name: in.Name, Initials: initials(in.Name), Unit: in.Unit, Price: in.Price,
				LowStock: in.LowStock, State: in.State, CreatedAt: tx.Now, UpdatedAt: tx.Now}
			err := db.Insert(tx, "products", strings.Split(productColumns(""), ", "), 1, func(_ int, args []any) []any {
				return append(args, int64(p.ID), int64(p.Merchant), p.Name, p.Initials, p.Unit, int64(p.Price), 0, p.LowStock, p.Photo, uint8(p.State), tx.Millis(), tx.Millis())
			})
			if db.Duplicate(err) {
				return p, ErrProductTaken.Wrap(err)
			}
			if err != nil {
				return p, err
			}
			if in.Stock > 0 {
				locked := map[id.ID]*Product{p.ID: &p} // nobody else can see it yet
				if err := ApplyStock(tx, locked, []Move{{Product: p.ID, Delta: in.Stock, Kind: MoveIn, Note: "上架时的库存", Actor: actor.UserID}}); err != nil {
					return p, err
				}
			}
			return p, record(tx, actor, "product.create", "product", p.ID, m.Region, fmt.Sprintf("“%s”上架，%s 积分/%s，库存 %d", p.Name, p.Price, p.Unit, p.Stock))
		})
		return err
	})
	return out, err
}

// UpdateProduct changes everything but stock and photo. Needs product.write at the product's merchant.
func (s *Service) UpdateProduct(ctx context.Context, actor auth.Actor, product id.ID, in ProductInput) (Product, error) {
	in.Stock = 0
	in, bad := in.check()
	var out Product
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		locked, err := LockProducts(tx, []id.ID{product})
		if err != nil {
			return err
		}
		p := locked[product]
		if p == nil {
			return errs.ErrNotFound.New()
		}
		m, err := merchantByID(tx, p.Merchant)
		if err != nil {
			return err
		}
		if err := merchantsPeople(actor, auth.ProductWrite, m); err != nil {
			return err
		}
		if bad != nil {
			return bad
		}
		summary := fmt.Sprintf("修改“%s”：%s 积分/%s", in.Name, in.Price, in.Unit)
		if in.State == OffSale {
			summary += "，下架"
		}
		p.Name, p.Initials, p.Unit, p.Price, p.LowStock, p.State, p.UpdatedAt = in.Name, initials(in.Name), in.Unit, in.Price, in.LowStock, in.State, tx.Now
		err = tx.Exec("UPDATE products SET name = ?, initials = ?, unit = ?, price = ?, low_stock = ?, state = ?, updated_at = ? WHERE id = ?",
			p.Name, p.Initials, p.Unit, p.Price, p.LowStock, p.State, tx.Millis(), p.ID).Error
		if db.Duplicate(err) {
			return ErrProductTaken.Wrap(err)
		}
		if err != nil {
			return fmt.Errorf("changing a product: %w", err)
		}
		out = *p
		return record(tx, actor, "product.update", "product", p.ID, m.Region, summary)
	})
	return out, err
}

// Products lists a merchant's products with their stock. Needs merchant.read at the merchant, in its region, or in a village it serves.
func (s *Service) Products(ctx context.Context, actor auth.Actor, q ProductQuery) (ProductPage, error) {
	if q.Merchant == 0 {
		q.Merchant = actor.Merchant()
	}
	if _, err := s.Merchant(ctx, actor, q.Merchant); err != nil {
		return ProductPage{}, err
	}
	where, args := "p.merchant_id = ?", []any{q.Merchant}
	if q.Low {
		where += " AND p.low_stock > 0 AND p.stock <= p.low_stock"
	}
	if q.OnSale {
		where, args = where+" AND p.state = ?", append(args, OnSale)
	}
	var out ProductPage
	err := s.db.Read(ctx, func(tx db.Tx) error {
		goods, next, err := listGoods(tx, where, args, q.Search, q.Cursor, q.Limit)
		if err != nil {
			return err
		}
		out = ProductPage{Next: next}
		for _, g := range goods {
			out.Products = append(out.Products, g.Product)
		}
		return nil
	})
	return out, err
}

// Goods lists what the open merchants serving a village offer. Needs merchant.read: in the village, or, for villagers, through
// the household one is bound to.
func (s *Service) Goods(ctx context.Context, actor auth.Actor, q GoodsQuery) (GoodsPage, error) {
	var out GoodsPage
	err := s.db.Read(ctx, func(tx db.Tx) error {
		village, err := villageFor(tx, actor, q.Village, q.Household)
		if err != nil {
			return err
		}
		where := "p.state = ? AND m.state = ? AND p.merchant_id IN (SELECT merchant_id FROM merchant_villages WHERE village_id = ? AND state = ?)"
		args := []any{OnSale, Open, village, Serving}
		if q.Merchant != 0 {
			where, args = where+" AND p.merchant_id = ?", append(args, q.Merchant)
		}
		goods, next, err := listGoods(tx, where, args, q.Search, q.Cursor, q.Limit)
		out = GoodsPage{goods, next}
		return err
	})
	return out, err
}

// villageFor checks that the actor may see what the village can get, and says which village that is.
func villageFor(tx db.Tx, actor auth.Actor, village, household id.ID) (id.ID, error) {
	if household == 0 {
		return village, actor.InRegion(auth.MerchantRead, village)
	}
	if err := actor.OwnHousehold(auth.MerchantRead, household); err != nil {
		return 0, err
	}
	houses, err := people.HouseholdsByID(tx, []id.ID{household})
	if err != nil {
		return 0, err
	}
	h, ok := houses[household]
	if !ok {
		return 0, errs.ErrNotFound.New()
	}
	return h.Village, nil
}

func listGoods(tx db.Tx, where string, args []any, search, cursor string, limit int) ([]Good, string, error) {
	limit = pageLimit(limit)
	after, last, err := cutCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	if cursor != "" {
		where, args = where+" AND (p.initials > ? OR p.initials = ? AND p.id > ?)", append(args, asciiOnly(after), asciiOnly(after), last)
	}
	cond, more := searchWhere("p.", search)
	var rows []struct {
		Product      productRow `gorm:"embedded"`
		MerchantName string
	}
	err = tx.Raw("SELECT "+productColumns("p.")+", m.name AS merchant_name FROM products p JOIN merchants m ON m.id = p.merchant_id WHERE "+where+cond+
		" ORDER BY p.initials, p.id LIMIT ?", append(append(args, more...), limit+1)...).Scan(&rows).Error
	if err != nil {
		return nil, "", fmt.Errorf("listing products: %w", err)
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].Product.Initials + "-" + rows[limit-1].Product.ID.String()
	}
	out := make([]Good, len(rows))
	for i, r := range rows {
		out[i] = Good{r.Product.product(), r.MerchantName}
	}
	return out, next, nil
}

// cutCursor splits what a page's Next is made of: a sort value and the last key.
func cutCursor(s string) (value string, last id.ID, err error) {
	if s == "" {
		return "", 0, nil
	}
	value, key, _ := strings.Cut(s, "-")
	if last, err = id.Parse(key); err != nil {
		return "", 0, ErrCursor.Wrap(err)
	}
	return value, last, nil
}

func sortContracts(c []Contract) {
	slices.SortFunc(c, func(a, b Contract) int { return cmp.Compare(a.Village, b.Village) })
}

func sortOffers(o []Offer) {
	slices.SortFunc(o, func(a, b Offer) int { return cmp.Or(strings.Compare(a.Initials, b.Initials), cmp.Compare(a.ID, b.ID)) })
}

// record writes one line of the audit log, for those who look after the region.
func record(tx db.Tx, actor auth.Actor, action, kind string, target, region id.ID, summary string) error {
	return audit.Write(tx, actor.Audit(action, kind+":"+target.String(), region, summary))
}
