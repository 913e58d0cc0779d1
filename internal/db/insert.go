package db

import (
	"fmt"
	"strings"
)

// MySQL takes 65,535 placeholders in a statement, SQLite 32,766; long statements also cost memory, so chunks stay well below.
const maxPlaceholders = 8_000

// Insert writes n rows with as few statements as the database takes. row appends the values of row i, in the order of cols,
// to args. It bypasses gorm's reflection: batches of the ledger are the hottest path of the product.
// A duplicate is reported such that Duplicate(err) holds.
func Insert(tx Tx, table string, cols []string, n int, row func(i int, args []any) []any) error {
	return write(tx, table, cols, "", n, row)
}

// Upsert writes n rows; where the key exists the columns of set take the new value and those of add grow by it.
// keys are the columns of the primary key.
func Upsert(tx Tx, table string, cols, keys, set, add []string, n int, row func(i int, args []any) []any) error {
	var b strings.Builder
	newValue := func(c string) string { return "excluded." + c }
	if tx.Dialect == MySQL {
		b.WriteString(" ON DUPLICATE KEY UPDATE ")
		newValue = func(c string) string { return "VALUES(" + c + ")" }
	} else {
		b.WriteString(" ON CONFLICT (" + strings.Join(keys, ", ") + ") DO UPDATE SET ")
	}
	sep := ""
	for _, c := range set {
		b.WriteString(sep + c + " = " + newValue(c))
		sep = ", "
	}
	for _, c := range add {
		b.WriteString(sep + c + " = " + table + "." + c + " + " + newValue(c))
		sep = ", "
	}
	return write(tx, table, cols, b.String(), n, row)
}

func write(tx Tx, table string, cols []string, suffix string, n int, row func(i int, args []any) []any) error {
	head := "INSERT INTO " + table + " (" + strings.Join(cols, ", ") + ") VALUES "
	one := "(" + strings.Repeat("?, ", len(cols)-1) + "?)"
	chunk := max(1, min(500, maxPlaceholders/len(cols)))
	args := make([]any, 0, min(n, chunk)*len(cols))
	for from := 0; from < n; from += chunk {
		to := min(n, from+chunk)
		args = args[:0]
		for i := from; i < to; i++ {
			args = row(i, args)
		}
		var b strings.Builder
		b.Grow(len(head) + (to-from)*(len(one)+2) + len(suffix))
		b.WriteString(head)
		for i := from; i < to; i++ {
			if i > from {
				b.WriteString(", ")
			}
			b.WriteString(one)
		}
		b.WriteString(suffix)
		if err := exec(tx, b.String(), args); err != nil {
			return fmt.Errorf("writing %d rows to %s: %w", to-from, table, err)
		}
	}
	return nil
}

// Exec runs a statement that answers nothing; with Later it is put aside like rows. A List among args takes the place of its "?".
func Exec(tx Tx, query string, args ...any) error {
	query, args = spellLists(query, args)
	return exec(tx, query, args)
}

func exec(tx Tx, query string, args []any) error {
	ctx := tx.Statement.Context
	if p, ok := tx.Statement.ConnPool.(*pipe); ok && tx.later && !p.alone {
		return p.later(ctx, query, args)
	}
	_, err := tx.Statement.ConnPool.ExecContext(ctx, query, args...)
	if tx.later {
		return laterError(err)
	}
	return err
}
