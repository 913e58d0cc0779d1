package rule

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/cal"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/points"
)

// Rules as published: 龙胜 is testdata/rulebook-longsheng.csv, luoyu testdata/rulebook-luoyu.csv, 文登 testdata/rulebook-party-wendeng.csv;
// 文登居民 is 威海市文登区农村居民信用积分评价办法 with its table, 余姚 is 余姚市道德银行道德积分评定标准, 东阳 the 2014 scheme for party
// members in villages, 住户 is a 住户积分制管理实施方案.
var (
	poultry = Rule{Item: "家禽散养", Lineage: 1, Spec: Spec{Shape: Escalate, Steps: []Step{{Points: whole(-8)}, {Points: whole(-15)}, {Points: whole(-20)}}}}
	hours   = Rule{Item: "参加志愿服务", Lineage: 2, Spec: Spec{Shape: Tiers, Unit: "小时", Tiers: []Tier{
		{whole(4), whole(1)}, {whole(10), whole(2)}, {whole(20), whole(5)}, {whole(50), whole(10)}, {whole(80), whole(15)}, {whole(100), whole(20)},
	}}}
	donation = Rule{Item: "捐款", Lineage: 3, Spec: Spec{Shape: Amount, Unit: "元", Per: PerYear, Caps: []Cap{{Per: PerYear, Points: whole(40)}}, Bands: []Band{
		{0, whole(100), whole(1)}, {whole(1000), whole(400), whole(1)}, {whole(5000), whole(500), whole(1)}, {whole(10000), whole(1000), whole(1)},
	}}}
	small = Rule{Item: "捐款99元以下", Lineage: 4, Spec: Spec{Shape: Amount, Unit: "元", Bands: []Band{{0, whole(10), 10}}}}
	found = Rule{Item: "拾金不昧", Lineage: 5, Spec: Spec{Shape: Amount, Unit: "元", Whole: true, Bands: []Band{
		{From: whole(100), Points: whole(2)}, {From: whole(1001), Points: whole(5)}, {From: whole(5001), Points: whole(8)}, {From: whole(10000), Points: whole(10)},
	}}}
	invest = Rule{Item: "引进农业项目", Lineage: 6, Spec: Spec{Shape: Amount, Unit: "万元", Whole: true, Bands: []Band{
		{From: whole(100), Points: whole(10)}, {From: whole(200), Points: whole(20)}, {From: whole(500), Points: whole(50)},
	}}}
	punished = Rule{Item: "受党纪处分", Lineage: 7, Spec: Spec{Shape: Levels, Levels: []Level{
		{Name: "警告", Points: whole(-50)}, {Name: "严重警告", Points: whole(-70)}, {Name: "撤销党内职务", Points: whole(-100)}, {Name: "留党察看", Points: whole(-150)},
	}}}
	central = Rule{Item: "在中心工作中起重要作用", Lineage: 8, Spec: Spec{Shape: Range, Min: whole(5), Max: whole(10)}}
	gift    = Rule{Item: "捐助资金物资支持社区", Lineage: 9, Spec: Spec{Shape: Range, Min: whole(1), Max: whole(20)}}
	yard    = Rule{Item: "庭院内外环境整洁", Lineage: 10, Spec: Spec{Shape: Block, Points: whole(6), Less: whole(1), Caps: []Cap{{Per: PerQuarter, Times: 1}}}}
	base    = Rule{Item: "年度基础分", Lineage: 11, Spec: Spec{Shape: Base, Points: whole(1000), ScoreOnly: true}}
	expel   = Rule{Item: "受开除党籍处分", Lineage: 12, Spec: Spec{Shape: Grade, Grade: "不合格", Lowers: true, Veto: true}}
	zero    = Rule{Item: "拒不改正违法违规行为", Lineage: 13, Spec: Spec{Shape: Grade, Grade: "零星", Lowers: true}}
	school  = Rule{Item: "优秀学生（校级）", Lineage: 14, Spec: Spec{Shape: Fixed, Points: whole(10), Group: "优秀学生", GroupPer: PerYear}}
	county  = Rule{Item: "优秀学生（区级）", Lineage: 15, Spec: Spec{Shape: Fixed, Points: whole(20), Group: "优秀学生", GroupPer: PerYear}}
	illegal = Rule{Item: "违章搭建逾期不拆", Lineage: 16, Spec: Spec{Shape: Double, Points: whole(-10), Max: whole(-40)}}
)

func spotted(n int) *int { return &n }

func TestShapesOfRealBooks(t *testing.T) {
	of := func(r Rule, p, q int64) Past {
		return r.award(Facts{Day: 20261101, Quantity: whole(q)}, Result{Points: whole(p), Group: r.Spec.group()})
	}
	for _, c := range []struct {
		name   string
		rule   Rule
		facts  Facts
		past   []Past
		points points.Amount
		topped bool
		said   string
		err    *errs.Code
	}{
		{name: "龙胜: escalates", rule: poultry, past: []Past{of(poultry, -8, 0)}, points: whole(-15), said: "家禽散养第 2 次：−15"},
		{name: "文登居民: hours below the first tier are kept", rule: hours, facts: Facts{Quantity: whole(3)}, said: "参加志愿服务 3 小时，累计 3，满 4 进下一档：0"},
		{name: "文登居民: hours add up", rule: hours, facts: Facts{Quantity: whole(3)}, past: []Past{of(hours, 0, 3)}, points: whole(1), said: "参加志愿服务 3 小时，累计 6，共计 1，满 10 进下一档：+1"},
		{name: "文登居民: only what the tier adds", rule: hours, facts: Facts{Quantity: whole(44)}, past: []Past{of(hours, 0, 3), of(hours, 1, 3)}, points: whole(9), said: "参加志愿服务 44 小时，累计 50，共计 10，满 80 进下一档：+9"},
		{name: "文登居民: nothing beyond the last tier", rule: hours, facts: Facts{Quantity: whole(9)}, past: []Past{of(hours, 20, 100)}, said: "参加志愿服务 9 小时，累计 109，共计 20：0"},
		{name: "文登居民: hours are asked for", rule: hours, err: ErrFacts, said: "「参加志愿服务」按数量计分，请填数量（小时）"},
		{name: "文登居民: each 100 yuan", rule: donation, facts: Facts{Quantity: whole(350)}, points: whole(3), said: "捐款 350 元：+3"},
		{name: "文登居民: another rate per band", rule: donation, facts: Facts{Quantity: whole(5500)}, points: whole(21), said: "捐款 5500 元：+21"},
		{name: "文登居民: donations add up in the year", rule: donation, facts: Facts{Quantity: whole(60)}, past: []Past{of(donation, 3, 350)}, points: whole(1), said: "捐款 60 元，本年度共 410：+1"},
		{name: "文登居民: at most 40 a year", rule: donation, facts: Facts{Quantity: whole(30000)}, points: whole(40), said: "捐款 30000 元：+40（本年度上限 40，已得 0，本次计 40）"},
		{name: "文登居民: a tenth of a point", rule: small, facts: Facts{Quantity: whole(35)}, points: 30, said: "捐款99元以下 35 元：+0.3"},
		{name: "文登居民: too little", rule: small, facts: Facts{Quantity: whole(9)}, err: ErrTooFew, said: "「捐款99元以下」填的是 9 元，还不够计分"},
		{name: "文登居民: by the band reached", rule: found, facts: Facts{Quantity: whole(3000)}, points: whole(5), said: "拾金不昧 3000 元：+5"},
		{name: "文登: projects by size", rule: invest, facts: Facts{Quantity: whole(499)}, points: whole(20), said: "引进农业项目 499 万元：+20"},
		{name: "文登: projects too small", rule: invest, facts: Facts{Quantity: whole(99)}, err: ErrTooFew, said: "「引进农业项目」填的是 99 万元，还不够计分"},
		{name: "文登: by severity", rule: punished, facts: Facts{Level: "严重警告"}, points: whole(-70), said: "受党纪处分（严重警告）：−70"},
		{name: "文登: severity is asked for", rule: punished, err: ErrFacts, said: "「受党纪处分」要选等级：警告、严重警告、撤销党内职务、留党察看"},
		{name: "东阳: chosen from a range", rule: central, facts: Facts{Points: chosen(8)}, points: whole(8), said: "在中心工作中起重要作用：+8"},
		{name: "文登居民: out of range", rule: gift, facts: Facts{Points: chosen(21)}, err: ErrRange, said: "「捐助资金物资支持社区」的分值应在 1～20 之间，填的是 21"},
		{name: "余姚: reduced per spot", rule: yard, facts: Facts{Spots: spotted(2)}, points: whole(4), said: "庭院内外环境整洁满分 6，2 处：+4"},
		{name: "余姚: never below zero", rule: yard, facts: Facts{Spots: spotted(9)}, said: "庭院内外环境整洁满分 6，9 处：0"},
		{name: "余姚: once a quarter, zero or not", rule: yard, facts: Facts{Spots: spotted(0)}, past: []Past{of(yard, 0, 0)}, err: ErrCapped, said: "本季度已加满 1 次，不能再加"},
		{name: "余姚: spots are asked for", rule: yard, err: ErrFacts, said: "「庭院内外环境整洁」要填发现几处问题，没有就填 0"},
		{name: "文登居民: base points", rule: base, points: whole(1000), said: "年度基础分（2026 年度）：+1000，只计累计积分，不可兑换"},
		{name: "文登居民: base points once", rule: base, past: []Past{of(base, 1000, 0)}, err: ErrCapped, said: "2026 年度的基础分已经给过"},
		{name: "文登: veto", rule: expel, said: "受开除党籍处分：不加减分，一票否决，直接定为「不合格」"},
		{name: "文登居民: direct grade", rule: zero, said: "拒不改正违法违规行为：不加减分，直接定为「零星」"},
		{name: "luoyu: the higher of one group adds the difference", rule: county, past: []Past{of(school, 10, 0)}, points: whole(10), topped: true, said: "优秀学生（区级）：+10（同一件事已按「优秀学生（校级）」计 10，按最高的一条 20 补足）"},
		{name: "luoyu: the lower of one group adds nothing", rule: school, past: []Past{of(county, 20, 0)}, err: ErrLower, said: "同一件事已按「优秀学生（区级）」计 20 分，只计最高的一条"},
		{name: "东阳: doubles while the last stands", rule: illegal, past: []Past{of(illegal, -10, 0)}, points: whole(-20), said: "违章搭建逾期不拆第 2 次：−20"},
		{name: "东阳: doubles no further than its most", rule: illegal, past: []Past{of(illegal, -10, 0), of(illegal, -20, 0), of(illegal, -40, 0)}, points: whole(-40), said: "违章搭建逾期不拆第 4 次：−40"},
		{name: "a fact that is not asked for", rule: county, facts: Facts{Level: "一等"}, err: ErrFacts, said: "「优秀学生（区级）」不分级，不用选等级"},
		{name: "spots that are not asked for", rule: county, facts: Facts{Spots: spotted(1)}, err: ErrFacts, said: "「优秀学生（区级）」不按处数扣分，不用填处数"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.facts.Day = 20261123
			res, err := Evaluate(c.rule, c.facts, c.past)
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
				require.Equal(t, c.said, errs.From(err).Text())
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.points, res.Points)
			require.Equal(t, c.said, res.Explanation)
			require.Equal(t, c.topped, res.Topped)
		})
	}
}

// 龙胜 allows so much a month that a limit over everything is wanted: 每户每月最多100分, and 30 of one category.
func TestLimitsOverCategoryAndBook(t *testing.T) {
	tidy := Rule{Item: "庭院干净", Category: "庭院环境", Lineage: 1, Spec: Spec{Shape: Fixed, Points: whole(10)}, Limits: []Limit{
		{"庭院环境", Cap{Per: PerMonth, Points: whole(30)}}, {"公共环境", Cap{Per: PerMonth, Points: whole(1)}}, {"", Cap{Per: PerMonth, Points: whole(100)}},
	}}
	f := Facts{Day: 20261123, Household: 1, Subject: 1}
	other := func(category string, p int64) Past {
		return Past{Day: 20261102, Points: whole(p), Lineage: 9, Category: category, Subject: 5, Household: 1, Person: 5}
	}
	res, err := Evaluate(tidy, f, []Past{other("庭院环境", 25), other("参与美", 40)})
	require.NoError(t, err)
	require.Equal(t, "庭院干净：+5（「庭院环境」合计本月上限 30，已得 25，本次计 5）", res.Explanation)
	res, err = Evaluate(tidy, f, []Past{other("参与美", 97), other("参与美", -50), {Day: 20261102, Points: whole(100), Group: baseGroup, Household: 1}})
	require.NoError(t, err)
	require.Equal(t, "庭院干净：+3（各类合计本月上限 100，已得 97，本次计 3）", res.Explanation)
	_, err = Evaluate(tidy, f, []Past{other("参与美", 100)})
	require.ErrorIs(t, err, ErrCapped)
	require.Equal(t, NeedsAll, tidy.Needs(f))
	from, to := tidy.Span(f)
	require.Equal(t, []cal.Day{20261101, 20261130}, []cal.Day{from, to})
}

// Whatever the order of quantities, in all a tiered rule has paid what the tier reached says; what is taken back may be
// earned again, never twice.
func TestTiersAreNeverPaidTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := hours
		r.Spec.Per = PerEver
		paid := func(past []Past) (total, quantity points.Amount) {
			for _, p := range past {
				total += p.Points
				quantity += p.Quantity
			}
			return total, quantity
		}
		tier := func(q points.Amount) (p points.Amount) {
			for _, x := range r.Spec.Tiers {
				if q >= x.At {
					p = x.Points
				}
			}
			return p
		}
		var past []Past
		reversed := false
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			if len(past) > 0 && rapid.IntRange(0, 4).Draw(t, "reverse") == 0 {
				i := rapid.IntRange(0, len(past)-1).Draw(t, "which")
				past = append(past[:i], past[i+1:]...)
				reversed = true
				continue
			}
			f := Facts{Day: drawDay(t, "day"), Quantity: points.Amount(rapid.Int64Range(1, 2500).Draw(t, "quantity"))}
			before, had := paid(past)
			res, err := Evaluate(r, f, past)
			require.NoError(t, err)
			require.Equal(t, max(0, tier(had+f.Quantity)-before), res.Points)
			past = append(past, r.award(f, res))
		}
		if total, q := paid(past); !reversed && total != tier(q) {
			t.Fatalf("paid %s for %s", total, q)
		}
	})
}

// Doubling counts what stands: taking one back halves the next.
func TestDoublingCountsOnlyWhatStands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var past []Past
		for range rapid.IntRange(1, 20).Draw(t, "events") {
			if len(past) > 0 && rapid.Bool().Draw(t, "reverse") {
				past = past[:len(past)-1]
				continue
			}
			f := Facts{Day: 20261101}
			res, err := Evaluate(illegal, f, past)
			require.NoError(t, err)
			require.Equal(t, max(whole(-10)<<len(past), whole(-40)), res.Points)
			past = append(past, illegal.award(f, res))
		}
	})
}

// One act under several rules, in any order, brings each subject the highest and no more; another act is another matter.
func TestOneActPaysTheHighestOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 5).Draw(t, "rules")
		byGroup := rapid.Bool().Draw(t, "by group")
		sign := points.Amount(rapid.SampledFrom([]int{1, -1}).Draw(t, "sign"))
		rules := make([]Rule, n)
		highest := points.Amount(0)
		for i := range rules {
			rules[i] = Rule{Item: string(rune('甲' + i)), Lineage: id.ID(i + 1), Spec: Spec{Shape: Fixed, Points: sign * drawAmount(t, "points")}}
			if byGroup {
				rules[i].Spec.Group = "表彰"
			}
			highest = max(highest, rules[i].Spec.Points.Abs())
		}
		var past []Past
		for _, r := range rapid.Permutation(append(rules, rules...)).Draw(t, "order") {
			f := Facts{Day: 20261123, Subject: 3, Household: 3}
			if !byGroup {
				f.Act = "村庄清洁日"
			}
			res, err := Evaluate(r, f, past)
			if err != nil {
				require.True(t, errors.Is(err, ErrLower) || errors.Is(err, ErrTwice), err)
				continue
			}
			past = append(past, r.award(f, res))
		}
		var total points.Amount
		for _, p := range past {
			total += p.Points
		}
		require.Equal(t, sign*highest, total)

		f := Facts{Day: 20261123, Act: "植树节", Subject: 3, Household: 3}
		if byGroup {
			f = Facts{Day: 20261124, Subject: 3, Household: 3}
		}
		res, err := Evaluate(rules[0], f, past)
		require.NoError(t, err)
		require.Equal(t, rules[0].Spec.Points, res.Points)
	})
}

// Two members of one household may each be rewarded for one act, but not the household besides.
func TestOneActOfMembersAndHousehold(t *testing.T) {
	meet := Rule{Item: "参加村民大会", Lineage: 1, Spec: Spec{Shape: Fixed, Points: whole(5)}}
	house := Rule{Item: "全户到会", Lineage: 2, Spec: Spec{Shape: Fixed, Points: whole(8)}}
	var past []Past
	for _, person := range []id.ID{7, 8} {
		f := Facts{Day: 20261123, Act: "大会", Subject: person, Person: person, Household: 3}
		res, err := Evaluate(meet, f, past)
		require.NoError(t, err)
		require.Equal(t, whole(5), res.Points)
		past = append(past, meet.award(f, res))
	}
	_, err := Evaluate(house, Facts{Day: 20261123, Act: "大会", Subject: 3, Household: 3}, past)
	require.ErrorIs(t, err, ErrLower)
}
