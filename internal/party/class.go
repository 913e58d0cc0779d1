package party

import (
	"context"
	"fmt"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/points"
)

// ErrClass is a class's base or goal out of range.
var ErrClass = errs.Define(errs.Invalid, "party.class", "基础分和目标分填写有误，请按提示修改")

// ClassPlan is what members of a class begin the scheme year with and should reach by its end. A township that has set
// nothing has zero for both: no base, no goal.
type ClassPlan struct {
	Class Class
	Base  points.Amount
	Goal  points.Amount
}

// Classes are the plans of all classes in a township, for its own officers and for those of its villages.
func (s *Service) Classes(ctx context.Context, actor auth.Actor, township id.ID) ([]ClassPlan, error) {
	var out []ClassPlan
	err := s.db.Read(ctx, func(tx db.Tx) error {
		if err := inTownship(tx, actor, township); err != nil {
			return err
		}
		plans, err := plansOf(tx, township)
		if err != nil {
			return err
		}
		out = nil
		for c := Cadre; c <= Special; c++ {
			out = append(out, plans[c])
		}
		return nil
	})
	return out, err
}

// inTownship is nil where the actor may read the party's books of the township or of any village in it: what the township sets
// for all concerns them.
func inTownship(tx db.Tx, actor auth.Actor, township id.ID) error {
	outside := actor.InRegion(auth.PartyRead, township)
	if outside == nil {
		return nil
	}
	reach, _ := actor.Reach(auth.PartyRead)
	regions, err := people.RegionsByID(tx, reach)
	if err != nil {
		return err
	}
	for _, r := range regions {
		if r.Township == township {
			return nil
		}
	}
	return outside
}

// SetClass sets base and goal of a class in a township.
func (s *Service) SetClass(ctx context.Context, actor auth.Actor, township id.ID, p ClassPlan) error {
	if err := actor.InBranch(auth.PartyWrite, township, 0); err != nil {
		return err
	}
	const most = points.Amount(100_000 * 100)
	switch {
	case ClassNames[p.Class] == "":
		return ErrClass.With("请选择党员类别")
	case p.Base < 0 || p.Goal < 0 || max(p.Base, p.Goal) > most:
		return ErrClass.With("基础分和目标分应在 0 到 %s 之间", most)
	}
	return s.db.Tx(ctx, func(tx db.Tx) error {
		regions, err := people.RegionsByID(tx, []id.ID{township})
		if err != nil {
			return err
		}
		if regions[township].Kind != people.Township {
			return ErrClass.With("基础分和目标分由乡镇统一设定")
		}
		err = db.Upsert(tx, "party_classes", []string{"township_id", "class", "base", "goal"}, []string{"township_id", "class"}, []string{"base", "goal"}, nil, 1,
			func(_ int, args []any) []any {
				return append(args, int64(township), int64(p.Class), int64(p.Base), int64(p.Goal))
			})
		if err != nil {
			return fmt.Errorf("setting a class: %w", err)
		}
		return audit.Write(tx, actor.Audit("party.class", "region:"+township.String(), township,
			fmt.Sprintf("设定%s的基础分 %s、目标分 %s", ClassNames[p.Class], p.Base, p.Goal)))
	})
}

// plansOf has an entry for every class.
func plansOf(tx db.Tx, township id.ID) (map[Class]ClassPlan, error) {
	var rows []struct {
		Class Class         `gorm:"column:class"`
		Base  points.Amount `gorm:"column:base"`
		Goal  points.Amount `gorm:"column:goal"`
	}
	if err := tx.Raw("SELECT class, base, goal FROM party_classes WHERE township_id = ?", township).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the classes of a township: %w", err)
	}
	out := map[Class]ClassPlan{}
	for c := range ClassNames {
		out[c] = ClassPlan{Class: c}
	}
	for _, r := range rows {
		out[r.Class] = ClassPlan{Class: r.Class, Base: r.Base, Goal: r.Goal}
	}
	return out, nil
}
