package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"jishan/internal/errs"
)

// Errors of Backup.
var (
	ErrBackupServer = errs.Define(errs.Invalid, "backup.server",
		"这个命令只备份 SQLite。数据库服务器请用它自己的工具：mariadb-dump --single-transaction，见 docs/operations.md")
	ErrBackupExists = errs.Define(errs.Conflict, "backup.exists", "备份文件已经存在，不会覆盖它：请换一个文件名")
)

// Backup writes an SQLite database to a new file, as it is at one moment, while other processes go on writing. The file is on the
// disk and whole when Backup returns; before that it has another name.
func (d *DB) Backup(ctx context.Context, path string) (err error) {
	if d.Dialect != SQLite {
		return ErrBackupServer.New()
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return ErrBackupExists.New()
	}
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing what an earlier backup left: %w", err)
	}
	defer os.Remove(part)
	if _, err := d.wp.ExecContext(ctx, "VACUUM INTO ?", part); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	f, err := os.OpenFile(part, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("opening the backup: %w", err)
	}
	if err := errors.Join(f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("keeping the backup: %w", err)
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("naming the backup: %w", err)
	}
	return nil
}
