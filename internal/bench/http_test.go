//go:build bench

package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/id"
)

// server is bin/jishan as a process of its own.
type server struct {
	base   string
	cmd    *exec.Cmd
	client *http.Client
	pprof  string        // where its profiles are
	start  time.Duration // until it answered
}

// binary is the program under test, built by scripts/bench.sh.
func binary(t testing.TB) string {
	path, err := filepath.Abs(filepath.Join("..", "..", "bin", "jishan"))
	require.NoError(t, err)
	return path
}

func freeAddr(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// serve starts the program on the database; env are more settings, "NAME=value".
func serve(t testing.TB, dsn string, env ...string) *server {
	addr, profiles := freeAddr(t), freeAddr(t)
	s := &server{base: "http://" + addr + "/api/v1", pprof: "http://" + profiles + "/debug/pprof/", client: &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 512}}}
	s.cmd = exec.Command(binary(t), "serve")
	s.cmd.Env = append(os.Environ(), "JISHAN_DB_DSN="+dsn, "JISHAN_HTTP_ADDR="+addr, "JISHAN_DATA_DIR="+t.TempDir(), "JISHAN_LOG_LEVEL=error", "JISHAN_METRICS_PROFILE_ADDR="+profiles,
		"JISHAN_AUTH_ACCESS_TTL=1h", "JISHAN_REDEEM_CODE_TTL=90s", "JISHAN_AUTH_LOGIN_PER_ADDRESS=1000")
	if isMySQL(dsn) && os.Getenv("TEST_REDIS") != "" {
		s.cmd.Env = append(s.cmd.Env, "JISHAN_REDIS_ADDRS="+os.Getenv("TEST_REDIS"))
	}
	s.cmd.Env = append(s.cmd.Env, env...)
	s.cmd.Stdout, s.cmd.Stderr = os.Stderr, os.Stderr
	begin := time.Now()
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() {
		_ = s.cmd.Process.Signal(os.Interrupt)
		_ = s.cmd.Wait()
	})
	require.Eventually(t, func() bool {
		r, err := s.client.Get("http://" + addr + "/readyz")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	}, 30*time.Second, 5*time.Millisecond)
	s.start = time.Since(begin)
	return s
}

// memory is the resident size of the process in MiB, now and at its highest.
func (s *server) memory(t testing.TB) (now, peak int) {
	now, peak, err := resident(s.cmd.Process.Pid)
	require.NoError(t, err)
	return now, peak
}

// resident is the resident size of a process in MiB, now and at its highest (VmHWM).
func resident(pid int) (now, peak int, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		kb, _ := strconv.Atoi(f[1])
		switch f[0] {
		case "VmRSS:":
			now = kb / 1024
		case "VmHWM:":
			peak = kb / 1024
		}
	}
	return now, peak, nil
}

// call sends JSON and reads the answer into out, which may be nil.
func (s *server) call(method, path, token string, in, out any) error {
	var body io.Reader
	if text, ok := in.(json.RawMessage); ok {
		body = bytes.NewReader(text) // Marshal would read a large order through once more
	} else if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, s.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if method == http.MethodPost {
		req.Header.Set("Idempotency-Key", id.New().String())
	}
	r, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, path, r.StatusCode, b)
	}
	if out != nil {
		return json.Unmarshal(b, out)
	}
	return nil
}

func (s *server) login(t testing.TB, audience, login string) string {
	var out struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, s.call(http.MethodPost, "/auth/login", "", map[string]string{"audience": audience, "login": login, "password": password}, &out))
	require.NotEmpty(t, out.AccessToken)
	return out.AccessToken
}
