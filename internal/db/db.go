// Package db opens the database, runs transactions on it and names its errors.
//
// It owns no tables but goose's version table. SQLite (embedded) and
// MySQL/MariaDB/TiDB/Galera stand behind one type; feature packages write their
// SQL once.
//
//	err := d.Tx(ctx, func(tx db.Tx) error { … })   // read committed, retried on conflict
//	err := d.Read(ctx, func(tx db.Tx) error { … }) // one consistent snapshot, never blocks a writer
//
// Invariants: holding a Tx proves that you are inside a transaction; the
// function given to Tx may run more than once, so it must not touch anything
// outside it (no network, no Redis) until Tx has returned.
package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/ncruces/go-sqlite3/driver" // registers "sqlite3"
	"github.com/ncruces/go-sqlite3/gormlite"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"jishan/internal/obs"
)

// Dialect is the family of SQL spoken.
type Dialect string

// The dialects.
const (
	SQLite Dialect = "sqlite"
	MySQL  Dialect = "mysql"
)

// Options say which database and how many connections.
type Options struct {
	DSN       string // "" = DataDir/jishan.db; "sqlite:path"; otherwise a MySQL DSN user:pass@tcp(host:port)/name
	DataDir   string
	MaxOpen   int                            // MySQL pool; 0 = 32
	ReadConns int                            // SQLite readers; 0 = 4
	Clock     func() time.Time               // nil = time.Now
	Log       *slog.Logger                   // nil = discard
	Watch     func(query string, args []any) // is told every statement before it runs, by any goroutine; nil = nobody
}

// DB is the database. Safe for concurrent use.
type DB struct {
	Dialect Dialect
	w, r    *gorm.DB
	wp, rp  *sql.DB
	clock   func() time.Time
	log     *slog.Logger
	watch   func(query string, args []any) // may be nil
	meters  *obs.Transactions              // nil: nobody counts
	galera  bool                           // the server is a node of a cluster
	memo    sync.Map
}

// Tx is a running transaction with its fixed time. Now is UTC, truncated to milliseconds.
type Tx struct {
	*gorm.DB
	Now     time.Time
	Dialect Dialect
	Memo    *sync.Map // what has been committed to this database and never changes, kept between transactions by whoever read it
	Attempt int       // 0 when the function runs for the first time
	later   bool
}

// Later is the transaction for rows whose writing nobody waits for: Insert and Upsert put them aside, and they are sent with the next
// statement or with the commit. Where one of them cannot be written, that statement or the commit fails; a key that is there already
// makes the whole function run again. SQLite, which is not at the other end of a line, writes at once.
func (tx Tx) Later() Tx {
	tx.later = true
	return tx
}

// Millis is Now as stored.
func (tx Tx) Millis() int64 { return tx.Now.UnixMilli() }

// ForUpdate is the suffix that locks the rows of a SELECT until the end of the transaction. SQLite needs none: its
// writing transactions exclude each other from the beginning.
func (tx Tx) ForUpdate() string {
	if tx.Dialect == MySQL {
		return " FOR UPDATE"
	}
	return ""
}

// By makes a table of a query be read by an index, where MySQL's guess of how many rows a list of keys has would now and then lead it to
// another. It stands after the table's name or alias. SQLite chooses by the columns.
func (tx Tx) By(index string) string {
	if tx.Dialect == MySQL {
		return " FORCE INDEX (" + index + ")"
	}
	return ""
}

// Open connects; it does not migrate.
func Open(ctx context.Context, o Options) (*DB, error) {
	if tell := o.Watch; tell != nil {
		o.Watch = func(query string, args []any) { tell(query, slices.Clone(args)) } // Insert uses its list again
	}
	d := &DB{clock: o.Clock, log: o.Log, watch: o.Watch}
	if d.clock == nil {
		d.clock = time.Now
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	path, isSQLite := strings.CutPrefix(o.DSN, "sqlite:")
	var err error
	if o.DSN == "" {
		path, isSQLite = filepath.Join(o.DataDir, "jishan.db"), true
	}
	if isSQLite {
		err = d.openSQLite(path, o)
	} else {
		err = d.openMySQL(o)
	}
	if err != nil {
		return nil, err
	}
	if err := d.wp.PingContext(ctx); err != nil {
		d.Close()
		return nil, fmt.Errorf("connecting to the %s database: %w", d.Dialect, err)
	}
	if d.Dialect == MySQL {
		err := d.wp.QueryRowContext(ctx, "SELECT @@wsrep_on").Scan(&d.galera)
		if err != nil && !unknownVariable(err) { // MySQL and TiDB have no Galera
			d.Close()
			return nil, fmt.Errorf("asking for Galera: %w", err)
		}
	}
	return d, nil
}

func (d *DB) openSQLite(path string, o Options) (err error) {
	d.Dialect = SQLite
	readers := o.ReadConns
	if readers <= 0 {
		readers = 4
	}
	// synchronous=full: a confirmed award survives the power being cut, not only the process being killed.
	pragmas := []string{"busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(on)", "cache_size(-16000)", "temp_store(memory)"}
	dsn := func(lock string, extra ...string) string {
		q := url.Values{"_txlock": {lock}, "_pragma": append(append([]string{}, pragmas...), extra...)}
		return (&url.URL{Scheme: "file", Opaque: filepath.ToSlash(path), RawQuery: q.Encode()}).String()
	}
	if d.wp, err = sql.Open("sqlite3", dsn("immediate")); err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	d.wp.SetMaxOpenConns(1)
	if d.rp, err = sql.Open("sqlite3", dsn("deferred", "query_only(on)")); err != nil {
		return fmt.Errorf("opening %s for reading: %w", path, err)
	}
	d.rp.SetMaxOpenConns(readers)
	d.rp.SetMaxIdleConns(readers)
	if d.w, err = gorm.Open(gormlite.OpenDB(watch(d.wp, o.Watch)), config()); err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	if d.r, err = gorm.Open(gormlite.OpenDB(watch(d.rp, o.Watch)), config()); err != nil {
		return fmt.Errorf("opening %s for reading: %w", path, err)
	}
	return nil
}

func (d *DB) openMySQL(o Options) error {
	d.Dialect = MySQL
	c, err := mysql.ParseDSN(o.DSN)
	if err != nil {
		return fmt.Errorf("reading the MySQL DSN: %w", err)
	}
	maxOpen := o.MaxOpen
	if maxOpen == 0 {
		maxOpen = 32
	}
	c.ParseTime, c.Loc, c.ClientFoundRows, c.InterpolateParams, c.MultiStatements = true, time.UTC, true, true, true
	_ = c.Apply(mysql.Charset("utf8mb4", ""))
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Params["sql_mode"] = "'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	conn, err := mysql.NewConnector(c)
	if err != nil {
		return fmt.Errorf("reading the MySQL DSN: %w", err)
	}
	d.wp = sql.OpenDB(readCommitted{conn})
	d.rp = d.wp
	d.wp.SetMaxOpenConns(maxOpen)
	d.wp.SetMaxIdleConns(maxOpen)
	d.wp.SetConnMaxLifetime(30 * time.Minute)
	d.w, err = gorm.Open(gormmysql.New(gormmysql.Config{Conn: watch(d.wp, o.Watch), SkipInitializeWithVersion: true}), config())
	if err != nil {
		return fmt.Errorf("opening MySQL: %w", err)
	}
	d.r = d.w
	return nil
}

// readCommitted opens connections at the isolation that writing transactions have, so that beginning one is a single round trip. Our
// long lists of keys go by an index that has few rows for each: the server need not descend into it twice for every key, only to find that
// out. For a few ranges it shall: how much of a village lies in a month decides on the plan.
type readCommitted struct{ driver.Connector }

// Connect implements driver.Connector.
func (c readCommitted) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, set := range []string{"TRANSACTION ISOLATION LEVEL READ COMMITTED", "eq_range_index_dive_limit = 10"} {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, "SET SESSION "+set, nil); err != nil && !unknownVariable(err) {
			return nil, errors.Join(fmt.Errorf("opening a connection with %s: %w", set, err), conn.Close())
		}
	}
	return conn, nil
}

// unknownVariable is the answer of a server that has no such setting.
func unknownVariable(err error) bool {
	m, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && m.Number == erNoVariable
}

func config() *gorm.Config {
	return &gorm.Config{
		SkipDefaultTransaction: true,
		TranslateError:         true,
		DisableAutomaticPing:   true,
		Logger:                 logger.Discard,
	}
}

// Close waits for running statements and closes the pools.
func (d *DB) Close() error {
	var err error
	if d.rp != nil && d.rp != d.wp {
		err = d.rp.Close()
	}
	if d.wp != nil {
		if e := d.wp.Close(); e != nil {
			err = e
		}
	}
	return err
}

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error { return d.wp.PingContext(ctx) }

// Observe adds the metrics of transactions and of the pools; once, before the first transaction.
func (d *DB) Observe(r *obs.Registry) {
	pool := func(name string, p *sql.DB) {
		obs.Pool(r, name, func() obs.PoolStats {
			s := p.Stats()
			return obs.PoolStats{Open: s.OpenConnections, InUse: s.InUse, Waits: s.WaitCount, Waited: s.WaitDuration}
		})
	}
	pool("write", d.wp)
	if d.rp != d.wp {
		pool("read", d.rp)
	}
	d.meters = obs.NewTransactions(r)
}

// Stats are the writer pool's.
func (d *DB) Stats() sql.DBStats { return d.wp.Stats() }

// Now is the clock's time, UTC, truncated to milliseconds.
func (d *DB) Now() time.Time { return d.clock().UTC().Truncate(time.Millisecond) }
