package archtest

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// writes finds the tables that a source writes, in SQL text and in calls of db.Insert, Upsert and Update.
var writes = regexp.MustCompile(`(?i)\b(?:INSERT\s+INTO|REPLACE\s+INTO|UPDATE|DELETE\s+FROM)\s+([a-z_]+)\b|\bdb\.(?:Insert|Upsert|Update)\([^,]+,\s*"([a-z_]+)"`)

// tables are the names in CREATE TABLE; words after UPDATE in prose are none of them.
var tables = regexp.MustCompile(`(?m)^CREATE TABLE ([a-z_]+) \(`)

func tablesOf(text string, known []string) []string {
	var out []string
	for _, m := range writes.FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(m[1] + m[2])
		if slices.Contains(known, name) {
			out = append(out, name)
		}
	}
	return out
}

// TestEachTableHasOneWriter keeps the tables with their owners, above all the ledger's: no row of it is written elsewhere.
func TestEachTableHasOneWriter(t *testing.T) {
	known := knownTables(t)
	owners := map[string]string{}
	for _, name := range known {
		if strings.HasPrefix(name, "ledger_") || name == "accounts" || name == "lots" || name == "scores" {
			owners[name] = "ledger"
		}
	}
	require.Len(t, owners, 10)
	for _, s := range sources(t) {
		if s.test || isTestOnly(s.pkg) {
			continue
		}
		for _, table := range tablesOf(s.text, known) {
			switch owner := owners[table]; owner {
			case "", s.pkg:
				owners[table] = s.pkg
			default:
				t.Errorf("%s writes the table %s, which belongs to %s", s.path, table, owner)
			}
		}
	}
	require.Equal(t, "ledger", owners["ledger_txs"])
	require.Equal(t, "outbox", owners["outbox"], "the pattern no longer sees who writes")
}

func TestWritesAreSeen(t *testing.T) {
	known := []string{"scores", "lots", "accounts"}
	for _, text := range []string{
		"UPDATE scores SET points = 1", "delete  from scores", "INSERT INTO scores (a)", "db.Upsert(tx, \"scores\", cols)",
		"db.Insert(b.tx, \"scores\",", "db.Update(b.tx, \"scores\",", "REPLACE\n\tINTO scores",
	} {
		require.Equal(t, []string{"scores"}, tablesOf(text, known), text)
	}
	require.Empty(t, tablesOf("SELECT * FROM scores; FOR UPDATE; update your records", known))
}

const maxLines = 500

func TestFilesStayReadable(t *testing.T) {
	for _, s := range sources(t) {
		if n := strings.Count(s.text, "\n"); n > maxLines {
			t.Errorf("%s has %d lines, at most %d: split it by what it is about", s.path, n, maxLines)
		}
	}
}

func TestNames(t *testing.T) {
	for _, p := range packages(t) {
		require.NotContains(t, []string{"util", "utils", "common", "helper", "helpers", "misc", "base", "shared", "types"}, p.Name,
			"%s: name a package after what it owns", p.ImportPath)
		if len(p.GoFiles) > 0 {
			require.NotEmpty(t, p.Doc, "%s has no package comment: say what it owns, its tables and its invariants", p.ImportPath)
		}
	}
}

// TestNothingIsSkipped: a test that does not run proves nothing, and nobody notices.
func TestNothingIsSkipped(t *testing.T) {
	skip := regexp.MustCompile(`\bt\.Skip(Now|f)?\(`)
	for _, s := range sources(t) {
		if s.pkg != "archtest" && s.test && skip.MatchString(s.text) {
			t.Errorf("%s skips a test", s.path)
		}
	}
}
