package party

import (
	"fmt"
	"slices"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/rule"
)

// Veto is an award, without points, by a rule of the shape Grade: it decides the grade of the quarter in which it lies, whatever the
// score. Being an award it is given, dated, sealed and reversed like every other.
type Veto struct {
	Number int64 // of the award, in the village's book
	Member id.ID
	Item   string // of the rule
	Day    cal.Day
	Grade  Grade
	Note   string
}

// text is how tables name it; empty where there is no veto.
func (v Veto) text() string {
	if v.Grade == NoGrade {
		return ""
	}
	return fmt.Sprintf("%s（%s）", v.Item, v.Day)
}

// worst is the one of several that decides: the lowest grade, the earliest among equals.
func worst(all []Veto) (out Veto) {
	for _, v := range all {
		if v.Grade > out.Grade {
			out = v
		}
	}
	return out
}

// decides is the grade that a rule decides: the one that it names, in its own field or its wording; else the worst, for a veto and
// for what stands among the deductions. NoGrade for every other rule.
func decides(r rule.Rule) Grade {
	if r.Spec.Shape != rule.Grade {
		return NoGrade
	}
	if g := gradeIn(r.Spec.Grade); g != NoGrade {
		return g
	}
	g := gradeIn(r.Item)
	if lowers := r.Spec.Veto || r.Spec.Lowers; lowers && (g == NoGrade || g == Excellent) { // 取消优秀 makes nobody excellent
		return Failed
	}
	return g
}

// vetoesOf are the standing vetoes of members within days, by day.
func vetoesOf(tx db.Tx, members []id.ID, from, to cal.Day) (map[id.ID][]Veto, error) {
	type row struct {
		Number           int64
		MemberID, RuleID id.ID
		Day              cal.Day
		Note             string
	}
	var rows []row
	for part := range slices.Chunk(members, idChunk) {
		var some []row
		// Caps count a member's awards by subject_id, which therefore has the index; state 1 is an award that stands.
		q := `SELECT number, member_id, rule_id, day, note FROM awards WHERE subject_id IN ? AND day BETWEEN ? AND ? AND asset = ? AND points = 0 AND state = 1
			ORDER BY day, number`
		if err := tx.Raw(q, part, from, to, ledger.PartyScore).Scan(&some).Error; err != nil {
			return nil, fmt.Errorf("reading vetoes: %w", err)
		}
		rows = append(rows, some...)
	}
	ids := make([]id.ID, len(rows))
	for i, r := range rows {
		ids[i] = r.RuleID
	}
	rules, err := rule.RulesByID(tx, ids)
	if err != nil {
		return nil, err
	}
	out := map[id.ID][]Veto{}
	for _, r := range rows {
		if g := decides(rules[r.RuleID]); g != NoGrade {
			out[r.MemberID] = append(out[r.MemberID], Veto{r.Number, r.MemberID, rules[r.RuleID].Item, r.Day, g, r.Note})
		}
	}
	return out, nil
}
