package people_test

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/stamp"
	"jishan/internal/xlsx"
)

// sheet is a workbook with a title above the header, which is the first row.
func sheet(t testing.TB, rows ...[]any) []byte {
	var heads []xlsx.Head
	for _, h := range rows[0] {
		heads = append(heads, xlsx.Head{Header: h.(string)})
	}
	return written(t, heads, slices.Values(rows[1:]))
}

func written(t testing.TB, heads []xlsx.Head, rows iter.Seq[[]any]) []byte {
	var b bytes.Buffer
	require.NoError(t, xlsx.Write(&b, xlsx.Book{Sheets: []xlsx.Sheet{{Name: "花名册", Title: "小渔溪村花名册", Heads: heads, Rows: rows}}}))
	return b.Bytes()
}

// texts are all problems, one a line.
func texts(r *people.RosterReport) string {
	var out []string
	for _, p := range r.Problems {
		out = append(out, p.Path+p.Text)
	}
	return strings.Join(out, "\n")
}

// take imports rows into the fixture's village, which must go in without a problem.
func (f fixture) take(t *testing.T, rows ...[]any) *people.RosterReport {
	t.Helper()
	r, err := f.s.ImportRoster(ctx, system, f.village.ID, sheet(t, rows...), people.ImportOptions{})
	require.NoError(t, err)
	require.True(t, r.Written, texts(r))
	return r
}

// refuse imports rows of which some are bad, and gives back what is wrong.
func (f fixture) refuse(t *testing.T, rows ...[]any) string {
	t.Helper()
	before := f.count(t)
	r, err := f.s.ImportRoster(ctx, system, f.village.ID, sheet(t, rows...), people.ImportOptions{})
	require.NoError(t, err)
	require.False(t, r.Written)
	require.Equal(t, before, f.count(t), "something was written")
	return texts(r)
}

// count is how many households and villagers there are, and how many of them live here.
func (f fixture) count(t *testing.T) (n [4]int) {
	t.Helper()
	require.NoError(t, f.db.Read(ctx, func(tx db.Tx) error {
		for i, q := range []string{"households", "households WHERE state = 1", "villagers", "villagers WHERE state = 1"} {
			if err := tx.Raw("SELECT COUNT(*) FROM " + q).Row().Scan(&n[i]); err != nil {
				return err
			}
		}
		return nil
	}))
	return n
}

// find is the one villager of a name, wherever.
func (f fixture) find(t *testing.T, name string) (v people.Villager) {
	t.Helper()
	require.NoError(t, f.db.Read(ctx, func(tx db.Tx) error {
		var ids []id.ID
		if err := tx.Raw("SELECT id FROM villagers WHERE name = ?", name).Scan(&ids).Error; err != nil {
			return err
		}
		require.Len(t, ids, 1, name)
		found, err := people.VillagersByID(tx, ids)
		v = found[ids[0]]
		return err
	}))
	return v
}

// house is the household of the one villager of a name.
func (f fixture) house(t *testing.T, name string) (h people.Household) {
	t.Helper()
	v := f.find(t, name)
	h, _, err := f.s.Household(ctx, system, v.Household)
	require.NoError(t, err)
	return h
}

// identity makes an identity number with a right check digit; odd n are men.
func identity(n int) string {
	s := fmt.Sprintf("500101%04d%02d%02d%03d", 1950+n/1000%50, n/28%12+1, n%28+1, n%1000)
	sum := 0
	for i, w := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(s[i]-'0') * w
	}
	return s + string("10X98765432"[sum%11])
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
		[]any{"王大山", "王二山", "11010519491231002X", "", "ABCDEFGH", "壮年"},
		[]any{"李四", "李四", "", "", "", ""})
	r, err := f.s.ImportRoster(ctx, system, f.village.ID, data, people.ImportOptions{})
	require.NoError(t, err)
	require.False(t, r.Written)
	all := texts(r)
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

// Who keeps where households belong is told when an import has changed some.
func TestRosterCountsChangedHouseholds(t *testing.T) {
	f := setup(t)
	stamped := func() (n int64) {
		require.NoError(t, f.db.Read(ctx, func(tx db.Tx) (err error) {
			n, err = stamp.Read(tx, stamp.Residences)
			return err
		}))
		return n
	}
	head, row := []any{"户主", "姓名", "关系"}, []any{"王大山", "王大山", "户主"}
	f.take(t, head, row)
	before := stamped()
	f.take(t, head, row)
	require.Equal(t, before, stamped())
	moved := people.HouseholdMoved
	_, err := f.s.UpdateHousehold(ctx, system, f.house(t, "王大山").ID, people.HouseholdChange{State: &moved})
	require.NoError(t, err)
	before = stamped()
	f.take(t, head, row)
	require.True(t, f.house(t, "王大山").Active(), "whoever is in the roster lives here")
	require.Greater(t, stamped(), before)
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
	// Another village takes her in only after this one has let her go.
	data := sheet(t, head, []any{"王小花", "王小花", "户主", "11010519491231002X"})
	r, err = f.s.ImportRoster(ctx, system, f.other.ID, data, people.ImportOptions{})
	require.NoError(t, err)
	require.False(t, r.Written)
	require.Equal(t, "第3行「身份证号」此人登记在别的村，请先由那个村办理迁出", texts(r))
	v := f.find(t, "王小花")
	_, err = f.s.UpdateVillager(ctx, system, v.ID, people.Person{Name: v.Name, Relation: v.Relation}, people.VillagerMoved)
	require.NoError(t, err)
	r, err = f.s.ImportRoster(ctx, system, f.other.ID, data, people.ImportOptions{})
	require.NoError(t, err)
	require.True(t, r.Written, texts(r))
	require.Equal(t, []int{1, 0, 1}, []int{r.NewHouseholds, r.NewVillagers, r.Moved})
	moved := f.find(t, "王小花")
	require.Equal(t, v.ID, moved.ID)
	require.Equal(t, f.other.ID, moved.Village)
}
