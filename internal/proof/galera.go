package proof

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// galeraLibrary is where Debian's galera-4 has it.
const galeraLibrary = "/usr/lib/galera/libgalera_smm.so"

// galera is a cluster whose nodes all take writes.
type galera struct {
	dir     string // of the run, with a folder for each node
	account *syscall.Credential
	nodes   []*galeraNode
	founded bool
}

// galeraNode is one of them.
type galeraNode struct {
	*mariadb
	cluster                 *galera
	home, data              string
	group, transfer, states int // ports: of the group, of what was missed, of a whole copy
}

// galeraAccount is whom the nodes run as. A copy from another node comes through rsync, which takes nothing as root.
func galeraAccount() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("mysql") // Debian's mariadb-server has made it
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// give makes a folder the nodes' own.
func (c *galera) give(dir string) error {
	if c.account == nil {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(c.account.Uid), int(c.account.Gid))
	})
}

func (c *galera) newNode(name string) (*galeraNode, error) {
	n := &galeraNode{mariadb: &mariadb{}, cluster: c, home: filepath.Join(c.dir, name)}
	n.data = filepath.Join(n.home, "data")
	if err := os.MkdirAll(n.data, 0o700); err != nil {
		return nil, err
	}
	if len(c.nodes) == 0 { // the others are sent everything
		if err := installMariaDB(n.data); err != nil {
			return nil, err
		}
	}
	if err := c.give(n.home); err != nil {
		return nil, err
	}
	for _, p := range []*int{&n.port, &n.group, &n.transfer, &n.states} {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		*p = port
	}
	n.daemon = &daemon{name: name, dir: c.dir, wait: 90 * time.Second, account: c.account, env: append(os.Environ(), "TMPDIR="+n.home),
		args: n.args, ready: func() error { return n.synced(1) }}
	return n, nil
}

// base are the settings without those of the group.
func (n *galeraNode) base() []string {
	return append(mariadbArgs(n.home, n.name, n.data, n.port), "--binlog-format=ROW", "--default-storage-engine=InnoDB", "--innodb-autoinc-lock-mode=2",
		"--wsrep-on=ON", "--wsrep-provider="+galeraLibrary)
}

// args start the node beside the others. One that was killed finds first how far it had come, as Debian's service does, so that the
// others send what it has missed and no more.
func (n *galeraNode) args() ([]string, error) {
	var group []string
	for _, o := range n.cluster.nodes {
		group = append(group, fmt.Sprintf("127.0.0.1:%d", o.group))
	}
	args := append(n.base(), "--wsrep-cluster-name=proof", "--wsrep-cluster-address=gcomm://"+strings.Join(group, ","), "--wsrep-node-name="+n.name,
		fmt.Sprintf("--wsrep-node-address=127.0.0.1:%d", n.group), "--wsrep-node-incoming-address="+n.addr(),
		fmt.Sprintf("--wsrep-sst-receive-address=127.0.0.1:%d", n.states), "--wsrep-sst-method=rsync", "--wsrep-slave-threads=2",
		// A node that says nothing for a second is suspected, and after three it is out.
		fmt.Sprintf("--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:%d;base_port=%[1]d;ist.recv_addr=127.0.0.1:%d;gcache.size=64M;"+
			"evs.suspect_timeout=PT1S;evs.inactive_timeout=PT3S;evs.keepalive_period=PT0.3S;evs.inactive_check_period=PT0.3S", n.group, n.transfer))
	if !n.cluster.founded {
		n.cluster.founded = true
		return append(args, "--wsrep-new-cluster"), nil
	}
	if _, err := os.Stat(filepath.Join(n.data, "ibdata1")); err != nil {
		return args, nil // nothing is there: everything will be sent
	}
	place, err := n.recovered()
	return append(args, place...), err
}

var recoveredPosition = regexp.MustCompile(`Recovered position: *([0-9a-f-]+:-?[0-9]+)`)

// recovered is how far the node's own rows have come.
func (n *galeraNode) recovered() ([]string, error) {
	args := append(n.base(), "--wsrep-cluster-address=gcomm://", "--wsrep-recover")
	c := exec.Command(args[0], args[1:]...)
	c.SysProcAttr, c.Env = &syscall.SysProcAttr{Credential: n.account}, n.env
	endsWithUs(c.SysProcAttr)
	out, err := c.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("mariadbd --wsrep-recover: %w: %s", err, out)
	}
	m := recoveredPosition.FindSubmatch(out)
	if m == nil {
		return nil, fmt.Errorf("mariadbd --wsrep-recover names no position: %s", out)
	}
	return []string{"--wsrep-start-position=" + string(m[1])}, nil
}

// synced is nil when the node takes part in a group of so many at least.
func (n *galeraNode) synced(size int) error {
	d, err := n.open()
	if err != nil {
		return err
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var members int
	var status, state string
	if err := d.QueryRowContext(ctx, `SELECT MAX(IF(VARIABLE_NAME = 'wsrep_cluster_size', CAST(VARIABLE_VALUE AS INT), 0)),
		MAX(IF(VARIABLE_NAME = 'wsrep_cluster_status', VARIABLE_VALUE, '')), MAX(IF(VARIABLE_NAME = 'wsrep_local_state_comment', VARIABLE_VALUE, ''))
		FROM information_schema.GLOBAL_STATUS`).Scan(&members, &status, &state); err != nil {
		return err
	}
	if members < size || status != "Primary" || state != "Synced" {
		return fmt.Errorf("%s is %s in a %s group of %d", n.name, state, status, members)
	}
	return nil
}

// together waits until all nodes are one group again: with a second one harmed meanwhile, no majority would be left.
func (c *galera) together() error {
	var err error
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		err = nil
		for _, n := range c.nodes {
			err = errors.Join(err, n.synced(len(c.nodes)))
		}
		if err == nil {
			return nil
		}
	}
	for _, n := range c.nodes {
		err = fmt.Errorf("%w\n%s:\n%s", err, n.name, n.tail())
	}
	return fmt.Errorf("the nodes do not come together: %w", err)
}

// faults are done to any node, one node at a time.
func (c *galera) faults() []fault {
	one := func(rng *rand.Rand) *galeraNode { return c.nodes[rng.IntN(len(c.nodes))] }
	again := func(rng *rand.Rand, n *galeraNode) error {
		pause(rng, time.Millisecond, 2*time.Second)
		return errors.Join(n.start(), c.together())
	}
	return []fault{
		{"node killed", 3, func(rng *rand.Rand) error {
			n := one(rng)
			n.kill()
			return again(rng, n)
		}},
		{"node lost with its disk", 1, func(rng *rand.Rand) error {
			n := one(rng)
			n.kill()
			if err := errors.Join(os.RemoveAll(n.home), os.MkdirAll(n.data, 0o700), c.give(n.home)); err != nil {
				return err
			}
			return again(rng, n)
		}},
		{"node stopped", 2, func(rng *rand.Rand) error { // briefly, or until the others have gone on without it
			n := one(rng)
			if err := n.signal(syscall.SIGSTOP); err != nil {
				return err
			}
			pause(rng, 100*time.Millisecond, 6*time.Second)
			return errors.Join(n.signal(syscall.SIGCONT), c.together())
		}},
	}
}

// startGalera starts three nodes with an empty database.
func startGalera(t testing.TB) *galera {
	t.Helper()
	account, err := galeraAccount()
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "jishan-galera-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o711)) // the nodes' account must reach its folders
	c := &galera{dir: dir, account: account}
	for i := range 3 {
		n, err := c.newNode(fmt.Sprintf("node%d", i+1))
		require.NoError(t, err)
		c.nodes = append(c.nodes, n)
	}
	for _, n := range c.nodes {
		t.Cleanup(n.kill)
		require.NoError(t, n.start())
	}
	require.NoError(t, c.together())
	require.NoError(t, c.nodes[0].create())
	return c
}

// Galera is three nodes that all take writes, and a process at each.
func Galera(t testing.TB) *Setup {
	t.Helper()
	c := startGalera(t)
	r, err := newRedis(c.dir, "redis")
	require.NoError(t, err)
	t.Cleanup(r.kill)
	require.NoError(t, r.start())

	// A read waits until its node has applied what the others had committed before: without it, another node may show the past.
	const params = "?wsrep_sync_wait=1"
	first := c.nodes[0]
	return &Setup{Name: "Galera, 3 nodes with a process each, Redis", Admin: first.admin(), Grant: first.grant,
		DSN: dsn(first.addr(), params), Env: common(dsn(first.addr(), params), r.addr()),
		Faults: append(c.faults(), redisFaults(r)...),
		APIs: func(program string) (out []*apiProcess, err error) {
			for i, n := range c.nodes {
				p, err := linkedAPI(c.dir, program, fmt.Sprintf("api%d", i+1), n.addr(), params, r.addr(), true)
				if err != nil {
					return nil, err
				}
				out = append(out, p)
			}
			return out, nil
		}}
}
