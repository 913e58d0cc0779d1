#!/usr/bin/env bash
# All tests: form, layers, then every package on SQLite with the in-process Redis, then everything that touches a database or
# Redis again on MariaDB and Redis, then the concurrent packages under the race detector. Fuzz targets run their seeds. The
# screens are built and checked, and used in a real Chromium against the program with demo data.
#
# SKIP_RACE=1 leaves the last stage out.
set -uo pipefail
cd "$(dirname "$0")/.."
# The flags of the Makefile, so that packages are compiled once.
export CGO_ENABLED=0 GOFLAGS="-tags=nomsgpack -trimpath"
unset TEST_DSN TEST_REDIS

# Two test binaries at a time bound the memory; go builds with the same number.
parallel=(-p 2)

results=()
failed=0
said=$(mktemp)
trap 'rm -f "$said"' EXIT
stage() {
	local name=$1 begin=$SECONDS
	shift
	printf '\n=== %s\n' "$name"
	if "$@" 2>&1 | tee "$said"; then
		results+=("ok    $((SECONDS - begin)) s   $name")
	else
		results+=("FAIL  $((SECONDS - begin)) s   $name")
		failed=1
		# Whoever sees only the end of a long log is told which tests they were, of Go and of the browser.
		results+=("$(grep -aE '^ *(--- FAIL|FAIL\s|panic:|✘|[0-9]+\) |Error: )' "$said" | head -20 | sed 's/^ */        /')")
	fi
}

# touching lists the packages whose tests use a database or Redis.
touching() {
	go list -f '{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}' ./... |
		awk '{ for (i = 2; i <= NF; i++) if ($i ~ /^jishan\/internal\/(testkit|rdb|app\/apptest)$/) { print $1; next } }
			$1 ~ /^jishan\/internal\/rdb$/ { print $1 }' | sort -u
}

servers() {
	local list
	list=$(touching) || return 1
	# shellcheck disable=SC2086 # one package a word
	./scripts/services.sh go test "${parallel[@]}" -count=1 -timeout 20m $list
}

stage 'build' make build
stage 'screens: types, unit tests' ./scripts/web.sh check
stage 'format and vet' ./scripts/lint.sh
stage 'layers' go test -count=1 ./internal/archtest
stage 'SQLite, in-process Redis' go test "${parallel[@]}" -count=1 -timeout 20m ./...
stage 'MariaDB, Redis' servers
if [ -z "${SKIP_RACE:-}" ]; then
	stage 'race detector' ./scripts/services.sh ./scripts/race.sh
fi

# The mini-program's web page has its own demo: its tests spend the points of many households.
miniapp() { ./scripts/web.sh browser e2e/miniapp/; }

stage 'console in Chromium' ./scripts/web.sh browser e2e/console/
stage 'public pages in Chromium' ./scripts/web.sh browser e2e/public/
stage 'mini-program in Chromium' miniapp

printf '\n=== summary (%s s)\n' "$SECONDS"
printf '%s\n' "${results[@]}"
if [ $failed = 0 ]; then echo 'all tests passed'; else echo 'some tests FAILED' >&2; fi
exit $failed
