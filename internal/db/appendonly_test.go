package db_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/configs"
	"jishan/internal/db"
	"jishan/internal/testkit"
)

// TestAppendOnlyRowsStay: what the program's database user may only add to, it can neither change nor delete nor drop. On MariaDB
// the grants refuse, on SQLite the triggers.
func TestAppendOnlyRowsStay(t *testing.T) {
	d := testkit.DB(t)
	grants := regexp.MustCompile(`(?m)^GRANT SELECT, INSERT ON (\w+) TO`).FindAllStringSubmatch(configs.MariaDBGrants, -1)
	require.GreaterOrEqual(t, len(grants), 9)
	for _, m := range grants {
		table := m[1]
		first := addRow(t, d, table)
		for _, q := range []string{"UPDATE " + table + " SET " + first + " = " + first, "DELETE FROM " + table} {
			err := d.Tx(context.Background(), func(tx db.Tx) error { return tx.Exec(q).Error })
			refused(t, err, q)
			require.False(t, db.Retryable(err), q)
		}
		if d.Dialect == db.MySQL {
			for _, q := range []string{"DROP TABLE " + table, "TRUNCATE " + table, "ALTER TABLE " + table + " ADD x INT", "REPLACE INTO " + table + " SELECT * FROM " + table,
				"CREATE TRIGGER x BEFORE INSERT ON " + table + " FOR EACH ROW SET NEW." + first + " = 0"} {
				refused(t, d.Tx(context.Background(), func(tx db.Tx) error { return tx.Exec(q).Error }), q)
			}
		}
		var n int
		require.NoError(t, d.Look(context.Background(), func(tx db.Tx) error { return tx.Raw("SELECT COUNT(*) FROM " + table).Scan(&n).Error }))
		require.Equal(t, 1, n, table)
		testkit.Tamper(t, d, "DELETE FROM "+table) // who has the whole database in hand can
	}
}

func refused(t *testing.T, err error, query string) {
	t.Helper()
	require.Error(t, err, query)
	require.Equal(t, testkit.OnMySQL(), db.Denied(err), "%s: %v", query, err)
	if testkit.OnMySQL() {
		return
	}
	require.ErrorContains(t, err, "is append-only", query)
}

// addRow inserts one row of plain values and answers the table's first column.
func addRow(t *testing.T, d *db.DB, name string) (first string) {
	t.Helper()
	var cols, values []string
	for _, c := range parse(t, "sqlite")[name].columns {
		words := strings.Fields(c)
		cols = append(cols, words[0])
		switch words[1] {
		case "integer":
			values = append(values, "1")
		default:
			values = append(values, "'x'")
		}
	}
	require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) error {
		return tx.Exec("INSERT INTO " + name + " (" + strings.Join(cols, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")").Error
	}), name)
	return cols[0]
}
