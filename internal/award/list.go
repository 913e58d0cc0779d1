package award

import (
	"context"
	"encoding/json"
	"fmt"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
)

type awardRow struct {
	VillageID   id.ID
	Number      int64
	Asset       ledger.Asset
	RuleID      id.ID
	VersionID   id.ID
	SubjectID   id.ID
	HouseholdID id.ID
	PersonID    id.ID
	MemberID    id.ID
	Day         cal.Day
	Points      points.Amount
	Booked      points.Amount
	Quantity    points.Amount
	Level       string
	Spots       int
	Act         string
	Explanation string
	Note        string
	Evidence    string
	State       int
	ReversedBy  int64
	ActorID     id.ID
	ActorName   string
	At          int64
}

const selectAward = "SELECT village_id, number, asset, rule_id, version_id, subject_id, household_id, person_id, member_id, day, points, booked, quantity, level, spots, act, explanation, note, evidence, state, reversed_by, actor_id, actor_name, at FROM awards"

// Award is an award as it stands.
type Award struct {
	Village     id.ID
	Number      int64
	Asset       ledger.Asset
	Rule        id.ID
	Household   id.ID
	Person      id.ID
	Member      id.ID
	Day         cal.Day
	Points      points.Amount
	Booked      points.Amount
	Quantity    points.Amount // in hundredths of the rule's unit, where it counts something
	Level       string
	Spots       int
	Act         string
	Explanation string
	Note        string
	Evidence    []string
	Reversed    bool
	ReversedBy  int64
	ActorName   string
	At          int64 // UTC milliseconds
}

func (r awardRow) award() (Award, error) {
	a := Award{
		Village: r.VillageID, Number: r.Number, Asset: r.Asset, Rule: r.RuleID, Household: r.HouseholdID, Person: r.PersonID, Member: r.MemberID,
		Day: r.Day, Points: r.Points, Booked: r.Booked, Quantity: r.Quantity, Level: r.Level, Spots: r.Spots, Act: r.Act,
		Explanation: r.Explanation, Note: r.Note, Reversed: r.State == reversed,
		ReversedBy: r.ReversedBy, ActorName: r.ActorName, At: r.At,
	}
	if r.Evidence == "" {
		return a, nil
	}
	if err := json.Unmarshal([]byte(r.Evidence), &a.Evidence); err != nil {
		return a, fmt.Errorf("reading the evidence of award %d: %w", r.Number, err)
	}
	return a, nil
}

func byNumber(tx db.Tx, village id.ID, numbers []int64) (map[int64]awardRow, error) {
	out := make(map[int64]awardRow, len(numbers))
	for len(numbers) > 0 {
		part := numbers[:min(1000, len(numbers))]
		numbers = numbers[len(part):]
		var rows []awardRow
		if err := tx.Raw(selectAward+" WHERE village_id = ? AND number IN ?", village, part).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("reading awards: %w", err)
		}
		for _, r := range rows {
			out[r.Number] = r
		}
	}
	return out, nil
}

// Filter narrows List; zero fields do not.
type Filter struct {
	From, To  cal.Day
	Household id.ID
	Person    id.ID
	Member    id.ID
	Rule      id.ID
	Standing  bool  // leave out the reversed
	Before    int64 // numbers below
	Limit     int   // 1–200, 0 is 50
}

// List is a village's awards, newest number first. Party awards are shown to those who may read party scores.
func (s *Service) List(ctx context.Context, actor auth.Actor, village id.ID, f Filter) (out []Award, err error) {
	if err := actor.InRegion(auth.AwardRead, village); err != nil {
		return nil, err
	}
	if f.Limit < 1 || f.Limit > 200 {
		f.Limit = 50
	}
	q, args := selectAward+" WHERE village_id = ?", []any{village}
	and := func(cond string, on bool, arg any) {
		if on {
			q += " AND " + cond
			args = append(args, arg)
		}
	}
	and("day >= ?", f.From != 0, f.From)
	and("day <= ?", f.To != 0, f.To)
	and("household_id = ?", f.Household != 0, f.Household)
	// The ledger knows the numbers of both; indexes here would cost every award.
	if f.Household != 0 {
		q += " AND number IN (SELECT e.number FROM accounts a JOIN ledger_entries e ON e.account_id = a.id WHERE a.owner_id = ? AND a.book_id = ? AND a.kind = ?)"
		args = append(args, f.Household, village, ledger.KindWallet)
	}
	if f.Person != 0 {
		q += " AND number IN (SELECT number FROM ledger_persons WHERE book_id = ? AND person_id = ?)"
		args = append(args, village, f.Person)
	}
	and("subject_id = ?", f.Member != 0, f.Member)
	and("rule_id = ?", f.Rule != 0, f.Rule)
	and("state = ?", f.Standing, standing)
	and("number < ?", f.Before != 0, f.Before)
	and("asset = ?", actor.InRegion(auth.PartyRead, village) != nil, ledger.Points)
	q += " ORDER BY number DESC LIMIT ?"
	args = append(args, f.Limit)
	err = s.db.Read(ctx, func(tx db.Tx) error {
		var rows []awardRow
		if err := tx.Raw(q, args...).Scan(&rows).Error; err != nil {
			return fmt.Errorf("listing awards: %w", err)
		}
		out = make([]Award, len(rows))
		for i, r := range rows {
			if out[i], err = r.award(); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// Get is one award of a village.
func (s *Service) Get(ctx context.Context, actor auth.Actor, village id.ID, number int64) (Award, error) {
	list, err := s.List(ctx, actor, village, Filter{Before: number + 1, Limit: 1})
	if err != nil {
		return Award{}, err
	}
	if len(list) == 0 || list[0].Number != number {
		return Award{}, errs.ErrNotFound.New()
	}
	return list[0], nil
}
