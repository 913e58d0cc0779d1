// Package archtest holds the tests that keep the code in its shape: who may
// import whom, who may speak to drivers and to HTTP, who writes which table,
// how long a file may be. It has no code of its own.
//
// The levels are the list in levels_test.go; docs/architecture.md shows them
// to people. A new package is added there first, or the test says so.
package archtest
