package party

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"jishan/internal/points"
	"jishan/internal/xlsx"
)

func number(a points.Amount) xlsx.Number { return xlsx.Number(a.String()) }

// numberIf is blank where there is nothing to show.
func numberIf(has bool, a points.Amount) any {
	if !has {
		return nil
	}
	return number(a)
}

var placeHeads = []xlsx.Head{
	{Header: "名次", Kind: xlsx.Amount, Width: 6}, {Header: "姓名", Width: 10}, {Header: "类别", Width: 10},
	{Header: "基础分", Kind: xlsx.Amount, Width: 8}, {Header: "本季度得分", Kind: xlsx.Amount, Width: 11}, {Header: "本年度得分", Kind: xlsx.Amount, Width: 11},
	{Header: "积分", Kind: xlsx.Amount, Width: 9}, {Header: "全年目标", Kind: xlsx.Amount, Width: 9}, {Header: "完成", Width: 8}, {Header: "进度", Width: 18},
	{Header: "自评分", Kind: xlsx.Amount, Width: 8}, {Header: "民主评议分", Kind: xlsx.Amount, Width: 11}, {Header: "总分", Kind: xlsx.Amount, Width: 9},
	{Header: "等次", Width: 10}, {Header: "备注", Width: 30},
}

func (p Place) row(remark string) []any {
	progress := ""
	if p.Goal > 0 {
		progress = fmt.Sprintf("%d%%", p.Progress)
	}
	grade := GradeNames[p.Grade]
	if grade == "" {
		grade = "—"
	}
	return []any{p.Rank, p.Member.Name, ClassNames[p.Member.Class], number(p.Base), number(p.Earned), number(p.Awarded), number(p.Score), numberIf(p.Goal > 0, p.Goal),
		progress, p.Pace(), numberIf(p.Reported, p.SelfScore), numberIf(p.Reviewed, p.Review), number(p.Total), grade, remark}
}

// Remark is what the table says beside a member: what decided the grade, and the amendments.
func (t Table) Remark(p Place) string {
	var parts []string
	if p.Veto != "" {
		parts = append(parts, "直接定级："+p.Veto)
	}
	for _, o := range t.Objections {
		if o.Late && o.Member == p.Member.ID {
			parts = append(parts, fmt.Sprintf("见补正第 %d 号", o.Number))
		}
	}
	return strings.Join(parts, "；")
}

func (t Table) name() string { return t.Township + t.Village + t.Branch.Name }

// stage is how the title says what the table is worth.
func (t Table) stage() string {
	switch {
	case t.Evaluation == nil:
		return "（未开启考核）"
	case t.Evaluation.State == Closed:
		return ""
	}
	return "（" + StateNames[t.Evaluation.State] + "中，未定稿）"
}

// Text is the sum in one line, as sheets and screens show it.
func (s Tally) Text() string {
	grades := make([]string, 0, len(GradeNames)+1)
	for g := Excellent; g <= Failed; g++ {
		grades = append(grades, fmt.Sprintf("%s %d 人", GradeNames[g], s.Grades[g]))
	}
	if n := s.Grades[NoGrade]; n > 0 {
		grades = append(grades, fmt.Sprintf("未定等次 %d 人", n))
	}
	return fmt.Sprintf("共 %d 人：参加考核 %d 人，免考核 %d 人；平均 %s 分；达到全年目标 %d 人；%s", s.Members, s.Ranked, s.Exempt, s.Average, s.Reached, strings.Join(grades, "，"))
}

// Title is the table's heading, with what it is worth before the evaluation is closed.
func (t Table) Title() string {
	return t.name() + quarterName(t.Quarter) + "党员积分考核表" + t.stage()
}

// WriteTable writes a branch's table as it is handed upwards: the ranked, the exempt apart, objections and amendments.
func WriteTable(w io.Writer, t Table) error {
	title := t.name() + quarterName(t.Quarter)
	foot := []string{t.Tally().Text(), "等次标准：" + t.Standard.Text()}
	if e := t.Evaluation; e != nil && e.Meeting != "" {
		foot = append(foot, "民主评议："+e.Meeting+dayAfter(e))
	}
	if e := t.Evaluation; e != nil && e.State == Closed {
		foot = append(foot, fmt.Sprintf("公示截止：%s    关闭人：%s", e.PublicUntil.Chinese(), e.ClosedName))
	}
	foot = append(foot, "支部书记（签字）："+strings.Repeat(" ", 24)+"填报人（签字）："+strings.Repeat(" ", 24)+"填报日期：      年    月    日")
	ranked := func(yield func([]any) bool) {
		for _, p := range t.Ranked {
			if !yield(p.row(t.Remark(p))) {
				return
			}
		}
	}
	sheets := []xlsx.Sheet{{Name: "考核表", Title: t.Title(), Heads: placeHeads, Rows: ranked, Foot: foot, Form: true}, t.exemptSheet(title)}
	return xlsx.Write(w, xlsx.Book{Sheets: append(sheets, t.objectionSheet(title))})
}

func dayAfter(e *Evaluation) string {
	if e.MetOn == 0 {
		return ""
	}
	return "（" + e.MetOn.Chinese() + "）"
}

func (t Table) exemptSheet(title string) xlsx.Sheet {
	return xlsx.Sheet{Name: "免考核", Title: title + "免考核党员名单", Form: true,
		Heads: []xlsx.Head{{Header: "姓名", Width: 10}, {Header: "类别", Width: 10}, {Header: "免考核原因", Width: 12}, {Header: "开始", Kind: xlsx.Date, Width: 12},
			{Header: "结束", Kind: xlsx.Date, Width: 12}, {Header: "说明", Width: 24}, {Header: "证明材料", Width: 24}, {Header: "批准人", Width: 12}, {Header: "积分", Kind: xlsx.Amount, Width: 9}},
		Rows: func(yield func([]any) bool) {
			for _, p := range t.Exempt {
				x := p.Exemption
				if !yield([]any{p.Member.Name, ClassNames[p.Member.Class], ReasonNames[x.Reason], x.From, x.To, x.Note, x.Evidence, x.ApprovedName, number(p.Score)}) {
					return
				}
			}
		}}
}

func (t Table) objectionSheet(title string) xlsx.Sheet {
	return xlsx.Sheet{Name: "异议和补正", Title: title + "异议和补正", Form: true,
		Heads: []xlsx.Head{{Header: "编号", Width: 30}, {Header: "党员", Width: 10}, {Header: "提出人", Width: 12}, {Header: "内容", Width: 36}, {Header: "处理结论", Width: 36},
			{Header: "结果", Width: 24}, {Header: "登记人", Width: 12}},
		Rows: func(yield func([]any) bool) {
			for _, o := range t.Objections {
				if !yield([]any{o.Title(), o.MemberName, o.RaisedBy, o.Text, o.Finding, o.Outcome(), o.ActorName}) {
					return
				}
			}
		}}
}

var tallyHeads = []xlsx.Head{
	{Header: "村", Width: 14}, {Header: "党支部", Width: 20}, {Header: "考核阶段", Width: 10}, {Header: "党员", Kind: xlsx.Amount, Width: 7},
	{Header: "参加考核", Kind: xlsx.Amount, Width: 9}, {Header: "免考核", Kind: xlsx.Amount, Width: 8}, {Header: "平均分", Kind: xlsx.Amount, Width: 9},
	{Header: "达到全年目标", Kind: xlsx.Amount, Width: 12}, {Header: "优秀", Kind: xlsx.Amount, Width: 7}, {Header: "合格", Kind: xlsx.Amount, Width: 7},
	{Header: "基本合格", Kind: xlsx.Amount, Width: 9}, {Header: "不合格", Kind: xlsx.Amount, Width: 8}, {Header: "未定", Kind: xlsx.Amount, Width: 7}, {Header: "补正", Kind: xlsx.Amount, Width: 7},
}

func (s Tally) row(village, branch, state string, amendments int) []any {
	return []any{village, branch, state, s.Members, s.Ranked, s.Exempt, number(s.Average), s.Reached, s.Grades[Excellent], s.Grades[Qualified], s.Grades[Basic],
		s.Grades[Failed], s.Grades[NoGrade], amendments}
}

// Amendments are how many of the objections came after the closing.
func (t Table) Amendments() (n int) {
	for _, o := range t.Objections {
		if o.Late {
			n++
		}
	}
	return n
}

// WriteTownshipTable writes a township's table: a line a branch with the sum, and all members on a second sheet.
func WriteTownshipTable(w io.Writer, t TownshipTable) error {
	title := t.Township.Name + quarterName(t.Quarter)
	sum := func(yield func([]any) bool) {
		amendments := 0
		for _, b := range t.Branches {
			state := "未开启"
			if b.Evaluation != nil {
				state = StateNames[b.Evaluation.State]
			}
			amendments += b.Amendments()
			if !yield(b.Tally().row(b.Village, b.Branch.Name, state, b.Amendments())) {
				return
			}
		}
		yield(t.Sum.row("合计", "", "", amendments))
	}
	all := func(yield func([]any) bool) {
		for _, b := range t.Branches {
			for _, p := range slices.Concat(b.Ranked, b.Exempt) {
				remark := b.Remark(p)
				if p.Exemption != nil {
					remark = strings.Trim("免考核："+ReasonNames[p.Exemption.Reason]+"；"+remark, "；")
				}
				if !yield(append([]any{b.Village, b.Branch.Name}, p.row(remark)...)) {
					return
				}
			}
		}
	}
	heads := append([]xlsx.Head{{Header: "村", Width: 12}, {Header: "党支部", Width: 18}}, placeHeads...)
	return xlsx.Write(w, xlsx.Book{Sheets: []xlsx.Sheet{
		{Name: "汇总", Title: title + "党员积分考核汇总表", Heads: tallyHeads, Rows: sum, Form: true,
			Foot: []string{t.Sum.Text(), "乡镇负责人（签字）：" + strings.Repeat(" ", 24) + "填报人（签字）：" + strings.Repeat(" ", 24) + "填报日期：      年    月    日"}},
		{Name: "党员明细", Title: title + "党员积分考核明细", Heads: heads, Rows: all, Form: true},
	}})
}
