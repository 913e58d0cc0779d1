package rule

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/xlsx"
)

// Columns of a rule book's sheet, by the names that Row's methods take.
const (
	colCode     = "code"
	colCategory = "category"
	colItem     = "item"
	colPoints   = "points"
	colUnit     = "unit"
	colCap      = "cap"
	colSubject  = "subject"
	colEvidence = "evidence"
	colDir      = "direction"
	colKind     = "kind"
	colPer      = "per"
)

var sheetColumns = []xlsx.Column{
	{Key: colCode, Header: "编号", Synonyms: []string{"条目编号", "编码", "code"}},
	{Key: colCategory, Header: "类别", Synonyms: []string{"分类", "大类", "项目类别", "积分类别", "一级指标", "板块", "category"}, Merged: true},
	{Key: colItem, Header: "条目", Synonyms: []string{"积分条目", "积分事项", "积分内容", "具体内容", "内容", "事项", "指标", "评分细则", "细则", "二级指标", "item"}, Required: true},
	{Key: colPoints, Header: "分值", Synonyms: []string{"积分", "分数", "积分分值", "积分标准", "赋分标准", "标准", "points"}, Required: true},
	{Key: colUnit, Header: "单位", Synonyms: []string{"计分单位", "计量单位", "unit"}},
	{Key: colCap, Header: "上限", Synonyms: []string{"积分上限", "封顶", "频次", "频次限制", "次数限制", "上限规则", "cap"}},
	{Key: colSubject, Header: "计分对象", Synonyms: []string{"对象", "积分对象", "适用对象", "记入", "subject"}},
	{Key: colEvidence, Header: "佐证", Synonyms: []string{"佐证材料", "证明材料", "认定依据", "认定方式", "evidence"}},
	{Key: colDir, Header: "方向", Synonyms: []string{"加扣", "加减", "加减分", "加分扣分", "加扣分", "direction"}},
	{Key: colKind, Header: "类型", Synonyms: []string{"计分类型", "计分方式", "kind"}},
	{Key: colPer, Header: "累次周期", Synonyms: []string{"累计周期", "per"}},
}

const (
	maxRules    = 2_000 // of one version
	maxItem     = 300
	maxCategory = 64
	noCategory  = "未分类"
)

// Input is a rule as an officer or a sheet gives it.
type Input struct {
	Code     string // "" = the next free one, or the one the same rule had in an earlier version
	Category string
	Item     string
	Subject  Subject
	Spec     Spec
}

// Outcome is what became of a row of a sheet.
type Outcome string

// The outcomes that a Note tells of; a row without a note was taken as it stands.
const (
	Combined Outcome = "combined" // taken, as one rule with other rows
	Partial  Outcome = "partial"  // taken as far as it can be expressed
	Check    Outcome = "check"    // taken, but looks odd
	LeftOut  Outcome = "left_out" // not taken
)

// Note is what a person should know about one row of an imported sheet. Text is Chinese.
type Note struct {
	Row     int // as seen in Excel, from 1
	Item    string
	Outcome Outcome
	Text    string
}

// Report is the result of an import, row by row where there is something to say.
type Report struct {
	Rows  int // rows of the sheet that are not blank
	Rules int // rules they make
	Notes []Note
}

// LeftOut is how many rows were not taken.
func (r Report) LeftOut() int {
	n := 0
	for _, note := range r.Notes {
		if note.Outcome == LeftOut {
			n++
		}
	}
	return n
}

// entry is one row read: an input, and what is needed to combine it with its neighbours.
type entry struct {
	Input
	row   int
	shape Shape // as the sheet names it; "" when it does not
}

type reader struct {
	asset   ledger.Asset
	report  Report
	entries []entry
}

func (rd *reader) note(row int, item string, o Outcome, format string, args ...any) {
	rd.report.Notes = append(rd.report.Notes, Note{Row: row, Item: cut(item, 60), Outcome: o, Text: fmt.Sprintf(format, args...)})
}

// readSheet reads a table into rules for a book of the asset. Only a broken file is an error; whatever is wrong with a row
// is in the report.
func readSheet(t *xlsx.Table, asset ledger.Asset) ([]Input, Report, error) {
	rd := &reader{asset: asset}
	for row, err := range t.Rows() {
		if err != nil {
			return nil, Report{}, err
		}
		rd.report.Rows++
		if rd.report.Rows > maxRules {
			return nil, Report{}, xlsx.ErrTooMany.With("一本细则最多 %d 条，请检查表格", maxRules)
		}
		rd.read(row)
	}
	inputs := rd.combine()
	rd.report.Rules = len(inputs)
	slices.SortStableFunc(rd.report.Notes, func(a, b Note) int { return cmp.Compare(a.Row, b.Row) })
	return inputs, rd.report, nil
}

func (rd *reader) read(row *xlsx.Row) {
	e := entry{row: row.Number, Input: Input{
		Code: row.Code(colCode), Category: oneLine(row.Get(colCategory)), Item: oneLine(row.Need(colItem)),
		Spec: Spec{Unit: oneLine(row.Get(colUnit)), Evidence: oneLine(row.Get(colEvidence))},
	}}
	sign, ok := direction(row.Get(colDir))
	if !ok {
		row.Problem(colDir, "「"+cut(row.Get(colDir), 20)+"」无法识别，请填“加分”或“扣分”")
	}
	if e.Category == "" {
		e.Category = noCategory
	}
	rd.subject(&e, row)
	rd.points(&e, row, sign)
	rd.caps(&e, row)
	if row.OK() {
		if err := e.check(rd.asset); err != nil {
			row.Problem("", errText(err))
		}
	}
	if row.OK() {
		rd.entries = append(rd.entries, e)
		return
	}
	var problems []string
	for _, p := range row.Problems() {
		problems = append(problems, strings.TrimPrefix(p.Path, fmt.Sprintf("第%d行", row.Number))+p.Text)
	}
	rd.report.Notes = slices.DeleteFunc(rd.report.Notes, func(n Note) bool { return n.Row == row.Number })
	rd.note(row.Number, e.Item, LeftOut, "没有导入：%s", strings.Join(problems, "；"))
}

func (rd *reader) subject(e *entry, row *xlsx.Row) {
	word := oneLine(row.Get(colSubject))
	e.Subject = subjectOf(word)
	if word == "" {
		e.Subject = Household
		if rd.asset == ledger.PartyScore {
			e.Subject = Member
		}
	}
	if e.Subject == 0 {
		row.Problem(colSubject, "「"+cut(word, 20)+"」无法识别，请填“户”“个人”或“党员”")
	}
	if word != SubjectNames[e.Subject] {
		e.Spec.Subject = word
	}
}

// points reads what the row gives, and how; a kind that cannot be expressed keeps the row as far as its points go.
func (rd *reader) points(e *entry, row *xlsx.Row, sign int) {
	kind := oneLine(row.Get(colKind))
	shape, known := kindWords[strings.ToLower(xlsx.Fold(kind))]
	e.shape = shape
	s := &e.Spec
	if !row.Has(colPoints) {
		if shape != Grade {
			row.Problem(colPoints, "没有填分值")
			return
		}
		s.Shape, s.Lowers = Grade, sign < 0
		rd.note(e.row, e.Item, Partial, "直接定级的条目没有分值：已保存，不加减分，请在评议时处理")
		return
	}
	w, problem := parseWorth(row.Get(colPoints), sign)
	if problem != "" {
		row.Problem(colPoints, problem)
		return
	}
	s.Shape = w.shape
	switch w.shape {
	case Fixed:
		s.Points = w.nums[0]
	case Range:
		s.Min, s.Max, s.Step = w.nums[0], w.nums[1], w.step
		if s.Min.Abs() > s.Max.Abs() {
			s.Min, s.Max = s.Max, s.Min
		}
	case Escalate:
		for _, n := range w.nums {
			s.Steps = append(s.Steps, Step{Points: n})
		}
	}
	switch {
	case kind == "" || shape == w.shape || shape == Escalate && w.shape == Fixed:
	case known && shape == Fixed:
		rd.note(e.row, e.Item, Check, "类型写的是「%s」，但分值是%s，已按%s导入", kind, ShapeNames[w.shape], ShapeNames[w.shape])
	default:
		s.Kind = kind
		rd.note(e.row, e.Item, Partial, "类型「%s」现在还不能自动计算，已先按%s分值 %s 导入，登记时请人工核对", cut(kind, 20), ShapeNames[w.shape], s.Text())
	}
	rd.per(s, row)
}

func (rd *reader) per(s *Spec, row *xlsx.Row) {
	word := row.Code(colPer)
	if word == "" {
		return
	}
	i := slices.IndexFunc(pers, func(p struct {
		per           Per
		every, within string
	}) bool {
		return word == p.every || word == strings.TrimPrefix(p.every, "每")
	})
	switch {
	case i < 0:
		row.Problem(colPer, "请填“每月”“每季度”“每年”或“累计”")
	case s.Shape == Escalate || s.Shape == Fixed && kindWords[strings.ToLower(row.Code(colKind))] == Escalate:
		s.Per = pers[i].per
	default:
		row.Problem(colPer, "只有累次加重的条目才填")
	}
}

func (rd *reader) caps(e *entry, row *xlsx.Row) {
	text := oneLine(row.Get(colCap))
	caps, rest := ParseCaps(text, e.Subject)
	if e.Spec.Shape == Grade {
		if text != "" {
			e.Spec.CapText = text
		}
		return
	}
	e.Spec.Caps = caps
	if len(rest) > 0 {
		e.Spec.CapText = text
		rd.note(e.row, e.Item, Partial, "上限中的「%s」还不能自动控制，其余内容已导入，登记时请人工把关", cut(strings.Join(rest, "；"), 60))
	}
}

// check is what a rule must meet whether typed or imported; the Spec of an escalating row is checked when it is combined.
func (in Input) check(asset ledger.Asset) error {
	switch {
	case in.Item == "" || len([]rune(in.Item)) > maxItem:
		return ErrRule.With("条目要填写，且不超过 %d 字", maxItem)
	case len([]rune(in.Category)) > maxCategory:
		return ErrRule.With("类别不超过 %d 字", maxCategory)
	case in.Code != "" && !codeText.MatchString(in.Code):
		return ErrRule.With("编号「%s」只能用字母、数字、点和横线，不超过 16 位", cut(in.Code, 20))
	case SubjectNames[in.Subject] == "":
		return ErrRule.With("请选择计分对象")
	case asset == ledger.PartyScore && in.Subject != Member:
		return ErrRule.With("这是党员积分细则，计分对象应是党员")
	case asset == ledger.Points && in.Subject == Member:
		return ErrRule.With("这是村民积分细则，计分对象应是户或个人")
	}
	if err := in.checkCredit(); err != nil {
		return err
	}
	s := in.Spec
	if s.Shape == Fixed {
		s.Per = "" // a rung that combine has not yet put in its place
	}
	return s.Validate()
}

// checkCredit is whether the points can go where the rule says, and caps count for whom they name.
func (in Input) checkCredit() error {
	switch c := in.Spec.Credit; {
	case (c == CreditHead || c == CreditMembers) && in.Subject != Person:
		return ErrRule.With("记给户主或每名成员的条目，计分对象应是个人")
	case c == CreditBoth && in.Subject != Household:
		return ErrRule.With("同时记给本人和所在户的条目，计分对象应是户")
	case in.Spec.Shape == Base && c == CreditBoth:
		return ErrRule.With("基础分记给户、个人、户主或每名成员")
	}
	for _, c := range in.Spec.Caps {
		if c.Who == WhoPerson && in.Subject == Household && in.Spec.Credit != CreditBoth {
			return ErrRule.With("记给户的条目要按人计上限，请把计分对象改成“个人和户”")
		}
		if c.Who == WhoHousehold && in.Subject == Member {
			return ErrRule.With("党员积分不按户计上限")
		}
	}
	return nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// rungs is the item of an escalating row without its ordinal, and the ordinal's wording: 家禽散养 and （第二次发现）.
func rungs(item string) (base, label string, n int) {
	i := strings.LastIndexAny(item, "（(")
	if i < 0 {
		if i = strings.LastIndex(item, "第"); i < 0 {
			return item, "", 0
		}
	}
	if n = ordinal(xlsx.Fold(item[i:])); n == 0 {
		return item, "", 0
	}
	return strings.TrimSpace(item[:i]), item[i:], n
}

// combine makes one rule of the rows 第一次, 第二次, 第三次及以上 of the same item, notes rows that stand twice, and drops
// codes that are taken.
func (rd *reader) combine() []Input {
	var out []Input
	done := map[int]bool{}
	seen := map[string]entry{}
	codes := map[string]int{}
	for i, e := range rd.entries {
		if done[i] {
			continue
		}
		if e.shape == Escalate && e.Spec.Shape == Fixed {
			rd.escalate(&e, rd.entries[i:], func(j int) { done[i+j] = true })
		}
		key := e.Category + "\x00" + e.Item
		if first, ok := seen[key]; ok {
			difference := "内容也相同"
			if first.Spec.Text() != e.Spec.Text() {
				difference = "分值不同"
			}
			rd.note(e.row, e.Item, Check, "与第 %d 行的条目相同（%s），两条都已导入，请核对", first.row, difference)
		} else {
			seen[key] = e
		}
		if first, ok := codes[e.Code]; ok && e.Code != "" {
			rd.note(e.row, e.Item, Check, "编号「%s」与第 %d 行重复，已另编一个", e.Code, first)
			e.Code = ""
		}
		codes[e.Code] = e.row
		out = append(out, e.Input)
	}
	return out
}

// escalate turns e, the first of rest, into the rule of all rungs among rest; a row whose rungs do not make a whole ladder
// stays a rule of fixed points, and says so.
func (rd *reader) escalate(e *entry, rest []entry, done func(int)) {
	base, _, _ := rungs(e.Item)
	type rung struct {
		at, n int
		label string
		entry
	}
	var found []rung
	for j, o := range rest {
		if o.shape != Escalate || o.Spec.Shape != Fixed || o.Category != e.Category {
			continue
		}
		if b, label, n := rungs(o.Item); n > 0 && b == base {
			found = append(found, rung{j, n, label, o})
		}
	}
	slices.SortStableFunc(found, func(a, b rung) int { return cmp.Compare(a.n, b.n) })
	spec := e.Spec
	spec.Shape, spec.Points = Escalate, 0
	whole := len(found) >= 2
	for i, r := range found {
		whole = whole && r.n == i+1 && r.Subject == e.Subject
		spec.Steps = append(spec.Steps, Step{Points: r.Spec.Points, Label: r.label})
	}
	if !whole || spec.Validate() != nil {
		e.Spec.Per = ""
		e.Spec.Kind = ShapeNames[Escalate]
		rd.note(e.row, e.Item, Partial, "没有找到配套的“第一次、第二次……”各行，不能逐次加重，已按固定分值 %s 导入", e.Spec.Text())
		return
	}
	rows := make([]string, len(found))
	for i, r := range found {
		rows[i] = fmt.Sprint(r.row)
		done(r.at)
		if !slices.Equal(r.Spec.Caps, e.Spec.Caps) || r.Spec.CapText != e.Spec.CapText || r.Spec.Evidence != e.Spec.Evidence || r.Spec.Unit != e.Spec.Unit {
			rd.note(r.row, r.Item, Check, "单位、上限或佐证与第 %d 行不同，合并后以第 %d 行为准", e.row, e.row)
		}
	}
	for i, r := range found {
		rd.note(r.row, r.Item, Combined, "第 %s 行合并为一条“%s”，第 %d 次计 %s", strings.Join(rows, "、"), cut(base, 40), i+1, spec.Steps[i].Points.Signed())
	}
	e.Item, e.Spec = base, spec
}

// lines are the rows that write a rule out: one, or one for each worded rung.
func (r Rule) lines() [][]any {
	s := r.Spec
	kind, per := ShapeNames[s.Shape], ""
	if s.Kind != "" {
		kind = s.Kind
	}
	if s.Per != "" {
		per = pers[s.Per.index()].every
	}
	caps := s.CapText
	if caps == "" {
		caps = FormatCaps(s.Caps)
	}
	subject := s.Subject
	if subject == "" {
		subject = SubjectNames[r.Subject]
	}
	dir := "加分"
	if s.Deducts() {
		dir = "扣分"
	}
	line := func(item string, worth any) []any {
		return []any{r.Code, r.Category, item, worth, s.Unit, caps, subject, s.Evidence, dir, kind, per}
	}
	number := func(p points.Amount) any { return xlsx.Number(p.String()) }
	switch {
	case s.Shape == Fixed:
		return [][]any{line(r.Item, number(s.Points))}
	case s.Shape == Escalate && !slices.ContainsFunc(s.Steps, func(st Step) bool { return st.Label == "" }):
		var out [][]any
		for _, st := range s.Steps {
			out = append(out, line(r.Item+st.Label, number(st.Points)))
		}
		return out
	}
	return [][]any{line(r.Item, s.Text())}
}
