package redeem

import (
	"errors"
	"fmt"
	"slices"
	"time"

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
	found, _, err := VerifySince(tx, nil)
	return found, err
}

// VerifySince is Verify for what came after each span's number, and for what that gave back; nil: for everything. Nonces are compared
// with each other only, and stock with the sales since. rows is how many redemptions were read.
func VerifySince(tx db.Tx, spans []ledger.Span) (found []string, rows int64, err error) {
	each := []*ledger.Span{nil}
	if spans != nil {
		each = nil
	}
	for i := range spans {
		each = append(each, &spans[i])
	}
	for _, s := range each {
		texts, n, err := verify(tx, s)
		if err != nil {
			return nil, 0, err
		}
		found, rows = append(found, texts...), rows+n
	}
	goods, err := verifyGoods(tx, spans)
	return append(found, goods...), rows, err
}

type check struct {
	text string
	sql  string
	args []any
}

func checks(span *ledger.Span) []check {
	within := span.Within
	redemptions, transactions := within("r.village_id", "r.number"), within("t.book_id", "t.number")
	const refunded = "退货状态与账本不符"
	out := []check{
		{
			"各行商品的积分合计不对",
			`SELECT r.village_id, r.number, COALESCE(SUM(l.points), 0) AS have, r.points AS want FROM redemptions r
			LEFT JOIN redemption_lines l ON l.village_id = r.village_id AND l.number = r.number WHERE 1 = 1` + redemptions + `
			GROUP BY r.village_id, r.number, r.points HAVING COALESCE(SUM(l.points), 0) <> r.points`, nil,
		}, {
			"有一行的积分不等于单价乘数量",
			`SELECT village_id, number, points AS have, price * quantity AS want FROM redemption_lines WHERE points <> price * quantity` + within("village_id", "number"), nil,
		}, {
			"在账本里转给商户的积分不对",
			`SELECT r.village_id, r.number, -COALESCE(SUM(e.amount), 0) AS have, r.points AS want FROM redemptions r
			LEFT JOIN accounts a ON a.owner_id = r.merchant_id AND a.book_id = r.village_id AND a.asset = ? AND a.kind = ?
			LEFT JOIN ledger_entries e ON e.book_id = r.village_id AND e.number = r.number AND e.counterpart_id = a.id WHERE 1 = 1` + redemptions + `
			GROUP BY r.village_id, r.number, r.points HAVING -COALESCE(SUM(e.amount), 0) <> r.points`,
			[]any{ledger.Points, ledger.KindMerchant},
		}, {
			"在账本里从户里扣去的积分不对",
			`SELECT r.village_id, r.number, -COALESCE(SUM(e.amount), 0) AS have, r.points AS want FROM redemptions r
			LEFT JOIN accounts a ON a.owner_id = r.household_id AND a.book_id = r.village_id AND a.asset = ? AND a.kind = ?
			LEFT JOIN ledger_entries e ON e.book_id = r.village_id AND e.number = r.number AND e.account_id = a.id WHERE 1 = 1` + redemptions + `
			GROUP BY r.village_id, r.number, r.points HAVING -COALESCE(SUM(e.amount), 0) <> r.points`,
			[]any{ledger.Points, ledger.KindWallet},
		}, {
			"账本里有，却没有兑换记录",
			`SELECT t.book_id AS village_id, t.number, 0 AS have, 0 AS want FROM ledger_txs t
			LEFT JOIN redemptions r ON r.village_id = t.book_id AND r.number = t.number WHERE t.kind = ? AND r.number IS NULL` + transactions,
			[]any{ledger.Redeem},
		}, {
			"有兑换记录，账本里却不是这户的兑换",
			`SELECT r.village_id, r.number, 0 AS have, 0 AS want FROM redemptions r
			LEFT JOIN ledger_txs t ON t.book_id = r.village_id AND t.number = r.number AND t.kind = ? AND t.household_id = r.household_id
			WHERE t.number IS NULL` + redemptions,
			[]any{ledger.Redeem},
		}, {
			refunded,
			`SELECT r.village_id, r.number, 0 AS have, 0 AS want FROM redemptions r
			LEFT JOIN ledger_reversals v ON v.book_id = r.village_id AND v.reverses = r.number
			LEFT JOIN ledger_txs t ON t.book_id = v.book_id AND t.number = v.number AND t.kind = ?
			WHERE (COALESCE(t.number, 0) <> r.refund_number OR (r.state = ?) <> (r.refund_number <> 0))` + redemptions,
			[]any{ledger.Refund, Refunded},
		}, {
			"所用的一次性号码与别的兑换相同",
			`SELECT MAX(village_id) AS village_id, MAX(number) AS number, 0 AS have, 0 AS want FROM redemptions WHERE 1 = 1` + within("village_id", "number") + ` GROUP BY nonce HAVING COUNT(*) > 1`, nil,
		},
	}
	if span != nil { // what lies before the span and was given back in it
		out = append(out, check{
			refunded,
			`SELECT r.village_id, r.number, 0 AS have, 0 AS want FROM ledger_txs t JOIN redemptions r ON r.village_id = t.book_id AND r.number = t.reverses
			WHERE t.kind = ? AND (r.refund_number <> t.number OR r.state <> ?)` + transactions + fmt.Sprintf(" AND r.number <= %d", span.After),
			[]any{ledger.Refund, Refunded},
		})
	}
	return out
}

func verify(tx db.Tx, span *ledger.Span) (out []string, n int64, err error) {
	if err := tx.Raw("SELECT COUNT(*) FROM redemptions WHERE 1 = 1" + span.Within("village_id", "number")).Scan(&n).Error; err != nil {
		return nil, 0, fmt.Errorf("counting redemptions: %w", err)
	}
	for _, check := range checks(span) {
		var rows []struct {
			VillageID  id.ID
			Number     int64
			Have, Want points.Amount
		}
		if err := tx.Raw(check.sql+" LIMIT ?", append(check.args, maxFindings)...).Scan(&rows).Error; err != nil {
			return nil, 0, fmt.Errorf("verifying redemptions: %w", err)
		}
		var villages []id.ID
		for _, r := range rows {
			villages = append(villages, r.VillageID)
		}
		names, err := villageNames(tx, villages)
		if err != nil {
			return nil, 0, err
		}
		for _, r := range rows {
			text := fmt.Sprintf("%s第 %d 号兑换：%s", names[r.VillageID], r.Number, check.text)
			if r.Have != r.Want {
				text += fmt.Sprintf("，为 %s，应为 %s", r.Have, r.Want)
			}
			out = append(out, text)
		}
	}
	return out, n, nil
}

// clocks is how far the clocks of two processes may differ.
const clocks = time.Hour

// verifyGoods compares what was redeemed of every product with the stock that was taken for it.
func verifyGoods(tx db.Tx, spans []ledger.Span) ([]string, error) {
	var products []struct {
		ID   id.ID
		Name string
	}
	if err := tx.Raw("SELECT id, name FROM products ORDER BY id").Scan(&products).Error; err != nil {
		return nil, fmt.Errorf("listing products: %w", err)
	}
	redeemed, sold := map[id.ID]int64{}, map[id.ID]int64{}
	line := func(row db.Row) error {
		var product id.ID
		var n int64
		err := row.Scan(&product, &n)
		redeemed[product] += n
		return err
	}
	const lines = "SELECT product_id, quantity FROM redemption_lines WHERE product_id <> 0"
	const moves = "SELECT product_id, village_id, number, delta FROM stock_moves WHERE kind = ?"
	after, since := map[id.ID]int64{}, tx.Millis()
	move := func(row db.Row) error {
		var product, village id.ID
		var number, delta int64
		err := row.Scan(&product, &village, &number, &delta)
		if n, within := after[village]; spans == nil || within && number > n {
			sold[product] -= delta
		}
		return err
	}
	if spans == nil {
		if err := errors.Join(db.Query(tx, line, lines), db.Query(tx, move, moves, int64(shop.MoveSold))); err != nil {
			return nil, fmt.Errorf("verifying redeemed goods: %w", err)
		}
	} else {
		for i, s := range spans {
			after[s.Book], since = s.After, min(since, s.At)
			if err := db.Query(tx, line, lines+spans[i].Within("village_id", "number")); err != nil {
				return nil, fmt.Errorf("verifying redeemed goods: %w", err)
			}
		}
		for part := range slices.Chunk(products, 500) { // moves have an index by product and time
			ids := make([]id.ID, len(part))
			for i, p := range part {
				ids[i] = p.ID
			}
			if err := db.Query(tx, move, moves+" AND product_id IN ? AND at >= ?", int64(shop.MoveSold), db.ListOf(ids), since-clocks.Milliseconds()); err != nil {
				return nil, fmt.Errorf("verifying redeemed goods: %w", err)
			}
		}
	}
	var out []string
	for _, p := range products {
		if redeemed[p.ID] != sold[p.ID] && len(out) < maxFindings {
			out = append(out, fmt.Sprintf("商品“%s”（%s）兑换出 %d，库存记录里卖出 %d", p.Name, p.ID, redeemed[p.ID], sold[p.ID]))
		}
	}
	return out, nil
}
