#!/usr/bin/env bash
# Formatting and vet. Says which files to mend.
set -euo pipefail
cd "$(dirname "$0")/.."

unformatted=$(gofmt -l cmd configs internal migrations)
if [ -n "$unformatted" ]; then
	printf 'not formatted; run gofmt -w on:\n%s\n' "$unformatted" >&2
	exit 1
fi
go vet -tags nomsgpack ./...
