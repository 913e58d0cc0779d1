//go:build proof

package proof

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestProof is one set-up of `make proof`: PROOF_SETUP, for PROOF_SECONDS, with SEED.
func TestProof(t *testing.T) {
	setup := map[string]func(testing.TB) *Setup{"sqlite": SQLite, "mariadb": MariaDB, "galera": Galera, "cluster": RedisCluster}[os.Getenv("PROOF_SETUP")]
	require.NotNil(t, setup, "PROOF_SETUP is sqlite, mariadb, galera or cluster")
	seconds, err := strconv.Atoi(os.Getenv("PROOF_SECONDS"))
	require.NoError(t, err, "PROOF_SECONDS is how long the faults last")
	v := Run(t, setup(t), Plan{Seed: seed(t), For: time.Duration(seconds) * time.Second, Workers: 8})
	t.Log(v)
	require.Empty(t, v.Anomalies)
	require.NotZero(t, v.Answered)
}
