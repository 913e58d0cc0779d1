package people_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/people"
	"jishan/internal/testkit"
)

var (
	ctx    = context.Background()
	system = auth.System("test")
)

type fixture struct {
	db                           *db.DB
	s                            *people.Service
	county, town, village, other people.Region
}

// setup gives the test a database of its own with a county, a township and two villages, and runs it beside the others.
func setup(t testing.TB) fixture {
	if test, ok := t.(*testing.T); ok {
		test.Parallel()
	}
	f := fixture{db: testkit.DB(t)}
	var err error
	f.s, err = people.NewService(f.db, []byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	t.Cleanup(f.s.Close)
	make := func(parent people.Region, kind people.RegionKind, code, name string) people.Region {
		r, err := f.s.CreateRegion(ctx, system, people.NewRegion{Parent: parent.ID, Kind: kind, Code: code, Name: name})
		require.NoError(t, err)
		return r
	}
	f.county = make(people.Region{}, people.County, "500100", "青山县")
	f.town = make(f.county, people.Township, "500100101", "渔溪镇")
	f.village = make(f.town, people.Village, "500100101201", "小渔溪村")
	f.other = make(f.town, people.Village, "500100101202", "芷溪村")
	return f
}

func TestSettings(t *testing.T) {
	f := setup(t)
	set, err := f.s.Settings(ctx, system, f.village.ID)
	require.NoError(t, err)
	require.Equal(t, people.DefaultSettings(f.village.ID), set)
	set.RedeemDays, set.CloseDay, set.OwingLimit, set.MaskNames = "1,w6", 10, 500, false
	require.NoError(t, f.s.UpdateSettings(ctx, system, set))
	again, err := f.s.Settings(ctx, system, f.village.ID)
	require.NoError(t, err)
	require.Equal(t, set, again)
	set.RedeemDays = "星期六"
	require.ErrorIs(t, f.s.UpdateSettings(ctx, system, set), people.ErrSettings)
	for day, want := range map[cal.Day]bool{20261101: true, 20261128: true, 20261124: false} {
		open, err := people.RedeemOpen("1,w6", day)
		require.NoError(t, err)
		require.Equal(t, want, open, day)
	}
}

func TestReachBoundsEverything(t *testing.T) {
	f := setup(t)
	h, err := f.s.CreateHousehold(ctx, system, people.NewHousehold{Village: f.village.ID, Members: []people.Person{{Name: "王大山"}}})
	require.NoError(t, err)
	neighbour := auth.Actor{Kind: auth.KindOfficer, Grants: []auth.Grant{{Role: auth.RoleVillage, Region: f.other.ID, Regions: reach(f.other)}}}
	_, _, err = f.s.Household(ctx, neighbour, h.ID)
	require.ErrorContains(t, err, "not_found")
	_, err = f.s.Households(ctx, neighbour, people.Search{Village: f.village.ID})
	require.ErrorContains(t, err, "not_found")
	list, err := f.s.Households(ctx, neighbour, people.Search{})
	require.NoError(t, err)
	require.Empty(t, list)
	_, err = f.s.UpdateHousehold(ctx, neighbour, h.ID, people.HouseholdChange{})
	require.ErrorContains(t, err, "not_found")
}

// The check character catches every single wrong character and every exchange of neighbours.
func TestHouseCodeCatchesSlips(t *testing.T) {
	const alphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
	rapid.Check(t, func(t *rapid.T) {
		code := people.NewHouseCode()
		got, err := people.ParseHouseCode(people.FormatHouseCode(strings.ToLower(code)))
		require.NoError(t, err)
		require.Equal(t, code, got)
		i := rapid.IntRange(0, 7).Draw(t, "place")
		c := alphabet[rapid.IntRange(0, len(alphabet)-1).Draw(t, "char")]
		b := []byte(code)
		if b[i] != c {
			b[i] = c
			_, err := people.ParseHouseCode(string(b))
			require.Error(t, err)
		}
		if b = []byte(code); i < 7 && b[i] != b[i+1] {
			b[i], b[i+1] = b[i+1], b[i]
			_, err := people.ParseHouseCode(string(b))
			require.Error(t, err)
		}
	})
}

func FuzzParseHouseCode(f *testing.F) {
	f.Add("ABCD-EFGH")
	f.Add("ＡＢＣＤ　ＥＦＧＨ")
	f.Add(people.NewHouseCode())
	f.Fuzz(func(t *testing.T, s string) {
		if code, err := people.ParseHouseCode(s); err == nil {
			again, err := people.ParseHouseCode(people.FormatHouseCode(code))
			require.NoError(t, err)
			require.Equal(t, code, again)
		}
	})
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{"": "", "张": "张", "张三": "张*", "张小三": "张*三", "欧阳小三": "欧**三"} {
		require.Equal(t, want, people.Mask(in))
	}
}
