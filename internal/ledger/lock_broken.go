//go:build brokenlock

package ledger

// locks is broken: two batches may read the same balance, and the later one's update is all that stays.
const locks = false
