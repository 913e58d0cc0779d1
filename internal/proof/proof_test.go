package proof

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/testkit"
)

func TestMain(m *testing.M) {
	code := m.Run()
	removeBuilds()
	os.Exit(code)
}

// seed is that of the environment, to repeat a run, or a new one.
func seed(t testing.TB) uint64 {
	t.Helper()
	if s := os.Getenv("SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
		return n
	}
	return rand.Uint64N(1_000_000)
}

// TestNothingIsLostUnderFaults is the short version: half a minute on SQLite with one process, or on MariaDB with two.
func TestNothingIsLostUnderFaults(t *testing.T) {
	setup := SQLite
	if testkit.OnMySQL() {
		setup = MariaDB
	}
	v := Run(t, setup(t), Plan{Seed: seed(t), For: 25 * time.Second, Workers: 8})
	t.Log(v)
	require.Empty(t, v.Anomalies)
	require.Greater(t, v.Answered, 200, "too little was done to prove anything")
	require.NotEmpty(t, v.Faults)
}

// TestABrokenProgramIsFound runs programs that were built to break a promise, without any fault, and demands that it is noticed:
// one that answers before the commit, and on a server one that does not hold wallets from reading to commit.
func TestABrokenProgramIsFound(t *testing.T) {
	tags, setup := "earlyanswer", SQLite
	if testkit.OnMySQL() {
		tags, setup = "brokenlock", MariaDB
	}
	v := Run(t, setup(t), Plan{Seed: seed(t), For: 5 * time.Second, Workers: 8, Calm: true, Tags: tags})
	kinds := map[string]int{}
	for _, a := range v.Anomalies {
		kinds[a.Kind]++
	}
	t.Logf("%s: %d operations, anomalies by kind: %v", tags, v.Ops, kinds)
	if tags == "earlyanswer" {
		require.NotZero(t, kinds["lost"], "answered and gone")
		return
	}
	require.NotZero(t, kinds["sum"], "an update that another one has overwritten")
	require.NotZero(t, kinds["verify"], "jishan verify finds it, too")
}
