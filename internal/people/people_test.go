package people_test

import (
	"bytes"
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
	"jishan/internal/xlsx"
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

func setup(t *testing.T) fixture {
	f := fixture{db: testkit.DB(t)}
	var err error
	f.s, err = people.NewService(f.db, []byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
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

func sheet(t *testing.T, rows ...[]any) []byte {
	heads := []xlsx.Head{}
	for _, h := range rows[0] {
		heads = append(heads, xlsx.Head{Header: h.(string)})
	}
	var b bytes.Buffer
	require.NoError(t, xlsx.Write(&b, xlsx.Book{Sheets: []xlsx.Sheet{{Name: "花名册", Title: "小渔溪村花名册", Heads: heads, Rows: func(yield func([]any) bool) {
		for _, r := range rows[1:] {
			if !yield(r) {
				return
			}
		}
	}}}}))
	return b.Bytes()
}

func TestRosterImportTwiceChangesNothing(t *testing.T) {
	f := setup(t)
	data := sheet(t, []any{"电话", "户主姓名", "姓名", "关系", "小组", "证件号"},
		[]any{"13800000001", "王大山", "王大山", "户主", "1组", "11010519491231002X"},
		[]any{"", "王大山", "单小梅", "妻", "1组", ""},
		[]any{"", "", "", "", "", ""},
		[]any{"", "李四", "李四", "户主", "2组", ""})
	preview, err := f.s.ImportRoster(ctx, system, f.village.ID, data, people.ImportOptions{Preview: true})
	require.NoError(t, err)
	require.Equal(t, 2, preview.NewHouseholds)
	require.False(t, preview.Written)
	list, err := f.s.Households(ctx, system, people.Search{Village: f.village.ID})
	require.NoError(t, err)
	require.Empty(t, list)

	r, err := f.s.ImportRoster(ctx, system, f.village.ID, data, people.ImportOptions{})
	require.NoError(t, err)
	require.True(t, r.Written)
	require.Equal(t, 3, r.NewVillagers)
	r, err = f.s.ImportRoster(ctx, system, f.village.ID, data, people.ImportOptions{})
	require.NoError(t, err)
	require.Zero(t, r.NewHouseholds+r.NewVillagers+r.Changed)
	require.Equal(t, 3, r.Unchanged)

	for text, head := range map[string]string{"wds": "王大山", "王大": "王大山", "wangda": "王大山", "sxm": "王大山", "shanxiao": "王大山", "0001": "王大山", "ls": "李四"} {
		list, err := f.s.Households(ctx, system, people.Search{Village: f.village.ID, Text: text})
		require.NoError(t, err)
		require.Len(t, list, 1, text)
		require.Equal(t, head, list[0].HeadName)
	}
	list, err = f.s.Households(ctx, system, people.Search{Text: "sxm"})
	require.NoError(t, err)
	require.Equal(t, "单小梅", list[0].Match)

	// The very code is found however it is typed; bound by name or number, and nobody else's.
	code := list[0].Code
	typed := strings.ToLower(people.FormatHouseCode(code))
	list, err = f.s.Households(ctx, system, people.Search{Text: typed})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NoError(t, f.db.Read(ctx, func(tx db.Tx) error {
		for _, who := range []string{"王大山", "单小梅", "138 0000 0001"} {
			h, _, err := f.s.VerifyBinding(tx, typed, who)
			require.NoError(t, err)
			require.Equal(t, code, h.Code)
		}
		_, _, err := f.s.VerifyBinding(tx, typed, "李四")
		require.ErrorIs(t, err, people.ErrBinding)
		return nil
	}))
}

func TestRosterSaysWhatIsWrongAndWritesNothing(t *testing.T) {
	f := setup(t)
	data := sheet(t, []any{"户主", "姓名", "身份证", "手机", "户码", "性别"},
		[]any{"王大山", "王大山", "110105194912310021", "", "", ""},
		[]any{"王大山", "王小山", "11010519491231002X", "123", "", ""},
		[]any{"王大山", "王二山", "11010519491231002X", "", "ABCDEFGH", "不详"},
		[]any{"李四", "李四", "", "", "", ""})
	r, err := f.s.ImportRoster(ctx, system, f.village.ID, data, people.ImportOptions{})
	require.NoError(t, err)
	require.False(t, r.Written)
	var texts []string
	for _, p := range r.Problems {
		texts = append(texts, p.Path+p.Text)
	}
	all := strings.Join(texts, "\n")
	for _, want := range []string{"第3行「身份证」", "第4行「手机」", "第5行「性别」请填男或女", "第5行「户码」"} {
		require.Contains(t, all, want)
	}
	require.NotContains(t, all, "110105") // identity numbers are not repeated
	var report bytes.Buffer
	require.NoError(t, r.WriteProblems(&report))
	r, err = f.s.ImportRoster(ctx, system, f.village.ID, data, people.ImportOptions{SkipBad: true})
	require.NoError(t, err)
	require.True(t, r.Written)
	require.Equal(t, 1, r.NewVillagers)
}

func TestVillagerMovesToAnotherHousehold(t *testing.T) {
	f := setup(t)
	head := []any{"户主", "姓名", "关系", "身份证号"}
	_, err := f.s.ImportRoster(ctx, system, f.village.ID, sheet(t, head, []any{"王大山", "王大山", "户主", ""}, []any{"王大山", "王小花", "女", "11010519491231002X"}, []any{"李四", "李四", "户主", ""}), people.ImportOptions{})
	require.NoError(t, err)
	r, err := f.s.ImportRoster(ctx, system, f.village.ID, sheet(t, head, []any{"李四", "王小花", "儿媳", "11010519491231002X"}), people.ImportOptions{})
	require.NoError(t, err)
	require.Equal(t, 1, r.Moved)
	require.Zero(t, r.NewVillagers)
	_, err = f.s.ImportRoster(ctx, system, f.other.ID, sheet(t, head, []any{"王小花", "王小花", "户主", "11010519491231002X"}), people.ImportOptions{})
	require.ErrorIs(t, err, people.ErrIDTaken)
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
