// Command jishan is the whole product in one file: the server, its demo, and
// the tools of whoever runs it. `jishan --help` lists the commands; each lives
// in a file of its name.
//
// Exit codes: 0 done; 1 it failed, or a check found something; 2 the command
// line or the configuration is wrong. Errors go to standard error, in Chinese.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/rdb"
)

// version is set by the linker.
var version = "dev"

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// errFindings ends a check that has printed what it found.
var errFindings = errors.New("findings")

type cli struct {
	Config string `short:"c" type:"path" placeholder:"文件" help:"配置文件（也可用环境变量 JISHAN_CONFIG 指定；不写则用内置默认值）"`

	Serve   serveCmd   `cmd:"" help:"启动服务"`
	Demo    demoCmd    `cmd:"" help:"启动演示：一个乡镇、七个村、一年的数据"`
	Migrate migrateCmd `cmd:"" help:"升级数据库结构"`
	Import  importCmd  `cmd:"" help:"从 Excel 或 CSV 导入户册、积分细则"`
	Export  exportCmd  `cmd:"" help:"导出数据"`
	Backup  backupCmd  `cmd:"" help:"备份 SQLite 数据库，不用停服务"`
	Admin   adminCmd   `cmd:"" help:"建立管理员、重设密码"`
	Boards  boardsCmd  `cmd:"" help:"积分榜维护"`
	Verify  verifyCmd  `cmd:"" help:"核对全部账目，有不符时退出码为 1"`
	Doctor  doctorCmd  `cmd:"" help:"检查配置、数据库、Redis、时钟，说明该怎么办"`
	OpenAPI openapiCmd `cmd:"" name:"openapi" help:"打印接口说明（OpenAPI 3.1）"`
	Version versionCmd `cmd:"" help:"打印版本"`
}

// env is what a command works with.
type env struct {
	ctx      context.Context
	config   string // path
	in       io.Reader
	out, err io.Writer
}

// load reads and checks the configuration.
func (e *env) load() (*conf.Config, error) {
	c, err := conf.Load(e.config)
	if err != nil {
		return nil, err
	}
	return c, c.Check()
}

// open opens the database of the configuration; schema says whether it must be this program's version.
func (e *env) open(c *conf.Config, schema bool) (*db.DB, error) {
	d, err := db.Open(e.ctx, db.Options{DSN: string(c.DB.DSN), DataDir: c.DataDir, MaxOpen: c.DB.MaxOpen, ReadConns: c.DB.ReadConns})
	if err != nil {
		return nil, errs.ErrUnavailable.Wrap(fmt.Errorf("数据库打不开：%w", err))
	}
	if schema {
		if err := d.Current(e.ctx); err != nil {
			_ = d.Close()
			return nil, err
		}
	}
	return d, nil
}

func (e *env) say(format string, args ...any) { fmt.Fprintf(e.out, format+"\n", args...) }

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(e *env) error {
	e.say("jishan %s", version)
	return nil
}

func main() {
	calm()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program: it parses, runs the command and answers the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	var c cli
	helped := false
	parser, err := kong.New(&c, kong.Name("jishan"), kong.Description("积善：乡村治理积分制"), kong.Writers(out, errOut),
		kong.Exit(func(int) { helped = true }), kong.Help(chineseHelp), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(errOut, "程序有误：", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if helped {
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(errOut, "命令写得不对：%s\n运行 jishan --help 查看用法\n", translate(err.Error()))
		return exitUsage
	}
	rdb.LogTo(slog.New(slog.DiscardHandler)) // commands say themselves what went wrong; servers take it into their log
	return report(errOut, parsed.Run(&env{ctx: ctx, config: c.Config, in: in, out: out, err: errOut}))
}

// report prints an error for the person at the terminal, with the cause, and answers the exit code.
func report(w io.Writer, err error) int {
	var wrong *conf.Error
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFindings):
		return exitFailed
	case errors.As(err, &wrong):
		fmt.Fprintln(w, wrong)
		return exitUsage
	}
	var e *errs.Error
	if !errors.As(err, &e) {
		fmt.Fprintln(w, "出错了：", err)
		return exitFailed
	}
	fmt.Fprintln(w, "出错了："+e.Text())
	for _, f := range e.Fields {
		fmt.Fprintf(w, "  %s：%s\n", f.Path, f.Text)
	}
	if e.Cause != nil {
		fmt.Fprintln(w, "原因：", e.Cause)
	}
	return exitFailed
}

var helpWords = strings.NewReplacer("Usage:", "用法：", "Flags:", "选项：", "Commands:", "命令：", "Arguments:", "参数：",
	"<command>", "<命令>", "[flags]", "[选项]", "Show context-sensitive help.", "显示帮助",
	`Run "`, `运行 “`, `" for more information on a command.`, `” 查看某个命令的用法`)

// chineseHelp is kong's help with its own words in Chinese.
func chineseHelp(o kong.HelpOptions, ctx *kong.Context) error {
	var b strings.Builder
	out := ctx.Stdout
	ctx.Stdout = &b
	err := kong.DefaultHelpPrinter(o, ctx)
	ctx.Stdout = out
	if err != nil {
		return fmt.Errorf("printing the help: %w", err)
	}
	_, err = io.WriteString(out, helpWords.Replace(b.String()))
	return err
}

var usageWords = strings.NewReplacer("unknown flag", "没有这个选项", "unexpected argument", "多余的参数", "missing flags:", "缺少选项：",
	"expected one of", "应是下列之一", "expected", "缺少", "did you mean", "是不是想写")

func translate(s string) string { return usageWords.Replace(s) }
