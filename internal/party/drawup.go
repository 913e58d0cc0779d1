package party

import (
	"fmt"
	"slices"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
)

// Table is a branch's standing with everything that its evaluation adds: what is printed and handed upwards.
type Table struct {
	Standing
	Evaluation        *Evaluation // nil while none has been opened
	Standard          Standard    // as it was when the result was published, or as it is now
	Village, Township string      // names
	Objections        []Objection
}

// Grades counts the ranked by grade.
func (t Table) Grades() map[Grade]int {
	out := map[Grade]int{}
	for _, p := range t.Ranked {
		out[p.Grade]++
	}
	return out
}

// sources is what standings of one village and quarter are drawn up from.
type sources struct {
	tx       db.Tx
	q        cal.Quarter
	year     int
	from, to cal.Month
	village  people.Region
	township people.Region
	standard Standard
	plans    map[Class]ClassPlan
	members  map[id.ID][]Member // by branch
	awarded  map[id.ID]points.Amount
	earned   map[id.ID]points.Amount
	exempt   map[id.ID][]Exemption
	vetoes   map[id.ID][]Veto
	reviews  map[reviewKey]reviewRow
}

// drawUp makes the tables of branches of a village, in the order given: from the books as they are, or from the result where the
// quarter's evaluation is published.
func drawUp(tx db.Tx, village id.ID, branches []Branch, q cal.Quarter) ([]Table, error) {
	if len(branches) == 0 {
		return nil, nil
	}
	ids := make([]id.ID, len(branches))
	for i, b := range branches {
		ids[i] = b.ID
	}
	evaluations, err := scanEvaluations(tx, "e.branch_id IN ? AND e.quarter = ?", ids, q)
	if err != nil {
		return nil, err
	}
	of := map[id.ID]*Evaluation{}
	for i := range evaluations {
		of[evaluations[i].Branch] = &evaluations[i]
	}
	var live []id.ID
	for _, b := range ids {
		if e := of[b]; e == nil || !e.State.Sealed() {
			live = append(live, b)
		}
	}
	src, err := read(tx, village, live, q)
	if err != nil {
		return nil, err
	}
	if src.reviews, err = reviewsOf(tx, evaluations); err != nil {
		return nil, err
	}
	out := make([]Table, len(branches))
	for i, b := range branches {
		e := of[b.ID]
		if e != nil && e.State.Sealed() {
			if out[i], err = src.published(e); err != nil {
				return nil, err
			}
		} else {
			out[i] = src.table(b, e)
		}
		if e != nil {
			if out[i].Objections, err = objectionsOf(tx, e.ID); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// read reads what the standings of branches need whose result is not fixed yet.
func read(tx db.Tx, village id.ID, branches []id.ID, q cal.Quarter) (*sources, error) {
	src := &sources{tx: tx, q: q, members: map[id.ID][]Member{}, exempt: map[id.ID][]Exemption{}}
	settings, err := people.SettingsOf(tx, village)
	if err != nil {
		return nil, err
	}
	src.year, src.from, src.to = span(q, settings[village].SchemeStart)
	regions, err := people.RegionsByID(tx, []id.ID{village})
	if err != nil {
		return nil, err
	}
	src.village = regions[village]
	if regions, err = people.RegionsByID(tx, []id.ID{src.village.Township}); err != nil {
		return nil, err
	}
	src.township = regions[src.village.Township]
	if src.standard, err = standardOf(tx, src.township.ID); err != nil {
		return nil, err
	}
	if src.plans, err = plansOf(tx, src.township.ID); err != nil || len(branches) == 0 {
		return src, err
	}
	members, err := membersOf(tx, branches)
	if err != nil {
		return nil, err
	}
	_, last := q.Months()
	var ids []id.ID
	for _, m := range members {
		if m.Active() && m.Joined <= last.Last() {
			ids = append(ids, m.ID)
		}
	}
	elsewhere, err := evaluatedIn(tx, ids, q)
	if err != nil {
		return nil, err
	}
	ids = ids[:0]
	for _, m := range members {
		if m.Active() && m.Joined <= last.Last() && !elsewhere[m.ID] {
			src.members[m.Branch] = append(src.members[m.Branch], m)
			ids = append(ids, m.ID)
		}
	}
	return src, src.records(ids)
}

// records reads scores, exemptions and vetoes of members.
func (src *sources) records(members []id.ID) (err error) {
	if src.awarded, err = ledger.Scores(src.tx, ledger.PartyScore, members, src.from, src.to); err != nil {
		return err
	}
	first, last := src.q.Months()
	if src.earned, err = ledger.Scores(src.tx, ledger.PartyScore, members, first, last); err != nil {
		return err
	}
	for part := range slices.Chunk(members, idChunk) {
		list, err := scanExemptions(src.tx, "e.member_id IN ? AND e.revoked_at = 0", part)
		if err != nil {
			return err
		}
		for _, e := range list {
			src.exempt[e.Member] = append(src.exempt[e.Member], e)
		}
	}
	src.vetoes, err = vetoesOf(src.tx, members, first.First(), last.Last())
	return err
}

// table draws up a branch from the books as they are.
func (src *sources) table(b Branch, e *Evaluation) Table {
	t := Table{Evaluation: e, Standard: src.standard, Village: src.village.Name, Township: src.township.Name,
		Standing: Standing{Branch: b, Quarter: src.q, SchemeYear: src.year, From: src.from, To: src.to}}
	members := src.members[b.ID]
	places := make([]Place, len(members))
	for i, m := range members {
		p := place(m, src.plans[m.Class], src.awarded[m.ID], src.earned[m.ID], elapsed(src.from, src.to))
		if x, ok := exemptIn(src.q, src.exempt[m.ID]); ok {
			p.Exemption = &x
		}
		if e != nil {
			src.evaluate(&p, e)
		}
		places[i] = p
	}
	t.Branch.Members = len(places)
	t.rank(places)
	return t
}

// evaluate adds self-report and review, and decides the grade.
func (src *sources) evaluate(p *Place, e *Evaluation) {
	src.reviews[reviewKey{e.ID, p.Member.ID}].fill(p)
	p.Total = src.standard.total(p.Score, p.Review, p.Reviewed)
	v := worst(src.vetoes[p.Member.ID])
	p.Veto = v.text()
	switch {
	case p.Exemption != nil:
	case v.Grade != NoGrade:
		p.Grade = v.Grade
	default:
		p.Grade = src.standard.Grade(p.Total)
	}
}

func (t Table) keep() keptRow {
	s := t.Standard
	return keptRow{BranchName: t.Branch.Name, Secretary: t.Branch.Secretary, VillageName: t.Village, TownshipName: t.Township, SchemeYear: t.SchemeYear,
		FromMonth: t.From, ToMonth: t.To, Average: t.Average, Reached: t.Reached,
		Standard: standardRow{s.Excellent, s.Qualified, s.Basic, s.ScorePercent, s.ReviewPercent, s.ReviewFull, s.PublicityDays}}
}

// published is the table as it was published.
func (src *sources) published(e *Evaluation) (Table, error) {
	k := e.kept
	t := Table{Evaluation: e, Standard: k.Standard.standard(e.Township), Village: k.VillageName, Township: k.TownshipName,
		Standing: Standing{Branch: Branch{ID: e.Branch, Village: e.Village, Name: k.BranchName, Secretary: k.Secretary}, Quarter: e.Quarter,
			SchemeYear: k.SchemeYear, From: k.FromMonth, To: k.ToMonth, Average: k.Average, Reached: k.Reached}}
	rows, err := scanResults(src.tx, "evaluation_id = ? ORDER BY sort", e.ID)
	if err != nil {
		return t, err
	}
	for _, r := range rows {
		p := r.place(e)
		src.reviews[reviewKey{e.ID, p.Member.ID}].fill(&p)
		if p.Exemption != nil {
			t.Exempt = append(t.Exempt, p)
		} else {
			t.Ranked = append(t.Ranked, p)
		}
	}
	t.Branch.Members = len(rows)
	return t, nil
}

// evaluatedIn are those of the members who are in a published result of the quarter already: with a branch that they have left
// since. Nobody is evaluated twice.
func evaluatedIn(tx db.Tx, members []id.ID, q cal.Quarter) (map[id.ID]bool, error) {
	out := map[id.ID]bool{}
	for part := range slices.Chunk(members, idChunk) {
		var ids []id.ID
		if err := tx.Raw("SELECT member_id FROM party_results WHERE member_id IN ? AND quarter = ?", part, q).Scan(&ids).Error; err != nil {
			return nil, fmt.Errorf("looking for members evaluated elsewhere: %w", err)
		}
		for _, m := range ids {
			out[m] = true
		}
	}
	return out, nil
}
