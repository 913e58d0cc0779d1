package db

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"jishan/internal/errs"
	"jishan/migrations"
)

// ErrNewerSchema is returned when the database was last used by a newer version of the program.
var ErrNewerSchema = errs.Define(errs.Unavailable, "schema.newer",
	"数据库是由更新版本的程序建立的，本程序不能打开它：请换用新版本的程序，或恢复升级前的备份")

// ErrOlderSchema is returned by Current when migrations are waiting.
var ErrOlderSchema = errs.Define(errs.Unavailable, "schema.older", "数据库结构需要升级：请先运行 jishan migrate")

func (d *DB) provider() (*goose.Provider, error) {
	dialect := goose.DialectSQLite3
	if d.Dialect == MySQL {
		dialect = goose.DialectMySQL
	}
	sub, err := fs.Sub(migrations.FS, string(d.Dialect))
	if err != nil {
		return nil, fmt.Errorf("opening the migrations: %w", err)
	}
	p, err := goose.NewProvider(dialect, d.wp, sub)
	if err != nil {
		return nil, fmt.Errorf("reading the migrations: %w", err)
	}
	return p, nil
}

// Versions are the schema's version in the database and in this program.
func (d *DB) Versions(ctx context.Context) (have, want int64, err error) {
	p, err := d.provider()
	if err != nil {
		return 0, 0, err
	}
	if have, want, err = p.GetVersions(ctx); err != nil {
		return 0, 0, fmt.Errorf("reading the schema's version: %w", err)
	}
	return have, want, nil
}

// Current checks that the schema is exactly this program's: ErrNewerSchema or ErrOlderSchema otherwise.
func (d *DB) Current(ctx context.Context) error {
	have, want, err := d.Versions(ctx)
	switch {
	case err != nil:
		return err
	case have > want:
		return ErrNewerSchema.With("数据库的版本是 %d，本程序只认识到 %d：请换用新版本的程序，或恢复升级前的备份", have, want)
	case have < want:
		return ErrOlderSchema.With("数据库的版本是 %d，本程序需要 %d：请先运行 jishan migrate", have, want)
	}
	return nil
}

// ErrMigration is a schema that could not be brought up.
var ErrMigration = errs.Define(errs.Unavailable, "schema.failed",
	"数据库结构没有升级成功：请检查数据库账号有没有建表的权限；如果是新库第一次启动时被中断，请清空这个数据库再启动；否则请恢复升级前的备份再试")

// Migrate brings the schema up to this program's version; it refuses a newer one and never goes down. Where several
// processes start at once the losers wait for the winner.
func (d *DB) Migrate(ctx context.Context) error {
	have, want, err := d.Versions(ctx)
	if err == nil && have >= want {
		return d.Current(ctx)
	}
	if err == nil {
		var p *goose.Provider
		if p, err = d.provider(); err != nil {
			return err
		}
		if _, err = p.Up(ctx); err == nil {
			return nil
		}
	}
	return d.await(ctx, have, err)
}

// A migration of a large table may move nothing visible for a while.
const (
	migrationPoll  = 200 * time.Millisecond
	migrationQuiet = 5 * time.Second
)

// await is for who could not migrate, because of cause: most likely another process is doing it. It waits as long as the
// version moves.
func (d *DB) await(ctx context.Context, have int64, cause error) error {
	for moved := time.Now(); time.Since(moved) < migrationQuiet; {
		select {
		case <-ctx.Done():
			return fmt.Errorf("migrating the schema: %w", cause)
		case <-time.After(migrationPoll):
		}
		now, want, err := d.Versions(ctx)
		switch {
		case err != nil: // the other process is still making the version table
		case now >= want:
			return d.Current(ctx)
		case now != have:
			have, moved = now, time.Now()
		}
	}
	return ErrMigration.Wrap(fmt.Errorf("migrating the schema from version %d: %w", have, cause))
}
