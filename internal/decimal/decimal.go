// Package decimal reads and writes numbers with at most two decimal places as
// int64 hundredths, without floating point. It is shared by points and money.
//
//	decimal.Parse("-12.5") // -1250
package decimal

import (
	"errors"
	"strconv"
	"strings"
)

// Errors that Parse returns.
var (
	ErrSyntax    = errors.New("decimal: not a number")
	ErrPrecision = errors.New("decimal: more than two decimal places")
	ErrRange     = errors.New("decimal: out of range")
)

// Limit is the largest magnitude read, in hundredths: ten million. It keeps a million of the largest amounts within int64.
const Limit = 10_000_000 * 100

// Parse reads [+-]digits[.digits]; no exponent, no spaces, no more than two places that are not zero.
func Parse(s string) (int64, error) {
	neg := false
	switch {
	case strings.HasPrefix(s, "-"):
		neg, s = true, s[1:]
	case strings.HasPrefix(s, "+"):
		s = s[1:]
	}
	whole, frac, hasDot := strings.Cut(s, ".")
	if !digits(whole) || hasDot && !digits(frac) {
		return 0, ErrSyntax
	}
	frac = strings.TrimRight(frac, "0")
	if len(frac) > 2 {
		return 0, ErrPrecision
	}
	for len(frac) < 2 {
		frac += "0"
	}
	whole = strings.TrimLeft(whole, "0")
	if len(whole) > 9 {
		return 0, ErrRange
	}
	v, err := strconv.ParseInt(whole+frac, 10, 64)
	if err != nil {
		return 0, ErrRange
	}
	if v > Limit {
		return 0, ErrRange
	}
	if neg {
		v = -v
	}
	return v, nil
}

func digits(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Format writes hundredths without trailing zeros: 1250 → "12.5", -10 → "-0.1".
func Format(v int64) string {
	neg := v < 0
	u := uint64(v)
	if neg {
		u = -u
	}
	s := strconv.FormatUint(u/100, 10)
	if f := u % 100; f != 0 {
		s += "." + strings.TrimRight(string([]byte{'0' + byte(f/10), '0' + byte(f%10)}), "0")
	}
	if neg {
		s = "-" + s
	}
	return s
}
