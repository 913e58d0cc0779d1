package proof

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A test that runs out of its time ends at once, without any cleaning up; its servers end with it.
func TestServersEndWithTheTest(t *testing.T) {
	if dir := os.Getenv("PROOF_OUT_OF_TIME"); dir != "" {
		d := &daemon{name: "sleeper", dir: dir, args: func() ([]string, error) { return []string{"sleep", "600"}, nil }, ready: func() error { return nil }}
		require.NoError(t, d.start())
		fmt.Printf("pid=%d\n", d.cmd.Process.Pid)
		select {}
	}
	if runtime.GOOS != "linux" {
		return // only Linux ends a process for the end of another
	}
	c := exec.Command(os.Args[0], "-test.run=^TestServersEndWithTheTest$", "-test.timeout=1s")
	c.Env = append(os.Environ(), "PROOF_OUT_OF_TIME="+t.TempDir())
	out, err := c.Output()
	require.Error(t, err)
	m := regexp.MustCompile(`pid=(\d+)`).FindSubmatch(out)
	require.NotNil(t, m, "%s", out)
	pid, err := strconv.Atoi(string(m[1]))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return exited(pid) }, 10*time.Second, 10*time.Millisecond)
}
