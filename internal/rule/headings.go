package rule

import (
	"regexp"
	"strings"

	"jishan/internal/xlsx"
)

// heading takes a row that only names what follows: 一、加分项, or 环境卫生 across the table.
func (rd *reader) heading(row *xlsx.Row) bool {
	for _, c := range sheetColumns {
		if c.Key != colCategory && c.Key != colCode && row.Has(c.Key) {
			return false
		}
	}
	title := oneLine(row.Get(colCategory))
	if title == "" {
		title = row.Code(colCode)
	}
	name := headingNumber.ReplaceAllString(title, "")
	if name == "" {
		return false
	}
	if sign := headingSign(name); sign != 0 {
		rd.sign = sign
		rd.note(row.Number, title, Heading, "小标题，不是条目：下面没有写明加分还是扣分的，都按%s", map[int]string{1: "加分", -1: "扣分"}[sign])
		return true
	}
	rd.above, rd.carried = name, true
	rd.note(row.Number, title, Heading, "小标题，不是条目：下面没有写类别的，类别都是“%s”", cut(name, 20))
	return true
}

var headingNumber = regexp.MustCompile(`^[(（]?[一二三四五六七八九十0-9]+[)）、.．]*`)

// headingSign is the direction that a heading such as 加分项 or 负面清单 says; 0 where it says none.
func headingSign(s string) int {
	plus := strings.Contains(s, "加分") || strings.Contains(s, "正向") || strings.Contains(s, "正面清单") || strings.Contains(s, "奖分")
	minus := strings.Contains(s, "扣分") || strings.Contains(s, "减分") || strings.Contains(s, "负面清单") || strings.Contains(s, "反向")
	switch {
	case plus == minus:
		return 0
	case plus:
		return 1
	}
	return -1
}
