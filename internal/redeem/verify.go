package redeem

import (
	"fmt"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/shop"
)

// maxFindings bounds what one check reports.
const maxFindings = 100

// Verify recomputes from the raw rows that redemptions, their lines, their nonces and the ledger agree, and says in Chinese
// where they do not. Give it a snapshot (db.Read).
func Verify(tx db.Tx) ([]string, error) {
	var out []string
	for _, check := range []struct {
		text string
		sql  string
		args []any
	}{
		{
			"各行商品的积分合计不对",
			`SELECT r.village_id, r.number, COALESCE(SUM(l.points), 0) AS have, r.points AS want FROM redemptions r
			LEFT JOIN redemption_lines l ON l.village_id = r.village_id AND l.number = r.number
			GROUP BY r.village_id, r.number, r.points HAVING COALESCE(SUM(l.points), 0) <> r.points`, nil,
		}, {
			"有一行的积分不等于单价乘数量",
			`SELECT village_id, number, points AS have, price * quantity AS want FROM redemption_lines WHERE points <> price * quantity`, nil,
		}, {
			"在账本里转给商户的积分不对",
			`SELECT r.village_id, r.number, COALESCE(SUM(e.amount), 0) AS have, r.points AS want FROM redemptions r
			LEFT JOIN accounts a ON a.owner_id = r.merchant_id AND a.book_id = r.village_id AND a.asset = ? AND a.kind = ?
			LEFT JOIN ledger_entries e ON e.book_id = r.village_id AND e.number = r.number AND e.account_id = a.id
			GROUP BY r.village_id, r.number, r.points HAVING COALESCE(SUM(e.amount), 0) <> r.points`,
			[]any{ledger.Points, ledger.KindMerchant},
		}, {
			"在账本里从户里扣去的积分不对",
			`SELECT r.village_id, r.number, -COALESCE(SUM(e.amount), 0) AS have, r.points AS want FROM redemptions r
			LEFT JOIN accounts a ON a.owner_id = r.household_id AND a.book_id = r.village_id AND a.asset = ? AND a.kind = ?
			LEFT JOIN ledger_entries e ON e.book_id = r.village_id AND e.number = r.number AND e.account_id = a.id
			GROUP BY r.village_id, r.number, r.points HAVING -COALESCE(SUM(e.amount), 0) <> r.points`,
			[]any{ledger.Points, ledger.KindWallet},
		}, {
			"账本里有，却没有兑换记录",
			`SELECT t.book_id AS village_id, t.number, 0 AS have, 0 AS want FROM ledger_txs t
			LEFT JOIN redemptions r ON r.village_id = t.book_id AND r.number = t.number WHERE t.kind = ? AND r.number IS NULL`,
			[]any{ledger.Redeem},
		}, {
			"有兑换记录，账本里却不是这户的兑换",
			`SELECT r.village_id, r.number, 0 AS have, 0 AS want FROM redemptions r
			LEFT JOIN ledger_txs t ON t.book_id = r.village_id AND t.number = r.number AND t.kind = ? AND t.household_id = r.household_id
			WHERE t.number IS NULL`,
			[]any{ledger.Redeem},
		}, {
			"退货状态与账本不符",
			`SELECT r.village_id, r.number, 0 AS have, 0 AS want FROM redemptions r
			LEFT JOIN ledger_txs t ON t.book_id = r.village_id AND t.reverses = r.number AND t.kind = ?
			WHERE COALESCE(t.number, 0) <> r.refund_number OR (r.state = ?) <> (r.refund_number <> 0)`,
			[]any{ledger.Refund, Refunded},
		}, {
			"所用的一次性号码与别的兑换相同",
			`SELECT MAX(village_id) AS village_id, MAX(number) AS number, 0 AS have, 0 AS want FROM redemptions GROUP BY nonce HAVING COUNT(*) > 1`, nil,
		},
	} {
		var rows []struct {
			VillageID  id.ID
			Number     int64
			Have, Want points.Amount
		}
		if err := tx.Raw(check.sql+" LIMIT ?", append(check.args, maxFindings)...).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("verifying redemptions: %w", err)
		}
		var villages []id.ID
		for _, r := range rows {
			villages = append(villages, r.VillageID)
		}
		names, err := villageNames(tx, villages)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			text := fmt.Sprintf("%s第 %d 号兑换：%s", names[r.VillageID], r.Number, check.text)
			if r.Have != r.Want {
				text += fmt.Sprintf("，为 %s，应为 %s", r.Have, r.Want)
			}
			out = append(out, text)
		}
	}
	goods, err := verifyGoods(tx)
	return append(out, goods...), err
}

// verifyGoods compares what was redeemed of every product with the stock that was taken for it.
func verifyGoods(tx db.Tx) ([]string, error) {
	var rows []struct {
		ID       id.ID
		Name     string
		Redeemed int64
		Sold     int64
	}
	q := `SELECT p.id, p.name, COALESCE(l.redeemed, 0) AS redeemed, COALESCE(m.sold, 0) AS sold FROM products p
		LEFT JOIN (SELECT product_id, SUM(quantity) AS redeemed FROM redemption_lines WHERE product_id <> 0 GROUP BY product_id) l ON l.product_id = p.id
		LEFT JOIN (SELECT product_id, -SUM(delta) AS sold FROM stock_moves WHERE kind = ? GROUP BY product_id) m ON m.product_id = p.id
		WHERE COALESCE(l.redeemed, 0) <> COALESCE(m.sold, 0) ORDER BY p.id LIMIT ?`
	if err := tx.Raw(q, shop.MoveSold, maxFindings).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("verifying redeemed goods: %w", err)
	}
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprintf("商品“%s”（%s）兑换出 %d，库存记录里卖出 %d", r.Name, r.ID, r.Redeemed, r.Sold))
	}
	return out, nil
}
