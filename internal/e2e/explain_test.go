package e2e

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/testkit"
)

// statement is one that the program sent, as an example of all of its shape.
type statement struct {
	query string
	args  []any
}

// recorder keeps an example of every shape of statement: lists of different lengths are one shape. Safe for concurrent use.
type recorder struct {
	mu   sync.Mutex
	seen map[string]statement
}

var inList = regexp.MustCompile(`\(\?(?:, ?\?)*\)`)

func (r *recorder) tell(query string, args []any) {
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	if !slices.Contains([]string{"SELECT", "UPDATE", "DELETE"}, word) {
		return // an INSERT of values has no plan
	}
	shape := strings.Join(strings.Fields(inList.ReplaceAllString(query, "(?)")), " ")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[string]statement{}
	}
	r.seen[shape] = statement{query, slices.Clone(args)}
}

func (r *recorder) statements() map[string]statement {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.seen)
}

// history are the tables that get rows for as long as points move; a query that reads all of a village's is refused too.
// roster are those that are as large as the county.
var (
	history = []string{"ledger_txs", "ledger_entries", "ledger_seals", "awards", "redemptions", "redemption_lines", "stock_moves", "idempotency_keys", "audit_log", "notices",
		"scores", "used_codes", "login_attempts", "sessions"}
	roster = []string{"accounts", "lots", "households", "villagers", "grid_households", "users", "user_roles", "user_households", "house_cards", "party_members"}
	bulky  = append(slices.Clone(history), roster...)
	whose  = []string{"village_id", "book_id"} // a column that leaves a whole village's rows
	narrow = []string{"person_id", "household_id", "merchant_id", "member_id", "subject_id", "account_id", "owner_id", "actor_id", "product_id", "user_id"}
)

var (
	aliases  = regexp.MustCompile(`(?i)\b(?:FROM|JOIN|UPDATE)\s+([a-z_]+)(?:\s+(?:AS\s+)?([a-z_]+))?`)
	bounded  = regexp.MustCompile(`(?i)\bLIMIT\b`)
	searches = regexp.MustCompile(`^SEARCH (\S+) USING (?:.*)\(([^()]*)\)`)
	scans    = regexp.MustCompile(`^SCAN (\S+)`)
)

// tablesIn maps the aliases of a query to its tables.
func tablesIn(query string) map[string]string {
	out := map[string]string{}
	for _, m := range aliases.FindAllStringSubmatch(query, -1) {
		out[m[1]] = m[1]
		if m[2] != "" {
			out[m[2]] = m[1]
		}
	}
	return out
}

// ignores reports whether the query is about one of a few, and its search by these columns does not go by that.
func ignores(query string, columns []string) bool {
	asked := slices.ContainsFunc(narrow, func(c string) bool { return regexp.MustCompile(`\b` + c + ` (= \?|IN \()`).MatchString(query) })
	return asked && !slices.ContainsFunc(columns, func(c string) bool {
		return slices.Contains(narrow, c) || c == "number" && strings.Contains(query, "number = ?")
	})
}

// judge says what the plan of a statement does to a large table that it must not; nothing where the plan is good. tx may be
// any transaction, or none.
func judge(tx db.Tx, s statement) ([]string, error) {
	if tx.Dialect == db.MySQL {
		return judgeMySQL(tx, s)
	}
	return judgeSQLite(tx, s)
}

func judgeSQLite(tx db.Tx, s statement) (out []string, err error) {
	tables := tablesIn(s.query)
	type step struct {
		table  string
		only   bool // nothing but a village is given
		wide   bool
		detail string
	}
	var steps []step
	sorted := false
	err = db.Query(tx, func(row db.Row) error {
		var n [3]int
		var detail string
		if err := row.Scan(&n[0], &n[1], &n[2], &detail); err != nil {
			return err
		}
		sorted = sorted || strings.Contains(detail, "TEMP B-TREE FOR ORDER BY") || strings.Contains(detail, "TEMP B-TREE FOR GROUP BY")
		if m := scans.FindStringSubmatch(detail); m != nil && slices.Contains(bulky, tables[m[1]]) {
			out = append(out, detail)
		}
		if m := searches.FindStringSubmatch(detail); m != nil {
			column, _, more := strings.Cut(m[2], "=?")
			var columns []string
			for part := range strings.SplitSeq(m[2], " AND ") {
				columns = append(columns, strings.TrimRight(part, "<>=?"))
			}
			steps = append(steps, step{tables[m[1]], more && slices.Contains(whose, column) && len(columns) == 1, ignores(s.query, columns), detail})
		}
		return nil
	}, "EXPLAIN QUERY PLAN "+s.query, s.args...)
	for _, p := range steps {
		switch {
		case !slices.Contains(history, p.table):
		case p.only && (sorted || !bounded.MatchString(s.query)):
			out = append(out, p.detail+": all of a village's")
		case p.wide && len(tables) == 1:
			out = append(out, p.detail+": not by whom it is about")
		}
	}
	return out, err
}

func judgeMySQL(tx db.Tx, s statement) (out []string, err error) {
	tables := tablesIn(s.query)
	keys, err := keysOf(tx)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Statement.ConnPool.QueryContext(context.Background(), "EXPLAIN "+s.query, s.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n *int // none for the sum of a UNION
		var kind string
		var table, how, possible, key, length, ref, estimate, extra *string
		if err := rows.Scan(&n, &kind, &table, &how, &possible, &key, &length, &ref, &estimate, &extra); err != nil {
			return nil, err
		}
		text := func(s *string) string {
			if s == nil {
				return "–"
			}
			return *s
		}
		name := tables[text(table)]
		detail := fmt.Sprintf("%s: type %s, key %s, key_len %s, rows %s, %s", text(table), text(how), text(key), text(length), text(estimate), text(extra))
		switch {
		case !slices.Contains(bulky, name):
		case text(how) == "ALL" || text(how) == "index":
			out = append(out, detail)
		case slices.Contains(history, name) && key != nil && len(tables) == 1 && ignores(s.query, keys[name+"."+*key]):
			out = append(out, detail+": not by whom it is about")
		case slices.Contains(history, name) && key != nil && text(length) == "8" && slices.Contains(whose, keys[name+"."+*key][0]) &&
			(strings.Contains(text(extra), "filesort") || strings.Contains(text(extra), "temporary") || !bounded.MatchString(s.query)):
			out = append(out, detail+": all of a village's")
		}
	}
	return out, rows.Err()
}

// keysOf are the columns of MySQL's keys by "table.key".
func keysOf(tx db.Tx) (map[string][]string, error) {
	out := map[string][]string{}
	err := db.Query(tx, func(row db.Row) error {
		var table, key, column string
		err := row.Scan(&table, &key, &column)
		out[table+"."+key] = append(out[table+"."+key], column)
		return err
	}, `SELECT table_name, index_name, column_name FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY table_name, index_name, seq_in_index`)
	return out, err
}

// analyze brings MySQL's statistics up to date, as it does by itself after a while. SQLite is asked as the program leaves it, without.
func analyze(t *testing.T, d *db.DB) {
	t.Helper()
	if d.Dialect != db.MySQL {
		return
	}
	require.NoError(t, d.Look(context.Background(), func(tx db.Tx) error {
		for _, table := range bulky {
			if err := db.Query(tx, func(db.Row) error { return nil }, "ANALYZE TABLE "+table); err != nil {
				return err
			}
		}
		return nil
	}))
}

// growing are the tables whose indexes cost something at every award and redemption.
var growing = append(slices.Clone(history), "accounts", "lots")

// index is a secondary index of a growing table.
type index struct{ table, name string }

// indexes are those that only make queries fast; unique ones are rules of their own.
func indexes(t *testing.T, d *db.DB) (out []index) {
	t.Helper()
	require.NoError(t, d.Look(context.Background(), func(tx db.Tx) error {
		q, args := `SELECT tbl_name, name FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE INDEX %' AND tbl_name IN ? ORDER BY tbl_name, name`, db.ListOf(growing)
		if tx.Dialect == db.MySQL {
			q = `SELECT DISTINCT table_name, index_name FROM information_schema.statistics WHERE table_schema = DATABASE() AND non_unique = 1 AND table_name IN ? ORDER BY table_name, index_name`
		}
		return db.Query(tx, func(row db.Row) error {
			var i index
			err := row.Scan(&i.table, &i.name)
			out = append(out, i)
			return err
		}, q, args)
	}))
	return out
}

// without judges all statements as if the index were not there, and puts it back.
func (i index) without(t *testing.T, d *db.DB, list map[string]statement) (complaints []string) {
	t.Helper()
	ctx := context.Background()
	look := func(tx db.Tx) error {
		for _, s := range list {
			if !strings.Contains(s.query, i.table) {
				continue
			}
			found, err := judge(tx, s)
			if err != nil && strings.Contains(s.query, i.name) {
				found, err = []string{err.Error()}, nil // the query names its index
			}
			if err != nil {
				return err
			}
			complaints = append(complaints, found...)
		}
		return nil
	}
	if d.Dialect == db.MySQL {
		set := func(how string) { testkit.Tamper(t, d, "ALTER TABLE "+i.table+" ALTER INDEX "+i.name+how) }
		set(" IGNORED")
		defer set(" NOT IGNORED")
		require.NoError(t, d.Look(ctx, look))
		return complaints
	}
	undo := fmt.Errorf("undo")
	require.ErrorIs(t, d.Tx(ctx, func(tx db.Tx) error {
		if err := tx.Exec("DROP INDEX " + i.name).Error; err != nil {
			return err
		}
		if err := look(tx); err != nil {
			return err
		}
		return undo
	}), undo)
	return complaints
}
