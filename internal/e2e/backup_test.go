package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"jishan/internal/app"
	"jishan/internal/auth"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/testkit"
)

// command runs the program as whoever operates it would, on the database of dsn, and answers its exit code and what it printed.
func (c *child) command(t testing.TB, dsn, dataDir string, args ...string) (int, string) {
	t.Helper()
	cmd := exec.Command(c.path, args...)
	cmd.Env = append(os.Environ(), "JISHAN_CONFIG=", "JISHAN_DB_DSN="+dsn, "JISHAN_DATA_DIR="+dataDir, "JISHAN_REDIS_ADDRS=", "JISHAN_HTTP_ADDR=127.0.0.1:0")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// client of the database server, told who it is as docs/operations.md does.
func mariadb(t testing.TB, program, dsn string, args ...string) *exec.Cmd {
	t.Helper()
	c, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	host, port, _ := strings.Cut(c.Addr, ":")
	cmd := exec.Command(program, append([]string{"--no-defaults", "--protocol=tcp", "-h" + host, "-P" + port, "-u" + c.User}, append(args, c.DBName)...)...)
	cmd.Env = append(os.Environ(), "MYSQL_PWD="+c.Passwd)
	cmd.Stderr = os.Stderr
	return cmd
}

// backup makes a backup of a database in use, by the command that docs/operations.md names.
func (c *child) backup(t testing.TB, dsn, file string) {
	t.Helper()
	if !testkit.OnMySQL() {
		code, out := c.command(t, dsn, t.TempDir(), "backup", file)
		require.Zero(t, code, out)
		code, out = c.command(t, dsn, t.TempDir(), "backup", file)
		require.Equal(t, 1, code, "a backup is not written over another")
		require.Contains(t, out, "不会覆盖")
		return
	}
	f, err := os.Create(file)
	require.NoError(t, err)
	defer f.Close()
	dump := mariadb(t, "mariadb-dump", dsn, "--single-transaction", "--quick", "--skip-triggers", "--no-tablespaces")
	dump.Stdout = f
	require.NoError(t, dump.Run())
}

// restore puts a backup where nothing was, and answers the address of the new database.
func restore(t testing.TB, file string) string {
	t.Helper()
	if !testkit.OnMySQL() {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), "jishan.db")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		return "sqlite:" + path
	}
	dsn := testkit.EmptyMySQL(t)
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	load := mariadb(t, "mariadb", dsn)
	load.Stdin = f
	require.NoError(t, load.Run())
	return dsn
}

func sealAll(t testing.TB, d *db.DB) {
	t.Helper()
	require.NoError(t, d.Tx(context.Background(), func(tx db.Tx) error {
		books, err := ledger.Books(tx)
		require.NoError(t, err)
		for _, b := range books {
			due, err := ledger.DueSeals(tx, b)
			require.NoError(t, err)
			require.NotEmpty(t, due)
			_, err = ledger.KeepSeals(tx, due)
			require.NoError(t, err)
		}
		return nil
	}))
}

// TestBackupAndRestore backs a busy server up and restores it where nothing was. What had been confirmed before the backup is
// there, every check is clean, the server goes on from it; and the seals kept outside tell it from an older or an altered book.
func TestBackupAndRestore(t *testing.T) {
	path, err := program()
	require.NoError(t, err)
	cfg, err := conf.Load("")
	require.NoError(t, err)
	dsn, dir := testkit.DSN(t), t.TempDir()
	yesterday := testkit.Reopen(t, dsn, testkit.NewClock(t, time.Now().Add(-24*time.Hour).Format("2006-01-02")+" 10:00"))
	services, err := app.NewServices(cfg, yesterday)
	require.NoError(t, err)
	t.Cleanup(services.Close)
	p := furnish(t, services, yesterday, 8)
	for range 10 {
		p.give(t, p.a.id, 50, p.a.houses...)
	}
	c := newChild(t, path, dsn)
	older := filepath.Join(dir, "older")
	c.backup(t, dsn, older)
	d := testkit.Reopen(t, dsn, nil)
	sealAll(t, d)
	seals := filepath.Join(dir, "seals.txt")
	code, out := c.command(t, dsn, dir, "export", "seals", "-o", seals)
	require.Zero(t, code, out)

	c.start(t)
	officer := p.account(t, client{base: "http://" + c.addr}, auth.KindOfficer, "officer", auth.Assignment{Role: auth.RoleVillage, Region: p.a.id})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var mu sync.Mutex
	var confirmed []*attempt
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				a := &attempt{who: officer, key: newKey(), path: "/villages/" + p.a.id.String() + "/awards", house: p.a.houses[w], amount: points.Whole(5)}
				a.body = fmt.Appendf(nil, `{"grants": [{"rule": %q, "household": %q}]}`, p.tidy, a.house)
				err := a.run()
				mu.Lock()
				if err == nil {
					confirmed = append(confirmed, a)
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	so := func() []*attempt {
		mu.Lock()
		defer mu.Unlock()
		return append([]*attempt{}, confirmed...)
	}
	require.Eventually(t, func() bool { return len(so()) > 60 }, 30*time.Second, 5*time.Millisecond)
	before := so()
	file := filepath.Join(dir, "backup")
	c.backup(t, dsn, file)
	after := len(so())
	require.Eventually(t, func() bool { return len(so()) > after+60 }, 30*time.Second, 5*time.Millisecond, "the server goes on")
	stop()
	wg.Wait()
	for _, a := range so() {
		require.Empty(t, a.refusal, "a backup must not disturb")
	}
	require.Greater(t, after, len(before), "nothing was confirmed while the backup was made: this shows nothing")

	restored := restore(t, file)
	copied := testkit.Reopen(t, restored, nil)
	verifyRows(t, copied)
	var numbers []int64
	require.NoError(t, copied.Look(p.ctx, func(tx db.Tx) error {
		return tx.Raw("SELECT number FROM ledger_txs WHERE book_id = ? ORDER BY number", int64(p.a.id)).Scan(&numbers).Error
	}))
	for _, a := range before {
		require.LessOrEqual(t, a.number, int64(len(numbers)), "confirmed before the backup, and not in it")
	}
	require.Less(t, int64(len(numbers)), so()[len(so())-1].number, "the load had gone on")

	verify := func(on string, want int, args ...string) string {
		code, out := c.command(t, on, dir, append([]string{"verify"}, args...)...)
		require.Equal(t, want, code, out)
		return out
	}
	require.Contains(t, verify(restored, 0, "--seals", seals), "留存的日封：1 封，相符")
	verify(restored, 0, "--since-seal")
	require.Contains(t, verify(restore(t, older), 1, "--seals", seals), "没有 ")

	// A book altered so well that it is sound in itself: its seals are made anew. Only who kept the old ones can tell.
	forged := restore(t, file)
	f := testkit.Reopen(t, forged, testkit.NewClock(t, time.Now().Format("2006-01-02 15:04")))
	testkit.Tamper(t, f, "DELETE FROM ledger_seals")
	sealAll(t, f)
	verify(forged, 0)
	require.Contains(t, verify(forged, 1, "--seals", seals), "与留存的不同，账被改动过")

	// The server goes on from the restored database.
	c.kill(t)
	again := newChild(t, path, restored)
	again.start(t)
	got := &attempt{who: client{"http://" + again.addr, officer.token}, key: newKey(), path: before[0].path, body: before[0].body}
	require.NoError(t, got.run())
	require.True(t, got.confirmed, got.refusal)
	require.EqualValues(t, len(numbers)+1, got.number)
	again.kill(t)
	verify(restored, 0, "--seals", seals)
}
