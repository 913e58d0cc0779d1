package shop

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/idempotency"
)

// LockProducts reads products and holds them until the end of the transaction, in order of id, the same for everybody. Call it
// after accounts have been locked. Products that do not exist are missing from the map.
func LockProducts(tx db.Tx, ids []id.ID) (map[id.ID]*Product, error) {
	out := make(map[id.ID]*Product, len(ids))
	for part := range slices.Chunk(unique(ids), chunk) {
		var rows []productRow
		if err := tx.Raw("SELECT "+productColumns("")+" FROM products WHERE id IN ? ORDER BY id"+tx.ForUpdate(), part).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("locking products: %w", err)
		}
		for _, r := range rows {
			p := r.product()
			out[p.ID] = &p
		}
	}
	return out, nil
}

// ApplyStock carries out moves of products held by LockProducts, in order: it writes the moves and the new stock, and brings
// locked up to date. ErrStock, with nothing written, where a product would fall below zero.
func ApplyStock(tx db.Tx, locked map[id.ID]*Product, moves []Move) error {
	if len(moves) == 0 {
		return nil
	}
	after := map[id.ID]int64{}
	written := make([]Move, len(moves))
	for i, m := range moves {
		p := locked[m.Product]
		if p == nil {
			return errors.New("shop: stock move of a product that is not locked")
		}
		stock, ok := after[m.Product]
		if !ok {
			stock = p.Stock
		}
		if stock += m.Delta; stock < 0 {
			return ErrStock.With("“%s”库存不足：还剩 %d %s", p.Name, stock-m.Delta, p.Unit)
		}
		after[m.Product] = stock
		if m.ID == 0 {
			m.ID = id.New()
		}
		m.Stock = stock
		written[i] = m
	}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(after)), chunk) {
		var b strings.Builder
		args := make([]any, 0, 3*len(part))
		b.WriteString("UPDATE products SET stock = CASE id")
		for _, p := range part {
			b.WriteString(" WHEN ? THEN ?")
			args = append(args, p, after[p])
		}
		b.WriteString(" END WHERE id IN ?")
		if err := db.Exec(tx.Later(), b.String(), append(args, db.ListOf(part))...); err != nil {
			return fmt.Errorf("writing stock: %w", err)
		}
	}
	cols := []string{"id", "product_id", "delta", "stock", "kind", "village_id", "number", "note", "actor_id", "at"}
	err := db.Insert(tx.Later(), "stock_moves", cols, len(written), func(i int, args []any) []any {
		m := written[i]
		return append(args, int64(m.ID), int64(m.Product), m.Delta, m.Stock, uint8(m.Kind), int64(m.Village), m.Number, m.Note, int64(m.Actor), tx.Millis())
	})
	if err != nil {
		return err
	}
	for p, stock := range after {
		locked[p].Stock = stock
	}
	return nil
}

// StockIn adds delivered units (> 0). Needs product.write at the product's merchant.
func (s *Service) StockIn(ctx context.Context, actor auth.Actor, req idempotency.Request, product id.ID, quantity int64, note string) (Product, error) {
	return s.changeStock(ctx, actor, req, product, note, MoveIn, func(p *Product, c *checker) int64 {
		if quantity <= 0 || quantity > maxStock || p.Stock+quantity > maxStock {
			c.bad("quantity", "入库数量要在 1 到 %d 之间，且入库后不超过 %d", maxStock, maxStock)
		}
		return quantity
	})
}

// StockCount sets the stock to what was counted on the shelf (≥ 0). Needs product.write at the product's merchant.
func (s *Service) StockCount(ctx context.Context, actor auth.Actor, req idempotency.Request, product id.ID, counted int64, note string) (Product, error) {
	return s.changeStock(ctx, actor, req, product, note, MoveCount, func(p *Product, c *checker) int64 {
		if counted < 0 || counted > maxStock {
			c.bad("counted", "盘点数量要在 0 到 %d 之间", maxStock)
		}
		return counted - p.Stock
	})
}

// StockOut takes away units (> 0) that were not sold: broken, past their date. note, the reason, is obligatory. ErrStock where
// there are not so many. Needs product.write at the product's merchant.
func (s *Service) StockOut(ctx context.Context, actor auth.Actor, req idempotency.Request, product id.ID, quantity int64, note string) (Product, error) {
	return s.changeStock(ctx, actor, req, product, note, MoveOut, func(_ *Product, c *checker) int64 {
		if quantity <= 0 || quantity > maxStock {
			c.bad("quantity", "出库数量要在 1 到 %d 之间", maxStock)
		}
		return -quantity
	})
}

func (s *Service) changeStock(ctx context.Context, actor auth.Actor, req idempotency.Request, product id.ID, note string, kind MoveKind, delta func(*Product, *checker) int64) (Product, error) {
	var out Product
	err := s.db.Tx(ctx, func(tx db.Tx) (err error) {
		seen, err := productByID(tx, product)
		if err != nil {
			return err
		}
		merchant, err := merchantByID(tx, seen.Merchant)
		if err != nil {
			return err
		}
		if err := merchantsPeople(actor, auth.ProductWrite, merchant); err != nil {
			return err
		}
		// The lock first: a repetition that waits for the first request must find that one's answer, not its effect.
		locked, err := LockProducts(tx, []id.ID{product})
		if err != nil {
			return err
		}
		out, _, err = idempotency.Do(tx, req, func() (Product, error) {
			p := locked[product]
			var c checker
			least, label := 0, "备注"
			if kind == MoveOut {
				least, label = 1, "出库原因"
			}
			clean := c.text("note", label, note, least, 100)
			d := delta(p, &c)
			if err := c.err(); err != nil {
				return Product{}, err
			}
			if err := ApplyStock(tx, locked, []Move{{Product: product, Delta: d, Kind: kind, Note: clean, Actor: actor.UserID}}); err != nil {
				return Product{}, err
			}
			summary := fmt.Sprintf("“%s”入库 %d%s，现有 %d", p.Name, d, p.Unit, p.Stock)
			switch kind {
			case MoveCount:
				summary = fmt.Sprintf("“%s”盘点为 %d%s（%+d）", p.Name, p.Stock, p.Unit, d)
			case MoveOut:
				summary = fmt.Sprintf("“%s”出库 %d%s（%s），现有 %d", p.Name, -d, p.Unit, clean, p.Stock)
			}
			return *p, record(tx, actor, "product.stock", "product", p.ID, merchant.Region, summary)
		})
		return err
	})
	return out, err
}

// Moves is a product's stock moves, newest first; cursor is a former Next or empty. Needs merchant.read as Products does;
// redemptions of villages beyond the actor's reach are not named.
func (s *Service) Moves(ctx context.Context, actor auth.Actor, product id.ID, cursor string, limit int) (moves []Move, next string, err error) {
	limit = pageLimit(limit)
	at, last, err := cutCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	var ms int64
	if cursor != "" {
		if ms, err = strconv.ParseInt(at, 36, 64); err != nil {
			return nil, "", ErrCursor.Wrap(err)
		}
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		moves, next = nil, ""
		p, err := productByID(tx, product)
		if err != nil {
			return err
		}
		m, err := merchantByID(tx, p.Merchant)
		if err != nil {
			return err
		}
		if _, err := detailsFor(tx, actor, m); err != nil {
			return err
		}
		whole := merchantsPeople(actor, auth.MerchantRead, m) == nil
		q, args := "SELECT id, product_id, delta, stock, kind, village_id, number, note, actor_id, at FROM stock_moves WHERE product_id = ?", []any{product}
		if cursor != "" {
			q, args = q+" AND (at < ? OR at = ? AND id < ?)", append(args, ms, ms, last)
		}
		var rows []struct {
			ID        id.ID
			ProductID id.ID
			Delta     int64
			Stock     int64
			Kind      MoveKind
			VillageID id.ID
			Number    int64
			Note      string
			ActorID   id.ID
			At        int64
		}
		if err := tx.Raw(q+" ORDER BY at DESC, id DESC LIMIT ?", append(args, limit+1)...).Scan(&rows).Error; err != nil {
			return fmt.Errorf("reading stock moves: %w", err)
		}
		if len(rows) > limit {
			rows = rows[:limit]
			next = strconv.FormatInt(rows[limit-1].At, 36) + "-" + rows[limit-1].ID.String()
		}
		for _, r := range rows {
			if !whole && r.VillageID != 0 && actor.InRegion(auth.MerchantRead, r.VillageID) != nil {
				r.VillageID, r.Number = 0, 0
			}
			moves = append(moves, Move{r.ID, r.ProductID, r.Delta, r.Stock, r.Kind, r.VillageID, r.Number, r.Note, r.ActorID, instant(r.At)})
		}
		return nil
	})
	return moves, next, err
}
