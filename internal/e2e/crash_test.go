package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/app"
	"jishan/internal/app/apptest"
	"jishan/internal/auth"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/points"
	"jishan/internal/testkit"
)

// program builds the real thing once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "jishan-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "jishan")
	build := exec.Command("go", "build", "-tags", "nomsgpack", "-o", path, "jishan/cmd/jishan")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// child is `jishan serve` as a process that can be killed.
type child struct {
	env  []string
	addr string
	path string
	cmd  *exec.Cmd
}

// newChild is a server on the database of dsn, with a free address, not yet started. It does not outlive the test.
func newChild(t testing.TB, path, dsn string) *child {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &child{path: path, addr: l.Addr().String()}
	require.NoError(t, l.Close())
	c.env = append(os.Environ(), "JISHAN_CONFIG=", "JISHAN_DB_DSN="+dsn, "JISHAN_DATA_DIR="+t.TempDir(), "JISHAN_HTTP_ADDR="+c.addr,
		"JISHAN_LOG_LEVEL=error", "JISHAN_AUTH_ACCESS_TTL=1h", "JISHAN_REDIS_ADDRS=")
	t.Cleanup(func() {
		if c.cmd != nil {
			_ = c.cmd.Process.Kill()
			_ = c.cmd.Wait()
		}
	})
	return c
}

func (c *child) start(t testing.TB) {
	t.Helper()
	c.cmd = exec.Command(c.path, "serve")
	c.cmd.Env = c.env
	c.cmd.Stderr = os.Stderr
	require.NoError(t, c.cmd.Start())
	require.Eventually(t, func() bool {
		r, err := web.Get("http://" + c.addr + "/readyz")
		if err != nil {
			return false
		}
		_ = r.Body.Close()
		return r.StatusCode == http.StatusOK
	}, 30*time.Second, 10*time.Millisecond, "the server does not come up again")
}

// kill is kill -9: no handler of the program runs.
func (c *child) kill(t testing.TB) {
	t.Helper()
	require.NoError(t, c.cmd.Process.Kill())
	_ = c.cmd.Wait() // says that it was killed
}

// attempt is a request of the load and what is known of its fate.
type attempt struct {
	who       client
	path, key string
	body      json.RawMessage
	house     id.ID
	amount    points.Amount // what it does to the balance
	confirmed bool          // answered 200
	refusal   string        // answered otherwise
	number    int64         // of the ledger transaction, once known
}

// run sends the request and notes the answer; no answer leaves it unknown.
func (a *attempt) run() error {
	got, err := a.who.send(http.MethodPost, a.path, a.key, "application/json", a.body)
	if err != nil {
		return nil // killed: nobody knows, and that is the point
	}
	if got.Status != http.StatusOK {
		a.refusal = got.String()
		return nil
	}
	a.confirmed = true
	n, err := numberOf(got.Body)
	if err != nil {
		return err
	}
	if a.number != 0 && a.number != n {
		return fmt.Errorf("%s: confirmed as %d and then as %d", a.key, a.number, n)
	}
	a.number = n
	return nil
}

// numberOf is the ledger number in the answer to a redemption or to a single award.
func numberOf(body []byte) (int64, error) {
	var out struct {
		Number int64 `json:"number"`
		Items  []struct {
			Number int64 `json:"number"`
		} `json:"items"`
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return 0, err
	}
	if len(out.Items) == 1 {
		out.Number = out.Items[0].Number
	}
	if out.Number == 0 {
		return 0, fmt.Errorf("no number in %s", body)
	}
	return out.Number, nil
}

const (
	kills       = 20
	crashers    = 12
	crashHouses = 12
)

// TestKilledInTheMiddle kills the server twenty times under load. What was confirmed is there once; what was not answered is
// there or not, and sending it again makes it there once.
func TestKilledInTheMiddle(t *testing.T) {
	path, err := program()
	require.NoError(t, err)

	cfg, err := conf.Load("")
	require.NoError(t, err)
	dsn := testkit.DSN(t)
	d := testkit.Reopen(t, dsn, nil)
	services, err := app.NewServices(cfg, d)
	require.NoError(t, err)
	t.Cleanup(services.Close)
	p := furnish(t, services, d, crashHouses)
	for range 20 {
		p.give(t, p.a.id, 50, p.a.houses...)
	}
	before := map[id.ID]points.Amount{}
	for _, h := range p.a.houses {
		before[h] = p.balance(t, p.a.id, h)
	}

	c := newChild(t, path, dsn)
	c.start(t)
	stranger := client{base: "http://" + c.addr}
	officer := p.account(t, stranger, auth.KindOfficer, "officer", auth.Assignment{Role: auth.RoleVillage, Region: p.a.id})
	clerk := p.account(t, stranger, auth.KindMerchant, "clerk", auth.Assignment{Role: auth.RoleClerk, Merchant: p.m.id})

	var all []*attempt
	var rising time.Duration
	for round := range kills {
		all = append(all, p.loadAndKill(t, c, officer, clerk, round)...)
		began := time.Now()
		c.start(t)
		rising += time.Since(began)
	}
	confirmed, unknown := 0, 0
	for _, a := range all {
		require.Empty(t, a.refusal, "nothing of this load may be refused")
		if a.confirmed {
			confirmed++
		} else {
			unknown++
		}
	}
	require.Greater(t, confirmed, kills*5, "the load is too small to prove anything")
	require.NotZero(t, unknown, "no kill hit a request under way")
	verifyRows(t, d)
	p.checkAttempts(t, all, before)

	// Sent again with the same key, every request is there exactly once: the confirmed ones are told the same number.
	replies := together(crashers, func(i int) reply {
		for j := i; j < len(all); j += crashers {
			if err := all[j].run(); err != nil {
				return reply{err: err}
			}
		}
		return reply{}
	})
	for _, r := range replies {
		require.NoError(t, r.err)
	}
	done := 0
	for _, a := range all {
		if !a.confirmed { // a code that has expired meanwhile is refused, but only if it had not been spent
			require.Contains(t, a.refusal, "code.expired")
			continue
		}
		done++
	}
	t.Logf("%d requests confirmed, %d unanswered, %d done after sending all again; up again in %v on average", confirmed, unknown, done, rising/kills)
	require.GreaterOrEqual(t, done, confirmed)
	verifyRows(t, d)
	p.checkAttempts(t, all, before)
	c.kill(t)

	// The boards, built anew by another process, equal the ledger.
	s := apptest.Start(t, func(s *apptest.Setup) { s.Config.DB.DSN = conf.Secret(dsn) })
	verifyBoards(t, s)
	sum := points.Amount(0)
	for _, row := range get[api.Board](t, officer.at(s), fmt.Sprintf("/boards?scope=%s&subject=household&period=all&limit=100", p.a.id)).Items {
		sum += row.Score
	}
	awards := points.Whole(20 * 50 * crashHouses)
	for _, a := range all {
		if a.confirmed && a.amount > 0 {
			awards += a.amount
		}
	}
	require.Equal(t, awards, sum)
}

// at is the same person at another server.
func (c client) at(s *apptest.Server) client { return client{s.URL, c.token} }

// loadAndKill sends awards and redemptions from many sides and kills the server somewhere in the middle.
func (p *place) loadAndKill(t *testing.T, c *child, officer, clerk client, round int) []*attempt {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	made := make([][]*attempt, crashers)
	errs := make([]error, crashers)
	// Codes are made beforehand, so that the load is what it says.
	codes := make([][]string, crashers)
	for w := range codes {
		for range 40 {
			codes[w] = append(codes[w], p.code(t, p.a.houses[w%crashHouses]))
		}
	}
	var answered atomic.Int64
	var wg sync.WaitGroup
	for w := range crashers {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil && n < 80; n++ {
				house := p.a.houses[w%crashHouses]
				a := &attempt{key: newKey(), house: house}
				if n%2 == 0 {
					a.who, a.path, a.amount = officer, "/villages/"+p.a.id.String()+"/awards", points.Whole(5)
					a.body, errs[w] = json.Marshal(map[string]any{"grants": []map[string]any{{"rule": p.tidy, "household": house}}})
				} else {
					a.who, a.path, a.amount = clerk, "/counter/redemptions", -points.Whole(1)
					a.body, errs[w] = json.Marshal(redeemBody(codes[w][n/2], p.m.products[0], 1))
				}
				made[w] = append(made[w], a)
				if errs[w] == nil {
					errs[w] = a.run()
				}
				if errs[w] != nil || !a.confirmed {
					return
				}
				answered.Add(1)
			}
		})
	}
	// Where the kill falls is chance, and should be; but something must have been confirmed before.
	enough := int64(8 + rand.IntN(40))
	for began := time.Now(); answered.Load() < enough && time.Since(began) < 5*time.Second; {
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
	}
	c.kill(t)
	cancel()
	wg.Wait()
	var out []*attempt
	for w := range made {
		require.NoError(t, errs[w], "round %d", round)
		out = append(out, made[w]...)
	}
	return out
}

// checkAttempts compares what the clients know with the rows: a confirmed request has its transaction, one key has one, and
// every balance is what it was and what was booked.
func (p *place) checkAttempts(t testing.TB, all []*attempt, before map[id.ID]points.Amount) {
	t.Helper()
	var keys []struct{ KeyHash []byte }
	numbers := map[int64]bool{}
	require.NoError(t, p.d.Read(p.ctx, func(tx db.Tx) error {
		var list []int64
		if err := tx.Raw("SELECT number FROM ledger_txs WHERE book_id = ?", p.a.id).Scan(&list).Error; err != nil {
			return err
		}
		for _, n := range list {
			require.False(t, numbers[n])
			numbers[n] = true
		}
		return tx.Raw("SELECT key_hash FROM idempotency_keys").Scan(&keys).Error
	}))
	stored := map[[32]byte]bool{}
	for _, k := range keys {
		stored[[32]byte(k.KeyHash)] = true
	}
	want := map[id.ID]points.Amount{}
	for h, n := range before {
		want[h] = n
	}
	seen := map[int64]string{}
	for _, a := range all {
		booked := stored[sha256.Sum256([]byte(a.key))]
		if a.confirmed {
			require.True(t, numbers[a.number], "confirmed as %d, which is lost", a.number)
			require.True(t, booked, "confirmed, and its key is lost")
			require.Empty(t, seen[a.number], "two requests were told the same number")
			seen[a.number] = a.key
		}
		if booked {
			want[a.house] += a.amount
		}
	}
	for h, n := range want {
		require.Equal(t, n, p.balance(t, p.a.id, h))
	}
}
