#!/usr/bin/env bash
# The program under faults, judged by a history checker (internal/proof, internal/history): SQLite with one process, MariaDB with
# two, MariaDB with a Redis Cluster of three masters. Prints for each what was done, what was harmed and what was found. Exit code 1 if anything was.
#
#   scripts/proof.sh [sqlite|mariadb|cluster …]
#
# PROOF_SECONDS (120) is how long the faults of each last; SEED repeats what a run's chance decided. All servers are started here,
# on the loopback, in a temporary folder, and ended. What is missing is installed by apt.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0 GOFLAGS="-tags=nomsgpack -trimpath"

say() { echo "proof: $*" >&2; }
# shellcheck source=packages.sh
. scripts/packages.sh
[ ${#missing[@]} = 0 ] || install "${missing[@]}"

dir=$(mktemp -d "${TMPDIR:-/tmp}/jishan-proof-XXXXXX")
trap 'rm -rf "$dir"' EXIT
export SEED=${SEED:-$((RANDOM * 32768 + RANDOM))} PROOF_SECONDS=${PROOF_SECONDS:-120} TMPDIR=$dir
[ $# -gt 0 ] || set -- sqlite mariadb cluster

go test -c -tags=nomsgpack,proof -o "$dir/proof.test" ./internal/proof
failed=0
for setup in "$@"; do
	(cd internal/proof && PROOF_SETUP=$setup "$dir/proof.test" -test.v -test.timeout "$((PROOF_SECONDS + 360))s" -test.run '^TestProof$') >"$dir/$setup.out" 2>&1 || failed=1
	grep -v -e '^=== ' -e '^PASS$' -e '^--- PASS' "$dir/$setup.out" || true
done
say "again with: SEED=$SEED PROOF_SECONDS=$PROOF_SECONDS make proof"
exit $failed
