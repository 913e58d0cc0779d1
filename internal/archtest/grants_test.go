package archtest

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write configs/mariadb-grants.sql anew")

// appendOnly are the tables whose rows nobody may change or take away, not even the server: what points, stock, seals, ranks and
// deeds were. Neither may a statement for it come into the program.
var appendOnly = []string{"audit_log", "board_snapshots", "idempotency_keys", "ledger_checkpoints", "ledger_entries", "ledger_persons", "ledger_reversals", "ledger_seals", "ledger_txs",
	"party_objections", "redemption_lines", "stock_moves"}

const grantsHead = `-- What the server may do to the database: nothing beyond the statements that are in the program, table by table. So neither a
-- mistake in it nor a stranger who has its password can change or delete a row of the ledger.
-- Written by "make grants" from the program's own statements; a test compares. docs/operations.md explains its use:
--
--   mariadb jishan < mariadb-grants.sql      as an administrator, after every "jishan migrate"
--
-- The rights belong to a role; the server's user has nothing but the role.
CREATE ROLE IF NOT EXISTS jishan_server;
GRANT SELECT ON goose_db_version TO jishan_server;

`

// verbs finds a statement's kind and its table, as writes does.
var verbs = regexp.MustCompile(`(?i)\b(INSERT|REPLACE|UPDATE|DELETE)(?:\s+INTO|\s+FROM)?\s+([a-z_]+)\b|\bdb\.(Insert|Upsert|Update)\([^,]+,\s*"([a-z_]+)"`)

// rightsOf are the rights that the statements in a source need, by table.
func rightsOf(text string, known []string, rights map[string][]string) {
	need := map[string][]string{"insert": {"INSERT"}, "upsert": {"INSERT", "UPDATE"}, "replace": {"INSERT", "DELETE"},
		"update": {"UPDATE"}, "delete": {"DELETE"}}
	for _, m := range verbs.FindAllStringSubmatch(text, -1) {
		table := strings.ToLower(m[2] + m[4])
		if slices.Contains(known, table) {
			rights[table] = append(rights[table], need[strings.ToLower(m[1]+m[3])]...)
		}
	}
}

// TestGrantsAreWhatTheProgramNeeds keeps configs/mariadb-grants.sql true: a new table, or a new kind of statement, is in it or this
// fails. That it is enough is shown by the tests on MariaDB, which run under these rights.
func TestGrantsAreWhatTheProgramNeeds(t *testing.T) {
	known := knownTables(t)
	rights := map[string][]string{}
	for _, s := range sources(t) {
		if !s.test && !isTestOnly(s.pkg) {
			rightsOf(s.text, known, rights)
		}
	}
	var b strings.Builder
	b.WriteString(grantsHead)
	var onlyAdded []string
	slices.Sort(known)
	for _, table := range known {
		require.Contains(t, rights[table], "INSERT", "nothing writes the table %s", table)
		has := []string{"SELECT", "INSERT"}
		for _, r := range []string{"UPDATE", "DELETE"} {
			if slices.Contains(rights[table], r) {
				has = append(has, r)
			}
		}
		if len(has) == 2 {
			onlyAdded = append(onlyAdded, table)
		}
		fmt.Fprintf(&b, "GRANT %s ON %s TO jishan_server;\n", strings.Join(has, ", "), table)
	}
	require.Equal(t, appendOnly, onlyAdded, "these tables are append-only: in the list above, in the migrations for SQLite "+
		"(triggers) and in what the program does to them")

	const path = "../../configs/mariadb-grants.sql"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(have), "run make grants")
}

func TestRightsAreSeen(t *testing.T) {
	for text, want := range map[string][]string{
		"UPDATE scores SET points = 1": {"UPDATE"}, "delete  from scores": {"DELETE"}, "INSERT INTO scores (a)": {"INSERT"},
		"db.Upsert(tx, \"scores\", cols)": {"INSERT", "UPDATE"}, "db.Insert(b.tx, \"scores\",": {"INSERT"},
		"db.Update(b.tx.Later(), \"scores\",": {"UPDATE"},
		"REPLACE\n\tINTO scores":              {"INSERT", "DELETE"}, "SELECT * FROM scores FOR UPDATE": nil,
	} {
		rights := map[string][]string{}
		rightsOf(text, []string{"scores"}, rights)
		require.Equal(t, want, rights["scores"], text)
	}
}

// TestSQLiteGuardsWhatIsAppendOnly: SQLite has no users and no grants, so that triggers stand there.
func TestSQLiteGuardsWhatIsAppendOnly(t *testing.T) {
	files, err := os.ReadDir("../../migrations/sqlite")
	require.NoError(t, err)
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile("../../migrations/sqlite/" + f.Name())
		require.NoError(t, err)
		up, _, _ := strings.Cut(string(b), "-- +goose Down")
		all.WriteString(up)
	}
	found := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^CREATE TRIGGER \w+ BEFORE (?:UPDATE|DELETE) ON (\w+) BEGIN SELECT RAISE\(ABORT,`).FindAllStringSubmatch(all.String(), -1) {
		found[m[1]]++
	}
	for _, m := range regexp.MustCompile(`(?m)^DROP TRIGGER (\w+)_no_(?:update|delete);`).FindAllStringSubmatch(all.String(), -1) {
		found[m[1]]-- // while a migration changes the rows
	}
	want := map[string]int{}
	for _, table := range appendOnly {
		want[table] = 2
	}
	require.Equal(t, want, found)
}
