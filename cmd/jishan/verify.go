package main

import (
	"fmt"
	"time"

	"jishan/internal/award"
	"jishan/internal/board"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/rdb"
	"jishan/internal/redeem"
	"jishan/internal/shop"
)

type verifyCmd struct {
	Proof     string        `placeholder:"编码/号" help:"不核对，打印一笔交易属于当天日封的证明（JSON），例如 439900100201/1234；用 scripts/check-proof.mjs 检查"`
	SinceSeal bool          `help:"从上次核对无误的日封接着核对：只读其后的交易和它们动过的账户、积分、库存，之前的不再重读（记在数据目录的 verified 文件夹里）；不写则从头核对"`
	Seals     string        `type:"path" placeholder:"文件" help:"再与留存在别处的日封比对（jishan export seals 写出的文件）：账被改动过，或是更早的账，都看得出来"`
	Wait      time.Duration `default:"10s" help:"积分榜与账本不符时，最多等多久再下结论：正在记的账要过一会儿才到榜上"`
}

// Run recomputes everything from the raw rows. It may run beside a serving process: it reads one snapshot.
func (v verifyCmd) Run(e *env) error {
	c, err := e.load()
	if err != nil {
		return err
	}
	d, err := e.open(c, true)
	if err != nil {
		return err
	}
	defer d.Close()
	if v.Proof != "" {
		return printProof(e, d, v.Proof)
	}
	found, err := verifyDatabase(e, d, marksIn(c.DataDir), v.SinceSeal)
	if err != nil {
		return err
	}
	if v.Seals != "" {
		kept, err := readSeals(v.Seals)
		if err != nil {
			return err
		}
		n, err := compareSeals(e, d, kept)
		if err != nil {
			return err
		}
		found += n
	}
	if len(c.Redis.Addrs) > 0 {
		r, err := rdb.Open(e.ctx, c.Redis)
		if err != nil {
			return errs.ErrUnavailable.Wrap(err)
		}
		defer r.Close()
		n, err := verifyBoards(e, board.New(d, r, board.Options{Patience: v.Wait}))
		if err != nil {
			return err
		}
		found += n
	} else {
		e.say("积分榜：没有核对。没有配置 redis.addrs，榜在服务进程里，从外面看不到；服务每次启动都从账本重建，运行中逐村比对、自动修正")
	}
	if found > 0 {
		e.say("核对完毕，发现 %d 处不符", found)
		return errFindings
	}
	e.say("核对完毕，全部相符")
	return nil
}

// verifyDatabase prints what it finds and answers how much.
func verifyDatabase(e *env, d *db.DB, kept marks, sinceSeal bool) (found int, err error) {
	report, err := verifyBooks(e, d, kept, sinceSeal)
	if err != nil {
		return 0, err
	}
	var spans []ledger.Span // nil: everything
	var stock *shop.StockMark
	if sinceSeal {
		spans = report.Spans
		if stock, err = kept.stock(); err != nil {
			return 0, err
		}
	}
	var counted *shop.StockMark
	err = d.Read(e.ctx, func(tx db.Tx) error {
		found = 0
		regions, err := people.AllRegions(tx)
		if err != nil {
			return err
		}
		names := map[string]string{}
		for _, r := range regions {
			names[r.ID.String()] = r.Name
		}
		for _, f := range report.Findings {
			name := names[f.Book.String()]
			if name == "" {
				name = f.Book.String()
			}
			e.say("[不符] %s：%s", name, f.Text)
		}
		found += len(report.Findings)
		e.say("村账：%d 本，交易 %d 笔，分录 %d 条，日封 %d 封（其后 %d 笔还没有封存），%s", report.Books, report.Transactions, report.Entries, report.Seals, report.Unsealed, verdict(len(report.Findings)))
		tell := func(name string, texts []string, rows int64) {
			for _, t := range texts {
				e.say("[不符] %s", t)
			}
			found += len(texts)
			e.say("%s：%d 笔，%s", name, rows, verdict(len(texts)))
		}
		texts, rows, err := award.VerifySince(tx, spans)
		if err != nil {
			return err
		}
		tell("加减分", texts, rows)
		if texts, rows, err = redeem.VerifySince(tx, spans); err != nil {
			return err
		}
		tell("兑换", texts, rows)
		if texts, rows, counted, err = shop.VerifyStockSince(tx, stock); err != nil {
			return err
		}
		tell("库存", texts, rows)
		if sinceSeal {
			e.say("只核对了上次日封以后的；以前的记录要从头核对（不加 --since-seal）才重新读一遍")
		}
		return nil
	})
	if err == nil && found == 0 {
		err = kept.keep(report.moved, counted)
	}
	return found, err
}

func verdict(n int) string {
	if n == 0 {
		return "相符"
	}
	return fmt.Sprintf("%d 处不符", n)
}

func verifyBoards(e *env, boards *board.Service) (int, error) {
	report, err := boards.Verify(e.ctx)
	if err != nil {
		return 0, err
	}
	if report.Away != "" {
		e.say("积分榜：%s", report.Away)
		return 0, nil
	}
	for _, t := range report.Differences {
		e.say("[不符] %s", t)
	}
	e.say("积分榜：%d 张，%s", report.Boards, verdict(len(report.Differences)))
	return len(report.Differences), nil
}
