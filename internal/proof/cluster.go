package proof

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// redisCLI runs redis-cli and answers what it printed.
func redisCLI(args ...string) (string, error) {
	out, err := exec.Command("redis-cli", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("redis-cli %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// newCluster starts three masters without replicas and shares the slots out among them. What a killed one held is lost, and the
// others go on with theirs.
func newCluster(t testing.TB, dir string) []*redisServer {
	t.Helper()
	var out []*redisServer
	create := []string{"--cluster", "create"}
	for i := range 3 {
		name := fmt.Sprintf("redis%d", i+1)
		bus, err := freePort()
		require.NoError(t, err)
		r, err := newRedis(dir, name, "--cluster-enabled", "yes", "--cluster-config-file", name+".nodes", "--cluster-port", strconv.Itoa(bus),
			"--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no")
		require.NoError(t, err)
		t.Cleanup(r.kill)
		require.NoError(t, r.start())
		out = append(out, r)
		create = append(create, r.addr())
	}
	_, err := redisCLI(append(create, "--cluster-replicas", "0", "--cluster-yes")...)
	require.NoError(t, err)
	require.NoError(t, whole(out))
	return out
}

// whole waits until every master knows that all are there and that every slot is served.
func whole(masters []*redisServer) error {
	var missing string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		missing = ""
		for _, r := range masters {
			s, err := redisCLI("-p", strconv.Itoa(r.port), "CLUSTER", "INFO")
			if err != nil || !strings.Contains(s, "cluster_state:ok") || !strings.Contains(s, "cluster_slots_ok:16384") {
				missing = fmt.Sprintf("%s: %v %s", r.name, err, s)
			}
		}
		if missing == "" {
			return nil
		}
	}
	return errors.New("the Redis Cluster is not whole: " + missing)
}

// moveSlots hands slots from one master to another while they are in use. A master that was harmed just before may still be thought
// dead by the others, and redis-cli moves nothing then.
func moveSlots(rng *rand.Rand, masters []*redisServer) error {
	if err := whole(masters); err != nil {
		return err
	}
	i := rng.IntN(len(masters))
	from, to := masters[i], masters[(i+1)%len(masters)]
	ids := make([]string, 2)
	for j, r := range []*redisServer{from, to} {
		id, err := redisCLI("-p", strconv.Itoa(r.port), "CLUSTER", "MYID")
		if err != nil {
			return err
		}
		ids[j] = id
	}
	_, err := redisCLI("--cluster", "reshard", from.addr(), "--cluster-from", ids[0], "--cluster-to", ids[1], "--cluster-slots", strconv.Itoa(100+rng.IntN(400)), "--cluster-yes")
	return err
}

// RedisCluster is MariaDB with two processes, and their boards in a Redis Cluster of three masters.
func RedisCluster(t testing.TB) *Setup {
	t.Helper()
	dir := t.TempDir()
	m := startMariaDB(t, dir)
	masters := newCluster(t, dir)
	var addrs []string
	for _, r := range masters {
		addrs = append(addrs, r.addr())
	}
	redis := strings.Join(addrs, ",")
	one := func(rng *rand.Rand) *redisServer { return masters[rng.IntN(len(masters))] }
	return &Setup{Name: "MariaDB, 2 processes, Redis Cluster of 3 masters", Admin: m.admin(), Grant: m.grant, DSN: dsn(m.addr(), ""), Env: common(dsn(m.addr(), ""), redis),
		Faults: append(databaseFaults(m),
			fault{"master killed", 3, func(rng *rand.Rand) error {
				r := one(rng)
				r.kill()
				pause(rng, time.Millisecond, 3*time.Second)
				return r.start()
			}},
			fault{"master flushed", 1, func(rng *rand.Rand) error { return one(rng).do("FLUSHALL") }},
			fault{"master stopped", 1, func(rng *rand.Rand) error { return freeze(rng, one(rng).daemon) }},
			fault{"slots moved", 3, func(rng *rand.Rand) error { return moveSlots(rng, masters) }},
		),
		APIs: func(program string) ([]*apiProcess, error) { return twoAPIs(dir, program, m.addr(), redis, false) }}
}
