// Package rule owns the rule books: what a village or township gives and takes
// points for, in versions that a meeting has adopted, and the pure function that
// says what one rule gives in one case.
//
// Tables: rule_books, rule_versions, rules.
//
// Invariants
//   - An adopted version and its rules never change; what changes is a new
//     version, and adopting it ends the one before on the day before it begins.
//   - Lineage is the same rule in every version of a book; caps and repeats
//     count by it, so a new version does not open a cap again.
//   - A village uses its own books of an asset in force on a day; only when it
//     has none does it use those of its township.
//     Its supplements hold beside its township's book, within what that leaves to it.
//   - Evaluate reads no clock and no database: same input, same output.
//
// Example: what a rule gives today, knowing what was given before.
//
//	rules, err := rule.InForce(tx, village, ledger.Points, today) // each with the limits of its book
//	res, err := rule.Evaluate(rules[0], rule.Facts{Day: today, Subject: household, Household: household}, past)
//	res.Points       // 2
//	res.Explanation  // 参加植树造林：+2（本日上限 10，已得 8，本次计 2）
package rule
