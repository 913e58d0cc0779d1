package api

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/url"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"jishan/internal/auth"
	"jishan/internal/errs"
	"jishan/internal/idempotency"
)

const (
	headerKey = "Idempotency-Key"
	minKey    = 8
	maxKey    = 128
)

// Errors of the request itself.
var (
	ErrNoToken = errs.Define(errs.Unauthenticated, "auth.required", "请先登录")
	ErrNoKey   = errs.Define(errs.Invalid, "idempotency.required",
		"缺少操作编号：请求头 Idempotency-Key 须为 8 到 128 个可打印字符，每次操作一个，重试时不变")
)

// Call is who asks and how.
type Call struct {
	Actor     auth.Actor // zero where nobody is logged in
	Idem      idempotency.Request
	Upload    *Upload // of operations that take a file
	Address   string  // of the client
	Device    string  // User-Agent, shortened
	RequestID string
	again     func(ctx context.Context) error // looks anew who is logged in
}

// state travels in the request's context, from the first middleware on.
type state struct {
	call      Call
	operation string         // "" until an operation is matched
	code      string         // of the problem answered
	timing    *timing        // of the operation, once it is matched
	release   func()         // gives back what the request holds
	inside    bool           // has a place; see crowd
	body      memory         // received, for huma
	writer    patientWriter  // of the answer
	left      sync.WaitGroup // for a place that is being given back; see waiting
}

type stateKey struct{}

func stateOf(ctx context.Context) *state {
	if st, ok := ctx.Value(stateKey{}).(*state); ok {
		return st
	}
	return &state{}
}

func withState(ctx context.Context, st *state) context.Context {
	return context.WithValue(ctx, stateKey{}, st)
}

// admit decides whether the operation may go on, cheapest question first.
func (s *Server) admit(gc *gin.Context, st *state, op *Op) error {
	if op.Perm != auth.Public {
		token, ok := bearer(gc.GetHeader("Authorization"))
		if !ok {
			return ErrNoToken.New()
		}
		st.call.again = func(ctx context.Context) error { return s.recognise(ctx, st, op, token, false) }
		if err := s.recognise(gc.Request.Context(), st, op, token, op.Rechecks); err != nil {
			return err
		}
	}
	var key string
	if op.Idempotent {
		key = gc.GetHeader(headerKey)
		if !goodKey(key) {
			return ErrNoKey.New()
		}
	}
	body, err := s.readBody(gc, st, op)
	if err != nil {
		return err
	}
	if op.Idempotent {
		st.call.Idem = idempotency.Request{
			Scope:     st.call.Actor.UserID,
			Key:       key,
			Input:     inputHash(op, gc.Params, gc.Request.URL, body),
			Operation: op.ID,
		}
	}
	return nil
}

// recognise finds out who holds the token and whether they may call the operation; where it is enough, from what is remembered of them.
func (s *Server) recognise(ctx context.Context, st *state, op *Op, token string, remembered bool) (err error) {
	c := &st.call
	may := func() error {
		if !op.Audience.Has(c.Actor.Kind) {
			return errs.ErrForbidden.New()
		}
		return c.Actor.Check(op.Perm)
	}
	if remembered && s.remember != nil {
		var known bool
		if c.Actor, known = s.remember(token, c.Address, c.RequestID); known && may() == nil {
			return nil // what they may have been given since is found below
		}
	}
	if c.Actor, err = s.authenticate(ctx, token, c.Address, c.RequestID); err != nil {
		return err
	}
	return may()
}

// rechecked does what an operation with Op.Rechecks does; once more, with the rights of this moment, where those remembered have changed.
func rechecked[T any](ctx context.Context, c *Call, do func() (T, error)) (out T, err error) {
	if out, err = do(); !errors.Is(err, auth.ErrStale) {
		return out, err
	}
	if err := c.again(ctx); err != nil {
		return out, err
	}
	return do()
}

func bearer(header string) (string, bool) {
	scheme, token, ok := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != ""
}

func goodKey(k string) bool {
	if len(k) < minKey || len(k) > maxKey {
		return false
	}
	for i := range len(k) {
		if k[i] <= ' ' || k[i] > '~' {
			return false
		}
	}
	return true
}

// inputHash is over everything that says what was asked: the operation, the path's parameters, the query in sorted order and
// the body. Each part is preceded by its length, so that no two different requests run together to the same bytes.
func inputHash(op *Op, params gin.Params, u *url.URL, body [][]byte) (out [32]byte) {
	var room [512]byte // the short parts are gathered: one of them after another would each be moved to the heap
	b := part(room[:0], op.ID)
	for _, p := range params {
		b = part(b, p.Key)
		b = part(b, strings.ToLower(p.Value))
	}
	query := ""
	if u.RawQuery != "" {
		query = u.Query().Encode()
	}
	b = part(b, query)
	h := sha256.New()
	for _, p := range body {
		h.Write(binary.BigEndian.AppendUint64(b, uint64(len(p))))
		h.Write(p)
		b = b[:0]
	}
	h.Write(b)
	h.Sum(out[:0])
	return out
}

func part(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(len(s))), s...)
}
