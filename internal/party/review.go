package party

import (
	"context"
	"fmt"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/points"
)

// What can be wrong with self-reports and reviews.
var (
	ErrNotOpened = errs.Define(errs.Refused, "party.not_opened", "支部还没有开启这个季度的考核，请联系支部书记")
	ErrReview    = errs.Define(errs.Invalid, "party.review", "自评或评议填写有误，请按提示修改")
)

// NewReport is what a member says of the quarter.
type NewReport struct {
	Member  id.ID
	Quarter cal.Quarter
	Text    string
	Score   points.Amount // what the member gives oneself, out of the standard's full marks
}

// Report hands in a member's self-report, or puts it right, while the evaluation takes self-reports. Members do it themselves, from
// a log-in of their household; an officer does it for those who cannot.
func (s *Service) Report(ctx context.Context, actor auth.Actor, n NewReport) error {
	n.Text = oneLine(n.Text)
	if !n.Quarter.Valid() {
		return ErrQuarter.New()
	}
	return s.db.Tx(ctx, func(tx db.Tx) error {
		m, err := reporter(tx, actor, n.Member)
		if err != nil {
			return err
		}
		found, err := scanEvaluations(tx, "e.branch_id = ? AND e.quarter = ?"+tx.ForUpdate(), m.Branch, n.Quarter)
		if err != nil {
			return err
		}
		if len(found) == 0 || !m.Active() {
			return ErrNotOpened.New()
		}
		e := found[0]
		if _, err := e.after(doReport); err != nil {
			return err
		}
		standard, err := standardOf(tx, e.Township)
		if err != nil {
			return err
		}
		switch {
		case n.Text == "" || long(n.Text, 500):
			return ErrReview.With("请填写自评，不超过 500 字")
		case n.Score < 0 || n.Score > standard.ReviewFull:
			return ErrReview.With("自评分应在 0 到 %s 之间", standard.ReviewFull)
		}
		cols := []string{"evaluation_id", "member_id", "report", "self_score", "reported_at", "reported_name"}
		err = db.Upsert(tx, "party_reviews", cols, cols[:2], cols[2:], nil, 1, func(_ int, args []any) []any {
			return append(args, int64(e.ID), int64(m.ID), n.Text, int64(n.Score), tx.Millis(), actor.Name)
		})
		if err != nil {
			return fmt.Errorf("writing a self-report: %w", err)
		}
		return audit.Write(tx, actor.Audit("party.report", "party_member:"+m.ID.String(), m.Village, fmt.Sprintf("党员%s%s自评 %s 分", m.Name, quarterName(e.Quarter), n.Score)))
	})
}

// reporter finds the member for whom the actor may report: one's own household's, or one of a branch in reach.
func reporter(tx db.Tx, actor auth.Actor, member id.ID) (Member, error) {
	need := auth.PartyWrite
	if actor.Kind == auth.KindVillager {
		need = auth.PartyReport
	}
	if err := actor.Check(need); err != nil {
		return Member{}, err
	}
	found, err := scanMembers(tx, "m.id = ?", member)
	if err != nil {
		return Member{}, err
	}
	if len(found) == 0 {
		return Member{}, errs.ErrNotFound.New()
	}
	m := found[0]
	if need == auth.PartyWrite {
		return m, actor.InBranch(need, m.Village, m.Branch)
	}
	villagers, err := people.VillagersByID(tx, []id.ID{m.Villager})
	if err != nil {
		return Member{}, err
	}
	return m, actor.OwnHousehold(need, villagers[m.Villager].Household)
}

// Score is what the democratic review gives a member.
type Score struct {
	Member id.ID
	Score  points.Amount // out of the standard's full marks
	Note   string
}

// Review writes down scores of the democratic review, of some members or of all, and the meeting that gave them. Those given before
// and not named stay.
func (s *Service) Review(ctx context.Context, actor auth.Actor, evaluation id.ID, meeting string, met cal.Day, scores []Score) (Evaluation, error) {
	meeting = oneLine(meeting)
	var out Evaluation
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		e, err := evaluationFor(tx, actor, auth.PartyWrite, evaluation)
		if err != nil {
			return err
		}
		if _, err := e.after(doScore); err != nil {
			return err
		}
		if long(meeting, 200) || met != 0 && (!met.Valid() || met > cal.DayOf(tx.Now)) {
			return ErrReview.With("评议会议不超过 200 字，日期不能晚于今天")
		}
		if err := checkScores(tx, e, scores); err != nil {
			return err
		}
		if meeting != "" {
			e.Meeting = meeting
		}
		if met != 0 {
			e.MetOn = met
		}
		if err := updateEvaluation(tx, e); err != nil {
			return err
		}
		cols := []string{"evaluation_id", "member_id", "score", "note", "reviewed_at", "reviewed_name"}
		err = db.Upsert(tx, "party_reviews", cols, cols[:2], cols[2:], nil, len(scores), func(i int, args []any) []any {
			return append(args, int64(e.ID), int64(scores[i].Member), int64(scores[i].Score), oneLine(scores[i].Note), tx.Millis(), actor.Name)
		})
		if err != nil {
			return fmt.Errorf("writing a review: %w", err)
		}
		out = e
		return audit.Write(tx, e.audit(actor, "score", fmt.Sprintf("%s考核登记民主评议分 %d 人", quarterName(e.Quarter), len(scores))))
	})
	return out, err
}

// checkScores is nil where the scores are in range and of the branch's members, each once.
func checkScores(tx db.Tx, e Evaluation, scores []Score) error {
	standard, err := standardOf(tx, e.Township)
	if err != nil {
		return err
	}
	members, err := membersOf(tx, []id.ID{e.Branch})
	if err != nil {
		return err
	}
	here := map[id.ID]bool{}
	for _, m := range members {
		here[m.ID] = m.Active()
	}
	for i, s := range scores {
		text := ""
		switch {
		case !here[s.Member]:
			text = "不是这个支部的党员，或填了两次"
		case s.Score < 0 || s.Score > standard.ReviewFull:
			text = fmt.Sprintf("评议分应在 0 到 %s 之间", standard.ReviewFull)
		case long(oneLine(s.Note), 200):
			text = "评语不超过 200 字"
		}
		if text != "" {
			return ErrReview.At(errs.Field{Path: fmt.Sprintf("items[%d]", i), Text: text})
		}
		here[s.Member] = false
	}
	return nil
}

type reviewKey struct{ evaluation, member id.ID }

type reviewRow struct {
	EvaluationID, MemberID id.ID
	Report                 string
	SelfScore              points.Amount
	ReportedAt             int64
	Score                  points.Amount
	Note                   string
	ReviewedAt             int64
}

// fill puts what was reported and reviewed into a place.
func (r reviewRow) fill(p *Place) {
	p.Reported, p.Report, p.SelfScore = r.ReportedAt != 0, r.Report, r.SelfScore
	p.Reviewed, p.Review, p.ReviewNote = r.ReviewedAt != 0, r.Score, r.Note
}

func reviewsOf(tx db.Tx, evaluations []Evaluation) (map[reviewKey]reviewRow, error) {
	out := map[reviewKey]reviewRow{}
	for _, e := range evaluations {
		var rows []reviewRow
		q := "SELECT evaluation_id, member_id, report, self_score, reported_at, score, note, reviewed_at FROM party_reviews WHERE evaluation_id = ?"
		if err := tx.Raw(q, e.ID).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("reading reviews: %w", err)
		}
		for _, r := range rows {
			out[reviewKey{r.EvaluationID, r.MemberID}] = r
		}
	}
	return out, nil
}
