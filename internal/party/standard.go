package party

import (
	"context"
	"fmt"
	"strings"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/points"
)

// ErrStandard is an evaluation standard that contradicts itself.
var ErrStandard = errs.Define(errs.Invalid, "party.standard", "等次标准填写有误，请按提示修改")

// Grade is what an evaluation ends with.
type Grade uint8

// The grades, best first. NoGrade is what 60 and more gets where the township has set no standard.
const (
	NoGrade   Grade = 0
	Excellent Grade = 1
	Qualified Grade = 2
	Basic     Grade = 3
	Failed    Grade = 4
)

// GradeNames are the grades as sheets and screens show them.
var GradeNames = map[Grade]string{Excellent: "优秀", Qualified: "合格", Basic: "基本合格", Failed: "不合格"}

// gradeIn is the grade that a rule book's wording names (评为不合格党员), NoGrade where it names none.
func gradeIn(text string) Grade {
	for _, g := range []Grade{Failed, Basic, Excellent, Qualified} { // 合格 is part of two others
		if strings.Contains(text, GradeNames[g]) {
			return g
		}
	}
	return NoGrade
}

// Standard is how a township evaluates. Totals and grades are decided by it:
//
//	total = score × ScorePercent + democratic review × ReviewPercent
//
// so 100 and 100 adds the review on top, 80 and 20 weighs the two, 100 and 0 leaves the review without effect.
type Standard struct {
	Township                    id.ID
	Excellent, Qualified, Basic points.Amount // the total from which a grade is given; 0 where the grade is not used
	ScorePercent, ReviewPercent int           // 0–100
	ReviewFull                  points.Amount // full marks of the democratic review, and of the self-report
	PublicityDays               int           // 1–60, the day of publication included
}

// below is what counts as failed where a township has set nothing: the one bound that the field agrees on.
var below = points.Whole(60)

func defaultStandard(township id.ID) Standard {
	return Standard{Township: township, ScorePercent: 100, ReviewFull: points.Whole(100), PublicityDays: 5}
}

// Grade is what a total is worth.
func (s Standard) Grade(total points.Amount) Grade {
	floor := below
	switch {
	case s.Basic > 0:
		floor = s.Basic
	case s.Qualified > 0:
		floor = s.Qualified
	}
	switch {
	case total < floor:
		return Failed
	case s.Qualified == 0:
		return NoGrade
	case s.Excellent > 0 && total >= s.Excellent:
		return Excellent
	case total >= s.Qualified:
		return Qualified
	}
	return Basic
}

// total is score and review put together, rounded half up. Where the review counts and is not in yet, the score stands alone.
func (s Standard) total(score, review points.Amount, reviewed bool) points.Amount {
	if !reviewed && s.ReviewPercent > 0 {
		return score
	}
	return floorDiv(2*(score*points.Amount(s.ScorePercent)+review*points.Amount(s.ReviewPercent))+100, 200)
}

func (s Standard) check() error {
	const most = points.Amount(100_000 * 100)
	switch {
	case min(s.Excellent, s.Qualified, s.Basic) < 0 || max(s.Excellent, s.Qualified, s.Basic) > most:
		return ErrStandard.With("等次的分数线应在 0 到 %s 之间，不用的等次填 0", most)
	case s.Qualified == 0 && (s.Excellent > 0 || s.Basic > 0):
		return ErrStandard.With("请填写“合格”的分数线")
	case s.Excellent > 0 && s.Excellent <= s.Qualified || s.Basic > 0 && s.Basic >= s.Qualified:
		return ErrStandard.With("分数线应依次降低：优秀高于合格，合格高于基本合格")
	case s.ScorePercent < 0 || s.ScorePercent > 100 || s.ReviewPercent < 0 || s.ReviewPercent > 100 || s.ScorePercent+s.ReviewPercent == 0:
		return ErrStandard.With("积分和民主评议分各按百分之几计入总分，应在 0 到 100 之间，不能都是 0")
	case s.ReviewFull <= 0 || s.ReviewFull > points.Whole(1000):
		return ErrStandard.With("民主评议的满分应在 0 到 1000 之间")
	case s.PublicityDays < 1 || s.PublicityDays > 60:
		return ErrStandard.With("公示天数应在 1 到 60 之间")
	}
	return nil
}

// Text says the standard in one line, and how the total is made of score and review, as sheets and screens show it.
func (s Standard) Text() string {
	return fmt.Sprintf("%s；总分＝积分×%d%%＋民主评议分×%d%%", s.text(), s.ScorePercent, s.ReviewPercent)
}

func (s Standard) text() string {
	if s.Qualified == 0 {
		return fmt.Sprintf("乡镇未设等次标准，%s 分以下为不合格", below)
	}
	var parts []string
	if s.Excellent > 0 {
		parts = append(parts, fmt.Sprintf("%s 分及以上为优秀", s.Excellent))
	}
	parts = append(parts, fmt.Sprintf("%s 分及以上为合格", s.Qualified))
	floor := s.Qualified
	if s.Basic > 0 {
		parts = append(parts, fmt.Sprintf("%s 分及以上为基本合格", s.Basic))
		floor = s.Basic
	}
	return strings.Join(append(parts, fmt.Sprintf("%s 分以下为不合格", floor)), "，")
}

// Standard is how a township evaluates, for its own officers and for those of its villages.
func (s *Service) Standard(ctx context.Context, actor auth.Actor, township id.ID) (out Standard, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) (err error) {
		if err := inTownship(tx, actor, township); err != nil {
			return err
		}
		out, err = standardOf(tx, township)
		return err
	})
	return out, err
}

// SetStandard sets how a township evaluates. What is published stays as it was published.
func (s *Service) SetStandard(ctx context.Context, actor auth.Actor, n Standard) error {
	if err := actor.InBranch(auth.PartyWrite, n.Township, 0); err != nil {
		return err
	}
	if err := n.check(); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx db.Tx) error {
		regions, err := people.RegionsByID(tx, []id.ID{n.Township})
		if err != nil {
			return err
		}
		if regions[n.Township].Kind != people.Township {
			return ErrStandard.With("等次标准由乡镇统一设定")
		}
		cols := []string{"township_id", "excellent", "qualified", "basic", "score_percent", "review_percent", "review_full", "publicity_days", "updated_at"}
		err = db.Upsert(tx, "party_standards", cols, cols[:1], cols[1:], nil, 1, func(_ int, args []any) []any {
			return append(args, int64(n.Township), int64(n.Excellent), int64(n.Qualified), int64(n.Basic), n.ScorePercent, n.ReviewPercent, int64(n.ReviewFull),
				n.PublicityDays, tx.Millis())
		})
		if err != nil {
			return fmt.Errorf("setting a standard: %w", err)
		}
		return audit.Write(tx, actor.Audit("party.standard", "region:"+n.Township.String(), n.Township,
			fmt.Sprintf("设定党员考核标准：%s；积分计 %d%%，民主评议计 %d%%（满分 %s），公示 %d 天", n.text(), n.ScorePercent, n.ReviewPercent, n.ReviewFull, n.PublicityDays)))
	})
}

func standardOf(tx db.Tx, township id.ID) (Standard, error) {
	var rows []standardRow
	q := "SELECT excellent, qualified, basic, score_percent, review_percent, review_full, publicity_days FROM party_standards WHERE township_id = ?"
	if err := tx.Raw(q, township).Scan(&rows).Error; err != nil {
		return Standard{}, fmt.Errorf("reading a standard: %w", err)
	}
	if len(rows) == 0 {
		return defaultStandard(township), nil
	}
	return rows[0].standard(township), nil
}

// standardRow is a standard as party_standards has it, and party_evaluations as it was used.
type standardRow struct {
	Excellent     points.Amount
	Qualified     points.Amount
	Basic         points.Amount
	ScorePercent  int
	ReviewPercent int
	ReviewFull    points.Amount
	PublicityDays int
}

func (r standardRow) standard(township id.ID) Standard {
	return Standard{township, r.Excellent, r.Qualified, r.Basic, r.ScorePercent, r.ReviewPercent, r.ReviewFull, r.PublicityDays}
}
