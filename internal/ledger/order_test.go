package ledger_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/testkit"
)

// A large batch holds the heads before it writes any score, a small one takes them after: where both score for one branch, neither may wait
// for what the other holds.
func TestALargeAndASmallBatchOfABranchAgreeOnTheOrder(t *testing.T) {
	d := testkit.DB(t)
	village, branch, members := id.New(), id.New(), [2]id.ID{id.New(), id.New()}
	issue := ledger.Issue(village, ledger.PartyScore)
	award := func(member id.ID) ledger.Posting {
		return ledger.Posting{Book: village, Kind: ledger.Award, Asset: ledger.PartyScore, Day: today, Month: month, Member: member, Branch: branch,
			Score: points.Whole(2), From: issue, To: ledger.Party(village, member), Amount: points.Whole(2), Reason: "参加主题党日"}
	}
	for _, m := range members {
		_, err := post(d, award(m))
		require.NoError(t, err)
	}
	var repeated atomic.Int64
	held, done := make(chan struct{}), make(chan error)
	go func() {
		<-held
		done <- d.Tx(context.Background(), func(tx db.Tx) error {
			repeated.Add(int64(tx.Attempt))
			_, err := book(tx, award(members[1]), func(*ledger.Batch) error { return nil })
			return err
		})
	}()
	require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) error {
		repeated.Add(int64(tx.Attempt))
		_, err := book(tx, award(members[0]), func(b *ledger.Batch) error {
			if err := b.Stream(issue); err != nil || tx.Attempt > 0 {
				return err
			}
			close(held)
			time.Sleep(300 * time.Millisecond) // until the small one waits for the heads
			return nil
		})
		return err
	}))
	require.NoError(t, <-done)
	require.Zero(t, repeated.Load())
}
