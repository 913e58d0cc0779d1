// Package jobs runs background work on exactly one of any number of processes.
//
// It owns the table leases. Every job has a lease row; the process that holds
// it runs the job at its interval and when woken, renews the lease meanwhile,
// and gives it up when it stops. The lease of a process that died runs out
// after TTL and another process goes on.
//
//	r := jobs.New(d, jobs.Options{Log: log}, jobs.Job{Name: "boards", Every: 300 * time.Millisecond, Wake: boards.Woken(), Run: boards.Tick})
//	r.Start()
//	err := r.Stop(ctx) // on SIGTERM
//
// The package knows nothing of what the jobs do.
//
// Invariants: while a lease is held nobody else runs the job, as long as the
// processes' clocks agree within TTL/2 and no process is frozen between a check
// and its effect; so a job's work must bear being done twice. A job is told by
// its context when the lease is lost. A lease that ends further ahead than twice
// the TTL was taken by a clock that was wrong, and is taken over. A panic in a job is an error of that run
// and nothing else.
package jobs
