#!/usr/bin/env bash
# A throwaway MariaDB and Redis for tests and benchmarks, on free ports, in a temporary folder.
#
#   scripts/services.sh COMMAND [ARG…]   runs the command with TEST_DSN and TEST_REDIS set, then removes everything
#   scripts/services.sh                  prints the two, and keeps the servers until Ctrl-C
#
# MARIADB_POOL (256M) is the size of the buffer pool, MARIADB_LOG (128M) that of the redo log. WITH_NGINX=1 sees to it that nginx is there too. What is missing is installed by
# apt (as root, or through sudo). MariaDB commits as it would in production: innodb_flush_log_at_trx_commit=1.
set -euo pipefail

say() { echo "services: $*" >&2; }

# shellcheck source=packages.sh
. "$(dirname "$0")/packages.sh"
[ -z "${WITH_NGINX:-}" ] || command -v nginx >/dev/null || missing+=(nginx-light)
[ ${#missing[@]} = 0 ] || install "${missing[@]}"

dir=$(mktemp -d "${TMPDIR:-/tmp}/jishan-services-XXXXXX")
mariadb_pid= redis_pid=

stop() {
	trap - EXIT INT TERM
	for pid in $redis_pid $mariadb_pid; do kill "$pid" 2>/dev/null || true; done
	for pid in $redis_pid $mariadb_pid; do wait "$pid" 2>/dev/null || true; done
	rm -rf "$dir"
}
trap stop EXIT
trap 'stop; exit 130' INT
trap 'stop; exit 143' TERM

free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
	done
}

# until_up SECONDS PID COMMAND…: waits for the command to succeed while the process lives.
until_up() {
	local end=$((SECONDS + $1)) pid=$2
	shift 2
	while [ $SECONDS -lt $end ] && kill -0 "$pid" 2>/dev/null; do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	return 1
}

# Root may run the servers as root: the folder is its own and everything listens on the loopback only.
account=()
[ "$(id -u)" != 0 ] || account=(--user=root)

start_mariadb() {
	mariadb-install-db --no-defaults "${account[@]}" --datadir="$dir/mariadb" --auth-root-authentication-method=normal --skip-test-db \
		>"$dir/install.log" 2>&1 || { cat "$dir/install.log" >&2; return 1; }
	local port
	for _ in 1 2 3 4 5; do
		port=$(free_port)
		mariadbd --no-defaults "${account[@]}" --datadir="$dir/mariadb" --socket="$dir/m.sock" --pid-file="$dir/m.pid" \
			--bind-address=127.0.0.1 --port="$port" --skip-name-resolve --max-connections=1000 \
			--innodb-flush-log-at-trx-commit=1 --innodb-buffer-pool-size="${MARIADB_POOL:-256M}" --innodb-log-file-size="${MARIADB_LOG:-128M}" \
			--character-set-server=utf8mb4 >"$dir/mariadb.log" 2>&1 &
		mariadb_pid=$!
		if until_up 60 $mariadb_pid mariadb --no-defaults --socket="$dir/m.sock" -uroot -e 'SELECT 1'; then
			mariadb --no-defaults --socket="$dir/m.sock" -uroot -e "
				DELETE FROM mysql.global_priv WHERE User = '';
				FLUSH PRIVILEGES;
				CREATE USER jishan@'127.0.0.1' IDENTIFIED BY 'jishan';
				GRANT ALL ON *.* TO jishan@'127.0.0.1' WITH GRANT OPTION;"
			export TEST_DSN="jishan:jishan@tcp(127.0.0.1:$port)/"
			return 0
		fi
		kill $mariadb_pid 2>/dev/null || true
		wait $mariadb_pid 2>/dev/null || true
	done
	tail -20 "$dir/mariadb.log" >&2
	return 1
}

start_redis() {
	local port
	for _ in 1 2 3 4 5; do
		port=$(free_port)
		redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$dir" >"$dir/redis.log" 2>&1 &
		redis_pid=$!
		if until_up 20 $redis_pid redis-cli -p "$port" ping; then
			export TEST_REDIS="127.0.0.1:$port"
			return 0
		fi
		kill $redis_pid 2>/dev/null || true
		wait $redis_pid 2>/dev/null || true
	done
	tail -20 "$dir/redis.log" >&2
	return 1
}

start_mariadb || { say "MariaDB did not start"; exit 1; }
start_redis || { say "Redis did not start"; exit 1; }

echo "export TEST_DSN='$TEST_DSN'"
echo "export TEST_REDIS='$TEST_REDIS'"

if [ $# -gt 0 ]; then
	"$@"
else
	say "running; Ctrl-C stops and removes them"
	wait $mariadb_pid $redis_pid
fi
