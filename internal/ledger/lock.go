//go:build !brokenlock

package ledger

// locks says that a batch holds its accounts from reading to commit. A build with the tag brokenlock breaks it, to show that
// internal/proof notices.
const locks = true
