package main

import (
	"fmt"
	"strings"
	"time"

	"jishan/internal/app"
	"jishan/internal/auth"
	"jishan/internal/board"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/demo"
	"jishan/internal/heap"
	"jishan/internal/rdb"
)

type demoCmd struct{}

// Run makes the demo's data where there is none yet, prints how to use it, and serves it.
func (demoCmd) Run(e *env) error {
	c, err := conf.Load(e.config)
	if err != nil {
		return err
	}
	var wrong []string
	if c.Production() {
		wrong = append(wrong, "正式环境（mode: production）不能启动演示：请去掉这个设置，或用 jishan serve")
	}
	if c.DB.DSN != "" {
		wrong = append(wrong, "演示只用自己的数据文件夹，请去掉 db.dsn（JISHAN_DB_DSN）")
	}
	if len(c.Redis.Addrs) > 0 {
		wrong = append(wrong, "演示只用进程内的 Redis，请去掉 redis.addrs（JISHAN_REDIS_ADDRS）")
	}
	if len(wrong) > 0 {
		return &conf.Error{Problems: wrong}
	}
	c.Demo.Enabled = true
	if err := c.Check(); err != nil {
		return err
	}
	log, err := e.logger(c)
	if err != nil {
		return err
	}
	l, err := app.Listen(c.HTTP.Addr) // before half a minute of work, not after
	if err != nil {
		return err
	}
	folder, err := app.LockFolder(c.DataDir)
	if err != nil {
		_ = l.Close()
		return err
	}
	guide, err := e.demoData(c)
	if err != nil {
		_ = l.Close()
		folder.Unlock()
		return err
	}
	a, err := app.New(e.ctx, c, app.Options{Log: log, Folder: folder})
	if err != nil {
		_ = l.Close()
		return err
	}
	defer a.Close()
	e.say("%s", describe(c, guide))
	defer heap.Lazy(heap.Goal)()
	return a.Serve(e.ctx, l)
}

// demoData makes sure that the folder holds a whole demo.
func (e *env) demoData(c *conf.Config) (demo.Guide, error) {
	guide, complete, err := demo.Prepare(c.DataDir)
	if err != nil || complete {
		return guide, err
	}
	begin := time.Now()
	e.say("第一次启动：正在生成演示数据（一个镇、七个村、一年的积分往来），大约半分钟……")
	bar := e.bar(1000, "准备")
	clock := &demo.Clock{}
	d, err := db.Open(e.ctx, db.Options{DataDir: c.DataDir, ReadConns: 2, Clock: clock.Now})
	if err != nil {
		return guide, err
	}
	defer d.Close()
	if err := d.Migrate(e.ctx); err != nil {
		return guide, err
	}
	s, err := app.NewServices(c, d)
	if err != nil {
		return guide, err
	}
	defer s.Close()
	world := demo.World{DB: d, Auth: s.Auth, People: s.People, Rules: s.Rules, Shops: s.Shops, Party: s.Party, Awards: s.Awards, Redeem: s.Redeem}
	guide, err = demo.Fill(e.ctx, world, clock, demo.Extent{Until: time.Now()}, func(what string, share float64) {
		bar.Describe(what)
		_ = bar.Set(int(share * 1000))
	})
	if err != nil {
		return guide, err
	}
	// Closed months are kept now, at leisure, and not by the job while the boards of the present are being filled.
	bar.Describe("存档往月积分榜")
	r, err := rdb.Open(e.ctx, c.Redis)
	if err != nil {
		return guide, err
	}
	defer r.Close()
	if err := board.New(d, r, board.Options{}).TakeSnapshots(e.ctx); err != nil {
		return guide, err
	}
	_ = bar.Finish()
	if err := demo.Finish(c.DataDir, guide); err != nil {
		return guide, err
	}
	e.say("生成完毕，用时 %s", time.Since(begin).Round(100*time.Millisecond))
	return guide, nil
}

// describe is what a visitor reads: what there is, who to be, what to try.
func describe(c *conf.Config, g demo.Guide) string {
	var b strings.Builder
	base := c.BaseURL()
	fmt.Fprintf(&b, `
积善演示已启动，干部端：%s/admin/   接口文档：%s/docs
数据在 %s（删掉这个文件夹就从头再来）

  %d 户、%d 人、%d 名党员；加减分 %d 笔（另有 %d 笔被上限或规则挡下），撤销 %d 笔，兑换 %d 笔，退货 %d 笔

账号（密码都是 %s）：
`, base, base, c.DataDir, g.Households, g.People, g.Members, g.Awards, g.Refused, g.Reversals, g.Redemptions, g.Refunds, demo.Password)
	for _, l := range g.Logins {
		audience := "干部端"
		if l.Kind == auth.KindMerchant {
			audience = "商户端"
		}
		fmt.Fprintf(&b, "  %s  %-20s %s（%s，%s）\n", audience, l.Login, l.Role, l.Name, l.Place)
	}
	fmt.Fprintf(&b, "\n村民（演示时不用密码：POST /api/v1/auth/demo；在柜台可用户码加户卡密码 %s 兑换）：\n", demo.PIN)
	for _, h := range g.Homes {
		fmt.Fprintf(&b, "  户码 %s   %s（%s）\n", h.Code, h.Head, h.Village)
	}
	b.WriteString("\n可以接着试试（整段复制到另一个终端，只要有 curl）：\n\n")
	b.WriteString(walkThrough(base, g))
	b.WriteString("\n再试：jishan verify 核对全部账目；jishan boards rebuild 重建积分榜；按 Ctrl-C 停止\n")
	return b.String()
}
