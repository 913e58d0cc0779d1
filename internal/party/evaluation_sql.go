package party

import (
	"fmt"
	"slices"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/points"
)

type evaluationRow struct {
	ID, BranchID, VillageID, TownshipID id.ID
	Quarter                             cal.Quarter
	State                               State
	Meeting                             string
	MetOn                               cal.Day
	OpenedAt                            int64
	OpenedName                          string
	PublishedAt                         int64
	PublicUntil                         cal.Day
	ClosedAt                            int64
	ClosedName                          string
	Kept                                keptRow `gorm:"embedded"`
}

// keptRow is what is written down of a table when it is published, beside its places.
type keptRow struct {
	BranchName, Secretary     string
	VillageName, TownshipName string
	SchemeYear                int
	FromMonth, ToMonth        cal.Month
	Average                   points.Amount
	Reached                   int
	Standard                  standardRow `gorm:"embedded"`
}

const (
	evaluationColumns = `e.id, e.branch_id, e.village_id, e.township_id, e.quarter, e.state, e.meeting, e.met_on, e.opened_at, e.opened_name, e.published_at,
		e.public_until, e.closed_at, e.closed_name, e.branch_name, e.secretary, e.village_name, e.township_name, e.scheme_year, e.from_month, e.to_month, e.average,
		e.reached, e.excellent, e.qualified, e.basic, e.score_percent, e.review_percent, e.review_full, e.publicity_days`
	setEvaluation = `UPDATE party_evaluations SET state = ?, meeting = ?, met_on = ?, published_at = ?, public_until = ?, closed_at = ?, closed_name = ?,
		branch_name = ?, secretary = ?, village_name = ?, township_name = ?, scheme_year = ?, from_month = ?, to_month = ?, average = ?, reached = ?,
		excellent = ?, qualified = ?, basic = ?, score_percent = ?, review_percent = ?, review_full = ?, publicity_days = ? WHERE id = ? AND state <> ?`
)

func scanEvaluations(tx db.Tx, cond string, args ...any) ([]Evaluation, error) {
	var rows []evaluationRow
	if err := tx.Raw("SELECT "+evaluationColumns+" FROM party_evaluations e WHERE "+cond, args...).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading evaluations: %w", err)
	}
	out := make([]Evaluation, len(rows))
	for i, r := range rows {
		out[i] = Evaluation{ID: r.ID, Branch: r.BranchID, Village: r.VillageID, Township: r.TownshipID, Quarter: r.Quarter, State: r.State, Meeting: r.Meeting,
			MetOn: r.MetOn, OpenedAt: r.OpenedAt, OpenedName: r.OpenedName, PublishedAt: r.PublishedAt, PublicUntil: r.PublicUntil, ClosedAt: r.ClosedAt,
			ClosedName: r.ClosedName, kept: r.Kept}
	}
	return out, nil
}

func insertEvaluation(tx db.Tx, e Evaluation) error {
	cols := []string{"id", "branch_id", "village_id", "township_id", "quarter", "state", "opened_at", "opened_name"}
	err := db.Insert(tx, "party_evaluations", cols, 1, func(_ int, args []any) []any {
		return append(args, int64(e.ID), int64(e.Branch), int64(e.Village), int64(e.Township), int64(e.Quarter), int64(e.State), e.OpenedAt, e.OpenedName)
	})
	if db.Duplicate(err) {
		return ErrOpened.New()
	}
	return err
}

// updateEvaluation writes an evaluation that the caller holds. One that is closed is never written.
func updateEvaluation(tx db.Tx, e Evaluation) error {
	k := e.kept
	used := k.Standard
	res := tx.Exec(setEvaluation, e.State, e.Meeting, e.MetOn, e.PublishedAt, e.PublicUntil, e.ClosedAt, e.ClosedName,
		k.BranchName, k.Secretary, k.VillageName, k.TownshipName, k.SchemeYear, k.FromMonth, k.ToMonth, k.Average, k.Reached,
		used.Excellent, used.Qualified, used.Basic, used.ScorePercent, used.ReviewPercent, used.ReviewFull, used.PublicityDays, e.ID, Closed)
	if res.Error != nil {
		return fmt.Errorf("changing an evaluation: %w", res.Error)
	}
	if res.RowsAffected == 0 {
		return ErrSealed.New()
	}
	return nil
}

// resultRow is a row of party_results: a place as it was published.
type resultRow struct {
	EvaluationID, MemberID, VillagerID id.ID
	Quarter                            cal.Quarter
	Place                              int
	Name, Initials                     string
	Class                              Class
	Joined                             cal.Day
	Base, Earned, Awarded, Goal, Due   points.Amount
	Total                              points.Amount
	Grade                              Grade
	Veto                               string
	ExemptID                           id.ID
	ExemptReason                       Reason
	ExemptNote, ExemptEvidence         string
	ExemptFrom, ExemptTo               cal.Day
	ExemptBy                           string
}

var resultColumns = []string{"evaluation_id", "member_id", "quarter", "sort", "place", "villager_id", "name", "initials", "class", "joined", "base", "earned",
	"awarded", "goal", "due", "total", "grade", "veto", "exempt_id", "exempt_reason", "exempt_note", "exempt_evidence", "exempt_from", "exempt_to", "exempt_by"}

func insertResults(tx db.Tx, e Evaluation, t Table) error {
	places := slices.Concat(t.Ranked, t.Exempt)
	return db.Insert(tx, "party_results", resultColumns, len(places), func(i int, args []any) []any {
		p, x := places[i], Exemption{}
		if p.Exemption != nil {
			x = *p.Exemption
		}
		m := p.Member
		return append(args, int64(e.ID), int64(m.ID), int64(e.Quarter), i, p.Rank, int64(m.Villager), m.Name, m.Initials, int64(m.Class), int64(m.Joined),
			int64(p.Base), int64(p.Earned), int64(p.Awarded), int64(p.Goal), int64(p.Due), int64(p.Total), int64(p.Grade), p.Veto,
			int64(x.ID), int64(x.Reason), x.Note, x.Evidence, int64(x.From), int64(x.To), x.ApprovedName)
	})
}

func scanResults(tx db.Tx, cond string, args ...any) ([]resultRow, error) {
	var rows []resultRow
	q := `SELECT evaluation_id, member_id, quarter, place, villager_id, name, initials, class, joined, base, earned, awarded, goal, due, total, grade, veto,
		exempt_id, exempt_reason, exempt_note, exempt_evidence, exempt_from, exempt_to, exempt_by FROM party_results WHERE ` + cond
	if err := tx.Raw(q, args...).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading results: %w", err)
	}
	return rows, nil
}

func (r resultRow) place(e *Evaluation) Place {
	p := Place{Member: Member{ID: r.MemberID, Villager: r.VillagerID, Village: e.Village, Branch: e.Branch, Name: r.Name, Initials: r.Initials, Class: r.Class,
		Joined: r.Joined, State: MemberHere}, Base: r.Base, Earned: r.Earned, Awarded: r.Awarded, Goal: r.Goal, Due: r.Due, Total: r.Total, Grade: r.Grade,
		Veto: r.Veto, Rank: r.Place}
	p.sum()
	if r.ExemptID != 0 {
		p.Exemption = &Exemption{ID: r.ExemptID, Member: r.MemberID, Reason: r.ExemptReason, Note: r.ExemptNote, Evidence: r.ExemptEvidence, From: r.ExemptFrom,
			To: r.ExemptTo, ApprovedName: r.ExemptBy}
	}
	return p
}
