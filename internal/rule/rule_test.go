package rule_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
	"jishan/internal/testkit"
)

// place is a township with two villages, and the people who work there.
type place struct {
	*rule.Service
	d                                *db.DB
	county, township, village, other id.ID
	town, officer, neighbour         auth.Actor
}

func setup(t *testing.T) place {
	p := place{d: testkit.DBAt(t, testkit.NewClock(t, "2026-11-23 10:00"))}
	p.Service = rule.New(p.d)
	require.NoError(t, p.d.Tx(context.Background(), func(tx db.Tx) error {
		region := func(parent id.ID, kind people.RegionKind, code, name string) id.ID {
			r, err := people.InsertRegion(tx, people.NewRegion{Parent: parent, Kind: kind, Code: code, Name: name})
			require.NoError(t, err)
			return r.ID
		}
		p.county = region(0, people.County, "522200000000", "某县")
		p.township = region(p.county, people.Township, "522200100000", "某乡")
		p.village = region(p.township, people.Village, "522200100200", "小渔溪村")
		p.other = region(p.township, people.Village, "522200100201", "芷溪村")
		return nil
	}))
	in := func(role auth.Role, regions ...id.ID) auth.Actor {
		set := map[id.ID]struct{}{}
		for _, r := range regions {
			set[r] = struct{}{}
		}
		return auth.Actor{UserID: id.New(), Kind: auth.KindOfficer, Name: string(role), Grants: []auth.Grant{{Role: role, Region: regions[0], Regions: set}}}
	}
	p.town = in(auth.RoleTownship, p.township, p.village, p.other)
	p.officer = in(auth.RoleVillage, p.village)
	p.neighbour = in(auth.RoleVillage, p.other)
	return p
}

var ctx = context.Background()

func adoption(from cal.Day) rule.Adoption {
	return rule.Adoption{Meeting: "村民代表会议", On: 20261120, VotesFor: 38, VotesAgainst: 2, From: from}
}

func simple(item string, n int64) rule.Input {
	return rule.Input{Category: "类", Item: item, Subject: rule.Household, Spec: rule.Spec{Shape: rule.Fixed, Points: points.Whole(n)}}
}

func (p place) inForce(t *testing.T, village id.ID, day cal.Day) (out []rule.Rule) {
	t.Helper()
	require.NoError(t, p.d.Read(ctx, func(tx db.Tx) (err error) {
		out, err = rule.InForce(tx, village, ledger.Points, day)
		return err
	}))
	return out
}

func real(t *testing.T, name string) *bytes.Reader {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return bytes.NewReader(b)
}

func TestBookFromDraftToForce(t *testing.T) {
	p := setup(t)
	b, err := p.CreateBook(ctx, p.officer, rule.NewBook{Region: p.village, Asset: ledger.Points, Name: "小渔溪村积分细则"})
	require.NoError(t, err)
	draft := b.Versions[0]
	_, err = p.CreateBook(ctx, p.officer, rule.NewBook{Region: p.village, Asset: ledger.Points, Name: "小渔溪村积分细则"})
	require.ErrorIs(t, err, rule.ErrNameTaken)
	_, err = p.Adopt(ctx, p.officer, draft.ID, adoption(20261201))
	require.ErrorIs(t, err, rule.ErrAdoption, "an empty draft")

	report, err := p.Import(ctx, p.officer, draft.ID, real(t, "rulebook-longsheng.csv"))
	require.NoError(t, err)
	require.Equal(t, 63, report.Rows)
	require.Equal(t, 61, report.Rules)
	_, v, first, err := p.Version(ctx, p.officer, draft.ID)
	require.NoError(t, err)
	require.Equal(t, 61, v.Rules)
	require.Equal(t, "001", first[0].Code)
	require.Equal(t, "061", first[60].Code)

	// Importing again, edited: what has the same words stays the same rule, what is new gets a new code.
	edited := strings.Replace(readAll(t, real(t, "rulebook-longsheng.csv")), "庭院地面干净整洁，无垃圾杂物,10", "庭院地面干净整洁，无垃圾杂物,11", 1)
	edited = strings.Replace(edited, "物品摆放有序", "东西摆放有序", 1)
	_, err = p.Import(ctx, p.officer, draft.ID, strings.NewReader(edited))
	require.NoError(t, err)
	_, _, second, err := p.Version(ctx, p.officer, draft.ID)
	require.NoError(t, err)
	require.Equal(t, first[0].Lineage, second[0].Lineage)
	require.Equal(t, points.Whole(11), second[0].Spec.Points)
	require.Equal(t, "062", second[1].Code)
	require.NotEqual(t, first[1].Lineage, second[1].Lineage)
	require.Equal(t, first[60].Lineage, second[60].Lineage)

	added, err := p.AddRule(ctx, p.officer, draft.ID, simple("新条目", 3))
	require.NoError(t, err)
	require.Equal(t, "063", added.Code)
	clash := simple("编号重复", 3)
	clash.Code = "063"
	_, err = p.AddRule(ctx, p.officer, draft.ID, clash)
	require.ErrorIs(t, err, rule.ErrCodeTaken)
	changed, err := p.UpdateRule(ctx, p.officer, added.ID, simple("改了字", 4))
	require.NoError(t, err)
	require.Equal(t, added.Lineage, changed.Lineage)
	require.NoError(t, p.DeleteRule(ctx, p.officer, added.ID))
	require.ErrorIs(t, p.DeleteRule(ctx, p.officer, added.ID), errs.ErrNotFound)

	require.Empty(t, p.inForce(t, p.village, 20261123), "a draft is not in force")
	one, err := p.Adopt(ctx, p.officer, draft.ID, adoption(20261101))
	require.NoError(t, err)
	require.Equal(t, cal.Day(20261101), one.From)
	require.Len(t, p.inForce(t, p.village, 20261123), 61)
	require.Empty(t, p.inForce(t, p.village, 20261031))
	require.Empty(t, p.inForce(t, p.other, 20261123))

	// Adopted: nothing can change it.
	_, err = p.Import(ctx, p.officer, draft.ID, real(t, "rulebook-luoyu.csv"))
	require.ErrorIs(t, err, rule.ErrAdopted)
	_, err = p.AddRule(ctx, p.officer, draft.ID, simple("晚了", 3))
	require.ErrorIs(t, err, rule.ErrAdopted)
	_, err = p.UpdateRule(ctx, p.officer, second[0].ID, simple("晚了", 3))
	require.ErrorIs(t, err, rule.ErrAdopted)
	require.ErrorIs(t, p.DeleteRule(ctx, p.officer, second[0].ID), rule.ErrAdopted)
	require.ErrorIs(t, p.DeleteDraft(ctx, p.officer, draft.ID), rule.ErrAdopted)
	_, err = p.Adopt(ctx, p.officer, draft.ID, adoption(20261201))
	require.ErrorIs(t, err, rule.ErrAdopted)

	// The next version: same codes, same lineages; adopting it ends the first on the day before.
	next, err := p.Draft(ctx, p.officer, b.ID)
	require.NoError(t, err)
	_, err = p.Draft(ctx, p.officer, b.ID)
	require.ErrorIs(t, err, rule.ErrDraftOpen)
	_, _, third, err := p.Version(ctx, p.officer, next.ID)
	require.NoError(t, err)
	for i := range third {
		require.Equal(t, second[i].Lineage, third[i].Lineage)
		require.Equal(t, second[i].Code, third[i].Code)
		require.NotEqual(t, second[i].ID, third[i].ID)
	}
	_, err = p.Adopt(ctx, p.officer, next.ID, adoption(20261101))
	require.ErrorIs(t, err, rule.ErrAdoption, "not later than the one before")
	_, err = p.Adopt(ctx, p.officer, next.ID, adoption(20261201))
	require.NoError(t, err)
	require.Equal(t, second[0].ID, p.inForce(t, p.village, 20261130)[0].ID)
	require.Equal(t, third[0].ID, p.inForce(t, p.village, 20261201)[0].ID)
	_, closed, _, err := p.Version(ctx, p.officer, draft.ID)
	require.NoError(t, err)
	require.Equal(t, cal.Day(20261130), closed.To)
}

func readAll(t *testing.T, r *bytes.Reader) string {
	t.Helper()
	b := make([]byte, r.Len())
	_, err := r.Read(b)
	require.NoError(t, err)
	return string(b)
}

func TestVillageInheritsItsTownshipsBook(t *testing.T) {
	p := setup(t)
	town, err := p.CreateFromBuiltin(ctx, p.town, p.township, "village-household", "")
	require.NoError(t, err)
	_, err = p.Adopt(ctx, p.town, town.Versions[0].ID, adoption(20260101))
	require.NoError(t, err)
	require.NotEmpty(t, p.inForce(t, p.village, 20260601))
	require.NotEmpty(t, p.inForce(t, p.other, 20260601))

	own, err := p.CreateFromBuiltin(ctx, p.officer, p.village, "village-person", "自己的")
	require.NoError(t, err)
	_, err = p.Adopt(ctx, p.officer, own.Versions[0].ID, adoption(20260701))
	require.NoError(t, err)
	require.Equal(t, town.ID, p.inForce(t, p.village, 20260630)[0].Book)
	require.Equal(t, own.ID, p.inForce(t, p.village, 20260701)[0].Book)
	require.Equal(t, town.ID, p.inForce(t, p.other, 20260701)[0].Book)

	require.NoError(t, p.d.Read(ctx, func(tx db.Tx) error {
		schedules, err := rule.SchedulesOf(tx, []id.ID{p.village})
		s := schedules[p.village]
		require.NoError(t, err)
		rules, err := rule.InForce(tx, p.other, ledger.Points, 20260701)
		require.NoError(t, err)
		require.True(t, s.Holds(rules[0], 20260630))
		require.False(t, s.Holds(rules[0], 20260701))
		require.Empty(t, s.Versions(ledger.PartyScore, 20260701))
		byID, err := rule.RulesByID(tx, []id.ID{rules[0].ID, rules[0].ID, 7})
		require.NoError(t, err)
		require.Equal(t, map[id.ID]rule.Rule{rules[0].ID: rules[0]}, byID)
		return nil
	}))

	books, err := p.Books(ctx, p.officer, p.village)
	require.NoError(t, err)
	require.Len(t, books, 2)
	require.Equal(t, []id.ID{own.ID, town.ID}, []id.ID{books[0].ID, books[1].ID})
	_, _, _, err = p.Version(ctx, p.officer, town.Versions[0].ID)
	require.NoError(t, err, "an inherited book can be read")
	_, err = p.Draft(ctx, p.officer, town.ID)
	require.ErrorIs(t, err, errs.ErrNotFound, "but not written")
}

func TestNobodyReachesAnothersBook(t *testing.T) {
	p := setup(t)
	b, err := p.CreateFromBuiltin(ctx, p.officer, p.village, "village-household", "")
	require.NoError(t, err)
	v := b.Versions[0].ID
	villager := p.officer
	villager.Grants = []auth.Grant{{Role: auth.RoleVillager, Region: p.village, Regions: p.officer.Grants[0].Regions}}
	clerk := p.officer
	clerk.Grants = []auth.Grant{{Role: auth.RoleClerk, Merchant: id.New()}}
	for name, c := range map[string]struct {
		actor       auth.Actor
		read, write *errs.Code
	}{
		"neighbour": {p.neighbour, errs.ErrNotFound, errs.ErrNotFound},
		"villager":  {villager, errs.ErrNotFound, errs.ErrForbidden}, // drafts are not shown
		"clerk":     {clerk, errs.ErrForbidden, errs.ErrForbidden},
		"nobody":    {auth.Actor{}, errs.ErrForbidden, errs.ErrForbidden},
	} {
		_, _, _, err := p.Version(ctx, c.actor, v)
		require.ErrorIs(t, err, c.read, name)
		require.ErrorIs(t, p.Export(ctx, c.actor, v, &bytes.Buffer{}), c.read, name)
		_, err = p.AddRule(ctx, c.actor, v, simple("x", 1))
		require.ErrorIs(t, err, c.write, name)
		_, err = p.Adopt(ctx, c.actor, v, adoption(20261201))
		require.ErrorIs(t, err, c.write, name)
		require.ErrorIs(t, p.DeleteDraft(ctx, c.actor, v), c.write, name)
		_, err = p.Draft(ctx, c.actor, b.ID)
		require.ErrorIs(t, err, c.write, name)
		_, err = p.Import(ctx, c.actor, v, real(t, "rulebook-luoyu.csv"))
		require.Error(t, err, name)
		_, err = p.CreateFromBuiltin(ctx, c.actor, p.village, "village-person", "")
		require.ErrorIs(t, err, c.write, name)
	}
	books, err := p.Books(ctx, villager, p.village)
	require.NoError(t, err)
	require.Empty(t, books)
	_, err = p.CreateBook(ctx, auth.System("test"), rule.NewBook{Region: p.county, Asset: ledger.Points, Name: "x"})
	require.ErrorIs(t, err, rule.ErrBook)
	_, err = p.CreateBook(ctx, auth.System("test"), rule.NewBook{Region: id.New(), Asset: ledger.Points, Name: "x"})
	require.ErrorIs(t, err, errs.ErrNotFound)
	require.NoError(t, p.DeleteDraft(ctx, p.officer, v))
	books, err = p.Books(ctx, p.officer, p.village)
	require.NoError(t, err)
	require.Empty(t, books, "a book goes with its only draft")
}

func TestSearch(t *testing.T) {
	p := setup(t)
	b, err := p.CreateFromBuiltin(ctx, p.officer, p.village, "village-household", "")
	require.NoError(t, err)
	_, err = p.Adopt(ctx, p.officer, b.Versions[0].ID, adoption(20260101))
	require.NoError(t, err)
	for text, first := range map[string]string{
		"散养": "散养家禽", "syjq": "散养家禽", "sanyang": "散养家禽", "家禽": "散养家禽", "038": "散养家禽",
		"畜禽圈养 脏臭": "圈舍脏臭", "门前三包": "包卫生、包绿化、包秩序做到位", "": "院坝清扫干净，看不到垃圾",
	} {
		got, err := p.Search(ctx, p.officer, rule.Query{Village: p.village, Asset: ledger.Points, Text: text, Limit: 3})
		require.NoError(t, err)
		require.NotEmpty(t, got, text)
		require.Equal(t, first, got[0].Item, text)
	}
	got, err := p.Search(ctx, p.officer, rule.Query{Village: p.village, Asset: ledger.Points, Text: "火箭"})
	require.NoError(t, err)
	require.Empty(t, got)
	_, err = p.Search(ctx, p.neighbour, rule.Query{Village: p.village, Asset: ledger.Points})
	require.ErrorIs(t, err, errs.ErrNotFound)
}

func TestExportedBookImportsEqual(t *testing.T) {
	p := setup(t)
	b, err := p.CreateBook(ctx, p.officer, rule.NewBook{Region: p.village, Asset: ledger.Points, Name: "原本"})
	require.NoError(t, err)
	_, err = p.Import(ctx, p.officer, b.Versions[0].ID, real(t, "rulebook-longsheng.csv"))
	require.NoError(t, err)
	var file bytes.Buffer
	require.NoError(t, p.Export(ctx, p.officer, b.Versions[0].ID, &file))
	_, _, want, err := p.Version(ctx, p.officer, b.Versions[0].ID)
	require.NoError(t, err)

	_, err = p.Import(ctx, p.officer, b.Versions[0].ID, bytes.NewReader(file.Bytes()))
	require.NoError(t, err)
	_, _, again, err := p.Version(ctx, p.officer, b.Versions[0].ID)
	require.NoError(t, err)
	for i := range again {
		again[i].ID = want[i].ID
	}
	require.Equal(t, want, again, "into the same book: the same rules")

	copied, err := p.CreateBook(ctx, p.neighbour, rule.NewBook{Region: p.other, Asset: ledger.Points, Name: "抄本"})
	require.NoError(t, err)
	_, err = p.Import(ctx, p.neighbour, copied.Versions[0].ID, &file)
	require.NoError(t, err)
	_, _, other, err := p.Version(ctx, p.neighbour, copied.Versions[0].ID)
	require.NoError(t, err)
	for i := range other {
		require.NotEqual(t, want[i].Lineage, other[i].Lineage, "another book's rules are others")
		require.Equal(t, [4]any{want[i].Code, want[i].Category, want[i].Item, want[i].Spec}, [4]any{other[i].Code, other[i].Category, other[i].Item, other[i].Spec})
	}
}

func TestFailedImportLeavesTheDraftAlone(t *testing.T) {
	p := setup(t)
	b, err := p.CreateFromBuiltin(ctx, p.officer, p.village, "village-household", "")
	require.NoError(t, err)
	for _, file := range []string{"", "随便,几列\n1,2\n", "条目,分值\n甲,很多\n", "\x00\x01", "PK\x03\x04坏的"} {
		_, err := p.Import(ctx, p.officer, b.Versions[0].ID, strings.NewReader(file))
		require.Error(t, err)
		require.NotEqual(t, errs.Internal, errs.From(err).Code.Kind, "%q: %v", file, err)
	}
	_, v, _, err := p.Version(ctx, p.officer, b.Versions[0].ID)
	require.NoError(t, err)
	require.Equal(t, b.Versions[0].Rules, v.Rules)
}

// Two officers at once: one draft, one adoption.
func TestConcurrentKeepers(t *testing.T) {
	p := setup(t)
	b, err := p.CreateFromBuiltin(ctx, p.officer, p.village, "village-household", "")
	require.NoError(t, err)
	together := func(do func() error) (ok int) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		for range 8 {
			wg.Go(func() {
				if do() == nil {
					mu.Lock()
					ok++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		return ok
	}
	require.Equal(t, 1, together(func() error { _, err := p.Adopt(ctx, p.officer, b.Versions[0].ID, adoption(20260101)); return err }))
	require.Equal(t, 1, together(func() error { _, err := p.Draft(ctx, p.officer, b.ID); return err }))
}
