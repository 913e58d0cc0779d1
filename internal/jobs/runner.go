package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"jishan/internal/db"
	"jishan/internal/id"
)

// Job is one kind of background work.
type Job struct {
	Name       string          // key of the lease, ASCII, at most 64 bytes
	Every      time.Duration   // from the end of a run to the beginning of the next
	Wake       <-chan struct{} // runs it earlier; nil = never
	Rest       time.Duration   // pause that even a wake-up waits for, so that a burst of them becomes one run
	Ease       int             // the pause is at least so many times what the run took, up to MaxEase: background work leaves the machine to people
	Timeout    time.Duration   // of one run; 0 = none
	MaxBackoff time.Duration   // longest pause after failures, which double it; 0 = one minute
	Run        func(context.Context) error
}

// MaxEase is the longest pause that Job.Ease makes.
const MaxEase = 5 * time.Second

// Options tune a Runner. The zero value serves.
type Options struct {
	TTL     time.Duration                                   // life of a lease that is not renewed; 0 = 15 s
	Sole    bool                                            // no other process works on this database: leases of a dead predecessor are taken at once
	Log     *slog.Logger                                    // nil = discard
	Observe func(job string, took time.Duration, err error) // called after every run, for metrics; may be nil
}

// Status is how a job is doing in this process.
type Status struct {
	Job      string
	Held     bool // whether this process runs it
	Runs     int64
	Failures int64 // in a row
	LastRun  time.Time
	LastErr  error
}

// Runner runs the jobs whose leases this process gets.
type Runner struct {
	db     *db.DB
	o      Options
	holder string
	jobs   []*worker
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

type worker struct {
	Job
	mu     sync.Mutex
	status Status
}

// New prepares a runner; Start starts it.
func New(d *db.DB, o Options, list ...Job) *Runner {
	if o.TTL == 0 {
		o.TTL = 15 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration, error) {}
	}
	r := &Runner{db: d, o: o, holder: holder()}
	for _, j := range list {
		if j.MaxBackoff == 0 {
			j.MaxBackoff = time.Minute
		}
		r.jobs = append(r.jobs, &worker{Job: j, status: Status{Job: j.Name}})
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

func holder() string {
	host, _ := os.Hostname()
	name := make([]byte, 0, 40)
	for _, c := range []byte(host) {
		if c > ' ' && c < 0x7f && len(name) < 30 {
			name = append(name, c)
		}
	}
	return fmt.Sprintf("%s/%d/%s", name, os.Getpid(), id.New())
}

// Start begins to compete for the leases.
func (r *Runner) Start() {
	for _, w := range r.jobs {
		r.wg.Go(func() { r.compete(w) })
	}
}

// Stop cancels running jobs, waits for them and gives the leases up, so that another process goes on at once. It returns
// ctx's error if that takes longer.
func (r *Runner) Stop(ctx context.Context) error {
	r.cancel()
	done := make(chan struct{})
	go func() { r.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for background jobs to stop: %w", ctx.Err())
	}
}

// Status lists the jobs as they are in this process.
func (r *Runner) Status() []Status {
	out := make([]Status, len(r.jobs))
	for i, w := range r.jobs {
		w.mu.Lock()
		out[i] = w.status
		w.mu.Unlock()
	}
	return out
}

// compete tries to get the lease again and again, and runs the job while it has it.
func (r *Runner) compete(w *worker) {
	steal := r.o.Sole
	for {
		begin := time.Now()
		held, err := r.acquire(w.Name, steal)
		switch {
		case err != nil && r.ctx.Err() == nil:
			r.o.Log.Warn("job lease", "job", w.Name, "error", err)
		case held:
			steal = false
			r.lead(w, begin.Add(r.o.TTL))
		}
		if !r.sleep(r.ctx, r.o.TTL/5+rand.N(r.o.TTL/10)) {
			return
		}
	}
}

func (r *Runner) acquire(name string, steal bool) (held bool, err error) {
	ctx, cancel := context.WithTimeout(r.ctx, r.o.TTL/2)
	defer cancel()
	err = r.db.Tx(ctx, func(tx db.Tx) (err error) {
		held, err = acquire(tx, name, r.holder, r.o.TTL, steal)
		return err
	})
	return held && err == nil, err
}

// lead runs the job until the runner stops or the lease, good until the given time, is lost.
func (r *Runner) lead(w *worker, good time.Time) {
	ctx, lost := context.WithCancel(r.ctx)
	w.hold(true)
	r.o.Log.Debug("job lease taken", "job", w.Name)
	var renewing sync.WaitGroup
	renewing.Go(func() { r.renew(ctx, lost, w, good) })
	defer func() {
		lost()
		renewing.Wait()
		w.hold(false)
		// The runner's own context may be over, and giving the lease up must still happen.
		free, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := r.db.Tx(free, func(tx db.Tx) error { return release(tx, w.Name, r.holder) }); err != nil {
			r.o.Log.Warn("job lease not released, it runs out by itself", "job", w.Name, "error", err)
		}
	}()
	for failures := 0; ctx.Err() == nil; {
		begin := time.Now()
		err := r.once(ctx, w)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			failures++
			pause := backoff(w.Every, w.MaxBackoff, failures)
			r.o.Log.Error("job failed", "job", w.Name, "error", err, "failures", failures, "again_in", pause)
			r.sleep(ctx, pause)
			continue
		}
		failures = 0
		pause := max(min(w.Rest, w.Every), min(time.Duration(w.Ease)*time.Since(begin), MaxEase))
		if !r.sleep(ctx, pause) {
			return
		}
		r.rest(ctx, w, w.Every-pause)
	}
}

// renew keeps the lease; when it is gone, or may be gone because the database did not answer in time, the job is told to end.
func (r *Runner) renew(ctx context.Context, lost context.CancelFunc, w *worker, good time.Time) {
	defer lost()
	for r.sleep(ctx, min(r.o.TTL/3, max(time.Until(good)-r.o.TTL/5, 0))) {
		begin := time.Now()
		held, err := r.acquire(w.Name, false)
		switch {
		case err == nil && held:
			good = begin.Add(r.o.TTL)
		case ctx.Err() != nil:
			return
		case err == nil:
			r.o.Log.Warn("job lease lost to another process", "job", w.Name)
			return
		case time.Until(good) <= r.o.TTL/5:
			r.o.Log.Warn("job lease not renewed in time", "job", w.Name, "error", err)
			return
		default:
			r.sleep(ctx, r.o.TTL/30)
		}
	}
}

// once runs the job and turns a panic into an error.
func (r *Runner) once(ctx context.Context, w *worker) (err error) {
	if w.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.Timeout)
		defer cancel()
	}
	begin := time.Now()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("job %s panicked: %v\n%s", w.Name, p, debug.Stack())
		}
		w.ran(begin, err)
		r.o.Observe(w.Name, time.Since(begin), err)
	}()
	return w.Run(ctx)
}

// rest waits for what is left of the job's interval or for a wake-up.
func (r *Runner) rest(ctx context.Context, w *worker, left time.Duration) {
	timer := time.NewTimer(max(left, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.Wake:
	case <-ctx.Done():
	}
}

// sleep waits and reports whether ctx is still alive.
func (r *Runner) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// backoff is the pause after so many failures in a row: doubling from the interval, or from half a second if that is longer,
// up to the longest.
func backoff(every, longest time.Duration, failures int) time.Duration {
	d := max(every, 500*time.Millisecond)
	for range failures - 1 {
		if d >= longest {
			break
		}
		d *= 2
	}
	return min(d, max(longest, every))
}

func (w *worker) hold(held bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Held = held
}

func (w *worker) ran(at time.Time, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Runs++
	w.status.LastRun, w.status.LastErr = at, err
	if err == nil {
		w.status.Failures = 0
	} else {
		w.status.Failures++
	}
}
