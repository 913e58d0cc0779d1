package award

import (
	"context"
	"errors"
	"fmt"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
)

// ErrNoBase is a village whose book gives no base points.
var ErrNoBase = errs.Define(errs.Refused, "award.no_base", "本村现行细则里没有基础分的条目")

// BaseReport is what giving base points did, or would do.
type BaseReport struct {
	Rules  int           // of the book that give base points
	Given  int           // awards made
	Points points.Amount // in all
	Had    int           // had theirs in this scheme year already
	Failed int           // were refused for another reason
}

// GiveBase gives the base points of the book in force to every household, or person, of the village that has not had them in
// this scheme year: at its start to all, later to those who came. With preview nothing is written. More than MaxGrants are
// given in several transactions; repeating the call then finishes what was begun.
func (s *Service) GiveBase(ctx context.Context, actor auth.Actor, village id.ID, preview bool, req idempotency.Request) (BaseReport, error) {
	if err := actor.InRegion(auth.AwardWrite, village); err != nil {
		return BaseReport{}, err
	}
	var out BaseReport
	var grants []Grant
	err := s.db.Read(ctx, func(tx db.Tx) (err error) {
		out = BaseReport{}
		grants, out.Rules, err = baseGrants(tx, village)
		return err
	})
	if err != nil {
		return BaseReport{}, err
	}
	if out.Rules == 0 {
		return BaseReport{}, ErrNoBase.New()
	}
	for part := 0; part*MaxGrants < len(grants); part++ {
		o := Order{Idempotency: req, Village: village, Grants: grants[part*MaxGrants : min(len(grants), (part+1)*MaxGrants)]}
		if part > 0 {
			o.Idempotency.Key = fmt.Sprintf("%s-%d", req.Key, part)
		}
		do := s.Grant
		if preview {
			do = s.Preview
		}
		outcomes, err := do(ctx, actor, o)
		if errors.Is(err, rule.ErrCapped) {
			outcomes, err = []Outcome{Outcome{}.failed(err)}, nil // an order of one
		}
		if err != nil {
			return BaseReport{}, err
		}
		for _, x := range outcomes {
			switch {
			case x.Failed == nil:
				out.Given++
				out.Points += x.Points
			case x.Failed.Code == rule.ErrCapped.ID:
				out.Had++
			default:
				out.Failed++
			}
		}
	}
	return out, nil
}

// baseGrants are the grants of all base points of a village, had or not.
func baseGrants(tx db.Tx, village id.ID) (grants []Grant, rules int, err error) {
	all, err := rule.InForce(tx, village, ledger.Points, cal.DayOf(tx.Now))
	if err != nil {
		return nil, 0, err
	}
	byVillage, err := people.HouseholdIDsOf(tx, []id.ID{village})
	if err != nil {
		return nil, 0, err
	}
	households := byVillage[village]
	var members map[id.ID][]people.Villager
	for _, r := range all {
		if r.Spec.Shape != rule.Base {
			continue
		}
		rules++
		each := r.Subject == rule.Person && r.Spec.Credit == rule.CreditSubject
		if each && members == nil {
			if members, err = people.Members(tx, households); err != nil {
				return nil, 0, err
			}
		}
		for _, h := range households {
			if !each {
				grants = append(grants, Grant{Rule: r.ID, Household: h})
				continue
			}
			for _, v := range members[h] {
				if v.Here() {
					grants = append(grants, Grant{Rule: r.ID, Person: v.ID})
				}
			}
		}
	}
	return grants, rules, nil
}
