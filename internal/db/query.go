package db

import (
	"context"
	"fmt"
	"strings"
)

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
	query, args = spellLists(query, args)
	ctx := tx.Statement.Context
	if ctx == nil {
		ctx = context.Background()
	}
	rows, err := tx.Statement.ConnPool.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return fmt.Errorf("reading a row: %w", err)
		}
	}
	return rows.Err()
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
