package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"jishan/internal/api"
	"jishan/internal/board"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/jobs"
	"jishan/internal/obs"
	"jishan/internal/public"
	"jishan/internal/rdb"
	"jishan/internal/report"
	"jishan/internal/trial"
)

// ErrListen is an address that cannot be listened on.
var ErrListen = errs.Define(errs.Unavailable, "app.listen", "监听地址用不了，可能已有程序占用：请停掉那个程序，或用 JISHAN_HTTP_ADDR 换一个地址")

// Options are what the configuration does not say. The zero value serves.
type Options struct {
	Log         *slog.Logger                   // nil = nothing
	Clock       func() time.Time               // nil = the real one
	Folder      *Folder                        // the data folder where the caller has locked it already
	BoardPrefix string                         // of the boards' keys in Redis; "" = the default
	Statements  func(query string, args []any) // is told every statement to the database; nil = nobody
}

// App is everything, built and not yet serving.
type App struct {
	Config *conf.Config
	Log    *slog.Logger
	DB     *db.DB
	Redis  *rdb.Redis
	*Services
	Boards *board.Service
	API    *api.Server
	Jobs   *jobs.Runner

	folder *Folder
}

// New builds everything from checked configuration c, bringing the schema up on the way or refusing an older one, as it says. On an error nothing is left open.
func New(ctx context.Context, c *conf.Config, o Options) (_ *App, err error) {
	a := &App{Config: c, Log: o.Log, folder: o.Folder}
	if a.Log == nil {
		a.Log = slog.New(slog.DiscardHandler)
	}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()

	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, errs.ErrUnavailable.Wrap(fmt.Errorf("making the data folder: %w", err))
	}
	if c.DB.DSN == "" && a.folder == nil {
		if a.folder, err = LockFolder(c.DataDir); err != nil {
			return nil, err
		}
	}
	a.DB, err = db.Open(ctx, db.Options{
		DSN: string(c.DB.DSN), DataDir: c.DataDir, MaxOpen: c.DB.MaxOpen, ReadConns: c.DB.ReadConns, Clock: o.Clock, Log: a.Log,
		Watch: o.Statements,
	})
	if err != nil {
		return nil, errs.ErrUnavailable.Wrap(err)
	}
	metrics := obs.NewRegistry()
	a.DB.Observe(metrics)
	schema := a.DB.Current
	if c.DB.Migrate {
		schema = a.DB.Migrate
	}
	if err := schema(ctx); err != nil {
		return nil, err
	}
	if a.Redis, err = rdb.Open(ctx, c.Redis); err != nil {
		return nil, errs.ErrUnavailable.Wrap(err)
	}
	if a.Services, err = NewServices(c, a.DB); err != nil {
		return nil, err
	}
	a.Boards = board.New(a.DB, a.Redis, board.Options{Prefix: o.BoardPrefix, Log: a.Log})

	obs.Queue(metrics, "award", a.Awards.Waiting)
	obs.Queue(metrics, "redeem", a.Redeem.Waiting)
	a.API = api.New(api.Deps{
		Config: c, DB: a.DB, Redis: a.Redis, Log: a.Log, Metrics: metrics,
		Auth: a.Auth, People: a.People, Rules: a.Rules, Shop: a.Shops, Notice: a.Notices, Party: a.Party,
		Awards: a.Awards, Trial: trial.New(a.DB, a.Rules), Redeem: a.Redeem, Board: a.Boards, Report: report.New(a.DB), Public: public.New(a.DB, a.Boards), WeChat: a.WeChat,
	})
	a.Jobs = jobs.New(a.DB, jobs.Options{Sole: a.folder != nil, Log: a.Log}, a.jobs()...)
	return a, nil
}

// Run listens on the configured address and serves until ctx ends; see Serve.
func (a *App) Run(ctx context.Context) error {
	l, err := Listen(a.Config.HTTP.Addr)
	if err != nil {
		return err
	}
	return a.Serve(ctx, l)
}

// Listen opens an address, or says that somebody else has it.
func Listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, &errs.Error{Code: ErrListen, Detail: fmt.Sprintf("监听地址 %s 用不了，可能已有程序占用：请停掉那个程序，或用 JISHAN_HTTP_ADDR 换一个地址", addr), Cause: err}
	}
	return l, nil
}

// Serve answers on l and runs the jobs until ctx ends. Then no new connection is taken, requests inside are finished (for as
// long as one may take), and the leases are given up.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	if addr := a.Config.Metrics.ProfileAddr; addr != "" {
		pl, err := Listen(addr)
		if err != nil {
			return err
		}
		profiles := obs.ProfileServer()
		defer profiles.Close()
		go func() { _ = profiles.Serve(pl) }()
	}
	srv := a.API.HTTPServer()
	if a.Config.Jobs.Enabled {
		a.Jobs.Start()
	}
	a.Log.Info("serving", "address", l.Addr().String(), "database", string(a.DB.Dialect), "mode", a.Config.Mode)
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	var failed error
	select {
	case failed = <-ended:
	case <-ctx.Done():
		a.Log.Info("stopping")
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.Config.HTTP.WriteTimeout)
		defer cancel()
		failed = srv.Shutdown(stop)
		<-ended
	}
	if errors.Is(failed, http.ErrServerClosed) {
		failed = nil
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := a.Jobs.Stop(stop); err != nil {
		a.Log.Warn("jobs did not stop in time", "error", err)
	}
	if failed != nil {
		return fmt.Errorf("serving: %w", failed)
	}
	return nil
}

// Close ends what New began. Serve must have returned.
func (a *App) Close() {
	if a.Services != nil {
		a.Services.Close()
	}
	if a.Redis != nil {
		_ = a.Redis.Close()
	}
	if a.DB != nil {
		_ = a.DB.Close()
	}
	if a.folder != nil {
		a.folder.Unlock()
	}
}
