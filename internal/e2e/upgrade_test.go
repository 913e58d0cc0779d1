package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/app"
	"jishan/internal/auth"
	"jishan/internal/conf"
	"jishan/internal/id"
	"jishan/internal/points"
	"jishan/internal/testkit"
)

// newerProgram builds the program with one more migration, one that only adds: what the next version is to this one.
func newerProgram(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	migration := filepath.Join(dir, "09000_next.sql")
	require.NoError(t, os.WriteFile(migration, []byte("-- +goose Up\nALTER TABLE regions ADD COLUMN next_note VARCHAR(10) NOT NULL DEFAULT '';\n"), 0o600))
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(root, "migrations/mysql/09000_next.sql"): migration, filepath.Join(root, "migrations/sqlite/09000_next.sql"): migration}})
	require.NoError(t, err)
	file := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, overlay, 0o600))
	path := filepath.Join(dir, "jishan-next")
	build := exec.Command("go", "build", "-tags", "nomsgpack", "-overlay", file, "-o", path, "jishan/cmd/jishan")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

// TestUpgradeWithoutDowntime replaces two processes of this version by two of the next, one after the other, under load: the
// schema first, by a migration that only adds. A client that repeats an unanswered request at the other process, as clients do,
// sees every request done, once.
func TestUpgradeWithoutDowntime(t *testing.T) {
	old, err := program()
	require.NoError(t, err)
	next := newerProgram(t)
	cfg, err := conf.Load("")
	require.NoError(t, err)
	dsn := testkit.DSN(t)
	d := testkit.Reopen(t, dsn, nil)
	services, err := app.NewServices(cfg, d)
	require.NoError(t, err)
	t.Cleanup(services.Close)
	p := furnish(t, services, d, 8)
	before := map[id.ID]points.Amount{}
	for _, h := range p.a.houses {
		before[h] = p.balance(t, p.a.id, h)
	}
	sides := [2]*child{newChild(t, old, dsn), newChild(t, old, dsn)}
	for _, c := range sides {
		c.env = append(c.env, "JISHAN_DB_MIGRATE=false")
		c.start(t)
	}
	officer := p.account(t, client{base: "http://" + sides[0].addr}, auth.KindOfficer, "officer", auth.Assignment{Role: auth.RoleVillage, Region: p.a.id})
	bases := [2]string{"http://" + sides[0].addr, "http://" + sides[1].addr}

	var stop atomic.Bool
	var confirmed atomic.Int64
	made := make([][]*attempt, 6)
	failed := make([]error, len(made))
	var wg sync.WaitGroup
	for w := range made {
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				a := &attempt{key: newKey(), path: "/villages/" + p.a.id.String() + "/awards", house: p.a.houses[w], amount: points.Whole(5)}
				a.body = fmt.Appendf(nil, `{"grants": [{"rule": %q, "household": %q}]}`, p.tidy, a.house)
				for try := 0; !a.confirmed && try < 100; try++ {
					a.who = client{bases[(w+n+try)%2], officer.token}
					if failed[w] = a.run(); failed[w] != nil {
						return
					}
					if !a.confirmed {
						time.Sleep(10 * time.Millisecond)
					}
				}
				made[w] = append(made[w], a)
				confirmed.Add(1)
			}
		})
	}
	more := func() {
		t.Helper()
		to := confirmed.Load() + 60
		require.Eventually(t, func() bool { return confirmed.Load() > to }, time.Minute, 5*time.Millisecond, "the load stands still")
	}
	more()
	// The schema first. The running processes go on with it.
	newer := &child{path: next}
	code, out := newer.command(t, testkit.Admin(t, dsn), t.TempDir(), "migrate")
	require.Zero(t, code, out)
	require.Contains(t, out, "升级到 9000")
	more()
	for _, c := range sides {
		require.NoError(t, c.cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, c.cmd.Wait(), "it ends in good order")
		more()
		c.path = next
		c.start(t)
		more()
	}
	stop.Store(true)
	wg.Wait()
	var all []*attempt
	for w := range made {
		require.NoError(t, failed[w])
		all = append(all, made[w]...)
	}
	for _, a := range all {
		require.True(t, a.confirmed, "%s: %s", a.key, a.refusal)
	}
	verifyRows(t, d)
	p.checkAttempts(t, all, before)

	// There is no way back to the old program but through the backup; it says so instead of guessing.
	code, out = (&child{path: old}).command(t, dsn, t.TempDir(), "serve")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "请换用新版本的程序")
}
