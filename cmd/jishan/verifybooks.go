package main

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
)

// booksReport is the report of all books and where a later verification may go on.
type booksReport struct {
	ledger.Report
	marks map[id.ID]*ledger.Mark
}

// verifyBooks verifies the books side by side, as many as there are processors, each on a snapshot of its own: books share
// no row.
func verifyBooks(e *env, d *db.DB, from map[id.ID]*ledger.Mark) (booksReport, error) {
	out := booksReport{marks: map[id.ID]*ledger.Mark{}}
	var books []id.ID
	err := d.Read(e.ctx, func(tx db.Tx) (err error) {
		books, err = ledger.Books(tx)
		return err
	})
	if err != nil {
		return out, err
	}
	parts := make([]ledger.Report, len(books))
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(e.ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, book := range books {
		g.Go(func() error {
			return d.Read(ctx, func(tx db.Tx) error {
				part, mark, err := ledger.VerifyBook(tx, book, from[book])
				mu.Lock()
				defer mu.Unlock()
				parts[i] = part
				if mark != nil {
					out.marks[book] = mark
				}
				return err
			})
		})
	}
	if err := g.Wait(); err != nil {
		return out, fmt.Errorf("verifying the books: %w", err)
	}
	for _, part := range parts {
		out.Add(part)
	}
	// A mark whose book has vanished altogether still asks for its seal.
	for book, mark := range from {
		if out.marks[book] == nil {
			out.Findings = append(out.Findings, ledger.Finding{Book: book, Number: mark.Number,
				Text: fmt.Sprintf("上次核对过 %s 的日封，现在整本账里没有日封", mark.Day.Chinese())})
		}
	}
	return out, nil
}

// markFile keeps what was verified, for --since-seal.
type markFile string

func marksIn(dataDir string) markFile { return markFile(filepath.Join(dataDir, "verified.gob")) }

func (f markFile) read() (marks map[id.ID]*ledger.Mark, err error) {
	file, err := os.Open(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening what was verified: %w", err)
	}
	defer file.Close()
	if err := gob.NewDecoder(file).Decode(&marks); err != nil {
		return nil, fmt.Errorf("reading %s; delete it to verify from the start: %w", f, err)
	}
	return marks, nil
}

func (f markFile) write(marks map[id.ID]*ledger.Mark) (err error) {
	if err := os.MkdirAll(filepath.Dir(string(f)), 0o700); err != nil {
		return fmt.Errorf("keeping what was verified: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(string(f)), "verified-*")
	if err != nil {
		return fmt.Errorf("keeping what was verified: %w", err)
	}
	defer os.Remove(file.Name())
	if err := errors.Join(gob.NewEncoder(file).Encode(marks), file.Close()); err != nil {
		return fmt.Errorf("keeping what was verified: %w", err)
	}
	return os.Rename(file.Name(), string(f))
}
