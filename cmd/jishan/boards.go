package main

import (
	"context"
	"errors"
	"time"

	"jishan/internal/board"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/rdb"
)

type boardsCmd struct {
	Rebuild boardsRebuild `cmd:"" help:"从账本重建积分榜（由正在运行的服务来做，期间加减分和兑换照常）"`
}

type boardsRebuild struct {
	Region string        `placeholder:"编码" help:"只重建一个县、乡镇、村或组的榜；不写则全部重建"`
	Wait   time.Duration `default:"1m" help:"最多等多久"`
}

// Run asks the serving process for it, and waits.
func (c boardsRebuild) Run(e *env) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	d, err := e.open(cfg, true)
	if err != nil {
		return err
	}
	defer d.Close()
	var scopes []id.ID
	if c.Region != "" {
		err := d.Read(e.ctx, func(tx db.Tx) error {
			r, err := people.RegionByCode(tx, c.Region)
			scopes = []id.ID{r.ID}
			return err
		})
		if err != nil {
			return err
		}
	}
	r, err := rdb.Open(e.ctx, cfg.Redis)
	if err != nil {
		return errs.ErrUnavailable.Wrap(err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(e.ctx, c.Wait)
	defer cancel()
	begin := time.Now()
	err = board.New(d, r, board.Options{}).Rebuild(ctx, scopes...)
	if errors.Is(err, context.DeadlineExceeded) {
		e.say("已经登记，但 %s 内没有完成：服务可能没有运行。服务启动后会自动重建，不用再次执行", c.Wait)
		return errFindings
	}
	if err != nil {
		return err
	}
	e.say("积分榜已重建，用时 %s", time.Since(begin).Round(10*time.Millisecond))
	return nil
}
