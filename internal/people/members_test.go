package people_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/stamp"
)

func (f fixture) household(t *testing.T, village people.Region, names ...string) (people.Household, []people.Villager) {
	t.Helper()
	n := people.NewHousehold{Village: village.ID}
	for _, name := range names {
		n.Members = append(n.Members, people.Person{Name: name})
	}
	h, err := f.s.CreateHousehold(ctx, system, n)
	require.NoError(t, err)
	_, members, err := f.s.Household(ctx, system, h.ID)
	require.NoError(t, err)
	require.Len(t, members, len(names))
	return h, members
}

func officer(role auth.Role, rs ...people.Region) auth.Actor {
	return auth.Actor{Kind: auth.KindOfficer, Name: "干部", UserID: 7, Grants: []auth.Grant{{Role: role, Region: rs[0].ID, Regions: reach(rs...)}}}
}

func TestPersonIsChecked(t *testing.T) {
	f := setup(t)
	for _, c := range []struct {
		p    people.Person
		want *errs.Code
	}{
		{people.Person{Name: ""}, people.ErrPerson},
		{people.Person{Name: strings.Repeat("长", 21)}, people.ErrPerson},
		{people.Person{Name: "王大", Gender: 3}, people.ErrPerson},
		{people.Person{Name: "王大", Birth: 20260230}, people.ErrPerson},
		{people.Person{Name: "王\xff大"}, people.ErrPerson},
		{people.Person{Name: "王大", Phone: "0739-1234567"}, people.ErrPhone},
		{people.Person{Name: "王大", Phone: "23800000001"}, people.ErrPhone},
		{people.Person{Name: "王大", IDNumber: "110105194912310021"}, people.ErrIDNumber},
		{people.Person{Name: "王大", IDNumber: "11010519491231002"}, people.ErrIDNumber},
	} {
		_, err := f.s.CreateHousehold(ctx, system, people.NewHousehold{Village: f.village.ID, Members: []people.Person{c.p}})
		require.ErrorIs(t, err, c.want, "%+v", c.p)
	}
	require.Equal(t, [4]int{}, f.count(t))
	h, err := f.s.CreateHousehold(ctx, system, people.NewHousehold{Village: f.village.ID, Members: []people.Person{{Name: "王 大", Phone: "+86 138-0000-0001", IDNumber: "11010519491231002x"}}})
	require.NoError(t, err)
	v := f.find(t, "王大")
	require.Equal(t, []any{h.Head, "户主", 2, "0001", int32(19491231)}, []any{v.ID, v.Relation, v.Gender, v.PhoneTail, int32(v.Birth)})
	_, err = f.s.AddMember(ctx, system, h.ID, people.Person{Name: "王二", IDNumber: "11010519491231002X"})
	require.ErrorIs(t, err, people.ErrIDTaken)
	_, err = f.s.CreateHousehold(ctx, system, people.NewHousehold{Village: f.town.ID, Members: []people.Person{{Name: "王大"}}})
	require.ErrorIs(t, err, errs.ErrNotFound)
}

func TestPhoneIsShownToWhoMayChangeIt(t *testing.T) {
	f := setup(t)
	h, err := f.s.CreateHousehold(ctx, system, people.NewHousehold{Village: f.village.ID, Members: []people.Person{{Name: "王大", Phone: "13812345678"}}})
	require.NoError(t, err)
	phone, err := f.s.Phone(ctx, officer(auth.RoleVillage, f.village), h.Head)
	require.NoError(t, err)
	require.Equal(t, "13812345678", phone)
	_, err = f.s.Phone(ctx, officer(auth.RoleSupervisor, f.village), h.Head)
	require.ErrorIs(t, err, errs.ErrForbidden)
	_, err = f.s.Phone(ctx, officer(auth.RoleVillage, f.other), h.Head)
	require.ErrorIs(t, err, errs.ErrNotFound)
	require.Equal(t, 1, f.audited(t, "villager.phone"))

	// An empty number keeps the one there is, another replaces it.
	v, err := f.s.UpdateVillager(ctx, system, h.Head, people.Person{Name: "王大山", Relation: "户主"}, people.VillagerHere)
	require.NoError(t, err)
	require.Equal(t, "5678", v.PhoneTail)
	require.Equal(t, "王大山", f.house(t, "王大山").HeadName)
	v, err = f.s.UpdateVillager(ctx, system, h.Head, people.Person{Name: "王大山", Phone: "13900000002"}, people.VillagerHere)
	require.NoError(t, err)
	require.Equal(t, "0002", v.PhoneTail)
	phone, err = f.s.Phone(ctx, system, h.Head)
	require.NoError(t, err)
	require.Equal(t, "13900000002", phone)
}

func (f fixture) audited(t *testing.T, action string) (n int) {
	t.Helper()
	require.NoError(t, f.db.Read(ctx, func(tx db.Tx) error {
		return tx.Raw("SELECT COUNT(*) FROM audit_log WHERE action = ?", action).Row().Scan(&n)
	}))
	return n
}

func TestMoveVillager(t *testing.T) {
	f := setup(t)
	from, m := f.household(t, f.village, "王大", "王花")
	to, _ := f.household(t, f.other, "李一")
	daughter := m[1]

	_, err := f.s.MoveVillager(ctx, officer(auth.RoleVillage, f.village), daughter.ID, to.ID, "儿媳")
	require.ErrorIs(t, err, errs.ErrNotFound, "both villages must be in reach")
	_, err = f.s.MoveVillager(ctx, system, m[0].ID, to.ID, "亲家")
	require.ErrorIs(t, err, people.ErrHeadStay)
	_, err = f.s.MoveVillager(ctx, system, daughter.ID, from.ID, "女")
	require.ErrorIs(t, err, people.ErrHousehold)

	f.bind(t, 91, from.ID, daughter.ID)
	f.bind(t, 92, from.ID, m[0].ID)
	f.bind(t, 93, from.ID, 0)
	v, err := f.s.MoveVillager(ctx, officer(auth.RoleTownship, f.town, f.village, f.other), daughter.ID, to.ID, "儿媳")
	require.NoError(t, err)
	require.Equal(t, []any{to.ID, f.other.ID, "儿媳"}, []any{v.Household, v.Village, v.Relation})
	require.Equal(t, v, f.find(t, "王花"))
	require.Equal(t, 2, f.audited(t, "villager.move"), "one entry in each village")
	require.Equal(t, []id.ID{to.ID}, f.bound(t, 91), "who moves sees, and spends, the new household's points only")
	require.Equal(t, []id.ID{from.ID}, f.bound(t, 92))
	require.Equal(t, []id.ID{from.ID}, f.bound(t, 93), "a log-in by card belongs to the household")

	// The last one turns off the light.
	_, err = f.s.MoveVillager(ctx, system, m[0].ID, to.ID, "亲家")
	require.NoError(t, err)
	left, _, err := f.s.Household(ctx, system, from.ID)
	require.NoError(t, err)
	require.Equal(t, people.HouseholdMoved, left.State)
	back, _ := f.household(t, f.village, "孙一")
	_, err = f.s.MoveVillager(ctx, system, back.Head, from.ID, "客")
	require.ErrorIs(t, err, people.ErrHousehold, "nobody moves into an empty household")
}

// Two people change places at the same moment, many times: no deadlock, nobody lost.
func TestMovesAtTheSameTime(t *testing.T) {
	f := setup(t)
	a, am := f.household(t, f.village, "王大", "王花")
	b, bm := f.household(t, f.village, "李一", "李花")
	var wg sync.WaitGroup
	var failures [2]error
	for i, who := range []id.ID{am[1].ID, bm[1].ID} {
		wg.Go(func() {
			for n := range 10 {
				to := []id.ID{b.ID, a.ID}[(i+n)%2]
				if _, err := f.s.MoveVillager(ctx, system, who, to, "亲戚"); err != nil {
					failures[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, [2]error{}, failures)
	require.Equal(t, [4]int{2, 2, 4, 4}, f.count(t))
}

func TestHeadOfHousehold(t *testing.T) {
	f := setup(t)
	h, m := f.household(t, f.village, "王大", "赵氏")
	_, err := f.s.UpdateVillager(ctx, system, h.Head, people.Person{Name: "王大"}, people.VillagerMoved)
	require.ErrorIs(t, err, people.ErrHeadStay)
	stranger, _ := f.household(t, f.village, "李一")
	_, err = f.s.UpdateHousehold(ctx, system, h.ID, people.HouseholdChange{Head: &stranger.Head})
	require.ErrorIs(t, err, people.ErrHousehold)
	h, err = f.s.UpdateHousehold(ctx, system, h.ID, people.HouseholdChange{Head: &m[1].ID})
	require.NoError(t, err)
	require.Equal(t, []any{"赵氏", "zhaoshi", "zs"}, []any{h.HeadName, h.Pinyin, h.Initials})
	require.Equal(t, []string{"户主", "原户主"}, []string{f.find(t, "赵氏").Relation, f.find(t, "王大").Relation})
	_, members, err := f.s.Household(ctx, system, h.ID)
	require.NoError(t, err)
	require.Equal(t, "赵氏", members[0].Name)
	_, err = f.s.UpdateVillager(ctx, system, m[0].ID, people.Person{Name: "王大"}, people.VillagerDied)
	require.NoError(t, err)
	_, err = f.s.UpdateVillager(ctx, system, m[0].ID, people.Person{Name: "王大"}, 4)
	require.ErrorIs(t, err, people.ErrPerson)
}

// Two officers change different things of one household; neither change is lost.
func TestChangesOfOneHouseholdAtTheSameTime(t *testing.T) {
	f := setup(t)
	h, m := f.household(t, f.village, "王大", "赵氏")
	var wg sync.WaitGroup
	errors := make([]error, 20)
	for i := range errors {
		c := people.HouseholdChange{Head: &m[1].ID}
		if i%2 == 1 {
			text := "老街1号"
			c = people.HouseholdChange{Address: &text}
		}
		wg.Go(func() { _, errors[i] = f.s.UpdateHousehold(ctx, system, h.ID, c) })
	}
	wg.Wait()
	for _, err := range errors {
		require.NoError(t, err)
	}
	h = f.house(t, "赵氏")
	require.Equal(t, []string{"赵氏", "老街1号"}, []string{h.HeadName, h.Address})
}

func TestGrids(t *testing.T) {
	f := setup(t)
	a, _ := f.household(t, f.village, "王大")
	b, _ := f.household(t, f.village, "李一")
	c, _ := f.household(t, f.other, "孙一")
	g, err := f.s.CreateGrid(ctx, officer(auth.RoleVillage, f.village), f.village.ID, " 东片 ", "覃建军")
	require.NoError(t, err)
	_, err = f.s.CreateGrid(ctx, system, f.village.ID, "东片", "")
	require.ErrorIs(t, err, people.ErrGridTaken)
	_, err = f.s.CreateGrid(ctx, system, f.village.ID, "", "")
	require.ErrorIs(t, err, people.ErrGrid)
	_, err = f.s.CreateGrid(ctx, officer(auth.RoleVillage, f.village), f.other.ID, "西片", "")
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = f.s.SetGridHouseholds(ctx, system, g.ID, []id.ID{a.ID, c.ID})
	require.ErrorIs(t, err, people.ErrGrid, "a household of another village")
	g, err = f.s.SetGridHouseholds(ctx, system, g.ID, []id.ID{a.ID, b.ID, a.ID})
	require.NoError(t, err)
	require.Equal(t, 2, g.Households)
	list, err := f.s.Households(ctx, system, people.Search{Grid: g.ID})
	require.NoError(t, err)
	require.Len(t, list, 2)
	_, err = f.s.SetGridHouseholds(ctx, system, g.ID, []id.ID{b.ID})
	require.NoError(t, err)
	_, err = f.s.UpdateGrid(ctx, officer(auth.RoleVillage, f.other), g.ID, "东", "")
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = f.s.UpdateGrid(ctx, system, g.ID, "东一片", "彭春霞")
	require.NoError(t, err)
	grids, err := f.s.Grids(ctx, officer(auth.RoleSupervisor, f.village), f.village.ID)
	require.NoError(t, err)
	require.Equal(t, []people.Grid{{ID: g.ID, Village: f.village.ID, Name: "东一片", Officer: "彭春霞", Households: 1}}, grids)
	require.NoError(t, f.s.DeleteGrid(ctx, system, g.ID))
	require.ErrorIs(t, f.s.DeleteGrid(ctx, system, g.ID), errs.ErrNotFound)
	list, err = f.s.Households(ctx, system, people.Search{Village: f.village.ID})
	require.NoError(t, err)
	require.Len(t, list, 2)
}

func (f fixture) stamped(t *testing.T) (n int64) {
	t.Helper()
	require.NoError(t, f.db.Read(ctx, func(tx db.Tx) (err error) {
		n, err = stamp.Read(tx, stamp.Regions)
		return err
	}))
	return n
}

func TestRegions(t *testing.T) {
	f := setup(t)
	_, err := f.s.CreateRegion(ctx, system, people.NewRegion{Parent: f.county.ID, Kind: people.Village, Code: "500100101203", Name: "错级村"})
	require.ErrorIs(t, err, people.ErrRegion)
	_, err = f.s.CreateRegion(ctx, system, people.NewRegion{Parent: f.town.ID, Kind: people.Village, Code: f.village.Code, Name: "同码村"})
	require.ErrorIs(t, err, people.ErrRegionTaken)
	_, err = f.s.CreateRegion(ctx, officer(auth.RoleVillage, f.village), people.NewRegion{Parent: f.village.ID, Kind: people.Group, Code: "50010010120101", Name: "1组"})
	require.ErrorIs(t, err, errs.ErrForbidden)
	founded := f.stamped(t)
	g, err := f.s.CreateRegion(ctx, system, people.NewRegion{Parent: f.village.ID, Kind: people.Group, Code: "50010010120101", Name: "1组"})
	require.NoError(t, err)
	require.Equal(t, []id.ID{f.county.ID, f.town.ID, f.village.ID}, []id.ID{g.County, g.Township, g.Village})
	require.Equal(t, founded+1, f.stamped(t), "whoever keeps the regions reads them again")

	list, err := f.s.Regions(ctx, officer(auth.RoleVillage, f.village, g))
	require.NoError(t, err)
	var names []string
	for _, r := range list {
		names = append(names, r.Name)
	}
	require.Equal(t, []string{"青山县", "渔溪镇", "小渔溪村", "1组"}, names, "the village, what is above and below it, and no neighbour")
	require.NoError(t, f.s.RenameRegion(ctx, system, g.ID, "长岭组", 3))
	require.NoError(t, f.db.Read(ctx, func(tx db.Tx) error {
		r, err := people.RegionByCode(tx, g.Code)
		require.NoError(t, err)
		require.Equal(t, []any{"长岭组", "clz", 3}, []any{r.Name, r.Initials, r.Sort})
		_, err = people.RegionByCode(tx, "1")
		require.ErrorIs(t, err, errs.ErrNotFound)
		return nil
	}))

	// A household can only be in a group of its own village.
	h, _ := f.household(t, f.other, "孙一")
	_, err = f.s.UpdateHousehold(ctx, system, h.ID, people.HouseholdChange{Group: &g.ID})
	require.ErrorIs(t, err, people.ErrGroup)
}

func TestAGroupIsClosedWhenNobodyLivesThere(t *testing.T) {
	f := setup(t)
	group := func(code, name string) people.Region {
		g, err := f.s.CreateRegion(ctx, system, people.NewRegion{Parent: f.village.ID, Kind: people.Group, Code: code, Name: name})
		require.NoError(t, err)
		return g
	}
	g, other := group("50010010120101", "1组"), group("50010010120102", "2组")
	h, _ := f.household(t, f.village, "孙一")
	_, err := f.s.UpdateHousehold(ctx, system, h.ID, people.HouseholdChange{Group: &g.ID})
	require.NoError(t, err)
	_, err = f.s.CloseGroup(ctx, officer(auth.RoleVillage, f.village, g), g.ID, true)
	require.ErrorIs(t, err, errs.ErrForbidden)
	_, err = f.s.CloseGroup(ctx, officer(auth.RoleTownship, f.other), g.ID, true)
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = f.s.CloseGroup(ctx, system, f.village.ID, true)
	require.ErrorIs(t, err, people.ErrRegionClose)
	_, err = f.s.CloseGroup(ctx, system, g.ID, true)
	require.ErrorIs(t, err, people.ErrGroupInUse)
	require.ErrorContains(t, err, "1 户")

	// Who has moved away does not hold it open, and comes back elsewhere.
	moved, here := people.HouseholdMoved, people.HouseholdHere
	_, err = f.s.UpdateHousehold(ctx, system, h.ID, people.HouseholdChange{State: &moved})
	require.NoError(t, err)
	for range 2 {
		closed, err := f.s.CloseGroup(ctx, system, g.ID, true)
		require.NoError(t, err)
		require.True(t, closed.Closed)
	}
	_, err = f.s.UpdateHousehold(ctx, system, h.ID, people.HouseholdChange{State: &here})
	require.ErrorIs(t, err, people.ErrGroupClosed)
	report, err := f.s.ImportRoster(ctx, system, f.village.ID, []byte("组,户主,姓名,与户主关系\n1组,李四,李四,户主\n2组,王五,王五,户主\n,孙一,孙一,户主\n"), people.ImportOptions{SkipBad: true})
	require.NoError(t, err)
	require.Len(t, report.Problems, 2)
	require.Contains(t, report.Problems[0].Text, "“1组”已经撤销")
	require.Contains(t, report.Problems[1].Text, "原来的组已经撤销")
	require.Equal(t, 1, report.NewHouseholds)
	_, err = f.s.UpdateHousehold(ctx, system, h.ID, people.HouseholdChange{State: &here, Group: &other.ID})
	require.NoError(t, err)

	// Opened again, it takes households as before.
	open, err := f.s.CloseGroup(ctx, system, g.ID, false)
	require.NoError(t, err)
	require.False(t, open.Closed)
	_, err = f.s.UpdateHousehold(ctx, system, h.ID, people.HouseholdChange{Group: &g.ID})
	require.NoError(t, err)
}

func TestCountsAndLists(t *testing.T) {
	f := setup(t)
	for i := range 5 {
		f.household(t, f.village, fmt.Sprint("户", i))
	}
	gone, _ := f.household(t, f.village, "走了")
	f.household(t, f.other, "别村")
	moved := people.HouseholdMoved
	_, err := f.s.UpdateHousehold(ctx, system, gone.ID, people.HouseholdChange{State: &moved})
	require.NoError(t, err)
	villages := []id.ID{f.village.ID, f.other.ID, f.town.ID}
	require.NoError(t, f.db.Read(ctx, func(tx db.Tx) error {
		n, err := people.CountHouseholds(tx, villages)
		require.NoError(t, err)
		require.Equal(t, map[id.ID]int{f.village.ID: 5, f.other.ID: 1}, n)
		ids, err := people.HouseholdIDsOf(tx, villages)
		require.NoError(t, err)
		require.Len(t, ids[f.village.ID], 5)
		require.NotContains(t, ids[f.village.ID], gone.ID)
		v, ok, err := people.FindPerson(tx, f.village.ID, "户 3", "")
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, "户3", v.Name)
		return nil
	}))

	// Paging goes through all of them once.
	var seen []string
	after := ""
	for {
		page, err := f.s.Households(ctx, system, people.Search{Village: f.village.ID, Limit: 2, After: after})
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		for _, h := range page {
			seen = append(seen, h.HeadName)
		}
		after = page[len(page)-1].Code
	}
	require.ElementsMatch(t, []string{"户0", "户1", "户2", "户3", "户4"}, seen)
	all, err := f.s.Households(ctx, system, people.Search{Village: f.village.ID, Moved: true})
	require.NoError(t, err)
	require.Len(t, all, 6)
}
