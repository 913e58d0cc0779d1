// Command server is `jishan serve` with a clock that can be moved: every line on its standard input is a duration by which its time
// differs from the machine's from then on. It ends when that input does. It exists for tests only; the product has no such thing.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"jishan/internal/app"
	"jishan/internal/conf"
	"jishan/internal/obs"
	"jishan/internal/rdb"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx, stop, os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, stop func(), in io.Reader) error {
	c, err := conf.Load("")
	if err != nil {
		return err
	}
	if err := c.Check(); err != nil {
		return err
	}
	log, err := obs.NewLogger(os.Stderr, c.Log)
	if err != nil {
		return err
	}
	rdb.LogTo(log)
	var shift atomic.Int64
	go func() {
		defer stop()
		for lines := bufio.NewScanner(in); lines.Scan(); {
			if d, err := time.ParseDuration(lines.Text()); err == nil {
				shift.Store(int64(d))
			}
		}
	}()
	a, err := app.New(ctx, c, app.Options{Log: log, Clock: func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }})
	if err != nil {
		return err
	}
	defer a.Close()
	return a.Run(ctx)
}
