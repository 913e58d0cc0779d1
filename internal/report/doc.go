// Package report counts what other packages have written, for the console's first screen and for comparing villages.
//
// Tables: none. It reads regions, households, villagers, awards, redemptions, house_cards, merchant_villages and products.
//
//	list, err := s.Indicators(ctx, actor, township, 202611) // one line a village
//	list[0].Active                                          // households with a standing award in the month
//	line, err := s.Months(ctx, actor, village, 12)
//
// Invariants:
//   - only standing awards of village points and redemptions not refunded are counted;
//   - an award counts in the month of the day on which it happened, a redemption in its own month;
//   - nothing outside the actor's region is counted.
package report
