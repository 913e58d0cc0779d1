#!/usr/bin/env bash
# Walks through the installation of docs/operations.md on throwaway servers, everything on the loopback: users and grants, two API
# processes behind nginx on MariaDB and Redis, a village with an award and a redemption, one process killed, a backup, a restore into
# an empty database, verify, and the balance there. Run by "make operations-walk", under scripts/services.sh, which installs what is missing.
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
prefix=/api/v1 token=
# call METHOD PATH [JSON] [KEY]: one request at $at with the $token; prints the answer.
at=$base
call() {
	local args=(-sS --fail-with-body -X "$1" -H "Authorization: Bearer $token")
	[ -z "${3:-}" ] || args+=(-H 'Content-Type: application/json' -d "$3")
	[ -z "${4:-}" ] || args+=(-H "Idempotency-Key: $4")
	curl "${args[@]}" "$at$prefix$2" || { say "$1 $2 failed" >&2; return 1; }
}
# part NAME: the first value of that name in an answer.
part() { grep -o "\"$1\":[^,}]*" | awk 'NR == 1' | sed 's/^[^:]*://; s/"//g'; }
login() { token= call POST /auth/login "{\"audience\":\"$1\",\"login\":\"$2\",\"password\":\"qingyan2026\"}" | part access_token; }
token=$(login officer guanli)
say "logged in through nginx"

say "a village with a rule book, a household and a shop"
region() { call POST /regions "{\"kind\":\"$1\",\"code\":\"$2\",\"name\":\"$3\"${4:+,\"parent\":\"$4\"}}" | part id; }
town=$(region township 500240100 渔溪镇 "$(region county 500240 石柱县)")
village=$(region village 500240100201 小渔溪村 "$town")
group=$(region group 50024010020101 1组 "$village")
book=$(call POST /rule-books "{\"region\":\"$village\",\"asset\":\"points\",\"name\":\"积分细则\"}")
version=$(echo "${book#*\"versions\"}" | part id)
rule=$(call POST "/rule-versions/$version/rules" '{"category":"日常","item":"邻里互助","subject":"household","spec":{"shape":"range","min":1,"max":50}}' | part id)
today=$(TZ=Asia/Shanghai date +%Y-%m-%d)
call POST "/rule-versions/$version/adopt" "{\"meeting\":\"村民代表会议\",\"on\":\"$today\",\"votes_for\":41,\"votes_against\":3,\"from\":\"${today%??}01\"}" >"$dir/out"
house=$(call POST /households "{\"village\":\"$village\",\"group\":\"$group\",\"members\":[{\"name\":\"王大山\",\"relation\":\"户主\"}]}" | part id)
shop=$(call POST /merchants "{\"name\":\"汇丰超市\",\"region\":\"$town\"}" | part id)
call PUT "/merchants/$shop/villages/$village" '{"rate":{"points":10,"yuan":1}}' >"$dir/out"
officer=$token
first=$(call POST /users "{\"audience\":\"merchant\",\"login\":\"laoban\",\"name\":\"老板\",\"roles\":[{\"role\":\"owner\",\"merchant\":\"$shop\"}]}" | part password)
token=$(token= call POST /auth/login "{\"audience\":\"merchant\",\"login\":\"laoban\",\"password\":\"$first\"}" | part access_token)
call PUT /auth/password "{\"old\":\"$first\",\"new\":\"qingyan2026\"}" >"$dir/out"
token=$(login merchant laoban)
soap=$(call POST "/merchants/$shop/products" '{"name":"肥皂","unit":"块","price":5.5,"stock":100}' walk-product-1 | part id)
token=$officer

say "an award of 20 and a redemption of 5.5 through nginx, each sent twice with one key"
for _ in 1 2; do
	call POST "/villages/$village/awards" "{\"grants\":[{\"rule\":\"$rule\",\"household\":\"$house\",\"points\":20}]}" walk-award-1 >"$dir/out"
	call POST "/villages/$village/redemptions" "{\"merchant\":\"$shop\",\"household\":\"$house\",\"lines\":[{\"product\":\"$soap\",\"quantity\":1}],\"reason\":\"老人托村干部代兑\"}" walk-redeem-1 >"$dir/out"
done
balance() { # balance ADDRESS: must be 14.5 there
	local shown
	shown=$(at=$1 call GET "/households/$house/balance" | part balance)
	[ "$shown" = 14.5 ] || { say "$1 shows a balance of $shown, not 14.5"; return 1; }
}
for address in "http://127.0.0.1:$one" "http://127.0.0.1:$two" "$base"; do balance "$address"; done
say "14.5 points are left, through either process and through nginx"

say "one process is killed; the other answers"
kill -9 "${pids[0]}"
for _ in 1 2 3 4 5 6; do
	[ -n "$(login officer guanli)" ]
	balance "$base"
done

say "a backup, and a restore where nothing was"
MYSQL_PWD=$server mariadb-dump --no-defaults --protocol=tcp -h127.0.0.1 -P"${addr#*:}" -ujishan_api \
	--single-transaction --quick --skip-triggers --no-tablespaces jishan >"$dir/backup.sql"
"$jishan" export seals -o "$dir/seals.txt"
kill "${pids[1]}"
wait "${pids[1]}" || true
sql -e 'CREATE DATABASE jishan_restored CHARACTER SET utf8mb4'
sql jishan_restored <"$dir/backup.sql"
sql jishan_restored <configs/mariadb-grants.sql
echo "jishan_api:$server@tcp($addr)/jishan_restored" >"$dir/etc/db_dsn"
"$jishan" boards rebuild
"$jishan" verify --seals "$dir/seals.txt"
restored=$(free_port)
JISHAN_HTTP_ADDR=127.0.0.1:$restored "$jishan" serve 2>"$dir/$restored.log" &
pids+=($!)
wait_for "http://127.0.0.1:$restored/readyz"
balance "http://127.0.0.1:$restored"
say "the restored book shows the 14.5 points"
say "done"
