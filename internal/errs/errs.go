// Package errs is the one vocabulary of things that can go wrong.
//
// A Code is declared once, next to the code that meets the condition, with a
// stable identifier (the client branches on it), a Kind (the API maps it to an
// HTTP status, in one place) and a Chinese text that tells a village officer or
// a shopkeeper what to do. docs/errors.md is generated from All.
//
//	var ErrInsufficient = errs.Define(errs.Refused, "wallet.insufficient", "可用积分不足")
//	return ErrInsufficient.With("可用积分不足：现有 %s，需要 %s", have, need)
//	if errors.Is(err, ErrInsufficient) { … }
//
// Invariant: the text of an error that is not an *Error never reaches a client.
package errs

import (
	"errors"
	"fmt"
	"sort"
	"sync"
	"time"
)

// Kind is what sort of failure a Code is; only the API knows its HTTP status.
type Kind uint8

const (
	Internal        Kind = iota // our fault; details only in the log
	Invalid                     // the request is malformed or out of range
	Unauthenticated             // nobody is logged in, or the token is no longer good
	Forbidden                   // logged in, but the role may not do this
	NotFound                    // does not exist, or lies outside what the actor may see
	Conflict                    // clashes with what is already there (same key, other body; already reversed)
	Refused                     // well-formed, but a rule of the village or of the ledger says no
	TooLarge                    // body or file over the limit
	TooMany                     // throttled; RetryAfter says how long
	Unavailable                 // overloaded or a dependency is away; the same request may be sent again
)

// Code is one thing that can go wrong. It is itself an error, to be the target of errors.Is.
type Code struct {
	ID   string // stable, dotted: "wallet.insufficient"
	Kind Kind
	Text string // Chinese, complete sentence, says what to do where it can
}

func (c *Code) Error() string { return c.ID + ": " + c.Text }

// Field names one part of the input that is wrong. Path is as the client wrote it ("grants[3].points", "第5行").
type Field struct {
	Path string
	Text string
}

// Error is a Code as it happened.
type Error struct {
	Code       *Code
	Detail     string // Chinese; empty means Code.Text
	Fields     []Field
	RetryAfter time.Duration
	Cause      error // for the log only
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Code.ID + ": " + e.Text() + ": " + e.Cause.Error()
	}
	return e.Code.ID + ": " + e.Text()
}

// Unwrap lets errors.Is find both the code and the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Code}
	}
	return []error{e.Code, e.Cause}
}

// Text is what the client is shown.
func (e *Error) Text() string {
	if e.Detail != "" {
		return e.Detail
	}
	return e.Code.Text
}

var (
	mu    sync.Mutex
	codes = map[string]*Code{}
)

// Define declares a code; called only from package variable declarations. A code declared twice panics at start.
func Define(kind Kind, id, text string) *Code {
	mu.Lock()
	defer mu.Unlock()
	if _, ok := codes[id]; ok {
		panic("errs: code declared twice: " + id)
	}
	c := &Code{ID: id, Kind: kind, Text: text}
	codes[id] = c
	return c
}

// All returns every declared code in order of ID.
func All() []*Code {
	mu.Lock()
	defer mu.Unlock()
	out := make([]*Code, 0, len(codes))
	for _, c := range codes {
		out = append(out, c)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// New is the code with its own text.
func (c *Code) New() *Error { return &Error{Code: c} }

// With is the code with a Chinese text for this occurrence.
func (c *Code) With(format string, args ...any) *Error {
	return &Error{Code: c, Detail: fmt.Sprintf(format, args...)}
}

// Wrap is the code with the cause kept for the log.
func (c *Code) Wrap(cause error) *Error { return &Error{Code: c, Cause: cause} }

// At is the code pointing at parts of the input.
func (c *Code) At(fields ...Field) *Error { return &Error{Code: c, Fields: fields} }

// After adds how long to wait before trying again.
func (e *Error) After(d time.Duration) *Error { e.RetryAfter = d; return e }

// The codes every part may use.
var (
	ErrInternal    = Define(Internal, "internal", "系统出错了，请稍后再试；若一直如此，请把错误编号告诉管理员")
	ErrInvalid     = Define(Invalid, "input.invalid", "填写的内容有误，请按提示修改后再提交")
	ErrNotFound    = Define(NotFound, "not_found", "没有找到，或不在您的管理范围内")
	ErrForbidden   = Define(Forbidden, "auth.forbidden", "您的角色不能做这件事，请联系管理员")
	ErrUnavailable = Define(Unavailable, "unavailable", "系统繁忙，请稍后用同样的内容再试，不会重复记账")
)

// From is the *Error in err's chain; a bare Code becomes its own occurrence, anything else is ErrInternal wrapping err.
// From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var c *Code
	if errors.As(err, &c) {
		return &Error{Code: c, Cause: err}
	}
	return ErrInternal.Wrap(err)
}
