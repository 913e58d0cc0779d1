package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"jishan/internal/app"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/ledger"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/rule"
)

type importCmd struct {
	Roster  importRoster  `cmd:"" help:"导入户册（花名册）"`
	Members importMembers `cmd:"" help:"导入党员名册"`
	Rules   importRules   `cmd:"" help:"导入积分细则，存为草稿；写明表决情况时直接生效"`
}

// importMemory is what an import keeps to while it can. By itself the collector lets garbage grow to the size of what is in use,
// which for a township's roster is the difference between fitting a small server beside the program that serves, or not. It is
// no hard bound: a larger sheet is read all the same.
const importMemory = 140 << 20

// AfterApply is called by kong before Run.
func (importCmd) AfterApply() error {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(importMemory)
	}
	return nil
}

// sheetFile is a sheet on disk and how to treat it.
type sheetFile struct {
	File    string `arg:"" name:"文件" type:"existingfile" help:"Excel（.xlsx）或 CSV 文件"`
	Preview bool   `help:"只检查，不写入"`
}

func (f sheetFile) read() ([]byte, error) {
	b, err := os.ReadFile(f.File)
	if err != nil {
		return nil, errs.ErrInvalid.Wrap(err)
	}
	return b, nil
}

// commandLine is who imports.
var commandLine = auth.System("命令行")

type importRoster struct {
	sheetFile
	Village string `required:"" placeholder:"编码" help:"村的区划编码（12 位）"`
	SkipBad bool   `help:"有问题的行跳过，其余照常导入"`
	Report  string `type:"path" placeholder:"文件" help:"把有问题的行写成 Excel，便于改正后再导入"`
}

// Run enters a roster.
func (c importRoster) Run(e *env) error {
	sheet, err := c.read()
	if err != nil {
		return err
	}
	return e.withDatabase(func(_ *conf.Config, d *db.DB, s *app.Services) error {
		village, err := e.region(d, c.Village)
		if err != nil {
			return err
		}
		bar := e.bar(100, "导入户册")
		report, err := s.People.ImportRoster(e.ctx, commandLine, village.ID, sheet, people.ImportOptions{
			Preview: c.Preview, SkipBad: c.SkipBad, Progress: func(p people.Progress) { _ = bar.Set(p.Percent) }})
		_ = bar.Finish()
		if err != nil {
			return err
		}
		e.problems(report.Problems)
		e.say("共 %d 行：新增 %d 户 %d 人，变更 %d 人，不变 %d 人，有问题 %d 处", report.Rows, report.NewHouseholds, report.NewVillagers, report.Changed, report.Unchanged, len(report.Problems))
		if c.Report != "" && len(report.Problems) > 0 {
			var b bytes.Buffer
			if err := report.WriteProblems(&b); err != nil {
				return err
			}
			if err := os.WriteFile(c.Report, b.Bytes(), 0o600); err != nil {
				return errs.ErrInvalid.Wrap(err)
			}
			e.say("有问题的行已写到 %s", c.Report)
		}
		return e.written(report.Written, c.Preview)
	})
}

type importMembers struct {
	sheetFile
	Village string `required:"" placeholder:"编码" help:"村的区划编码（12 位）"`
	SkipBad bool   `help:"有问题的行跳过，其余照常导入"`
}

// Run enters a list of party members.
func (c importMembers) Run(e *env) error {
	sheet, err := c.read()
	if err != nil {
		return err
	}
	return e.withDatabase(func(_ *conf.Config, d *db.DB, s *app.Services) error {
		village, err := e.region(d, c.Village)
		if err != nil {
			return err
		}
		report, err := s.Party.Import(e.ctx, commandLine, village.ID, bytes.NewReader(sheet), party.ImportOptions{Preview: c.Preview, SkipBad: c.SkipBad})
		if err != nil {
			return err
		}
		e.problems(report.Problems)
		e.say("共 %d 行：新增 %d 人，变更 %d 人，不变 %d 人，有问题 %d 处", report.Rows, report.Added, report.Changed, report.Unchanged, len(report.Problems))
		return e.written(report.Written, c.Preview)
	})
}

type importRules struct {
	sheetFile
	Region  string `required:"" placeholder:"编码" help:"村或乡镇的区划编码（12 位）"`
	Name    string `required:"" placeholder:"名称" help:"细则的名称，例如 小渔溪村积分细则"`
	Party   bool   `help:"党员积分细则（不写则为村民积分细则）"`
	Meeting string `placeholder:"会议" help:"通过它的会议；写了就直接生效"`
	On      string `placeholder:"日期" help:"会议日期，如 2026-11-23；不写为今天"`
	From    string `placeholder:"日期" help:"生效日期；不写为会议当天"`
	For     int    `default:"0" help:"赞成票"`
	Against int    `default:"0" help:"反对票"`
}

// Run makes a book of a sheet, and adopts it where a meeting is named.
func (c importRules) Run(e *env) error {
	sheet, err := c.read()
	if err != nil {
		return err
	}
	adoption, err := c.adoption()
	if err != nil {
		return err
	}
	return e.withDatabase(func(_ *conf.Config, d *db.DB, s *app.Services) error {
		region, err := e.region(d, c.Region)
		if err != nil {
			return err
		}
		asset := ledger.Points
		if c.Party {
			asset = ledger.PartyScore
		}
		book, err := s.Rules.CreateBook(e.ctx, commandLine, rule.NewBook{Region: region.ID, Asset: asset, Name: c.Name, Source: "命令行导入"})
		if err != nil {
			return err
		}
		draft := book.Versions[0].ID
		var report rule.Report
		if c.Preview {
			_, report, err = s.Rules.Preview(e.ctx, commandLine, draft, bytes.NewReader(sheet))
		} else {
			report, err = s.Rules.Import(e.ctx, commandLine, draft, bytes.NewReader(sheet))
		}
		if err != nil || c.Preview { // leave no empty book behind
			if e2 := s.Rules.DeleteDraft(e.ctx, commandLine, draft); e2 != nil && err == nil {
				err = e2
			}
		}
		if err != nil {
			return err
		}
		for _, n := range report.Notes {
			e.say("第%d行「%s」：%s", n.Row, n.Item, n.Text)
		}
		e.say("共 %d 行，成为 %d 条，没有导入 %d 行", report.Rows, report.Rules, report.LeftOut())
		if c.Preview {
			return e.written(false, true)
		}
		if c.Meeting == "" {
			e.say("已存为草稿；请在系统里核对并登记表决后生效")
			return nil
		}
		v, err := s.Rules.Adopt(e.ctx, commandLine, draft, adoption)
		if err != nil {
			return err
		}
		e.say("已通过，自 %s 起生效", v.From)
		return nil
	})
}

func (c importRules) adoption() (rule.Adoption, error) {
	today := cal.DayOf(time.Now())
	a := rule.Adoption{Meeting: c.Meeting, On: today, VotesFor: c.For, VotesAgainst: c.Against}
	for _, x := range []struct {
		text string
		day  *cal.Day
	}{{c.On, &a.On}, {c.From, &a.From}} {
		if x.text == "" {
			continue
		}
		d, err := cal.ParseDay(x.text)
		if err != nil {
			return a, errs.ErrInvalid.With("日期“%s”不对，请写成 2026-11-23", x.text)
		}
		*x.day = d
	}
	if a.From == 0 {
		a.From = a.On
	}
	return a, nil
}

func (e *env) problems(list []errs.Field) {
	for _, p := range list {
		e.say("%s：%s", p.Path, p.Text)
	}
}

// written says how an import ended; one that wrote nothing though it was meant to has failed.
func (e *env) written(done, preview bool) error {
	switch {
	case preview:
		fmt.Fprintln(e.out, "只是检查，没有写入")
		return nil
	case done:
		fmt.Fprintln(e.out, "已写入")
		return nil
	}
	fmt.Fprintln(e.out, "没有写入：请改正上面的问题后再导入，或加 --skip-bad 跳过有问题的行")
	return errFindings
}
