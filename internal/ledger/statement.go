package ledger

import (
	"fmt"
	"slices"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/points"
)

// Line is one line of an account's statement.
type Line struct {
	Tx      Tx            // without entries
	Amount  points.Amount // what the account moved
	Balance points.Amount // afterwards; meaningless for counterparts
}

// newest stands for the end of a statement where none is named.
const newest = 1 << 62

// Statement is the account's newest lines below number before (0: from the newest), at most limit.
func Statement(tx db.Tx, ref Ref, before int64, limit int) ([]Line, error) {
	if before == 0 {
		before = newest
	}
	return accountLines(tx, ref, "number < ? ORDER BY number DESC", before, limit)
}

// Forward is the account's oldest lines above number after, at most limit: the statement as a book is read.
func Forward(tx db.Tx, ref Ref, after int64, limit int) ([]Line, error) {
	return accountLines(tx, ref, "number > ? ORDER BY number", after, limit)
}

func accountLines(tx db.Tx, ref Ref, from string, number int64, limit int) ([]Line, error) {
	rows, err := loadAccounts(tx, []Ref{ref}, false, nil)
	if err != nil {
		return nil, err
	}
	acct, ok := rows[ref]
	if !ok {
		return nil, nil
	}
	var numbers []int64
	q := "SELECT DISTINCT number FROM ledger_entries WHERE account_id = ? AND " + from + " LIMIT ?"
	if err := tx.Raw(q, acct.id, number, limit).Scan(&numbers).Error; err != nil {
		return nil, fmt.Errorf("reading a statement: %w", err)
	}
	return lines(tx, ref.Book, numbers, func(e Entry) bool { return e.Account == acct.id })
}

// PersonStatement is the newest transactions of the village attributed to the person, below number before, at most limit.
// Amount is the score, for points earned by a person go to the wallet of the household.
func PersonStatement(tx db.Tx, village, person id.ID, before int64, limit int) ([]Line, error) {
	if before == 0 {
		before = newest
	}
	return personLines(tx, village, person, "number < ? ORDER BY number DESC", before, limit)
}

// PersonForward is PersonStatement as a book is read: the oldest above number after.
func PersonForward(tx db.Tx, village, person id.ID, after int64, limit int) ([]Line, error) {
	return personLines(tx, village, person, "number > ? ORDER BY number", after, limit)
}

func personLines(tx db.Tx, village, person id.ID, from string, number int64, limit int) ([]Line, error) {
	var rows []txRow
	q := "SELECT " + txColumns + " FROM ledger_txs WHERE person_id = ? AND book_id = ? AND " + from + " LIMIT ?"
	if err := tx.Raw(q, person, village, number, limit).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading a person's statement: %w", err)
	}
	out := make([]Line, len(rows))
	for i, r := range rows {
		out[i] = Line{Tx: r.tx(), Amount: r.Score}
	}
	return out, nil
}

func lines(tx db.Tx, book id.ID, numbers []int64, mine func(Entry) bool) ([]Line, error) {
	keys := make([]Key, len(numbers))
	for i, n := range numbers {
		keys[i] = Key{book, n}
	}
	txs, err := Load(tx, keys...)
	if err != nil {
		return nil, err
	}
	out := make([]Line, 0, len(numbers))
	for _, k := range keys {
		t := txs[k]
		l := Line{}
		for _, e := range t.Entries {
			if mine(e) {
				l.Amount += e.Amount
				l.Balance = e.Balance
			}
		}
		t.Entries = nil
		l.Tx = t
		out = append(out, l)
	}
	return out, nil
}

// Scores are the sums of the owners' scores over the months from–to; an owner without any is missing from the map.
func Scores(tx db.Tx, asset Asset, owners []id.ID, from, to cal.Month) (map[id.ID]points.Amount, error) {
	out := make(map[id.ID]points.Amount, len(owners))
	for part := range slices.Chunk(unique(slices.Clone(owners)), chunk) {
		var rows []struct {
			OwnerID id.ID
			Sum     points.Amount
		}
		q := "SELECT owner_id, SUM(points) AS sum FROM scores WHERE owner_id IN ? AND asset = ? AND month BETWEEN ? AND ? GROUP BY owner_id"
		if err := tx.Raw(q, part, asset, from, to).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("reading scores: %w", err)
		}
		for _, r := range rows {
			out[r.OwnerID] = r.Sum
		}
	}
	return out, nil
}

// Total is the balance of an untracked account: its last checkpoint and the entries since.
func Total(tx db.Tx, ref Ref) (points.Amount, error) {
	rows, err := loadAccounts(tx, []Ref{ref}, false, nil)
	if err != nil {
		return 0, err
	}
	acct, ok := rows[ref]
	if !ok {
		return 0, nil
	}
	sum, _, err := total(tx, acct.id)
	return sum, err
}

func total(tx db.Tx, acct id.ID) (sum points.Amount, upTo int64, err error) {
	var cp []struct {
		Number  int64
		Balance points.Amount
	}
	q := "SELECT number, balance FROM ledger_checkpoints WHERE account_id = ? ORDER BY number DESC LIMIT 1"
	if err := tx.Raw(q, acct).Scan(&cp).Error; err != nil {
		return 0, 0, fmt.Errorf("reading a checkpoint: %w", err)
	}
	if len(cp) == 1 {
		sum, upTo = cp[0].Balance, cp[0].Number
	}
	var since struct {
		Sum  points.Amount
		Last int64
	}
	q = "SELECT COALESCE(SUM(amount), 0) AS sum, COALESCE(MAX(number), 0) AS last FROM ledger_entries WHERE account_id = ? AND number > ?"
	if err := tx.Raw(q, acct, upTo).Scan(&since).Error; err != nil {
		return 0, 0, fmt.Errorf("adding up an account: %w", err)
	}
	return sum + since.Sum, max(upTo, since.Last), nil
}

// Checkpoint notes the present balance of every untracked account of the book. The village's head is locked meanwhile, so
// that no lower number is still on its way to being committed.
func Checkpoint(tx db.Tx, book id.ID) error {
	var n []int64
	if err := tx.Raw("SELECT number FROM ledger_heads WHERE book_id = ?"+tx.ForUpdate(), book).Scan(&n).Error; err != nil {
		return fmt.Errorf("locking the head of the chain: %w", err)
	}
	var ids []id.ID
	if err := tx.Raw("SELECT id FROM accounts WHERE book_id = ? AND tracked = 0", book).Scan(&ids).Error; err != nil {
		return fmt.Errorf("reading the untracked accounts: %w", err)
	}
	for _, acct := range ids {
		sum, upTo, err := total(tx, acct)
		if err != nil {
			return err
		}
		if upTo == 0 {
			continue
		}
		err = db.Upsert(tx, "ledger_checkpoints", []string{"account_id", "number", "balance"}, []string{"account_id", "number"}, []string{"balance"}, nil, 1,
			func(_ int, args []any) []any { return append(args, int64(acct), upTo, int64(sum)) })
		if err != nil {
			return err
		}
	}
	return nil
}
