// Package history decides whether what clients saw of the ledger can be true.
//
// A workload records every call it made and every answer it got, with the
// moments of one monotonic clock (History); afterwards the rows are read
// (State). Check compares the two and knows nothing else: no HTTP, no database,
// no code of the product. It owns no tables.
//
//	for _, a := range history.Check(h, s) { fmt.Println(a) }
//
// A village's ledger numbers are taken as the order in which its writes
// happened; everything below is checked against that order, so a history that
// passes has been shown to be linearizable for every wallet and every product,
// with the ledger as the witness:
//
//   - every answered write is in the ledger exactly once, whole, with the number
//     and the balance that were answered; every refused one is not there; every
//     unanswered one is there whole or not at all; nothing is there that nobody
//     asked for (lost, doubled, half, stray);
//   - a write that was answered before another was sent has the lower number (order);
//   - after every number each wallet is at or above zero, has the balance its
//     entry says, and moved by what was asked; the last one is the account's
//     balance; likewise every product's stock (negative, sum, amount);
//   - a read equals the state after some prefix of the wallet's (product's)
//     writes that contains every write answered before the read was sent and none
//     sent after the read was answered; and a read sent after another one was
//     answered sees no shorter prefix than that one (stale);
//   - a one-time code is spent at most once, a transaction undone at most once
//     (twice); a refusal for want of points or goods had a reason at some moment
//     between the call and its answer (refusal).
package history
