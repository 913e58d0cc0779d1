package db

import (
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What waits in a pipe is text, so its values are spelled where they are put in. The driver could do that at the end, too; but for a batch of
// awards with its two thousand values it would copy them twice more and read all of the text letter by letter, which is a tenth of the
// program's time.
//
// Only what reads the same under every sql_mode stands between quotes. All else, a backslash, a line's end, bytes that are no text, is
// spelled in hexadecimal digits: there is no escaping that could be got wrong.

// spell appends the query to b, with args in the places of its question marks. None of our queries has one inside a literal.
func spell(b []byte, query string, args []any) ([]byte, error) {
	if n := strings.Count(query, "?"); n != len(args) {
		return b, fmt.Errorf("db: %d values for %d places in %q", len(args), n, query)
	}
	var err error
	for _, a := range args {
		i := strings.IndexByte(query, '?')
		b = append(b, query[:i]...)
		query = query[i+1:]
		if b, err = spellValue(b, a); err != nil {
			return b, err
		}
	}
	return append(b, query...), nil
}

// spellRows appends rows of width values, (1, 'a'),(2, 'b').
func spellRows(b []byte, width int, values []any) (_ []byte, err error) {
	for i, v := range values {
		switch {
		case i == 0:
			b = append(b, '(')
		case i%width == 0:
			b = append(b, "),("...)
		default:
			b = append(b, ',')
		}
		if b, err = spellValue(b, v); err != nil {
			return b, err
		}
	}
	return append(b, ')'), nil
}

func spellValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "NULL"...), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case string:
		return spellText(b, v), nil
	case []byte:
		return spellBytes(b, v), nil
	case bool:
		if v {
			return append(b, '1'), nil
		}
		return append(b, '0'), nil
	case float64:
		return strconv.AppendFloat(b, v, 'g', -1, 64), nil
	}
	plain, err := driver.DefaultParameterConverter.ConvertValue(v)
	if err != nil {
		return b, fmt.Errorf("db: spelling a value: %w", err)
	}
	switch plain.(type) {
	case nil, int64, string, []byte, bool, float64:
		return spellValue(b, plain)
	}
	return b, fmt.Errorf("db: a %T has no place in a statement", plain)
}

func spellText(b []byte, s string) []byte {
	if legible(s) {
		return quote(b, s)
	}
	if utf8.ValidString(s) {
		b = append(b, "_utf8mb4 "...)
	} // else the server is to refuse it, as it refuses every text that is none
	return spellHex(b, s)
}

func spellBytes(b, v []byte) []byte {
	switch s := string(v); {
	case v == nil:
		return append(b, "NULL"...)
	case len(s) > 64 && legible(s): // JSON, mostly
		return quote(append(b, "_binary "...), s)
	default:
		return spellHex(b, s)
	}
}

// legible reports whether the text means the same to every server between quotes, once its own quotes are doubled.
func legible(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == '\\' || s[i] == 0x7f {
			return false
		}
	}
	return utf8.ValidString(s)
}

func quote(b []byte, s string) []byte {
	b = append(b, '\'')
	for {
		i := strings.IndexByte(s, '\'')
		if i < 0 {
			return append(append(b, s...), '\'')
		}
		b = append(append(b, s[:i]...), "''"...)
		s = s[i+1:]
	}
}

func spellHex(b []byte, s string) []byte {
	b = append(b, "X'"...)
	b = hex.AppendEncode(b, []byte(s))
	return append(b, '\'')
}
