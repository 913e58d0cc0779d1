package shop

import (
	"fmt"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/money"
	"jishan/internal/points"
)

// Prices are what points buy in some villages now.
type Prices struct {
	Rate     money.Rate // the dearest of the open contracts; zero where there is none
	Cheapest Product    // by price, on sale at an open merchant; its Price is 0 where there is none
}

// PricesOf reads what points buy at the open merchants that serve the villages.
func PricesOf(tx db.Tx, villages []id.ID) (out Prices, err error) {
	var rows []struct {
		ID         id.ID
		Name, Unit string
		Price      points.Amount
		RatePoints points.Amount
		RateFen    money.Fen
	}
	err = tx.Raw(`SELECT COALESCE(p.id, 0) AS id, COALESCE(p.name, '') AS name, COALESCE(p.unit, '') AS unit, COALESCE(p.price, 0) AS price, c.rate_points, c.rate_fen
		FROM merchant_villages c JOIN merchants m ON m.id = c.merchant_id LEFT JOIN products p ON p.merchant_id = m.id AND p.state = ?
		WHERE c.village_id IN ? AND c.state = ? AND m.state = ? ORDER BY price, name`, OnSale, unique(villages), Serving, Open).Scan(&rows).Error
	if err != nil {
		return out, fmt.Errorf("reading what points buy: %w", err)
	}
	worth := func(r money.Rate) money.Fen { return r.Value(points.Whole(1_000_000)) }
	for _, r := range rows {
		if rate := (money.Rate{Points: r.RatePoints, Fen: r.RateFen}); out.Rate.Points == 0 || worth(rate) > worth(out.Rate) {
			out.Rate = rate
		}
		if r.Price > 0 && out.Cheapest.Price == 0 {
			out.Cheapest = Product{ID: r.ID, Name: r.Name, Unit: r.Unit, Price: r.Price}
		}
	}
	return out, nil
}
