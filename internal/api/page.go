package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	"jishan/internal/errs"
)

// ErrCursor is a cursor that this server has not given out, or not for this list.
var ErrCursor = errs.Define(errs.Invalid, "page.cursor", "翻页位置不对，请从第一页重新打开")

// Page is one page of a list. Next is empty on the last page.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"下一页的位置，放进 cursor；没有就是最后一页"`
}

// PageQuery is the query of every paged list.
type PageQuery struct {
	Cursor string `query:"cursor" maxLength:"500" doc:"上一页给出的 next"`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200" doc:"每页多少条"`
}

// cursor spells where the next page begins. The zero position is no cursor: the last page.
func cursor[C comparable](at C) string {
	var zero C
	if at == zero {
		return ""
	}
	b, err := json.Marshal(at)
	if err != nil {
		return "" // positions are structs and numbers; those always marshal
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// position reads a cursor; an empty one is the zero position.
func position[C comparable](s string) (at C, err error) {
	if s == "" {
		return at, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return at, ErrCursor.Wrap(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&at); err != nil {
		return at, ErrCursor.Wrap(err)
	}
	return at, nil
}

// mapped converts a list; the result is never nil, so that JSON has [] and not null.
func mapped[A, B any](in []A, f func(A) B) []B {
	out := make([]B, 0, len(in))
	for _, a := range in {
		out = append(out, f(a))
	}
	return out
}
