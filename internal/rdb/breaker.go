package rdb

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	tripAfter = 3           // failures in a row
	openFor   = time.Second // between two tries while Redis is dead
)

// errOpen is what calls get while Redis is taken for dead.
var errOpen = errors.New("rdb: Redis is not answering; not tried")

// Away reports whether err means that Redis was not reached or did not answer in time, as opposed to an answer that is an
// error, or redis.Nil. Away(nil) is false.
func Away(err error) bool {
	if err == nil || errors.Is(err, redis.Nil) {
		return false
	}
	var answered redis.Error
	return !errors.As(err, &answered)
}

// breaker fails calls at once after tripAfter failures in a row; then one call a second is let through until one succeeds.
// Without it, a Redis whose packets vanish would cost every request the whole timeout.
type breaker struct {
	now func() time.Time

	mu       sync.Mutex
	failures int
	retryAt  time.Time
}

// admitted marks the context of a call that was let through: the client runs the greeting of a new connection as a pipeline
// of its own inside that call, through the same hooks.
type admitted struct{}

func (b *breaker) allow() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < tripAfter {
		return nil
	}
	now := b.now()
	if now.Before(b.retryAt) {
		return errOpen
	}
	b.retryAt = now.Add(openFor)
	return nil
}

func (b *breaker) report(ctx context.Context, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !Away(err):
		b.failures = 0
	case errors.Is(ctx.Err(), context.Canceled):
		// The caller gave up by itself; that says nothing about Redis.
	default:
		b.failures++
		b.retryAt = b.now().Add(openFor)
	}
}

// DialHook is part of redis.Hook; dialling is judged by the call it is for.
func (b *breaker) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook guards single commands.
func (b *breaker) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if ctx.Value(admitted{}) != nil {
			return next(ctx, cmd)
		}
		if err := b.allow(); err != nil {
			cmd.SetErr(err)
			return err
		}
		err := next(context.WithValue(ctx, admitted{}, true), cmd)
		b.report(ctx, err)
		return err
	}
}

// ProcessPipelineHook guards pipelines and transactions.
func (b *breaker) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if ctx.Value(admitted{}) != nil {
			return next(ctx, cmds)
		}
		if err := b.allow(); err != nil {
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
			return err
		}
		err := next(context.WithValue(ctx, admitted{}, true), cmds)
		b.report(ctx, err)
		return err
	}
}
