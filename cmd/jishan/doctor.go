package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"jishan/configs"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/ledger"
	"jishan/internal/outbox"
	"jishan/internal/rdb"
)

type doctorCmd struct {
	Health string `placeholder:"网址" help:"只问一个正在运行的服务是否就绪（例如 http://127.0.0.1:8080），供健康检查用"`
}

// doctor prints one line a check and remembers whether any failed.
type doctor struct {
	*env
	bad int
}

func (d *doctor) good(what, format string, args ...any) {
	d.say("[正常] %s：%s", what, fmt.Sprintf(format, args...))
}

func (d *doctor) warn(what, format string, args ...any) {
	d.say("[注意] %s：%s", what, fmt.Sprintf(format, args...))
}

func (d *doctor) wrong(what, format string, args ...any) {
	d.bad++
	d.say("[有误] %s：%s", what, fmt.Sprintf(format, args...))
}

// Run checks everything that the server needs, and says what to do.
func (c doctorCmd) Run(e *env) error {
	if c.Health != "" {
		return healthy(e.ctx, c.Health)
	}
	d := &doctor{env: e}
	cfg := d.configuration()
	if cfg != nil {
		d.folder(cfg)
		d.database(cfg)
		d.redis(cfg)
	}
	if d.bad > 0 {
		d.say("发现 %d 处问题，请按上面的提示处理", d.bad)
		return errFindings
	}
	d.say("一切正常")
	return nil
}

func healthy(ctx context.Context, base string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz", nil)
	if err != nil {
		return errs.ErrInvalid.Wrap(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return errs.ErrUnavailable.Wrap(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		return errs.ErrUnavailable.Wrap(fmt.Errorf("%s: %s", res.Status, b))
	}
	return nil
}

// configuration is nil when it could not even be read.
func (d *doctor) configuration() *conf.Config {
	cfg, err := conf.Load(d.config)
	if err != nil {
		d.wrong("配置", "%v", err)
		return nil
	}
	if err := cfg.Check(); err != nil {
		d.wrong("配置", "%v", err)
	} else {
		d.good("配置", "%s 模式，监听 %s", cfg.Mode, cfg.HTTP.Addr)
	}
	if !cfg.Production() {
		d.warn("密钥", "演示模式，用的可能是公开的默认密钥；正式使用请设 mode: production，并按 configs/production.example.yaml 换密钥")
	}
	if cfg.Production() && cfg.WeChat.AppID == "" {
		d.warn("微信", "没有设置 wechat.app_id，村民不能用小程序登录")
	}
	return cfg
}

func makeDataDir(c *conf.Config) error {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return errs.ErrUnavailable.Wrap(fmt.Errorf("数据文件夹 %s 建不了：%w", c.DataDir, err))
	}
	return nil
}

func (d *doctor) folder(c *conf.Config) {
	if err := makeDataDir(c); err != nil {
		d.wrong("数据文件夹", "%v", err)
		return
	}
	probe := filepath.Join(c.DataDir, ".write-test")
	if err := os.WriteFile(probe, []byte("x"), 0o600); err != nil {
		d.wrong("数据文件夹", "%s 不能写入，请检查权限和剩余空间（%v）", c.DataDir, err)
		return
	}
	_ = os.Remove(probe)
	d.good("数据文件夹", "%s 可以写入", c.DataDir)
}

func (d *doctor) database(c *conf.Config) {
	start := time.Now()
	x, err := d.open(c, false)
	if err != nil {
		d.wrong("数据库", "连不上，请检查 db.dsn、网络和账号（%v）", errors.Unwrap(errs.From(err).Cause))
		return
	}
	defer x.Close()
	d.good("数据库", "%s，%s 内连上", x.Dialect, time.Since(start).Round(time.Millisecond))
	if err := x.Current(d.ctx); err != nil {
		d.wrong("数据库结构", "%s", errs.From(err).Text())
		return
	}
	have, _, _ := x.Versions(d.ctx)
	d.good("数据库结构", "版本 %d，与程序一致", have)
	if x.Dialect == db.MySQL {
		d.durability(x)
		d.guard(x)
	}
	d.state(x)
}

// durability warns where a confirmed award may be lost with the power.
func (d *doctor) durability(x *db.DB) {
	err := x.Read(d.ctx, func(tx db.Tx) error {
		var flush, now int64
		if err := tx.Raw("SELECT @@innodb_flush_log_at_trx_commit").Scan(&flush).Error; err == nil && flush != 1 {
			d.warn("落盘", "innodb_flush_log_at_trx_commit 是 %d，断电可能丢失刚确认的记录，请设为 1", flush)
		}
		if err := tx.Raw("SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)").Scan(&now).Error; err != nil {
			return fmt.Errorf("reading the database's clock: %w", err)
		}
		d.clock("数据库服务器", time.Since(time.UnixMilli(now)))
		return nil
	})
	if err != nil {
		d.wrong("数据库", "读不了状态（%v）", err)
	}
}

// onlyAdded finds the tables to whose rows the server may only add.
var onlyAdded = regexp.MustCompile(`(?m)^GRANT SELECT, INSERT ON (\w+) TO`)

// guard says whether the database itself keeps this program from changing the ledger.
func (d *doctor) guard(x *db.DB) {
	err := x.Look(d.ctx, func(tx db.Tx) error {
		for _, m := range onlyAdded.FindAllStringSubmatch(configs.MariaDBGrants, -1) {
			err := tx.Exec("DELETE FROM " + m[1] + " WHERE 1 = 0").Error
			if err == nil {
				d.warn("数据库账号", "能改动、删除账本的记录；按 docs/operations.md 只给它 configs/mariadb-grants.sql 的权限，数据库就替您守住")
				return nil
			}
			if !db.Denied(err) {
				return err
			}
		}
		d.good("数据库账号", "账本的记录只能添加，不能改动、删除")
		return nil
	})
	if err != nil {
		d.wrong("数据库账号", "看不了权限（%v）", err)
	}
}

func (d *doctor) clock(whose string, off time.Duration) {
	if off.Abs() > 5*time.Second {
		d.wrong("时钟", "本机与%s相差 %s，请打开自动对时（NTP）", whose, off.Round(time.Second))
		return
	}
	d.good("时钟", "与%s相差不到 5 秒", whose)
}

// state looks at what is in the database: a ledger from the future, news nobody works off.
func (d *doctor) state(x *db.DB) {
	err := x.Read(d.ctx, func(tx db.Tx) error {
		var last int64
		if err := tx.Raw("SELECT COALESCE(MAX(t.at), 0) FROM ledger_heads h JOIN ledger_txs t ON t.book_id = h.book_id AND t.number = h.number").Scan(&last).Error; err != nil {
			return fmt.Errorf("reading the ledger's last time: %w", err)
		}
		if ahead := time.Until(time.UnixMilli(last)); last > 0 && ahead > 5*time.Second {
			d.wrong("时钟", "账本最后一笔在 %s 之后，本机的时钟可能慢了", ahead.Round(time.Second))
		}
		n, oldest, err := outbox.Waiting(tx, ledger.Topic)
		if err != nil {
			return err
		}
		if n > 0 && time.Since(oldest) > time.Minute {
			d.warn("积分榜", "有 %d 条变化等了 %s 还没有上榜：服务没有运行，或 Redis 连不上", n, time.Since(oldest).Round(time.Second))
		}
		return nil
	})
	if err != nil {
		d.wrong("数据库", "读不了状态（%v）", err)
	}
}

func (d *doctor) redis(c *conf.Config) {
	if len(c.Redis.Addrs) == 0 {
		d.good("Redis", "没有设置地址，用进程内的；榜上超过 2 万户或运行多个进程时请用真正的 Redis")
		return
	}
	r, err := rdb.Open(d.ctx, c.Redis)
	if err != nil {
		d.wrong("Redis", "%v", err)
		return
	}
	defer r.Close()
	start := time.Now()
	if err := r.Ping(d.ctx).Err(); err != nil {
		d.wrong("Redis", "连不上，请检查 redis.addrs 和密码；在恢复之前，加减分和兑换照常，积分榜暂时不更新（%v）", err)
		return
	}
	d.good("Redis", "%s，%s 内应答", c.Redis.Resolved(), time.Since(start).Round(time.Millisecond))
}
