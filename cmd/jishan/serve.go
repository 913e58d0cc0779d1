package main

import (
	"log/slog"

	"jishan/internal/app"
	"jishan/internal/conf"
	"jishan/internal/heap"
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
	defer heap.Lazy(heap.Goal)()
	return a.Serve(e.ctx, l)
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
