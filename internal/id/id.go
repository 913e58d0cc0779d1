// Package id makes and spells row keys.
//
// A key is a random positive 62-bit integer: it needs no coordination between
// processes or database nodes, reveals no count and cannot be enumerated, so the
// same key serves inside (BIGINT) and outside (13 characters of Crockford base32).
// Never read an order into keys. See docs/adr/0003-row-keys.md.
//
//	k := id.New()
//	k.String()            // "0h3kq8w2v9m4x"
//	id.Parse("0H3KQ8W2V9M4X")
package id

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"strings"
)

// ID is a row key. Zero means none.
type ID int64

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz" // Crockford: no i, l, o, u
const width = 13                                    // ceil(62/5)

// New is a fresh key from the system's random source.
func New() ID {
	var b [8]byte
	for {
		_, _ = rand.Read(b[:]) // never fails since Go 1.24: it crashes the program instead
		if v := ID(binary.BigEndian.Uint64(b[:]) >> 2); v != 0 {
			return v
		}
	}
}

// ErrBad is returned for a text that is no key.
var ErrBad = errors.New("id: not a key")

// Parse reads a key, in either case.
func Parse(s string) (ID, error) {
	if len(s) != width || s[0] > '3' { // 13 digits are 65 bits: a first one of 16 and more would be lost
		return 0, ErrBad
	}
	var v uint64
	for _, c := range []byte(s) {
		if 'A' <= c && c <= 'Z' { // and no other letter: the Kelvin sign, in lower case, is a k
			c += 'a' - 'A'
		}
		i := strings.IndexByte(alphabet, c)
		if i < 0 {
			return 0, ErrBad
		}
		v = v<<5 | uint64(i)
	}
	if v == 0 || v >= 1<<62 {
		return 0, ErrBad
	}
	return ID(v), nil
}

// String spells the key; the zero key is empty.
func (k ID) String() string {
	if k == 0 {
		return ""
	}
	return string(k.Append(make([]byte, 0, width)))
}

// Append appends what String spells.
func (k ID) Append(b []byte) []byte {
	if k == 0 {
		return b
	}
	b = append(b, "0000000000000"...)
	v := uint64(k)
	for i := len(b) - 1; i >= len(b)-width; i-- {
		b[i] = alphabet[v&31]
		v >>= 5
	}
	return b
}

// MarshalText and UnmarshalText make a key a JSON string; the empty string is the zero key.
func (k ID) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *ID) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*k = 0
		return nil
	}
	v, err := Parse(string(b))
	if err != nil {
		return err
	}
	*k = v
	return nil
}
