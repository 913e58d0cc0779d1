package rule_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/rule"
)

// townBook is a township's adopted book that leaves villages what 文登居民 does: five rules that give and five that take, of
// two points at most; and that bounds a household's month.
func (p place) townBook(t *testing.T) rule.Book {
	b, err := p.CreateBook(ctx, p.town, rule.NewBook{Region: p.township, Asset: ledger.Points, Name: "乡镇细则"})
	require.NoError(t, err)
	_, err = p.AddRule(ctx, p.town, b.Versions[0].ID, simple("乡里的", 5))
	require.NoError(t, err)
	v, err := p.SetTerms(ctx, p.town, b.Versions[0].ID, rule.Terms{Own: rule.Own{Rules: 5, Deducts: 5, Points: points.Whole(2)},
		Limits: []rule.Limit{{Cap: rule.Cap{Per: rule.PerMonth, Points: points.Whole(100)}}}})
	require.NoError(t, err)
	require.Equal(t, "各类合计每月最多100分；村自设条目加分最多5条；扣分最多5条；每次最多2分", v.Terms.Text())
	_, err = p.Adopt(ctx, p.town, b.Versions[0].ID, adoption(20260101))
	require.NoError(t, err)
	_, err = p.SetTerms(ctx, p.town, b.Versions[0].ID, rule.Terms{})
	require.ErrorIs(t, err, rule.ErrAdopted)
	return b
}

func TestVillagesOwnRulesKeepWithinWhatTheTownshipLeaves(t *testing.T) {
	p := setup(t)
	_, err := p.CreateBook(ctx, p.town, rule.NewBook{Region: p.township, Asset: ledger.Points, Name: "自设", Supplement: true})
	require.ErrorIs(t, err, rule.ErrBook, "a township adds to nothing")
	own, err := p.CreateBook(ctx, p.officer, rule.NewBook{Region: p.village, Asset: ledger.Points, Name: "自设", Supplement: true})
	require.NoError(t, err)
	draft := own.Versions[0].ID
	_, err = p.SetTerms(ctx, p.officer, draft, rule.Terms{Own: rule.Own{Rules: 1}})
	require.ErrorIs(t, err, rule.ErrSpec, "a village leaves nothing to villages")
	add := func(item string, spec rule.Spec) id.ID {
		r, err := p.AddRule(ctx, p.officer, draft, rule.Input{Category: "自设", Item: item, Subject: rule.Household, Spec: spec})
		require.NoError(t, err)
		return r.ID
	}
	fixed := func(n int64) rule.Spec { return rule.Spec{Shape: rule.Fixed, Points: points.Whole(n)} }
	add("加一", fixed(2))
	for range 5 {
		add("扣分", fixed(-1))
	}
	_, err = p.Adopt(ctx, p.officer, draft, adoption(20260201))
	require.ErrorIs(t, err, rule.ErrOwn, "no township book leaves anything yet")
	town := p.townBook(t)

	sixth := add("第六条扣分", fixed(-1))
	_, err = p.Adopt(ctx, p.officer, draft, adoption(20260201))
	require.Equal(t, "乡镇细则给村里留的自设条目，加分最多 5 条、扣分最多 5 条，现有加分 1 条、扣分 6 条", errs.From(err).Text())
	require.NoError(t, p.DeleteRule(ctx, p.officer, sixth))

	big := add("太大", fixed(3))
	open := add("没有边", rule.Spec{Shape: rule.Amount, Bands: []rule.Band{{Each: points.Whole(100), Points: points.Whole(1)}}})
	_, err = p.Adopt(ctx, p.officer, draft, adoption(20260201))
	require.ErrorIs(t, err, rule.ErrOwn)
	require.Len(t, errs.From(err).Fields, 2)
	require.NoError(t, p.DeleteRule(ctx, p.officer, big))
	_, err = p.UpdateRule(ctx, p.officer, open, rule.Input{Category: "自设", Item: "有边", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Amount,
		Bands: []rule.Band{{Each: points.Whole(100), Points: points.Whole(1)}}, Caps: []rule.Cap{{Per: rule.PerAct, Points: points.Whole(2)}}}})
	require.NoError(t, err)
	_, err = p.Adopt(ctx, p.officer, draft, adoption(20260201))
	require.NoError(t, err)

	require.Len(t, p.inForce(t, p.village, 20260131), 1, "the township's alone")
	both := p.inForce(t, p.village, 20260201)
	require.Len(t, both, 8)
	require.Equal(t, town.ID, both[0].Book)
	require.Equal(t, own.ID, both[7].Book)
	require.Len(t, both[7].Limits, 1, "the township's limit binds what the village adds")
	require.Len(t, p.inForce(t, p.other, 20260201), 1, "another village has its township's only")
}

func TestTermsGoOutAndComeInBySheet(t *testing.T) {
	p := setup(t)
	town := p.townBook(t)
	var file bytes.Buffer
	require.NoError(t, p.Export(ctx, p.town, town.Versions[0].ID, &file))
	v, err := p.Draft(ctx, p.town, town.ID)
	require.NoError(t, err)
	_, before, _, err := p.Version(ctx, p.town, v.ID)
	require.NoError(t, err)
	require.Len(t, before.Terms.Limits, 1, "a new draft keeps the terms")
	_, err = p.SetTerms(ctx, p.town, v.ID, rule.Terms{})
	require.NoError(t, err)
	report, err := p.Import(ctx, p.town, v.ID, bytes.NewReader(file.Bytes()))
	require.NoError(t, err)
	require.Empty(t, report.Notes)
	_, after, _, err := p.Version(ctx, p.town, v.ID)
	require.NoError(t, err)
	require.Equal(t, before.Terms, after.Terms)

	report, err = p.Import(ctx, p.town, v.ID, real(t, "rulebook-luoyu.csv"))
	require.NoError(t, err)
	require.Len(t, report.Notes, 1, "a sheet without limits takes them away, and says so")

	own, err := p.CreateBook(ctx, p.officer, rule.NewBook{Region: p.village, Asset: ledger.Points, Name: "村"})
	require.NoError(t, err)
	_, err = p.Import(ctx, p.officer, own.Versions[0].ID, bytes.NewReader(file.Bytes()))
	require.ErrorIs(t, err, rule.ErrSpec, "a village's book leaves nothing to villages")
	require.NoError(t, p.d.Read(ctx, func(tx db.Tx) error {
		var n int
		require.NoError(t, tx.Raw("SELECT COUNT(*) FROM rules WHERE version_id = ?", own.Versions[0].ID).Scan(&n).Error)
		require.Zero(t, n, "all or nothing")
		return nil
	}))
}
