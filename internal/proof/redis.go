package proof

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisServer is a Redis without a disk: what is killed is gone.
type redisServer struct {
	*daemon
	port int
}

func newRedis(dir, name string, more ...string) (*redisServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	r := &redisServer{port: port}
	r.daemon = &daemon{name: name, dir: dir, wait: 10 * time.Second,
		args: func() ([]string, error) {
			return append([]string{"redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir}, more...), nil
		},
		ready: func() error { return r.do("PING") }}
	return r, nil
}

func (r *redisServer) addr() string { return fmt.Sprintf("127.0.0.1:%d", r.port) }

// do sends one command.
func (r *redisServer) do(args ...any) error {
	c := redis.NewClient(&redis.Options{Addr: r.addr(), DialTimeout: time.Second, ReadTimeout: 2 * time.Second, DisableIdentity: true})
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return c.Do(ctx, args...).Err()
}
