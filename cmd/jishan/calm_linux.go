package main

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// slack is by how much the system may put off a timer of this process.
const slack = 1_000_000 // nanoseconds

// calm lets the system put off this process's timers by up to a millisecond instead of 50 microseconds, and starts the program anew for
// it: a thread has this from the one that made it, and Go's are there before main is.
//
// While requests are served, a thread of Go's runtime looks after the others every 20 microseconds. These wake-ups cost processor
// time, and keep a processor with nothing to do from taking over what waits at the other: with them two processors do a twentieth less.
// No timer of ours needs to be punctual to the millisecond. Where it cannot be done everything works as well.
func calm() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	now, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil || now >= slack {
		return // done already, here or by who started us
	}
	path, err := os.Executable()
	if err != nil || unix.Prctl(unix.PR_SET_TIMERSLACK, slack, 0, 0, 0) != nil {
		return
	}
	_ = syscall.Exec(path, os.Args, os.Environ())
}
