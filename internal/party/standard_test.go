package party

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/cal"
	"jishan/internal/points"
	"jishan/internal/rule"
)

func TestGradeOfATotal(t *testing.T) {
	whole := points.Whole
	none := defaultStandard(1)
	four := Standard{Excellent: whole(90), Qualified: whole(75), Basic: whole(55)}
	two := Standard{Qualified: whole(80)}
	for _, c := range []struct {
		s     Standard
		total points.Amount
		want  Grade
	}{
		{none, 5999, Failed}, {none, whole(60), NoGrade}, {none, whole(500), NoGrade}, {none, whole(-3), Failed},
		{four, whole(90), Excellent}, {four, 8999, Qualified}, {four, whole(75), Qualified}, {four, 7499, Basic}, {four, whole(55), Basic}, {four, 5499, Failed},
		{two, whole(80), Qualified}, {two, whole(200), Qualified}, {two, 7999, Failed},
	} {
		require.Equal(t, c.want, c.s.Grade(c.total), "%+v %s", c.s, c.total)
	}
	require.Equal(t, "90 分及以上为优秀，75 分及以上为合格，55 分及以上为基本合格，55 分以下为不合格", four.text())
	require.Equal(t, "乡镇未设等次标准，60 分以下为不合格", none.text())
}

func TestStandardIsChecked(t *testing.T) {
	good := defaultStandard(1)
	require.NoError(t, good.check())
	for _, f := range []func(*Standard){
		func(s *Standard) { s.Excellent = 9000 }, func(s *Standard) { s.Basic = 6000 }, func(s *Standard) { s.Qualified, s.Excellent = 8000, 8000 },
		func(s *Standard) { s.Qualified, s.Basic = 6000, 6000 }, func(s *Standard) { s.Qualified = -1 }, func(s *Standard) { s.ScorePercent = 101 },
		func(s *Standard) { s.ScorePercent = 0 }, func(s *Standard) { s.ReviewPercent = -1 }, func(s *Standard) { s.ReviewFull = 0 },
		func(s *Standard) { s.PublicityDays = 0 }, func(s *Standard) { s.PublicityDays = 61 },
	} {
		s := good
		f(&s)
		require.ErrorIs(t, s.check(), ErrStandard, "%+v", s)
	}
}

func TestTotalOfScoreAndReview(t *testing.T) {
	total := func(score, review int64, sp, rp int, in bool) points.Amount {
		return Standard{ScorePercent: sp, ReviewPercent: rp}.total(points.Amount(score), points.Amount(review), in)
	}
	require.Equal(t, points.Amount(7000), total(7000, 9000, 100, 0, true), "the review has no weight")
	require.Equal(t, points.Amount(8800), total(7000, 1800, 100, 100, true), "added on top")
	require.Equal(t, points.Amount(7400), total(7000, 9000, 80, 20, true), "weighed")
	require.Equal(t, points.Amount(6803), total(7001, 6010, 80, 20, true), "6802.8 rounded")
	require.Equal(t, points.Amount(-402), total(-503, 0, 80, 20, true), "-402.4 rounded")
	require.Equal(t, points.Amount(7000), total(7000, 0, 80, 20, false), "not reviewed yet: the score alone")
}

func TestGradeNamedByABook(t *testing.T) {
	for text, want := range map[string]Grade{"评为不合格党员": Failed, "不合格": Failed, "定为基本合格": Basic, "合格": Qualified, "直接评为优秀党员": Excellent, "": NoGrade, "取消评先": NoGrade} {
		require.Equal(t, want, gradeIn(text), text)
	}
}

func TestWhatARuleDecides(t *testing.T) {
	lowers := func(item, grade string) rule.Rule {
		return rule.Rule{Item: item, Spec: rule.Spec{Shape: rule.Grade, Lowers: true, Grade: grade}}
	}
	for _, c := range []struct {
		r    rule.Rule
		want Grade
	}{
		{lowers("民主评议党员被评为不合格党员的", ""), Failed}, // rulebook-party-wendeng.csv
		{lowers("受党纪处分中开除党籍的", ""), Failed},     // the same
		{lowers("受到党内警告", "基本合格"), Basic},
		{lowers("取消当季优秀资格", ""), Failed},
		{rule.Rule{Item: "参与邪教", Spec: rule.Spec{Shape: rule.Grade, Veto: true}}, Failed},
		{rule.Rule{Item: "受到表彰，直接评为优秀", Spec: rule.Spec{Shape: rule.Grade}}, Excellent},
		{rule.Rule{Item: "受到表彰", Spec: rule.Spec{Shape: rule.Grade}}, NoGrade},
		{rule.Rule{Item: "被评为不合格党员", Spec: rule.Spec{Shape: rule.Fixed, Points: -500}}, NoGrade},
	} {
		require.Equal(t, c.want, decides(c.r), c.r.Item)
	}
}

func TestPace(t *testing.T) {
	at := func(base, goal, score int64, months int) string {
		p := place(Member{}, ClassPlan{Base: points.Whole(base), Goal: points.Whole(goal)}, points.Whole(score-base), 0, months)
		return p.Pace()
	}
	require.Equal(t, "本季度落后 12 分", at(60, 120, 78, 6))
	require.Equal(t, "本季度超前 3 分", at(60, 120, 93, 6))
	require.Equal(t, "跟上进度", at(60, 120, 90, 6))
	require.Equal(t, "已完成全年目标", at(60, 120, 120, 6))
	require.Equal(t, "", at(60, 0, 70, 6))
	require.Equal(t, "本季度落后 3.33 分", at(0, 10, 0, 4), "10 × 4/12")
	require.Equal(t, "本季度落后 5 分", at(60, 40, 35, 3), "a base above the goal: the goal is due at once")
}

// Every month of every scheme year is in the standing of some quarter of that scheme year, and every scheme year has one standing
// that holds the whole of it.
func TestNoMonthIsLostWhereverTheYearBegins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.IntRange(1, 12).Draw(t, "start")
		month := cal.Month(202001).Add(rapid.IntRange(0, 120).Draw(t, "month"))
		year := month.SchemeYear(start)
		first, last := cal.Period{Kind: cal.ByScheme, N: int32(year)}.Months(start)
		found, whole, quarters := false, false, 0
		for q := first.Quarter().Add(-1); q <= last.Quarter().Add(1); q = q.Add(1) {
			y, from, to := span(q, start)
			require.LessOrEqual(t, from, to)
			if y != year {
				continue
			}
			quarters++
			require.Equal(t, first, from)
			found = found || from <= month && month <= to
			whole = whole || to == last
			a, _ := q.Months()
			require.True(t, from <= a && a <= to, "the quarter's first month is in its standing")
		}
		require.True(t, found)
		require.True(t, whole)
		require.Equal(t, 4, quarters)
	})
}

func TestWorstVetoDecides(t *testing.T) {
	require.Equal(t, NoGrade, worst(nil).Grade)
	v := worst([]Veto{{Grade: Excellent, Item: "a"}, {Grade: Failed, Item: "b", Day: 20260801}, {Grade: Failed, Item: "c"}, {Grade: Basic}})
	require.Equal(t, "b（2026-08-01）", v.text())
}
