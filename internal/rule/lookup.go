package rule

import (
	"fmt"
	"slices"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
)

// draft and adopted are rule_versions.state.
const (
	stateDraft   = 1
	stateAdopted = 2
)

// idChunk bounds IN lists.
const idChunk = 1000

type ruleRow struct {
	ID        id.ID        `gorm:"column:id"`
	VersionID id.ID        `gorm:"column:version_id"`
	Lineage   id.ID        `gorm:"column:lineage"`
	BookID    id.ID        `gorm:"column:book_id"`
	RegionID  id.ID        `gorm:"column:region_id"`
	Asset     ledger.Asset `gorm:"column:asset"`
	FromDay   cal.Day      `gorm:"column:from_day"`
	ToDay     cal.Day      `gorm:"column:to_day"`
	Code      string       `gorm:"column:code"`
	Category  string       `gorm:"column:category"`
	Item      string       `gorm:"column:item"`
	Pinyin    string       `gorm:"column:pinyin"`
	Initials  string       `gorm:"column:initials"`
	Subject   Subject      `gorm:"column:subject"`
	Spec      string       `gorm:"column:spec"`
	Sort      int          `gorm:"column:sort"`
}

const selectRules = `SELECT r.id, r.version_id, r.lineage, v.book_id, b.region_id, b.asset, v.from_day, v.to_day,
	r.code, r.category, r.item, r.pinyin, r.initials, r.subject, r.spec, r.sort
	FROM rules r JOIN rule_versions v ON v.id = r.version_id JOIN rule_books b ON b.id = v.book_id `

func (r ruleRow) rule() (Rule, error) {
	s, err := ParseSpec([]byte(r.Spec))
	if err != nil {
		return Rule{}, fmt.Errorf("reading rule %s: %w", r.ID, err)
	}
	return Rule{ID: r.ID, Version: r.VersionID, Lineage: r.Lineage, Book: r.BookID, Region: r.RegionID, Asset: r.Asset,
		From: r.FromDay, To: r.ToDay, Code: r.Code, Category: r.Category, Item: r.Item, Subject: r.Subject, Spec: s, Sort: r.Sort,
		pinyin: r.Pinyin, initials: r.Initials}, nil
}

func scanRules(tx db.Tx, query string, args ...any) ([]Rule, error) {
	var rows []ruleRow
	if err := tx.Raw(query, args...).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	out := make([]Rule, len(rows))
	for i, row := range rows {
		var err error
		if out[i], err = row.rule(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// RulesByID are the rules that exist among ids, drafts included: ask Rule.InForce and Schedule before awarding by one.
func RulesByID(tx db.Tx, ids []id.ID) (map[id.ID]Rule, error) {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	out := make(map[id.ID]Rule, len(ids))
	for part := range slices.Chunk(ids, idChunk) {
		rules, err := scanRules(tx, selectRules+"WHERE r.id IN ?", part)
		if err != nil {
			return nil, err
		}
		for _, r := range rules {
			out[r.ID] = r
		}
	}
	return out, nil
}

// Schedule is which versions hold in a village on which day; take it once and ask it for every item of a batch.
type Schedule struct {
	village id.ID
	rows    []scheduleRow
}

type scheduleRow struct {
	VillageID  id.ID        `gorm:"column:village_id"`
	ID         id.ID        `gorm:"column:id"`
	RegionID   id.ID        `gorm:"column:region_id"`
	Asset      ledger.Asset `gorm:"column:asset"`
	Supplement int          `gorm:"column:supplement"`
	FromDay    cal.Day      `gorm:"column:from_day"`
	ToDay      cal.Day      `gorm:"column:to_day"`
	Terms      string       `gorm:"column:terms"`
	terms      Terms
}

// SchedulesOf reads the schedules of villages: every adopted version of a village's own books and of its township's. Every
// village asked for is in the map.
func SchedulesOf(tx db.Tx, villages []id.ID) (map[id.ID]Schedule, error) {
	out := make(map[id.ID]Schedule, len(villages))
	for _, v := range villages {
		out[v] = Schedule{village: v}
	}
	for part := range slices.Chunk(villages, idChunk) {
		var rows []scheduleRow
		// The township comes from the regions table in the same round trip: this stands in the path of every award.
		err := tx.Raw(`SELECT g.id AS village_id, v.id, b.region_id, b.asset, b.supplement, v.from_day, v.to_day, v.terms
			FROM regions g JOIN rule_books b ON b.region_id IN (g.id, g.township_id)
			JOIN rule_versions v ON v.book_id = b.id
			WHERE g.id IN ? AND v.state = ? ORDER BY g.id, b.id, v.number`, part, stateAdopted).Scan(&rows).Error
		if err != nil {
			return nil, fmt.Errorf("reading the versions of %d villages: %w", len(part), err)
		}
		for _, r := range rows {
			if r.terms, err = parseTerms(r.Terms); err != nil {
				return nil, err
			}
			s := out[r.VillageID]
			s.rows = append(s.rows, r)
			out[r.VillageID] = s
		}
	}
	return out, nil
}

// in are the rows in force for the asset on the day: the village's own books, or, when it has none that stands for itself,
// its township's with what the village adds to them.
func (s Schedule) in(asset ledger.Asset, day cal.Day) []*scheduleRow {
	var own, added, inherited []*scheduleRow
	for i := range s.rows {
		r := &s.rows[i]
		switch {
		case r.Asset != asset || day < r.FromDay || r.ToDay != 0 && day > r.ToDay:
		case r.RegionID != s.village:
			inherited = append(inherited, r)
		case r.Supplement != 0:
			added = append(added, r)
		default:
			own = append(own, r)
		}
	}
	if len(own) > 0 {
		return own
	}
	if len(inherited) > 0 {
		return append(inherited, added...)
	}
	return nil
}

// Versions are the versions in force for the asset on the day.
func (s Schedule) Versions(asset ledger.Asset, day cal.Day) []id.ID {
	rows := s.in(asset, day)
	out := make([]id.ID, len(rows))
	for i, r := range rows {
		out[i] = r.ID
	}
	return out
}

// Bind is the rule with the limits that hold beside it on the day: those of all the versions in force together, so that
// what a village adds is bounded by its township's as well.
func (s Schedule) Bind(r Rule, day cal.Day) Rule {
	r.Limits = nil
	for _, row := range s.in(r.Asset, day) {
		r.Limits = append(r.Limits, row.terms.Limits...)
	}
	return r
}

// Holds reports whether the rule may be applied in the village on the day.
func (s Schedule) Holds(r Rule, day cal.Day) bool {
	return slices.Contains(s.Versions(r.Asset, day), r.Version)
}

// InForce are the rules that hold in the village for the asset on the day, in the order of the book.
func InForce(tx db.Tx, village id.ID, asset ledger.Asset, day cal.Day) ([]Rule, error) {
	schedules, err := SchedulesOf(tx, []id.ID{village})
	if err != nil {
		return nil, err
	}
	versions := schedules[village].Versions(asset, day)
	if len(versions) == 0 {
		return nil, nil
	}
	rules, err := scanRules(tx, selectRules+"WHERE r.version_id IN ? ORDER BY b.supplement, b.name, r.sort", versions)
	for i := range rules {
		rules[i] = schedules[village].Bind(rules[i], day)
	}
	return rules, err
}
