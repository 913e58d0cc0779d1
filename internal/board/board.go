package board

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rdb"
)

// What can be wrong with a question.
var (
	ErrSubject = errs.Define(errs.Invalid, "board.subject", "这个范围没有这种积分榜，请换一种榜")
	ErrPeriod  = errs.Define(errs.Invalid, "board.period", "统计时段有误，请重新选择月份、季度或年度")
)

// Subject is who is ranked.
type Subject string

// The subjects. Villages are ranked among each other in townships and counties, branches from the village upwards, the others
// from the group upwards.
const (
	Household Subject = "household"
	Person    Subject = "person"
	Member    Subject = "member"
	Branch    Subject = "branch"
	Village   Subject = "village"
)

// asset is what the subject is ranked by.
func (s Subject) asset() ledger.Asset {
	if s == Member || s == Branch {
		return ledger.PartyScore
	}
	return ledger.Points
}

// ofKind is the subject that the ledger calls so.
var ofKind = map[ledger.ScoreKind]Subject{
	ledger.ScoreHousehold: Household, ledger.ScorePerson: Person, ledger.ScoreMember: Member, ledger.ScoreBranch: Branch, ledger.ScoreVillage: Village,
}

var kindOf = map[Subject]ledger.ScoreKind{
	Household: ledger.ScoreHousehold, Person: ledger.ScorePerson, Member: ledger.ScoreMember, Branch: ledger.ScoreBranch, Village: ledger.ScoreVillage,
}

// Subjects are the boards that a region of the kind has.
func Subjects(k people.RegionKind) []Subject {
	switch k {
	case people.Group:
		return []Subject{Household, Person, Member}
	case people.Village:
		return []Subject{Household, Person, Member, Branch}
	case people.County, people.Township:
		return []Subject{Household, Person, Member, Branch, Village}
	}
	return nil
}

// Query asks for a part of a board.
type Query struct {
	Scope     id.ID // group, village, township or county
	Subject   Subject
	Period    cal.Period
	Offset    int
	Limit     int  // 0 = 20, at most 200
	Masked    bool // names are masked whatever the village wants: nobody has logged in
	FullNames bool // the reader may see names whole; see MaskFor
}

// Row is one line of a board.
type Row struct {
	Rank        int // equal scores share one: 1, 2, 2, 4
	ID          id.ID
	Name        string // masked as the village wants it, unless Query.FullNames
	Village     id.ID
	VillageName string
	Group       id.ID  // zero where the subject has none
	GroupName   string // empty where the subject has none
	Score       points.Amount
	Movement    Movement
}

// Trend is the direction of a movement.
type Trend string

// The trends. Still means the same rank; Entered, not on the board of the period before; Unknown, that there is none to compare with.
const (
	Unknown Trend = ""
	Up      Trend = "up"
	Down    Trend = "down"
	Still   Trend = "same"
	Entered Trend = "new"
)

// Movement is the change of rank against the period before.
type Movement struct {
	Trend Trend
	By    int // ranks, never negative
}

// Source is where a page came from.
type Source string

// The sources, from fast to slow.
const (
	FromRedis    Source = "redis"
	FromSnapshot Source = "snapshot" // a closed period as it stood
	FromLedger   Source = "ledger"   // the scores in the database: old periods, or Redis is away
)

// Page is a part of a board.
type Page struct {
	Rows   []Row
	Total  int  // lines of the whole board
	Found  bool // for Around: whether the subject is on the board
	Source Source
}

// Options tune a Service. The zero value serves.
type Options struct {
	Prefix    string        // of the keys in Redis; "" = "b:"
	Log       *slog.Logger  // nil = discard
	Watch     time.Duration // between two looks for lost markers; 0 = 1 s
	Reconcile time.Duration // between two villages compared and mended; 0 = 15 s
	Averages  time.Duration // between two refreshes of villages' and branches' averages; 0 = 1 min
	Patience  time.Duration // how long Verify waits for news on its way, while awards go on; 0 = 10 s
}

// Names and rhythm of the jobs, for whoever composes them.
const (
	JobName         = "boards"
	SnapshotJobName = "board-snapshots"
	Interval        = 300 * time.Millisecond
	Rest            = 50 * time.Millisecond
)

// Stats count since the start of the process.
type Stats struct {
	FromRedis, FromSnapshot, FromLedger int64 // pages read
	Relayed                             int64 // events handled
	Rebuilt                             int64 // scopes filled again
	Mended                              int64 // lines found on a board where they did not belong
}

// Service answers and keeps boards. Safe for concurrent use, but Tick runs once at a time.
type Service struct {
	db   *db.DB
	r    *rdb.Redis
	o    Options
	wake chan struct{}
	sql  singleflight.Group

	redisReads, snapshotReads, ledgerReads, relayed, rebuilt, mended atomic.Int64

	snapshots snapshotCache
	ranks     rankCache
	mu        sync.Mutex // one Tick at a time
	state     tickState
}

// New makes the service.
func New(d *db.DB, r *rdb.Redis, o Options) *Service {
	if o.Prefix == "" {
		o.Prefix = "b:"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Watch == 0 {
		o.Watch = time.Second
	}
	if o.Reconcile == 0 {
		o.Reconcile = 15 * time.Second
	}
	if o.Averages == 0 {
		o.Averages = time.Minute
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	return &Service{db: d, r: r, o: o, wake: make(chan struct{}, 1)}
}

// Wake says that scores have just been committed. It never waits; without it the relay notices within its interval.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Woken is the channel that Wake fills, for the job.
func (s *Service) Woken() <-chan struct{} { return s.wake }

// Stats are the counters as they are.
func (s *Service) Stats() Stats {
	return Stats{s.redisReads.Load(), s.snapshotReads.Load(), s.ledgerReads.Load(), s.relayed.Load(), s.rebuilt.Load(), s.mended.Load()}
}

// MaskFor reports whether names on the scope's boards are to be masked for the actor, as far as the village wants it: those
// who look after the people there see them whole.
func MaskFor(actor auth.Actor, scope id.ID) bool {
	return actor.InRegion(auth.PeopleRead, scope) != nil
}

// Current are the five periods of today for a scope: month, quarter, year, scheme year and all. A region of several villages
// has the scheme year of most of them.
func (s *Service) Current(ctx context.Context, scope id.ID) (out [5]cal.Period, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		_, villages, err := scopeOf(tx, scope)
		if err != nil {
			return err
		}
		votes, start := map[int]int{}, people.DefaultSettings(0).SchemeStart
		for _, v := range villages {
			votes[v.start()]++
		}
		for month := 1; month <= 12; month++ {
			if votes[month] > votes[start] {
				start = month
			}
		}
		out = cal.PeriodsOf(cal.MonthOf(tx.Now), start)
		return nil
	})
	return out, err
}

// scopeOf reads a region and its villages; errs.ErrNotFound where there is no such region.
func scopeOf(tx db.Tx, scope id.ID) (people.Region, []village, error) {
	regions, err := people.RegionsByID(tx, []id.ID{scope})
	if err != nil {
		return people.Region{}, nil, err
	}
	r, ok := regions[scope]
	if !ok {
		return r, nil, errs.ErrNotFound.New()
	}
	villages, err := villagesIn(tx, r)
	return r, villages, err
}
