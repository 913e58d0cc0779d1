package people_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"jishan/internal/db"
	"jishan/internal/people"
	"jishan/internal/xlsx"
)

var columns = []any{"组", "户码", "户主", "姓名", "与户主关系", "身份证号", "手机号", "住址", "网格"}

// A sheet as WPS makes it: two title rows, merged cells for the household, other headers in another order, a sum at the end.
func TestMergedSheetWithTitlesAndSynonyms(t *testing.T) {
	f := setup(t)
	x := excelize.NewFile()
	for i, row := range [][]any{
		{"小渔溪村2026年花名册"},
		{"填表单位：小渔溪村"},
		{"序号", "联系电话", "证件号码", "关系", "人员姓名", "户主姓名", "村民小组", "备注", "地址"},
		{1, "１３８ ００００ ０００１", identity(1), "本人", "张　三", "张三", "第一村民小组", "", "老街3号"},
		{2, "", identity(2), "妻", "李四妹", "", "", "低保", ""},
		{},
		{3, "无", "", "长子", "张小三", "", "", "", ""},
		{4, "", identity(4), "户主", "任二", "任二", "二组", "", ""},
		{"", "", "", "", "合计", "4人", "", "", ""},
	} {
		require.NoError(t, x.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row))
	}
	for _, m := range [][2]string{{"A1", "I1"}, {"F4", "F7"}, {"G4", "G7"}, {"I4", "I7"}} {
		require.NoError(t, x.MergeCell("Sheet1", m[0], m[1]))
	}
	var b bytes.Buffer
	require.NoError(t, x.Write(&b))
	r, err := f.s.ImportRoster(ctx, system, f.village.ID, b.Bytes(), people.ImportOptions{})
	require.NoError(t, err)
	require.True(t, r.Written, texts(r))
	require.Equal(t, []int{4, 2, 2, 4}, []int{r.Rows, r.NewGroups, r.NewHouseholds, r.NewVillagers})
	h, members, err := f.s.Household(ctx, system, f.find(t, "李四妹").Household)
	require.NoError(t, err)
	require.Equal(t, "张三", h.HeadName)
	require.Equal(t, "老街3号", h.Address)
	require.Len(t, members, 3)
	require.Equal(t, []any{"张三", "户主", 1, "0001"}, []any{members[0].Name, members[0].Relation, members[0].Gender, members[0].PhoneTail})
	require.Equal(t, h.Group, f.house(t, "张三").Group)
	require.NotZero(t, f.house(t, "任二").Group)

	// The same groups under other names are not made again.
	r = f.take(t, []any{"组", "户主"}, []any{"1组", "张三"}, []any{"02", "任二"}, []any{"东湾", "石磊"})
	require.Equal(t, []int{1, 1, 1, 2}, []int{r.NewGroups, r.NewHouseholds, r.NewVillagers, r.Unchanged})
}

func TestHeadsUnmergedAndCarriedDown(t *testing.T) {
	f := setup(t)
	r := f.take(t, []any{"户主", "姓名"}, []any{"王大", "王大"}, []any{"", "王二"}, []any{"", "王三"}, []any{"赵一", "赵一"})
	require.Equal(t, []int{2, 4}, []int{r.NewHouseholds, r.NewVillagers})
	require.Equal(t, "王大", f.house(t, "王三").HeadName)

	// A head who has no row is entered by name; one who comes later with an identity number is the same.
	r = f.take(t, []any{"户主", "姓名", "与户主关系"}, []any{"孙大", "孙小", "子"})
	require.Equal(t, 2, r.NewVillagers)
	r = f.take(t, []any{"户主", "姓名", "与户主关系", "身份证"}, []any{"孙大", "孙大", "户主", identity(7)})
	require.Equal(t, []int{0, 0, 1}, []int{r.NewHouseholds, r.NewVillagers, r.Changed})

	require.Contains(t, f.refuse(t, []any{"姓名", "与户主关系"}, []any{"钱二", "妻"}), "看不出属于哪一户")
	require.Contains(t, f.refuse(t, []any{"户主", "姓名", "与户主关系"}, []any{"周一", "周一", "户主"}, []any{"", "周二", ""}), "看不出属于哪一户")
	require.Contains(t, f.refuse(t, []any{"组", "姓名", "与户主关系"}, []any{"1组", "周一", "户主"}, []any{"2组", "周二", "妻"}), "不在同一个组")
}

func TestDuplicatesInTheSheet(t *testing.T) {
	f := setup(t)
	got := f.refuse(t, columns,
		[]any{"1组", "", "王大", "王大", "户主", identity(1), "", "", ""},
		[]any{"1组", "", "王大", "王二", "子", identity(2), "", "", ""},
		[]any{"1组", "", "李一", "李一", "户主", "", "", "", ""},
		[]any{"1组", "", "李一", "王二", "外甥", identity(2), "", "", ""},
		[]any{"1组", "", "李一", "李一", "户主", "", "", "", ""})
	require.Equal(t, "第6行「身份证号」与第4行是同一个身份证号，请只留一行\n第7行「姓名」与第5行是同一户的同名人，请只留一行；确是两个人的请都填身份证号", got)

	// Two households of namesakes in one group are told apart by identity numbers.
	r := f.take(t, columns,
		[]any{"1组", "", "王大", "王大", "户主", identity(1), "", "", ""},
		[]any{"1组", "", "王大", "赵氏", "妻", "", "", "", ""},
		[]any{"1组", "", "王大", "王大", "户主", identity(3), "", "", ""},
		[]any{"1组", "", "王大", "钱氏", "妻", "", "", "", ""})
	require.Equal(t, 2, r.NewHouseholds)
	require.NotEqual(t, f.find(t, "赵氏").Household, f.find(t, "钱氏").Household)
	require.Contains(t, f.refuse(t, []any{"户主", "姓名", "关系"}, []any{"王大", "王小", "子"}), "本村有 2 户的户主都叫王大，请填户码或身份证号")
}

func TestBadHeadHoldsTheHouseholdBack(t *testing.T) {
	f := setup(t)
	rows := [][]any{columns,
		{"1组", "", "王大", "王大", "户主", "11010519491231002", "", "", ""},
		{"1组", "", "王大", "王二", "子", identity(2), "", "", ""},
		{"1组", "", "李一", "李一", "户主", identity(3), "", "", ""},
		{"1组", "", "李一", "李二", "子", identity(4), "12345", "", ""}}
	r, err := f.s.ImportRoster(ctx, system, f.village.ID, sheet(t, rows...), people.ImportOptions{SkipBad: true})
	require.NoError(t, err)
	require.True(t, r.Written)
	require.Equal(t, []int{1, 1}, []int{r.NewHouseholds, r.NewVillagers})
	require.Equal(t, "第3行「身份证号」身份证号码不对，请核对 18 位号码\n第4行同一户的户主（第3行）有问题，改好后一起导入\n第6行「手机号」手机号码不对，请填 11 位手机号", texts(r))

	// The error report can be mended and sent again.
	var report bytes.Buffer
	require.NoError(t, r.WriteProblems(&report))
	x, err := excelize.OpenReader(&report)
	require.NoError(t, err)
	got, err := x.GetRows(x.GetSheetName(0))
	require.NoError(t, err)
	require.Len(t, got, 4)
	require.Contains(t, strings.Join(got[1], "|"), "身份证号码不对")
	require.NoError(t, x.SetCellStr(x.GetSheetName(0), "G2", identity(1)))
	require.NoError(t, x.SetCellStr(x.GetSheetName(0), "H4", "13800000001"))
	var mended bytes.Buffer
	require.NoError(t, x.Write(&mended))
	r, err = f.s.ImportRoster(ctx, system, f.village.ID, mended.Bytes(), people.ImportOptions{})
	require.NoError(t, err)
	require.True(t, r.Written, texts(r))
	require.Equal(t, []int{1, 3}, []int{r.NewHouseholds, r.NewVillagers})
	require.Equal(t, [4]int{2, 2, 4, 4}, f.count(t))
}

func TestBlankCellsEraseNothing(t *testing.T) {
	f := setup(t)
	f.take(t, columns, []any{"1组", "", "王大", "王大", "户主", identity(1), "13800000001", "老街1号", "东片"})
	r := f.take(t, []any{"户主", "姓名"}, []any{"王大", "王大"})
	require.Equal(t, []int{0, 0, 0, 1}, []int{r.ChangedHouseholds, r.Changed, r.NewHouseholds, r.Unchanged})
	r = f.take(t, columns, []any{"2组", "", "王达", "王达", "户主", identity(1), "13800000002", "", "东片"})
	require.Equal(t, []int{1, 1, 1, 0, 0}, []int{r.NewGroups, r.ChangedHouseholds, r.Changed, r.NewHouseholds, r.NewGrids})
	h := f.house(t, "王达")
	require.Equal(t, []any{"王达", "wangda", "老街1号"}, []any{h.HeadName, h.Pinyin, h.Address})
	phone, err := f.s.Phone(ctx, system, h.Head)
	require.NoError(t, err)
	require.Equal(t, "13800000002", phone)
	grids, err := f.s.Grids(ctx, system, f.village.ID)
	require.NoError(t, err)
	require.Len(t, grids, 1)
	require.Equal(t, 1, grids[0].Households)
}

func TestChangeOfHead(t *testing.T) {
	f := setup(t)
	f.take(t, columns,
		[]any{"1组", "", "王大", "王大", "户主", identity(1), "", "", ""},
		[]any{"1组", "", "王大", "赵氏", "妻", identity(2), "", "", ""},
		[]any{"1组", "", "王大", "王小", "子", identity(3), "", "", ""},
		[]any{"1组", "", "李一", "李一", "户主", "", "", "", ""})
	old := f.house(t, "王大")

	// Without a code nobody can tell whether the household is new.
	got := f.refuse(t, columns, []any{"1组", "", "赵氏", "赵氏", "户主", identity(2), "", "", ""})
	require.Contains(t, got, "换户主请填户码")
	// The code of another household does not pass.
	got = f.refuse(t, columns, []any{"1组", f.house(t, "李一").Code, "王大", "王小", "子", "", "", "", ""})
	require.Contains(t, got, "户主对不上：这个户码是 李一 户")
	require.Contains(t, f.refuse(t, columns, []any{"1组", people.NewHouseCode(), "王大", "王小", "子", "", "", "", ""}), "本村没有这个户码的户")

	r := f.take(t, columns,
		[]any{"1组", people.FormatHouseCode(old.Code), "赵氏", "赵氏", "户主", identity(2), "", "", ""},
		[]any{"", "", "赵氏", "王小", "子", identity(3), "", "", ""})
	require.Zero(t, r.NewHouseholds+r.NewVillagers)
	h := f.house(t, "赵氏")
	require.Equal(t, old.ID, h.ID)
	require.Equal(t, []any{"赵氏", f.find(t, "赵氏").ID}, []any{h.HeadName, h.Head})
	require.Equal(t, "原户主", f.find(t, "王大").Relation)
}

// With the old head gone, the household goes on without a code.
func TestChangeOfHeadAfterADeath(t *testing.T) {
	f := setup(t)
	f.take(t, columns, []any{"1组", "", "王大", "王大", "户主", identity(1), "", "", ""}, []any{"1组", "", "王大", "赵氏", "妻", identity(2), "", "", ""})
	old := f.house(t, "王大")
	_, err := f.s.UpdateVillager(ctx, system, old.Head, people.Person{Name: "王大"}, people.VillagerDied)
	require.ErrorIs(t, err, people.ErrHeadStay)
	wife := f.find(t, "赵氏").ID
	_, err = f.s.UpdateHousehold(ctx, system, old.ID, people.HouseholdChange{Head: &wife})
	require.NoError(t, err)
	_, err = f.s.UpdateVillager(ctx, system, old.Head, people.Person{Name: "王大"}, people.VillagerDied)
	require.NoError(t, err)
	r := f.take(t, columns, []any{"1组", "", "赵氏", "赵氏", "户主", identity(2), "", "", ""})
	require.Zero(t, r.NewHouseholds+r.NewVillagers)
	require.Contains(t, f.refuse(t, columns, []any{"1组", "", "赵氏", "王大", "夫", identity(1), "", "", ""}), "登记为已去世")
}

func TestNewHouseholdSplitsOffAndHouseholdsJoin(t *testing.T) {
	f := setup(t)
	f.take(t, columns,
		[]any{"1组", "", "王大", "王大", "户主", identity(1), "", "", ""},
		[]any{"1组", "", "王大", "王小", "子", identity(3), "", "", ""},
		[]any{"1组", "", "王大", "孙媳", "儿媳", identity(4), "", "", ""})
	r := f.take(t, columns,
		[]any{"1组", "", "王大", "王大", "户主", identity(1), "", "", ""},
		[]any{"1组", "", "王小", "王小", "户主", identity(3), "", "", ""},
		[]any{"1组", "", "王小", "孙媳", "妻", identity(4), "", "", ""})
	require.Equal(t, []int{1, 0, 2}, []int{r.NewHouseholds, r.NewVillagers, r.Moved})
	require.Equal(t, f.find(t, "王小").Household, f.find(t, "孙媳").Household)

	// The head cannot walk out on his wife; the last one can, and the household is then empty.
	got := f.refuse(t, columns, []any{"1组", "", "王大", "王小", "子", identity(3), "", "", ""})
	require.Contains(t, got, "是 王小 户")
	r = f.take(t, columns,
		[]any{"1组", "", "王小", "王小", "户主", identity(3), "", "", ""},
		[]any{"1组", "", "王小", "王大", "父", identity(1), "", "", ""})
	require.Equal(t, []int{0, 1, 1}, []int{r.NewHouseholds, r.Moved, r.ChangedHouseholds})
	require.Equal(t, [4]int{2, 1, 3, 3}, f.count(t))
}

func TestRosterTemplateCanBeFilledIn(t *testing.T) {
	f := setup(t)
	var b bytes.Buffer
	require.NoError(t, people.RosterTemplate(&b))
	r, err := f.s.ImportRoster(ctx, system, f.village.ID, b.Bytes(), people.ImportOptions{})
	require.NoError(t, err)
	require.Zero(t, r.Rows, "the examples are no roster")
	x, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	require.NoError(t, err)
	rows, err := x.GetRows("填写示例")
	require.NoError(t, err)
	for i, row := range rows[2:] {
		require.NoError(t, x.SetSheetRow("花名册", fmt.Sprintf("A%d", i+2), &row))
	}
	b.Reset()
	require.NoError(t, x.Write(&b))
	r, err = f.s.ImportRoster(ctx, system, f.village.ID, b.Bytes(), people.ImportOptions{})
	require.NoError(t, err)
	require.True(t, r.Written, texts(r))
	require.Equal(t, []int{2, 1, 2, 4}, []int{r.NewGroups, r.NewGrids, r.NewHouseholds, r.NewVillagers})
}

func TestWrongSheetsAreRefused(t *testing.T) {
	f := setup(t)
	for _, data := range [][]byte{nil, []byte("PK\x03\x04"), sheet(t, []any{"品名", "价格"}, []any{"盐", "2"})} {
		_, err := f.s.ImportRoster(ctx, system, f.village.ID, data, people.ImportOptions{})
		require.Error(t, err)
	}
	_, err := f.s.ImportRoster(ctx, system, f.village.ID, sheet(t, []any{"品名", "价格"}), people.ImportOptions{})
	require.ErrorIs(t, err, xlsx.ErrColumns)
	_, err = f.s.ImportRoster(ctx, system, f.town.ID, sheet(t, []any{"姓名", "关系"}, []any{"王大", "户主"}), people.ImportOptions{})
	require.ErrorContains(t, err, "not_found")
}

// Neither a telephone number nor an identity number is anywhere in the database in clear.
func TestNumbersAreNotKept(t *testing.T) {
	f := setup(t)
	f.take(t, columns, []any{"1组", "", "王大", "王大", "户主", identity(1), "13812345678", "", ""})
	require.NoError(t, f.db.Read(ctx, func(tx db.Tx) error {
		for _, table := range []string{"villagers", "households", "audit_log", "outbox"} {
			var rows []map[string]any
			if err := tx.Raw("SELECT * FROM " + table).Scan(&rows).Error; err != nil {
				return err
			}
			for _, row := range rows {
				for column, v := range row {
					text := fmt.Sprintf("%s", v)
					require.NotContains(t, text, identity(1)[6:], column)
					require.NotContains(t, text, "1381234", column)
				}
			}
		}
		return nil
	}))
}
