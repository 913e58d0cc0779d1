package main

import (
	"log/slog"
	"os"
	"runtime/debug"

	"jishan/internal/app"
	"jishan/internal/conf"
	"jishan/internal/obs"
	"jishan/internal/rdb"
)

type serveCmd struct{}

// Run serves until SIGTERM or Ctrl-C.
func (serveCmd) Run(e *env) error {
	c, err := e.load()
	if err != nil {
		return err
	}
	log, err := e.logger(c)
	if err != nil {
		return err
	}
	l, err := app.Listen(c.HTTP.Addr)
	if err != nil {
		return err
	}
	a, err := app.New(e.ctx, c, app.Options{Log: log})
	if err != nil {
		_ = l.Close()
		return err
	}
	defer a.Close()
	calmCollector()
	return a.Serve(e.ctx, l)
}

// calmCollector lets the heap grow to three times what is alive before it is swept. That is some tens of MiB here, and with Go's
// usual twice an eighth of a loaded server's processor time went into sweeping. GOGC in the environment decides otherwise.
func calmCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}

// logger writes to standard error, and takes the Redis library's own messages in.
func (e *env) logger(c *conf.Config) (*slog.Logger, error) {
	log, err := obs.NewLogger(e.err, c.Log)
	if err != nil {
		return nil, &conf.Error{Problems: []string{err.Error()}}
	}
	rdb.LogTo(log)
	return log, nil
}
