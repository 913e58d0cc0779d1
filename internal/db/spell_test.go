package db_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/testkit"
)

// texts are what has been used to break out of literals, or is not what it looks like.
var texts = []string{"", "庭院整洁", "a'b", "''", "'", `\`, `\'`, `a\`, `' OR 1=1 -- `, "?", "a?b", "line\nline", "\x00", "\x1a", "\x7f", "😀'", "%_", `"`, "`", "--", "/*", "*/", "#", "\u00a5", "a\u0327", strings.Repeat("户'\\", 300)}

func echo(t testing.TB, d *db.DB, v any) (text []byte) {
	t.Helper()
	require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) error {
		return db.Query(tx, func(row db.Row) error { return row.Scan(&text) }, "SELECT ?", v)
	}))
	return text
}

// Whatever is put into a statement comes back as it was, under either way in which a server reads backslashes.
func TestWhatIsSpelledIsRead(t *testing.T) {
	d, ctx := testkit.DB(t), context.Background()
	for _, s := range texts {
		require.Equal(t, s, string(echo(t, d, s)), "%q", s)
		require.Equal(t, s, string(echo(t, d, []byte(s))), "%q as bytes", s)
	}
	for want, v := range map[string]any{"-42": int64(-42), "7": 7, "1": true, "0": false, "9": uint8(9)} {
		require.Equal(t, want, string(echo(t, d, v)))
	}
	require.Nil(t, echo(t, d, nil))
	require.Nil(t, echo(t, d, []byte(nil)))
	if d.Dialect == db.MySQL {
		require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
			require.NoError(t, db.Exec(tx, "SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')"))
			defer func() {
				require.NoError(t, db.Exec(tx, "SET SESSION sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')"))
			}()
			for _, s := range texts {
				require.NoError(t, db.Query(tx, func(row db.Row) error {
					var got string
					err := row.Scan(&got)
					require.Equal(t, s, got)
					return err
				}, "SELECT ?", s))
			}
			return nil
		}))
	}
}

// Rows put aside keep their values, too, and a text that is none is refused as always.
func TestRowsPutAsideKeepTheirValues(t *testing.T) {
	d, ctx := testkit.DB(t), context.Background()
	insert := func(rows ...string) error {
		return d.Tx(ctx, func(tx db.Tx) error {
			return db.Insert(tx.Later(), "outbox", []string{"id", "topic", "payload", "at"}, len(rows), func(i int, args []any) []any {
				return append(args, int64(i), "test", rows[i], int64(1))
			})
		})
	}
	require.NoError(t, insert(texts...))
	var got []string
	require.NoError(t, d.Read(ctx, func(tx db.Tx) error {
		return tx.Raw("SELECT payload FROM outbox WHERE topic = 'test' ORDER BY id").Scan(&got).Error
	}))
	require.Equal(t, texts, got)
	if d.Dialect == db.MySQL {
		require.Error(t, insert("\xff\xfe"))
	}
}

// A statement whose places and values differ, or with a value that no statement has, is refused, and nothing of its transaction stays.
func TestWhatCannotBeSpelledUndoesAll(t *testing.T) {
	d, ctx := testkit.DB(t), context.Background()
	for _, bad := range []func(db.Tx) error{
		func(tx db.Tx) error {
			return db.Exec(tx.Later(), "UPDATE stamps SET n = 2 WHERE name = ?", "a", "b")
		},
		func(tx db.Tx) error { return db.Exec(tx.Later(), "UPDATE stamps SET n = ?", struct{}{}) },
		func(tx db.Tx) error { return db.Exec(tx.Later(), "UPDATE stamps SET n = ?", failing{}) },
	} {
		require.Error(t, d.Tx(ctx, func(tx db.Tx) error {
			require.NoError(t, db.Insert(tx.Later(), "stamps", stampColumns, 1, stampRow("a", 1)))
			err := bad(tx)
			require.Error(t, err)
			if d.Dialect == db.MySQL {
				return nil // whoever forgets to look gets no commit all the same: half a statement waits
			}
			return err
		}))
	}
	require.Empty(t, stamps(t, d))
}

// A single row that cannot be asked for is not a row that is not there.
func TestWhatCannotBeSpelledIsNotMissing(t *testing.T) {
	require.Error(t, testkit.DB(t).Read(context.Background(), func(tx db.Tx) error {
		err := tx.Raw("SELECT n FROM stamps WHERE n = ? AND name = 'none'").Row().Scan(new(int))
		require.Error(t, err)
		require.NotErrorIs(t, err, sql.ErrNoRows)
		return err
	}))
}

type failing struct{}

func (failing) Value() (driver.Value, error) { return nil, context.Canceled }

// FuzzSpell sends any text through a literal and back.
func FuzzSpell(f *testing.F) {
	for _, s := range texts {
		f.Add(s)
	}
	d := testkit.DB(f)
	f.Fuzz(func(t *testing.T, s string) {
		require.Equal(t, s, string(echo(t, d, []byte(s))))
		if s == strings.ToValidUTF8(s, "") {
			require.Equal(t, s, string(echo(t, d, s)))
		}
	})
}
