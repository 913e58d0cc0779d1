package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-redis/redis_rate/v10"

	"jishan/internal/errs"
	"jishan/internal/rdb"
)

// ErrTooFast is a stranger who asks too often.
var ErrTooFast = errs.Define(errs.TooMany, "public.too_many", "查得太快了，请稍等一会儿再查")

const (
	// openAge is how long what is public may be kept by browsers and by caches on the way.
	openAge = "public, max-age=60"
	// openPatience is how long Redis may take to count a request. Without an answer the request is let in.
	openPatience = 100 * time.Millisecond
)

// throttle bounds how often one address may ask for what is open to anyone. The count is in Redis, so that all processes share
// it; while Redis is away nobody is turned away.
type throttle struct {
	limiter *redis_rate.Limiter // nil: no limit
	limit   redis_rate.Limit
}

// newThrottle allows perMinute requests, half of them at once; 0 is no limit.
func newThrottle(r *rdb.Redis, perMinute int) throttle {
	if r == nil || perMinute == 0 {
		return throttle{}
	}
	return throttle{redis_rate.NewLimiter(r), redis_rate.Limit{Rate: perMinute, Burst: max(perMinute/2, 1), Period: time.Minute}}
}

// allow is nil, or ErrTooFast with the time after which the address may ask again.
func (t throttle) allow(ctx context.Context, address string) error {
	if t.limiter == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	res, err := t.limiter.Allow(ctx, "public:"+subscriber(address), t.limit)
	if err != nil || res.Allowed > 0 {
		return nil
	}
	return ErrTooFast.New().After(max(res.RetryAfter, time.Second))
}

// subscriber is whom an address belongs to: every line has 2^64 addresses of IPv6, so their first half counts as one.
func subscriber(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return "unknown"
	}
	return p.String()
}

// kept holds an answer back until it is whole, to give it a tag, and answers 304 to whoever has it already.
type kept struct {
	gin.ResponseWriter
	body   bytes.Buffer
	status int
}

// Write and WriteHeader keep what they are given.
func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }

// WriteString is part of gin's writer.
func (k *kept) WriteString(s string) (int, error) { return k.body.WriteString(s) }

// WriteHeader notes the status.
func (k *kept) WriteHeader(status int) { k.status = status }

// WriteHeaderNow is part of gin's writer; nothing goes out before finish.
func (k *kept) WriteHeaderNow() {}

// Status is the one noted.
func (k *kept) Status() int { return k.status }

// Written reports whether anything is there to be sent.
func (k *kept) Written() bool { return k.body.Len() > 0 }

// Size is that of the body so far.
func (k *kept) Size() int { return k.body.Len() }

// open lets a stranger's request in and runs answer, whose success may be kept for a minute.
func (s *Server) open(gc *gin.Context, answer func(), refuse func(error)) {
	if err := s.throttle.allow(gc.Request.Context(), stateOf(gc.Request.Context()).call.Address); err != nil {
		refuse(err)
		return
	}
	out := gc.Writer
	k := &kept{ResponseWriter: out, status: http.StatusOK}
	gc.Writer = k
	func() {
		defer func() { gc.Writer = out }() // a panic is answered by others
		answer()
	}()
	h := out.Header()
	if k.status == http.StatusOK {
		sum := sha256.Sum256(k.body.Bytes())
		tag := fmt.Sprintf(`"%x"`, sum[:12])
		h.Set("Cache-Control", openAge)
		h.Set("ETag", tag)
		if gc.GetHeader("If-None-Match") == tag {
			h.Del("Content-Type")
			gc.Status(http.StatusNotModified)
			out.WriteHeaderNow()
			return
		}
	}
	gc.Status(k.status)
	if _, err := out.Write(k.body.Bytes()); err != nil {
		s.log.Debug("client has gone", "error", err)
	}
}
