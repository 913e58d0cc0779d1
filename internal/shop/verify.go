package shop

import (
	"fmt"
	"math"
	"slices"
	"time"

	"jishan/internal/db"
	"jishan/internal/id"
)

// StockMark is what a verification has added up of every product's moves until an instant: a later one may go on from there.
type StockMark struct {
	Until int64 // UTC milliseconds
	Sums  map[id.ID]int64
}

// settledAfter is how old a move is when none older can still be on its way: longer than a request takes and than clocks differ.
const settledAfter = time.Hour

// VerifyStock recomputes every product's stock from its moves and says, in Chinese, which differ. Give it a snapshot (db.Read).
func VerifyStock(tx db.Tx) ([]string, error) {
	found, _, _, err := VerifyStockSince(tx, nil)
	return found, err
}

// VerifyStockSince is VerifyStock that adds the moves since a mark to what it says, and all moves of a product only where this does
// not give its stock; nil: all moves of every product. It answers how many moves it has read, and a mark.
func VerifyStockSince(tx db.Tx, from *StockMark) (found []string, moves int64, mark *StockMark, err error) {
	var products []struct {
		ID    id.ID
		Name  string
		Stock int64
	}
	if err := tx.Raw("SELECT id, name, stock FROM products ORDER BY id").Scan(&products).Error; err != nil {
		return nil, 0, nil, fmt.Errorf("listing products: %w", err)
	}
	mark = &StockMark{Until: tx.Now.Add(-settledAfter).UnixMilli(), Sums: map[id.ID]int64{}}
	sums := map[id.ID]int64{}
	add := func(ids []id.ID, since int64) error {
		for part := range slices.Chunk(ids, chunk) {
			var rows []struct {
				ProductID           id.ID
				Moves, Whole, Until int64
			}
			q := `SELECT product_id, COUNT(*) AS moves, SUM(delta) AS whole, SUM(CASE WHEN at <= ? THEN delta ELSE 0 END) AS until FROM stock_moves
				WHERE product_id IN ? AND at > ? GROUP BY product_id`
			if err := tx.Raw(q, mark.Until, part, since).Scan(&rows).Error; err != nil {
				return fmt.Errorf("adding up stock moves: %w", err)
			}
			for _, r := range rows {
				moves += r.Moves
				sums[r.ProductID] += r.Whole
				mark.Sums[r.ProductID] += r.Until
			}
		}
		return nil
	}
	var ids, again []id.ID
	since := int64(math.MinInt64)
	if from != nil {
		since = from.Until
	}
	for _, p := range products {
		ids = append(ids, p.ID)
		if from != nil {
			sums[p.ID], mark.Sums[p.ID] = from.Sums[p.ID], from.Sums[p.ID]
		}
	}
	if err := add(ids, since); err != nil {
		return nil, 0, nil, err
	}
	for _, p := range products {
		if from != nil && p.Stock != sums[p.ID] {
			again = append(again, p.ID)
			sums[p.ID], mark.Sums[p.ID] = 0, 0
		}
	}
	if err := add(again, math.MinInt64); err != nil {
		return nil, 0, nil, err
	}
	for _, p := range products {
		if p.Stock != sums[p.ID] && len(found) < 100 {
			found = append(found, fmt.Sprintf("商品“%s”（%s）的库存记为 %d，按出入库记录应为 %d", p.Name, p.ID, p.Stock, sums[p.ID]))
		}
	}
	return found, moves, mark, nil
}
