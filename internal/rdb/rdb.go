// Package rdb opens Redis: a real one (single, Sentinel, Cluster) or one inside the process.
//
// It owns no keys. Nothing in Redis is the only copy of anything: whoever writes
// keys must be able to rebuild them from the database, and must go on when a
// call fails.
//
//	r, err := rdb.Open(ctx, cfg.Redis) // no address: in process
//	defer r.Close()
//	err = r.ZAdd(ctx, "{v:7}:board", redis.Z{Score: 12.5, Member: "42"}).Err()
//	if rdb.Away(err) { … }             // not reached: carry on without it
//
// Invariants: keys used together in one command, pipeline transaction or script
// share a hash tag, or a Cluster refuses them; no call takes longer than about
// two seconds, and while Redis is dead calls fail at once (see breaker), so that
// a dead Redis never slows an award down.
package rdb

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"jishan/internal/conf"
)

const (
	dialTimeout  = time.Second
	readTimeout  = 500 * time.Millisecond
	writeTimeout = 500 * time.Millisecond
	poolSize     = 32
)

// Redis is a client and, when it is in process, its server.
type Redis struct {
	redis.UniversalClient
	// Embedded says that the server lives in this process: it starts empty, nobody else sees it, and large boards are slow.
	Embedded bool

	server *miniredis.Miniredis
}

// Open makes the client. It does not wait for a real Redis to be there, since the program runs without it; Ping tells. The
// error is of the configuration or of the in-process server.
func Open(ctx context.Context, c conf.Redis) (*Redis, error) {
	o := options(c)
	if len(c.Addrs) > 0 {
		switch mode := c.Resolved(); mode {
		case conf.RedisSingle, conf.RedisSentinel, conf.RedisCluster:
		default:
			return nil, fmt.Errorf("opening Redis: unknown mode %q", mode)
		}
		return &Redis{UniversalClient: connect(o, c.Resolved())}, nil
	}

	server := miniredis.NewMiniRedis()
	// Other users of the machine reach the loopback port too, so it has a password before it has a port.
	password := rand.Text()
	server.RequireAuth(password)
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("starting in-process Redis: %w", err)
	}
	server.ClockTTL(true)
	o.Addrs, o.Username, o.Password, o.DB = []string{server.Addr()}, "", password, 0
	r := &Redis{UniversalClient: connect(o, conf.RedisSingle), Embedded: true, server: server}
	if err := r.Ping(ctx).Err(); err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("reaching in-process Redis: %w", err)
	}
	return r, nil
}

// Close closes the connections and stops the in-process server, which loses its content.
func (r *Redis) Close() error {
	err := r.UniversalClient.Close()
	if r.server != nil {
		r.server.Close()
	}
	if err != nil {
		return fmt.Errorf("closing Redis: %w", err)
	}
	return nil
}

// LogTo sends the client library's own messages (a lost connection, a new master) to log as warnings. They belong to the whole
// process, so main calls this once, before Open.
func LogTo(log *slog.Logger) { redis.SetLogger(libraryLog{log}) }

type libraryLog struct{ log *slog.Logger }

// Printf is what the library calls.
func (l libraryLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.WarnContext(ctx, "redis client", "message", fmt.Sprintf(format, args...))
}

func options(c conf.Redis) *redis.UniversalOptions {
	o := &redis.UniversalOptions{
		Addrs:            c.Addrs,
		Username:         c.Username,
		Password:         string(c.Password),
		SentinelPassword: string(c.SentinelPassword),
		DB:               c.DB,
		MasterName:       c.MasterName,

		DialTimeout:           dialTimeout,
		DialerRetries:         1,
		ReadTimeout:           readTimeout,
		WriteTimeout:          writeTimeout,
		ContextTimeoutEnabled: true,
		MaxRetries:            1, // one more try mends a connection that died while idle
		MinRetryBackoff:       5 * time.Millisecond,
		MaxRetryBackoff:       50 * time.Millisecond,
		MaxRedirects:          3,
		PoolSize:              poolSize,
		MaxActiveConns:        poolSize,
		PoolTimeout:           readTimeout,
		ConnMaxIdleTime:       5 * time.Minute,
		FailingTimeoutSeconds: 2,
		DisableIdentity:       true,
		// A feature of a commercial Redis; asking for it costs a round trip for each connection.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if c.TLS {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return o
}

func connect(o *redis.UniversalOptions, mode string) redis.UniversalClient {
	var client redis.UniversalClient
	switch mode {
	case conf.RedisCluster:
		client = redis.NewClusterClient(o.Cluster())
	case conf.RedisSentinel:
		client = redis.NewFailoverClient(o.Failover())
	default:
		client = redis.NewClient(o.Simple())
	}
	client.AddHook(&breaker{now: time.Now})
	return client
}
