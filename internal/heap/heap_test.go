package heap

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPercentage(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, most}, {1 << 20, most}, {10 << 20, 300}, {20 << 20, usual}, {30 << 20, usual}, {1 << 40, usual}} {
		require.Equal(t, c.want, percentage(40<<20, c.live), "%d alive", c.live)
	}
	require.Equal(t, 166, percentage(40<<20, 15<<20))
}

// set is the percentage in force.
func set() int {
	old := debug.SetGCPercent(usual)
	debug.SetGCPercent(old)
	return old
}

var kept []byte

func TestLazyUntilTheHeapIsLargeAndThriftyBeforeAll(t *testing.T) {
	t.Setenv("GOGC", "")
	require.Equal(t, usual, set())
	stop := Lazy(64 << 20)
	runtime.GC()
	require.Eventually(t, func() bool { return set() > 2*usual }, 5*time.Second, time.Millisecond)
	done := Thrifty()
	require.Equal(t, thrifty, set())
	again := Thrifty()
	done()
	done()
	require.Equal(t, thrifty, set(), "somebody else still is")
	again()
	require.Greater(t, set(), usual)

	kept = make([]byte, 48<<20)
	require.Eventually(t, func() bool { runtime.GC(); return set() == usual }, 5*time.Second, time.Millisecond)
	kept = nil
	require.Eventually(t, func() bool { runtime.GC(); return set() > 2*usual }, 5*time.Second, time.Millisecond)
	stop()
	require.Equal(t, usual, set())

	t.Setenv("GOGC", "80")
	old := debug.SetGCPercent(80)
	defer debug.SetGCPercent(old)
	stop, done = Lazy(1<<30), Thrifty()
	require.Equal(t, 80, set(), "who has set it by hand knows why")
	done()
	stop()
	require.Equal(t, 80, set())
}
