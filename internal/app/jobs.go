package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jishan/internal/board"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/jobs"
	"jishan/internal/ledger"
)

// boardsEase keeps the boards to two per cent of the time: while awards come in by the thousand, nearly every line of every board is written at
// each run, and it is the awards that somebody waits for. The boards are then up to jobs.MaxEase behind.
const boardsEase = 49

// jobs is all background work, each under a lease of its own.
func (a *App) jobs() []jobs.Job {
	return []jobs.Job{
		{Name: board.JobName, Every: board.Interval, Rest: board.Rest, Ease: boardsEase, Wake: a.Boards.Woken(), Run: a.Boards.Tick},
		{Name: board.SnapshotJobName, Every: 10 * time.Minute, Run: a.Boards.TakeSnapshots},
		{Name: "expiry", Every: time.Hour, Timeout: time.Hour, Run: a.expire},
		{Name: "ledger-checkpoints", Every: 24 * time.Hour, Timeout: time.Hour, Run: a.checkpoints},
		{Name: "day-seals", Every: 10 * time.Minute, Timeout: time.Hour, Run: a.sealDays},
		{Name: "sweep", Every: time.Hour, Timeout: 10 * time.Minute, Run: a.sweep},
	}
}

// expire looks, village by village, for points whose last good day has passed: they are cleared where the village has chosen
// so, and otherwise wait for an officer to confirm.
func (a *App) expire(ctx context.Context) error {
	books, err := a.books(ctx)
	if err != nil {
		return err
	}
	for _, b := range books {
		due, done, err := a.Awards.ExpireDue(ctx, b)
		if err != nil {
			return fmt.Errorf("expiring points of book %s: %w", b, err)
		}
		switch {
		case done.Households > 0:
			a.Log.InfoContext(ctx, "points expired", "village", b, "households", done.Households, "points", done.Points.String())
		case due.Households > 0:
			a.Log.InfoContext(ctx, "expired points wait to be cleared", "village", b, "households", due.Households, "points", due.Points.String())
		}
	}
	return nil
}

// checkpoints notes the balances of accounts that keep none, village by village, each in a short transaction of its own.
func (a *App) checkpoints(ctx context.Context) error {
	books, err := a.books(ctx)
	if err != nil {
		return err
	}
	for _, b := range books {
		if err := a.DB.Tx(ctx, func(tx db.Tx) error { return ledger.Checkpoint(tx, b) }); err != nil {
			return fmt.Errorf("checkpointing book %s: %w", b, err)
		}
	}
	return nil
}

// sealDays seals, village by village, the days that are over; a village whose book contradicts itself is left and the others go on.
func (a *App) sealDays(ctx context.Context) error {
	books, err := a.books(ctx)
	if err != nil {
		return err
	}
	var wrong []error
	for _, b := range books {
		var seals []ledger.DaySeal
		err := a.DB.Read(ctx, func(tx db.Tx) (err error) {
			seals, err = ledger.DueSeals(tx, b)
			return err
		})
		if err == nil && len(seals) > 0 {
			err = a.DB.Tx(ctx, func(tx db.Tx) error {
				_, err := ledger.KeepSeals(tx, seals)
				return err
			})
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("book %s: %w", b, err))
		}
	}
	return errors.Join(wrong...)
}

// books are the villages that have moved points.
func (a *App) books(ctx context.Context) (books []id.ID, err error) {
	err = a.DB.Read(ctx, func(tx db.Tx) error {
		return tx.Raw("SELECT book_id FROM ledger_heads ORDER BY book_id").Scan(&books).Error
	})
	if err != nil {
		return nil, fmt.Errorf("listing the books: %w", err)
	}
	return books, nil
}

// sweep forgets what can be of no use any more: spent codes past their time, counts of failed log-ins, ended sessions.
func (a *App) sweep(ctx context.Context) error {
	_, err1 := a.Redeem.Sweep(ctx)
	_, err2 := a.Auth.Sweep(ctx)
	return errors.Join(err1, err2)
}
