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
	subjects := []string{SubjectNames[Household], SubjectNames[Person]}
	if asset == ledger.PartyScore {
		subjects = []string{SubjectNames[Member]}
	}
	return []xlsx.Head{
		{Header: "编号", Width: 8, Note: "同一条在各版中编号不变；新条目可以不填，由系统编号"},
		{Header: "类别", Width: 18, Note: "如：庭院环境"},
		{Header: "条目", Width: 48, Required: true, Note: "做了什么事，不超过 300 字"},
		{Header: "分值", Width: 16, Required: true, Note: "一个数，最多两位小数，扣分写负数或在“方向”里选扣分；区间写 2～5，分档写 2～10（每2分一档）；累次加重写 -8/-15/-20"},
		{Header: "单位", Width: 10, Note: "如：每次"},
		{Header: "上限", Width: 24, Note: "如：每日最多1次；每月最多4次；每年最多50分。可用每日、每周、每月、每季度、每年、累计"},
		{Header: "计分对象", Width: 14, Note: "记给谁：" + joinOr(subjects) + "，可在括号里加说明"},
		{Header: "佐证", Width: 20, Note: "如：需上传照片"},
		{Header: "方向", Width: 8, Options: []string{"加分", "扣分"}, Note: "不填时看分值的正负"},
		{Header: "类型", Width: 12, Note: "固定、区间、累次加重、直接定级；不填时看分值的写法。累次加重也可以分行写，条目末尾写（第一次）（第二次）（第三次及以上）"},
		{Header: "累次周期", Width: 10, Note: "只用于累次加重：每月、每季度、每年、累计；不填按每年"},
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
	book, _, rules, err := s.Version(ctx, actor, version)
	if err != nil {
		return err
	}
	return writeBook(w, book, rules)
}

func writeBook(w io.Writer, b Book, rules []Rule) error {
	sheet := xlsx.Sheet{Name: "积分细则", Title: b.Name, Heads: heads(b.Asset), Rows: func(yield func([]any) bool) {
		for _, r := range rules {
			for _, line := range r.lines() {
				if !yield(line) {
					return
				}
			}
		}
	}}
	if err := xlsx.Write(w, xlsx.Book{Sheets: []xlsx.Sheet{sheet}}); err != nil {
		return fmt.Errorf("exporting a rule book: %w", err)
	}
	return nil
}

// Template writes an empty sheet for a book of the asset, with a page that explains each column and an example of each shape.
func Template(w io.Writer, asset ledger.Asset) error {
	subject := Household
	if asset == ledger.PartyScore {
		subject = Member
	}
	examples := []Rule{
		{Code: "001", Category: "公益劳动", Item: "参加村里组织的义务劳动", Spec: Spec{Shape: Fixed, Points: 500, Unit: "每次", Evidence: "现场照片",
			Caps: []Cap{{Per: PerDay, Times: 1}, {Per: PerMonth, Times: 4}}}},
		{Code: "002", Category: "邻里互助", Item: "主动帮扶有困难的邻居", Spec: Spec{Shape: Range, Min: 200, Max: 1000, Step: 200, Unit: "每次", Caps: []Cap{{Per: PerYear, Points: 5000}}}},
		{Code: "003", Category: "人居环境", Item: "房前屋后乱堆乱放，提醒后不改", Spec: Spec{Shape: Fixed, Points: -500, Unit: "每次"}},
		{Code: "004", Category: "畜禽管理", Item: "家禽不圈养", Spec: Spec{Shape: Escalate, Unit: "每次",
			Steps: []Step{{-500, "（第一次）"}, {-1000, "（第二次）"}, {-1500, "（第三次及以上）"}}}},
		{Code: "005", Category: "畜禽管理", Item: "粪污直排沟渠", Spec: Spec{Shape: Escalate, Per: PerQuarter, Steps: []Step{{Points: -500}, {Points: -1000}}}},
	}
	if asset == ledger.PartyScore {
		examples = append(examples, Rule{Code: "006", Category: "纪律规矩", Item: "受到开除党籍处分", Spec: Spec{Shape: Grade, Lowers: true}})
	}
	t := xlsx.Template{Name: "积分细则", Heads: heads(asset), Notes: []string{
		"列的先后可以调整，多出来的列不影响导入；表头上面可以有标题行。",
		"系统看不懂的上限或类型不会丢：条目照常导入，导入结果里会逐行说明哪一部分要人工把关。",
	}}
	for _, r := range examples {
		r.Subject = subject
		t.Examples = append(t.Examples, r.lines()...)
	}
	if err := xlsx.WriteTemplate(w, t); err != nil {
		return fmt.Errorf("writing the template of a rule book: %w", err)
	}
	return nil
}
