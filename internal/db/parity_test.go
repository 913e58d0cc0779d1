package db_test

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/testkit"
	"jishan/migrations"
)

// table is what must be the same in both dialects: columns in order with their sort of type, nullability and default, and keys.
type table struct {
	columns []string
	keys    []string // "unique a, b" or "key a, b", sorted
}

func (t *table) key(kind, cols string) { t.keys = append(t.keys, keyOf(kind, cols)) }

func keyOf(kind, cols string) string {
	return kind + " " + strings.ReplaceAll(strings.ToLower(cols), " ", "")
}

// drop takes a key away again.
func (t *table) drop(key string) bool {
	i := slices.Index(t.keys, key)
	if i >= 0 {
		t.keys = slices.Delete(t.keys, i, i+1)
	}
	return i >= 0
}

// sort of type: what a value looks like, not how the dialect spells it.
func sortOf(typ string) string {
	typ, _, _ = strings.Cut(strings.ToUpper(typ), "(")
	switch typ {
	case "BIGINT", "INT", "TINYINT", "SMALLINT", "INTEGER":
		return "integer"
	case "VARCHAR", "TEXT", "MEDIUMTEXT", "CHAR":
		return "text"
	case "BINARY", "VARBINARY", "BLOB", "MEDIUMBLOB":
		return "bytes"
	}
	return typ
}

func column(name, typ string, null bool, def string) string {
	s := name + " " + sortOf(typ)
	if !null {
		s += " not null"
	}
	if def != "" {
		s += " default " + def
	}
	return s
}

var (
	createTable = regexp.MustCompile(`(?s)CREATE TABLE (\w+) \(\n(.*?)\n\)[^;]*;`)
	createIndex = regexp.MustCompile(`CREATE (UNIQUE )?INDEX (\w+) ON (\w+) \(([^)]*)\)`)
	dropIndex   = regexp.MustCompile(`DROP INDEX (\w+)`)
	addColumn   = regexp.MustCompile(`ALTER TABLE (\w+) ADD COLUMN ([^;]*);`)
	keyLine     = regexp.MustCompile(`^(PRIMARY KEY|UNIQUE KEY \w+|KEY \w+) \(([^)]*)\)`)
	columnLine  = regexp.MustCompile(`^(\w+) ([A-Z]+(?:\(\d+\))?)(.*)$`)
	defaultPart = regexp.MustCompile(`DEFAULT (\S+)`)
	comment     = regexp.MustCompile(`--[^\n]*`)
)

// parse reads the tables out of one dialect's migration files.
func parse(t *testing.T, dialect string) map[string]*table {
	t.Helper()
	out, named := map[string]*table{}, map[string]string{}
	names, err := fs.Glob(migrations.FS, dialect+"/*.sql")
	require.NoError(t, err)
	for _, name := range names {
		b, err := fs.ReadFile(migrations.FS, name)
		require.NoError(t, err)
		up, _, _ := strings.Cut(string(b), "-- +goose Down")
		up = comment.ReplaceAllString(up, "")
		require.Equal(t, strings.Count(up, "ALTER TABLE"), len(addColumn.FindAllString(up, -1)), "%s: teach this test about ALTER TABLE", name)
		for _, m := range createTable.FindAllStringSubmatch(up, -1) {
			out[m[1]] = parseTable(t, m[1], m[2])
			for line := range strings.SplitSeq(m[2], "\n") {
				if k := keyLine.FindStringSubmatch(strings.TrimSpace(line)); k != nil && k[1][0] == 'K' {
					named[strings.TrimPrefix(k[1], "KEY ")] = keyOf("key", k[2])
				}
			}
		}
		for _, m := range addColumn.FindAllStringSubmatch(up, -1) {
			require.NotNil(t, out[m[1]], "%s: a column of an unknown table %s", name, m[1])
			out[m[1]].columns = append(out[m[1]].columns, parseTable(t, m[1], m[2]).columns...)
		}
		for _, m := range createIndex.FindAllStringSubmatch(up, -1) {
			kind := "key"
			if m[1] != "" {
				kind = "unique"
			}
			require.NotNil(t, out[m[3]], "%s: index on an unknown table %s", name, m[3])
			out[m[3]].key(kind, m[4])
			named[m[2]] = keyOf(kind, m[4])
		}
		for _, m := range dropIndex.FindAllStringSubmatch(up, -1) {
			owners := 0 // by its name it begins with
			for table, x := range out {
				if strings.HasPrefix(m[1], table+"_") && x.drop(named[m[1]]) {
					owners++
				}
			}
			require.Equal(t, 1, owners, "%s: which index is %s?", name, m[1])
		}
		require.Equal(t, strings.Count(up, "CREATE TABLE"), len(createTable.FindAllString(up, -1)), "%s is written in a way this test cannot read", name)
	}
	for _, x := range out {
		slices.Sort(x.keys)
	}
	return out
}

func parseTable(t *testing.T, name, body string) *table {
	t.Helper()
	x := &table{}
	for line := range strings.SplitSeq(body, "\n") {
		line = strings.TrimSuffix(strings.TrimSpace(line), ",")
		if line == "" || strings.HasPrefix(line, "CONSTRAINT") {
			continue
		}
		if m := keyLine.FindStringSubmatch(line); m != nil {
			kind := "key"
			if m[1][0] != 'K' {
				kind = "unique"
			}
			x.key(kind, m[2])
			continue
		}
		m := columnLine.FindStringSubmatch(line)
		require.NotNil(t, m, "%s: cannot read %q", name, line)
		def := ""
		if d := defaultPart.FindStringSubmatch(strings.ReplaceAll(m[3], "DEFAULT CHARACTER", "")); d != nil {
			def = strings.Trim(d[1], "'")
		}
		x.columns = append(x.columns, column(m[1], m[2], !strings.Contains(m[3], "NOT NULL"), def))
		if strings.Contains(m[3], "PRIMARY KEY") {
			x.key("unique", m[1])
		}
	}
	return x
}

func TestMigrationFilesAgree(t *testing.T) {
	list := func(dialect string) (names []string) {
		files, err := fs.Glob(migrations.FS, dialect+"/*.sql")
		require.NoError(t, err)
		for _, f := range files {
			names = append(names, filepath.Base(f))
		}
		return names
	}
	require.NotEmpty(t, list("mysql"))
	require.Equal(t, list("mysql"), list("sqlite"), "same numbers and names in both")

	mysql, sqlite := parse(t, "mysql"), parse(t, "sqlite")
	require.Greater(t, len(mysql), 20)
	same(t, mysql, sqlite)
	for name, x := range mysql {
		require.NotEmpty(t, x.keys, "%s has no key", name)
	}
}

func same(t *testing.T, mysql, sqlite map[string]*table) {
	t.Helper()
	for name := range sqlite {
		require.Contains(t, mysql, name, "only in sqlite")
	}
	for name, m := range mysql {
		require.Contains(t, sqlite, name, "only in mysql")
		require.Equal(t, m.columns, sqlite[name].columns, "columns of %s: mysql, then sqlite", name)
		require.Equal(t, m.keys, sqlite[name].keys, "keys of %s: mysql, then sqlite", name)
	}
}

// TestSchemasAgree compares what the migrations really made. Without a server only SQLite is there, and it is compared with
// its own files.
func TestSchemasAgree(t *testing.T) {
	lite, err := db.Open(context.Background(), db.Options{DSN: "sqlite:" + filepath.Join(t.TempDir(), "x.db")})
	require.NoError(t, err)
	t.Cleanup(func() { _ = lite.Close() })
	require.NoError(t, lite.Migrate(context.Background()))
	sqlite := readSQLite(t, lite)
	same(t, parse(t, "sqlite"), sqlite)
	if testkit.OnMySQL() {
		mysql := readMySQL(t, testkit.DB(t))
		same(t, mysql, sqlite)
		same(t, mysql, parse(t, "mysql"))
	}
}

func readSQLite(t *testing.T, d *db.DB) map[string]*table {
	t.Helper()
	out := map[string]*table{}
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) error {
		var names []string
		require.NoError(t, tx.Raw("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version'").Scan(&names).Error)
		for _, name := range names {
			x := &table{}
			out[name] = x
			var cols []struct {
				Name, Type string
				Notnull    int
				DfltValue  *string
				Pk         int
			}
			require.NoError(t, tx.Raw("SELECT * FROM pragma_table_info(?)", name).Scan(&cols).Error)
			primary := map[int]string{}
			for _, c := range cols {
				def := ""
				if c.DfltValue != nil {
					def = strings.Trim(*c.DfltValue, "'")
				}
				x.columns = append(x.columns, column(c.Name, c.Type, c.Notnull == 0, def))
				if c.Pk > 0 {
					primary[c.Pk] = c.Name
				}
			}
			x.key("unique", inOrder(primary))
			var indexes []struct {
				Name   string
				Unique int
				Origin string
			}
			require.NoError(t, tx.Raw("SELECT * FROM pragma_index_list(?)", name).Scan(&indexes).Error)
			for _, ix := range indexes {
				if ix.Origin == "pk" {
					continue
				}
				var parts []struct {
					Seqno int
					Name  string
				}
				require.NoError(t, tx.Raw("SELECT * FROM pragma_index_info(?)", ix.Name).Scan(&parts).Error)
				at := map[int]string{}
				for _, p := range parts {
					at[p.Seqno+1] = p.Name
				}
				x.key([]string{"key", "unique"}[ix.Unique], inOrder(at))
			}
			slices.Sort(x.keys)
		}
		return nil
	}))
	return out
}

func readMySQL(t *testing.T, d *db.DB) map[string]*table {
	t.Helper()
	out := map[string]*table{}
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) error {
		var cols []struct {
			TableName, ColumnName, ColumnType, IsNullable string
			ColumnDefault                                 *string
		}
		require.NoError(t, tx.Raw(`SELECT table_name AS table_name, column_name AS column_name, column_type AS column_type, is_nullable AS is_nullable, column_default AS column_default
			FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name <> 'goose_db_version' ORDER BY table_name, ordinal_position`).Scan(&cols).Error)
		for _, c := range cols {
			if out[c.TableName] == nil {
				out[c.TableName] = &table{}
			}
			def := ""
			if c.ColumnDefault != nil && *c.ColumnDefault != "NULL" {
				def = strings.Trim(*c.ColumnDefault, "'")
			}
			out[c.TableName].columns = append(out[c.TableName].columns, column(c.ColumnName, c.ColumnType, c.IsNullable == "YES", def))
		}
		var keys []struct {
			TableName, IndexName, ColumnName string
			NonUnique, SeqInIndex            int
		}
		require.NoError(t, tx.Raw(`SELECT table_name AS table_name, index_name AS index_name, column_name AS column_name, non_unique AS non_unique, seq_in_index AS seq_in_index
			FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name <> 'goose_db_version'`).Scan(&keys).Error)
		type key struct{ table, name, kind string }
		parts := map[key]map[int]string{}
		for _, k := range keys {
			id := key{k.TableName, k.IndexName, []string{"unique", "key"}[k.NonUnique]}
			if parts[id] == nil {
				parts[id] = map[int]string{}
			}
			parts[id][k.SeqInIndex] = k.ColumnName
		}
		for id, at := range parts {
			out[id.table].key(id.kind, inOrder(at))
		}
		var odd []string
		require.NoError(t, tx.Raw(`SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name <> 'goose_db_version'
			AND (table_collation NOT LIKE 'utf8mb4%' OR engine <> 'InnoDB')`).Scan(&odd).Error)
		require.Empty(t, odd, "every table is InnoDB and utf8mb4")
		return nil
	}))
	for _, x := range out {
		slices.Sort(x.keys)
	}
	return out
}

// inOrder joins the names numbered from 1.
func inOrder(at map[int]string) string {
	names := make([]string, len(at))
	for i := range names {
		names[i] = at[i+1]
		if names[i] == "" {
			panic(fmt.Sprintf("columns of a key are not numbered from 1: %v", at))
		}
	}
	return strings.Join(names, ",")
}

// TestDefaultsAreZero: Insert leaves out a column marked "?" where it has its zero value, so no default may be anything else.
func TestDefaultsAreZero(t *testing.T) {
	for _, dir := range []string{"mysql", "sqlite"} {
		found := 0
		files, err := fs.Glob(migrations.FS, dir+"/*.sql")
		require.NoError(t, err)
		for _, name := range files {
			text, err := fs.ReadFile(migrations.FS, name)
			require.NoError(t, err)
			for _, m := range regexp.MustCompile(`(?m)^  (\w+) .*DEFAULT (\S+?),?(?: --.*)?$`).FindAllStringSubmatch(string(text), -1) {
				found++
				require.Contains(t, []string{"0", "''"}, m[2], "%s: %s", name, m[1])
			}
		}
		require.Greater(t, found, 30, "the defaults are not seen")
	}
}
