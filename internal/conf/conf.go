// Package conf is the configuration: one struct, filled from the built-in
// defaults (configs/default.yaml, which documents every key), then a file, then
// JISHAN_… environment variables.
//
//	c, err := conf.Load("/etc/jishan.yaml") // "" = $JISHAN_CONFIG, or no file
//	if err == nil {
//		err = c.Check()
//	}
//
// Invariants: every field has a key in default.yaml and the other way round; an
// unknown key or variable stops the start and names the nearest right one; a
// Secret never prints its value. Errors are *Error, in Chinese, for the person
// who starts the program.
package conf

import (
	"strings"
	"time"
)

// Modes of running.
const (
	ModeDemo       = "demo"
	ModeProduction = "production"
)

// Ways to reach Redis.
const (
	RedisAuto     = "auto"
	RedisSingle   = "single"
	RedisSentinel = "sentinel"
	RedisCluster  = "cluster"
)

// Config is everything that can be set. See configs/default.yaml for what each key means.
type Config struct {
	Mode    string  `conf:"mode"`
	DataDir string  `conf:"data_dir"`
	HTTP    HTTP    `conf:"http"`
	DB      DB      `conf:"db"`
	Redis   Redis   `conf:"redis"`
	Auth    Auth    `conf:"auth"`
	Secrets Secrets `conf:"secrets"`
	WeChat  WeChat  `conf:"wechat"`
	Redeem  Redeem  `conf:"redeem"`
	Jobs    Jobs    `conf:"jobs"`
	Log     Log     `conf:"log"`
	Metrics Metrics `conf:"metrics"`
	Demo    Demo    `conf:"demo"`
}

// HTTP is the listener and its limits.
type HTTP struct {
	Addr           string        `conf:"addr"`
	BaseURL        string        `conf:"base_url"` // no trailing slash; see Config.BaseURL
	BodyLimit      Size          `conf:"body_limit"`
	UploadLimit    Size          `conf:"upload_limit"`
	ReadTimeout    time.Duration `conf:"read_timeout"`
	WriteTimeout   time.Duration `conf:"write_timeout"`
	IdleTimeout    time.Duration `conf:"idle_timeout"`
	MaxConnections int           `conf:"max_connections"`
	TrustedProxies []string      `conf:"trusted_proxies"`
	PublicRate     int           `conf:"public_rate"` // requests per minute from one address; 0 is no limit
}

// DB is the database. An empty DSN is SQLite in the data folder.
type DB struct {
	DSN       Secret `conf:"dsn"`
	Migrate   bool   `conf:"migrate"`
	MaxOpen   int    `conf:"max_open"`
	ReadConns int    `conf:"read_conns"`
}

// Redis is where boards live. No address is the in-process one.
type Redis struct {
	Addrs            []string `conf:"addrs"`
	Username         string   `conf:"username"`
	Password         Secret   `conf:"password"`
	DB               int      `conf:"db"`
	Mode             string   `conf:"mode"`
	MasterName       string   `conf:"master_name"`
	SentinelPassword Secret   `conf:"sentinel_password"`
	TLS              bool     `conf:"tls"`
}

// Auth is about tokens and log-in.
type Auth struct {
	Secret          Secret        `conf:"secret"`
	PreviousSecrets []Secret      `conf:"previous_secrets"`
	AccessTTL       time.Duration `conf:"access_ttl"`
	RefreshTTL      time.Duration `conf:"refresh_ttl"`
	LoginPerAccount int           `conf:"login_per_account"` // failed attempts per 15 minutes
	LoginPerAddress int           `conf:"login_per_address"` // failed attempts per 15 minutes
}

// Secrets are keys other than the signing one.
type Secrets struct {
	CardPepper Secret `conf:"card_pepper"`
}

// WeChat is the mini program.
type WeChat struct {
	AppID     string `conf:"app_id"`
	AppSecret Secret `conf:"app_secret"`
	BaseURL   string `conf:"base_url"`
}

// Redeem is the counter's time limits.
type Redeem struct {
	CodeTTL      time.Duration `conf:"code_ttl"`
	TicketTTL    time.Duration `conf:"ticket_ttl"`
	RefundWindow time.Duration `conf:"refund_window"`
}

// Jobs is background work.
type Jobs struct {
	Enabled bool `conf:"enabled"`
}

// Log is what is written to standard error.
type Log struct {
	Level  string `conf:"level"`
	Format string `conf:"format"`
}

// Metrics is /metrics, and Go's profiles on an address of their own.
type Metrics struct {
	Enabled     bool   `conf:"enabled"`
	ProfileAddr string `conf:"profile_addr"` // loopback; empty is off
}

// Demo is the role picker.
type Demo struct {
	Enabled bool `conf:"enabled"`
}

// Production reports whether the strict rules of Check apply.
func (c *Config) Production() bool { return c.Mode == ModeProduction }

// BaseURL is the address villagers see, without a trailing slash; by default that of the listener.
func (c *Config) BaseURL() string {
	if c.HTTP.BaseURL != "" {
		return strings.TrimRight(c.HTTP.BaseURL, "/")
	}
	addr := c.HTTP.Addr
	if strings.HasPrefix(addr, ":") {
		addr = "127.0.0.1" + addr
	}
	return "http://" + strings.Replace(addr, "0.0.0.0:", "127.0.0.1:", 1)
}

// Secret is a text that does not print itself. string(s) is its value.
type Secret string

const hidden = "[已隐藏]"

// String hides the value; an empty secret stays visibly empty.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// MarshalText hides the value from JSON and from slog.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Size is a number of bytes.
type Size int64

// Error lists what is wrong with the configuration, in Chinese.
type Error struct {
	Problems []string
}

// Error is one problem a line.
func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return "配置有误：" + e.Problems[0]
	}
	return "配置有误，请逐条改正后再启动：\n  - " + strings.Join(e.Problems, "\n  - ")
}
