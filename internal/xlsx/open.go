package xlsx

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"iter"
	"unicode/utf16"

	"jishan/internal/errs"
)

// File is an opened workbook, or a CSV file, which is a workbook with one sheet without a name. Its content stays in memory,
// packed; it needs no closing and may be read by several goroutines.
type File struct {
	limits Limits
	sheets []sheet
	rows   func(name string) iter.Seq2[rawRow, error]
	merges func(name string) (map[int][]span, error) // nil when the format has none
}

type sheet struct {
	name   string
	hidden bool
	part   string // name of the zip entry; empty for CSV
}

// rawRow is one row as the file has it, blank rows included when the file has them.
type rawRow struct {
	number int     // as the person sees it, from 1
	share  float64 // of the sheet, this row included
	cells  []cell
}

func (r rawRow) blank() bool {
	for _, c := range r.cells {
		if !c.blank() {
			return false
		}
	}
	return true
}

type kind uint8

const (
	kindText   kind = iota
	kindNumber      // text is a plain decimal
	kindDay         // text is 2006-01-02, perhaps with a time
)

type cell struct {
	text    string
	kind    kind
	problem string // Chinese; the cell cannot be used
}

func (c cell) blank() bool { return c.text == "" && c.problem == "" }

// Open reads at most l.Bytes from r and recognises the format by content, never by name.
func Open(r io.Reader, l Limits) (*File, error) {
	b, err := io.ReadAll(io.LimitReader(r, l.Bytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading an uploaded table: %w", err)
	}
	return OpenBytes(b, l)
}

// OpenBytes is Open of what is in memory already; b must not be changed afterwards.
func OpenBytes(b []byte, l Limits) (*File, error) {
	if int64(len(b)) > l.Bytes {
		return nil, ErrTooLarge.With("文件超过 %s，请拆成几个文件分别导入", megabytes(l.Bytes))
	}
	switch {
	case bytes.HasPrefix(b, []byte("PK\x03\x04")):
		return openZip(b, l)
	case bytes.HasPrefix(b, []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")):
		if bytes.Contains(b, utf16le("EncryptedPackage")) {
			return nil, ErrLocked.New()
		}
		return nil, ErrOldXLS.New()
	}
	for _, magic := range []string{"PK", "%PDF", "\x89PNG", "\xFF\xD8\xFF", "GIF8", "{\\rtf", "Rar!", "7z\xBC\xAF", "\x1F\x8B"} {
		if bytes.HasPrefix(b, []byte(magic)) {
			return nil, ErrNotTable.New()
		}
	}
	// Many systems export a web page under the name .xls.
	head := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(b[:min(len(b), 512)], []byte("\xEF\xBB\xBF")), " \t\r\n"))
	for _, magic := range []string{"<html", "<!doctype", "<?xml", "<table"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return nil, ErrNotTable.With("这其实是网页，不是 Excel 表格；请用 Excel 或 WPS 打开后另存为 .xlsx 再上传")
		}
	}
	return openCSV(b, l)
}

// Sheets are the names of the sheets that are not hidden, in order.
func (f *File) Sheets() []string {
	var out []string
	for _, s := range f.sheets {
		if !s.hidden {
			out = append(out, s.name)
		}
	}
	return out
}

func megabytes(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d MB", n>>20)
}

func utf16le(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

// archive finds and unpacks the parts of a workbook.
type archive struct {
	parts map[string]*zip.File // by lower-case name with forward slashes
}

const maxParts = 10_000

func openArchive(b []byte, l Limits) (*archive, error) {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, ErrBroken.Wrap(err)
	}
	if len(z.File) > maxParts {
		return nil, ErrTooLarge.With("文件里的内容太多，请只保留要导入的工作表后再上传")
	}
	a := &archive{parts: map[string]*zip.File{}}
	var total uint64
	for _, f := range z.File {
		total += f.UncompressedSize64
		if f.UncompressedSize64 > uint64(l.Unpacked) || total > uint64(l.Unpacked) {
			return nil, ErrTooLarge.With("文件解压后超过 %s，请只保留要导入的工作表和列后再上传", megabytes(l.Unpacked))
		}
		if f.Flags&1 != 0 {
			return nil, ErrLocked.New()
		}
		a.parts[partName(f.Name)] = f
	}
	return a, nil
}

// open unpacks a part; no part yields more bytes than the directory, which has been checked, says. A part that is not there
// is ErrBroken.
func (a *archive) open(name string) (*counted, error) {
	f := a.parts[partName(name)]
	if f == nil {
		return nil, ErrBroken.Wrap(fmt.Errorf("workbook has no part %q", name))
	}
	rc, err := f.Open()
	if err != nil {
		return nil, ErrBroken.Wrap(err)
	}
	size := int64(f.UncompressedSize64)
	return &counted{ReadCloser: rc, size: size, left: size}, nil
}

func (a *archive) has(name string) bool { return a.parts[partName(name)] != nil }

// counted stops a part that unpacks to more than it declared.
type counted struct {
	io.ReadCloser
	size, left int64
}

// share is how much has been read.
func (c *counted) share() float64 { return 1 - float64(c.left)/float64(max(c.size, 1)) }

// Read is io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.left -= int64(n)
	if c.left < 0 {
		return 0, ErrTooLarge.With("文件解压后的大小与标明的不符，请用 Excel 或 WPS 重新另存为 .xlsx 再上传")
	}
	return n, err
}

// broken turns what a decoder says into ErrBroken, and leaves errors that already have a code.
func broken(err error) error {
	if err == nil {
		return nil
	}
	if e := errs.From(err); e.Code != errs.ErrInternal {
		return e
	}
	return ErrBroken.Wrap(err)
}
