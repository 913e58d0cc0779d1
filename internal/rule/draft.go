package rule

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/xlsx"
)

var codeText = regexp.MustCompile(`^[0-9A-Za-z.-]{1,16}$`)

// Preview reads a sheet as Import would and writes nothing.
func (s *Service) Preview(ctx context.Context, actor auth.Actor, version id.ID, file io.Reader) ([]Input, Report, error) {
	var book Book
	var v Version
	err := s.db.Read(ctx, func(tx db.Tx) (err error) {
		if book, v, err = readVersion(tx, actor, version); err != nil {
			return err
		}
		if err := actor.InRegion(auth.RuleWrite, book.Region); err != nil {
			return err
		}
		if v.Adopted {
			return ErrAdopted.New()
		}
		return nil
	})
	if err != nil {
		return nil, Report{}, err
	}
	inputs, report, err := openSheet(file, book)
	if err == nil && len(v.Terms.Limits) > 0 && len(report.Terms.Limits) == 0 {
		report.Notes = append(report.Notes, Note{Outcome: Check, Text: "草稿原有的总上限（" + v.Terms.Text() + "）不在表里，导入后就没有了；要保留请在表里加上类型为“总上限”的行"})
	}
	return inputs, report, err
}

// Import replaces the rules and terms of a draft by those of a sheet (Excel or CSV, columns as in Template or as villages name them).
// A rule that some version of the book has already, by code or by category and item, keeps its code and lineage. Rows that
// cannot be taken are left out and named in the report; a sheet of which no row can be taken is ErrEmptySheet.
func (s *Service) Import(ctx context.Context, actor auth.Actor, version id.ID, file io.Reader) (Report, error) {
	inputs, report, err := s.Preview(ctx, actor, version, file)
	if err != nil {
		return Report{}, err
	}
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		b, v, err := lockDraft(tx, actor, version)
		if err != nil {
			return err
		}
		if err := replaceRules(tx, b, v.ID, inputs); err != nil {
			return err
		}
		if err := b.mayHave(tx, report.Terms); err != nil {
			return err
		}
		if err := updateTerms(tx, v.ID, report.Terms); err != nil {
			return err
		}
		return audit.Write(tx, actor.Audit("rule.import", "rule_version:"+v.ID.String(), b.Region,
			fmt.Sprintf("向《%s》第 %d 版导入 %d 条，%d 行没有导入", b.Name, v.Number, report.Rules, report.LeftOut())))
	})
	if err != nil {
		return Report{}, err
	}
	return report, nil
}

func openSheet(file io.Reader, b Book) ([]Input, Report, error) {
	limits := xlsx.DefaultLimits()
	limits.Rows = 2 * maxRules
	f, err := xlsx.Open(file, limits)
	if err != nil {
		return nil, Report{}, err
	}
	table, err := f.Table("", sheetColumns)
	if err != nil {
		return nil, Report{}, err
	}
	inputs, report, err := readSheet(table, b.Asset)
	if err != nil {
		return nil, Report{}, err
	}
	if len(inputs) == 0 {
		e := ErrEmptySheet.New()
		for _, n := range report.Notes {
			e.Fields = append(e.Fields, errs.Field{Path: fmt.Sprintf("第%d行", n.Row), Text: n.Text})
		}
		return nil, Report{}, e
	}
	return inputs, report, nil
}

// AddRule adds a rule at the end of a draft.
func (s *Service) AddRule(ctx context.Context, actor auth.Actor, version id.ID, in Input) (Rule, error) {
	var out Rule
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		b, v, err := lockDraft(tx, actor, version)
		if err != nil {
			return err
		}
		rules, err := rulesOf(tx, v.ID)
		if err != nil {
			return err
		}
		if len(rules) >= maxRules {
			return ErrRule.With("一本细则最多 %d 条", maxRules)
		}
		if in, err = in.tidy(b); err != nil {
			return err
		}
		known, err := knownRules(tx, b.ID)
		if err != nil {
			return err
		}
		taken := map[string]bool{}
		sort := 0
		for _, r := range rules {
			taken[r.Code] = true
			sort = max(sort, r.Sort)
		}
		made := known.assign(b, v.ID, []Input{in}, taken)
		made[0].Sort = sort + 1
		if err := insertRules(tx, made); err != nil {
			return err
		}
		out = made[0]
		return audit.Write(tx, actor.Audit("rule.add", "rule:"+out.ID.String(), b.Region, fmt.Sprintf("在《%s》第 %d 版草稿增加「%s」", b.Name, v.Number, cut(out.Item, 60))))
	})
	return out, err
}

// UpdateRule changes a rule of a draft. It stays the same rule, whatever its words become, unless its code is changed.
func (s *Service) UpdateRule(ctx context.Context, actor auth.Actor, rule id.ID, in Input) (Rule, error) {
	var out Rule
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		b, v, old, err := lockRule(tx, actor, rule)
		if err != nil {
			return err
		}
		if in, err = in.tidy(b); err != nil {
			return err
		}
		r := old
		r.Category, r.Item, r.Subject, r.Spec = in.Category, in.Item, in.Subject, in.Spec
		if in.Code != "" && in.Code != old.Code {
			known, err := knownRules(tx, b.ID)
			if err != nil {
				return err
			}
			r.Code, r.Lineage = in.Code, known.lineage(in.Code)
		}
		if err := updateRule(tx, r); err != nil {
			return err
		}
		out = r
		return audit.Write(tx, actor.Audit("rule.update", "rule:"+r.ID.String(), b.Region, fmt.Sprintf("修改《%s》第 %d 版草稿的「%s」", b.Name, v.Number, cut(r.Item, 60))))
	})
	return out, err
}

// DeleteRule takes a rule out of a draft.
func (s *Service) DeleteRule(ctx context.Context, actor auth.Actor, rule id.ID) error {
	return s.db.Tx(ctx, func(tx db.Tx) error {
		b, v, old, err := lockRule(tx, actor, rule)
		if err != nil {
			return err
		}
		if err := tx.Exec("DELETE FROM rules WHERE id = ?", rule).Error; err != nil {
			return fmt.Errorf("deleting a rule: %w", err)
		}
		return audit.Write(tx, actor.Audit("rule.delete", "rule:"+rule.String(), b.Region, fmt.Sprintf("从《%s》第 %d 版草稿删除「%s」", b.Name, v.Number, cut(old.Item, 60))))
	})
}

func lockRule(tx db.Tx, actor auth.Actor, rule id.ID) (Book, Version, Rule, error) {
	rules, err := RulesByID(tx, []id.ID{rule})
	if err != nil {
		return Book{}, Version{}, Rule{}, err
	}
	if len(rules) == 0 {
		return Book{}, Version{}, Rule{}, errs.ErrNotFound.New()
	}
	b, v, err := lockDraft(tx, actor, rules[rule].Version)
	if err != nil {
		return Book{}, Version{}, Rule{}, err
	}
	// Read again behind the lock: another officer may have changed or deleted it meanwhile.
	if rules, err = RulesByID(tx, []id.ID{rule}); err != nil {
		return Book{}, Version{}, Rule{}, err
	}
	if len(rules) == 0 {
		return Book{}, Version{}, Rule{}, errs.ErrNotFound.New()
	}
	return b, v, rules[rule], nil
}

func (in Input) tidy(b Book) (Input, error) {
	in.Category, in.Item = oneLine(in.Category), oneLine(in.Item)
	if in.Category == "" {
		in.Category = noCategory
	}
	if err := in.Spec.Validate(); err != nil {
		return in, err
	}
	return in, in.check(b.Asset)
}

// replaceRules writes inputs as all the rules of a draft.
func replaceRules(tx db.Tx, b Book, version id.ID, inputs []Input) error {
	known, err := knownRules(tx, b.ID)
	if err != nil {
		return err
	}
	if err := deleteRules(tx, version); err != nil {
		return err
	}
	return insertRules(tx, known.assign(b, version, inputs, map[string]bool{}))
}

// known is every code and every wording that the versions of a book have used, with the lineage behind it.
type known struct {
	codes map[string]id.ID
	words map[string][]string // category and item → codes of the latest version that has it, in order
	next  int
}

func knownRules(tx db.Tx, book id.ID) (*known, error) {
	var rows []struct {
		Number   int    `gorm:"column:number"`
		Code     string `gorm:"column:code"`
		Lineage  id.ID  `gorm:"column:lineage"`
		Category string `gorm:"column:category"`
		Item     string `gorm:"column:item"`
	}
	err := tx.Raw(`SELECT v.number, r.code, r.lineage, r.category, r.item FROM rules r JOIN rule_versions v ON v.id = r.version_id
		WHERE v.book_id = ? ORDER BY v.number, r.sort`, book).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading the rules of a book: %w", err)
	}
	k := &known{codes: map[string]id.ID{}, words: map[string][]string{}, next: 1}
	from := map[string]int{}
	for _, r := range rows {
		k.codes[r.Code] = r.Lineage
		w := wording(r.Category, r.Item)
		if from[w] != r.Number {
			k.words[w], from[w] = nil, r.Number
		}
		k.words[w] = append(k.words[w], r.Code)
		if n, err := strconv.Atoi(r.Code); err == nil && n < 1_000_000 {
			k.next = max(k.next, n+1)
		}
	}
	return k, nil
}

func wording(category, item string) string { return like(category) + "\x00" + like(item) }

// lineage is that of a code, new where the code is.
func (k *known) lineage(code string) id.ID {
	if _, ok := k.codes[code]; !ok {
		k.codes[code] = id.New()
	}
	return k.codes[code]
}

// assign makes rules of inputs: codes that are given stand; the others are those that the same words had before, or new ones.
// taken are codes of the version that are used already; it grows.
func (k *known) assign(b Book, version id.ID, inputs []Input, taken map[string]bool) []Rule {
	given := map[string]bool{}
	for _, in := range inputs {
		if in.Code != "" {
			given[in.Code] = true
		}
	}
	out := make([]Rule, len(inputs))
	for i, in := range inputs {
		if in.Code == "" {
			w := wording(in.Category, in.Item)
			codes := k.words[w]
			at := slices.IndexFunc(codes, func(c string) bool { return !taken[c] && !given[c] })
			if at >= 0 {
				in.Code = codes[at]
			}
		}
		for in.Code == "" || taken[in.Code] && !given[in.Code] {
			if c := fmt.Sprintf("%03d", k.next); !taken[c] && !given[c] {
				in.Code = c
			}
			k.next++
		}
		taken[in.Code] = true
		out[i] = Rule{ID: id.New(), Version: version, Lineage: k.lineage(in.Code), Book: b.ID, Region: b.Region, Asset: b.Asset,
			Code: in.Code, Category: in.Category, Item: in.Item, Subject: in.Subject, Spec: in.Spec, Sort: i + 1}
	}
	return out
}
