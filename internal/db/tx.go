package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"gorm.io/gorm"

	"jishan/internal/errs"
	"jishan/internal/obs"
)

// ErrRetry, wrapped by a transaction's function, asks for the transaction to be run again: somebody else did at the same
// moment what this one was about to do (created the account, used the key).
var ErrRetry = errors.New("db: run the transaction again")

const maxAttempts = 10

// Tx runs fn in a writing transaction and commits it. A deadlock, a busy database, a Galera certification failure, a
// connection lost before the commit or ErrRetry roll everything back and run fn again, with growing pauses that hold
// nothing, ten times at most; then errs.ErrUnavailable with the last error inside. MySQL runs at READ COMMITTED, so that
// what is read after a lock is what the lock's last holder committed.
func (d *DB) Tx(ctx context.Context, fn func(Tx) error) (err error) {
	if d.meters != nil {
		began := time.Now()
		defer func() { d.meters.Done(time.Since(began), err) }()
	}
	for attempt := range maxAttempts {
		if attempt > 0 {
			if d.meters != nil {
				d.meters.Retried(reason(err))
			}
			pause := min(time.Millisecond<<attempt, 100*time.Millisecond)
			pause = pause/2 + rand.N(pause)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return fmt.Errorf("waiting to run a transaction again: %w", ctx.Err())
			}
		}
		if err = d.once(ctx, attempt, fn); err == nil || !Retryable(err) {
			return away(err)
		}
	}
	return errs.ErrUnavailable.Wrap(fmt.Errorf("transaction gave up after %d attempts: %w", maxAttempts, err))
}

// reason is why a transaction is run again, for the metrics.
func reason(err error) string {
	switch {
	case errors.Is(err, ErrRetry):
		return obs.RetryRival
	case Conflict(err):
		return obs.RetryConflict
	}
	return obs.RetryConnection
}

func (d *DB) once(ctx context.Context, attempt int, fn func(Tx) error) (err error) {
	g, end, err := d.begin(ctx)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	done := false
	defer func() {
		if !done { // fn failed or panicked
			end.rollback()
		}
	}()
	if err := fn(Tx{DB: g, Now: d.Now(), Dialect: d.Dialect, Memo: &d.memo, Attempt: attempt}); err != nil {
		return err
	}
	done = true
	return commit(ctx, end)
}

// ending is how a transaction ends, once.
type ending interface {
	commit(context.Context) error // gives errs.ErrUnavailable where the outcome is unknown
	rollback()
}

func (d *DB) begin(ctx context.Context) (*gorm.DB, ending, error) {
	if d.Dialect == MySQL {
		return d.pipe(ctx, "START TRANSACTION")
	}
	g := d.w.WithContext(ctx).Begin()
	return g, plain{g}, g.Error
}

// pipe begins a transaction on a connection of its own.
func (d *DB) pipe(ctx context.Context, begin string) (*gorm.DB, *pipe, error) {
	p, err := beginPipe(ctx, d.wp, begin)
	if err != nil {
		return nil, nil, err
	}
	p.tell, p.alone = d.watch, d.galera
	g := d.w.Session(&gorm.Session{NewDB: true, Context: ctx})
	g.Statement.ConnPool = p
	return g, p, nil
}

// plain is a transaction as database/sql holds it.
type plain struct{ g *gorm.DB }

func (t plain) rollback() { t.g.Rollback() }

func (t plain) commit(context.Context) error {
	err := t.g.Commit().Error
	if err == nil {
		return nil
	}
	t.g.Rollback()
	return committing(err)
}

// committing says what is known when a commit has failed.
func committing(err error) error {
	if Conflict(err) || Duplicate(err) || RefusedRow(err) {
		return fmt.Errorf("committing: %w", err) // the database has rolled it back for certain
	}
	// Whether it was committed is unknown: the caller asks again with the same idempotency key.
	return errs.ErrUnavailable.Wrap(fmt.Errorf("committing, outcome unknown: %w", commitError{err}))
}

// commitError hides the cause from Retryable: an unknown outcome must not be run again from here.
type commitError struct{ error }

// Read runs fn on one consistent snapshot that it must not write to.
func (d *DB) Read(ctx context.Context, fn func(Tx) error) error {
	g, end, err := d.beginReading(ctx)
	if err != nil {
		return away(fmt.Errorf("beginning a reading transaction: %w", err))
	}
	defer end.rollback()
	return away(fn(Tx{DB: g, Now: d.Now(), Dialect: d.Dialect, Memo: &d.memo}))
}

// away makes errs.ErrUnavailable of an error by which the database does not answer, so that nobody takes it for a mistake of the program.
func away(err error) error {
	if _, ok := errors.AsType[*errs.Error](err); err == nil || ok {
		return err
	}
	if _, line := errors.AsType[net.Error](err); line || Retryable(err) {
		return errs.ErrUnavailable.Wrap(err)
	}
	return err
}

func (d *DB) beginReading(ctx context.Context) (*gorm.DB, ending, error) {
	if d.Dialect == MySQL {
		return d.pipe(ctx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;START TRANSACTION READ ONLY")
	}
	g := d.r.WithContext(ctx).Begin()
	return g, plain{g}, g.Error
}

// Look runs fn outside of any transaction: for a single SELECT, which is a snapshot of its own and costs one round trip.
func (d *DB) Look(ctx context.Context, fn func(Tx) error) error {
	return away(fn(Tx{DB: d.r.WithContext(ctx), Now: d.Now(), Dialect: d.Dialect, Memo: &d.memo}))
}
