#!/usr/bin/env bash
# The program under faults, judged by a history checker (internal/proof, internal/history): SQLite with one process, MariaDB with
# two, a Galera cluster of three nodes with a process at each, MariaDB with a Redis Cluster of three masters. Prints for each what was
# done, what was harmed and what was found. Exit code 1 if anything was.
#
#   scripts/proof.sh [sqlite|mariadb|galera|cluster …]
#
# PROOF_SECONDS (120) is how long the faults of each last; SEED repeats what a run's chance decided. All servers are started here,
# on the loopback, in a temporary folder, and ended. What is missing is installed by apt.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0 GOFLAGS="-tags=nomsgpack -trimpath"

say() { echo "proof: $*" >&2; }
# shellcheck source=packages.sh
. scripts/packages.sh
[ $# -gt 0 ] || set -- sqlite mariadb galera cluster
if [[ " $* " = *" galera "* ]]; then
	[ -e /usr/lib/galera/libgalera_smm.so ] || missing+=(galera-4)
	# What a node that joins is sent, and by what its script looks for the sender.
	command -v rsync >/dev/null || missing+=(rsync)
	command -v ss >/dev/null || missing+=(iproute2)
fi
[ ${#missing[@]} = 0 ] || install "${missing[@]}"

dir=$(mktemp -d "${TMPDIR:-/tmp}/jishan-proof-XXXXXX")
chmod 711 "$dir" # Galera's nodes run as another user than root
trap 'rm -rf "$dir"' EXIT
export SEED=${SEED:-$((RANDOM * 32768 + RANDOM))} PROOF_SECONDS=${PROOF_SECONDS:-120} TMPDIR=$dir

go test -c -tags=nomsgpack,proof -o "$dir/proof.test" ./internal/proof
failed=0
for setup in "$@"; do
	(cd internal/proof && PROOF_SETUP=$setup "$dir/proof.test" -test.v -test.timeout "$((PROOF_SECONDS + 360))s" -test.run '^TestProof$') >"$dir/$setup.out" 2>&1 || failed=1
	grep -v -e '^=== ' -e '^PASS$' -e '^--- PASS' "$dir/$setup.out" || true
done
say "again with: SEED=$SEED PROOF_SECONDS=$PROOF_SECONDS make proof"
exit $failed
