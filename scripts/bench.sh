#!/usr/bin/env bash
# Measures throughput on SQLite and on a throwaway MariaDB + Redis, and writes docs/benchmarks.md.
# BENCH_SECONDS (5) is how long each figure is measured for.
# MariaDB has a buffer pool of MARIADB_POOL (1G) and a redo log of MARIADB_LOG (1G), as docs/operations.md advises.
#
#   scripts/bench.sh growth   an empty county beside one with BENCH_GROWTH_ROWS (10000000) rows in its ledger, on MariaDB with a buffer
#                             pool of MARIADB_POOL (4G); replaces that section only. 10 GB of disk, a quarter of an hour and more
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0 MARIADB_LOG=${MARIADB_LOG:-1G}
[ "${1:-}" = boards ] || make --no-print-directory build
export BENCH_OUT=$PWD/docs/benchmarks.md
aims=$(sed -n '/^## Read against the aims/,$p' "$BENCH_OUT") # what is written by hand, to the end of the file
if [ "${1:-}" = growth ]; then
	table=$(mktemp)
	trap 'rm -f "$table"' EXIT
	MARIADB_POOL=${MARIADB_POOL:-4G} BENCH_OUT=$table ./scripts/services.sh go test -tags bench,nomsgpack -count=1 -timeout 90m -v -run TestGrowth ./internal/bench
	rest=$(sed '/^## Growth, MariaDB/,/^## /{/^## Growth, MariaDB/d;/^## /!d}' "$BENCH_OUT")
	{ printf '%s\n' "$rest"; cat "$table"; } >"$BENCH_OUT.new"
	mv "$BENCH_OUT.new" "$BENCH_OUT"
	exit
fi
export MARIADB_POOL=${MARIADB_POOL:-1G}
cpu=$(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)
[ "${1:-}" = boards ] || cat >"$BENCH_OUT" <<TEXT
# Benchmarks

Written by \`make bench\`. Every figure of a section is from one run on one machine, and is to be read against the raw limit measured beside
it: plain \`database/sql\`, two rows updated and two inserted, either one transaction a posting or 100 postings in a transaction with one
statement for all rows. An award here is more than that: authentication against the database, rule, caps, two ledger entries, the hash
chain, scores, outbox, audit and idempotency rows, and JSON over HTTP.

Last run $(date +%F), ${cpu:-unknown processor}, $(nproc) cores, $(go version | cut -d' ' -f3).

TEXT
run=(go test -tags bench,nomsgpack -count=1 -timeout 30m -v -run 'TestThroughput|TestRoster|TestSearch' ./internal/bench)
# boards NAME: reading 20 lines of a board with ranks, names and movements, beside the bare ZREVRANGE of the same 20.
boards() {
	printf '## Boards, %s\n\n| members | first 20 lines | 10 lines around the middle | bare ZREVRANGE |\n|---:|---:|---:|---:|\n' "$1" >>"$BENCH_OUT"
	go test -tags nomsgpack -count=1 -run '^$' -bench BenchmarkTop -benchtime "${BENCH_SECONDS:-5}s" ./internal/board |
		awk 'function ms(ns) { return ns >= 1e6 ? sprintf("%.1f ms", ns/1e6) : sprintf("%.0f µs", ns/1e3) }
			/^BenchmarkTop/ && split($1, p, "/") == 3 { sub(/-[0-9]+$/, "", p[3]); t[p[2], p[3]] = $3; if (!(p[2] in seen)) { seen[p[2]] = 1; order[++n] = p[2] } }
			END { for (i = 1; i <= n; i++) { m = order[i]; z = t[m, "zrevrange"]; printf "| %d | %s (%.1f×) | %s (%.1f×) | %s |\n", m, ms(t[m, "top"]), t[m, "top"]/z, ms(t[m, "around"]), t[m, "around"]/z, ms(z) }; print "" }' >>"$BENCH_OUT"
}

if [ "${1:-}" = boards ]; then
	boards "$2"
	exit
fi
env -u TEST_DSN -u TEST_REDIS "${run[@]}"
./scripts/services.sh "${run[@]}"
env -u TEST_DSN -u TEST_REDIS "$0" boards "SQLite and in-process Redis"
./scripts/services.sh "$0" boards "MariaDB and Redis"
printf '%s\n' "$aims" >>"$BENCH_OUT"
