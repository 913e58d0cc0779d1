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
	Balance points.Amount // afterwards
}

// newest stands for the end of a statement where none is named.
const newest = 1 << 62

// Statement is the tracked account's newest lines below number before (0: from the newest), at most limit.
func Statement(tx db.Tx, ref Ref, before int64, limit int) ([]Line, error) {
	if before == 0 {
		before = newest
	}
	return accountLines(tx, ref, "number < ? ORDER BY number DESC", before, limit)
}

// Forward is the tracked account's oldest lines above number after, at most limit: the statement as a book is read.
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
	return personLines(tx, village, person, "number < ?", "number DESC", before, limit)
}

// PersonForward is PersonStatement as a book is read: the oldest above number after.
func PersonForward(tx db.Tx, village, person id.ID, after int64, limit int) ([]Line, error) {
	return personLines(tx, village, person, "number > ?", "number", after, limit)
}

func personLines(tx db.Tx, village, person id.ID, from, order string, number int64, limit int) ([]Line, error) {
	var rows []txRow
	q := "SELECT " + txColumns + " FROM (SELECT book_id, number FROM ledger_persons WHERE book_id = ? AND person_id = ? AND " + from + " ORDER BY " + order +
		" LIMIT ?) p JOIN ledger_txs USING (book_id, number) ORDER BY " + order
	if err := tx.Raw(q, village, person, number, limit).Scan(&rows).Error; err != nil {
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

// Total is the balance of an untracked account: its last checkpoint, and what the movements since have given it.
func Total(tx db.Tx, ref Ref) (points.Amount, error) {
	rows, err := loadAccounts(tx, []Ref{ref}, false, nil)
	if err != nil {
		return 0, err
	}
	acct, ok := rows[ref]
	if !ok {
		return 0, nil
	}
	return total(tx, ref.Book, acct.id)
}

func total(tx db.Tx, book, acct id.ID) (points.Amount, error) {
	var last checkpoint
	err := db.Query(tx, func(row db.Row) error { return row.Scan(&last.number, &last.balance) },
		"SELECT number, balance FROM ledger_checkpoints WHERE account_id = ? ORDER BY number DESC LIMIT 1", int64(acct))
	if err != nil {
		return 0, fmt.Errorf("reading a checkpoint: %w", err)
	}
	var taken points.Amount
	q := "SELECT COALESCE(SUM(amount), 0) FROM ledger_entries WHERE book_id = ? AND number > ? AND counterpart_id = ?"
	if err := tx.Raw(q, book, last.number, acct).Scan(&taken).Error; err != nil {
		return 0, fmt.Errorf("adding up an account: %w", err)
	}
	return last.balance - taken, nil
}

// Checkpoint notes the balance of every untracked account of the book as of its last transaction, if there has been one since they were
// noted last. The village's head is locked meanwhile, so that no lower number is still on its way to being committed.
func Checkpoint(tx db.Tx, book id.ID) error {
	var head, noted int64
	if err := tx.Raw("SELECT number FROM ledger_heads WHERE book_id = ?"+tx.ForUpdate(), book).Scan(&head).Error; err != nil {
		return fmt.Errorf("locking the head of the chain: %w", err)
	}
	var ids []id.ID
	if err := tx.Raw("SELECT id FROM accounts WHERE book_id = ? AND tracked = 0 ORDER BY id", book).Scan(&ids).Error; err != nil {
		return fmt.Errorf("reading the untracked accounts: %w", err)
	}
	if err := tx.Raw("SELECT COALESCE(MAX(number), 0) FROM ledger_checkpoints WHERE account_id IN ?", ids).Scan(&noted).Error; err != nil {
		return fmt.Errorf("reading the last checkpoint: %w", err)
	}
	if noted == head {
		return nil
	}
	sums := make([]points.Amount, len(ids))
	for i, acct := range ids {
		var err error
		if sums[i], err = total(tx, book, acct); err != nil {
			return err
		}
	}
	return db.Insert(tx, "ledger_checkpoints", []string{"account_id", "number", "balance"}, len(ids),
		func(i int, args []any) []any { return append(args, int64(ids[i]), head, int64(sums[i])) })
}
