package ledger_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/testkit"
)

// BenchmarkVerify is how many transactions a second are recomputed, of one book and of as many as there are processors side by side.
func BenchmarkVerify(b *testing.B) {
	const each = 30_000
	d := testkit.DB(b)
	books := make([]id.ID, runtime.GOMAXPROCS(0))
	for i := range books {
		books[i] = id.New()
		house := make([]id.ID, 300)
		var refs []ledger.Ref
		for j := range house {
			house[j] = id.New()
			refs = append(refs, ledger.Wallet(books[i], house[j]))
		}
		for n := 0; n < each; n += 1000 {
			require.NoError(b, d.Tx(context.Background(), func(tx db.Tx) error {
				batch := ledger.Begin(tx)
				if err := batch.Lock(refs...); err != nil {
					return err
				}
				for j := range 1000 {
					if _, err := batch.Post(grant(books[i], house[(n+j)%len(house)], points.Whole(1), 0)); err != nil {
						return err
					}
				}
				return batch.Seal()
			}))
		}
	}
	for _, side := range []int{1, len(books)} {
		b.Run(fmt.Sprintf("%d at once", side), func(b *testing.B) {
			for b.Loop() {
				var wg sync.WaitGroup
				for _, book := range books[:side] {
					wg.Go(func() {
						err := d.Read(context.Background(), func(tx db.Tx) error {
							r, _, err := ledger.VerifyBook(tx, book, nil)
							if r.Transactions != each || len(r.Findings) > 0 {
								b.Errorf("read %d transactions, found %v", r.Transactions, r.Findings)
							}
							return err
						})
						if err != nil {
							b.Error(err)
						}
					})
				}
				wg.Wait()
			}
			b.ReportMetric(float64(side*each*b.N)/b.Elapsed().Seconds(), "tx/s")
		})
	}
}
