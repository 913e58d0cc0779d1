package party

import (
	"cmp"
	"context"
	"slices"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
)

// ErrQuarter is a quarter that does not exist.
var ErrQuarter = errs.Define(errs.Invalid, "party.quarter", "季度填写有误，请重新选择")

// Place is how one member stands.
type Place struct {
	Member    Member
	Base      points.Amount // of the member's class, at the start of the scheme year
	Awarded   points.Amount // awards less deductions, from the start of the scheme year to the quarter's end
	Score     points.Amount // Base + Awarded
	Goal      points.Amount // of the whole scheme year; 0 where the township has set none
	Progress  int           // Score in percent of Goal, rounded down, not below 0; 0 without a goal
	Rank      int           // 1, 2, 2, 4 among those not exempt; 0 for those who are
	Exemption *Exemption
}

// Standing is how a branch stands at the end of a quarter. Scores are those of the scheme year in which the quarter's last
// month lies, up to that month; while the quarter is running, as of now.
type Standing struct {
	Branch     Branch
	Quarter    cal.Quarter
	SchemeYear int
	From, To   cal.Month
	Ranked     []Place // best first
	Exempt     []Place
	Average    points.Amount // of the ranked, rounded half up; 0 without any
	Reached    int           // how many of the ranked have reached their goal
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
		all, err := standings(tx, b.Village, []Branch{b}, q)
		if err != nil {
			return err
		}
		out = all[0]
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
		out, err = standings(tx, village, branches, q)
		return err
	})
	return out, err
}

func standings(tx db.Tx, village id.ID, branches []Branch, q cal.Quarter) ([]Standing, error) {
	if len(branches) == 0 {
		return nil, nil
	}
	settings, err := people.SettingsOf(tx, village)
	if err != nil {
		return nil, err
	}
	regions, err := people.RegionsByID(tx, []id.ID{village})
	if err != nil {
		return nil, err
	}
	plans, err := plansOf(tx, regions[village].Township)
	if err != nil {
		return nil, err
	}
	_, last := q.Months()
	start := settings[village].SchemeStart
	year := last.SchemeYear(start)
	from, _ := cal.Period{Kind: cal.ByScheme, N: int32(year)}.Months(start)

	branchIDs := make([]id.ID, len(branches))
	for i, b := range branches {
		branchIDs[i] = b.ID
	}
	members, err := membersOf(tx, branchIDs)
	if err != nil {
		return nil, err
	}
	members = slices.DeleteFunc(members, func(m Member) bool { return !m.Active() || m.Joined > last.Last() })
	ids := make([]id.ID, len(members))
	for i, m := range members {
		ids[i] = m.ID
	}
	awarded, err := ledger.Scores(tx, ledger.PartyScore, ids, from, last)
	if err != nil {
		return nil, err
	}
	exempt := map[id.ID][]Exemption{}
	for part := range slices.Chunk(ids, idChunk) {
		list, err := scanExemptions(tx, "e.member_id IN ? AND e.revoked_at = 0", part)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			exempt[e.Member] = append(exempt[e.Member], e)
		}
	}
	out := make([]Standing, len(branches))
	for i, b := range branches {
		out[i] = Standing{Branch: b, Quarter: q, SchemeYear: year, From: from, To: last}
		var places []Place
		for _, m := range members {
			if m.Branch != b.ID {
				continue
			}
			p := place(m, plans[m.Class], awarded[m.ID])
			if e, ok := exemptIn(q, exempt[m.ID]); ok {
				p.Exemption = &e
			}
			places = append(places, p)
		}
		out[i].Branch.Members = len(places)
		out[i].rank(places)
	}
	return out, nil
}

func place(m Member, plan ClassPlan, awarded points.Amount) Place {
	p := Place{Member: m, Base: plan.Base, Awarded: awarded, Score: plan.Base + awarded, Goal: plan.Goal}
	if p.Goal > 0 {
		p.Progress = int(max(0, p.Score) * 100 / p.Goal)
	}
	return p
}

// rank parts the places into ranked and exempt and sums up. Equal scores share a rank and stand by initials.
func (s *Standing) rank(places []Place) {
	var sum points.Amount
	for _, p := range places {
		if p.Exemption != nil {
			s.Exempt = append(s.Exempt, p)
			continue
		}
		s.Ranked = append(s.Ranked, p)
		sum += p.Score
		if p.Goal > 0 && p.Score >= p.Goal {
			s.Reached++
		}
	}
	slices.SortStableFunc(s.Ranked, func(a, b Place) int { return cmp.Compare(b.Score, a.Score) })
	for i := range s.Ranked {
		s.Ranked[i].Rank = i + 1
		if i > 0 && s.Ranked[i].Score == s.Ranked[i-1].Score {
			s.Ranked[i].Rank = s.Ranked[i-1].Rank
		}
	}
	if n := points.Amount(len(s.Ranked)); n > 0 {
		s.Average = floorDiv(2*sum+n, 2*n)
	}
}

func floorDiv(a, b points.Amount) points.Amount {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
