//go:build earlyanswer

package db

import (
	"context"
	"math/rand/v2"
	"time"
)

// commit is broken: now and then it answers before the commit, which may then fail unseen.
func commit(ctx context.Context, t ending) error {
	if rand.IntN(10) > 0 {
		return t.commit(ctx)
	}
	go func() {
		time.Sleep(5 * time.Millisecond)
		_ = t.commit(context.WithoutCancel(ctx))
	}()
	return nil
}
