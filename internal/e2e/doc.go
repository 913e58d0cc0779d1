// Package e2e proves the product from outside: every test speaks HTTP with a
// whole server, on SQLite and the in-process Redis, or on the servers that
// TEST_DSN and TEST_REDIS name.
//
// It owns no tables and has no code outside of its tests:
//
//   - story_test.go: a village's whole story, from empty tables to a checked ledger
//   - story_quarter_test.go: a branch's quarter, and every call that might alter it
//   - access_test.go: every operation × everybody who must not reach it
//   - concurrency_test.go: no overdraft, no double spend, no oversell
//   - crash_test.go: kill -9 of the program in the middle of load
//   - redis_test.go: Redis away, and back empty
//   - plans_test.go: how the database finds the rows of every hot statement, and which index each needs
//   - badinput_test.go: what is malformed, and that it writes nothing
//
// Example: TEST_DSN='user:password@tcp(127.0.0.1:3306)/' go test ./internal/e2e
package e2e
