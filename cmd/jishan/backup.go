package main

import (
	"fmt"
	"os"

	"jishan/internal/errs"
)

type backupCmd struct {
	File string `arg:"" type:"path" placeholder:"文件" help:"备份写到哪个文件，必须还不存在"`
}

// Run writes the SQLite file as it is at one moment, beside a serving process or without one.
func (b backupCmd) Run(e *env) error {
	c, err := e.load()
	if err != nil {
		return err
	}
	d, err := e.open(c, true)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Backup(e.ctx, b.File); err != nil {
		return err
	}
	info, err := os.Stat(b.File)
	if err != nil {
		return errs.ErrUnavailable.Wrap(fmt.Errorf("looking at the backup: %w", err))
	}
	e.say("已备份到 %s（%.1f MB）。请把它放到另一台机器上；恢复时把它作为 jishan.db 放进空的数据文件夹，再运行 jishan verify", b.File, float64(info.Size())/1e6)
	return nil
}
