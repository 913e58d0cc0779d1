#!/usr/bin/env bash
# Walks through the installation of docs/operations.md on throwaway servers, everything on the loopback: users and grants, two API
# processes behind nginx on MariaDB and Redis, a log-in, one process killed, a backup, a restore into an empty database, and
# verify. Run by "make operations-walk", under scripts/services.sh, which installs what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${TEST_DSN:?run me under scripts/services.sh}" "${TEST_REDIS:?}"
jishan=${JISHAN:-$PWD/bin/jishan}
export PATH="$PATH:/usr/sbin"
dir=$(mktemp -d)
pids=()
trap 'for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
say() { echo "walk: $*"; }
addr=${TEST_DSN#*tcp(}
addr=${addr%%)*}
sql() { MYSQL_PWD=jishan mariadb --no-defaults --protocol=tcp -h127.0.0.1 -P"${addr#*:}" -ujishan "$@"; }
secret() { openssl rand -hex 24; }

say "the database and its users"
# services.sh calls its administrator jishan, so the server's user has another name here.
migrator=$(secret) server=$(secret)
sed "s/MIGRATOR_PASSWORD/$migrator/; s/SERVER_PASSWORD/$server/; s/ jishan@/ jishan_api@/" configs/mariadb-users.sql | sql

say "secrets and configuration"
umask 077
mkdir "$dir/etc" "$dir/data"
for s in auth_secret card_pepper; do openssl rand -base64 48 >"$dir/etc/$s"; done
echo "jishan_api:$server@tcp($addr)/jishan" >"$dir/etc/db_dsn"
echo "jishan_migrator:$migrator@tcp($addr)/jishan" >"$dir/etc/db_dsn_migrator"
sed "s#/etc/jishan#$dir/etc#; s#/var/lib/jishan#$dir/data#; s#127.0.0.1:6379#$TEST_REDIS#; /password_file/d; /^wechat:/,/app_secret_file/d" \
	configs/production.example.yaml >"$dir/etc/jishan.yaml"
export JISHAN_CONFIG=$dir/etc/jishan.yaml

say "tables, then the rights on them"
JISHAN_DB_DSN_FILE=$dir/etc/db_dsn_migrator "$jishan" migrate
sql jishan <configs/mariadb-grants.sql
"$jishan" doctor | tee "$dir/doctor"
grep -q '账本的记录只能添加' "$dir/doctor"
echo qingyan2026 | "$jishan" admin create guanli

say "two processes behind nginx"
free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
	done
}
wait_for() {
	for _ in $(seq 200); do
		curl -fsS -o "$dir/out" "$1" 2>/dev/null && return 0
		sleep 0.1
	done
	say "$1 does not answer"
	return 1
}
one=$(free_port) two=$(free_port) front=$(free_port)
for port in "$one" "$two"; do
	JISHAN_HTTP_ADDR=127.0.0.1:$port "$jishan" serve 2>"$dir/$port.log" &
	pids+=($!)
	wait_for "http://127.0.0.1:$port/readyz"
done
sed "s/api1:8080/127.0.0.1:$one/; s/api2:8080/127.0.0.1:$two/; s/listen 80;/listen 127.0.0.1:$front;/; s#include mime.types#include /etc/nginx/mime.types#
	s#/dev/stdout#$dir/access.log#; s#/dev/stderr#$dir/error.log#" configs/nginx.conf >"$dir/nginx.conf"
nginx -e "$dir/error.log" -c "$dir/nginx.conf" -g "daemon off; pid $dir/nginx.pid; user $(id -un);" &
pids+=($!)
base=http://127.0.0.1:$front
wait_for "$base/readyz"
[ "$(curl -s -o /dev/null -w '%{http_code}' "$base/metrics")" = 404 ] || { say "/metrics is open to the outside"; exit 1; }
login() {
	curl -fsS -H 'Content-Type: application/json' -d '{"audience":"officer","login":"guanli","password":"qingyan2026"}' "$base$1/auth/login" | grep -q access
}
prefix=/api/v1
login $prefix
say "logged in through nginx"

say "one process is killed; the other answers"
kill -9 "${pids[0]}"
for _ in 1 2 3 4 5 6; do login $prefix; done

say "a backup, and a restore where nothing was"
MYSQL_PWD=$server mariadb-dump --no-defaults --protocol=tcp -h127.0.0.1 -P"${addr#*:}" -ujishan_api \
	--single-transaction --quick --skip-triggers --no-tablespaces jishan >"$dir/backup.sql"
"$jishan" export seals -o "$dir/seals.txt"
sql -e 'CREATE DATABASE jishan_restored CHARACTER SET utf8mb4'
sql jishan_restored <"$dir/backup.sql"
sql jishan_restored <configs/mariadb-grants.sql
echo "jishan_api:$server@tcp($addr)/jishan_restored" >"$dir/etc/db_dsn"
JISHAN_REDIS_ADDRS= "$jishan" verify --seals "$dir/seals.txt"
say "done"
