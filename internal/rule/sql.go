package rule

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/stamp"
)

type bookRow struct {
	ID         id.ID        `gorm:"column:id"`
	RegionID   id.ID        `gorm:"column:region_id"`
	Asset      ledger.Asset `gorm:"column:asset"`
	Name       string       `gorm:"column:name"`
	Source     string       `gorm:"column:source"`
	Supplement int          `gorm:"column:supplement"`
	CreatedAt  int64        `gorm:"column:created_at"`
}

type versionRow struct {
	ID           id.ID   `gorm:"column:id"`
	BookID       id.ID   `gorm:"column:book_id"`
	Number       int     `gorm:"column:number"`
	State        int     `gorm:"column:state"`
	FromDay      cal.Day `gorm:"column:from_day"`
	ToDay        cal.Day `gorm:"column:to_day"`
	Meeting      string  `gorm:"column:meeting"`
	AdoptedOn    cal.Day `gorm:"column:adopted_on"`
	VotesFor     int     `gorm:"column:votes_for"`
	VotesAgainst int     `gorm:"column:votes_against"`
	Terms        string  `gorm:"column:terms"`
	CreatedAt    int64   `gorm:"column:created_at"`
	Rules        int     `gorm:"column:rules"`
}

func (r versionRow) version() (Version, error) {
	terms, err := parseTerms(r.Terms)
	return Version{ID: r.ID, Book: r.BookID, Number: r.Number, Adopted: r.State == stateAdopted, From: r.FromDay, To: r.ToDay, Meeting: r.Meeting,
		AdoptedOn: r.AdoptedOn, VotesFor: r.VotesFor, VotesAgainst: r.VotesAgainst, Terms: terms, Rules: r.Rules,
		CreatedAt: time.UnixMilli(r.CreatedAt).UTC()}, err
}

func parseTerms(stored string) (t Terms, err error) {
	if err := strict([]byte(stored), &t); err != nil {
		return Terms{}, fmt.Errorf("reading the terms of a rule version: %w", err)
	}
	return t, nil
}

func (t Terms) encode() (string, error) {
	if err := t.Validate(); err != nil {
		return "", err
	}
	b, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("writing the terms of a rule version: %w", err)
	}
	return string(b), nil
}

// scanBooks reads books with their versions.
func scanBooks(tx db.Tx, query string, args ...any) ([]Book, error) {
	var rows []bookRow
	if err := tx.Raw(query, args...).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading rule books: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	books := make([]Book, len(rows))
	ids := make([]id.ID, len(rows))
	at := map[id.ID]int{}
	for i, r := range rows {
		books[i] = Book{ID: r.ID, Region: r.RegionID, Asset: r.Asset, Name: r.Name, Source: r.Source,
			Supplement: r.Supplement != 0, CreatedAt: time.UnixMilli(r.CreatedAt).UTC()}
		ids[i], at[r.ID] = r.ID, i
	}
	var versions []versionRow
	err := tx.Raw(`SELECT v.id, v.book_id, v.number, v.state, v.from_day, v.to_day, v.meeting, v.adopted_on, v.votes_for, v.votes_against, v.terms, v.created_at,
		(SELECT COUNT(*) FROM rules r WHERE r.version_id = v.id) AS rules
		FROM rule_versions v WHERE v.book_id IN ? ORDER BY v.book_id, v.number`, ids).Scan(&versions).Error
	if err != nil {
		return nil, fmt.Errorf("reading rule versions: %w", err)
	}
	for _, row := range versions {
		v, err := row.version()
		if err != nil {
			return nil, err
		}
		b := &books[at[v.Book]]
		b.Versions = append(b.Versions, v)
	}
	return books, nil
}

const selectBooks = "SELECT b.id, b.region_id, b.asset, b.name, b.source, b.supplement, b.created_at FROM rule_books b "

// booksFor are the region's books, and behind them those of its township.
func booksFor(tx db.Tx, region id.ID) ([]Book, error) {
	books, err := scanBooks(tx, selectBooks+`JOIN regions g ON g.id = ?
		WHERE b.region_id = g.id OR b.region_id = g.township_id AND g.township_id <> 0 ORDER BY b.asset, b.name`, region)
	slices.SortStableFunc(books, func(a, b Book) int {
		switch {
		case a.Region == region && b.Region != region:
			return -1
		case a.Region != region && b.Region == region:
			return 1
		}
		return 0
	})
	return books, err
}

// bookOfVersion is the book of a version and the version's place in it.
func bookOfVersion(tx db.Tx, version id.ID) (Book, int, error) {
	books, err := scanBooks(tx, selectBooks+"JOIN rule_versions v ON v.book_id = b.id WHERE v.id = ?", version)
	if err != nil {
		return Book{}, 0, err
	}
	if len(books) == 0 {
		return Book{}, 0, errs.ErrNotFound.New()
	}
	return books[0], slices.IndexFunc(books[0].Versions, func(v Version) bool { return v.ID == version }), nil
}

// lockBook holds a book that the actor may write; whatever changes a version of it holds the book first.
func lockBook(tx db.Tx, actor auth.Actor, book id.ID) (Book, error) {
	books, err := scanBooks(tx, selectBooks+"WHERE b.id = ?"+tx.ForUpdate(), book)
	if err != nil {
		return Book{}, err
	}
	if len(books) == 0 {
		return Book{}, errs.ErrNotFound.New()
	}
	return books[0], actor.InRegion(auth.RuleWrite, books[0].Region)
}

// keepsBooks is nil for a village or a township; a supplement is a village's.
func keepsBooks(tx db.Tx, region id.ID, supplement bool) error {
	found, err := people.RegionsByID(tx, []id.ID{region})
	if err != nil {
		return err
	}
	r, ok := found[region]
	switch {
	case !ok:
		return errs.ErrNotFound.New()
	case r.Kind != people.Township && r.Kind != people.Village:
		return ErrBook.With("细则要归一个村或一个乡镇")
	case supplement && r.Kind != people.Village:
		return ErrBook.With("自设条目由村里加在乡镇的细则之外，请选择村")
	}
	return nil
}

// anyBelow reports whether one of regions lies in the township.
func anyBelow(tx db.Tx, township id.ID, regions []id.ID) (bool, error) {
	for part := range slices.Chunk(regions, idChunk) {
		var n int
		if err := tx.Raw("SELECT COUNT(*) FROM regions WHERE township_id = ? AND id IN ?", township, part).Scan(&n).Error; err != nil {
			return false, fmt.Errorf("reading the regions of %s: %w", township, err)
		}
		if n > 0 {
			return true, nil
		}
	}
	return false, nil
}

func insertBook(tx db.Tx, b Book) error {
	err := db.Insert(tx, "rule_books", []string{"id", "region_id", "asset", "name", "source", "supplement", "created_at"}, 1, func(_ int, args []any) []any {
		return append(args, int64(b.ID), int64(b.Region), int64(b.Asset), b.Name, b.Source, number(b.Supplement), tx.Millis())
	})
	if db.Duplicate(err) {
		return ErrNameTaken.New()
	}
	return err
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func insertVersion(tx db.Tx, v Version, by id.ID) error {
	terms, err := v.Terms.encode()
	if err != nil {
		return err
	}
	cols := []string{"id", "book_id", "number", "state", "meeting", "terms", "created_by", "created_at"}
	return db.Insert(tx, "rule_versions", cols, 1, func(_ int, args []any) []any {
		return append(args, int64(v.ID), int64(v.Book), v.Number, stateDraft, "", terms, int64(by), tx.Millis())
	})
}

func updateTerms(tx db.Tx, version id.ID, t Terms) error {
	terms, err := t.encode()
	if err != nil {
		return err
	}
	if err := tx.Exec("UPDATE rule_versions SET terms = ? WHERE id = ?", terms, version).Error; err != nil {
		return fmt.Errorf("writing the terms of a rule version: %w", err)
	}
	return nil
}

func adoptVersion(tx db.Tx, v Version) error {
	err := tx.Exec(`UPDATE rule_versions SET state = ?, from_day = ?, to_day = ?, meeting = ?, adopted_on = ?, votes_for = ?, votes_against = ? WHERE id = ?`,
		stateAdopted, v.From, v.To, v.Meeting, v.AdoptedOn, v.VotesFor, v.VotesAgainst, v.ID).Error
	if err != nil {
		return fmt.Errorf("adopting a version: %w", err)
	}
	return stamp.Count(tx, stamp.Rules)
}

func closeVersion(tx db.Tx, version id.ID, last cal.Day) error {
	if err := tx.Exec("UPDATE rule_versions SET to_day = ? WHERE id = ?", last, version).Error; err != nil {
		return fmt.Errorf("closing a version: %w", err)
	}
	return stamp.Count(tx, stamp.Rules)
}

func deleteVersion(tx db.Tx, version id.ID) error {
	if err := deleteRules(tx, version); err != nil {
		return err
	}
	if err := tx.Exec("DELETE FROM rule_versions WHERE id = ?", version).Error; err != nil {
		return fmt.Errorf("deleting a draft: %w", err)
	}
	return nil
}

func deleteBook(tx db.Tx, book id.ID) error {
	if err := tx.Exec("DELETE FROM rule_books WHERE id = ?", book).Error; err != nil {
		return fmt.Errorf("deleting a book: %w", err)
	}
	return nil
}

func deleteRules(tx db.Tx, version id.ID) error {
	if err := tx.Exec("DELETE FROM rules WHERE version_id = ?", version).Error; err != nil {
		return fmt.Errorf("deleting the rules of a draft: %w", err)
	}
	return nil
}

func rulesOf(tx db.Tx, version id.ID) ([]Rule, error) {
	return scanRules(tx, selectRules+"WHERE r.version_id = ? ORDER BY r.sort", version)
}

var ruleColumns = []string{"id", "version_id", "lineage", "code", "category", "item", "pinyin", "initials", "subject", "spec", "sort"}

func insertRules(tx db.Tx, rules []Rule) error {
	specs := make([]string, len(rules))
	for i, r := range rules {
		var err error
		if specs[i], err = r.Spec.encode(); err != nil {
			return err
		}
	}
	err := db.Insert(tx, "rules", ruleColumns, len(rules), func(i int, args []any) []any {
		r := rules[i]
		pinyin, initials := spell(r.Item)
		return append(args, int64(r.ID), int64(r.Version), int64(r.Lineage), r.Code, r.Category, r.Item, pinyin, initials, int64(r.Subject), specs[i], r.Sort)
	})
	if db.Duplicate(err) {
		return ErrCodeTaken.New()
	}
	return err
}

func updateRule(tx db.Tx, r Rule) error {
	spec, err := r.Spec.encode()
	if err != nil {
		return err
	}
	pinyin, initials := spell(r.Item)
	err = tx.Exec(`UPDATE rules SET lineage = ?, code = ?, category = ?, item = ?, pinyin = ?, initials = ?, subject = ?, spec = ? WHERE id = ?`,
		r.Lineage, r.Code, r.Category, r.Item, pinyin, initials, r.Subject, spec, r.ID).Error
	if db.Duplicate(err) {
		return ErrCodeTaken.New()
	}
	if err != nil {
		return fmt.Errorf("changing a rule: %w", err)
	}
	return nil
}
