#!/usr/bin/env bash
# The race detector on the packages where requests meet. Needs a C compiler. It runs on MariaDB (TEST_DSN), since SQLite in
# Go under the detector is slower by an order of magnitude and has no concurrency of its own to watch.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v gcc >/dev/null; then
	echo 'race: installing gcc' >&2
	root=
	[ "$(id -u)" = 0 ] || root=sudo
	$root apt-get -qq update >&2
	$root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install gcc libc6-dev >&2
fi

packages=()
for p in db/batch rdb ledger award redeem board jobs; do
	if [ -n "$(find "internal/$p" -maxdepth 1 -name '*_test.go' 2>/dev/null)" ]; then packages+=("./internal/$p"); fi
done
# The ten seconds in which lost boards must be back hold for the program as it is built, not for one that the race detector slows
# several times over; the stages before this one check them.
CGO_ENABLED=1 go test -tags nomsgpack -race -short -count=1 -p 2 -timeout 15m -skip '^TestLostBoardsOfATownshipAreCompleteWithinSeconds$' "${packages[@]}"
