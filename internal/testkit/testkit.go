// Package testkit gives tests the real databases: SQLite by default, MySQL or
// MariaDB when TEST_DSN names a server (a DSN whose user may create databases).
// Each test gets a migrated database of its own, gone afterwards.
//
//	d := testkit.DB(t)
//	clock := testkit.NewClock(t, "2026-11-23 10:00")
//	d := testkit.DBAt(t, clock)
package testkit

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
)

// Clock is a time that tests move. Safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	t  time.Time
}

// NewClock starts at a Shanghai time "2006-01-02 15:04".
func NewClock(t testing.TB, at string) *Clock {
	when, err := time.ParseInLocation("2006-01-02 15:04", at, cal.Shanghai)
	require.NoError(t, err)
	return &Clock{t: when}
}

// Now is the clock's time; it advances a millisecond at every call, so that rows written later are stamped later.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(time.Millisecond)
	return c.t
}

// Add moves the clock.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// OnMySQL reports whether TEST_DSN chose a server.
func OnMySQL() bool { return os.Getenv("TEST_DSN") != "" }

// DB is a fresh migrated database on the real clock.
func DB(t testing.TB) *db.DB { return open(t, DSN(t), nil) }

// DBAt is a fresh migrated database on the given clock.
func DBAt(t testing.TB, c *Clock) *db.DB { return open(t, DSN(t), c.Now) }

// Reopen is a second set of connections to the same database, as another process would have.
func Reopen(t testing.TB, dsn string, c *Clock) *db.DB {
	if c == nil {
		return open(t, dsn, nil)
	}
	return open(t, dsn, c.Now)
}

func open(t testing.TB, dsn string, clock func() time.Time) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), db.Options{DSN: dsn, Clock: clock})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// DSN is the address of a fresh migrated database of the test's own.
func DSN(t testing.TB) string {
	t.Helper()
	if !OnMySQL() {
		path := filepath.Join(t.TempDir(), "jishan.db")
		data, err := template()
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		return "sqlite:" + path
	}
	dsn := EmptyMySQL(t)
	d, err := db.Open(context.Background(), db.Options{DSN: dsn, MaxOpen: 2})
	require.NoError(t, err)
	require.NoError(t, d.Migrate(context.Background()))
	require.NoError(t, d.Close())
	return dsn
}

// EmptyMySQL is a new database without tables on the server of TEST_DSN, dropped after the test.
func EmptyMySQL(t testing.TB) string {
	t.Helper()
	c, err := mysql.ParseDSN(os.Getenv("TEST_DSN"))
	require.NoError(t, err)
	c.DBName = ""
	admin, err := sql.Open("mysql", c.FormatDSN())
	require.NoError(t, err)
	name := "jishan_t_" + strings.ToLower(id.New().String())
	_, err = admin.Exec("CREATE DATABASE " + name + " CHARACTER SET utf8mb4")
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = admin.Exec("DROP DATABASE " + name)
		_ = admin.Close()
	})
	c.DBName = name
	return c.FormatDSN()
}

// template is the bytes of a migrated empty SQLite file, made once per test binary.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "jishan-template-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "template.db")
	d, err := db.Open(context.Background(), db.Options{DSN: "sqlite:" + path, ReadConns: 1})
	if err != nil {
		return nil, err
	}
	if err := d.Migrate(context.Background()); err != nil {
		return nil, err
	}
	if err := d.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})
