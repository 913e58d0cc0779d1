package db_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/testkit"
)

// A server that does not answer is "try again later", for single reads as for transactions, and not a mistake of the program.
func TestAServerThatIsAwayIsUnavailable(t *testing.T) {
	if !testkit.OnMySQL() {
		return // a file is not away
	}
	c, err := mysql.ParseDSN(testkit.DSN(t))
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var mu sync.Mutex
	var conns []net.Conn
	server := c.Addr
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, near, far)
			mu.Unlock()
			go func() { _, _ = io.Copy(near, far) }()
			go func() { _, _ = io.Copy(far, near) }()
		}
	}()
	c.Addr = l.Addr().String()
	ctx := context.Background()
	d, err := db.Open(ctx, db.Options{DSN: c.FormatDSN()})
	require.NoError(t, err)
	defer d.Close()
	one := func(tx db.Tx) error { var n int; return tx.Raw("SELECT 1").Scan(&n).Error }
	require.NoError(t, d.Look(ctx, one))

	require.NoError(t, l.Close())
	mu.Lock()
	for _, k := range conns {
		_ = k.Close()
	}
	mu.Unlock()
	for name, run := range map[string]func(context.Context, func(db.Tx) error) error{"look": d.Look, "read": d.Read, "write": d.Tx} {
		for range 3 { // with a connection that is dead, and without one
			require.ErrorIs(t, run(ctx, one), errs.ErrUnavailable, name)
		}
	}
	require.ErrorIs(t, d.Look(ctx, func(db.Tx) error { return errs.ErrNotFound.New() }), errs.ErrNotFound, "what the function says stays")
}
