package proof

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// common is the configuration of every process.
func common(dsn, redis string) []string {
	return []string{"JISHAN_DB_DSN=" + dsn, "JISHAN_DB_MIGRATE=false", "JISHAN_REDIS_ADDRS=" + redis, "JISHAN_AUTH_LOGIN_PER_ADDRESS=1000000"}
}

// SQLite is one process on a file, with Redis inside.
func SQLite(t testing.TB) *Setup {
	t.Helper()
	dir := t.TempDir()
	dsn := "sqlite:" + filepath.Join(dir, "jishan.db")
	return &Setup{Name: "SQLite, 1 process", Admin: dsn, DSN: dsn, Env: common(dsn, ""), APIs: func(program string) ([]*apiProcess, error) {
		p, err := newAPI(dir, program, "api1", common(dsn, ""))
		return []*apiProcess{p}, err
	}}
}

// startMariaDB is a running server with an empty database.
func startMariaDB(t testing.TB, dir string) *mariadb {
	t.Helper()
	m, err := newMariaDB(dir)
	require.NoError(t, err)
	t.Cleanup(m.kill)
	require.NoError(t, m.start())
	require.NoError(t, m.create())
	return m
}

// linkedAPI is a process that reaches its database, and a single Redis, through links that can be cut.
func linkedAPI(dir, program, name, database, params, redis string, single bool) (*apiProcess, error) {
	toDB, err := newLink(name+" to the database", database)
	if err != nil {
		return nil, err
	}
	ways := []*link{toDB}
	if single {
		toRedis, err := newLink(name+" to Redis", redis)
		if err != nil {
			return nil, err
		}
		ways, redis = append(ways, toRedis), toRedis.addr()
	}
	return newAPI(dir, program, name, common(dsn(toDB.addr(), params), redis), ways...)
}

// twoAPIs are two processes on one database.
func twoAPIs(dir, program, database, redis string, single bool) (out []*apiProcess, err error) {
	for i := range 2 {
		p, err := linkedAPI(dir, program, fmt.Sprintf("api%d", i+1), database, "", redis, single)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// MariaDB is two processes on one server and one Redis.
func MariaDB(t testing.TB) *Setup {
	t.Helper()
	dir := t.TempDir()
	m := startMariaDB(t, dir)
	r, err := newRedis(dir, "redis")
	require.NoError(t, err)
	t.Cleanup(r.kill)
	require.NoError(t, r.start())
	return &Setup{Name: "MariaDB, 2 processes, Redis", Admin: m.admin(), Grant: m.grant, DSN: dsn(m.addr(), ""), Env: common(dsn(m.addr(), ""), r.addr()),
		Faults: append(databaseFaults(m), redisFaults(r)...),
		APIs:   func(program string) ([]*apiProcess, error) { return twoAPIs(dir, program, m.addr(), r.addr(), true) }}
}
