// Package points is the amount of village points or party score.
//
// An Amount is an int64 of hundredths: real rule books contain 0.1 and 0.5
// points. JSON carries a decimal number with at most two places, decoded
// without floating point; a quoted number is accepted from spreadsheets' tools.
//
//	a := points.Whole(15)          // 15 points
//	b, err := points.Parse("0.5")  // half a point
package points

import (
	"jishan/internal/decimal"
)

// Amount is hundredths of a point.
type Amount int64

// Whole is n points.
func Whole(n int64) Amount { return Amount(n * 100) }

// Parse reads a decimal number; see decimal.Parse for its errors.
func Parse(s string) (Amount, error) {
	v, err := decimal.Parse(s)
	return Amount(v), err
}

// String writes without trailing zeros.
func (a Amount) String() string { return decimal.Format(int64(a)) }

// Signed writes with a sign as statements show it: "+5", "−5" (U+2212), "0".
func (a Amount) Signed() string {
	switch {
	case a > 0:
		return "+" + a.String()
	case a < 0:
		return "−" + (-a).String()
	}
	return "0"
}

// Abs is the magnitude.
func (a Amount) Abs() Amount {
	if a < 0 {
		return -a
	}
	return a
}

// MarshalJSON writes a bare decimal number.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalJSON reads a bare or quoted decimal number.
func (a *Amount) UnmarshalJSON(b []byte) error {
	s := string(b)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	v, err := decimal.Parse(s)
	if err != nil {
		return err
	}
	*a = Amount(v)
	return nil
}
