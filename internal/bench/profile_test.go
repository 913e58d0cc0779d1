//go:build bench

package bench

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/testkit"
)

// TestProfile loads the server with single awards from BENCH_CLIENTS (64) clients beside the raw limit, and leaves the server's
// CPU profile in the folder BENCH_PROFILE:
//
//	BENCH_PROFILE=/tmp/p ./scripts/services.sh go test -tags bench,nomsgpack -run TestProfile -v ./internal/bench
//	go tool pprof -top bin/jishan /tmp/p/cpu.pb.gz
func TestProfile(t *testing.T) {
	dir := os.Getenv("BENCH_PROFILE")
	require.NotEmpty(t, dir, "BENCH_PROFILE names the folder for the profile")
	clients, err := strconv.Atoi(os.Getenv("BENCH_CLIENTS"))
	if err != nil {
		clients = 64
	}
	dsn := testkit.DSN(t)
	p := furnish(t, dsn)
	s := serve(t, dsn)
	admin := s.login(t, "officer", "admin")
	time.Sleep(8 * time.Second) // the boards are filled after a start; that is not what is to be seen
	done := s.profile(filepath.Join(dir, "cpu.pb.gz"))
	var turn atomic.Int64
	serverBefore, selfBefore, allBefore := cpu(t, strconv.Itoa(s.cmd.Process.Pid)), cpu(t, "self"), busy(t)
	callers := s.leanClients(clients, admin)
	f := run(t, "single awards over HTTP", clients, 1, func(client, _ int) error {
		v, h := p.at(int(turn.Add(1)) * 13)
		return callers[client].award(v, p.rule, h)
	})
	calls := float64(turn.Load())
	per := func(d time.Duration) string { return short(time.Duration(float64(d) / calls)) }
	t.Logf("processor time a call: server %s, clients %s, whole machine %s",
		per(cpu(t, strconv.Itoa(s.cmd.Process.Pid))-serverBefore), per(cpu(t, "self")-selfBefore), per(busy(t)-allBefore))
	require.NoError(t, <-done)
	require.Zero(t, f.failures)
	t.Log(f.against(run(t, "raw, one transaction a posting", clients, 1, newRaw(t, dsn).post)).ratio)
}

// profile takes the server's CPU profile of BENCH_SECONDS, beginning now, into a file.
func (s *server) profile(path string) (done <-chan error) {
	ended := make(chan error, 1)
	go func() {
		ended <- func() error {
			r, err := http.Get(fmt.Sprintf("%sprofile?seconds=%d", s.pprof, int(seconds().Seconds())))
			if err != nil {
				return err
			}
			defer r.Body.Close()
			f, err := os.Create(path)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(f, r.Body)
			return err
		}()
	}()
	return ended
}

// tick is the unit of the times in /proc.
const tick = 10 * time.Millisecond

// cpu is the processor time that a process has used.
func cpu(t testing.TB, pid string) time.Duration {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	require.NoError(t, err)
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // from the state, the third field, on
	user, err := strconv.Atoi(f[11])
	require.NoError(t, err)
	system, err := strconv.Atoi(f[12])
	require.NoError(t, err)
	return time.Duration(user+system) * tick
}

// busy is the processor time that the machine has used.
func busy(t testing.TB) time.Duration {
	b, err := os.ReadFile("/proc/stat")
	require.NoError(t, err)
	var sum time.Duration
	for i, f := range strings.Fields(strings.SplitN(string(b), "\n", 2)[0])[1:8] {
		n, err := strconv.Atoi(f)
		require.NoError(t, err)
		if i != 3 && i != 4 { // idle and waiting for a disk
			sum += time.Duration(n) * tick
		}
	}
	return sum
}
