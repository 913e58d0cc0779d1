package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const calmProbe = "JISHAN_TEST_CALM"

// A process that is calm is still the same one, has all that it was started with, and its new threads are calm, too.
func TestCalmReachesEveryThread(t *testing.T) {
	if os.Getenv(calmProbe) != "" {
		calm()
		got := make(chan int)
		for range 3 {
			go func() {
				runtime.LockOSThread() // never unlocked: each has a thread of its own
				n, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
				if err != nil {
					n = -1
				}
				got <- n
			}()
		}
		fmt.Println("slack", <-got, <-got, <-got, "pid", os.Getpid(), os.Getenv(calmProbe))
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestCalmReachesEveryThread$")
	cmd.Env = append(os.Environ(), calmProbe+"=kept")
	out, err := cmd.Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "slack 1000000 1000000 1000000 pid "+strconv.Itoa(cmd.Process.Pid)+" kept")
}
