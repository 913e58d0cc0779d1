package party

import (
	"fmt"
	"slices"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

// ErrSealed is an attempt to change what is published or closed.
var ErrSealed = errs.Define(errs.Refused, "party.quarter_sealed", "这个季度的考核已经公示或关闭，不能再改；对结果有异议的，请在这个季度的考核里登记异议")

// Sealed are the quarters of members whose results are published or closed.
type Sealed map[id.ID][]cal.Quarter

// Check is ErrSealed where the day lies in a sealed quarter of the member.
func (s Sealed) Check(member id.ID, day cal.Day) error {
	if q := day.Month().Quarter(); slices.Contains(s[member], q) {
		return ErrSealed.With("%s的考核已经公示或关闭，不能再登记那时的事；对结果有异议的，请在那个季度的考核里登记异议", quarterName(q))
	}
	return nil
}

// Holds reports whether the month lies in a sealed quarter of the member.
func (s Sealed) Holds(member id.ID, month cal.Month) bool {
	return slices.Contains(s[member], month.Quarter())
}

// LockSealed reads the sealed quarters of members, from a quarter on, and keeps them until the end of the transaction: whoever
// publishes a result locks the members too. It comes after the wallets' locks.
func LockSealed(tx db.Tx, members []id.ID, from cal.Quarter) (Sealed, error) {
	members = slices.Clone(members)
	slices.Sort(members)
	members = slices.Compact(members)
	for part := range slices.Chunk(members, idChunk) {
		if _, err := scanMembers(tx, "m.id IN ? ORDER BY m.id"+tx.ForUpdate(), part); err != nil {
			return nil, err
		}
	}
	return SealedOf(tx, members, from)
}

// SealedOf reads the sealed quarters of members, from a quarter on: those of their present branch, and those in which they were
// evaluated wherever that was.
func SealedOf(tx db.Tx, members []id.ID, from cal.Quarter) (Sealed, error) {
	out := Sealed{}
	for part := range slices.Chunk(members, idChunk) {
		var rows []struct {
			MemberID id.ID
			Quarter  cal.Quarter
		}
		q := `SELECT m.id AS member_id, e.quarter FROM party_members m JOIN party_evaluations e ON e.branch_id = m.branch_id AND e.state >= ? AND e.quarter >= ?
			WHERE m.id IN ? UNION SELECT member_id, quarter FROM party_results WHERE member_id IN ? AND quarter >= ?`
		if err := tx.Raw(q, Publicity, from, part, part, from).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("reading sealed quarters: %w", err)
		}
		for _, r := range rows {
			out[r.MemberID] = append(out[r.MemberID], r.Quarter)
		}
	}
	return out, nil
}

// last is the last day of the member's sealed quarters that the days from–to (0 open) touch, 0 without any.
func (s Sealed) last(member id.ID, from, to cal.Day) (out cal.Day) {
	for _, q := range s[member] {
		a, b := q.Months()
		if from <= b.Last() && (to == 0 || a.First() <= to) {
			out = max(out, b.Last())
		}
	}
	return out
}

func quarterName(q cal.Quarter) string { return cal.Period{Kind: cal.ByQuarter, N: int32(q)}.Chinese() }
