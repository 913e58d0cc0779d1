// Package bench measures throughput, against the raw limit of the database in
// the same run. It is made of tests behind the build tag bench, run by `make
// bench`, which writes docs/benchmarks.md; nothing here passes or fails by the
// clock.
//
//	./scripts/bench.sh              # MariaDB and SQLite, about fifteen minutes
//	BENCH_SECONDS=1 ./scripts/bench.sh
//	./scripts/bench.sh growth       # against a database of years, MariaDB
package bench
