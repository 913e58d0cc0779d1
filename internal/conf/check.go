package conf

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"jishan/configs"
)

// MinSecret is the fewest bytes of a secret in production.
const MinSecret = 32

// Check judges the values together. The *Error lists in Chinese everything that has to be set; in production also what is
// merely dangerous.
func (c *Config) Check() error {
	p := &problems{}
	c.checkValues(p)
	if c.Production() {
		c.checkProduction(p)
	}
	if len(p.list) > 0 {
		return &Error{Problems: p.list}
	}
	return nil
}

type problems struct{ list []string }

func (p *problems) add(format string, args ...any) {
	p.list = append(p.list, fmt.Sprintf(format, args...))
}

func (p *problems) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		p.add("%s 只能是 %s 之一，现在是“%s”", key, strings.Join(allowed, "、"), value)
	}
}

func (p *problems) between(key string, value, low, high int) {
	if value < low || value > high {
		p.add("%s 应在 %d 到 %d 之间，现在是 %d", key, low, high, value)
	}
}

func (p *problems) lasting(key string, value, low, high time.Duration) {
	if value < low || value > high {
		p.add("%s 应在 %s 到 %s 之间，现在是 %s", key, low, high, value)
	}
}

func (p *problems) size(key string, value, low, high Size) {
	if value < low || value > high {
		p.add("%s 应在 %d 到 %d 字节之间，现在是 %d", key, low, high, value)
	}
}

func (c *Config) checkValues(p *problems) {
	p.oneOf("mode", c.Mode, ModeDemo, ModeProduction)
	if strings.TrimSpace(c.DataDir) == "" {
		p.add("data_dir 不能为空，请写数据文件夹的路径")
	}
	if _, port, err := net.SplitHostPort(c.HTTP.Addr); err != nil || port == "" {
		p.add("http.addr 应写成 地址:端口，例如 127.0.0.1:8080，现在是“%s”", c.HTTP.Addr)
	}
	if c.HTTP.BaseURL != "" && !absoluteURL(c.HTTP.BaseURL) {
		p.add("http.base_url 应是完整网址，例如 https://jifen.example.cn，现在是“%s”", c.HTTP.BaseURL)
	}
	if a := c.Metrics.ProfileAddr; a != "" {
		if at, err := netip.ParseAddrPort(a); err != nil || !at.Addr().IsLoopback() {
			p.add("metrics.profile_addr 只能是本机地址，例如 127.0.0.1:6060，现在是“%s”", a)
		}
	}
	p.size("http.body_limit", c.HTTP.BodyLimit, 1<<10, 1<<30)
	p.size("http.upload_limit", c.HTTP.UploadLimit, 1<<10, 1<<30)
	p.lasting("http.read_timeout", c.HTTP.ReadTimeout, time.Second, time.Hour)
	p.lasting("http.write_timeout", c.HTTP.WriteTimeout, time.Second, time.Hour)
	for _, s := range c.HTTP.TrustedProxies {
		if s == "*" {
			continue // judged in production
		}
		if _, err := netip.ParseAddr(s); err == nil {
			continue
		}
		if _, err := netip.ParsePrefix(s); err != nil {
			p.add("http.trusted_proxies 里的“%s”不是地址或网段，例如 10.0.0.0/8", s)
		}
	}
	p.lasting("http.idle_timeout", c.HTTP.IdleTimeout, time.Second, time.Hour)
	p.between("http.max_connections", c.HTTP.MaxConnections, 1, 1_000_000)
	p.between("http.public_rate", c.HTTP.PublicRate, 0, 1_000_000)
	p.between("db.max_open", c.DB.MaxOpen, 1, 10_000)
	p.between("db.read_conns", c.DB.ReadConns, 1, 256)
	c.checkRedis(p)
	if c.Auth.Secret == "" {
		p.add("auth.secret 不能为空")
	}
	if c.Secrets.CardPepper == "" {
		p.add("secrets.card_pepper 不能为空")
	}
	p.lasting("auth.access_ttl", c.Auth.AccessTTL, time.Minute, 24*time.Hour)
	p.lasting("auth.refresh_ttl", c.Auth.RefreshTTL, c.Auth.AccessTTL, 366*24*time.Hour)
	p.between("auth.login_per_account", c.Auth.LoginPerAccount, 1, 1_000_000)
	p.between("auth.login_per_address", c.Auth.LoginPerAddress, 1, 1_000_000)
	if (c.WeChat.AppID == "") != (c.WeChat.AppSecret == "") {
		p.add("wechat.app_id 和 wechat.app_secret 要么都填，要么都不填")
	}
	if !absoluteURL(c.WeChat.BaseURL) {
		p.add("wechat.base_url 应是完整网址，一般不用改")
	}
	p.lasting("redeem.code_ttl", c.Redeem.CodeTTL, 10*time.Second, 10*time.Minute)
	p.lasting("redeem.ticket_ttl", c.Redeem.TicketTTL, 30*time.Second, time.Hour)
	p.lasting("redeem.refund_window", c.Redeem.RefundWindow, 0, 366*24*time.Hour)
	p.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	p.oneOf("log.format", c.Log.Format, "text", "json")
}

func (c *Config) checkRedis(p *problems) {
	r := c.Redis
	p.oneOf("redis.mode", r.Mode, RedisAuto, RedisSingle, RedisSentinel, RedisCluster)
	p.between("redis.db", r.DB, 0, 1023)
	for _, a := range r.Addrs {
		if _, _, err := net.SplitHostPort(a); err != nil {
			p.add("redis.addrs 里的“%s”应写成 地址:端口，例如 10.0.0.5:6379", a)
		}
	}
	if len(r.Addrs) == 0 && (r.Mode != RedisAuto || r.MasterName != "") {
		p.add("redis.mode 或 redis.master_name 已设置，但 redis.addrs 是空的")
	}
	switch r.Resolved() {
	case RedisSentinel:
		if r.MasterName == "" {
			p.add("redis.mode 是 sentinel，还需要 redis.master_name")
		}
	case RedisCluster:
		if r.DB != 0 {
			p.add("Redis Cluster 只有 0 号库，请把 redis.db 设为 0")
		}
	case RedisSingle:
		if len(r.Addrs) > 1 {
			p.add("redis.mode 是 single，redis.addrs 只能有一个地址")
		}
	}
}

// Resolved is Mode with auto decided: Sentinel when a master is named, Cluster when there are several addresses.
func (r Redis) Resolved() string {
	switch {
	case r.Mode != RedisAuto && r.Mode != "":
		return r.Mode
	case r.MasterName != "":
		return RedisSentinel
	case len(r.Addrs) > 1:
		return RedisCluster
	}
	return RedisSingle
}

func (c *Config) checkProduction(p *problems) {
	known := published()
	p.secret("auth.secret", c.Auth.Secret, known)
	for i, s := range c.Auth.PreviousSecrets {
		p.secret(fmt.Sprintf("auth.previous_secrets 的第%d个", i+1), s, known)
	}
	p.secret("secrets.card_pepper", c.Secrets.CardPepper, known)
	if c.Auth.Secret != "" && c.Auth.Secret == c.Secrets.CardPepper {
		p.add("auth.secret 和 secrets.card_pepper 不能相同，请各用一个")
	}
	if c.Demo.Enabled {
		p.add("正式环境不能打开 demo.enabled（任何人都能不用密码登录），请设为 false")
	}
	switch {
	case c.HTTP.BaseURL == "":
		p.add("请设置 http.base_url：村民打开的网址，例如 https://jifen.example.cn")
	case strings.Contains(c.HTTP.BaseURL, "*"):
		p.add("http.base_url 不能含有 *，请写真实网址")
	}
	for _, s := range c.HTTP.TrustedProxies {
		if prefix, err := netip.ParsePrefix(s); s == "*" || err == nil && prefix.Bits() == 0 {
			p.add("http.trusted_proxies 不能信任所有地址（%s），请只写反向代理的地址", s)
		}
	}
	if u, err := url.Parse(c.WeChat.BaseURL); c.WeChat.AppID != "" && (err != nil || u.Scheme != "https") {
		p.add("wechat.base_url 必须是 https 网址，否则小程序密钥会泄露")
	}
}

func (p *problems) secret(key string, s Secret, published []Secret) {
	const how = "（可用 openssl rand -base64 48 生成）"
	switch {
	case s == "":
		// Reported by checkValues.
	case slices.Contains(published, s):
		p.add("%s 还是默认值，请换成自己的随机值"+how, key)
	case len(s) < MinSecret:
		p.add("%s 太短（%d 字节），至少 %d 字节"+how, key, len(s), MinSecret)
	case distinct(string(s)) < 8:
		p.add("%s 太简单，请换成随机值"+how, key)
	}
}

// published are the secrets that everybody can read in the program; one of them is none, whichever key it is put under.
func published() []Secret {
	c := &Config{}
	l := newLoader(c)
	l.yaml("built-in default.yaml", configs.DefaultYAML)
	return []Secret{c.Auth.Secret, c.Secrets.CardPepper}
}

func distinct(s string) int {
	seen := map[byte]bool{}
	for i := range len(s) {
		seen[s[i]] = true
	}
	return len(seen)
}

func absoluteURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
