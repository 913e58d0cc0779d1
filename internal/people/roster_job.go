package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/heap"
	"jishan/internal/id"
)

// ErrImportsBusy is more imports at once than a process takes.
var ErrImportsBusy = errs.Define(errs.Unavailable, "roster.busy", "正在导入的花名册太多，请过几分钟再试")

// ImportState is how far an import in the background is.
type ImportState int

// The states.
const (
	ImportRunning ImportState = 1 // or waiting for another one
	ImportDone    ImportState = 2 // Report says what was done
	ImportFailed  ImportState = 3 // Failure says why; nothing was written
	ImportLost    ImportState = 4 // its process has gone: whether it has written is not known
)

// Import is an import of a roster in the background.
type Import struct {
	ID        id.ID
	Village   id.ID
	ActorName string
	State     ImportState
	Percent   int // of the whole work, 0–100
	Rows      int // read so far
	StartedAt time.Time
	Report    *RosterReport // with the first problems only, see MaxProblems
	Problems  int           // how many there are
	Failure   *ImportFailure
}

// ImportFailure is why an import has written nothing.
type ImportFailure struct {
	Code string // of the error
	Text string // Chinese
}

// MaxProblems is how many problems of an import are kept for looking at; the workbook has them all.
const MaxProblems = 1_000

const (
	importsAtOnce  = 1           // of a process: each takes a hundred megabytes
	importsWaiting = 8           // and the sheets of those who wait are in memory too
	importLimit    = time.Hour   // of one
	importBeat     = time.Second // how often an import's row is renewed
	importSilence  = time.Minute // after which it counts as lost
	importKeep     = 30 * 24 * time.Hour
)

// imports are those under way in this process.
type imports struct {
	mu     sync.Mutex
	live   map[id.ID]*liveImport
	slots  chan struct{}
	wg     sync.WaitGroup
	ctx    context.Context
	cancel context.CancelFunc
}

type liveImport struct {
	mu       sync.Mutex
	progress Progress
}

func (l *liveImport) set(p Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.progress = p
}

func (l *liveImport) get() Progress {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.progress
}

func newImports() *imports {
	i := &imports{live: map[id.ID]*liveImport{}, slots: make(chan struct{}, importsAtOnce)}
	i.ctx, i.cancel = context.WithCancel(context.Background())
	return i
}

// Close ends imports under way, which then have written nothing, and waits for them.
func (s *Service) Close() {
	s.imports.cancel()
	s.imports.wg.Wait()
}

type importRow struct {
	ID        id.ID
	VillageID id.ID
	ActorName string
	State     ImportState
	Percent   int
	Rows      int `gorm:"column:sheet_rows"`
	Report    string
	StartedAt int64
	SeenAt    int64
}

// outcome is what a row keeps of how an import ended, as JSON. It has rows, names and house codes, and never a number of a person.
type outcome struct {
	Report   *RosterReport  `json:",omitempty"`
	Problems int            `json:",omitempty"`
	Failure  *ImportFailure `json:",omitempty"`
}

// StartImport is ImportRoster in the background: it answers at once, and Import says how far it is. The import ends neither with
// the request nor with the connection. The sheet is not kept.
func (s *Service) StartImport(ctx context.Context, actor auth.Actor, village id.ID, sheet []byte, o ImportOptions) (out Import, err error) {
	if err := actor.InRegion(auth.PeopleWrite, village); err != nil {
		return out, err
	}
	job := id.New()
	live := &liveImport{}
	if !s.imports.enter(job, live) {
		return out, ErrImportsBusy.New()
	}
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		if _, err := villageByID(tx, village); err != nil {
			return err
		}
		if err := tx.Exec("DELETE FROM roster_imports WHERE started_at < ?", tx.Now.Add(-importKeep).UnixMilli()).Error; err != nil {
			return fmt.Errorf("forgetting old imports: %w", err)
		}
		out = Import{ID: job, Village: village, ActorName: actor.Name, State: ImportRunning, StartedAt: tx.Now}
		cols := []string{"id", "village_id", "actor_id", "actor_name", "state", "percent", "sheet_rows", "report", "started_at", "seen_at"}
		return db.Insert(tx, "roster_imports", cols, 1, func(_ int, args []any) []any {
			return append(args, int64(job), int64(village), int64(actor.UserID), actor.Name, int(ImportRunning), 0, 0, "", tx.Millis(), tx.Millis())
		})
	})
	if err != nil {
		s.imports.leave(job)
		return Import{}, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	told := o.Progress
	o.Progress = func(p Progress) {
		live.set(p)
		if told != nil {
			told(p)
		}
	}
	// The request's values stay, for the log; its end does not end the import.
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), importLimit)
	stop := context.AfterFunc(s.imports.ctx, cancel)
	go func() {
		defer s.imports.leave(job)
		defer cancel()
		defer stop()
		s.runImport(work, job, live, o.Log, func() (*RosterReport, error) { return s.ImportRoster(work, actor, village, sheet, o) })
	}()
	return out, nil
}

// enter counts an import in; false when there are too many, or the process is ending.
func (i *imports) enter(job id.ID, live *liveImport) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.live) >= importsAtOnce+importsWaiting || i.ctx.Err() != nil {
		return false
	}
	i.live[job] = live
	i.wg.Add(1)
	return true
}

func (i *imports) leave(job id.ID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.live, job)
	i.wg.Done()
}

// runImport does the work when its turn comes, renews the import's row meanwhile, and writes how it ended.
func (s *Service) runImport(ctx context.Context, job id.ID, live *liveImport, log *slog.Logger, work func() (*RosterReport, error)) {
	beating, quiet := context.WithCancel(ctx)
	var beat sync.WaitGroup
	beat.Go(func() { s.beat(beating, job, live, log) })
	report, err := s.inTurn(ctx, work)
	quiet()
	beat.Wait()
	end := outcome{Report: report}
	state := ImportDone
	switch {
	case err != nil && s.imports.ctx.Err() != nil:
		state, end = ImportFailed, outcome{Failure: &ImportFailure{errs.ErrUnavailable.ID, "服务正在重启，导入停了下来，什么也没有写入；请重新导入"}}
	case err != nil:
		e := errs.From(err)
		state, end = ImportFailed, outcome{Failure: &ImportFailure{e.Code.ID, e.Text()}}
		if e.Code == errs.ErrInternal {
			log.ErrorContext(ctx, "an import failed", "import", job, "error", err)
		}
	default:
		end.Problems = len(report.Problems)
		kept := *report
		kept.Problems = report.Problems[:min(MaxProblems, len(report.Problems))]
		end.Report = &kept
	}
	text, err := json.Marshal(end)
	if err == nil {
		err = s.db.Tx(context.WithoutCancel(ctx), func(tx db.Tx) error {
			return tx.Exec("UPDATE roster_imports SET state = ?, percent = 100, sheet_rows = ?, report = ?, seen_at = ? WHERE id = ?",
				int(state), live.get().Rows, string(text), tx.Millis(), job).Error
		})
	}
	if err != nil {
		log.ErrorContext(ctx, "how an import ended was not written", "import", job, "error", err)
	}
}

func (s *Service) inTurn(ctx context.Context, work func() (*RosterReport, error)) (*RosterReport, error) {
	select {
	case s.imports.slots <- struct{}{}:
		defer func() { <-s.imports.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for another import: %w", ctx.Err())
	}
	defer heap.Thrifty()() // beside a serving program, the garbage of an import is tens of megabytes
	return work()
}

// beat renews the import's row, for those who ask another process. On SQLite it waits while the import writes; there is no other
// process there.
func (s *Service) beat(ctx context.Context, job id.ID, live *liveImport, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(importBeat):
		}
		p := live.get()
		try, cancel := context.WithTimeout(ctx, importBeat)
		err := s.db.Tx(try, func(tx db.Tx) error {
			return tx.Exec("UPDATE roster_imports SET percent = ?, sheet_rows = ?, seen_at = ? WHERE id = ?", p.Percent, p.Rows, tx.Millis(), job).Error
		})
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			log.WarnContext(ctx, "an import's progress was not written", "import", job, "error", err)
		}
	}
}

// Import says how far an import is, or how it ended, for thirty days. Needs people.write where its village is.
func (s *Service) Import(ctx context.Context, actor auth.Actor, job id.ID) (out Import, err error) {
	s.imports.mu.Lock()
	live := s.imports.live[job]
	s.imports.mu.Unlock()
	var rows []importRow
	var now time.Time
	err = s.db.Read(ctx, func(tx db.Tx) error {
		now = tx.Now
		const q = "SELECT id, village_id, actor_name, state, percent, sheet_rows, report, started_at, seen_at FROM roster_imports WHERE id = ?"
		return tx.Raw(q, job).Scan(&rows).Error
	})
	if err != nil {
		return out, fmt.Errorf("reading an import: %w", err)
	}
	if len(rows) == 0 {
		return out, errs.ErrNotFound.New()
	}
	r := rows[0]
	if err := actor.InRegion(auth.PeopleWrite, r.VillageID); err != nil {
		return out, err
	}
	out = Import{ID: r.ID, Village: r.VillageID, ActorName: r.ActorName, State: r.State, Percent: r.Percent, Rows: r.Rows, StartedAt: time.UnixMilli(r.StartedAt).UTC()}
	switch {
	case r.State == ImportRunning && live != nil:
		p := live.get()
		out.Percent, out.Rows = p.Percent, p.Rows
	case r.State == ImportRunning:
		if now.Sub(time.UnixMilli(r.SeenAt)) > importSilence {
			out.State = ImportLost
		}
	default:
		var end outcome
		if err := json.Unmarshal([]byte(r.Report), &end); err != nil {
			return out, fmt.Errorf("reading how an import ended: %w", err)
		}
		out.Report, out.Problems, out.Failure = end.Report, end.Problems, end.Failure
	}
	return out, nil
}
