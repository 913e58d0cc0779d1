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
	found, _, err := VerifySince(tx, nil)
	return found, err
}

// VerifySince is Verify for what came after each span's number, and for what that undid; nil: for everything. rows is how many awards
// were read.
func VerifySince(tx db.Tx, spans []ledger.Span) (found []string, rows int64, err error) {
	if spans == nil {
		return verify(tx, nil)
	}
	for _, s := range spans {
		texts, n, err := verify(tx, &s)
		if err != nil {
			return nil, 0, err
		}
		found, rows = append(found, texts...), rows+n
	}
	return found, rows, nil
}

func verify(tx db.Tx, span *ledger.Span) (out []string, rows int64, err error) {
	within := span.Within
	if err := tx.Raw("SELECT COUNT(*) FROM awards WHERE 1 = 1" + within("village_id", "number")).Scan(&rows).Error; err != nil {
		return nil, 0, fmt.Errorf("counting awards: %w", err)
	}
	cleared := fmt.Sprintf(`c.households <> (SELECT COUNT(*) FROM ledger_txs t WHERE t.book_id = c.village_id AND t.number >= c.number AND t.number < c.number + c.households AND t.kind = %d)`, ledger.Expire)
	const undone = `(CASE WHEN c.returned_at = 0 THEN 0 ELSE c.households END) <> (SELECT COUNT(*) FROM ledger_reversals u WHERE u.book_id = c.village_id AND u.reverses >= c.number AND u.reverses < c.number + c.households)`
	checks := []struct{ text, query string }{
		{"第 %d 号加减分在账本里找不到，或分值、户、人不符（村 %d）", `SELECT a.number, a.village_id FROM awards a LEFT JOIN ledger_txs t ON t.book_id = a.village_id AND t.number = a.number
			WHERE (t.number IS NULL OR t.score <> a.points OR t.month <> a.month
			OR t.household_id <> a.household_id OR t.person_id <> a.person_id OR t.member_id <> a.member_id)` + within("a.village_id", "a.number")},
		{"账本第 %d 号是加减分，却没有登记（村 %d）", fmt.Sprintf(`SELECT t.number, t.book_id AS village_id FROM ledger_txs t LEFT JOIN awards a ON a.village_id = t.book_id AND a.number = t.number
			WHERE t.kind IN (%d, %d) AND a.number IS NULL`, ledger.Award, ledger.Deduct) + within("t.book_id", "t.number")},
		{"第 %d 号加减分的撤销状态与账本不符（村 %d）", `SELECT a.number, a.village_id FROM awards a LEFT JOIN ledger_reversals r ON r.book_id = a.village_id AND r.reverses = a.number
			WHERE ((a.state = 1 AND r.number IS NOT NULL) OR (a.state = 2 AND (r.number IS NULL OR r.number <> a.reversed_by)))` + within("a.village_id", "a.number")},
		{"第 %d 号起的到期清零与账本不符（村 %d）", "SELECT c.number, c.village_id FROM clearings c WHERE " + cleared + within("c.village_id", "c.number")},
		{"第 %d 号起的到期清零，撤销状态与账本不符（村 %d）", "SELECT c.number, c.village_id FROM clearings c WHERE " + undone + within("c.village_id", "c.number")},
	}
	if span != nil { // what lies before the span and was undone in it
		checks = append(checks, []struct{ text, query string }{
			{checks[2].text, `SELECT a.number, a.village_id FROM ledger_reversals r JOIN awards a ON a.village_id = r.book_id AND a.number = r.reverses
				WHERE (a.state <> 2 OR a.reversed_by <> r.number)` + within("r.book_id", "r.number") + fmt.Sprintf(" AND a.number <= %d", span.After)},
			{checks[4].text, `SELECT DISTINCT c.number, c.village_id FROM ledger_reversals r JOIN clearings c ON c.village_id = r.book_id AND r.reverses >= c.number AND r.reverses < c.number + c.households
				WHERE ` + undone + within("r.book_id", "r.number") + fmt.Sprintf(" AND c.number <= %d", span.After)},
		}...)
	}
	for _, c := range checks {
		var rows []struct {
			Number    int64
			VillageID int64
		}
		if err := tx.Raw(c.query + " LIMIT 20").Scan(&rows).Error; err != nil {
			return nil, 0, fmt.Errorf("comparing awards with the ledger: %w", err)
		}
		for _, r := range rows {
			out = append(out, fmt.Sprintf(c.text, r.Number, r.VillageID))
		}
	}
	return out, rows, nil
}
