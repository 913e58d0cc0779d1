package api

import "fmt"

// words are the JSON spellings of a small set of values.
type words[T comparable] map[T]string

// value is what a spelling stands for; the schema's enum has refused unknown ones, so the zero value means "not given".
func (w words[T]) value(s string) (v T) {
	for k, word := range w {
		if word == s {
			return k
		}
	}
	return v
}

func hex(b [32]byte) string { return fmt.Sprintf("%x", b) }
