package award

import (
	"bytes"
	"context"
	"io"
	"strings"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
	"jishan/internal/xlsx"
)

var sheetColumns = []xlsx.Column{
	{Key: "code", Header: "户码", Synonyms: []string{"户编码"}},
	{Key: "name", Header: "姓名", Synonyms: []string{"户主", "户主姓名", "人员"}},
	{Key: "rule", Header: "条目", Synonyms: []string{"积分条目", "项目", "事项", "条目编号"}, Required: true},
	{Key: "points", Header: "分值", Synonyms: []string{"积分", "得分"}},
	{Key: "quantity", Header: "数量", Synonyms: []string{"时长", "小时数", "小时", "金额", "捐款金额", "个数"}},
	{Key: "level", Header: "等级", Synonyms: []string{"程度", "级别", "档次", "情节"}},
	{Key: "spots", Header: "处数", Synonyms: []string{"问题处数", "问题数"}},
	{Key: "act", Header: "同一行为", Synonyms: []string{"行为", "事件", "同一事项", "活动"}},
	{Key: "day", Header: "日期", Synonyms: []string{"时间", "发生日期"}},
	{Key: "note", Header: "备注", Synonyms: []string{"说明"}},
}

// SheetReport is what an import of awards did, or would do. Outcomes are of the rows that could be read, in order.
type SheetReport struct {
	Rows     int
	Outcomes []Outcome
	Problems []errs.Field
	Written  bool
	table    *xlsx.Table
	bad      []*xlsx.Row
}

// WriteProblems writes the rows that could not be booked, with what is wrong, as a workbook.
func (r *SheetReport) WriteProblems(w io.Writer) error { return xlsx.WriteReport(w, r.table, r.bad) }

// SheetTemplate writes the workbook to be filled in.
func SheetTemplate(w io.Writer) error {
	return xlsx.WriteTemplate(w, xlsx.Template{
		Name: "加减分登记",
		Heads: []xlsx.Head{
			{Header: "户码", Note: "房屋卡上的 8 位户码；填了户码就不怕重名", Width: 14},
			{Header: "姓名", Note: "户主或村民的姓名；没有户码时必填，本村重名的要填户码", Width: 12},
			{Header: "条目", Note: "细则里的条目编号或条目原文", Width: 40, Required: true},
			{Header: "分值", Note: "只有分值可选的条目才填", Width: 8},
			{Header: "数量", Note: "按量计分、累计分档的条目才填：小时数、捐款金额等", Width: 8},
			{Header: "等级", Note: "分级的条目才填，写细则里的等级名称，如：较重", Width: 10},
			{Header: "处数", Note: "满分倒扣的条目才填：发现几处问题，没有填 0", Width: 8},
			{Header: "同一行为", Note: "一件事可能按几条计分时，几行都写同一个名称，只计最高的一条", Width: 14},
			{Header: "日期", Note: "如 2026-11-23，留空为今天", Width: 14},
			{Header: "备注", Note: "最多 200 字", Width: 30},
		},
		Notes: []string{"一行一次加减分。先预览，看清每行加减多少、为什么，再确认。", "有问题的行会单独列出，改好后可以只导入那几行。"},
	})
}

// Import books a sheet of awards for households and persons in one transaction. With preview, or when a row cannot be read,
// nothing is written; a row that its rule refuses is reported and the others are booked.
func (s *Service) Import(ctx context.Context, actor auth.Actor, village id.ID, sheet []byte, preview bool, req idempotency.Request) (*SheetReport, error) {
	if err := actor.InRegion(auth.AwardWrite, village); err != nil {
		return nil, err
	}
	f, err := xlsx.Open(bytes.NewReader(sheet), xlsx.DefaultLimits())
	if err != nil {
		return nil, err
	}
	var report *SheetReport
	var grants []Grant
	var rows []*xlsx.Row
	err = s.db.Read(ctx, func(tx db.Tx) error {
		report, grants, rows, err = readSheet(tx, f, village)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(grants) == 0 {
		return report, nil
	}
	order := Order{Idempotency: req, Village: village, Grants: grants}
	if preview || len(report.bad) > 0 {
		report.Outcomes, err = s.Preview(ctx, actor, order)
	} else {
		report.Outcomes, err = s.Grant(ctx, actor, order)
		report.Written = err == nil
	}
	if err != nil {
		if len(grants) > 1 {
			return nil, err
		}
		report.Outcomes = []Outcome{Outcome{}.failed(err)} // a sheet of one row is reported like any other
	}
	for _, o := range report.Outcomes {
		if row := rows[o.Grant]; o.Failed != nil && row.OK() { // of a row for all members the first who is refused tells why
			row.Problem("", o.Failed.Text)
			report.bad = append(report.bad, row)
			report.Problems = append(report.Problems, row.Problems()...)
		}
	}
	return report, nil
}

func readSheet(tx db.Tx, f *xlsx.File, village id.ID) (*SheetReport, []Grant, []*xlsx.Row, error) {
	table, err := f.Table("", sheetColumns)
	if err != nil {
		return nil, nil, nil, err
	}
	rules, err := rule.InForce(tx, village, ledger.Points, cal.DayOf(tx.Now))
	if err != nil {
		return nil, nil, nil, err
	}
	byName := map[string]rule.Rule{}
	for _, r := range rules {
		byName[fold(r.Code)], byName[fold(r.Item)] = r, r
	}
	report := &SheetReport{table: table}
	var grants []Grant
	var good []*xlsx.Row
	for row, err := range table.Rows() {
		if err != nil {
			return nil, nil, nil, err
		}
		if report.Rows++; report.Rows > MaxGrants {
			return nil, nil, nil, ErrTooMany.New()
		}
		g, err := readRow(tx, row, village, byName)
		if err != nil {
			return nil, nil, nil, err
		}
		if !row.OK() {
			report.bad = append(report.bad, row)
			report.Problems = append(report.Problems, row.Problems()...)
			continue
		}
		grants, good = append(grants, g), append(good, row)
	}
	return report, grants, good, nil
}

func fold(s string) string { return strings.ToLower(xlsx.Fold(s)) }

// readFacts reads what some rules ask for beside the points.
func readFacts(row *xlsx.Row, g *Grant) {
	if text := row.Decimal("quantity"); text != "" {
		q, err := points.Parse(text)
		if err != nil || q <= 0 {
			row.Problem("quantity", "数量要大于 0，最多两位小数")
		}
		g.Quantity = q
	}
	g.Level, g.Act = strings.Join(strings.Fields(row.Get("level")), " "), strings.TrimSpace(row.Get("act"))
	if len([]rune(g.Act)) > 64 {
		row.Problem("act", "同一行为的名称最多 64 字")
	}
	if row.Has("spots") {
		n := row.Int("spots")
		if n < 0 || n > 1_000_000 {
			row.Problem("spots", "处数不对")
		}
		k := int(n)
		g.Spots = &k
	}
}

// readRow turns a row into a grant; what is wrong with it is noted in the row.
func readRow(tx db.Tx, row *xlsx.Row, village id.ID, rules map[string]rule.Rule) (Grant, error) {
	g := Grant{Day: row.Day("day"), Note: row.Get("note")}
	r, known := rules[fold(row.Need("rule"))]
	if !known && row.Has("rule") {
		row.Problem("rule", "现行细则里没有这一条，请填条目编号或原文")
	}
	g.Rule = r.ID
	if text := row.Decimal("points"); text != "" {
		p, err := points.Parse(text)
		if err != nil {
			row.Problem("points", "分值不对，最多两位小数")
		}
		g.Points = &p
	}
	readFacts(row, &g)
	if len([]rune(g.Note)) > 200 {
		row.Problem("note", "备注最多 200 字")
	}
	code := ""
	if row.Has("code") {
		var err error
		if code, err = people.ParseHouseCode(row.Code("code")); err != nil {
			row.Problem("code", errs.From(err).Text())
			return g, nil
		}
	}
	name := row.Get("name")
	toHouse := r.Subject == rule.Household && r.Spec.Credit != rule.CreditBoth || r.Spec.Credit == rule.CreditHead || r.Spec.Credit == rule.CreditMembers
	if toHouse && code != "" {
		h, found, err := people.HouseholdByCode(tx, code)
		switch {
		case err != nil:
			return g, err
		case !found || h.Village != village:
			row.Problem("code", "本村没有这个户码")
		case name != "" && name != h.HeadName:
			if _, ok, err := people.FindPerson(tx, village, name, code); err != nil {
				return g, err
			} else if !ok {
				row.Problem("name", "与户码对不上：这个户码是 "+h.HeadName+" 户")
			}
		}
		g.Household = h.ID
		return g, nil
	}
	if name == "" {
		row.Problem("name", "请填姓名或户码")
		return g, nil
	}
	v, found, err := people.FindPerson(tx, village, name, code)
	switch {
	case err != nil:
		return g, err
	case !found:
		row.Problem("name", "本村没有这个人，或有重名：请填户码")
	case !toHouse:
		g.Person = v.ID
	default:
		g.Household = v.Household
	}
	return g, nil
}
