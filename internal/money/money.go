// Package money is yuan, as an int64 of fen, and the rate at which points become yuan.
//
//	r := money.Rate{Points: points.Whole(10), Fen: 100} // 10 points are 1 yuan
//	r.Value(points.Whole(25))                            // 250 fen
package money

import (
	"errors"
	"math/bits"

	"jishan/internal/decimal"
	"jishan/internal/points"
)

// Fen is hundredths of a yuan.
type Fen int64

// String writes yuan with two places: "12.50".
func (f Fen) String() string {
	s := decimal.Format(int64(f))
	switch dot := indexDot(s); {
	case dot < 0:
		return s + ".00"
	case len(s)-dot == 2:
		return s + "0"
	default:
		return s
	}
}

func indexDot(s string) int {
	for i := range len(s) {
		if s[i] == '.' {
			return i
		}
	}
	return -1
}

// Parse reads yuan as a decimal number into fen.
func Parse(s string) (Fen, error) {
	v, err := decimal.Parse(s)
	return Fen(v), err
}

// MarshalJSON writes yuan as a bare decimal number.
func (f Fen) MarshalJSON() ([]byte, error) { return []byte(decimal.Format(int64(f))), nil }

// UnmarshalJSON reads yuan as a bare or quoted decimal number.
func (f *Fen) UnmarshalJSON(b []byte) error {
	var a points.Amount
	if err := a.UnmarshalJSON(b); err != nil {
		return err
	}
	*f = Fen(a)
	return nil
}

// Rate says that so many points are worth so many fen. Two integers, so that no rate is rounded.
type Rate struct {
	Points points.Amount // > 0
	Fen    Fen           // ≥ 0
}

// ErrRate is returned by Check.
var ErrRate = errors.New("money: a rate needs points above zero and fen not below zero")

// Check reports a rate that cannot be used.
func (r Rate) Check() error {
	if r.Points <= 0 || r.Fen < 0 {
		return ErrRate
	}
	return nil
}

// Value is what the points are worth, rounded once, half up (away from zero for negative amounts). The product is taken in 128 bits.
func (r Rate) Value(a points.Amount) Fen {
	if a < 0 {
		return -r.Value(-a)
	}
	hi, lo := bits.Mul64(uint64(a), uint64(r.Fen))
	lo, carry := bits.Add64(lo, uint64(r.Points)/2, 0)
	q, _ := bits.Div64(hi+carry, lo, uint64(r.Points))
	return Fen(q)
}
