package db

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// MySQL takes 65,535 placeholders in a statement, SQLite 32,766; long statements also cost memory, so chunks stay well below.
const maxPlaceholders = 8_000

// Insert writes n rows with as few statements as the database takes. row appends the values of row i, in the order of cols,
// to args. It bypasses gorm's reflection: batches of the ledger are the hottest path of the product.
// A column with a "?" behind its name has its zero value, 0, "" or NULL, as default in the schema, and is left out of a statement all of
// whose rows have that: the database reads a third less of a batch of awards.
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

// rows are lists of values that are written out: each is used again.
var rows = sync.Pool{New: func() any { return new([]any) }}

func write(tx Tx, table string, cols []string, suffix string, n int, row func(i int, args []any) []any) error {
	if n == 0 {
		return nil
	}
	chunk := max(1, min(500, maxPlaceholders/len(cols)))
	kept := rows.Get().(*[]any)
	args := slices.Grow((*kept)[:0], min(n, chunk)*len(cols))
	defer func() {
		clear(args[:cap(args)]) // the values are not to live as long as the list
		*kept = args
		rows.Put(kept)
	}()
	for from := 0; from < n; from += chunk {
		to := min(n, from+chunk)
		args = args[:0]
		for i := from; i < to; i++ {
			args = row(i, args)
		}
		names, values := spare(cols, args)
		head := "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") VALUES "
		if err := insert(tx, head, suffix, len(names), values); err != nil {
			return fmt.Errorf("writing %d rows to %s: %w", to-from, table, err)
		}
	}
	return nil
}

// insert runs an INSERT that begins with head and ends with suffix.
func insert(tx Tx, head, suffix string, width int, values []any) error {
	if p, ok := tx.Statement.ConnPool.(*pipe); ok && tx.later && !p.alone {
		return p.laterRows(tx.Statement.Context, head, suffix, width, values)
	}
	return exec(tx, marked(head, suffix, width, len(values)/width), values)
}

// marked is an INSERT of n rows with a question mark for each value.
func marked(head, suffix string, width, n int) string {
	one := "(" + strings.Repeat("?, ", width-1) + "?)"
	var b strings.Builder
	b.Grow(len(head) + n*(len(one)+2) + len(suffix))
	b.WriteString(head)
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(one)
	}
	b.WriteString(suffix)
	return b.String()
}

// spare leaves out the columns marked "?" in which all rows have the zero value.
func spare(cols []string, args []any) (names []string, values []any) {
	left := make([]bool, len(cols))
	names = make([]string, 0, len(cols))
	for c, name := range cols {
		plain, marked := strings.CutSuffix(name, "?")
		if left[c] = marked; marked {
			for i := c; i < len(args) && left[c]; i += len(cols) {
				left[c] = args[i] == nil || args[i] == "" || args[i] == 0 || args[i] == int64(0)
			}
		}
		if !left[c] {
			names = append(names, plain)
		}
	}
	if len(names) == len(cols) {
		return names, args
	}
	values = args[:0]
	for i, a := range args {
		if !left[i%len(cols)] {
			values = append(values, a)
		}
	}
	return names, values
}

// updateChunk bounds the rows of an Update: the database compares each with all before it.
const updateChunk = 100

// Update sets cols of the n rows that have the keys, which must be there. row appends the key, then the values, of row i. A column with a
// "+" behind its name has no value and grows by one. On MySQL a statement for many rows costs two thirds of what Upsert does, which tries
// to insert each of them first.
func Update(tx Tx, table, key string, cols []string, n int, row func(i int, args []any) []any) error {
	set := slices.DeleteFunc(slices.Clone(cols), func(c string) bool { return strings.HasSuffix(c, "+") })
	width := len(set) + 1
	args := make([]any, 0, min(n, updateChunk)*width)
	for from := 0; from < n; from += updateChunk {
		to := min(n, from+updateChunk)
		args = args[:0]
		for i := from; i < to; i++ {
			args = row(i, args)
		}
		var b strings.Builder
		values := make([]any, 0, (to-from)*(2*len(set)+1))
		b.WriteString("UPDATE " + table + " SET ")
		sep := ""
		for c, name := range set {
			b.WriteString(sep + name + " = CASE " + key)
			sep = ", "
			for i := range to - from {
				b.WriteString(" WHEN ? THEN ?")
				values = append(values, args[i*width], args[i*width+1+c])
			}
			b.WriteString(" END")
		}
		for _, name := range cols {
			if counter, ok := strings.CutSuffix(name, "+"); ok {
				b.WriteString(sep + counter + " = " + counter + " + 1")
				sep = ", "
			}
		}
		b.WriteString(" WHERE " + key + " IN (?" + strings.Repeat(",?", to-from-1) + ")")
		for i := range to - from {
			values = append(values, args[i*width])
		}
		if err := exec(tx, b.String(), values); err != nil {
			return fmt.Errorf("changing %d rows of %s: %w", to-from, table, err)
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
