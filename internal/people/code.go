package people

import (
	"crypto/rand"
	"strings"

	"jishan/internal/errs"
)

// ErrHouseCode is a house code that was mistyped.
var ErrHouseCode = errs.Define(errs.Invalid, "house.code", "户码不对，请核对卡片上的 8 位户码后再输入")

// houseAlphabet has 30 characters, without those that look alike (0 O, 1 I L, and U, which looks like V by hand). With a prime
// modulus and weights that differ from place to place the check character catches every single wrong character and every
// exchange of two.
const houseAlphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

// houseModulus is a prime not below the alphabet's size.
const houseModulus = 31

const houseLen = 8

// NewHouseCode is a random code: seven characters and the check character.
func NewHouseCode() string {
	for {
		var raw [houseLen - 1]byte
		_, _ = rand.Read(raw[:])
		b := make([]byte, 0, houseLen)
		for _, x := range raw {
			if int(x) >= 256/len(houseAlphabet)*len(houseAlphabet) {
				break // keep the choice even
			}
			b = append(b, houseAlphabet[int(x)%len(houseAlphabet)])
		}
		if len(b) < houseLen-1 {
			continue
		}
		if c, ok := checkChar(b); ok {
			return string(append(b, c))
		}
	}
}

// checkChar makes the weighted sum of all eight places a multiple of the modulus; the rare code that would need a 31st character
// is not used.
func checkChar(b []byte) (byte, bool) {
	sum := 0
	for i, c := range b {
		sum += (i + 2) * strings.IndexByte(houseAlphabet, c)
	}
	v := (houseModulus - sum%houseModulus) % houseModulus
	if v >= len(houseAlphabet) {
		return 0, false
	}
	return houseAlphabet[v], true
}

// ParseHouseCode reads a code as people type it: either case, spaces, dashes, full-width characters. It returns the eight bare
// characters.
func ParseHouseCode(s string) (string, error) {
	if len(s) > 64 {
		return "", ErrHouseCode.New()
	}
	b := make([]byte, 0, houseLen)
	for _, r := range s {
		if r >= '！' && r <= '～' {
			r -= '！' - '!'
		}
		switch {
		case r == ' ' || r == '-' || r == '　' || r == '—' || r == '–':
			continue
		case r >= 'a' && r <= 'z':
			r -= 'a' - 'A'
		}
		if r > 127 || strings.IndexByte(houseAlphabet, byte(r)) < 0 || len(b) == houseLen {
			return "", ErrHouseCode.New()
		}
		b = append(b, byte(r))
	}
	if len(b) != houseLen {
		return "", ErrHouseCode.New()
	}
	if c, ok := checkChar(b[:houseLen-1]); !ok || c != b[houseLen-1] {
		return "", ErrHouseCode.New()
	}
	return string(b), nil
}

// FormatHouseCode groups a code for reading: ABCD-EFGH.
func FormatHouseCode(code string) string {
	if len(code) != houseLen {
		return code
	}
	return code[:4] + "-" + code[4:]
}
