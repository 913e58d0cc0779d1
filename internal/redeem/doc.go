// Package redeem is points for goods at a merchant's counter.
//
// It owns house_cards, used_codes, redemptions and redemption_lines. Points
// move through ledger, stock through shop; a redemption's key is the ledger
// transaction that took the points (village and number, 第 1234 号).
//
// There are three ways to the counter: the dynamic code on a villager's screen
// (signed, short-lived, single use), the printed house card with its PIN, and
// an officer who redeems for somebody (代办).
//
//	code, err := s.Code(ctx, villager, household)                           // shown as a QR code
//	who, err := s.Identify(ctx, clerk, 0, redeem.Presented{Text: code.Text}) // consumes nothing
//	receipt, err := s.Confirm(ctx, clerk, req, redeem.Confirmation{
//		Presented: redeem.Presented{Ticket: who.Ticket},
//		Basket:    redeem.Basket{Lines: []redeem.Line{{Product: soap, Quantity: 2}}},
//	})
//	refund, err := s.Refund(ctx, clerk, req2, receipt.Key(), "商品破损")
//
// Every confirmation goes through one lane: whatever waits is decided together
// by pure functions (decide) and committed together, and nothing is answered
// before its commit.
//
// Invariants:
//   - every redemption spends one nonce, and a nonce is spent once (used_codes; Verify compares redemptions.nonce);
//   - a redemption's lines sum to its points, its points are what its ledger transaction took from the wallet and gave the merchant;
//   - a household that was merged into another redeems nothing; refunds go to the other;
//   - a redemption is refunded at most once, and is in state refunded if and only if the ledger has its reversal;
//   - minimum, step, monthly ceiling, card day limit, redemption days, stock and balance are judged under the wallet's and the
//     products' locks;
//   - a wrong PIN is counted in the database before it is answered, however the request ends.
//
// Lock order: wallets, products, then the village heads (ledger.Batch.Seal).
package redeem
