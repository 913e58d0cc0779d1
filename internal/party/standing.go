package party

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/points"
)

// ErrQuarter is a quarter that does not exist.
var ErrQuarter = errs.Define(errs.Invalid, "party.quarter", "季度填写有误，请重新选择")

// Place is how one member stands.
type Place struct {
	Member     Member
	Base       points.Amount // of the member's class, at the start of the scheme year
	Earned     points.Amount // awards less deductions of the quarter's own months
	Awarded    points.Amount // awards less deductions, from the start of the scheme year to the standing's last month
	Score      points.Amount // Base + Awarded
	Goal       points.Amount // of the whole scheme year; 0 where the township has set none
	Due        points.Amount // what Score should have reached by the standing's last month; see due
	Progress   int           // Score in percent of Goal, rounded down, not below 0; 0 without a goal
	Reported   bool
	Report     string
	SelfScore  points.Amount // of the self-report
	Reviewed   bool
	Review     points.Amount // the democratic review's score
	ReviewNote string
	Total      points.Amount // Score and Review as the township's Standard puts them together; what is ranked
	Grade      Grade         // of the quarter's evaluation; NoGrade for the exempt and before an evaluation is opened
	Veto       string        // what decided the grade directly
	Rank       int           // 1, 2, 2, 4 among those not exempt; 0 for those who are
	Exemption  *Exemption
}

// Ahead is how far the score is ahead of its pace; negative is behind. 0 without a goal.
func (p Place) Ahead() points.Amount {
	if p.Goal == 0 {
		return 0
	}
	return p.Score - p.Due
}

// Pace says Ahead in words: 本季度落后 12 分. Empty without a goal.
func (p Place) Pace() string {
	switch {
	case p.Goal == 0:
		return ""
	case p.Score >= p.Goal:
		return "已完成全年目标"
	case p.Ahead() < 0:
		return fmt.Sprintf("本季度落后 %s 分", -p.Ahead())
	case p.Ahead() > 0:
		return fmt.Sprintf("本季度超前 %s 分", p.Ahead())
	}
	return "跟上进度"
}

// due is what a score should have reached after so many months of the scheme year: the way from base to goal in equal steps,
// rounded half up. 0 without a goal.
func due(base, goal points.Amount, months int) points.Amount {
	if goal <= base {
		return goal
	}
	return base + floorDiv(2*(goal-base)*points.Amount(months)+12, 24)
}

// Standing is how a branch stands at the end of a quarter. Scores are those of the scheme year in which the quarter begins, up to
// the quarter's last month or, where the scheme year ends within the quarter, up to the year's; so every month is in the standing
// of some quarter. While the quarter is running it is as of now; once its evaluation is published it is what was published.
type Standing struct {
	Branch     Branch
	Quarter    cal.Quarter
	SchemeYear int
	From, To   cal.Month
	Ranked     []Place // best first
	Exempt     []Place
	Average    points.Amount // of the ranked's totals, rounded half up; 0 without any
	Reached    int           // how many of the ranked have reached their goal
}

// span is the scheme year of a quarter's standing, and its first and last month.
func span(q cal.Quarter, start int) (year int, from, to cal.Month) {
	first, last := q.Months()
	year = first.SchemeYear(start)
	from, end := cal.Period{Kind: cal.ByScheme, N: int32(year)}.Months(start)
	return year, from, min(last, end)
}

// elapsed is how many months a stretch has.
func elapsed(from, to cal.Month) int {
	return (to.Year()-from.Year())*12 + int(to)%100 - int(from)%100 + 1
}

// Standing draws up how a branch stands.
func (s *Service) Standing(ctx context.Context, actor auth.Actor, branch id.ID, q cal.Quarter) (Standing, error) {
	if !q.Valid() {
		return Standing{}, ErrQuarter.New()
	}
	var out Standing
	err := s.db.Read(ctx, func(tx db.Tx) error {
		b, err := branchFor(tx, actor, auth.PartyRead, branch)
		if err != nil {
			return err
		}
		all, err := drawUp(tx, b.Village, []Branch{b}, q)
		if err != nil {
			return err
		}
		out = all[0].Standing
		return nil
	})
	return out, err
}

// Standings draws up how every branch of a village that the actor may see stands, by name of the branch.
func (s *Service) Standings(ctx context.Context, actor auth.Actor, village id.ID, q cal.Quarter) ([]Standing, error) {
	if !q.Valid() {
		return nil, ErrQuarter.New()
	}
	if err := actor.InRegion(auth.PartyRead, village); err != nil {
		return nil, err
	}
	var out []Standing
	err := s.db.Read(ctx, func(tx db.Tx) error {
		branches, err := visibleBranches(tx, actor, village)
		if err != nil {
			return err
		}
		tables, err := drawUp(tx, village, branches, q)
		if err != nil {
			return err
		}
		out = make([]Standing, len(tables))
		for i, t := range tables {
			out[i] = t.Standing
		}
		return nil
	})
	return out, err
}

func place(m Member, plan ClassPlan, awarded, earned points.Amount, months int) Place {
	p := Place{Member: m, Base: plan.Base, Earned: earned, Awarded: awarded, Goal: plan.Goal}
	if p.Goal > 0 {
		p.Due = due(p.Base, p.Goal, months)
	}
	p.sum()
	p.Total = p.Score
	return p
}

// sum fills in what follows from base, awards and goal.
func (p *Place) sum() {
	p.Score = p.Base + p.Awarded
	if p.Goal > 0 {
		p.Progress = int(max(0, p.Score) * 100 / p.Goal)
	}
}

// rank parts the places into ranked and exempt and sums up. Equal totals share a rank and stand in the order given.
func (s *Standing) rank(places []Place) {
	var sum points.Amount
	for _, p := range places {
		if p.Exemption != nil {
			s.Exempt = append(s.Exempt, p)
			continue
		}
		s.Ranked = append(s.Ranked, p)
		sum += p.Total
		if p.Goal > 0 && p.Score >= p.Goal {
			s.Reached++
		}
	}
	slices.SortStableFunc(s.Ranked, func(a, b Place) int { return cmp.Compare(b.Total, a.Total) })
	for i := range s.Ranked {
		s.Ranked[i].Rank = i + 1
		if i > 0 && s.Ranked[i].Total == s.Ranked[i-1].Total {
			s.Ranked[i].Rank = s.Ranked[i-1].Rank
		}
	}
	if n := points.Amount(len(s.Ranked)); n > 0 {
		s.Average = floorDiv(2*sum+n, 2*n)
	}
}

// floorDiv divides by a positive number, downwards also below zero.
func floorDiv(a, b points.Amount) points.Amount {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
