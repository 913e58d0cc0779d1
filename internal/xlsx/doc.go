// Package xlsx reads the tables that villages send (.xlsx and .csv, from Excel,
// WPS or anything else) and writes tables, templates and error reports.
//
// It knows no domain types; it owns no database tables. Reading is strict about
// safety and lenient about form:
//
//	f, err := xlsx.Open(upload, xlsx.DefaultLimits())
//	t, err := f.Table("", []xlsx.Column{
//		{Key: "name", Header: "姓名", Required: true},
//		{Key: "phone", Header: "手机号", Synonyms: []string{"电话", "联系电话"}},
//	})
//	for row, err := range t.Rows() {
//		if err != nil { return err }          // the file: broken, or over a limit
//		p := Person{Name: row.Need("name"), Phone: row.Code("phone")}
//		if !row.OK() { bad = append(bad, row) } // this row; see row.Problems
//	}
//	xlsx.WriteReport(w, t, bad)
//
// Invariants: sizes are checked in the zip directory and again while unpacking,
// and nothing is unpacked that is not read; no formula is ever evaluated: its
// saved result is used, and one without a result, or with an error as its
// result, is a problem of its row; text is never written as a formula. Every
// error has a Chinese text that says what to do.
//
// The reader is our own rather than excelize's, which cannot tell while streaming
// whether a cell holds a formula or an error, shows dates in whatever format the
// cell has, and unpacks every picture of the workbook into memory. excelize
// writes.
package xlsx

import "jishan/internal/errs"

// What can be wrong with a file as a whole.
var (
	ErrTooLarge = errs.Define(errs.TooLarge, "xlsx.too_large", "文件太大，请拆成几个文件分别导入")
	ErrTooMany  = errs.Define(errs.TooLarge, "xlsx.too_many", "表格的行或列太多，请拆成几个文件分别导入")
	ErrNotTable = errs.Define(errs.Invalid, "xlsx.not_table", "这不是 Excel 表格，请上传 .xlsx 或 .csv 文件")
	ErrOldXLS   = errs.Define(errs.Invalid, "xlsx.old_xls", "这是旧版 .xls 文件，请用 Excel 或 WPS 打开后另存为 .xlsx 再上传")
	ErrLocked   = errs.Define(errs.Invalid, "xlsx.locked", "文件加了打开密码，请去掉密码后再上传")
	ErrBroken   = errs.Define(errs.Invalid, "xlsx.broken", "文件已损坏，打不开；请用 Excel 或 WPS 重新另存为 .xlsx 再上传")
	ErrNoSheet  = errs.Define(errs.Invalid, "xlsx.no_sheet", "文件里没有这个工作表")
	ErrColumns  = errs.Define(errs.Invalid, "xlsx.columns", "表头不对，请下载模板，按模板的表头填写")
)

// Limits bound what one file may cost.
type Limits struct {
	Bytes    int64 // of the file as uploaded
	Unpacked int64 // of all parts of the workbook together, as text
	Rows     int   // rows that are not blank, for each sheet
	Columns  int   // rightmost column that is not blank
	Cell     int   // characters in one cell
}

// DefaultLimits fit a township's roster: 20 MiB, unpacked 200 MiB, 50,000 rows of 200 columns, 5,000 characters a cell.
func DefaultLimits() Limits {
	return Limits{Bytes: 20 << 20, Unpacked: 200 << 20, Rows: 50_000, Columns: 200, Cell: 5_000}
}
