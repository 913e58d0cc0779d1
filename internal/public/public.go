package public

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"jishan/internal/board"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
)

// ErrUnknown is a village that does not exist or does not publish.
var ErrUnknown = errs.Define(errs.NotFound, "public.village", "没有这个村，或者它没有对外公开：请核对网址，或到村委会询问")

// Place is a village or a group under its administrative code.
type Place struct {
	ID   id.ID
	Code string
	Name string

	Closed bool // a group that is no more; its boards of earlier periods stay
}

// Village is a village that publishes.
type Village struct {
	Place
	Township string
	Groups   []Place // of Service.Village only
	Last     int64   // number of its newest transaction; of Service.Village only
}

// Service reads for strangers. Safe for concurrent use.
type Service struct {
	db     *db.DB
	boards *board.Service
}

// New is the service on a database and its boards.
func New(d *db.DB, b *board.Service) *Service { return &Service{d, b} }

func place(r people.Region) Place { return Place{r.ID, r.Code, r.Name, r.Closed} }

// Villages are those that publish, in order of code.
func (s *Service) Villages(ctx context.Context) (out []Village, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		list, err := people.Publishing(tx)
		if err != nil {
			return err
		}
		var townships []id.ID
		for _, r := range list {
			townships = append(townships, r.Township)
		}
		slices.Sort(townships)
		names, err := people.RegionsByID(tx, slices.Compact(townships))
		out = make([]Village, len(list))
		for i, r := range list {
			out[i] = Village{Place: place(r), Township: names[r.Township].Name}
		}
		return err
	})
	return out, err
}

// Village is the publishing village of an administrative code; ErrUnknown for every other code.
func (s *Service) Village(ctx context.Context, code string) (out Village, err error) {
	if len(code) > 20 {
		return out, ErrUnknown.New()
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		r, err := people.RegionByCode(tx, code)
		if err != nil || r.Kind != people.Village {
			return orUnknown(err)
		}
		set, err := people.SettingsOf(tx, r.ID)
		if err != nil || !set[r.ID].Publish {
			return orUnknown(err)
		}
		above, err := people.RegionsByID(tx, []id.ID{r.Township})
		if err != nil {
			return err
		}
		groups, err := people.GroupsOf(tx, r.ID)
		if err != nil {
			return err
		}
		out = Village{Place: place(r), Township: above[r.Township].Name}
		for _, g := range groups {
			out.Groups = append(out.Groups, place(g))
		}
		out.Last, err = ledger.LastNumber(tx, r.ID)
		return err
	})
	return out, err
}

// orUnknown is err, or ErrUnknown where there is none or it says only that nothing was found.
func orUnknown(err error) error {
	if err == nil || errs.From(err).Code.Kind == errs.NotFound {
		return ErrUnknown.New()
	}
	return err
}

// BoardQuery asks for a part of a village's board.
type BoardQuery struct {
	Group   string        // administrative code; empty for the whole village
	Subject board.Subject // household or person
	Period  cal.Period
	Offset  int
	Limit   int // 0 = 20, at most 200
}

// Board is a part of a board of the village or of one of its groups, names masked. board.ErrSubject for the boards of the
// party, which are not for strangers; ErrUnknown for a group of another village.
func (s *Service) Board(ctx context.Context, v Village, q BoardQuery) (board.Page, error) {
	if q.Subject != board.Household && q.Subject != board.Person {
		return board.Page{}, board.ErrSubject.New()
	}
	scope := v.ID
	if q.Group != "" {
		i := slices.IndexFunc(v.Groups, func(g Place) bool { return g.Code == q.Group })
		if i < 0 {
			return board.Page{}, ErrUnknown.New()
		}
		scope = v.Groups[i].ID
	}
	return s.boards.Top(ctx, board.Query{Scope: scope, Subject: q.Subject, Period: q.Period, Offset: q.Offset, Limit: q.Limit, Masked: true})
}

// Periods are those that a village's board can be asked for, without repetition: today's, then what has been kept, newest first.
func (s *Service) Periods(ctx context.Context, v Village, subject board.Subject) ([]cal.Period, error) {
	current, err := s.boards.Current(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	kept, err := s.boards.KeptPeriods(ctx, v.ID, subject)
	out := slices.Clone(current[:])
	for _, k := range kept {
		if !slices.Contains(out, k.Period) {
			out = append(out, k.Period)
		}
	}
	return out, err
}

// Seals are the village's newest of the days before the given one (0: from the newest), at most limit.
func (s *Service) Seals(ctx context.Context, v Village, before cal.Day, limit int) (out []ledger.DaySeal, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) (err error) {
		out, err = ledger.Seals(tx, v.ID, before, limit)
		return err
	})
	return out, err
}

// Seal is the village's seal of a day; errs.ErrNotFound where that day has none.
func (s *Service) Seal(ctx context.Context, v Village, day cal.Day) (out ledger.DaySeal, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) (err error) {
		out, err = ledger.SealOf(tx, v.ID, day)
		if err == nil && out.Number == 0 {
			err = errs.ErrNotFound.New()
		}
		return err
	})
	return out, err
}

// chainDays is the most seals between a transaction and a printed seal: more than two years of days, some 400 KB on the page.
const chainDays = 800

// ErrChain is a printed seal too long after the transaction to show all the seals between.
var ErrChain = errs.Define(errs.Refused, "public.chain", "公告和这一号隔得太久，页面上放不下中间的日封：请下载日封自己核对")

// Chain is what leads from one day's seal to a later one: the seals after the first day, up to and with the last, oldest first.
// The first names as its predecessor the seal of the day from, so who knows the last one's hash knows them all.
// errs.ErrNotFound where the last day has no seal, or comes before the first.
func (s *Service) Chain(ctx context.Context, v Village, from, to cal.Day) ([]ledger.DaySeal, error) {
	list, err := s.Seals(ctx, v, to.Add(1), chainDays+1)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0].Day != to || to < from {
		return nil, errs.ErrNotFound.New()
	}
	i := slices.IndexFunc(list, func(x ledger.DaySeal) bool { return x.Day <= from })
	if i < 0 {
		return nil, ErrChain.New()
	}
	list = list[:i]
	slices.Reverse(list)
	return list, nil
}

// Paper is what of a village's book goes on what it prints.
type Paper struct {
	Village   Place
	Publishes bool
	Seal      ledger.DaySeal // zero where there is none
}

// Paper is the village's newest seal that was written by an instant, as what was published then carries it; the zero instant is
// now. It answers whether or not the village publishes: who may print for the village is the caller's to decide.
func (s *Service) Paper(ctx context.Context, village id.ID, by time.Time) (out Paper, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		found, err := people.RegionsByID(tx, []id.ID{village})
		if err != nil {
			return err
		}
		r := found[village]
		if r.Kind != people.Village {
			return errs.ErrNotFound.New()
		}
		set, err := people.SettingsOf(tx, village)
		if err != nil {
			return err
		}
		out = Paper{Village: place(r), Publishes: set[village].Publish}
		if by.IsZero() {
			by = tx.Now
		}
		out.Seal, err = ledger.SealBy(tx, village, by.UnixMilli())
		return err
	})
	return out, err
}

// State is how far a transaction can be checked.
type State string

// The states. Broken means that the rows of its day no longer agree with the seal: somebody has changed the book.
const (
	Proven   State = "proven"
	Unsealed State = "unsealed" // its day is not over
	Broken   State = "broken"
)

// Record is one transaction as anyone may see it. What is zero below Asset is not told of party scores.
type Record struct {
	Number     int64
	Last       int64 // number of the book's newest
	Hash, Prev [32]byte
	At         int64 // when it was booked, UTC milliseconds
	Asset      ledger.Asset
	Kind       ledger.Kind
	Day        cal.Day
	Moved      points.Amount // what changed hands, never negative
	Score      points.Amount // what the boards count
	Reverses   int64
	Household  string // the head's name, masked; empty where it belongs to no household
	State      State
	Proof      ledger.ProofDocument // where proven
	Seal       ledger.DaySeal       // where proven
}

// Transaction is the village's number so-and-so; errs.ErrNotFound where the book is shorter.
func (s *Service) Transaction(ctx context.Context, v Village, number int64) (out Record, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		key := ledger.Key{Book: v.ID, Number: number}
		p, err := ledger.Prove(tx, key)
		state := Proven
		switch {
		case errors.Is(err, ledger.ErrUnsealed):
			state = Unsealed
		case errors.Is(err, ledger.ErrUnproven):
			state = Broken
		case err != nil:
			return err
		}
		t := p.Tx
		out = Record{Number: number, Hash: t.Hash, Prev: t.Prev, At: t.At, Asset: t.Asset, State: state}
		if state == Proven {
			out.Proof, out.Seal = p.Document(false), p.Seal
		}
		if out.Last, err = ledger.LastNumber(tx, v.ID); err != nil || t.Asset != ledger.Points {
			return err
		}
		out.Kind, out.Day, out.Moved, out.Score, out.Reverses = t.Kind, t.Day, t.Turnover(), t.Score, t.Reverses
		houses, err := people.HouseholdsByID(tx, []id.ID{t.Household})
		out.Household = people.Mask(strings.TrimSpace(houses[t.Household].HeadName))
		return err
	})
	return out, err
}
