#!/usr/bin/env bash
# Runs every fuzz target of every package for a while. What they find becomes a file in testdata/fuzz: commit it.
set -euo pipefail
cd "$(dirname "$0")/.."

time=${FUZZTIME:-10s}
grep -rl --include='*_test.go' '^func Fuzz' internal cmd | while read -r file; do
	grep -o '^func Fuzz[A-Za-z0-9_]*' "$file" | while read -r _ target; do
		echo "== $(dirname "$file") $target"
		go test -tags nomsgpack "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "$time"
	done
done
