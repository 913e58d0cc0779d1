package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/board"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/notice"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/public"
	"jishan/internal/rdb"
	"jishan/internal/redeem"
	"jishan/internal/report"
	"jishan/internal/rule"
	"jishan/internal/shop"
	"jishan/internal/trial"
	"jishan/internal/wechat"
	"jishan/web"
)

const (
	maxUploads = 8 // files held in memory at once
	maxHeader  = 32 << 10
)

// maxInside is how many requests are answered at once: a tenth of a second's work for the machine. More only wait longer, each
// with its memory.
var maxInside = 256 * runtime.GOMAXPROCS(0)

// Deps is what the API stands on. Log and Metrics may be nil; Screens, the built front ends, is then what the program carries.
type Deps struct {
	Config  *conf.Config
	DB      *db.DB
	Redis   *rdb.Redis
	Log     *slog.Logger
	Metrics *prometheus.Registry
	Screens fs.FS

	Auth   *auth.Service
	WeChat *wechat.Client
	People *people.Service
	Rules  *rule.Service
	Awards *award.Service
	Trial  *trial.Service
	Party  *party.Service
	Shop   *shop.Service
	Redeem *redeem.Service
	Notice *notice.Service
	Board  *board.Service
	Report *report.Service
	Public *public.Service
}

// Server is the HTTP interface. Safe for concurrent use once made.
type Server struct {
	deps       Deps
	log        *slog.Logger
	registry   *prometheus.Registry
	metrics    meters
	limits     limits
	gin        *gin.Engine
	huma       huma.API
	ops        []Op
	inside     chan struct{}
	turnedAway refusals
	longs      chan struct{}
	uploads    chan struct{}
	conns      *connections
	throttle   throttle
	// authenticate is auth.Service.Authenticate.
	authenticate func(ctx context.Context, token, address, requestID string) (auth.Actor, error)
	// remember is auth.Service.Remember; nil remembers nobody.
	remember func(token, address, requestID string) (auth.Actor, bool)
}

type limits struct {
	body, upload int64
	read, answer time.Duration
	idle         time.Duration
}

// New registers every operation. It panics on an operation that is not described properly, and does not use the services yet.
func New(d Deps) *Server {
	s := newServer(d)
	s.authenticate, s.remember = d.Auth.Authenticate, d.Auth.Remember
	s.features()
	return s
}

// newServer is a server with its middleware and probes, and no operations.
func newServer(d Deps) *Server {
	s := &Server{deps: d, log: d.Log, registry: d.Metrics, inside: make(chan struct{}, maxInside), longs: make(chan struct{}, maxLong), uploads: make(chan struct{}, maxUploads)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.registry == nil {
		s.registry = prometheus.NewRegistry()
	}
	if s.deps.Screens == nil {
		s.deps.Screens = web.Dist()
	}
	s.metrics = newMeters(s.registry)
	h := d.Config.HTTP
	s.limits = limits{body: int64(h.BodyLimit), upload: int64(h.UploadLimit), read: h.ReadTimeout, answer: h.WriteTimeout, idle: h.IdleTimeout}
	s.conns = newConnections(h.MaxConnections, s.registry)

	s.throttle = newThrottle(d.Redis, h.PublicRate)

	gin.SetMode(gin.ReleaseMode)
	s.gin = gin.New()
	s.gin.HandleMethodNotAllowed = true
	s.gin.RedirectTrailingSlash = false
	s.gin.RedirectFixedPath = false
	if err := s.gin.SetTrustedProxies(h.TrustedProxies); err != nil {
		panic(fmt.Sprintf("api: trusted proxies were not checked: %v", err)) // conf.Check has refused them before
	}
	s.gin.Use(s.begin, s.recovered, headers, s.text)
	s.gin.NoRoute(func(gc *gin.Context) { s.writeProblem(gc, ErrNoRoute.New()) })
	s.gin.NoMethod(func(gc *gin.Context) { s.writeProblem(gc, ErrNoMethod.New()) })
	s.probes()
	s.pages()
	s.publicPages()
	s.screens("/admin", "console")
	s.screens("/m", "miniapp")

	r := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	alias(r)
	s.huma = humagin.NewWithGroup(s.gin, s.gin.Group("", s.crowd), huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "积善 API",
				Version:     "1",
				Description: "乡村治理积分制。积分、金额都是最多两位小数的数字；日期 2026-11-23，月份 2026-11；凡是变动积分或库存的操作都要带 Idempotency-Key。",
			},
			Components: &huma.Components{
				Schemas: r,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "登录后得到的 access_token"},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat},
		DefaultFormat: "application/json",
	})
	return s
}

// ready is an answer that may have been encoded before it was given.
type ready interface{ encoded() []byte }

var jsonFormat = huma.Format{Unmarshal: huma.DefaultJSONFormat.Unmarshal, Marshal: func(w io.Writer, v any) error {
	if r, ok := v.(ready); ok && r.encoded() != nil {
		_, err := w.Write(r.encoded())
		return err
	}
	return huma.DefaultJSONFormat.Marshal(w, v)
}}

// Handler serves everything.
func (s *Server) Handler() http.Handler { return s.turnAway(s.gin) }

// HTTPServer is a server for the configured address, with its limits.
func (s *Server) HTTPServer() *http.Server {
	return &http.Server{
		Addr:              s.deps.Config.HTTP.Addr,
		Handler:           s.Handler(),
		ReadTimeout:       s.limits.read,
		ReadHeaderTimeout: min(s.limits.read, 10*time.Second),
		WriteTimeout:      s.limits.answer + 5*time.Second,
		IdleTimeout:       s.limits.idle,
		ConnState:         s.conns.state,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// Operations are all operations, in order of registration.
func Operations() []Op { return documented().ops }

// Spec is the OpenAPI document, indented, with a final newline: docs/openapi.json.
func Spec() ([]byte, error) {
	b, err := json.MarshalIndent(documented().huma.OpenAPI(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the OpenAPI document: %w", err)
	}
	return append(b, '\n'), nil
}

// documented is a server that only describes itself.
func documented() *Server {
	return New(Deps{Config: &conf.Config{HTTP: conf.HTTP{BodyLimit: 1 << 20, UploadLimit: 20 << 20, MaxConnections: 1}}})
}
