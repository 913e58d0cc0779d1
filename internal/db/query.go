package db

import "strings"

// List is a list of values for an IN: Query spells it out, (?, ?, ?).
type List []any

// ListOf makes a List.
func ListOf[T any](values []T) List {
	out := make(List, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

// Row is one row of an answer: Scan puts its columns into dest.
type Row interface {
	Scan(dest ...any) error
}

// Query calls each for every row of a SELECT. It stands beside Raw and Scan for the few queries in the path of every award and
// redemption, where gorm's reflection costs more than the database; a List among args takes the place of its "?".
func Query(tx Tx, each func(Row) error, query string, args ...any) error {
	if err := Ask(tx, each, query, args...); err != nil {
		return err
	}
	return Answer(tx)
}

// Ask is a Query whose rows nobody needs before those of the next: each is called when that one is answered, or at Answer. Where there
// is no line to wait for, it is called at once.
func Ask(tx Tx, each func(Row) error, query string, args ...any) error {
	query, args = spellLists(query, args)
	if p, ok := tx.Statement.ConnPool.(*pipe); ok && !p.alone {
		return p.ask(each, query, args)
	}
	rows, err := tx.Statement.ConnPool.QueryContext(tx.Statement.Context, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return handOut(rows, []func(Row) error{each})
}

// Answer hands out the rows of what was asked.
func Answer(tx Tx) error {
	if p, ok := tx.Statement.ConnPool.(*pipe); ok && (len(p.asked) > 0 || p.broken != nil) {
		return p.flush(tx.Statement.Context)
	}
	return nil
}

// spellLists replaces every "?" that a List answers. None of our queries has a "?" inside a literal.
func spellLists(query string, args []any) (string, []any) {
	var b strings.Builder
	var flat []any
	for _, a := range args {
		i := strings.IndexByte(query, '?')
		list, ok := a.(List)
		if !ok {
			b.WriteString(query[:i+1])
			query = query[i+1:]
			flat = append(flat, a)
			continue
		}
		b.WriteString(query[:i])
		query = query[i+1:]
		b.WriteByte('(')
		for j := range list {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteByte('?')
		}
		b.WriteByte(')')
		flat = append(flat, list...)
	}
	b.WriteString(query)
	return b.String(), flat
}
