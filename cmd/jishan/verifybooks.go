package main

import (
	"bufio"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/shop"
)

// booksReport is the report of all books and where a later verification may go on.
type booksReport struct {
	ledger.Report
	moved []*ledger.Mark // of the books that have a newer one
}

// verifyBooks verifies the books side by side, as many as there are processors, each on a snapshot of its own: books share
// no row. Since a seal, a book that has not moved is not read, and has no span.
func verifyBooks(e *env, d *db.DB, kept marks, sinceSeal bool) (booksReport, error) {
	var out booksReport
	var books []id.ID
	err := d.Read(e.ctx, func(tx db.Tx) (err error) {
		books, err = ledger.Books(tx)
		return err
	})
	if err != nil {
		return out, err
	}
	if sinceSeal { // a book that has vanished altogether is still asked for its seal
		marked, err := kept.books()
		if err != nil {
			return out, err
		}
		books = slices.Compact(slices.Sorted(slices.Values(append(books, marked...))))
	}
	parts := make([]ledger.Report, len(books))
	next := make([]*ledger.Mark, len(books))
	g, ctx := errgroup.WithContext(e.ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, book := range books {
		g.Go(func() error {
			return d.Read(ctx, func(tx db.Tx) (err error) {
				parts[i], next[i], err = verifyBook(tx, book, kept, sinceSeal)
				return err
			})
		})
	}
	if err := g.Wait(); err != nil {
		return out, fmt.Errorf("verifying the books: %w", err)
	}
	out.Spans = []ledger.Span{}
	for i, part := range parts {
		out.Add(part)
		if next[i] != nil {
			out.moved = append(out.moved, next[i])
		}
	}
	return out, nil
}

func verifyBook(tx db.Tx, book id.ID, kept marks, sinceSeal bool) (ledger.Report, *ledger.Mark, error) {
	var from *ledger.Mark
	if sinceSeal {
		head, rest, err := kept.open(book)
		if err != nil {
			return ledger.Report{}, nil, err
		}
		if head != nil {
			defer rest.Close()
			still, err := head.Still(tx)
			if still || err != nil {
				return ledger.Report{Books: 1}, nil, err
			}
			if from, err = rest.mark(*head); err != nil {
				return ledger.Report{}, nil, err
			}
		}
	}
	report, mark, err := ledger.VerifyBook(tx, book, from)
	if mark == from {
		mark = nil
	}
	return report, mark, err
}

// marks is the folder that keeps what was verified, for --since-seal: a file for each book, which begins with the little that
// shows whether the book has moved, and one for the stock.
type marks string

func marksIn(dataDir string) marks { return marks(filepath.Join(dataDir, "verified")) }

const markEnd = ".gob"

func (m marks) file(name string) string { return filepath.Join(string(m), name+markEnd) }

// books are those that have a mark.
func (m marks) books() (out []id.ID, err error) {
	files, err := os.ReadDir(string(m))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing what was verified: %w", err)
	}
	for _, f := range files {
		if book, err := id.Parse(strings.TrimSuffix(f.Name(), markEnd)); err == nil && strings.HasSuffix(f.Name(), markEnd) {
			out = append(out, book)
		}
	}
	return out, nil
}

// markFile is an open file of which the head has been read.
type markFile struct {
	*os.File
	in *gob.Decoder
}

// open reads the head of a book's mark; nil where there is none.
func (m marks) open(book id.ID) (*ledger.MarkHead, *markFile, error) {
	f, err := openMark(m.file(book.String()))
	if f == nil {
		return nil, nil, err
	}
	head := new(ledger.MarkHead)
	if err := f.decode(head); err != nil {
		f.Close()
		return nil, nil, err
	}
	return head, f, nil
}

func (f *markFile) mark(head ledger.MarkHead) (*ledger.Mark, error) {
	mark := &ledger.Mark{MarkHead: head}
	for _, part := range []any{&mark.Balances, &mark.Lots, &mark.Scores} {
		if err := f.decode(part); err != nil {
			return nil, err
		}
	}
	return mark, nil
}

// stock is the mark of the stock; nil where there is none.
func (m marks) stock() (*shop.StockMark, error) {
	f, err := openMark(m.file("stock"))
	if f == nil {
		return nil, err
	}
	defer f.Close()
	mark := new(shop.StockMark)
	return mark, f.decode(mark)
}

func openMark(path string) (*markFile, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening what was verified: %w", err)
	}
	return &markFile{file, gob.NewDecoder(bufio.NewReader(file))}, nil
}

func (f *markFile) decode(into any) error {
	if err := f.in.Decode(into); err != nil {
		return fmt.Errorf("reading %s; delete it to verify its part from the start: %w", f.Name(), err)
	}
	return nil
}

// keep writes the marks, each in place of the one before.
func (m marks) keep(list []*ledger.Mark, stock *shop.StockMark) error {
	if err := m.write("stock", stock); err != nil {
		return err
	}
	for _, mark := range list {
		if err := m.write(mark.Book.String(), &mark.MarkHead, mark.Balances, mark.Lots, mark.Scores); err != nil {
			return err
		}
	}
	return nil
}

func (m marks) write(name string, parts ...any) error {
	if err := os.MkdirAll(string(m), 0o700); err != nil {
		return fmt.Errorf("keeping what was verified: %w", err)
	}
	file, err := os.CreateTemp(string(m), "new-*")
	if err != nil {
		return fmt.Errorf("keeping what was verified: %w", err)
	}
	defer os.Remove(file.Name())
	to := bufio.NewWriter(file)
	out := gob.NewEncoder(to)
	for _, part := range parts {
		err = errors.Join(err, out.Encode(part))
	}
	if err := errors.Join(err, to.Flush(), file.Close()); err != nil {
		return fmt.Errorf("keeping what was verified: %w", err)
	}
	return os.Rename(file.Name(), m.file(name))
}
