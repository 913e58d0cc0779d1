// Package ledger is the only writer of points.
//
// It owns accounts, lots, ledger_heads, ledger_txs, ledger_entries, ledger_persons, ledger_reversals,
// ledger_seals, scores and ledger_checkpoints. Points move in balanced, append-only transactions
// between the accounts of one village's book; a mistake is mended by a
// reversal that names the original.
//
// A batch is the unit of work, and one is a batch of one:
//
//	b := ledger.Begin(tx)
//	err := b.Lock(ledger.Wallet(village, household))  // once, before any other lock
//	p, err := b.Post(ledger.Posting{Book: village, Kind: ledger.Award, From: ledger.Issue(village, ledger.Points),
//		To: ledger.Wallet(village, household), Amount: points.Whole(10), …})
//	err = b.Seal()                                    // numbers, hashes, writes
//	p.Number                                          // 第 1234 号
//
// Post decides in memory: an item that is refused has changed nothing, and the
// batch goes on without it.
//
// Lock order: wallets and party accounts by owner, then the caller's budgets
// and stock, then the scores of those accounts' owners, then village heads by id (in
// Seal), then the scores that others share, then inserts.
//
// Invariants, all recomputed from the raw rows by Verify:
//   - the entries of a transaction sum to zero, and so do all entries of a book and asset (that of an untracked account has no
//     row: the rows of the other side name it, see Tx.complete);
//   - a tracked account's balance is the sum of its entries and not below its floor;
//   - an account with an heir holds nothing (see PostMerge);
//   - a lot is the sum of the entries that name it, and not negative;
//   - a score is the sum of the score fields of the transactions that name its owner, by month;
//   - a transaction is undone once, and ledger_reversals says by which;
//   - ledger_persons has the transactions that name a person, and no others;
//   - a day seal covers the numbers from the seal before it on, and says what they were (see DaySeal);
//   - within a book numbers have no gaps and every transaction carries the hash of the one before (see Tx.Canonical).
package ledger
