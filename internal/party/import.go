package party

import (
	"context"
	"fmt"
	"io"
	"slices"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/xlsx"
)

var memberColumns = []xlsx.Column{
	{Key: "name", Header: "姓名", Synonyms: []string{"党员姓名", "党员"}, Required: true},
	{Key: "code", Header: "户码", Synonyms: []string{"户编码"}},
	{Key: "idno", Header: "身份证号", Synonyms: []string{"身份证", "身份证号码", "证件号", "证件号码", "公民身份号码"}},
	{Key: "branch", Header: "支部", Synonyms: []string{"所在支部", "党支部", "所在党支部", "支部名称"}, Merged: true},
	{Key: "class", Header: "类别", Synonyms: []string{"党员类别", "分类", "党员类型"}},
	{Key: "joined", Header: "入党日期", Synonyms: []string{"入党时间", "加入党组织日期", "入党年月日"}},
}

// classWords are other names of the classes.
var classWords = map[string]Class{
	"村干部": Cadre, "村干部党员": Cadre, "两委干部": Cadre, "村两委": Cadre, "骨干党员": Backbone, "骨干": Backbone, "普通党员": Ordinary, "普通": Ordinary, "一般党员": Ordinary,
	"流动党员": Away, "流动": Away, "外出党员": Away, "外出务工党员": Away, "特殊党员": Special, "特殊": Special, "": Ordinary,
}

// Report is what an import did, or would do.
type Report struct {
	Rows      int
	Added     int
	Changed   int // branch, class or joining date
	Unchanged int
	Written   bool
	Problems  []errs.Field // by row, as Excel counts them
	table     *xlsx.Table
	bad       []*xlsx.Row
}

// WriteProblems writes the rows that could not be taken, with what is wrong, as a workbook.
func (r *Report) WriteProblems(w io.Writer) error { return xlsx.WriteReport(w, r.table, r.bad) }

// Template writes the workbook to be filled in.
func Template(w io.Writer) error {
	classes := make([]string, 0, len(ClassNames))
	for c := Cadre; c <= Special; c++ {
		classes = append(classes, ClassNames[c])
	}
	return xlsx.WriteTemplate(w, xlsx.Template{
		Name: "党员名册",
		Heads: []xlsx.Head{
			{Header: "姓名", Note: "花名册里已有的村民", Width: 12, Required: true},
			{Header: "户码", Note: "村里有重名时必须填", Width: 14},
			{Header: "身份证号", Note: "可不填；填了能分清重名的人。系统不保存号码本身", Width: 22},
			{Header: "支部", Note: "系统里已有的支部名称；本村只有一个支部时可不填", Width: 24},
			{Header: "类别", Note: "不填按普通党员", Width: 12, Options: classes},
			{Header: "入党日期", Kind: xlsx.Date, Note: "写成 2001-07-01", Width: 14},
		},
		Notes:    []string{"请先导入花名册，再导入党员名册。", "重复导入不会重复登记，只更新支部、类别和入党日期；没有填的入党日期保持原样。"},
		Examples: [][]any{{"王大山", "", "", "第一支部", "村干部", "2001-07-01"}},
	})
}

// ImportOptions say how to treat a sheet.
type ImportOptions struct {
	Preview bool // look, write nothing
	SkipBad bool // write the good rows even though others are bad
}

// Import reads a list of members into the branches of a village. With Preview nothing is written; otherwise all good rows
// are, in one transaction, or nothing if a row is bad and SkipBad is not set.
func (s *Service) Import(ctx context.Context, actor auth.Actor, village id.ID, file io.Reader, o ImportOptions) (*Report, error) {
	if err := actor.InRegion(auth.PartyWrite, village); err != nil {
		return nil, err
	}
	limits := xlsx.DefaultLimits()
	limits.Rows = 5_000
	f, err := xlsx.Open(file, limits)
	if err != nil {
		return nil, err
	}
	table, err := f.Table("", memberColumns)
	if err != nil {
		return nil, err
	}
	run := s.db.Tx
	if o.Preview {
		run = s.db.Read
	}
	var out *Report
	err = run(ctx, func(tx db.Tx) error {
		l := &list{tx: tx, people: s.people, actor: actor, village: village, report: &Report{table: table}, seen: map[id.ID]int{}}
		cond := "b.village_id = ? ORDER BY b.name"
		if !o.Preview {
			cond += tx.ForUpdate() // none of the branches goes while its members come
		}
		if l.branches, err = scanBranches(tx, cond, village); err != nil {
			return err
		}
		out = l.report
		if err := l.read(table); err != nil {
			return err
		}
		if o.Preview || len(out.bad) > 0 && !o.SkipBad {
			return nil
		}
		if err := l.hold(); err != nil {
			return err
		}
		if err := insertMembers(tx, l.added); err != nil {
			if errs.From(err).Code == ErrMemberTaken { // entered by somebody else since it was looked for
				return fmt.Errorf("importing members: %w", db.ErrRetry)
			}
			return err
		}
		for _, m := range l.changed {
			if err := updateMember(tx, m); err != nil {
				return err
			}
		}
		out.Written = true
		return audit.Write(tx, actor.Audit("party.import", "region:"+village.String(), village, fmt.Sprintf("导入党员名册：新增 %d 人，变更 %d 人", out.Added, out.Changed)))
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// list is an import under way.
type list struct {
	tx             db.Tx
	people         *people.Service
	actor          auth.Actor
	village        id.ID
	branches       []Branch
	report         *Report
	seen           map[id.ID]int // villager → row
	added, changed []Member
}

// hold keeps those who are to be written in the village, or asks for another run where somebody has left it meanwhile.
func (l *list) hold() error {
	var ids []id.ID
	for _, m := range slices.Concat(l.added, l.changed) {
		ids = append(ids, m.Villager)
	}
	held, err := people.HoldVillagers(l.tx, ids)
	if err != nil {
		return err
	}
	for _, v := range held {
		if v.Village != l.village {
			return fmt.Errorf("importing members: %s has moved: %w", v.ID, db.ErrRetry)
		}
	}
	return nil
}

func (l *list) read(t *xlsx.Table) error {
	for row, err := range t.Rows() {
		if err != nil {
			return err
		}
		l.report.Rows++
		if err := l.row(row); err != nil {
			return err
		}
		if !row.OK() {
			l.report.bad = append(l.report.bad, row)
			l.report.Problems = append(l.report.Problems, row.Problems()...)
		}
	}
	return nil
}

// branch is the one that a row names, or the village's only one.
func (l *list) branch(row *xlsx.Row) Branch {
	name := xlsx.Fold(row.Get("branch"))
	for _, b := range l.branches {
		if (xlsx.Fold(b.Name) == name || name == "" && len(l.branches) == 1) && l.actor.InBranch(auth.PartyWrite, l.village, b.ID) == nil {
			return b
		}
	}
	row.Problem("branch", "没有这个支部，或不在您的管理范围内；请先建好支部，再填它的名称")
	return Branch{}
}

func (l *list) row(row *xlsx.Row) error {
	name, code := row.Need("name"), ""
	if row.Has("code") {
		var err error
		if code, err = people.ParseHouseCode(row.Get("code")); err != nil {
			row.Problem("code", errs.From(err).Text())
		}
	}
	m := Member{Village: l.village, Class: classWords[xlsx.Fold(row.Get("class"))], Joined: row.Day("joined"), State: MemberHere}
	if m.Class == 0 {
		row.Problem("class", "请填村干部、骨干党员、普通党员、流动党员或特殊党员")
	}
	m.Branch = l.branch(row).ID
	if row.OK() {
		if err := m.check(l.tx); err != nil {
			row.Problem("joined", errs.From(err).Text())
		}
	}
	if !row.OK() {
		return nil
	}
	number := row.Code("idno")
	v, ok, err := l.people.FindByNumber(l.tx, l.village, name, code, number)
	switch {
	case err != nil && errs.From(err).Code == people.ErrIDNumber:
		row.Problem("idno", errs.From(err).Text())
		return nil
	case err != nil:
		return err
	case !ok && number != "":
		row.Problem("idno", "姓名和身份证号对不上，或此人不在本村，请核对")
		return nil
	case !ok && code == "":
		row.Problem("name", "本村没有这个人，或有重名；请核对姓名，重名的请填户码或身份证号")
		return nil
	case !ok:
		row.Problem("name", "这一户没有这个人，请核对姓名和户码")
		return nil
	case l.seen[v.ID] > 0:
		row.Problem("name", fmt.Sprintf("与第 %d 行是同一个人", l.seen[v.ID]))
		return nil
	}
	l.seen[v.ID] = row.Number
	m.Villager, m.Name, m.Initials = v.ID, v.Name, v.Initials
	return l.place(row, m)
}

// place decides whether a member is new, changed or as before.
func (l *list) place(row *xlsx.Row, m Member) error {
	before, err := scanMembers(l.tx, "m.villager_id = ?", m.Villager)
	if err != nil {
		return err
	}
	if len(before) == 0 {
		m.ID = id.New()
		l.added = append(l.added, m)
		l.report.Added++
		return nil
	}
	old := before[0]
	m.ID = old.ID
	if m.Joined == 0 {
		m.Joined = old.Joined
	}
	switch {
	case old.Village != m.Village && old.Active():
		row.Problem("name", "还登记在原来村的支部，请先在那里办理离开支部")
	case old.Village == m.Village && l.actor.InBranch(auth.PartyWrite, l.village, old.Branch) != nil:
		row.Problem("name", "现在在别的支部，不在您的管理范围内")
	case old == m:
		l.report.Unchanged++
	default:
		l.changed = append(l.changed, m)
		l.report.Changed++
	}
	return nil
}
