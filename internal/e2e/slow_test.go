package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/app/apptest"
	"jishan/internal/auth"
	"jishan/internal/conf"
	"jishan/internal/points"
)

// shortly configures time limits that a test can wait for.
func shortly(s *apptest.Setup) {
	s.Config.HTTP.ReadTimeout, s.Config.HTTP.WriteTimeout, s.Config.HTTP.IdleTimeout = 2*time.Second, 2*time.Second, 2*time.Second
}

// dial opens a connection to the server that a test writes to by hand.
func dial(t testing.TB, s *apptest.Server) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(40*time.Second)))
	return c.(*net.TCPConn)
}

// request is a request as it goes over the wire.
func request(method, path, token, key, contentType string, length int, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s%s HTTP/1.1\r\nHost: x\r\n", method, api.Prefix, path)
	if token != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", token)
	}
	if key != "" {
		fmt.Fprintf(&b, "Idempotency-Key: %s\r\n", key)
	}
	if contentType != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", contentType)
	}
	if length >= 0 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", length)
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// drip sends a byte now and then until the server has had enough, and returns what it said; it fails where the server waits for ever.
func drip(c net.Conn) (string, error) {
	gone := make(chan struct{})
	var said []byte
	var err error
	go func() {
		defer close(gone)
		said, err = io.ReadAll(c)
	}()
	for {
		select {
		case <-gone:
			if e, ok := err.(net.Error); ok && e.Timeout() {
				return string(said), err
			}
			return string(said), nil // closed by the server, cleanly or not
		case <-time.After(50 * time.Millisecond):
			_, _ = c.Write([]byte("a"))
		}
	}
}

// served asks many times, and is answered every time.
func served(t testing.TB, c client, least time.Duration) {
	t.Helper()
	for began, n := time.Now(), 0; n < 20 || time.Since(began) < least; n++ {
		got := get[api.Regions](t, c, "/regions")
		require.NotEmpty(t, got.Items)
		time.Sleep(10 * time.Millisecond)
	}
}

// Slow clients, far more than may be inside at once, keep nobody out, and are cut off.
func TestSlowClientsKeepNobodyOut(t *testing.T) {
	s, p, stranger := start(t, 2, shortly, func(x *apptest.Setup) { x.Config.HTTP.ReadTimeout = 4 * time.Second })
	officer := p.account(t, stranger, auth.KindOfficer, "slow", auth.Assignment{Role: auth.RoleVillage, Region: p.a.id})
	n := 300*runtime.GOMAXPROCS(0) + 50
	kinds := map[string][]byte{
		"a head that never ends":  []byte("GET /api/v1/regions HTTP/1.1\r\nHost: x\r\nX-Slow: "),
		"a stranger's slow body":  request("POST", "/auth/login", "", "", "application/json", 1000, []byte(`{`)),
		"an officer's slow body":  request("POST", "/villages/"+p.a.id.String()+"/awards", officer.token, newKey(), "application/json", 1<<20, []byte(`{`)),
		"an officer's slow sheet": request("POST", "/villages/"+p.a.id.String()+"/roster/import", officer.token, newKey(), "multipart/form-data; boundary=x", 1<<20, []byte("--x\r\n")),
	}
	for name, head := range kinds {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			said := make([]string, n)
			errs := make([]error, n)
			before := heap()
			for i := range n {
				c := dial(t, s)
				_, err := c.Write(head)
				require.NoError(t, err)
				wg.Go(func() { said[i], errs[i] = drip(c) })
			}
			if name != "an officer's slow sheet" {
				require.Less(t, heap()-before, int64(n)*64<<10, "what is announced takes no memory")
			}
			// Those who come in the same tenth of a second may find it full, and are told to come back. Then they are there, and not inside.
			require.Eventually(t, func() bool {
				return gauge(t, s, "jishan_http_requests_inside") <= 10 && gauge(t, s, "jishan_http_connections") >= float64(n/2)
			}, 10*time.Second, 20*time.Millisecond)
			served(t, officer, time.Second)
			wg.Wait()
			for i := range n {
				require.NoError(t, errs[i], "the server waits for ever")
				require.NotContains(t, said[i], "HTTP/1.1 200")
			}
		})
	}
	served(t, officer, 0)
}

// heap is what is in use, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// A journal keeps what the server logs, to be searched.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) lines() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Split(j.b.String(), "\n")
}

func TestHugeHeadersAndBodies(t *testing.T) {
	var log journal
	s, p, stranger := start(t, 2, shortly, func(x *apptest.Setup) {
		x.Options.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		x.Config.HTTP.BodyLimit, x.Config.HTTP.UploadLimit = conf.Size(64<<10), conf.Size(128<<10)
	})
	officer := p.account(t, stranger, auth.KindOfficer, "huge", auth.Assignment{Role: auth.RoleVillage, Region: p.a.id})
	exchange := func(parts ...[]byte) *http.Response {
		c := dial(t, s)
		go func() {
			for _, b := range parts {
				if _, err := c.Write(b); err != nil {
					return // the server has answered and hung up
				}
			}
		}()
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		return r
	}
	secret := strings.Repeat("qqzz", 16<<10)
	for _, head := range []string{
		"GET /api/v1/regions HTTP/1.1\r\nHost: x\r\nX-Secret: " + secret + "\r\n\r\n",
		"GET /api/v1/regions?q=" + secret + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /api/v1/regions HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-Secret: qqzz\r\n", 10_000) + "\r\n",
	} {
		require.Equal(t, 431, exchange([]byte(head)).StatusCode)
	}
	// Just below the bound everything is taken, and nothing of it goes to the log.
	long := secret[:20<<10]
	require.Equal(t, 401, exchange([]byte("GET /api/v1/regions?q="+long+" HTTP/1.1\r\nHost: x\r\nUser-Agent: "+long[:4<<10]+"\r\nX-Request-Id: "+long[:4<<10]+"\r\n\r\n")).StatusCode)
	require.Equal(t, 401, exchange([]byte("GET /api/v1/regions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+long+"\r\n\r\n")).StatusCode)
	require.Equal(t, 404, exchange([]byte("GET /"+long+" HTTP/1.1\r\nHost: x\r\n\r\n")).StatusCode)

	awards, sheet := "/villages/"+p.a.id.String()+"/awards", "/villages/"+p.a.id.String()+"/roster/import"
	chunked := func(path, kind string) []byte {
		return []byte(strings.Replace(string(request("POST", path, officer.token, newKey(), kind, -1, nil)), "\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n", 1))
	}
	chunk := func(text string) []byte { return fmt.Appendf(nil, "%x\r\n%s\r\n", len(text), text) }
	endless := make([][]byte, 2000) // 64 MB, and the server must not want them
	for i := range endless {
		endless[i] = chunk(secret[:32<<10])
	}
	before := heap()
	for name, parts := range map[string][][]byte{
		"announced":       {request("POST", awards, officer.token, newKey(), "application/json", 1<<40, []byte("{"))},
		"endless":         append([][]byte{chunked(awards, "application/json")}, endless...),
		"endless sheet":   append([][]byte{chunked(sheet, "multipart/form-data; boundary=x"), chunk("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n")}, endless...),
		"a stranger's":    {request("POST", "/auth/login", "", "", "application/json", 20<<10, []byte(secret[:20<<10]))},
		"announced sheet": {request("POST", sheet, officer.token, newKey(), "multipart/form-data; boundary=x", 1<<40, []byte("--x"))},
	} {
		require.Equal(t, 413, exchange(parts...).StatusCode, name)
	}
	require.Less(t, heap()-before, int64(16<<20))
	served(t, officer, 0)
	for _, l := range log.lines() {
		require.NotContains(t, l, secret[:256])
		require.Less(t, len(l), 2000, "%.300s", l)
	}
}

// Whoever hangs up before the answer finds all or nothing done, and the one result by asking again.
func TestHangingUp(t *testing.T) {
	s, p, stranger := start(t, 2)
	officer := p.account(t, stranger, auth.KindOfficer, "hasty", auth.Assignment{Role: auth.RoleVillage, Region: p.a.id})
	clerk := p.account(t, stranger, auth.KindMerchant, "near", auth.Assignment{Role: auth.RoleClerk, Merchant: p.m.id})
	house := p.a.houses[0]
	p.give(t, p.a.id, 100, house)
	served(t, officer, 0)
	routines := runtime.NumGoroutine()
	const tries = 60
	for i := range tries {
		path, who, body := "/villages/"+p.a.id.String()+"/awards", officer, any(map[string]any{"grants": []map[string]any{{"rule": p.tidy, "household": house}}})
		if i%2 == 1 {
			path, who, body = "/counter/redemptions", clerk, redeemBody(p.code(t, house), p.m.products[0], 1)
		}
		b, err := json.Marshal(body)
		require.NoError(t, err)
		key := newKey()
		c := dial(t, s)
		raw := request("POST", path, who.token, key, "application/json", len(b), b)
		if i%10 == 9 {
			raw = raw[:len(raw)-1-rand.IntN(len(b))] // not even the whole request
		}
		_, err = c.Write(raw)
		require.NoError(t, err)
		time.Sleep(time.Duration(rand.IntN(4000)) * time.Microsecond)
		require.NoError(t, c.SetLinger(0)) // a reset, not a polite end
		require.NoError(t, c.Close())
		// At once, while the first may still be under way, and again.
		var numbers []int64
		for range 2 {
			got, err := who.send("POST", path, key, "application/json", b)
			require.NoError(t, err)
			require.Equal(t, 200, got.Status, "%s", got)
			n, err := numberOf(got.Body)
			require.NoError(t, err)
			numbers = append(numbers, n)
		}
		require.Equal(t, numbers[0], numbers[1])
	}
	require.Equal(t, points.Whole(100+5*tries/2-tries/2), p.balance(t, p.a.id, house))
	verifyRows(t, s.DB)
	verifyBoards(t, s)
	web.CloseIdleConnections()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= routines+5 }, 20*time.Second, 50*time.Millisecond, "requests that nobody waits for live on")
}

// gauge reads a metric without labels.
func gauge(t testing.TB, s *apptest.Server, name string) (v float64) {
	t.Helper()
	r, err := web.Get(s.URL + "/metrics")
	require.NoError(t, err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	i := strings.Index(string(b), "\n"+name+" ")
	require.NotEqual(t, -1, i, name)
	_, err = fmt.Sscan(string(b)[i+len(name)+2:], &v)
	require.NoError(t, err)
	return v
}

// idle opens connections, each of which has asked something once.
func idle(t testing.TB, s *apptest.Server, n int) []*net.TCPConn {
	t.Helper()
	out := make([]*net.TCPConn, n)
	buf := make([]byte, 4<<10)
	for i := range out {
		out[i] = dial(t, s)
		_, err := out[i].Write([]byte("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
		require.NoError(t, err)
		_, err = out[i].Read(buf)
		require.NoError(t, err)
	}
	return out
}

// idleClient names the address that the test binary, started a second time, opens idle connections to: a process may have fewer
// files open than both ends of so many connections need.
const idleClient = "JISHAN_TEST_IDLE"

// TestIdleClient is the other process of TestManyIdleConnections, and nothing without it.
func TestIdleClient(t *testing.T) {
	address, count, ok := strings.Cut(os.Getenv(idleClient), " ")
	if !ok {
		return
	}
	n, err := strconv.Atoi(count)
	require.NoError(t, err)
	raiseFiles(uint64(n) + 500)
	conns := idle(t, &apptest.Server{URL: "http://" + address}, n)
	fmt.Println("open", len(conns))
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent hangs up
}

func TestManyIdleConnections(t *testing.T) {
	const n = 10_000
	require.Greater(t, raiseFiles(n+2000), n+1000, "ulimit -n")
	s, p, stranger := start(t, 2, func(x *apptest.Setup) { x.Config.HTTP.IdleTimeout = 2 * time.Minute })
	officer := p.account(t, stranger, auth.KindOfficer, "idle", auth.Assignment{Role: auth.RoleVillage, Region: p.a.id})
	before := heap()
	client := exec.Command(os.Args[0], "-test.run=^TestIdleClient$")
	client.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", idleClient, strings.TrimPrefix(s.URL, "http://"), n))
	client.Stderr = os.Stderr
	in, err := client.StdinPipe()
	require.NoError(t, err)
	out, err := client.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, client.Start())
	defer func() { _ = client.Process.Kill() }()
	said, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("open %d\n", n), said)
	require.GreaterOrEqual(t, gauge(t, s, "jishan_http_connections"), float64(n))
	each := (heap() - before) / n
	t.Logf("%d idle connections, %d bytes each", n, each)
	require.Less(t, each, int64(40<<10))
	served(t, officer, 0)
	require.NoError(t, in.Close())
	require.NoError(t, client.Wait())
	require.Eventually(t, func() bool { return gauge(t, s, "jishan_http_connections") < 20 }, 30*time.Second, 50*time.Millisecond)
}

func TestConnectionsAreBounded(t *testing.T) {
	s, p, stranger := start(t, 2, shortly, func(x *apptest.Setup) { x.Config.HTTP.MaxConnections, x.Config.HTTP.IdleTimeout = 40, time.Minute })
	officer := p.account(t, stranger, auth.KindOfficer, "bound", auth.Assignment{Role: auth.RoleVillage, Region: p.a.id})
	conns := idle(t, s, 200)
	require.Eventually(t, func() bool { return gauge(t, s, "jishan_http_connections") <= 40 }, 20*time.Second, 20*time.Millisecond)
	require.GreaterOrEqual(t, gauge(t, s, "jishan_http_connections_closed_total"), 160.0)
	served(t, officer, 0)
	for _, c := range conns {
		_ = c.Close()
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	s := apptest.Start(t, shortly)
	for _, c := range idle(t, s, 20) {
		buf := make([]byte, 4<<10)
		for err := error(nil); err != io.EOF; _, err = c.Read(buf) {
			require.NoError(t, err, "the server does not hang up")
		}
	}
}
