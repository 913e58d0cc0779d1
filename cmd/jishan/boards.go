package main

import (
	"context"
	"errors"
	"time"

	"jishan/internal/board"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/jobs"
	"jishan/internal/people"
	"jishan/internal/rdb"
)

type boardsCmd struct {
	Rebuild boardsRebuild `cmd:"" help:"从账本重建积分榜（期间加减分和兑换照常）"`
}

type boardsRebuild struct {
	Region string        `placeholder:"编码" help:"只重建一个县、乡镇、村或组的榜；不写则全部重建"`
	Wait   time.Duration `default:"1m" help:"最多等多久"`
}

// Run asks for it and waits. Boards in a Redis inside the serving process can only be made by that process. A real Redis is filled
// by whoever holds the job's lease: the serving process, or this one where none serves.
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
	boards := board.New(d, r, board.Options{})
	if !r.Embedded {
		if err := r.Ping(e.ctx).Err(); err != nil {
			e.say("连不上 Redis，没有重建；运行 jishan doctor 查看原因。Redis 不在时积分榜由数据库直接计算，结果仍然正确")
			return errFindings
		}
		runner := jobs.New(d, jobs.Options{}, jobs.Job{Name: board.JobName, Every: board.Interval, Rest: board.Rest, Wake: boards.Woken(), Run: boards.Tick})
		runner.Start()
		defer func() { _ = runner.Stop(context.WithoutCancel(e.ctx)) }()
	}
	ctx, cancel := context.WithTimeout(e.ctx, c.Wait)
	defer cancel()
	begin := time.Now()
	err = boards.Rebuild(ctx, scopes...)
	if errors.Is(err, context.DeadlineExceeded) {
		if r.Embedded {
			e.say("已经登记，但 %s 内没有完成。没有配置 redis.addrs，积分榜在服务进程里：服务没有运行时不用重建，它每次启动都从账本重建", c.Wait)
		} else {
			e.say("已经登记，但 %s 内没有完成：榜很大时请用 --wait 多等一会儿；正在运行的服务会接着做完，不用再次执行", c.Wait)
		}
		return errFindings
	}
	if err != nil {
		return err
	}
	e.say("积分榜已重建，用时 %s", time.Since(begin).Round(10*time.Millisecond))
	return nil
}
