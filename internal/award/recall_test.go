package award_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/rule"
	"jishan/internal/testkit"
)

// What is remembered of a household is what counting would find: two processes give, reverse and spend in any order, and every rule
// gives and refuses as a model says that counts what stands.
func TestWhatIsRememberedIsWhatStands(t *testing.T) {
	p := setup(t)
	rules := rule.New(p.d)
	book, err := rules.CreateBook(ctx, system, rule.NewBook{Region: p.village, Asset: ledger.Points, Name: "另一本"})
	require.NoError(t, err)
	limits := map[string]rule.Cap{"D": {Per: rule.PerDay, Times: 2}, "M": {Per: rule.PerMonth, Times: 3}, "Y": {Per: rule.PerYear, Points: whole(20)}}
	ids := map[string]id.ID{}
	for code, limit := range limits {
		r, err := rules.AddRule(ctx, system, book.Versions[0].ID, rule.Input{Code: code, Category: "环境", Item: "事项" + code, Subject: rule.Household,
			Spec: rule.Spec{Shape: rule.Fixed, Points: whole(5), Caps: []rule.Cap{limit}}})
		require.NoError(t, err)
		ids[code] = r.ID
	}
	_, err = rules.Adopt(ctx, system, book.Versions[0].ID, rule.Adoption{Meeting: "会议", On: 20260101, VotesFor: 1, From: 20260101})
	require.NoError(t, err)
	other := award.New(testkit.Reopen(t, p.dsn, p.clock))
	t.Cleanup(other.Close)
	services := []*award.Service{p.Service, other}

	type given struct {
		number int64
		code   string
		day    cal.Day
	}
	rapid.Check(t, func(t *rapid.T) {
		house, err := p.people.CreateHousehold(ctx, system, people.NewHousehold{Village: p.village, Members: []people.Person{{Name: "户主"}}})
		require.NoError(t, err)
		var standing []given
		t.Repeat(map[string]func(*rapid.T){
			"give": func(t *rapid.T) {
				code := rapid.SampledFrom([]string{"D", "M", "Y"}).Draw(t, "rule")
				day := rapid.SampledFrom([]cal.Day{20261121, 20261122, 20261123}).Draw(t, "day")
				on, in := 0, 0
				for _, g := range standing {
					if g.code == code {
						in++
						if g.day == day {
							on++
						}
					}
				}
				open := map[string]bool{"D": on < 2, "M": in < 3, "Y": in < 4}[code]
				out, err := rapid.SampledFrom(services).Draw(t, "process").Grant(ctx, system, award.Order{Village: p.village,
					Grants: []award.Grant{{Rule: ids[code], Household: house.ID, Day: day}}})
				if !open {
					require.ErrorIs(t, err, rule.ErrCapped)
					return
				}
				require.NoError(t, err)
				require.Equal(t, whole(5), out[0].Points)
				standing = append(standing, given{out[0].Number, code, day})
			},
			"give what has no cap": func(t *rapid.T) {
				_, err := rapid.SampledFrom(services).Draw(t, "process").Grant(ctx, system, award.Order{Village: p.village,
					Grants: []award.Grant{{Rule: p.rules["A1"], Household: house.ID}}})
				require.NoError(t, err)
			},
			"reverse": func(t *rapid.T) {
				if len(standing) == 0 {
					return
				}
				i := rapid.IntRange(0, len(standing)-1).Draw(t, "which")
				_, err := rapid.SampledFrom(services).Draw(t, "process").Reverse(ctx, system, p.village, []int64{standing[i].number}, "记错了", idempotency.Request{})
				require.NoError(t, err)
				standing = append(standing[:i], standing[i+1:]...)
			},
		})
	})
	p.clean(t)
}
