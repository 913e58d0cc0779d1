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
	"jishan/internal/idempotency"
	"jishan/internal/points"
)

// ErrObjection is an objection that is not complete.
var ErrObjection = errs.Define(errs.Invalid, "party.objection", "异议填写有误，请按提示修改")

// Objection is who disagrees with a published result, and what came of it. During publicity one that is upheld sends the evaluation
// back to review. After the closing it is an amendment: it names the closed quarter and says what should have been; the result itself
// stays. Neither is ever changed.
type Objection struct {
	Evaluation id.ID
	Number     int // from 1 within the evaluation
	Quarter    cal.Quarter
	Late       bool  // after the closing: an amendment
	Member     id.ID // 0: the table as a whole
	MemberName string
	RaisedBy   string
	Text       string
	Upheld     bool
	Finding    string
	Grade      Grade         // of an amendment: the grade as it should have been; NoGrade the same
	Points     points.Amount // of an amendment: what the total should have been more, or less
	ActorName  string
	At         int64 // UTC milliseconds
}

// Title is how tables name it.
func (o Objection) Title() string {
	if o.Late {
		return fmt.Sprintf("补正第 %d 号（对%s）", o.Number, quarterName(o.Quarter))
	}
	return fmt.Sprintf("异议第 %d 号（%s公示期）", o.Number, quarterName(o.Quarter))
}

// Outcome says what came of it.
func (o Objection) Outcome() string {
	if !o.Upheld {
		return "不成立"
	}
	out := "成立"
	if o.Grade != NoGrade {
		out += "，等次应为" + GradeNames[o.Grade]
	}
	if o.Points != 0 {
		out += "，总分应为 " + o.Points.Signed()
	}
	return out
}

// NewObjection is what is to be recorded.
type NewObjection struct {
	Evaluation id.ID
	Member     id.ID // 0: the table as a whole
	RaisedBy   string
	Text       string
	Upheld     bool
	Finding    string
	Grade      Grade
	Points     points.Amount
}

func (n NewObjection) check(e Evaluation) error {
	const most = points.Amount(100_000 * 100)
	switch {
	case n.RaisedBy == "" || long(n.RaisedBy, 64):
		return ErrObjection.With("请填写提出异议的人，不超过 64 字")
	case n.Text == "" || n.Finding == "" || long(n.Text, 500) || long(n.Finding, 500):
		return ErrObjection.With("请填写异议内容和处理结论，各不超过 500 字")
	case n.Grade > Failed || n.Points > most || n.Points < -most:
		return ErrObjection.With("更正的等次或分值不对")
	case (n.Grade != NoGrade || n.Points != 0) && (!n.Upheld || n.Member == 0):
		return ErrObjection.With("异议成立并指明党员，才能填写更正的等次或分值")
	case (n.Grade != NoGrade || n.Points != 0) && e.State != Closed:
		return ErrObjection.With("公示期内异议成立的，请退回评议后直接改正，不填更正的等次或分值")
	}
	return nil
}

// Object records an objection to a published result: while it is public, or late.
func (s *Service) Object(ctx context.Context, actor auth.Actor, n NewObjection, req idempotency.Request) (Objection, error) {
	n.RaisedBy, n.Text, n.Finding = oneLine(n.RaisedBy), oneLine(n.Text), oneLine(n.Finding)
	var out Objection
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		e, err := evaluationFor(tx, actor, auth.PartyWrite, n.Evaluation)
		if err != nil {
			return err
		}
		out, _, err = idempotency.Do(tx, req, func() (Objection, error) { return object(tx, actor, e, n) })
		return err
	})
	return out, err
}

func object(tx db.Tx, actor auth.Actor, e Evaluation, n NewObjection) (Objection, error) {
	if _, err := e.after(doObject); err != nil {
		return Objection{}, err
	}
	if err := n.check(e); err != nil {
		return Objection{}, err
	}
	before, err := objectionsOf(tx, e.ID)
	if err != nil {
		return Objection{}, err
	}
	o := Objection{Evaluation: e.ID, Number: len(before) + 1, Quarter: e.Quarter, Late: e.State == Closed, Member: n.Member, RaisedBy: n.RaisedBy, Text: n.Text,
		Upheld: n.Upheld, Finding: n.Finding, Grade: n.Grade, Points: n.Points, ActorName: actor.Name, At: tx.Millis()}
	if n.Member != 0 {
		rows, err := scanResults(tx, "evaluation_id = ? AND member_id = ?", e.ID, n.Member)
		if err != nil {
			return Objection{}, err
		}
		if len(rows) == 0 {
			return Objection{}, ErrObjection.With("这位党员不在这次考核的结果里")
		}
		o.MemberName = rows[0].Name
	}
	cols := []string{"evaluation_id", "number", "quarter", "late", "member_id", "raised_by", "text", "upheld", "finding", "grade", "points", "actor_id", "actor_name", "at"}
	err = db.Insert(tx, "party_objections", cols, 1, func(_ int, args []any) []any {
		return append(args, int64(o.Evaluation), o.Number, int64(o.Quarter), o.Late, int64(o.Member), o.RaisedBy, o.Text, o.Upheld, o.Finding, int64(o.Grade),
			int64(o.Points), int64(actor.UserID), o.ActorName, o.At)
	})
	if err != nil {
		return Objection{}, fmt.Errorf("recording an objection: %w", err)
	}
	return o, audit.Write(tx, e.audit(actor, "object", o.Title()+"："+o.MemberName+o.Text+"；"+o.Outcome()))
}

func objectionsOf(tx db.Tx, evaluation id.ID) ([]Objection, error) {
	var rows []struct {
		EvaluationID         id.ID
		Number               int
		Quarter              cal.Quarter
		Late                 bool
		MemberID             id.ID
		Name, RaisedBy, Text string
		Upheld               bool
		Finding              string
		Grade                Grade
		Points               points.Amount
		ActorName            string
		At                   int64
	}
	q := `SELECT o.evaluation_id, o.number, o.quarter, o.late, o.member_id, COALESCE(r.name, m.name, '') AS name, o.raised_by, o.text, o.upheld, o.finding, o.grade,
		o.points, o.actor_name, o.at FROM party_objections o LEFT JOIN party_results r ON r.evaluation_id = o.evaluation_id AND r.member_id = o.member_id
		LEFT JOIN party_members m ON m.id = o.member_id WHERE o.evaluation_id = ? ORDER BY o.number`
	if err := tx.Raw(q, evaluation).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading objections: %w", err)
	}
	out := make([]Objection, len(rows))
	for i, r := range rows {
		out[i] = Objection{r.EvaluationID, r.Number, r.Quarter, r.Late, r.MemberID, r.Name, r.RaisedBy, r.Text, r.Upheld, r.Finding, r.Grade, r.Points, r.ActorName, r.At}
	}
	return out, nil
}
