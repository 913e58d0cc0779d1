// Package testkit gives tests the real databases: SQLite by default, MySQL or
// MariaDB when TEST_DSN names a server (a DSN whose user may create databases
// and users). Each test gets a migrated database of its own, gone afterwards; on
// MariaDB it works there as a user with the rights of
// configs/mariadb-grants.sql and no others, as the server should.
//
//	d := testkit.DB(t)
//	clock := testkit.NewClock(t, "2026-11-23 10:00")
//	d := testkit.DBAt(t, clock)
package testkit

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"jishan/configs"
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
	return limited(t, dsn)
}

// limited is the address for a new user of a migrated database who has only what configs/mariadb-grants.sql gives.
func limited(t testing.TB, dsn string) string {
	t.Helper()
	c, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	c.MultiStatements = true
	admin, err := sql.Open("mysql", c.FormatDSN())
	require.NoError(t, err)
	name := c.DBName
	_, err = admin.Exec(strings.ReplaceAll(configs.MariaDBGrants, "jishan_server", name+"_r") + fmt.Sprintf(
		"CREATE USER %[1]s@'%%' IDENTIFIED BY 'limited'; GRANT %[1]s_r TO %[1]s@'%%'; SET DEFAULT ROLE %[1]s_r FOR %[1]s@'%%'", name))
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = admin.Exec(fmt.Sprintf("DROP USER %[1]s@'%%'; DROP ROLE %[1]s_r", name))
		_ = admin.Close()
	})
	c.User, c.Passwd, c.MultiStatements = name, "limited", false
	return c.FormatDSN()
}

// Admin is the address of the same database for whoever may change its tables.
func Admin(t testing.TB, dsn string) string {
	t.Helper()
	if !OnMySQL() {
		return dsn
	}
	c, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	admin, err := mysql.ParseDSN(os.Getenv("TEST_DSN"))
	require.NoError(t, err)
	admin.DBName = c.DBName
	return admin.FormatDSN()
}

// Tamper changes rows as somebody would who has the whole database in hand: on MariaDB as its administrator, on SQLite without
// the triggers. Several statements are separated by semicolons; then they take no arguments.
func Tamper(t testing.TB, d *db.DB, query string, args ...any) {
	t.Helper()
	ctx := context.Background()
	if d.Dialect == db.MySQL {
		c, err := mysql.ParseDSN(os.Getenv("TEST_DSN"))
		require.NoError(t, err)
		require.NoError(t, d.Look(ctx, func(tx db.Tx) error { return tx.Raw("SELECT DATABASE()").Scan(&c.DBName).Error }))
		c.MultiStatements, c.InterpolateParams = true, true
		admin, err := sql.Open("mysql", c.FormatDSN())
		require.NoError(t, err)
		defer admin.Close()
		_, err = admin.Exec(query, args...)
		require.NoError(t, err)
		return
	}
	require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
		var triggers []struct{ Name, SQL string }
		if err := tx.Raw("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").Scan(&triggers).Error; err != nil {
			return err
		}
		var all []string
		for _, g := range triggers {
			all = append(all, "DROP TRIGGER "+g.Name)
		}
		if len(args) > 0 {
			all = append(all, query)
		} else {
			all = append(all, strings.Split(query, ";")...)
		}
		for _, g := range triggers {
			all = append(all, g.SQL)
		}
		for _, one := range all {
			var with []any
			if one == query {
				with = args
			}
			if err := tx.Exec(one, with...).Error; err != nil {
				return fmt.Errorf("%s: %w", one, err)
			}
		}
		return nil
	}))
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
