package people

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"jishan/internal/errs"
	"jishan/internal/xlsx"
)

// entry is one row of a roster, read but not yet understood among the others. It never holds a telephone or identity number.
type entry struct {
	number  int    // of the row, as Excel counts
	group   string // as written
	head    string // name of the head, as far as the row says
	code    string // house code
	address string
	grid    string
	person  villagerRow // name and relation; the rest only where the row is good
	bad     bool        // something in the row itself is wrong
	lost    bool        // the row's house code is wrong, so its household is not known
	alone   bool        // the sheet has neither heads nor relations: every row is a household
	related bool        // the sheet has a column of relations, so a blank one is not known
}

// readRoster reads all rows. What is wrong with a row by itself is noted in it; only such rows are kept, by index of the entry.
func (s *Service) readRoster(t *xlsx.Table, headOnly bool, progress func(rows int, share float64)) ([]entry, map[int]*xlsx.Row, error) {
	var entries []entry
	bad := map[int]*xlsx.Row{}
	for row, err := range t.Rows() {
		if err != nil {
			return nil, nil, err
		}
		if footer(row) {
			continue
		}
		e := s.readEntry(row, headOnly)
		e.alone = headOnly || !t.Has("head") && !t.Has("relation")
		e.related = t.Has("relation")
		if e.bad = !row.OK(); e.bad {
			bad[len(entries)] = row
		}
		if entries = append(entries, e); len(entries)%500 == 0 {
			progress(len(entries), row.Share)
		}
	}
	progress(len(entries), 1)
	return entries, bad, nil
}

// footer reports whether the row is the sum beneath the table and not a person.
func footer(row *xlsx.Row) bool {
	return slices.ContainsFunc(rosterColumns, func(c xlsx.Column) bool {
		if !row.Has(c.Key) || c.Key == "address" {
			return false
		}
		text := row.Code(c.Key)
		return slices.ContainsFunc([]string{"合计", "总计", "小计", "填表人", "制表人"}, func(p string) bool { return strings.HasPrefix(text, p) })
	})
}

// none are the ways in which people write that there is no number.
var none = []string{"", "无", "没有", "不详", "未知", "暂无", "空", "-", "--", "—", "——", "/", "\\", "0"}

func number(row *xlsx.Row, key string) string {
	if s := row.Code(key); !slices.Contains(none, s) {
		return s
	}
	return ""
}

func (s *Service) readEntry(row *xlsx.Row, headOnly bool) entry {
	e := entry{number: row.Number, group: row.Code("group"), head: CleanName(row.Get("head")), address: row.Get("address"), grid: row.Get("grid")}
	p := Person{Relation: relation(row.Get("relation")), Phone: number(row, "phone"), IDNumber: number(row, "idno")}
	if headOnly {
		p.Name, p.Relation = row.Need("head"), relationHead
	} else {
		p.Name = row.Need("name")
	}
	p.Name = CleanName(p.Name)
	e.person.Name, e.person.Relation = p.Name, p.Relation
	switch g := row.Code("gender"); g {
	case "男", "男性", "1":
		p.Gender = 1
	case "女", "女性", "2":
		p.Gender = 2
	case "", "未知", "不详":
	default:
		row.Problem("gender", "请填男或女")
	}
	long := func(key, text string, limit int) {
		if utf8.RuneCountInString(text) > limit {
			row.Problem(key, fmt.Sprintf("最多 %d 字", limit))
		}
	}
	nameKey := "name"
	if headOnly {
		nameKey = "head"
	}
	long(nameKey, p.Name, 20)
	long("head", e.head, 20)
	long("relation", p.Relation, 8)
	long("address", e.address, maxAddress)
	long("group", e.group, 20)
	long("grid", e.grid, 30)
	if _, err := ParsePhone(p.Phone); err != nil {
		row.Problem("phone", errs.From(err).Text())
	}
	if _, _, _, err := ParseIDNumber(p.IDNumber); err != nil {
		row.Problem("idno", errs.From(err).Text())
	}
	if code := row.Code("code"); !slices.Contains(none, code) {
		var err error
		if e.code, err = ParseHouseCode(code); err != nil {
			e.lost = true
			row.Problem("code", errs.From(err).Text())
		}
	}
	if !row.OK() {
		return e
	}
	v, err := s.prepare(p)
	if err != nil {
		row.Problem("", errs.From(err).Text())
		return e
	}
	e.person = *v
	return e
}

// relation is the relation to the head in the one spelling that the program compares.
func relation(s string) string {
	s = xlsx.Fold(s)
	switch s {
	case "本人", "户主本人", "户主(本人)", "本人(户主)":
		return relationHead
	}
	return s
}

// groupKey is what two names of the same group have in common: 第一村民小组, 一组, 01组 and 1 are all "1".
func groupKey(name, village string) string {
	s := strings.TrimPrefix(xlsx.Fold(name), village)
	s = strings.TrimPrefix(s, "第")
	for _, suffix := range []string{"村民小组", "小组", "组"} {
		if t := strings.TrimSuffix(s, suffix); t != s && t != "" {
			s = t
			break
		}
	}
	digits := strings.TrimRight(s, "社队区")
	if n, ok := numeral(digits); ok {
		return strconv.Itoa(n) + s[len(digits):]
	}
	return s
}

// groupName is how a new group is called: as written, with 组 behind a bare number or name.
func groupName(written, village string) string {
	s := strings.TrimPrefix(xlsx.Fold(written), village)
	for _, suffix := range []string{"组", "社", "队", "区"} {
		if strings.HasSuffix(s, suffix) {
			return s
		}
	}
	return s + "组"
}

// numeral reads 1–99 in digits or Chinese.
func numeral(s string) (int, bool) {
	if n, err := strconv.Atoi(s); err == nil {
		return n, n > 0
	}
	const figures = "一二三四五六七八九"
	figure := func(s string) (int, bool) {
		i := strings.Index(figures, s)
		return i/3 + 1, i >= 0 && i%3 == 0 && len(s) == 3
	}
	before, after, ten := strings.Cut(s, "十")
	n, ok := 1, true
	switch {
	case !ten:
		return figure(s)
	case before != "":
		n, ok = figure(before)
	}
	units := 0
	if ok && after != "" {
		units, ok = figure(after)
	}
	return n*10 + units, ok
}
