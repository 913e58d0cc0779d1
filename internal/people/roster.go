package people

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/xlsx"
)

// rosterColumns are the columns of a roster, one row a person, in any order. A sheet that lists heads of households only may
// lack the column 姓名.
var rosterColumns = []xlsx.Column{
	{Key: "group", Header: "组", Synonyms: []string{"小组", "村民小组", "组别", "所在组", "所属小组", "组名"}, Merged: true},
	{Key: "code", Header: "户码", Merged: true},
	{Key: "head", Header: "户主", Synonyms: []string{"户主姓名", "户主名字", "户主名称"}, Merged: true},
	{Key: "name", Header: "姓名", Synonyms: []string{"成员姓名", "家庭成员", "家庭成员姓名", "人员姓名", "村民姓名"}, Required: true},
	{Key: "relation", Header: "与户主关系", Synonyms: []string{"与户主的关系", "关系", "家庭关系", "成员关系"}},
	{Key: "gender", Header: "性别"},
	{Key: "idno", Header: "身份证号", Synonyms: []string{"身份证", "身份证号码", "证件号", "证件号码", "公民身份号码", "公民身份证号码"}},
	{Key: "phone", Header: "手机号", Synonyms: []string{"手机", "手机号码", "电话", "联系电话", "电话号码", "联系方式"}},
	{Key: "address", Header: "住址", Synonyms: []string{"地址", "家庭住址", "家庭地址", "居住地址", "现住址", "门牌", "门牌号"}, Merged: true},
	{Key: "grid", Header: "网格", Synonyms: []string{"所属网格", "网格名称"}, Merged: true},
}

// headsOnly are the columns of a list of households, where the head is the one person of each row.
func headsOnly() []xlsx.Column {
	var out []xlsx.Column
	for _, c := range rosterColumns {
		if c.Key != "name" {
			c.Required = c.Key == "head"
			out = append(out, c)
		}
	}
	return out
}

// maxRoster is the most rows of a sheet: 50,000 people, their header and titles.
const maxRoster = 50_100

// ImportOptions say how to treat a sheet.
type ImportOptions struct {
	Preview bool // look, write nothing
	SkipBad bool // write the good rows even though others are bad
	// Progress is told how far the import is; nil for none. It goes back when the transaction has to be run again.
	Progress func(Progress)
	Log      *slog.Logger // of imports in the background; nil = discard
}

// Progress is how far an import is.
type Progress struct {
	Rows    int // of the sheet, read so far
	Percent int // of the whole work, 0–100: reading is half of it, unless it is all
}

// RosterReport is what an import did, or would do.
type RosterReport struct {
	Rows              int
	NewGroups         int
	NewGrids          int
	NewHouseholds     int
	ChangedHouseholds int // group, address, head, or back after having moved away
	NewVillagers      int
	Changed           int // villagers already known of whom something changed
	Moved             int // of these, to another household
	Unchanged         int
	Written           bool
	Problems          []errs.Field // by row, as Excel counts them
	table             *xlsx.Table
	bad               []*xlsx.Row
}

// WriteProblems writes the rows that could not be taken, with what is wrong, as a workbook that can be mended and sent again.
func (r *RosterReport) WriteProblems(w io.Writer) error { return xlsx.WriteReport(w, r.table, r.bad) }

// RosterTemplate writes the workbook to be filled in.
func RosterTemplate(w io.Writer) error {
	return xlsx.WriteTemplate(w, xlsx.Template{
		Name: "花名册",
		Heads: []xlsx.Head{
			{Header: "组", Note: "村民小组，如 1组；“第一村民小组”“一组”“1”都算同一个组。系统里没有的组会自动建立", Width: 10},
			{Header: "户码", Note: "已有户码的照填，新户留空，系统会编", Width: 14},
			{Header: "户主", Note: "这一户户主的姓名。同一户每一行都填；也可以只在户主那一行的“与户主关系”里写“户主”，家里人紧跟在下面", Width: 12},
			{Header: "姓名", Note: "这一行的人的姓名。只登记户主时可以没有这一列", Width: 12, Required: true},
			{Header: "与户主关系", Note: "户主本人填“户主”，其他人填 妻子、长子、儿媳 等", Width: 12},
			{Header: "性别", Note: "填了身份证号可不填；与身份证号不一致时以身份证号为准", Width: 8, Options: []string{"男", "女"}},
			{Header: "身份证号", Note: "18 位。用来查重和认人，系统不保存号码本身", Width: 22},
			{Header: "手机号", Note: "11 位，用来绑定小程序；一格只填一个号码", Width: 16},
			{Header: "住址", Note: "门牌或小地名，最多 50 字", Width: 24},
			{Header: "网格", Note: "所在网格的名称；系统里没有的网格会自动建立", Width: 12},
		},
		Notes: []string{
			"一行一个人。列的先后随意，上面可以有标题行，中间可以有空行；多出来的列不会被读取。",
			"重复导入不会重复登记：先按身份证号找人，再按户码和姓名，最后按组、户主和姓名。空着的格子不会抹掉已登记的内容。",
			"表里没有的人和户不会被删除；去世、迁出请在系统里逐个办理。",
			"换户主：填上户码，把新户主那一行的“与户主关系”写成“户主”。分户：原来的户和新分出的户都要列在表里。",
			"同一组有同名的户主时，请填户码或身份证号。",
			"身份证号显示为 5.12E+17 时，请先把这一列设为“文本”再重新填写。",
		},
		Examples: [][]any{
			{"1组", "", "王大山", "王大山", "户主", "男", "", "13800000001", "老街 3 号", "第一网格"},
			{"1组", "", "王大山", "李小梅", "妻子", "女", "", "", "老街 3 号", "第一网格"},
			{"1组", "", "王大山", "王小山", "长子", "男", "", "", "老街 3 号", "第一网格"},
			{"2组", "", "单明", "单明", "户主", "男", "", "", "", ""},
		},
	})
}

// openRoster finds the table of a roster: of people, or else of heads of households.
func openRoster(sheet []byte) (t *xlsx.Table, headOnly bool, err error) {
	limits := xlsx.DefaultLimits()
	limits.Rows = maxRoster
	f, err := xlsx.Open(bytes.NewReader(sheet), limits)
	if err != nil {
		return nil, false, err
	}
	if t, err = f.Table("", rosterColumns); err == nil {
		return t, false, nil
	}
	if errs.From(err).Code != xlsx.ErrColumns {
		return nil, false, err
	}
	if t, err := f.Table("", headsOnly()); err == nil {
		return t, true, nil
	}
	return nil, false, err
}

// ImportRoster reads a roster into a village. With Preview nothing is written; otherwise all good rows are, in one
// transaction, or nothing if a row is bad and SkipBad is not set. The same sheet imported again changes nothing.
func (s *Service) ImportRoster(ctx context.Context, actor auth.Actor, village id.ID, sheet []byte, o ImportOptions) (*RosterReport, error) {
	if err := actor.InRegion(auth.PeopleWrite, village); err != nil {
		return nil, err
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	table, headOnly, err := openRoster(sheet)
	if err != nil {
		return nil, err
	}
	half := 50
	if o.Preview {
		half = 100
	}
	rows := 0
	entries, bad, err := s.readRoster(table, headOnly, func(n int, share float64) {
		rows = n
		o.Progress(Progress{rows, int(share * float64(half))})
	})
	if err != nil {
		return nil, err
	}
	run := s.db.Tx
	if o.Preview {
		run = s.db.Read
	}
	var plan *rosterPlan
	written := false
	err = run(ctx, func(tx db.Tx) error {
		written = false
		known, err := loadVillage(tx, village, entries, !o.Preview)
		if err != nil {
			return err
		}
		plan = planRoster(known, entries)
		if o.Preview || len(bad)+len(plan.problems) > 0 && !o.SkipBad {
			return nil
		}
		if err := plan.write(tx, func(done, total int) { o.Progress(Progress{rows, half + half*done/max(total, 1)}) }); err != nil {
			return err
		}
		written = true
		if len(plan.houses)+len(plan.people) > 0 {
			if err := tellBoards(tx, village); err != nil {
				return err
			}
		}
		return audit.Write(tx, actor.Audit("roster.import", "village:"+village.String(), village, fmt.Sprintf(
			"导入花名册 %d 行：新增 %d 户 %d 人，变更 %d 户 %d 人", len(entries), plan.counts.NewHouseholds, plan.counts.NewVillagers, plan.counts.ChangedHouseholds, plan.counts.Changed)))
	})
	if err != nil {
		return nil, err
	}
	report := plan.counts
	report.Rows, report.Written, report.table = len(entries), written, table
	return &report, report.gather(entries, bad, plan.problems)
}

// gather collects the bad rows in order, with what is wrong with them. Good rows were not kept while reading, so the sheet is
// read again where one of them did not go with the others.
func (r *RosterReport) gather(entries []entry, bad map[int]*xlsx.Row, found problems) error {
	again := map[int]int{} // row number → entry
	for i := range found {
		if bad[i] == nil {
			again[entries[i].number] = i
		}
	}
	if len(again) > 0 {
		for row, err := range r.table.Rows() {
			if err != nil {
				return err
			}
			if i, ok := again[row.Number]; ok {
				bad[i] = row
			}
		}
	}
	for _, i := range slices.Sorted(maps.Keys(bad)) {
		for _, p := range found[i] {
			bad[i].Problem(p.key, p.text)
		}
		r.bad = append(r.bad, bad[i])
		r.Problems = append(r.Problems, bad[i].Problems()...)
	}
	return nil
}
