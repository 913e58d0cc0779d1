package obs

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Namespace begins the name of every metric of ours.
const Namespace = "jishan"

// Registry is where the parts of the program leave their metrics.
type Registry = prometheus.Registry

// NewRegistry has what the Go runtime and the process tell about themselves; each part of the program adds its own.
func NewRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// PoolStats is the state of a pool of database connections.
type PoolStats struct {
	Open, InUse int
	Waits       int64         // times that somebody had to wait for a connection, since the start
	Waited      time.Duration // all of them together
}

// Pool adds jishan_db_connections{pool,state}, jishan_db_waits_total{pool} and jishan_db_waited_seconds_total{pool}.
func Pool(r *prometheus.Registry, name string, stats func() PoolStats) {
	gauge := func(state string, value func(PoolStats) int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: Namespace, Name: "db_connections", Help: "Database connections.",
			ConstLabels: prometheus.Labels{"pool": name, "state": state},
		}, func() float64 { return float64(value(stats())) })
	}
	counter := func(metric, help string, value func(PoolStats) float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: Namespace, Name: metric, Help: help, ConstLabels: prometheus.Labels{"pool": name},
		}, func() float64 { return value(stats()) })
	}
	r.MustRegister(
		gauge("in_use", func(s PoolStats) int { return s.InUse }),
		gauge("idle", func(s PoolStats) int { return s.Open - s.InUse }),
		counter("db_waits_total", "Waits for a database connection.", func(s PoolStats) float64 { return float64(s.Waits) }),
		counter("db_waited_seconds_total", "Time spent waiting for a database connection.", func(s PoolStats) float64 { return s.Waited.Seconds() }),
	)
}

// Queue adds jishan_queue_waiting{queue="name"}: how many items wait now.
func Queue(r *prometheus.Registry, name string, waiting func() int) {
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: Namespace, Name: "queue_waiting", Help: "Items waiting for their batch.",
		ConstLabels: prometheus.Labels{"queue": name},
	}, func() float64 { return float64(waiting()) }))
}

// Why a transaction is run again.
const (
	RetryConflict   = "conflict"   // deadlock, busy database, certification failure
	RetryConnection = "connection" // lost, or none to be had
	RetryRival      = "rival"      // somebody else did the same at the same moment
)

// Transactions are the metrics of database transactions.
type Transactions struct {
	seconds *prometheus.HistogramVec
	retries *prometheus.CounterVec
}

// NewTransactions adds jishan_tx_seconds{result}, where an error may be a refusal as well, and jishan_tx_retries_total{reason}.
func NewTransactions(r *prometheus.Registry) *Transactions {
	t := &Transactions{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: Namespace, Name: "tx_seconds", Help: "Time of database transactions, retries included.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
		}, []string{"result"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: Namespace, Name: "tx_retries_total", Help: "Transactions run again after a conflict.",
		}, []string{"reason"}),
	}
	r.MustRegister(t.seconds, t.retries)
	for _, reason := range []string{RetryConflict, RetryConnection, RetryRival} {
		t.retries.WithLabelValues(reason) // a rate needs the zero that was before the first
	}
	for _, err := range []error{nil, errors.New("any")} {
		t.seconds.WithLabelValues(result(err))
	}
	return t
}

// Done notes a transaction that ended.
func (t *Transactions) Done(took time.Duration, err error) {
	t.seconds.WithLabelValues(result(err)).Observe(took.Seconds())
}

// Retried notes that a transaction is run again, for one of the reasons above.
func (t *Transactions) Retried(reason string) { t.retries.WithLabelValues(reason).Inc() }

func result(err error) string {
	if err != nil {
		return "error"
	}
	return "ok"
}
