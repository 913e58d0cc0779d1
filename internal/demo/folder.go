package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"jishan/internal/errs"
)

const (
	marker   = "demo.json"
	database = "jishan.db"
)

// ErrNotDemo is a folder with data that no demo has made.
var ErrNotDemo = errs.Define(errs.Conflict, "demo.not_demo", "这个数据文件夹里已有不是演示的数据：请用 JISHAN_DATA_DIR 换一个文件夹再启动演示")

// mark is the content of the marker.
type mark struct {
	Complete bool
	Guide    Guide
}

// Prepare looks at the data folder and readies it. complete tells that it holds a whole demo, whose guide is returned; otherwise
// it is empty now: what an interrupted start has left behind is removed. A folder with other data is ErrNotDemo.
func Prepare(dir string) (g Guide, complete bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return g, false, fmt.Errorf("making the data folder: %w", err)
	}
	b, err := os.ReadFile(filepath.Join(dir, marker))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Join(dir, database)); err == nil {
			return g, false, ErrNotDemo.With("%s 里已有不是演示的数据：请用 JISHAN_DATA_DIR 换一个文件夹再启动演示", dir)
		}
		return g, false, write(dir, mark{})
	case err != nil:
		return g, false, fmt.Errorf("reading the demo's marker: %w", err)
	}
	var m mark
	if json.Unmarshal(b, &m) == nil && m.Complete {
		return m.Guide, true, nil
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(filepath.Join(dir, database+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return g, false, fmt.Errorf("removing a broken-off demo: %w", err)
		}
	}
	return g, false, write(dir, mark{})
}

// Finish marks the folder complete.
func Finish(dir string, g Guide) error { return write(dir, mark{Complete: true, Guide: g}) }

// write replaces the marker as a whole, or not at all.
func write(dir string, m mark) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the demo's marker: %w", err)
	}
	path := filepath.Join(dir, marker)
	if err := os.WriteFile(path+".new", append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the demo's marker: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("writing the demo's marker: %w", err)
	}
	return nil
}
