package xlsx_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"jishan/internal/errs"
	"jishan/internal/xlsx"
)

func TestWrongTypes(t *testing.T) {
	f, _ := book(t, []any{"姓名", "积分"}, []any{"甲", 1})
	good := packed(t, f)
	var locked bytes.Buffer
	require.NoError(t, f.Write(&locked, excelize.Options{Password: "secret"}))
	zipOf := func(names ...string) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, n := range names {
			_, err := w.Create(n)
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		return b.Bytes()
	}
	for name, c := range map[string]struct {
		b    []byte
		want *errs.Code
		text string
	}{
		"old xls":       {append([]byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), make([]byte, 600)...), xlsx.ErrOldXLS, "另存为 .xlsx"},
		"with password": {locked.Bytes(), xlsx.ErrLocked, "去掉密码"},
		"pdf":           {[]byte("%PDF-1.7 …"), xlsx.ErrNotTable, ".xlsx 或 .csv"},
		"png":           {[]byte("\x89PNG\r\n\x1a\n"), xlsx.ErrNotTable, ""},
		"jpeg":          {[]byte("\xFF\xD8\xFF\xE0"), xlsx.ErrNotTable, ""},
		"empty zip":     {zipOf(), xlsx.ErrNotTable, ""},
		"any zip":       {zipOf("a.txt"), xlsx.ErrNotTable, ""},
		"word":          {zipOf("[Content_Types].xml", "_rels/.rels", "word/document.xml"), xlsx.ErrNotTable, ""},
		"ods":           {zipOf("mimetype", "content.xml"), xlsx.ErrNotTable, "ODS"},
		"xlsb":          {zipOf("[Content_Types].xml", "xl/workbook.bin"), xlsx.ErrNotTable, ".xlsb"},
		"no parts":      {zipOf("xl/workbook.xml"), xlsx.ErrBroken, "重新另存"},
		"web page":      {[]byte("\ufeff \n<HTML><table>"), xlsx.ErrNotTable, "网页"},
		"binary":        {[]byte("abc\x00def"), xlsx.ErrNotTable, ""},
		"no encoding":   {[]byte("\xFF\xFF\xFF\xFF姓名"), xlsx.ErrNotTable, ""},
		"cut short":     {good[:len(good)/2], xlsx.ErrBroken, ""},
		"zip header":    {[]byte("PK\x03\x04"), xlsx.ErrBroken, ""},
	} {
		_, err := xlsx.OpenBytes(c.b, xlsx.DefaultLimits())
		require.Equal(t, c.want, code(t, err), name)
		require.Contains(t, errs.From(err).Text(), c.text, name)
	}
}

func TestBrokenParts(t *testing.T) {
	f, _ := book(t, []any{"姓名", "积分"}, []any{"甲", 1})
	good := packed(t, f)
	for name, c := range map[string]struct {
		part   string
		change func(string) string
	}{
		"cut xml":        {"xl/worksheets/sheet1.xml", func(s string) string { return s[:len(s)-40] }},
		"shared string":  {"xl/worksheets/sheet1.xml", func(s string) string { return strings.Replace(s, "<v>0</v>", "<v>99</v>", 1) }},
		"negative index": {"xl/worksheets/sheet1.xml", func(s string) string { return strings.Replace(s, "<v>0</v>", "<v>-1</v>", 1) }},
		"rows backwards": {"xl/worksheets/sheet1.xml", func(s string) string { return strings.Replace(s, `<row r="2"`, `<row r="1"`, 1) }},
		"row number":     {"xl/worksheets/sheet1.xml", func(s string) string { return strings.Replace(s, `<row r="2"`, `<row r="99999999"`, 1) }},
		"cell reference": {"xl/worksheets/sheet1.xml", func(s string) string { return strings.Replace(s, `r="A1"`, `r="ZZZZ1"`, 1) }},
		"entities":       {"xl/sharedStrings.xml", func(s string) string { return strings.Replace(s, "<t>", "<t>&boom;", 1) }},
		"styles":         {"xl/styles.xml", func(string) string { return "<styleSheet><xf" }},
		"workbook":       {"xl/workbook.xml", func(string) string { return "no xml <" }},
		"relations":      {"xl/_rels/workbook.xml.rels", func(s string) string { return strings.ReplaceAll(s, "worksheets/", "nowhere/") }},
	} {
		b := patch(t, good, c.part, c.change)
		file, err := xlsx.OpenBytes(b, xlsx.DefaultLimits())
		if err == nil {
			var table *xlsx.Table
			if table, err = file.Table("", people); err == nil {
				for _, e := range table.Rows() {
					err = e
				}
			}
		}
		require.Equal(t, xlsx.ErrBroken, code(t, err), name)
	}
}

func TestFiftyMegabytes(t *testing.T) {
	zeros := io.LimitReader(endless{}, 50<<20)
	_, err := xlsx.Open(io.MultiReader(strings.NewReader("PK\x03\x04"), zeros), xlsx.DefaultLimits())
	require.Equal(t, xlsx.ErrTooLarge, code(t, err))
	require.Equal(t, "文件超过 20 MB，请拆成几个文件分别导入", errs.From(err).Text())
	left, err := io.Copy(io.Discard, zeros)
	require.NoError(t, err)
	require.Greater(t, left, int64(29<<20), "the rest is not even read")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestReaderThatFails(t *testing.T) {
	_, err := xlsx.Open(broken{}, xlsx.DefaultLimits())
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

// bomb is a workbook whose sheet unpacks to size bytes of blanks, and whose directory says that it unpacks to declared.
func bomb(t *testing.T, size, declared uint64) []byte {
	t.Helper()
	f, _ := book(t, []any{"姓名", "积分"}, []any{"甲", 1})
	good := packed(t, f)
	r, err := zip.NewReader(bytes.NewReader(good), int64(len(good)))
	require.NoError(t, err)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, p := range r.File {
		if p.Name != "xl/worksheets/sheet1.xml" {
			require.NoError(t, w.Copy(p))
			continue
		}
		var data bytes.Buffer
		sum := crc32.NewIEEE()
		d, err := flate.NewWriter(&data, flate.BestCompression)
		require.NoError(t, err)
		_, err = io.Copy(io.MultiWriter(d, sum), io.MultiReader(
			strings.NewReader(`<worksheet><sheetData><row r="1">`), io.LimitReader(spaces{}, int64(size)), strings.NewReader(`</row></sheetData></worksheet>`)))
		require.NoError(t, err)
		require.NoError(t, d.Close())
		raw, err := w.CreateRaw(&zip.FileHeader{
			Name: p.Name, Method: zip.Deflate, CRC32: sum.Sum32(),
			CompressedSize64: uint64(data.Len()), UncompressedSize64: declared,
		})
		require.NoError(t, err)
		_, err = raw.Write(data.Bytes())
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestZipBombs(t *testing.T) {
	honest := bomb(t, 300<<20, 300<<20)
	require.Less(t, len(honest), 1<<20)
	_, err := xlsx.OpenBytes(honest, xlsx.DefaultLimits())
	require.Equal(t, xlsx.ErrTooLarge, code(t, err), "seen in the directory")

	lying := bomb(t, 300<<20, 1000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := xlsx.OpenBytes(lying, xlsx.DefaultLimits())
	require.NoError(t, err)
	_, err = f.Table("", people)
	runtime.ReadMemStats(&after)
	require.Contains(t, []*errs.Code{xlsx.ErrTooLarge, xlsx.ErrBroken}, code(t, err), "seen while unpacking")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))
}

func TestManyPartsAddUp(t *testing.T) {
	f, _ := book(t, []any{"姓名", "积分"})
	b := packed(t, f)
	l := xlsx.DefaultLimits()
	l.Unpacked = 4 << 10 // each part of an empty workbook is smaller than that, all together are not
	_, err := xlsx.OpenBytes(b, l)
	require.Equal(t, xlsx.ErrTooLarge, code(t, err))

	var many bytes.Buffer
	w := zip.NewWriter(&many)
	for i := range 10_001 {
		_, err := w.Create(fmt.Sprint(i))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	_, err = xlsx.OpenBytes(many.Bytes(), xlsx.DefaultLimits())
	require.Equal(t, xlsx.ErrTooLarge, code(t, err))
}

func TestDirectoryThatOverflows(t *testing.T) {
	f, _ := book(t, []any{"姓名", "积分"})
	b := packed(t, f)
	// Two parts of 2³² - 1 bytes each, by the sizes in the directory.
	for at, n := 0, 0; n < 2; n++ {
		i := bytes.Index(b[at:], []byte("PK\x01\x02"))
		require.GreaterOrEqual(t, i, 0)
		binary.LittleEndian.PutUint32(b[at+i+24:], 0xFFFFFFFE)
		at += i + 4
	}
	_, err := xlsx.OpenBytes(b, xlsx.DefaultLimits())
	require.Equal(t, xlsx.ErrTooLarge, code(t, err))
}

func TestRowsColumnsAndCells(t *testing.T) {
	rows := [][]any{{"姓名", "积分"}}
	for i := range 20 {
		rows = append(rows, []any{fmt.Sprint("人", i), i})
	}
	f, s := book(t, rows...)
	require.NoError(t, f.SetCellStr(s, "A5", strings.Repeat("长", 101)))
	require.NoError(t, f.SetCellStr(s, "A6", strings.Repeat("长", 100)))
	style, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	require.NoError(t, err)
	require.NoError(t, f.SetCellStyle(s, "C3", "ZZ3", style), "cells with a style only are blank")
	require.NoError(t, f.SetCellStyle(s, "A900", "A1000", style))
	b := packed(t, f)
	l := xlsx.Limits{Bytes: 1 << 20, Unpacked: 4 << 20, Rows: 21, Columns: 2, Cell: 100}
	read := func(b []byte, l xlsx.Limits) ([]*xlsx.Row, error) {
		file, err := xlsx.OpenBytes(b, l)
		require.NoError(t, err)
		table, err := file.Table("Sheet1", people)
		if err != nil {
			return nil, err
		}
		var rows []*xlsx.Row
		for r, err := range table.Rows() {
			if err != nil {
				return rows, err
			}
			rows = append(rows, r)
		}
		return rows, nil
	}
	got, err := read(b, l)
	require.NoError(t, err)
	require.Len(t, got, 20)
	require.Empty(t, got[3].Get("name"))
	require.Equal(t, "第5行「姓名」内容超过 100 个字，请缩短", problems(got[3]))
	require.Equal(t, strings.Repeat("长", 100), got[4].Get("name"))

	l.Rows = 20
	_, err = read(b, l)
	require.Equal(t, xlsx.ErrTooMany, code(t, err))
	require.Equal(t, "表格超过 20 行，请拆成几个文件分别导入", errs.From(err).Text())
	l.Rows, l.Columns = 21, 1
	_, err = read(b, l)
	require.Equal(t, xlsx.ErrTooMany, code(t, err))

	l = xlsx.Limits{Bytes: 1 << 20, Rows: 3, Columns: 2, Cell: 3}
	for text, want := range map[string]string{"姓名,积分\n甲,1\n乙,2\n丙,3\n": "行", "姓名,积分\n甲,1,2\n": "列"} {
		file, err := xlsx.OpenBytes([]byte(text), l)
		require.NoError(t, err)
		table, err := file.Table("", people)
		if err == nil {
			for _, e := range table.Rows() {
				err = e
			}
		}
		require.Equal(t, xlsx.ErrTooMany, code(t, err))
		require.Contains(t, errs.From(err).Text(), want)
	}
}
