package api

import (
	"errors"
	"math"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"jishan/internal/cal"
	"jishan/internal/decimal"
	"jishan/internal/id"
	"jishan/internal/money"
	"jishan/internal/points"
)

// alias tells the registry how the amounts, keys and days of the domain look in OpenAPI.
func alias(r huma.Registry) {
	r.RegisterTypeAlias(reflect.TypeFor[points.Amount](), reflect.TypeFor[amountSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[money.Fen](), reflect.TypeFor[fenSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[id.ID](), reflect.TypeFor[keySchema]())
	r.RegisterTypeAlias(reflect.TypeFor[cal.Day](), reflect.TypeFor[daySchema]())
}

type (
	amountSchema struct{}
	fenSchema    struct{}
	keySchema    struct{}
	daySchema    struct{}
)

func (amountSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "number", Description: "积分，最多两位小数"}
}

func (fenSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "number", Description: "人民币元，最多两位小数"}
}

func (keySchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: "string", Pattern: `^[0-3][0-9a-hjkmnp-tv-zA-HJKMNP-TV-Z]{12}$`, PatternDescription: "13 位编号",
	}
}

func (daySchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "string", Format: "date", Description: "日期，如 2026-11-23"}
}

// Points is an amount of points in a request. It is read from the digits of the JSON number, never through floating point.
// What cannot be read is kept as a mark and reported with its place by Resolve.
type Points int64

// Yuan is an amount of money in a request, in fen; see Points.
type Yuan int64

const (
	badSyntax = math.MinInt64 + iota
	badPrecision
	badRange
)

// Amount is the value for the services.
func (p Points) Amount() points.Amount { return points.Amount(p) }

// Fen is the value for the services.
func (y Yuan) Fen() money.Fen { return money.Fen(y) }

// UnmarshalJSON reads a bare decimal number.
func (p *Points) UnmarshalJSON(b []byte) error { return readDecimal((*int64)(p), b) }

// UnmarshalJSON reads a bare decimal number.
func (y *Yuan) UnmarshalJSON(b []byte) error { return readDecimal((*int64)(y), b) }

// MarshalJSON writes a bare decimal number.
func (p Points) MarshalJSON() ([]byte, error) { return points.Amount(p).MarshalJSON() }

// MarshalJSON writes a bare decimal number.
func (y Yuan) MarshalJSON() ([]byte, error) { return money.Fen(y).MarshalJSON() }

// Schema is a number.
func (*Points) Schema(r huma.Registry) *huma.Schema { return amountSchema{}.Schema(r) }

// Schema is a number.
func (*Yuan) Schema(r huma.Registry) *huma.Schema { return fenSchema{}.Schema(r) }

// Resolve reports, with its place in the body, an amount that could not be read.
func (p *Points) Resolve(_ huma.Context, at *huma.PathBuffer) []error { return resolve(int64(*p), at) }

// Resolve reports, with its place in the body, an amount that could not be read.
func (y *Yuan) Resolve(_ huma.Context, at *huma.PathBuffer) []error { return resolve(int64(*y), at) }

func readDecimal(v *int64, b []byte) error {
	if string(b) == "null" {
		return nil
	}
	n, err := decimal.Parse(string(b))
	switch {
	case err == nil:
		*v = n
	case errors.Is(err, decimal.ErrPrecision):
		*v = badPrecision
	case errors.Is(err, decimal.ErrRange):
		*v = badRange
	default:
		*v = badSyntax
	}
	return nil
}

func resolve(v int64, at *huma.PathBuffer) []error {
	text := ""
	switch v {
	case badSyntax:
		text = "须写成普通数字，如 12.5"
	case badPrecision:
		text = "最多两位小数"
	case badRange:
		text = "数字太大"
	default:
		return nil
	}
	return []error{&huma.ErrorDetail{Location: at.String(), Message: text}}
}

// Key is a row key in a path or query.
type Key struct{ V id.ID }

// UnmarshalText reads a key.
func (k *Key) UnmarshalText(b []byte) error {
	v, err := id.Parse(string(b))
	if err != nil {
		return errors.New("须为 13 位编号")
	}
	k.V = v
	return nil
}

// Schema is that of every key.
func (Key) Schema(r huma.Registry) *huma.Schema { return keySchema{}.Schema(r) }

// Date is a day in a query.
type Date struct{ V cal.Day }

// UnmarshalText reads 2026-11-23.
func (d *Date) UnmarshalText(b []byte) error {
	v, err := cal.ParseDay(string(b))
	if err != nil {
		return errors.New("须为日期，如 2026-11-23")
	}
	d.V = v
	return nil
}

// Schema is that of every day.
func (Date) Schema(r huma.Registry) *huma.Schema { return daySchema{}.Schema(r) }

// Month is a month, in queries and bodies: "2026-11".
type Month struct{ V cal.Month }

// UnmarshalText reads 2026-11; nothing is no month.
func (m *Month) UnmarshalText(b []byte) error {
	v, err := cal.ParseMonth(string(b))
	if err != nil {
		return errors.New("须为月份，如 2026-11")
	}
	m.V = v
	return nil
}

// MarshalText writes 2026-11; no month is empty.
func (m Month) MarshalText() ([]byte, error) {
	if m.V == 0 {
		return nil, nil
	}
	return []byte(m.V.String()), nil
}

// Schema is a pattern.
func (Month) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "string", Pattern: `^\d{4}-(0[1-9]|1[0-2])$`, PatternDescription: "月份，如 2026-11", Description: "月份，如 2026-11"}
}

// Quarter is a quarter, in queries and bodies: "2026-Q4".
type Quarter struct{ V cal.Quarter }

// UnmarshalText reads 2026-Q4.
func (q *Quarter) UnmarshalText(b []byte) error {
	p, err := cal.ParsePeriod(string(b))
	if err != nil || p.Kind != cal.ByQuarter {
		return errors.New("须为季度，如 2026-Q4")
	}
	q.V = cal.Quarter(p.N)
	return nil
}

// MarshalText writes 2026-Q4.
func (q Quarter) MarshalText() ([]byte, error) { return []byte(q.V.String()), nil }

// Schema is a pattern.
func (Quarter) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "string", Pattern: `^\d{4}-Q[1-4]$`, PatternDescription: "季度，如 2026-Q4", Description: "季度，如 2026-Q4"}
}

// Period is a stretch of months, in queries and bodies: "2026-11", "2026-Q4", "2026", "scheme-2026" or "all".
type Period struct{ V cal.Period }

const periodText = "须为时段：月 2026-11、季 2026-Q4、年 2026、年度 scheme-2026 或累计 all"

// UnmarshalText reads what cal.Period writes.
func (p *Period) UnmarshalText(b []byte) error {
	v, err := cal.ParsePeriod(string(b))
	if err != nil {
		return errors.New(periodText)
	}
	p.V = v
	return nil
}

// MarshalText writes the period.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.V.String()), nil }

// Schema is a pattern.
func (Period) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: "string", Pattern: `^(\d{4}-(0[1-9]|1[0-2])|\d{4}-Q[1-4]|\d{4}|scheme-\d{4}|all)$`,
		PatternDescription: periodText[len("须为"):], Description: periodText[len("须为"):],
	}
}
