package trial_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/demo"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/money"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/redeem"
	"jishan/internal/rule"
	"jishan/internal/shop"
	"jishan/internal/testkit"
	"jishan/internal/trial"
)

var (
	ctx    = context.Background()
	system = auth.System("test")

	testRequest = idempotency.Request{Scope: 7, Key: "reverse", Operation: "test"}
)

// yearPercent is how much of the demo's year the test fills: enough to replay, quick to fill.
const yearPercent = 5

func whole(n int64) points.Amount { return points.Whole(n) }

// place is a village with an adopted book, a merchant and a year in which to award.
type place struct {
	d       *db.DB
	clock   *testkit.Clock
	trial   *trial.Service
	rules   *rule.Service
	awards  *award.Service
	village id.ID
	book    rule.Book
	house   people.Household
	codes   map[string]id.ID
}

func setup(t *testing.T, inputs ...rule.Input) *place {
	p := &place{clock: testkit.NewClock(t, "2026-09-01 10:00"), codes: map[string]id.ID{}}
	p.d = testkit.Reopen(t, testkit.DSN(t), p.clock)
	p.rules, p.awards = rule.New(p.d), award.New(p.d)
	t.Cleanup(p.awards.Close)
	p.trial = trial.New(p.d, p.rules)
	who, err := people.NewService(p.d, []byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	township := id.ID(0)
	for kind, code := range []string{"500100", "500100101", "500100101201"} {
		r, err := who.CreateRegion(ctx, system, people.NewRegion{Parent: p.village, Kind: people.RegionKind(kind + 1), Code: code, Name: "地方" + code})
		require.NoError(t, err)
		township, p.village = p.village, r.ID
	}
	p.house, err = who.CreateHousehold(ctx, system, people.NewHousehold{Village: p.village, Members: []people.Person{{Name: "户主"}}})
	require.NoError(t, err)
	p.book, err = p.rules.CreateBook(ctx, system, rule.NewBook{Region: p.village, Asset: ledger.Points, Name: "细则"})
	require.NoError(t, err)
	for _, in := range inputs {
		r, err := p.rules.AddRule(ctx, system, p.book.Versions[0].ID, in)
		require.NoError(t, err)
		p.codes[in.Code] = r.ID
	}
	_, err = p.rules.Adopt(ctx, system, p.book.Versions[0].ID, rule.Adoption{Meeting: "村民代表会议", On: 20260101, VotesFor: 30, From: 20260101})
	require.NoError(t, err)

	shops := shop.New(p.d)
	m, err := shops.CreateMerchant(ctx, system, shop.MerchantInput{Region: township, Code: "M1", Name: "便民超市"})
	require.NoError(t, err)
	require.NoError(t, shops.SetContract(ctx, system, shop.Contract{Merchant: m.ID, Village: p.village, Rate: money.Rate{Points: whole(10), Fen: 100}}))
	for name, price := range map[string]int64{"食用油": 120, "洗衣粉": 200} {
		_, err = shops.CreateProduct(ctx, system, idempotency.Request{Scope: 7, Key: name, Operation: "test"}, shop.ProductInput{Merchant: m.ID, Name: name, Unit: "瓶", Price: whole(price), Stock: 10})
		require.NoError(t, err)
	}
	return p
}

func (p *place) give(t *testing.T, day cal.Day, g award.Grant, code string) award.Outcome {
	g.Rule, g.Household = p.codes[code], p.house.ID
	p.clock.Add(day.Time().Add(12 * time.Hour).Sub(p.clock.Now()))
	out, err := p.awards.Grant(ctx, system, award.Order{Village: p.village, Grants: []award.Grant{g}})
	require.NoError(t, err)
	return out[0]
}

// next is a draft of the book's second version with some rules changed; nil takes a rule out.
func (p *place) next(t *testing.T, change map[string]*rule.Spec, terms rule.Terms, more ...rule.Input) id.ID {
	v, err := p.rules.Draft(ctx, system, p.book.ID)
	require.NoError(t, err)
	_, _, rules, err := p.rules.Version(ctx, system, v.ID)
	require.NoError(t, err)
	for _, r := range rules {
		spec, ok := change[r.Code]
		switch {
		case !ok:
		case spec == nil:
			require.NoError(t, p.rules.DeleteRule(ctx, system, r.ID))
		default:
			_, err := p.rules.UpdateRule(ctx, system, r.ID, rule.Input{Code: r.Code, Category: r.Category, Item: r.Item, Subject: r.Subject, Spec: *spec})
			require.NoError(t, err)
		}
	}
	for _, in := range more {
		_, err := p.rules.AddRule(ctx, system, v.ID, in)
		require.NoError(t, err)
	}
	_, err = p.rules.SetTerms(ctx, system, v.ID, terms)
	require.NoError(t, err)
	return v.ID
}

func fixed(code, item string, n int64, caps ...rule.Cap) rule.Input {
	return rule.Input{Code: code, Category: "类", Item: item, Subject: rule.Household, Spec: rule.Spec{Shape: rule.Fixed, Points: whole(n), Caps: caps}}
}

func TestDryRunSaysWhoWouldHaveGotWhat(t *testing.T) {
	p := setup(t, fixed("A", "庭院整洁", 10), fixed("B", "散养家禽", -5), fixed("C", "参加会议", 5), fixed("D", "捐款", 3))
	tidy := []award.Outcome{p.give(t, 20260905, award.Grant{}, "A"), p.give(t, 20261002, award.Grant{}, "A"), p.give(t, 20261003, award.Grant{}, "A"), p.give(t, 20261004, award.Grant{}, "A")}
	p.give(t, 20261005, award.Grant{}, "B")
	p.give(t, 20261106, award.Grant{}, "B")
	p.give(t, 20261107, award.Grant{}, "C")
	p.give(t, 20261108, award.Grant{}, "D")
	_, err := p.awards.Reverse(ctx, system, p.village, []int64{tidy[3].Number}, "记错了", testRequest)
	require.NoError(t, err)

	draft := p.next(t, map[string]*rule.Spec{
		"A": {Shape: rule.Fixed, Points: whole(8), Caps: []rule.Cap{{Per: rule.PerMonth, Times: 1}}},
		"B": {Shape: rule.Escalate, Steps: []rule.Step{{Points: whole(-8)}, {Points: whole(-15)}}},
		"C": nil,
		"D": {Shape: rule.Amount, Unit: "元", Bands: []rule.Band{{Each: whole(100), Points: whole(1)}}},
	}, rule.Terms{}, fixed("E", "新条目", 1))
	r, err := p.trial.DryRun(ctx, system, trial.Period{Version: draft, Village: p.village, From: 202610, To: 202611})
	require.NoError(t, err)
	require.Equal(t, 6, r.Awards, "September is before the period, and one was reversed")
	require.Equal(t, whole(10+10-5-5+5+3), r.Before)
	require.Equal(t, whole(8-8-15+3), r.After, "once a month, −8 then −15, no meeting, the donation unknown and kept")
	require.Equal(t, []int{1, 1}, []int{r.Refused, r.Undetermined})
	require.Equal(t, []string{"参加会议"}, r.Unmatched)
	require.Equal(t, []string{"新条目"}, r.Unused)
	require.Equal(t, money.Fen(180), r.BeforeFen)
	require.Equal(t, money.Fen(-120), r.AfterFen)
	require.Equal(t, []trial.OwnerDiff{{Household: p.house.ID, Before: r.Before, After: r.After}}, r.Owners)
	require.Equal(t, "散养家禽", r.Rules[0].Item)
	require.Equal(t, whole(-23), r.Rules[0].After)

	_, err = p.trial.DryRun(ctx, system, trial.Period{Version: draft, Village: p.village, From: 202611, To: 202610})
	require.ErrorIs(t, err, trial.ErrPeriod)
}

// The version in force, tried on the awards given by it, gives the same: the replay is the evaluation.
func TestDryRunOfTheVersionInForceChangesNothing(t *testing.T) {
	p := setup(t, fixed("A", "庭院整洁", 10, rule.Cap{Per: rule.PerMonth, Points: whole(25)}),
		rule.Input{Code: "T", Item: "志愿服务", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Tiers, Tiers: []rule.Tier{{At: whole(4), Points: whole(1)}, {At: whole(10), Points: whole(2)}}}},
		rule.Input{Code: "L", Item: "表彰", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Levels, Levels: []rule.Level{{Name: "县", Points: whole(4), Max: whole(6)}, {Name: "市", Points: whole(9)}}}},
		rule.Input{Code: "K", Item: "检查", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Block, Points: whole(10), Less: whole(2)}})
	for _, day := range []cal.Day{20260902, 20260903, 20260904} {
		p.give(t, day, award.Grant{}, "A")
	}
	for _, q := range []int64{3, 2, 6} {
		p.give(t, 20261010, award.Grant{Quantity: whole(q)}, "T")
	}
	five, two := whole(5), 2
	p.give(t, 20261011, award.Grant{Level: "县", Points: &five}, "L")
	p.give(t, 20261111, award.Grant{Level: "市"}, "L")
	p.give(t, 20261112, award.Grant{Spots: &two}, "K")
	r, err := p.trial.DryRun(ctx, system, trial.Period{Version: p.book.Versions[0].ID, Village: p.village, From: 202609, To: 202611})
	require.NoError(t, err)
	require.Equal(t, 9, r.Awards)
	require.Equal(t, whole(25+2+5+9+6), r.Before)
	require.Equal(t, r.Before, r.After)
	require.Zero(t, r.Refused+r.Undetermined)
}

func TestOthersSeeNoDryRun(t *testing.T) {
	p := setup(t, fixed("A", "庭院整洁", 10))
	nobody := auth.Actor{UserID: 5}
	_, err := p.trial.DryRun(ctx, nobody, trial.Period{Version: p.book.Versions[0].ID, Village: p.village, From: 202610, To: 202611})
	require.Error(t, err)
	_, err = p.trial.Forecast(ctx, nobody, p.book.Versions[0].ID, p.village, 0)
	require.Error(t, err)
}

// 龙胜 allows 6,880 points a month where a bottle of oil costs 120: warn of that before a meeting adopts it.
func TestForecastWarnsOfARealBook(t *testing.T) {
	p := setup(t, fixed("A", "庭院整洁", 10))
	file, err := os.ReadFile(filepath.Join("..", "rule", "testdata", "rulebook-longsheng.csv"))
	require.NoError(t, err)
	book, err := p.rules.CreateBook(ctx, system, rule.NewBook{Region: p.village, Asset: ledger.Points, Name: "龙胜"})
	require.NoError(t, err)
	draft := book.Versions[0].ID
	_, err = p.rules.Import(ctx, system, draft, bytes.NewReader(file))
	require.NoError(t, err)
	f, err := p.trial.Forecast(ctx, system, draft, 0, 0)
	require.NoError(t, err)
	require.Equal(t, whole(6880), f.Most)
	require.Equal(t, []string{"一户（3 人）一个月最多可得 6880 分，而最便宜的“食用油”只要 120 分，够换 57 瓶，折合 688.00 元；请确认兑换资金够用，或调低分值、加总上限"}, f.Warnings)

	_, err = p.rules.SetTerms(ctx, system, draft, rule.Terms{Limits: []rule.Limit{{Cap: rule.Cap{Per: rule.PerMonth, Points: whole(300)}}}})
	require.NoError(t, err)
	f, err = p.trial.Forecast(ctx, system, draft, p.village, 3)
	require.NoError(t, err)
	require.Equal(t, whole(300), f.Most)
	require.Empty(t, f.Warnings)

	f, err = p.trial.Forecast(ctx, system, p.book.Versions[0].ID, 0, 3)
	require.NoError(t, err)
	require.Equal(t, []string{"「庭院整洁」1 条加分没有任何上限，记多少次就得多少分；请给它们加上限，或给全书加总上限"}, f.Warnings)
}

// rows counts every table.
func rows(t *testing.T, d *db.DB) map[string]int64 {
	out := map[string]int64{}
	require.NoError(t, d.Read(ctx, func(tx db.Tx) error {
		var tables []string
		query := "SHOW TABLES"
		if tx.Dialector.Name() == "sqlite" {
			query = "SELECT name FROM sqlite_master WHERE type = 'table'"
		}
		require.NoError(t, tx.Raw(query).Scan(&tables).Error)
		for _, name := range tables {
			var n int64
			require.NoError(t, tx.Raw("SELECT COUNT(*) FROM "+name).Scan(&n).Error)
			out[name] = n
		}
		return nil
	}))
	require.Greater(t, len(out), 20)
	return out
}

// On the demo's year a dry run takes seconds and writes nothing.
func TestDryRunOfTheDemosYearWritesNothing(t *testing.T) {
	clock := &demo.Clock{}
	d, err := db.Open(ctx, db.Options{DSN: testkit.DSN(t), Clock: clock.Now})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	secret := strings.Repeat("demo-secret-", 4)
	w := demo.World{DB: d, Rules: rule.New(d), Shops: shop.New(d), Awards: award.New(d)}
	w.Auth, err = auth.New(d, auth.Options{Secret: secret, AccessTTL: time.Hour, RefreshTTL: 24 * time.Hour})
	require.NoError(t, err)
	w.People, err = people.NewService(d, []byte(secret))
	require.NoError(t, err)
	w.Party = party.New(d, w.People)
	w.Redeem, err = redeem.New(d, redeem.Options{Secret: secret, CardPepper: secret + "x", CodeTTL: time.Minute, TicketTTL: time.Minute, RefundWindow: 72 * time.Hour})
	require.NoError(t, err)
	t.Cleanup(func() { w.Redeem.Close(); w.Awards.Close(); w.Auth.Close() })
	until := time.Date(2026, 11, 24, 9, 30, 0, 0, cal.Shanghai)
	_, err = demo.Fill(ctx, w, clock, demo.Extent{Until: until, Months: 12, Percent: yearPercent}, func(string, float64) {})
	require.NoError(t, err)

	var village id.ID
	require.NoError(t, d.Read(ctx, func(tx db.Tx) error {
		return tx.Raw("SELECT village_id FROM awards GROUP BY village_id ORDER BY COUNT(*) DESC LIMIT 1").Scan(&village).Error
	}))
	books, err := w.Rules.Books(ctx, system, village)
	require.NoError(t, err)
	s := trial.New(d, w.Rules)
	before := rows(t, d)
	for _, b := range books {
		v := b.Versions[len(b.Versions)-1]
		began := time.Now()
		r, err := s.DryRun(ctx, system, trial.Period{Version: v.ID, Village: village, From: 202512, To: 202611})
		require.NoError(t, err)
		require.Less(t, time.Since(began), 5*time.Second)
		t.Logf("%s: %d awards in %s, %s before, %s after, %d refused", b.Name, r.Awards, time.Since(began), r.Before, r.After, r.Refused)
		_, err = s.Forecast(ctx, system, v.ID, village, 3)
		require.NoError(t, err)
		require.Positive(t, r.Awards+len(r.Unused))
		if b.Asset == ledger.Points && b.Region == village {
			require.Positive(t, r.Awards)
			require.Equal(t, r.Before, r.After, "the book in force gives what it gave")
		}
	}
	require.Equal(t, before, rows(t, d))
}
