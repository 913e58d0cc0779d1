package api

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"jishan/internal/errs"
)

// opProbe is what health checks are called in log and metrics.
const opProbe = "probe"

const probeTimeout = 3 * time.Second

type meters struct {
	seconds *prometheus.HistogramVec
	inside  prometheus.Gauge
	refused prometheus.Counter
}

func newMeters(r *prometheus.Registry) meters {
	m := meters{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "jishan_http_request_seconds",
			Help:    "Time to answer, by operation and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"operation", "status"}),
		inside:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "jishan_http_requests_inside", Help: "Requests being answered now."}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{Name: "jishan_http_requests_refused_total", Help: "Requests turned away because too many were inside."}),
	}
	r.MustRegister(m.seconds, m.inside, m.refused)
	return m
}

// timing is the observer of one operation. That of successes, nearly all of them, is looked up once; it is made only when there is one to
// observe, so that operations nobody calls do not fill the page of metrics.
type timing struct {
	seconds   *prometheus.HistogramVec
	operation string
	ok        atomic.Pointer[prometheus.Observer]
}

func (t *timing) of(status int) prometheus.Observer {
	if status != http.StatusOK {
		return t.seconds.WithLabelValues(t.operation, strconv.Itoa(status))
	}
	if o := t.ok.Load(); o != nil {
		return *o
	}
	o := t.seconds.WithLabelValues(t.operation, strconv.Itoa(status))
	t.ok.Store(&o)
	return o
}

// probes are for the machines that watch the program.
func (s *Server) probes() {
	s.gin.GET("/healthz", func(gc *gin.Context) {
		stateOf(gc.Request.Context()).operation = opProbe
		gc.JSON(http.StatusOK, gin.H{"status": "ok"})
	})
	s.gin.GET("/readyz", s.ready)
	if s.deps.Config.Metrics.Enabled {
		h := promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{})
		s.gin.GET("/metrics", func(gc *gin.Context) {
			stateOf(gc.Request.Context()).operation = opProbe
			h.ServeHTTP(gc.Writer, gc.Request)
		})
	}
}

// ready answers 200 when requests can be served: the database answers and has this program's schema. Redis away is told but
// does not count: awards and redemptions go on without it.
func (s *Server) ready(gc *gin.Context) {
	stateOf(gc.Request.Context()).operation = opProbe
	ctx, cancel := context.WithTimeout(gc.Request.Context(), probeTimeout)
	defer cancel()
	out := gin.H{"status": "ok", "database": "ok", "redis": "ok"}
	status := http.StatusOK
	if err := s.deps.DB.Current(ctx); err != nil {
		s.log.Warn("not ready", "error", err)
		out["status"], out["database"] = "unavailable", errs.From(err).Code.ID
		status = http.StatusServiceUnavailable
	}
	if s.deps.Redis != nil && s.deps.Redis.Ping(ctx).Err() != nil {
		out["redis"] = "away"
	}
	gc.JSON(status, out)
}
