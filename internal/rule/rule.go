package rule

import (
	"context"
	"fmt"
	"strings"
	"time"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
)

// The ways in which work on a book is refused.
var (
	ErrRule       = errs.Define(errs.Invalid, "rule.input", "条目填写有误，请按提示修改")
	ErrBook       = errs.Define(errs.Invalid, "rule.book", "细则填写有误，请按提示修改")
	ErrNameTaken  = errs.Define(errs.Conflict, "rule.name_taken", "这里已有同名的细则，请换一个名称")
	ErrAdopted    = errs.Define(errs.Conflict, "rule.adopted", "已通过的版本不能修改，请新建一个版本")
	ErrDraftOpen  = errs.Define(errs.Conflict, "rule.draft_open", "这本细则已有一份草稿，请先完成或删除它")
	ErrEmptySheet = errs.Define(errs.Invalid, "rule.empty_sheet", "表格里没有可以导入的条目，请按提示修改后再上传")
	ErrCodeTaken  = errs.Define(errs.Conflict, "rule.code_taken", "这个编号已被本版本的另一条使用，请换一个")
	ErrAdoption   = errs.Define(errs.Invalid, "rule.adoption", "表决情况填写有误，请按提示修改")
)

// Book is a collection of rules that a village or township keeps in versions.
type Book struct {
	ID     id.ID
	Region id.ID // village or township
	Asset  ledger.Asset
	Name   string
	Source string // where it comes from, in words
	// Supplement: a village's own rules that hold beside its township's book, within what that leaves to it. Any other book
	// of a village holds in place of its township's.
	Supplement bool
	CreatedAt  time.Time
	Versions   []Version // oldest first
}

// Version is one edition of a book. A draft has no days in force.
type Version struct {
	ID           id.ID
	Book         id.ID
	Number       int // 1, 2, 3 … within the book
	Adopted      bool
	From, To     cal.Day // in force, both included; To 0 is open
	Meeting      string
	AdoptedOn    cal.Day
	VotesFor     int
	VotesAgainst int
	Terms        Terms
	Rules        int // how many
	CreatedAt    time.Time
}

// Service is the rule books as their keepers and readers use them.
type Service struct{ db *db.DB }

// New is the service on a database.
func New(d *db.DB) *Service { return &Service{db: d} }

// NewBook is what a book is founded with.
type NewBook struct {
	Region id.ID
	Asset  ledger.Asset
	Name   string
	Source string

	Supplement bool // only of a village
}

// CreateBook founds a book with an empty first draft.
func (s *Service) CreateBook(ctx context.Context, actor auth.Actor, in NewBook) (Book, error) {
	return s.found(ctx, actor, in, nil)
}

func (s *Service) found(ctx context.Context, actor auth.Actor, in NewBook, rules []Input) (Book, error) {
	in.Name, in.Source = oneLine(in.Name), oneLine(in.Source)
	switch {
	case in.Name == "" || len([]rune(in.Name)) > 100:
		return Book{}, ErrBook.With("细则的名称要填写，且不超过 100 字")
	case len([]rune(in.Source)) > 200:
		return Book{}, ErrBook.With("来源不超过 200 字")
	case in.Asset != ledger.Points && in.Asset != ledger.PartyScore:
		return Book{}, ErrBook.With("请选择村民积分或党员积分")
	}
	if err := actor.InRegion(auth.RuleWrite, in.Region); err != nil {
		return Book{}, err
	}
	var book Book
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		if err := keepsBooks(tx, in.Region, in.Supplement); err != nil {
			return err
		}
		b := Book{ID: id.New(), Region: in.Region, Asset: in.Asset, Name: in.Name, Source: in.Source, Supplement: in.Supplement, CreatedAt: tx.Now}
		if err := insertBook(tx, b); err != nil {
			return err
		}
		v := Version{ID: id.New(), Book: b.ID, Number: 1, CreatedAt: tx.Now}
		if err := insertVersion(tx, v, actor.UserID); err != nil {
			return err
		}
		if err := replaceRules(tx, b, v.ID, rules); err != nil {
			return err
		}
		v.Rules = len(rules)
		b.Versions = []Version{v}
		book = b
		return audit.Write(tx, actor.Audit("rule.book.create", "rule_book:"+b.ID.String(), b.Region, fmt.Sprintf("新建细则《%s》", b.Name)))
	})
	return book, err
}

// Draft opens a new version of a book for editing: a copy of the last one, each rule keeping its code and lineage.
func (s *Service) Draft(ctx context.Context, actor auth.Actor, book id.ID) (Version, error) {
	var out Version
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		b, err := lockBook(tx, actor, book)
		if err != nil {
			return err
		}
		last := b.Versions[len(b.Versions)-1]
		if !last.Adopted {
			return ErrDraftOpen.New()
		}
		v := Version{ID: id.New(), Book: b.ID, Number: last.Number + 1, Terms: last.Terms, Rules: last.Rules, CreatedAt: tx.Now}
		if err := insertVersion(tx, v, actor.UserID); err != nil {
			return err
		}
		rules, err := rulesOf(tx, last.ID)
		if err != nil {
			return err
		}
		for i := range rules {
			rules[i].ID, rules[i].Version = id.New(), v.ID
		}
		if err := insertRules(tx, rules); err != nil {
			return err
		}
		out = v
		return audit.Write(tx, actor.Audit("rule.draft", "rule_version:"+v.ID.String(), b.Region, fmt.Sprintf("为《%s》新建第 %d 版草稿", b.Name, v.Number)))
	})
	return out, err
}

// DeleteDraft throws a draft away, and the book with it when it has no other version.
func (s *Service) DeleteDraft(ctx context.Context, actor auth.Actor, version id.ID) error {
	return s.db.Tx(ctx, func(tx db.Tx) error {
		b, v, err := lockDraft(tx, actor, version)
		if err != nil {
			return err
		}
		if err := deleteVersion(tx, v.ID); err != nil {
			return err
		}
		if len(b.Versions) == 1 {
			if err := deleteBook(tx, b.ID); err != nil {
				return err
			}
		}
		return audit.Write(tx, actor.Audit("rule.draft.delete", "rule_version:"+v.ID.String(), b.Region, fmt.Sprintf("删除《%s》第 %d 版草稿", b.Name, v.Number)))
	})
}

// Adoption is the record of the meeting that put a version in force.
type Adoption struct {
	Meeting      string
	On           cal.Day // of the meeting
	VotesFor     int
	VotesAgainst int
	From         cal.Day // first day in force; may lie before the meeting
}

// Adopt puts a draft in force and ends the version before on the day before. From then on neither can change.
func (s *Service) Adopt(ctx context.Context, actor auth.Actor, version id.ID, a Adoption) (Version, error) {
	a.Meeting = oneLine(a.Meeting)
	switch {
	case a.Meeting == "" || len([]rune(a.Meeting)) > 200:
		return Version{}, ErrAdoption.With("请填写表决的会议，不超过 200 字")
	case !a.On.Valid() || !a.From.Valid():
		return Version{}, ErrAdoption.With("请填写会议日期和生效日期")
	case a.VotesFor < 0 || a.VotesAgainst < 0 || max(a.VotesFor, a.VotesAgainst) > 1_000_000:
		return Version{}, ErrAdoption.With("票数填写有误")
	case a.VotesFor <= a.VotesAgainst:
		return Version{}, ErrAdoption.With("赞成 %d 票、反对 %d 票，没有通过", a.VotesFor, a.VotesAgainst)
	}
	var out Version
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		b, v, err := lockDraft(tx, actor, version)
		if err != nil {
			return err
		}
		if a.On > cal.DayOf(tx.Now) {
			return ErrAdoption.With("会议日期 %s 还没有到", a.On)
		}
		if v.Rules == 0 {
			return ErrAdoption.With("草稿里还没有条目，不能通过")
		}
		if n := len(b.Versions); n > 1 { // a draft is always the last version
			before := b.Versions[n-2]
			if a.From <= before.From {
				return ErrAdoption.With("生效日期要晚于上一版的生效日期 %s", before.From)
			}
			if err := closeVersion(tx, before.ID, a.From.Add(-1)); err != nil {
				return err
			}
		}
		if b.Supplement {
			if err := checkOwn(tx, b, v, a.From); err != nil {
				return err
			}
		}
		v.Adopted, v.From, v.To = true, a.From, 0
		v.Meeting, v.AdoptedOn, v.VotesFor, v.VotesAgainst = a.Meeting, a.On, a.VotesFor, a.VotesAgainst
		if err := adoptVersion(tx, v); err != nil {
			return err
		}
		out = v
		return audit.Write(tx, actor.Audit("rule.adopt", "rule_version:"+v.ID.String(), b.Region,
			fmt.Sprintf("《%s》第 %d 版经%s通过（赞成 %d，反对 %d），自 %s 起生效", b.Name, v.Number, v.Meeting, v.VotesFor, v.VotesAgainst, v.From)))
	})
	return out, err
}

// Books are the books that a village or township keeps, with their versions; a village sees its township's after its own.
// Drafts are shown only to those who may write rules there.
func (s *Service) Books(ctx context.Context, actor auth.Actor, region id.ID) ([]Book, error) {
	if err := actor.InRegion(auth.RuleRead, region); err != nil {
		return nil, err
	}
	var out []Book
	err := s.db.Read(ctx, func(tx db.Tx) error {
		books, err := booksFor(tx, region)
		if err != nil {
			return err
		}
		out = nil
		for _, b := range books {
			if b = visible(actor, b); len(b.Versions) > 0 {
				out = append(out, b)
			}
		}
		return nil
	})
	return out, err
}

// visible is the book without the draft that the actor may not see.
func visible(actor auth.Actor, b Book) Book {
	if n := len(b.Versions); n > 0 && !b.Versions[n-1].Adopted && actor.InRegion(auth.RuleWrite, b.Region) != nil {
		b.Versions = b.Versions[:n-1]
	}
	return b
}

// Version is one edition with its book and its rules in order.
func (s *Service) Version(ctx context.Context, actor auth.Actor, version id.ID) (Book, Version, []Rule, error) {
	var book Book
	var v Version
	var rules []Rule
	err := s.db.Read(ctx, func(tx db.Tx) (err error) {
		if book, v, err = readVersion(tx, actor, version); err != nil {
			return err
		}
		rules, err = rulesOf(tx, version)
		return err
	})
	return book, v, rules, err
}

// readVersion finds a version that the actor may read: in a region of theirs, or in the township of one of theirs.
func readVersion(tx db.Tx, actor auth.Actor, version id.ID) (Book, Version, error) {
	b, i, err := bookOfVersion(tx, version)
	if err != nil {
		return Book{}, Version{}, err
	}
	if err := actor.InRegion(auth.RuleRead, b.Region); err != nil {
		if !actor.Can(auth.RuleRead) {
			return Book{}, Version{}, err
		}
		reach, _ := actor.Reach(auth.RuleRead)
		below, err2 := anyBelow(tx, b.Region, reach)
		if err2 != nil {
			return Book{}, Version{}, err2
		}
		if !below {
			return Book{}, Version{}, err
		}
	}
	if b = visible(actor, b); i >= len(b.Versions) {
		return Book{}, Version{}, errs.ErrNotFound.New()
	}
	return b, b.Versions[i], nil
}

// lockDraft finds a draft that the actor may write, and holds its book until the end of the transaction.
func lockDraft(tx db.Tx, actor auth.Actor, version id.ID) (Book, Version, error) {
	b, i, err := bookOfVersion(tx, version)
	if err != nil {
		return Book{}, Version{}, err
	}
	if b, err = lockBook(tx, actor, b.ID); err != nil {
		return Book{}, Version{}, err
	}
	if i >= len(b.Versions) || b.Versions[i].ID != version {
		return Book{}, Version{}, errs.ErrNotFound.New()
	}
	if b.Versions[i].Adopted {
		return Book{}, Version{}, ErrAdopted.New()
	}
	return b, b.Versions[i], nil
}

// Query says which rules in force are wanted.
type Query struct {
	Village id.ID
	Asset   ledger.Asset
	Day     cal.Day // 0 = today
	Text    string  // words of item or category, code, pinyin or initials; "" all
	Subject Subject // 0 all
	Limit   int     // 0 all
}

// Search finds rules in force in a village, best match first and otherwise in the order of the book.
func (s *Service) Search(ctx context.Context, actor auth.Actor, q Query) ([]Rule, error) {
	if err := actor.InRegion(auth.RuleRead, q.Village); err != nil {
		return nil, err
	}
	var out []Rule
	err := s.db.Read(ctx, func(tx db.Tx) error {
		if q.Day == 0 {
			q.Day = cal.DayOf(tx.Now)
		}
		rules, err := InForce(tx, q.Village, q.Asset, q.Day)
		if err != nil {
			return err
		}
		out = find(rules, q)
		return nil
	})
	return out, err
}

func errText(err error) string { return errs.From(err).Text() }

func like(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }
