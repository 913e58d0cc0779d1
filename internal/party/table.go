package party

import (
	"context"
	"fmt"
	"slices"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/points"
)

// TownshipTable is how every branch of a township that the actor may see stands, by village and name of the branch.
type TownshipTable struct {
	Township people.Region
	Quarter  cal.Quarter
	Branches []Table
	Sum      Tally
}

// Tally is what a table adds up to.
type Tally struct {
	Members int // the ranked and the exempt
	Ranked  int
	Exempt  int
	Reached int           // of the ranked, how many have reached their goal
	Average points.Amount // of the ranked's totals, rounded half up
	Grades  map[Grade]int // of the ranked
}

// Tally adds a branch up.
func (t Table) Tally() Tally {
	return Tally{len(t.Ranked) + len(t.Exempt), len(t.Ranked), len(t.Exempt), t.Reached, t.Average, t.Grades()}
}

func tally(tables []Table) Tally {
	out := Tally{Grades: map[Grade]int{}}
	var sum points.Amount
	for _, t := range tables {
		one := t.Tally()
		out.Members, out.Ranked, out.Exempt, out.Reached = out.Members+one.Members, out.Ranked+one.Ranked, out.Exempt+one.Exempt, out.Reached+one.Reached
		for g, n := range one.Grades {
			out.Grades[g] += n
		}
		for _, p := range t.Ranked {
			sum += p.Total
		}
	}
	if n := points.Amount(out.Ranked); n > 0 {
		out.Average = floorDiv(2*sum+n, 2*n)
	}
	return out
}

// Evaluation is one evaluation with its table.
func (s *Service) Evaluation(ctx context.Context, actor auth.Actor, evaluation id.ID) (out Table, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		e, err := evaluationFor(tx, actor, auth.PartyRead, evaluation)
		if err != nil {
			return err
		}
		b, err := branchFor(tx, actor, auth.PartyRead, e.Branch)
		if err != nil {
			return err
		}
		tables, err := drawUp(tx, e.Village, []Branch{b}, e.Quarter)
		if err != nil {
			return err
		}
		out = tables[0]
		return nil
	})
	return out, err
}

// Evaluations are the evaluations of a village's branches that the actor may see, the latest quarter first.
func (s *Service) Evaluations(ctx context.Context, actor auth.Actor, village id.ID) (out []Evaluation, err error) {
	if err := actor.InRegion(auth.PartyRead, village); err != nil {
		return nil, err
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		all, err := scanEvaluations(tx, "e.village_id = ? ORDER BY e.quarter DESC, e.opened_at, e.id", village)
		out = slices.DeleteFunc(all, func(e Evaluation) bool { return actor.InBranch(auth.PartyRead, village, e.Branch) != nil })
		return err
	})
	return out, err
}

// TownshipTable draws up the branches of a township: all of them for its own officers, their own for those of a village.
func (s *Service) TownshipTable(ctx context.Context, actor auth.Actor, township id.ID, q cal.Quarter) (out TownshipTable, err error) {
	if !q.Valid() {
		return out, ErrQuarter.New()
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		if err := inTownship(tx, actor, township); err != nil {
			return err
		}
		regions, err := people.RegionsByID(tx, []id.ID{township})
		if err != nil {
			return err
		}
		out = TownshipTable{Township: regions[township], Quarter: q}
		var villages []id.ID
		query := `SELECT g.id FROM regions g WHERE g.township_id = ? AND g.kind = ? AND EXISTS (SELECT 1 FROM party_branches b WHERE b.village_id = g.id)
			ORDER BY g.sort, g.code, g.id`
		if err := tx.Raw(query, township, people.Village).Scan(&villages).Error; err != nil {
			return fmt.Errorf("reading the villages of a township: %w", err)
		}
		for _, v := range villages {
			branches, err := visibleBranches(tx, actor, v)
			if err != nil {
				return err
			}
			tables, err := drawUp(tx, v, branches, q)
			if err != nil {
				return err
			}
			out.Branches = append(out.Branches, tables...)
		}
		out.Sum = tally(out.Branches)
		return nil
	})
	return out, err
}
