package rule

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"jishan/internal/ledger"
	"jishan/internal/xlsx"
)

// Columns of a rule book's sheet, by the names that Row's methods take.
const (
	colCode     = "code"
	colCategory = "category"
	colItem     = "item"
	colPoints   = "points"
	colPlus     = "plus"
	colMinus    = "minus"
	colUnit     = "unit"
	colCap      = "cap"
	colSubject  = "subject"
	colEvidence = "evidence"
	colDir      = "direction"
	colKind     = "kind"
	colPer      = "per"
	colGroup    = "group"
	colSpend    = "spend"
	colRemark   = "remark"
)

var sheetColumns = []xlsx.Column{
	{Key: colCode, Header: "编号", Synonyms: []string{"条目编号", "编码", "code"}},
	{Key: colCategory, Header: "类别", Synonyms: []string{"分类", "大类", "项目类别", "积分类别", "类目", "信息类别", "评价类别", "一级指标", "板块", "领域", "模块", "项目", "category"}, Merged: true},
	{Key: colItem, Header: "条目", Synonyms: []string{"积分条目", "积分事项", "积分内容", "具体内容", "内容", "评价标准", "评价内容", "标准内容", "内容标准", "主要内容", "考核内容", "评分内容", "行为", "具体行为", "积分行为",
		"加分事项", "扣分事项", "事项", "指标", "评分细则", "细则", "二级指标", "三级指标", "积分项目", "项目内容", "项目", "item"}, Required: true},
	{Key: colPoints, Header: "分值", Synonyms: []string{"积分", "分数", "积分分值", "积分标准", "赋分标准", "赋分", "信用赋分", "计分标准", "评分标准", "考核标准", "标准分值", "得分", "标准", "points"}},
	{Key: colPlus, Header: "加分分值", Synonyms: []string{"加分标准", "加分", "奖分", "加分值", "奖励分值", "正向积分"}},
	{Key: colMinus, Header: "扣分分值", Synonyms: []string{"扣分标准", "扣分", "减分", "扣分值", "减分标准", "负向积分"}},
	{Key: colUnit, Header: "单位", Synonyms: []string{"计分单位", "计量单位", "unit"}},
	{Key: colCap, Header: "上限", Synonyms: []string{"积分上限", "最高分", "最高分值", "封顶", "封顶分值", "频次", "频次限制", "频率", "次数限制", "上限规则", "上限分值", "cap"}},
	{Key: colSubject, Header: "计分对象", Synonyms: []string{"对象", "积分对象", "适用对象", "考核对象", "记入", "subject"}},
	{Key: colEvidence, Header: "佐证", Synonyms: []string{"佐证材料", "证明材料", "认定依据", "认定方式", "认定标准", "审核方式", "evidence"}},
	{Key: colDir, Header: "方向", Synonyms: []string{"加扣", "加减", "加减分", "加分扣分", "加扣分", "奖惩", "direction"}},
	{Key: colKind, Header: "类型", Synonyms: []string{"计分类型", "计分方式", "kind"}},
	{Key: colPer, Header: "累次周期", Synonyms: []string{"周期", "累计周期", "计算周期", "per"}},
	{Key: colGroup, Header: "取高组", Synonyms: []string{"就高组", "互斥组", "同类取高", "group"}},
	{Key: colSpend, Header: "可否兑换", Synonyms: []string{"兑换", "是否兑换", "是否可兑换", "spendable"}},
	{Key: colRemark, Header: "备注", Synonyms: []string{"说明", "备注说明", "有关说明", "remark"}},
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
	Heading  Outcome = "heading"  // not a rule, but the title of those below
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
	Terms Terms
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
	above   string // the category last named
	carried bool   // it has been told that blank categories take it
	sign    int    // of the rows that name no direction, from the heading above them
}

func (rd *reader) note(row int, item string, o Outcome, format string, args ...any) {
	rd.report.Notes = append(rd.report.Notes, Note{Row: row, Item: cut(item, 60), Outcome: o, Text: fmt.Sprintf(format, args...)})
}

// readSheet reads a table into rules for a book of the asset. Only a broken file is an error; whatever is wrong with a row
// is in the report.
func readSheet(t *xlsx.Table, asset ledger.Asset) ([]Input, Report, error) {
	if !t.Has(colPoints) && !t.Has(colPlus) && !t.Has(colMinus) && !t.Has(colDir) {
		rd := &reader{asset: asset}
		return nil, rd.report, xlsx.ErrColumns.With("没有找到“分值”一列（也可以叫积分、分数、赋分标准、加分、扣分），请按模板的表头填写")
	}
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
	if rd.terms(row) || rd.heading(row) {
		return
	}
	e := entry{row: row.Number, Input: Input{
		Code: row.Code(colCode), Category: oneLine(row.Get(colCategory)), Item: oneLine(row.Need(colItem)),
		Spec: Spec{Unit: oneLine(row.Get(colUnit)), Evidence: oneLine(row.Get(colEvidence)), Remark: oneLine(row.Get(colRemark))},
	}}
	rd.category(&e)
	rd.subject(&e, row)
	extra := rd.points(&e, row)
	rd.group(&e, row)
	rd.spend(&e, row)
	rd.caps(&e, row, extra)
	if row.OK() {
		if err := e.check(rd.asset); err != nil {
			row.Problem("", errText(err))
		}
	}
	if row.OK() {
		rd.entries = append(rd.entries, e)
		return
	}
	rd.leaveOut(row, e.Item)
}

// category of a row that names none is that of the row above: so tables look whose merged cells were taken apart.
func (rd *reader) category(e *entry) {
	switch {
	case e.Category != "":
		rd.above = e.Category
	case rd.above == "":
		e.Category = noCategory
	default:
		e.Category = rd.above
		if !rd.carried {
			rd.note(e.row, e.Item, Check, "类别空着的行按上一行的类别“%s”导入，后面的也一样，请核对", cut(rd.above, 20))
		}
		rd.carried = true
	}
}

// leaveOut tells of a row that is not taken, in place of whatever else was said of it.
func (rd *reader) leaveOut(row *xlsx.Row, item string) {
	var problems []string
	for _, p := range row.Problems() {
		problems = append(problems, strings.TrimPrefix(p.Path, fmt.Sprintf("第%d行", row.Number))+p.Text)
	}
	rd.report.Notes = slices.DeleteFunc(rd.report.Notes, func(n Note) bool { return n.Row == row.Number })
	rd.note(row.Number, item, LeftOut, "没有导入：%s", strings.Join(problems, "；"))
}

func (rd *reader) subject(e *entry, row *xlsx.Row) {
	word := oneLine(row.Get(colSubject))
	e.Subject, e.Spec.Credit = subjectOf(word)
	if word == "" {
		e.Subject = Household
		if rd.asset == ledger.PartyScore {
			e.Subject = Member
		}
	}
	if e.Subject == 0 {
		row.Problem(colSubject, "「"+cut(word, 20)+"」无法识别，请填“户”“个人”“户主”“每名成员”“个人和户”或“党员”")
	}
	if word != subjectName(e.Subject, e.Spec.Credit) {
		e.Spec.Subject = word
	}
}

// worthCell is the cell that says how many points, and the direction that goes with it. Sheets have one column, or one for
// what is added and one for what is taken, or write +5 where others write 加分.
func (rd *reader) worthCell(e *entry, row *xlsx.Row) (text, key string, sign int) {
	word := row.Get(colDir)
	sign, ok := direction(word)
	if word == "" {
		sign = rd.sign
	}
	switch {
	case row.Has(colPoints):
		text, key = row.Get(colPoints), colPoints
	case row.Has(colPlus) && row.Has(colMinus):
		row.Problem(colMinus, "加分和扣分请分两行写")
		return "", colMinus, 0
	case row.Has(colPlus):
		return row.Get(colPlus), colPlus, 1
	case row.Has(colMinus):
		return row.Get(colMinus), colMinus, -1
	case !ok:
		return word, colDir, 0
	}
	if !ok {
		row.Problem(colDir, "「"+cut(word, 20)+"」无法识别，请填“加分”或“扣分”")
	}
	return text, key, sign
}

// points reads what the row gives, and how; a kind that cannot be expressed keeps the row as far as its points go. What looks
// like caps comes back.
func (rd *reader) points(e *entry, row *xlsx.Row) (caps []string) {
	kind := oneLine(row.Get(colKind))
	shape, known := kindWords[strings.ToLower(xlsx.Fold(kind))]
	e.shape = shape
	s := &e.Spec
	text, key, sign := rd.worthCell(e, row)
	if !row.OK() {
		return nil
	}
	if text == "" {
		if shape == Grade {
			s.Shape, s.Lowers = Grade, sign < 0
			rd.note(e.row, e.Item, Partial, "直接定级的条目没有写定为哪一等（如 定为不合格，或 一票否决）：已导入，登记时不加减分，请在评议时处理")
			return nil
		}
		if text = worthInItem(e.Item); text == "" {
			row.Problem(colPoints, "没有填分值，"+howToWrite)
			return nil
		}
		rd.note(e.row, e.Item, Check, "没有单独填分值，从条目里读出「%s」，请核对", cut(text, 40))
	}
	unit := s.Unit
	if u := strings.TrimRight(plain(kind, ""), "计积分"); !known && strings.HasPrefix(u, "每") && unitQuantity.MatchString(u) {
		shape, known, unit = Amount, true, u // 类型 写着 每百元计分
	}
	w, problem := parseWorth(text, sign, shape, unit)
	if problem != "" {
		row.Problem(key, problem)
		return nil
	}
	w.keep(s)
	if w.odd != "" {
		rd.note(e.row, e.Item, Check, "%s，请核对", w.odd)
	}
	switch {
	case kind == "" || shape == w.Shape || shape == Escalate && w.Shape == Fixed || shape == Tiers && w.Shape == Fixed:
	case known && shape == Fixed:
		rd.note(e.row, e.Item, Check, "类型写的是「%s」，但分值是%s，已按%s导入", kind, ShapeNames[w.Shape], ShapeNames[w.Shape])
	default:
		s.Kind = kind
		rd.note(e.row, e.Item, Partial, "类型「%s」与分值对不上或不能自动计算，已先按%s分值 %s 导入，登记时请人工核对；%s", cut(kind, 20), ShapeNames[w.Shape], s.Text(), howToWrite)
	}
	if s.Shape == Fixed && shape != Fixed && countsSomething.MatchString(xlsx.Fold(e.Item)) && key != "" && !tierItem.MatchString(xlsx.Fold(e.Item)) {
		rd.note(e.row, e.Item, Check, "条目像是按数量计分，分值却是固定的 %s；要自动计算，请在“分值”里写如 每100元1分、每小时0.5分", s.Points)
	}
	rd.per(s, row)
	return w.caps
}

var countsSomething = regexp.MustCompile(`每(?:增加)?[0-9.]*(?:元|小时|万元|百元|千元|亩|公斤|斤)`)

// worthInItem is the last clauses of an item that say points: 参加村民大会，每次积2分.
func worthInItem(item string) string {
	clauses := split(strings.NewReplacer("，", ",", "；", ";", "。", ";").Replace(item), ",;")
	for n := 1; n <= len(clauses); n++ {
		tail := strings.Join(clauses[len(clauses)-n:], ",")
		if !strings.Contains(tail, "分") && !strings.Contains(tail, "一票否决") {
			continue
		}
		if _, problem := parseWorth(tail, 0, "", ""); problem == "" {
			return tail
		}
	}
	if m := itemPoints.FindStringSubmatch(xlsx.Fold(item)); m != nil {
		return m[1]
	}
	return ""
}

var itemPoints = regexp.MustCompile(`[(]?((?:每次|每人次|每人|每户)?(?:加|扣|积|计|奖|奖励|减)[0-9.]+(?:[-~][0-9.]+)?分)[)]?$`)

// keep puts what the cell says into the Spec of the row.
func (w worth) keep(s *Spec) {
	out := w.Spec
	out.Unit, out.Credit, out.Subject, out.Evidence, out.Remark = s.Unit, s.Credit, s.Subject, s.Evidence, s.Remark
	if w.Unit != "" && (s.Unit == "" || w.Shape == Amount || w.Shape == Tiers) {
		out.Unit = w.Unit
	}
	*s = out
}

func (rd *reader) per(s *Spec, row *xlsx.Row) {
	word := row.Code(colPer)
	if word == "" {
		return
	}
	per, ok := periodNamed(word)
	kind := kindWords[strings.ToLower(row.Code(colKind))]
	switch {
	case !ok:
		row.Problem(colPer, "请填“每月”“每季度”“每年”或“累计”")
	case slices.Contains([]Shape{Escalate, Double, Tiers, Amount}, s.Shape) || s.Shape == Fixed && (kind == Escalate || kind == Tiers):
		s.Per = per
	default:
		row.Problem(colPer, "只有累次加重、再犯加倍、累计分档、按量的条目才填")
	}
}

// periodNamed reads 每月, 月 or 累计.
func periodNamed(word string) (Per, bool) {
	for _, p := range pers[1:] {
		if word == p.every || word == strings.TrimPrefix(p.every, "每") || word == p.every+"度" || word == strings.TrimPrefix(p.every, "每")+"度" {
			return p.per, true
		}
	}
	return "", false
}

// group reads 优秀学生 or 优秀学生（每年）.
func (rd *reader) group(e *entry, row *xlsx.Row) {
	s := &e.Spec
	s.Group = oneLine(row.Get(colGroup))
	if i := strings.LastIndexAny(s.Group, "（("); i > 0 {
		if per, ok := periodNamed(strings.TrimRight(xlsx.Fold(s.Group[i:])[1:], ")")); ok {
			s.Group, s.GroupPer = strings.TrimSpace(s.Group[:i]), per
		}
	}
}

func (rd *reader) spend(e *entry, row *xlsx.Row) {
	switch row.Code(colSpend) {
	case "", "是", "可", "可以", "可兑换", "能":
	case "否", "不可", "不可以", "不可兑换", "不兑换", "不能", "不能兑换", "不参与兑换":
		e.Spec.ScoreOnly = true
	default:
		row.Problem(colSpend, "请填“可兑换”或“不可兑换”")
	}
}

func (rd *reader) caps(e *entry, row *xlsx.Row, extra []string) {
	text := oneLine(row.Get(colCap))
	if e.Spec.Shape == Grade {
		e.Spec.CapText = text
		return
	}
	if bare := xlsx.Fold(text); bare != "" && strings.Trim(bare, "0123456789.分") == "" {
		rd.note(e.row, e.Item, Partial, "上限「%s」没有写明是每次、每日、每月还是每年，没有控制；请写成如 每年最多%s分", cut(text, 20), strings.TrimSuffix(bare, "分"))
		e.Spec.CapText, text = text, ""
	}
	all := text
	if len(extra) > 0 {
		all = strings.Trim(all+"；"+strings.Join(extra, "；"), "；")
	}
	caps, rest := ParseCaps(all, e.Subject)
	caps = slices.DeleteFunc(caps, func(c Cap) bool {
		if c.Who != WhoPerson || e.Spec.Credit == CreditBoth {
			return false
		}
		rest = append(rest, FormatCaps([]Cap{c})+"（要按人计，请把计分对象改成“个人和户”）")
		return true
	})
	if fromRemark, odd := ParseCaps(e.Spec.Remark, e.Subject); len(fromRemark) > 0 && len(odd) == 0 && len(caps) == 0 {
		caps = fromRemark
		rd.note(e.row, e.Item, Check, "备注里写着上限「%s」，已作为这一条的上限导入，请核对", cut(e.Spec.Remark, 40))
	}
	if len(caps) > 0 {
		e.Spec.Caps = caps
	}
	rest = slices.DeleteFunc(rest, func(clause string) bool { return rd.limit(e, clause) })
	if len(rest) > 0 {
		e.Spec.CapText = all
		rd.note(e.row, e.Item, Partial, "上限中的「%s」还不能自动控制，其余内容已导入，登记时请人工把关；请写成如 每日最多1次；每月最多20分", cut(strings.Join(rest, "；"), 60))
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
		s.Per = "" // a rung or tier that combine has not yet put in its place
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
