//go:build bench

package bench

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/ncruces/go-sqlite3/driver"
	"github.com/stretchr/testify/require"

	"jishan/internal/testkit"
)

// raw is the database without us: plain database/sql, on a schema of two tables.
type raw struct {
	db     *sql.DB
	sqlite bool
}

const rawAccounts = 4000

// newRaw makes the two tables in a database of their own.
func newRaw(t testing.TB, dsn string) raw {
	t.Helper()
	var r raw
	var err error
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		r.sqlite = true
		r.db, err = sql.Open("sqlite3", "file:"+path+".raw?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)")
		require.NoError(t, err)
		r.db.SetMaxOpenConns(1)
	} else {
		_, params, _ := strings.Cut(dsn, "?") // the user of dsn may make no tables
		r.db, err = sql.Open("mysql", testkit.EmptyMySQL(t)+"?"+params)
		require.NoError(t, err)
		r.db.SetMaxOpenConns(32)
		r.db.SetMaxIdleConns(32)
	}
	t.Cleanup(func() { _ = r.db.Close() })
	for _, q := range []string{
		"DROP TABLE IF EXISTS raw_accounts", "DROP TABLE IF EXISTS raw_entries",
		"CREATE TABLE raw_accounts (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL)",
		"CREATE TABLE raw_entries (id " + map[bool]string{true: "INTEGER PRIMARY KEY AUTOINCREMENT", false: "BIGINT AUTO_INCREMENT PRIMARY KEY"}[r.sqlite] + ", account BIGINT NOT NULL, amount BIGINT NOT NULL, note VARCHAR(100) NOT NULL)",
	} {
		_, err := r.db.Exec(q)
		require.NoError(t, err)
	}
	var values []string
	for i := range rawAccounts {
		values = append(values, fmt.Sprintf("(%d, 0)", i))
	}
	_, err = r.db.Exec("INSERT INTO raw_accounts VALUES " + strings.Join(values, ","))
	require.NoError(t, err)
	return r
}

// post moves a point between two accounts: two rows updated, two inserted, one commit.
func (r raw) post(client, turn int) error {
	a := (client*7919 + turn*31) % (rawAccounts - 1)
	tx, err := r.db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, q := range []string{"UPDATE raw_accounts SET balance = balance - 100 WHERE id = ?", "UPDATE raw_accounts SET balance = balance + 100 WHERE id = ?"} {
		if _, err := tx.Exec(q, a); err != nil {
			return err
		}
		a++
	}
	for _, amount := range []int{-100, 100} {
		if _, err := tx.Exec("INSERT INTO raw_entries (account, amount, note) VALUES (?, ?, ?)", a, amount, "打扫庭院，院内无垃圾杂物"); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// postMany moves a hundred points in one commit, each statement for all rows.
func (r raw) postMany(client, turn int) error {
	const rows = 100
	tx, err := r.db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var entries []string
	var args []any
	from := (client*7919 + turn*rows*2) % (rawAccounts - 2*rows)
	for i := range 2 * rows {
		entries = append(entries, "(?, ?, ?)")
		args = append(args, from+i, 100-200*(i%2), "打扫庭院，院内无垃圾杂物")
	}
	if _, err := tx.Exec("UPDATE raw_accounts SET balance = balance + 100 WHERE id >= ? AND id < ?", from, from+2*rows); err != nil {
		return err
	}
	if _, err := tx.Exec("INSERT INTO raw_entries (account, amount, note) VALUES "+strings.Join(entries, ", "), args...); err != nil {
		return err
	}
	return tx.Commit()
}
