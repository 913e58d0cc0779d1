#!/usr/bin/env bash
# Measures throughput on SQLite and on a throwaway MariaDB + Redis, and writes docs/benchmarks.md.
# BENCH_SECONDS (5) is how long each figure is measured for.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
make --no-print-directory build
export BENCH_OUT=$PWD/docs/benchmarks.md
cpu=$(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)
cat >"$BENCH_OUT" <<TEXT
# Benchmarks

Written by \`make bench\`. Every figure of a section is from one run on one machine, and is to be read against the raw limit measured beside
it: plain \`database/sql\`, two rows updated and two inserted, either one transaction a posting or 100 postings in a transaction with one
statement for all rows. An award here is more than that: authentication against the database, rule, caps, two ledger entries, the hash
chain, scores, outbox, audit and idempotency rows, and JSON over HTTP.

Last run $(date +%F), ${cpu:-unknown processor}, $(nproc) cores, $(go version | cut -d' ' -f3).

TEXT
run=(go test -tags bench,nomsgpack -count=1 -timeout 30m -v -run 'TestThroughput|TestRoster' ./internal/bench)
env -u TEST_DSN -u TEST_REDIS "${run[@]}"
./scripts/services.sh "${run[@]}"
