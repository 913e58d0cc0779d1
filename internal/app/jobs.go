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

// jobs is all background work, each under a lease of its own.
func (a *App) jobs() []jobs.Job {
	return []jobs.Job{
		{Name: board.JobName, Every: board.Interval, Rest: board.Rest, Wake: a.Boards.Woken(), Run: a.Boards.Tick},
		{Name: board.SnapshotJobName, Every: 10 * time.Minute, Run: a.Boards.TakeSnapshots},
		{Name: "ledger-checkpoints", Every: 24 * time.Hour, Timeout: time.Hour, Run: a.checkpoints},
		{Name: "sweep", Every: time.Hour, Timeout: 10 * time.Minute, Run: a.sweep},
	}
}

// checkpoints notes the balances of accounts that keep none, village by village, each in a short transaction of its own.
func (a *App) checkpoints(ctx context.Context) error {
	var books []id.ID
	err := a.DB.Read(ctx, func(tx db.Tx) error {
		return tx.Raw("SELECT book_id FROM ledger_heads ORDER BY book_id").Scan(&books).Error
	})
	if err != nil {
		return fmt.Errorf("listing the books: %w", err)
	}
	for _, b := range books {
		if err := a.DB.Tx(ctx, func(tx db.Tx) error { return ledger.Checkpoint(tx, b) }); err != nil {
			return fmt.Errorf("checkpointing book %s: %w", b, err)
		}
	}
	return nil
}

// sweep forgets what can be of no use any more: spent codes past their time, counts of failed log-ins, ended sessions.
func (a *App) sweep(ctx context.Context) error {
	_, err1 := a.Redeem.Sweep(ctx)
	_, err2 := a.Auth.Sweep(ctx)
	return errors.Join(err1, err2)
}
