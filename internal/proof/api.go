package proof

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// build makes the server with the tags, and the program itself beside it, once for all runs with these tags.
func build(tags string) (dir string, err error) {
	builds.Lock()
	defer builds.Unlock()
	if dir, ok := builds.done[tags]; ok {
		return dir, nil
	}
	if dir, err = os.MkdirTemp("", "jishan-proof-"); err != nil {
		return "", err
	}
	args := []string{"build", "-trimpath", "-tags", strings.Trim("nomsgpack,"+tags, ","), "-o", dir + "/", "jishan/internal/proof/server"}
	if tags == "" {
		args = append(args, "jishan/cmd/jishan")
	}
	c := exec.Command("go", args...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	builds.done[tags] = dir
	return dir, nil
}

var builds = struct {
	sync.Mutex
	done map[string]string
}{done: map[string]string{}}

// removeBuilds is for the end of the test binary.
func removeBuilds() {
	builds.Lock()
	defer builds.Unlock()
	for _, dir := range builds.done {
		_ = os.RemoveAll(dir)
	}
	clear(builds.done)
}

// apiProcess is one process of the program, and the ways to it and from it.
type apiProcess struct {
	*daemon
	port   int
	client *link // clients come through it
	ways   []*link
	http   *http.Client
}

// newAPI prepares a process; start starts it. env is its configuration beside the address.
func newAPI(dir, program, name string, env []string, ways ...*link) (*apiProcess, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	client, err := newLink("clients of "+name, addr)
	if err != nil {
		return nil, err
	}
	p := &apiProcess{port: port, client: client, ways: append([]*link{client}, ways...),
		http: &http.Client{Timeout: 8 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	p.daemon = &daemon{name: name, dir: dir, wait: time.Minute, again: true,
		args: func() ([]string, error) { return []string{program}, nil },
		env: append(append(os.Environ(), "JISHAN_CONFIG=", "JISHAN_DATA_DIR="+filepath.Join(dir, name), "JISHAN_HTTP_ADDR="+addr,
			"JISHAN_LOG_LEVEL=warn", "JISHAN_DB_MAX_OPEN=16"), env...),
		ready: func() error {
			quick := http.Client{Timeout: 2 * time.Second}
			r, err := quick.Get("http://" + addr + "/readyz")
			if err != nil {
				return err
			}
			_ = r.Body.Close()
			if r.StatusCode != http.StatusOK {
				return fmt.Errorf("readyz: %d", r.StatusCode)
			}
			return nil
		}}
	return p, nil
}

func (p *apiProcess) url() string { return "http://" + p.client.addr() }

// shift moves the process's clock to so much off the machine's.
func (p *apiProcess) shift(by time.Duration) error {
	_, err := fmt.Fprintln(p.in, by)
	return err
}
