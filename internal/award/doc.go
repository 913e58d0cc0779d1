// Package award owns the application of rules to households, persons and party
// members: granting, deducting, previewing, and undoing by reversal.
//
// Tables: awards (one row per ledger transaction of kind award or deduct,
// keyed by village and number), clearings (of expired points). Points move
// only through package ledger.
//
//	out, err := s.Grant(ctx, actor, award.Order{Village: v, Grants: []award.Grant{{Rule: r, Household: h}}, Idempotency: req})
//	out[0].Number       // 第 1234 号
//	out[0].Explanation  // 庭院整洁：+10
//
// An order is what one request asks for; orders that arrive together share a
// transaction. Within an order a grant that its rule refuses fails alone.
//
// Invariants:
//   - caps hold in any order of events and at any concurrency: the history a cap
//     counts is read after the subject's wallet has been locked;
//   - points belong to an open month: the present one, or the last one until the
//     village's closing day; a party member's belong to no quarter whose
//     evaluation is published or closed, which is also the only bound on back-
//     dating what decides a member's grade and has no points;
//   - an award's points are its score; booked is what the wallet moved, less only
//     where a deduction met an empty wallet;
//   - an award is reversed at most once;
//   - expired points are cleared only as somebody has seen and confirmed, or where the village has chosen that they go by
//     themselves; a clearing can be undone as a whole, once.
package award
