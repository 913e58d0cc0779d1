#!/usr/bin/env bash
# Runs a command against a fresh demo of bin/jishan, in a temporary folder on a free port; CONSOLE_URL tells where.
#
#   scripts/demo-server.sh COMMAND [ARG…]
#
# DEMO_URL=http://127.0.0.1:8080 uses a demo that is already running instead. Chromium and Chinese fonts are installed by apt if
# missing (as root, or through sudo).
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "demo-server: $*" >&2; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"
	elif command -v sudo >/dev/null; then sudo "$@"
	else
		say "cannot run as root: $*; please install chromium fonts-noto-cjk poppler-utils zbar-tools unzip yourself"
		return 1
	fi
}

missing=()
[ -x /usr/bin/chromium ] || missing+=(chromium)
command -v pdftotext >/dev/null || missing+=(poppler-utils)
command -v zbarimg >/dev/null || missing+=(zbar-tools)
command -v unzip >/dev/null || missing+=(unzip)
[ -n "$(find /usr/share/fonts /usr/local/share/fonts ~/.fonts -iname '*cjk*' -print -quit 2>/dev/null)" ] || missing+=(fonts-noto-cjk)
if [ ${#missing[@]} -gt 0 ]; then
	say "installing ${missing[*]}"
	as_root apt-get -o DPkg::Lock::Timeout=300 -qq update >&2
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq -y --no-install-recommends install "${missing[@]}" >&2
fi

if [ -n "${DEMO_URL:-}" ]; then
	CONSOLE_URL=$DEMO_URL "$@"
	exit
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/jishan-demo-XXXXXX")
pid=
stop() {
	trap - EXIT INT TERM
	[ -z "$pid" ] || { kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; } || true
	rm -rf "$dir"
}
trap stop EXIT
trap 'stop; exit 130' INT
trap 'stop; exit 143' TERM

while :; do
	port=$((20000 + RANDOM % 12000))
	(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
done
export CONSOLE_URL=http://127.0.0.1:$port
JISHAN_DATA_DIR=$dir/data JISHAN_HTTP_ADDR=127.0.0.1:$port ./bin/jishan demo >"$dir/log" 2>&1 &
pid=$!

# The first start fills in a year of a township; half a minute on two cores, longer on busy ones.
end=$((SECONDS + 300))
until [ "$(./bin/jishan doctor --health "$CONSOLE_URL" >/dev/null 2>&1 && echo up)" = up ]; do
	if ! kill -0 "$pid" 2>/dev/null || [ $SECONDS -ge $end ]; then
		tail -20 "$dir/log" >&2
		say "the demo did not start"
		exit 1
	fi
	sleep 0.5
done
"$@"
