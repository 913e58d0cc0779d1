//go:build bench

package bench

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/testkit"
)

// TestBulkProfile sends bulk awards of 10,000 one after the other, for BENCH_SECONDS, and leaves the server's CPU profile in the folder
// BENCH_PROFILE; see TestProfile.
func TestBulkProfile(t *testing.T) {
	dir := os.Getenv("BENCH_PROFILE")
	require.NotEmpty(t, dir, "BENCH_PROFILE names the folder for the profile")
	dsn := testkit.DSN(t)
	p := furnish(t, dsn)
	s := serve(t, dsn)
	admin := s.login(t, "officer", "admin")
	time.Sleep(4 * time.Second)
	done := s.profile(filepath.Join(dir, "bulk.pb.gz"))
	begin := time.Now()
	for n := 0; time.Since(begin) < seconds(); n++ {
		body := p.many(t, n%villages)
		before, allBefore, at := cpu(t, strconv.Itoa(s.cmd.Process.Pid)), busy(t), time.Now()
		require.NoError(t, s.call(http.MethodPost, "/villages/"+p.villages[n%villages].String()+"/awards", admin, body, nil))
		_, most := s.memory(t)
		t.Logf("10,000 awards in %s; processor time: server %s, whole machine %s; %d MiB at its highest", short(time.Since(at)),
			short(cpu(t, strconv.Itoa(s.cmd.Process.Pid))-before), short(busy(t)-allBefore), most)
	}
	require.NoError(t, <-done)
	run(t, "raw, 100 postings a transaction, 4 clients", 4, 100, newRaw(t, dsn).postMany)
}

// many are 10,000 grants to the households of one village, as they are sent: putting them together is not what is measured.
func (p *place) many(t testing.TB, village int) json.RawMessage {
	var list []map[string]string
	for i := range bulk {
		list = append(list, map[string]string{"rule": p.rule.String(), "household": p.houses[village][i%houses].String()})
	}
	b, err := json.Marshal(map[string]any{"grants": list})
	require.NoError(t, err)
	return b
}
