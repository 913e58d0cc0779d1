package api

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/obs"
)

const headerRequestID = "X-Request-Id"

// begin gives the request its id and state, bounds its time and, when it is over, writes one line to the log and one
// observation to the metrics. Neither has query, body, token or the path as sent: they may hold names and phone numbers.
func (s *Server) begin(gc *gin.Context) {
	start := time.Now()
	rid := gc.GetHeader(headerRequestID)
	if !goodRequestID(rid) {
		rid = id.New().String()
	}
	st := &state{call: Call{RequestID: rid, Address: gc.ClientIP(), Device: shorten(gc.Request.UserAgent(), 100)}}
	ctx, cancel := context.WithTimeout(withState(obs.WithRequestID(gc.Request.Context(), rid), st), s.limits.answer)
	defer cancel()
	gc.Request = gc.Request.WithContext(ctx)
	gc.Header(headerRequestID, rid)

	gc.Next()

	took := time.Since(start)
	op := st.operation
	if op == "" {
		op = "none"
	}
	status := gc.Writer.Status()
	if st.timing != nil {
		st.timing.of(status).Observe(took.Seconds())
	} else {
		s.metrics.seconds.WithLabelValues(op, strconv.Itoa(status)).Observe(took.Seconds())
	}
	level := slog.LevelInfo
	if st.operation == "" || op == opProbe {
		level = slog.LevelDebug
	}
	if !s.log.Enabled(ctx, level) {
		return // what the line would say costs more than to ask
	}
	s.log.LogAttrs(ctx, level, "request",
		slog.String("method", gc.Request.Method),
		slog.String("route", gc.FullPath()),
		slog.String("operation", op),
		slog.Int("status", status),
		slog.String("code", st.code),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.Int("bytes", max(gc.Writer.Size(), 0)),
		slog.String("actor", st.call.Actor.UserID.String()),
		slog.String("address", st.call.Address),
	)
}

func goodRequestID(s string) bool {
	if len(s) < 8 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// shorten cuts a text to at most n bytes of whole, valid characters.
func shorten(s string, n int) string {
	if !utf8.ValidString(s) {
		return ""
	}
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// recovered turns a panic into a problem without its text.
func (s *Server) recovered(gc *gin.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		ctx := gc.Request.Context()
		if ctx.Err() != nil && gc.Writer.Written() {
			s.log.DebugContext(ctx, "client has gone", "error", p)
			gc.Abort()
			return
		}
		s.log.ErrorContext(ctx, "panic", "operation", stateOf(ctx).operation, "panic", p, "stack", string(debug.Stack()))
		if gc.Writer.Written() {
			gc.Abort()
			return
		}
		s.writeProblem(gc, errs.ErrInternal.New())
	}()
	gc.Next()
}

// sameHeaders are those of every answer. Nobody changes the lists.
var sameHeaders = http.Header{
	"X-Content-Type-Options":  {"nosniff"},
	"X-Frame-Options":         {"DENY"},
	"Referrer-Policy":         {"same-origin"},
	"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
	"Cache-Control":           {"no-store"},
}

// headers are the same for every answer; pages of our own set a content security policy that lets their own script run.
func headers(gc *gin.Context) {
	maps.Copy(gc.Writer.Header(), sameHeaders)
	gc.Next()
}

// text refuses a path or query that is not UTF-8.
func (s *Server) text(gc *gin.Context) {
	if !utf8.ValidString(gc.Request.URL.Path) {
		s.writeProblem(gc, ErrEncoding.New())
		return
	}
	if gc.Request.URL.RawQuery != "" {
		for k, vs := range gc.Request.URL.Query() {
			for _, v := range append(vs, k) {
				if !utf8.ValidString(v) {
					s.writeProblem(gc, ErrEncoding.New())
					return
				}
			}
		}
	}
	gc.Next()
}
