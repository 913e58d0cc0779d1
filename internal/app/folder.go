package app

import (
	"fmt"
	"os"
	"path/filepath"

	"jishan/internal/errs"
)

// ErrFolder is a data folder that another process works in.
var ErrFolder = errs.Define(errs.Conflict, "app.folder", "另一个 jishan 正在使用这个数据文件夹：请先停掉它，或用 JISHAN_DATA_DIR 换一个文件夹")

// Folder is an embedded data folder held by this process: its in-process Redis and its jobs would not know of another's.
type Folder struct{ f *os.File }

// LockFolder holds the folder until Unlock or the end of the process, however it ends.
func LockFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errs.ErrUnavailable.Wrap(fmt.Errorf("making the data folder: %w", err))
	}
	f, err := os.OpenFile(filepath.Join(dir, "jishan.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, errs.ErrUnavailable.Wrap(fmt.Errorf("opening the folder's lock: %w", err))
	}
	if err := lockFile(f); err != nil {
		_ = f.Close()
		return nil, &errs.Error{Code: ErrFolder, Detail: fmt.Sprintf("另一个 jishan 正在使用数据文件夹 %s：请先停掉它，或用 JISHAN_DATA_DIR 换一个文件夹", dir), Cause: err}
	}
	return &Folder{f}, nil
}

// Unlock lets others have the folder.
func (l *Folder) Unlock() { _ = l.f.Close() }
