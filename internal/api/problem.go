package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"jishan/internal/errs"
)

// Errors of the server as a whole.
var (
	ErrNoRoute  = errs.Define(errs.NotFound, "request.no_such_path", "没有这个地址，请检查网址")
	ErrNoMethod = errs.Define(errs.Invalid, "request.no_such_method", "这个地址不支持这种请求方法")
	ErrBusy     = errs.Define(errs.Unavailable, "server.busy", "现在使用的人太多，请稍等几秒再试，不会重复记账")
)

// Status is the HTTP status of a code. Nothing else in the product knows HTTP statuses of errors.
func Status(c *errs.Code) int {
	switch c {
	case ErrMalformed, ErrEncoding, ErrNoKey:
		return http.StatusBadRequest
	case ErrNoMethod:
		return http.StatusMethodNotAllowed
	case ErrMediaType:
		return http.StatusUnsupportedMediaType
	case ErrSlow:
		return http.StatusRequestTimeout
	}
	switch c.Kind {
	case errs.Invalid:
		return http.StatusUnprocessableEntity
	case errs.Unauthenticated:
		return http.StatusUnauthorized
	case errs.Forbidden:
		return http.StatusForbidden
	case errs.NotFound:
		return http.StatusNotFound
	case errs.Conflict, errs.Refused:
		return http.StatusConflict
	case errs.TooLarge:
		return http.StatusRequestEntityTooLarge
	case errs.TooMany:
		return http.StatusTooManyRequests
	case errs.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// Problem is the body of every failure (RFC 9457).
type Problem struct {
	Type       string         `json:"type" doc:"错误的说明页" example:"/docs/errors#wallet.insufficient"`
	Title      string         `json:"title" doc:"这类错误的说明，对同一个 code 不变"`
	Status     int            `json:"status" doc:"HTTP 状态码"`
	Code       string         `json:"code" doc:"稳定的错误代码，见 docs/errors.md" example:"wallet.insufficient"`
	Detail     string         `json:"detail" doc:"这一次的说明，可直接给人看"`
	Fields     []ProblemField `json:"fields,omitempty" doc:"哪些内容有误"`
	RequestID  string         `json:"request_id" doc:"报告问题时请附上"`
	RetryAfter int            `json:"retry_after,omitempty" doc:"多少秒后再试"`
}

// ProblemField is one part of the input that is wrong.
type ProblemField struct {
	Path string `json:"path" doc:"如 grants[3].points" example:"grants[3].points"`
	Text string `json:"text" doc:"怎样改"`
}

// Error, GetStatus, GetHeaders and ContentType are what huma asks of an error that it writes.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of RFC 9457.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders are the headers that go with the body.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="jishan"`)
	}
	return h
}

func newProblem(e *errs.Error, requestID string) *Problem {
	p := &Problem{
		Type:       "/docs/errors#" + url.PathEscape(e.Code.ID),
		Title:      e.Code.Text,
		Status:     Status(e.Code),
		Code:       e.Code.ID,
		Detail:     e.Text(),
		RequestID:  requestID,
		RetryAfter: int(math.Ceil(e.RetryAfter.Seconds())),
	}
	if p.RetryAfter == 0 && p.Status == http.StatusServiceUnavailable {
		p.RetryAfter = 1
	}
	for _, f := range e.Fields {
		p.Fields = append(p.Fields, ProblemField(f))
	}
	return p
}

// problem turns an error of a service into the answer. What is not an *errs.Error goes to the log under the request's id.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	st := stateOf(ctx)
	e := errs.From(err)
	if e.Code == errs.ErrInternal && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		e = errs.ErrUnavailable.Wrap(err) // the client has gone, or the answer took too long
	}
	switch {
	case e.Code.Kind == errs.Internal:
		s.log.ErrorContext(ctx, "operation failed", "operation", st.operation, "error", err.Error())
	case e.Code.Kind == errs.Unavailable:
		s.log.WarnContext(ctx, "operation unavailable", "operation", st.operation, "error", err.Error())
	case e.Cause != nil:
		s.log.DebugContext(ctx, "operation refused", "operation", st.operation, "error", err.Error())
	}
	st.code = e.Code.ID
	p := newProblem(e, st.call.RequestID)
	if e.Code.Kind == errs.Internal {
		p.Detail, p.Fields = e.Code.Text, nil
	}
	return p
}

// writeProblem answers outside huma: before it, or where no operation was matched.
func (s *Server) writeProblem(gc *gin.Context, err error) {
	p := s.problem(gc.Request.Context(), err)
	body, merr := json.Marshal(p)
	if merr != nil {
		s.log.Error("writing a problem", "error", merr)
		gc.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	for k, v := range p.GetHeaders() {
		gc.Writer.Header()[k] = v
	}
	gc.Header("Content-Type", "application/problem+json")
	gc.Abort()
	gc.Status(p.Status)
	if _, werr := gc.Writer.Write(body); werr != nil {
		s.log.Debug("client has gone", "error", werr)
	}
}

// fromHuma is what huma's own failures (parameters, JSON, validation) become.
func fromHuma(hc huma.Context, status int, _ string, details ...error) huma.StatusError {
	ctx := context.Background() // huma asks for a specimen of an error while it is being set up
	if hc != nil {
		ctx = hc.Context()
	}
	st := stateOf(ctx)
	e := errs.ErrInvalid.New()
	switch status {
	case http.StatusBadRequest:
		e = ErrMalformed.New()
	case http.StatusUnsupportedMediaType:
		e = ErrMediaType.New()
	case http.StatusRequestEntityTooLarge:
		e = ErrTooLarge.New()
	case http.StatusInternalServerError:
		e = errs.ErrInternal.New()
		slog.ErrorContext(ctx, "framework failed", "operation", st.operation, "error", errors.Join(details...))
		details = nil
	}
	seen := map[ProblemField]bool{}
	for _, d := range details {
		f := translate(d)
		if key := ProblemField(f); !seen[key] {
			seen[key] = true
			e.Fields = append(e.Fields, f)
		}
	}
	if len(e.Fields) > 0 && e.Code == errs.ErrInvalid {
		f := e.Fields[0]
		e.Detail = "填写的内容有误：" + f.Text
		if f.Path != "" {
			e.Detail = "填写的内容有误：" + f.Path + " " + f.Text
		}
	}
	st.code = e.Code.ID
	return newProblem(e, st.call.RequestID)
}
