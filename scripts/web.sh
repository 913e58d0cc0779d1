#!/usr/bin/env bash
# The screens, built and checked with Node 20.
#
#   scripts/web.sh build          installs what the lockfile names, and builds web/console into web/dist/console, web/miniapp into
#                                 web/dist/miniapp (the web page) and web/miniapp/dist/mp-weixin (for WeChat)
#   scripts/web.sh types          writes web/api/schema.d.ts anew from docs/openapi.json
#   scripts/web.sh check          types are current, vue-tsc, unit tests; needs the build, for WeChat's is run as it was built
#   scripts/web.sh browser [ARG…] the tests in web/e2e (e2e/console/, e2e/public/, e2e/miniapp/), in Chromium, against bin/jishan with demo data
#   scripts/web.sh screenshots    takes the pictures in docs/screens the same way
#   scripts/web.sh measure        prints how fast the console is in a large village, and how many keys fifty awards take
#   scripts/web.sh deps FOLDER    only the installing, for a folder below web/
set -euo pipefail
cd "$(dirname "$0")/.."

command -v npm >/dev/null || { echo "web: Node.js 20 (node, npm) is needed to build the screens: https://nodejs.org" >&2; exit 1; }
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm_config_fund=false npm_config_audit=false npm_config_update_notifier=false

# deps FOLDER: npm ci, but only where the lockfile has changed since.
deps() {
	local mark=web/$1/node_modules/.installed
	cmp -s "web/$1/package-lock.json" "$mark" && return
	(cd "web/$1" && npm ci --no-progress --loglevel=error)
	cp "web/$1/package-lock.json" "$mark"
}

schema() {
	deps console
	(cd web/console && npm run --silent types -- "$@")
}

case ${1:-} in
deps) deps "$2" ;;
types) schema ;;
build)
	deps console
	(cd web/console && npm run --silent build -- --logLevel warn)
	deps miniapp
	(cd web/miniapp && npm run --silent build)
	;;
check)
	schema --check
	(cd web/console && npm run --silent check && npm run --silent test)
	deps miniapp
	(cd web/miniapp && npm run --silent check && npm run --silent test)
	;;
browser)
	deps e2e
	shift
	(cd web/e2e && npm run --silent check)
	./scripts/demo-server.sh npm run --silent --prefix web/e2e test -- "$@"
	;;
screenshots)
	deps e2e
	./scripts/demo-server.sh npm run --silent --prefix web/e2e screenshots
	;;
measure)
	deps e2e
	./scripts/demo-server.sh npm run --silent --prefix web/e2e measure
	;;
*)
	sed -n '2,11p' "$0" >&2
	exit 2
	;;
esac
