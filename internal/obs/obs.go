// Package obs is how the program is watched: logs, metrics and the request's id
// that ties them together.
//
//	log, err := obs.NewLogger(os.Stderr, cfg.Log)
//	ctx = obs.WithRequestID(ctx, rid)
//	log.InfoContext(ctx, "award granted", "household", id) // carries request_id
//
// Invariants: no phone number, identity number, password, PIN, token or secret
// reaches the log, whether as an attribute or inside a text (Redact); every
// metric lives in a registry of its own process part, never in the library's
// global one.
package obs

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"jishan/internal/conf"
)

type requestIDKey struct{}

// WithRequestID returns a context whose log lines carry the id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID is the id given by WithRequestID, or empty.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// NewLogger writes lines of text or JSON from the given level up, redacted. The error is of the configuration.
func NewLogger(w io.Writer, c conf.Log) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: redactAttr}
	switch c.Format {
	case "text":
		return slog.New(handler{slog.NewTextHandler(w, o)}), nil
	case "json":
		return slog.New(handler{slog.NewJSONHandler(w, o)}), nil
	}
	return nil, fmt.Errorf("log.format %q is neither text nor json", c.Format)
}

// handler adds the request's id.
type handler struct{ slog.Handler }

// Handle is part of slog.Handler.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs is part of slog.Handler.
func (h handler) WithAttrs(a []slog.Attr) slog.Handler { return handler{h.Handler.WithAttrs(a)} }

// WithGroup is part of slog.Handler.
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
