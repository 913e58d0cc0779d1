// Package proof tries to make the program break its promises, from outside.
//
// Several API processes serve a workload of grants, deductions, redemptions,
// refunds, reversals and reads over HTTP, while processes, databases and Redis
// are killed, stopped and cut off and clocks jump, all at random from a seed
// that is printed. What the clients saw and what the rows say afterwards is
// judged by internal/history; then `jishan verify` must find nothing and every
// process must show the boards that the ledger demands.
//
// It owns no tables. It starts every server itself, on the loopback, with free
// ports and in temporary folders, and ends it.
//
//   - run.go: one run from the first row to the verdict
//   - workload.go, reads.go: what clients do and write down
//   - faults.go: what is done to the servers
//   - setups.go, cluster.go, galera.go: which servers together; daemon.go, mariadb.go, redis.go, api.go, link.go: the servers and what
//     lies between them
//   - furnish.go, rows.go: the villages before, the rows afterwards
//   - server: the program with a clock that can be moved from outside
//
// Example: scripts/proof.sh, or one minute on SQLite:
//
//	PROOF_SETUP=sqlite PROOF_SECONDS=60 SEED=7 go test -tags proof,nomsgpack -count=1 -v -run TestProof ./internal/proof
package proof
