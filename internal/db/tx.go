package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"jishan/internal/errs"
)

// ErrRetry, wrapped by a transaction's function, asks for the transaction to be run again: somebody else did at the same
// moment what this one was about to do (created the account, used the key).
var ErrRetry = errors.New("db: run the transaction again")

const maxAttempts = 10

// Tx runs fn in a writing transaction and commits it. A deadlock, a busy database, a Galera certification failure, a
// connection lost before the commit or ErrRetry roll everything back and run fn again, with growing pauses that hold
// nothing, ten times at most; then errs.ErrUnavailable with the last error inside. MySQL runs at READ COMMITTED, so that
// what is read after a lock is what the lock's last holder committed.
func (d *DB) Tx(ctx context.Context, fn func(Tx) error) error {
	var err error
	for attempt := range maxAttempts {
		if attempt > 0 {
			pause := min(time.Millisecond<<attempt, 100*time.Millisecond)
			pause = pause/2 + rand.N(pause)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return fmt.Errorf("waiting to run a transaction again: %w", ctx.Err())
			}
		}
		if err = d.once(ctx, fn); err == nil || !Retryable(err) {
			return err
		}
	}
	return errs.ErrUnavailable.Wrap(fmt.Errorf("transaction gave up after %d attempts: %w", maxAttempts, err))
}

func (d *DB) once(ctx context.Context, fn func(Tx) error) (err error) {
	g := d.w.WithContext(ctx).Begin()
	if g.Error != nil {
		return fmt.Errorf("beginning a transaction: %w", g.Error)
	}
	done := false
	defer func() {
		if !done { // fn failed or panicked
			g.Rollback()
		}
	}()
	if err := fn(Tx{DB: g, Now: d.Now(), Dialect: d.Dialect, Memo: &d.memo}); err != nil {
		return err
	}
	done = true
	if err := commit(g); err != nil {
		g.Rollback()
		if Conflict(err) {
			return fmt.Errorf("committing: %w", err) // a certification failure rolled it back for certain
		}
		// Whether it was committed is unknown: the caller asks again with the same idempotency key.
		return errs.ErrUnavailable.Wrap(fmt.Errorf("committing, outcome unknown: %w", commitError{err}))
	}
	return nil
}

// commitError hides the cause from Retryable: an unknown outcome must not be run again from here.
type commitError struct{ error }

// Read runs fn on one consistent snapshot that it must not write to.
func (d *DB) Read(ctx context.Context, fn func(Tx) error) error {
	opts := &sql.TxOptions{ReadOnly: d.Dialect == MySQL}
	if d.Dialect == MySQL {
		opts.Isolation = sql.LevelRepeatableRead
	}
	g := d.r.WithContext(ctx).Begin(opts)
	if g.Error != nil {
		return fmt.Errorf("beginning a reading transaction: %w", g.Error)
	}
	defer g.Rollback()
	return fn(Tx{DB: g, Now: d.Now(), Dialect: d.Dialect, Memo: &d.memo})
}

// Look runs fn outside of any transaction: for a single SELECT, which is a snapshot of its own and costs one round trip.
func (d *DB) Look(ctx context.Context, fn func(Tx) error) error {
	return fn(Tx{DB: d.r.WithContext(ctx), Now: d.Now(), Dialect: d.Dialect, Memo: &d.memo})
}
