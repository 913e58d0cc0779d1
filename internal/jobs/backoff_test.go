package jobs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBackoff(t *testing.T) {
	for failures, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 7: time.Minute, 10_000: time.Minute} {
		require.Equal(t, want, backoff(time.Second, time.Minute, failures), failures)
	}
	require.Equal(t, 500*time.Millisecond, backoff(time.Millisecond, time.Minute, 1))
	require.Equal(t, time.Hour, backoff(time.Hour, time.Minute, 3), "never more often than its interval")
	require.Equal(t, 20*time.Millisecond, backoff(time.Millisecond, 20*time.Millisecond, 1))
}
