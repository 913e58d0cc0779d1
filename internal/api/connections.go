package api

import (
	"net"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// spareFiles is how many open files are kept for the databases, Redis and what is read and written.
const spareFiles = 256

// connections bounds how many are open. One too many takes the place of one that is idle; where none is, it is closed itself.
// So those who only hold connections keep nobody out.
type connections struct {
	limit  int
	gauge  prometheus.Gauge
	closed prometheus.Counter

	mu   sync.Mutex
	open int
	idle map[net.Conn]struct{}
}

// newConnections allows limit, or what the system's bound of open files leaves.
func newConnections(limit int, r *prometheus.Registry) *connections {
	if files := openFiles(); files > 0 {
		limit = max(min(limit, files-spareFiles), 1)
	}
	c := &connections{
		limit:  limit,
		idle:   map[net.Conn]struct{}{},
		gauge:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "jishan_http_connections", Help: "Open connections."}),
		closed: prometheus.NewCounter(prometheus.CounterOpts{Name: "jishan_http_connections_closed_total", Help: "Connections closed because too many were open."}),
	}
	r.MustRegister(c.gauge, c.closed)
	return c
}

// state is http.Server's ConnState.
func (c *connections) state(conn net.Conn, s http.ConnState) {
	if victim := c.note(conn, s); victim != nil {
		c.closed.Inc()
		_ = victim.Close() // its own state becomes closed where it is served
	}
}

func (c *connections) note(conn net.Conn, s http.ConnState) (victim net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.idle, conn)
	switch s {
	case http.StateNew:
		c.open++
		if c.open > c.limit {
			victim = conn
			for i := range c.idle {
				victim = i
				delete(c.idle, i)
				break
			}
		}
	case http.StateIdle:
		c.idle[conn] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		c.open--
	}
	c.gauge.Set(float64(c.open))
	return victim
}
