package award

import (
	"fmt"

	"jishan/internal/db"
	"jishan/internal/ledger"
)

// Verify compares awards with the ledger: every award has its transaction with the same score and month, a reversed one is
// named by the transaction that undoes it, no award or deduction stands in the ledger without
// its award, and every clearing of expired points has its transactions and, undone, their reversals. Findings are Chinese.
func Verify(tx db.Tx) ([]string, error) {
	var out []string
	for _, c := range []struct{ text, query string }{
		{"第 %d 号加减分在账本里找不到或分值不符（村 %d）", `SELECT a.number, a.village_id FROM awards a LEFT JOIN ledger_txs t ON t.book_id = a.village_id AND t.number = a.number
			WHERE t.number IS NULL OR t.score <> a.points OR t.month <> a.month LIMIT 20`},
		{"账本第 %d 号是加减分，却没有登记（村 %d）", fmt.Sprintf(`SELECT t.number, t.book_id AS village_id FROM ledger_txs t LEFT JOIN awards a ON a.village_id = t.book_id AND a.number = t.number
			WHERE t.kind IN (%d, %d) AND a.number IS NULL LIMIT 20`, ledger.Award, ledger.Deduct)},
		{"第 %d 号加减分的撤销状态与账本不符（村 %d）", `SELECT a.number, a.village_id FROM awards a LEFT JOIN ledger_txs r ON r.book_id = a.village_id AND r.reverses = a.number
			WHERE (a.state = 1 AND r.number IS NOT NULL) OR (a.state = 2 AND (r.number IS NULL OR r.number <> a.reversed_by)) LIMIT 20`},
		{"第 %d 号起的到期清零与账本不符（村 %d）", fmt.Sprintf(`SELECT c.number, c.village_id FROM clearings c WHERE c.households <> (SELECT COUNT(*) FROM ledger_txs t
			WHERE t.book_id = c.village_id AND t.number >= c.number AND t.number < c.number + c.households AND t.kind = %d) LIMIT 20`, ledger.Expire)},
		{"第 %d 号起的到期清零，撤销状态与账本不符（村 %d）", `SELECT c.number, c.village_id FROM clearings c
			WHERE (CASE WHEN c.returned_at = 0 THEN 0 ELSE c.households END) <> (SELECT COUNT(*) FROM ledger_txs r
			WHERE r.book_id = c.village_id AND r.reverses >= c.number AND r.reverses < c.number + c.households) LIMIT 20`},
	} {
		var rows []struct {
			Number    int64
			VillageID int64
		}
		if err := tx.Raw(c.query).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("comparing awards with the ledger: %w", err)
		}
		for _, r := range rows {
			out = append(out, fmt.Sprintf(c.text, r.Number, r.VillageID))
		}
	}
	return out, nil
}
