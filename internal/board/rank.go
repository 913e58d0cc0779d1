package board

import (
	"fmt"
	"slices"
	"strings"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/points"
)

// rankings computes whole boards of a scope from the database, one for each period: what Redis holds, by another way. The
// sums are made by the database in one pass over the scope's scores.
func rankings(tx db.Tx, scope people.Region, subject Subject, periods []cal.Period) ([][]entry, error) {
	villages, err := villagesIn(tx, scope)
	if err != nil {
		return nil, err
	}
	// A scheme year is other months in villages whose scheme begins otherwise.
	byStart := map[int][]id.ID{}
	for _, v := range villages {
		byStart[v.start()] = append(byStart[v.start()], v.ID)
	}
	out := make([][]entry, len(periods))
	for start, ids := range byStart {
		for part := range slices.Chunk(ids, chunk) {
			if err := addSums(tx, scope, subject, periods, start, part, out); err != nil {
				return nil, err
			}
		}
	}
	for i := range out {
		if out[i], err = divided(tx, subject, out[i], cal.DayOf(tx.Now)); err != nil {
			return nil, err
		}
		slices.SortFunc(out[i], compareEntries)
		number(out[i], 0, 1)
	}
	return out, nil
}

// addSums appends the sums of the subjects of villages with the same start to out, a list for each period.
func addSums(tx db.Tx, scope people.Region, subject Subject, periods []cal.Period, start int, villages []id.ID, out [][]entry) error {
	d := directories[subject]
	var cols strings.Builder
	var args []any
	first, last := periods[0].Months(start)
	for _, p := range periods {
		a, b := p.Months(start)
		first, last = min(first, a), max(last, b)
		cols.WriteString(", SUM(CASE WHEN c.month BETWEEN ? AND ? THEN c.points ELSE 0 END), SUM(CASE WHEN c.month BETWEEN ? AND ? THEN 1 ELSE 0 END)")
		args = append(args, a, b, a, b)
	}
	where := ""
	args = append(args, subject.asset(), first, last, villages)
	if scope.Kind == people.Group {
		where = " AND " + d.group + " = ?"
		args = append(args, scope.ID)
	}
	rows, err := tx.Raw("SELECT s.id"+cols.String()+" FROM "+d.from+" JOIN scores c ON c.owner_id = s.id AND c.asset = ? AND c.month BETWEEN ? AND ? WHERE "+
		d.village+" IN ? AND "+d.here+where+" GROUP BY s.id", args...).Rows()
	if err != nil {
		return fmt.Errorf("ranking from the database: %w", err)
	}
	defer rows.Close()
	var owner id.ID
	sums, counts := make([]points.Amount, len(periods)), make([]int64, len(periods))
	into := []any{&owner}
	for i := range periods {
		into = append(into, &sums[i], &counts[i])
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("ranking from the database: %w", err)
		}
		for i := range periods {
			if counts[i] > 0 {
				out[i] = append(out[i], entry{id: owner, score: sums[i]})
			}
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("ranking from the database: %w", err)
	}
	return nil
}

// divided turns the sums of villages and branches into averages; who has no divisor is ranked nowhere.
func divided(tx db.Tx, subject Subject, list []entry, day cal.Day) ([]entry, error) {
	if subject != Village && subject != Branch {
		return list, nil
	}
	ids := make([]id.ID, len(list))
	for i, e := range list {
		ids[i] = e.id
	}
	by, err := divisors(tx, subject, ids, day)
	if err != nil {
		return nil, err
	}
	kept := list[:0]
	for _, e := range list {
		if n := by[e.id]; n > 0 {
			e.score = average(e.score, n)
			kept = append(kept, e)
		}
	}
	return kept, nil
}
