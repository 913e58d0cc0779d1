package e2e

import "syscall"

// raiseFiles allows at least n open files where the system lets it, and answers how many there may be.
func raiseFiles(n uint64) int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024
	}
	if l.Cur < n {
		higher := syscall.Rlimit{Cur: n, Max: max(n, l.Max)}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &higher) == nil {
			return int(n)
		}
	}
	return int(min(l.Cur, 1<<30))
}
