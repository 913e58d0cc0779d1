package rule

import (
	"context"
	"fmt"
	"io"

	"jishan/internal/auth"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/xlsx"
)

// heads are the columns of a written book, in the order of Rule.lines.
func heads(asset ledger.Asset) []xlsx.Head {
	subjects := []string{"户", "个人", "户主（自动记给户主）", "每名成员（全家每人一份）", "个人和户（记本人，也记全户）"}
	if asset == ledger.PartyScore {
		subjects = []string{SubjectNames[Member]}
	}
	return []xlsx.Head{
		{Header: "编号", Width: 8, Note: "同一条在各版中编号不变；新条目可以不填，由系统编号"},
		{Header: "类别", Width: 18, Note: "如：庭院环境。可以合并单元格"},
		{Header: "条目", Width: 48, Required: true, Note: "做了什么事，不超过 300 字"},
		{Header: "分值", Width: 28, Required: true, Note: "怎么计分都写在这里，见“填写示例”。只写一个数就是固定分值，最多两位小数；扣分写负数，或在“方向”里选扣分"},
		{Header: "单位", Width: 10, Note: "如：每次；按量、累计分档的条目写数量的单位，如：元、小时"},
		{Header: "上限", Width: 28, Note: "如：每日最多1次；每月最多4次；每年最多50分；每次最多20分。可用每次、每日、每周、每月、每季度、每年、累计；" +
			"记给个人的条目写“每户每月最多10分”就按全户合计；“本类每月最多30分”“各类合计每月最多100分”会作为总上限"},
		{Header: "计分对象", Width: 14, Note: "记给谁：" + joinOr(subjects) + "。不填按" + subjects[0] + "，可在括号里加说明"},
		{Header: "佐证", Width: 20, Note: "如：需上传照片"},
		{Header: "方向", Width: 8, Options: []string{"加分", "扣分"}, Note: "不填时看分值的正负"},
		{Header: "类型", Width: 12, Note: "固定、区间、分级、累次加重、再犯加倍、累计分档、按量、满分倒扣、基础分、直接定级；不填时看分值的写法。" +
			"管住其他条目的行填：总上限（某一类或全书合计最多多少）、自设条目（乡镇给村留几条）"},
		{Header: "累次周期", Width: 10, Note: "在多长时间内累计：每月、每季度、每年、累计。累次加重、再犯加倍、累计分档不填按每年；按量不填就每次单独算"},
		{Header: "取高组", Width: 14, Note: "一件事可能按几条计分、只计最高的一条时，这几条填同一个组名，如：学生表彰（每年）。括号里是在多长时间内只计一条，不填按每日"},
		{Header: "可否兑换", Width: 10, Options: []string{"可兑换", "不可兑换"}, Note: "不可兑换的只计累计积分；不填为可兑换"},
		{Header: "备注", Width: 20, Note: "其他要说明的，不超过 200 字"},
	}
}

func joinOr(words []string) string {
	out := words[0]
	for _, w := range words[1:] {
		out += "或" + w
	}
	return out
}

// Export writes a version as a workbook that Import takes back as an equal book.
func (s *Service) Export(ctx context.Context, actor auth.Actor, version id.ID, w io.Writer) error {
	book, v, rules, err := s.Version(ctx, actor, version)
	if err != nil {
		return err
	}
	return writeBook(w, book, v.Terms, rules)
}

func writeBook(w io.Writer, b Book, terms Terms, rules []Rule) error {
	sheet := xlsx.Sheet{Name: "积分细则", Title: b.Name, Heads: heads(b.Asset), Rows: func(yield func([]any) bool) {
		for _, r := range rules {
			for _, line := range r.lines() {
				if !yield(line) {
					return
				}
			}
		}
		for _, line := range terms.lines() {
			if !yield(line) {
				return
			}
		}
	}}
	if err := xlsx.Write(w, xlsx.Book{Sheets: []xlsx.Sheet{sheet}}); err != nil {
		return fmt.Errorf("exporting a rule book: %w", err)
	}
	return nil
}
