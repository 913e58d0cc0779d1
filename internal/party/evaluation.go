package party

import (
	"context"
	"fmt"
	"strings"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/people"
)

// What can be wrong with a quarter's evaluation.
var (
	ErrOpened    = errs.Define(errs.Conflict, "party.evaluation_opened", "这个支部这个季度的考核已经开启")
	ErrStage     = errs.Define(errs.Conflict, "party.stage", "考核现在的阶段不能这样操作，请刷新后再看")
	ErrEarly     = errs.Define(errs.Refused, "party.early", "季度还没有结束，或公示还没有期满")
	ErrUnscored  = errs.Define(errs.Refused, "party.unscored", "还有党员没有民主评议分，请补齐后再公示")
	ErrUnsettled = errs.Define(errs.Refused, "party.unsettled", "公示期有异议成立，请先退回评议、改正后重新公示")
)

// State is how far a quarter's evaluation has come.
type State uint8

// The states. Opening begins with the members' self-reports; the result is fixed when it is published.
const (
	SelfReport State = 1
	Review     State = 2
	Publicity  State = 3
	Closed     State = 4
)

// StateNames are the states as sheets and screens show them.
var StateNames = map[State]string{SelfReport: "自评", Review: "评议", Publicity: "公示", Closed: "已关闭"}

// Sealed reports whether the result is fixed.
func (s State) Sealed() bool { return s >= Publicity }

// step is something that is done with an evaluation.
type step string

const (
	doReport      step = "自评"
	doBeginReview step = "转入评议"
	doScore       step = "评议打分"
	doPublish     step = "公示"
	doReturn      step = "退回"
	doObject      step = "登记异议"
	doClose       step = "关闭"
)

// steps is the whole machine: what may be done in which state, and where it leads. Closing what is closed changes nothing.
var steps = map[step]map[State]State{
	doReport:      {SelfReport: SelfReport},
	doBeginReview: {SelfReport: Review},
	doScore:       {Review: Review},
	doPublish:     {Review: Publicity},
	doReturn:      {Review: SelfReport, Publicity: Review},
	doObject:      {Publicity: Publicity, Closed: Closed},
	doClose:       {Publicity: Closed, Closed: Closed},
}

// after is the state that a step leads to.
func (e Evaluation) after(do step) (State, error) {
	to, ok := steps[do][e.State]
	switch {
	case ok:
		return to, nil
	case e.State == Closed:
		return 0, ErrSealed.With("%s的考核已经关闭，不能再%s；有异议的请登记补正", quarterName(e.Quarter), do)
	}
	return 0, ErrStage.With("%s的考核现在是“%s”阶段，不能%s", quarterName(e.Quarter), StateNames[e.State], do)
}

// Evaluation is the evaluation of a branch for a quarter.
type Evaluation struct {
	ID, Branch, Village, Township id.ID
	Quarter                       cal.Quarter
	State                         State
	Meeting                       string  // of the democratic review
	MetOn                         cal.Day // 0 unknown
	OpenedAt                      int64   // UTC milliseconds, as all of these; 0 not yet
	OpenedName                    string
	PublishedAt                   int64
	PublicUntil                   cal.Day // last day of publicity
	ClosedAt                      int64
	ClosedName                    string
	kept                          keptRow
}

// Open begins a branch's evaluation for a quarter that has begun.
func (s *Service) Open(ctx context.Context, actor auth.Actor, branch id.ID, q cal.Quarter) (Evaluation, error) {
	if !q.Valid() {
		return Evaluation{}, ErrQuarter.New()
	}
	var out Evaluation
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		b, err := branchFor(tx, actor, auth.PartyWrite, branch)
		if err != nil {
			return err
		}
		if first, _ := q.Months(); cal.DayOf(tx.Now) < first.First() {
			return ErrQuarter.With("%s还没有开始", quarterName(q))
		}
		regions, err := people.RegionsByID(tx, []id.ID{b.Village})
		if err != nil {
			return err
		}
		e := Evaluation{ID: id.New(), Branch: b.ID, Village: b.Village, Township: regions[b.Village].Township, Quarter: q, State: SelfReport,
			OpenedAt: tx.Millis(), OpenedName: actor.Name}
		if err := insertEvaluation(tx, e); err != nil {
			return err
		}
		out = e
		return audit.Write(tx, e.audit(actor, "open", fmt.Sprintf("开启「%s」%s的考核", b.Name, quarterName(q))))
	})
	return out, err
}

func (e Evaluation) audit(actor auth.Actor, what, text string) audit.Entry {
	return actor.Audit("party.evaluation."+what, "party_evaluation:"+e.ID.String(), e.Village, text)
}

// BeginReview ends the self-reports.
func (s *Service) BeginReview(ctx context.Context, actor auth.Actor, evaluation id.ID) (Evaluation, error) {
	return s.move(ctx, actor, evaluation, doBeginReview, "", nil)
}

// Publish fixes the result and begins the days of publicity. The quarter must be over, and the review complete where it counts.
func (s *Service) Publish(ctx context.Context, actor auth.Actor, evaluation id.ID) (Evaluation, error) {
	return s.move(ctx, actor, evaluation, doPublish, "", publish)
}

// Return takes an evaluation one stage back, with a reason; a published result is withdrawn.
func (s *Service) Return(ctx context.Context, actor auth.Actor, evaluation id.ID, reason string) (Evaluation, error) {
	if reason = oneLine(reason); reason == "" || long(reason, 200) {
		return Evaluation{}, ErrStage.With("请填写退回的理由，不超过 200 字")
	}
	return s.move(ctx, actor, evaluation, doReturn, "："+reason, func(tx db.Tx, e *Evaluation, _ auth.Actor) error {
		e.PublishedAt, e.PublicUntil, e.kept = 0, 0, keptRow{}
		if err := tx.Exec("DELETE FROM party_results WHERE evaluation_id = ?", e.ID).Error; err != nil {
			return fmt.Errorf("withdrawing a result: %w", err)
		}
		return nil
	})
}

// Close ends an evaluation for ever. Closing again changes nothing and answers the same.
func (s *Service) Close(ctx context.Context, actor auth.Actor, evaluation id.ID) (Evaluation, error) {
	return s.move(ctx, actor, evaluation, doClose, "", func(tx db.Tx, e *Evaluation, actor auth.Actor) error {
		if cal.DayOf(tx.Now) <= e.PublicUntil {
			return ErrEarly.With("公示到 %s 为止，期满后才能关闭", e.PublicUntil)
		}
		var upheld int
		q := "SELECT COUNT(*) FROM party_objections WHERE evaluation_id = ? AND upheld = 1 AND at >= ?"
		if err := tx.Raw(q, e.ID, e.PublishedAt).Row().Scan(&upheld); err != nil {
			return fmt.Errorf("looking for objections: %w", err)
		}
		if upheld > 0 {
			return ErrUnsettled.New()
		}
		e.ClosedAt, e.ClosedName = tx.Millis(), actor.Name
		return nil
	})
}

// move takes an evaluation to the state that the step leads to, doing in the same transaction what belongs to it.
func (s *Service) move(ctx context.Context, actor auth.Actor, evaluation id.ID, do step, why string, work func(db.Tx, *Evaluation, auth.Actor) error) (Evaluation, error) {
	var out Evaluation
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		e, err := evaluationFor(tx, actor, auth.PartyWrite, evaluation)
		if err != nil {
			return err
		}
		from := e.State
		to, err := e.after(do)
		if err != nil {
			return err
		}
		if to == from {
			out = e
			return nil
		}
		if work != nil {
			if err := work(tx, &e, actor); err != nil {
				return err
			}
		}
		e.State = to
		if err := updateEvaluation(tx, e); err != nil {
			return err
		}
		out = e
		return audit.Write(tx, e.audit(actor, auditNames[do], fmt.Sprintf("%s的考核%s，从“%s”到“%s”%s", quarterName(e.Quarter), do, StateNames[from], StateNames[to], why)))
	})
	return out, err
}

var auditNames = map[step]string{doBeginReview: "review", doPublish: "publish", doReturn: "return", doClose: "close"}

// publish draws up the result for the last time and writes it down.
func publish(tx db.Tx, e *Evaluation, actor auth.Actor) error {
	if _, last := e.Quarter.Months(); cal.DayOf(tx.Now) <= last.Last() {
		return ErrEarly.With("%s还没有结束，%s之后才能公示", quarterName(e.Quarter), last.Last())
	}
	// Nobody enters the branch, and nothing about its members is written, until the result stands.
	b, err := branchFor(tx, actor, auth.PartyWrite, e.Branch)
	if err != nil {
		return err
	}
	if _, err := scanMembers(tx, "m.branch_id = ? ORDER BY m.id"+tx.ForUpdate(), e.Branch); err != nil {
		return err
	}
	tables, err := drawUp(tx, e.Village, []Branch{b}, e.Quarter)
	if err != nil {
		return err
	}
	t := tables[0]
	var missing []string
	for _, p := range t.Ranked {
		if !p.Reviewed && t.Standard.ReviewPercent > 0 {
			missing = append(missing, p.Member.Name)
		}
	}
	if len(missing) > 0 {
		more := ""
		if n := len(missing); n > 10 {
			missing, more = missing[:10], fmt.Sprintf("等 %d 人", n)
		}
		return ErrUnscored.With("还没有民主评议分：%s%s", strings.Join(missing, "、"), more)
	}
	e.PublishedAt = tx.Millis()
	e.PublicUntil = cal.DayOf(tx.Now).Add(t.Standard.PublicityDays - 1)
	e.kept = t.keep()
	return insertResults(tx, *e, t)
}

// evaluationFor finds an evaluation for whose branch the actor holds the permission. Writing holds it until the end of the
// transaction.
func evaluationFor(tx db.Tx, actor auth.Actor, p auth.Permission, evaluation id.ID) (Evaluation, error) {
	cond := "e.id = ?"
	if p == auth.PartyWrite {
		cond += tx.ForUpdate()
	}
	found, err := scanEvaluations(tx, cond, evaluation)
	if err != nil {
		return Evaluation{}, err
	}
	if len(found) == 0 {
		if !actor.Can(p) {
			return Evaluation{}, errs.ErrForbidden.New()
		}
		return Evaluation{}, errs.ErrNotFound.New()
	}
	return found[0], actor.InBranch(p, found[0].Village, found[0].Branch)
}
