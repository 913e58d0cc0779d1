package conf_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/configs"
	"jishan/internal/conf"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(p, []byte(text), 0o600))
	return p
}

// clean removes every JISHAN_ variable of the machine that runs the tests.
func clean(t *testing.T) {
	t.Helper()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "JISHAN_") {
			t.Setenv(name, "")
		}
	}
}

func TestEveryKeyIsInTheDefaultsAndTheOtherWayRound(t *testing.T) {
	k := koanf.New(".")
	require.NoError(t, k.Load(rawbytes.Provider(configs.DefaultYAML), yaml.Parser()))
	inFile, inStruct := k.Keys(), conf.Keys()
	sort.Strings(inFile)
	sort.Strings(inStruct)
	require.Equal(t, inStruct, inFile)
	require.Contains(t, inStruct, "redis.master_name")
}

func TestDefaults(t *testing.T) {
	clean(t)
	c, err := conf.Load("")
	require.NoError(t, err)
	require.NoError(t, c.Check())
	require.Equal(t, conf.ModeDemo, c.Mode)
	require.False(t, c.Production())
	require.Equal(t, "./data", c.DataDir)
	require.Equal(t, "127.0.0.1:8080", c.HTTP.Addr)
	require.Equal(t, "http://127.0.0.1:8080", c.BaseURL())
	require.Equal(t, conf.Size(1<<20), c.HTTP.BodyLimit)
	require.Equal(t, conf.Size(20<<20), c.HTTP.UploadLimit)
	require.Empty(t, c.HTTP.TrustedProxies)
	require.Equal(t, 32, c.DB.MaxOpen)
	require.Equal(t, 4, c.DB.ReadConns)
	require.Empty(t, c.Redis.Addrs)
	require.Equal(t, 15*time.Minute, c.Auth.AccessTTL)
	require.Equal(t, 30*24*time.Hour, c.Auth.RefreshTTL)
	require.Equal(t, 75*time.Second, c.Redeem.CodeTTL)
	require.True(t, c.Jobs.Enabled)
	require.True(t, c.Metrics.Enabled)
	require.False(t, c.Demo.Enabled)
}

func TestFileThenEnvironment(t *testing.T) {
	clean(t)
	p := write(t, "c.yaml", `
http:
  addr: 0.0.0.0:9000
  trusted_proxies: [10.0.0.1, 10.1.0.0/16]
redis:
auth: {access_ttl: 5m, refresh_ttl: 1d12h}
db.max_open: 7
`)
	t.Setenv("JISHAN_HTTP_ADDR", "127.0.0.1:9999")
	t.Setenv("JISHAN_DATA_DIR", "/var/lib/jishan")
	t.Setenv("JISHAN_REDIS_ADDRS", "a:1, b:2")
	t.Setenv("JISHAN_REDIS_MASTER_NAME", "m")
	t.Setenv("JISHAN_JOBS_ENABLED", "false")
	t.Setenv("JISHAN_HTTP_UPLOAD_LIMIT", "3MiB")
	t.Setenv("JISHAN_AUTH_PREVIOUS_SECRETS", "one,two")
	t.Setenv("JISHAN_LOG_LEVEL", "") // empty counts as not set
	c, err := conf.Load(p)
	require.NoError(t, err)
	require.NoError(t, c.Check())
	require.Equal(t, "127.0.0.1:9999", c.HTTP.Addr)
	require.Equal(t, "/var/lib/jishan", c.DataDir)
	require.Equal(t, []string{"a:1", "b:2"}, c.Redis.Addrs)
	require.Equal(t, conf.RedisSentinel, c.Redis.Resolved())
	require.False(t, c.Jobs.Enabled)
	require.Equal(t, conf.Size(3<<20), c.HTTP.UploadLimit)
	require.Equal(t, []string{"10.0.0.1", "10.1.0.0/16"}, c.HTTP.TrustedProxies)
	require.Equal(t, 5*time.Minute, c.Auth.AccessTTL)
	require.Equal(t, 36*time.Hour, c.Auth.RefreshTTL)
	require.Equal(t, 7, c.DB.MaxOpen)
	require.Equal(t, []conf.Secret{"one", "two"}, c.Auth.PreviousSecrets)
	require.Equal(t, "info", c.Log.Level)

	t.Setenv("JISHAN_CONFIG", p)
	t.Setenv("JISHAN_HTTP_ADDR", "")
	c, err = conf.Load("")
	require.NoError(t, err)
	require.Equal(t, "0.0.0.0:9000", c.HTTP.Addr)
}

func TestMistypedKeyNamesTheNearest(t *testing.T) {
	clean(t)
	for text, want := range map[string]string{
		"http: {adr: x}":           "没有 http.adr 这一项，是不是想写 http.addr？",
		"datadir: x":               "没有 datadir 这一项，是不是想写 data_dir？",
		"redis: {password_fil: x}": "是不是想写 redis.password_file？",
		"http: {addr_file: x}":     "没有 http.addr_file 这一项",
		"reddem: {code_ttl: 60s}":  "是不是想写 redeem.code_ttl？",
		"nonsense:":                "没有 nonsense 这一项",
		"http: 8080":               "http 是一组设置，不能直接写值，请在它下面写，例如 http.addr",
	} {
		_, err := conf.Load(write(t, "c.yaml", text))
		require.ErrorContains(t, err, want, text)
		var ce *conf.Error
		require.ErrorAs(t, err, &ce)
		require.Len(t, ce.Problems, 1)
	}
	t.Setenv("JISHAN_HTTP_ADR", "x")
	_, err := conf.Load("")
	require.ErrorContains(t, err, "环境变量 JISHAN_HTTP_ADR 不存在，是不是想写 JISHAN_HTTP_ADDR？")
}

func TestAllProblemsAtOnce(t *testing.T) {
	clean(t)
	t.Setenv("JISHAN_DB_MAXOPEN", "3")
	t.Setenv("JISHAN_DB_READ_CONNS", "many")
	_, err := conf.Load(write(t, "c.yaml", "http: {read_timeout: soon, body_limit: 1XB, addr: 80}\njobs: {enabled: maybe}\nredis: {addrs: {a: 1}}\n"))
	var ce *conf.Error
	require.ErrorAs(t, err, &ce)
	text := err.Error()
	require.Contains(t, text, "JISHAN_DB_MAX_OPEN")
	require.Contains(t, text, "JISHAN_DB_READ_CONNS 的值“many”不对，应是整数")
	require.Contains(t, text, "http.read_timeout 的值“soon”不对，应是时长")
	require.Contains(t, text, "http.body_limit")
	require.Contains(t, text, "http.addr 的值“80”不对，应是一段文字（只有数字时请加引号）")
	require.Contains(t, text, "jobs.enabled 的值“maybe”不对，应是 true 或 false")
	require.Contains(t, text, "redis.addrs.a")
	require.Len(t, ce.Problems, 7)
}

func TestKubernetesServiceVariablesAreNotOurs(t *testing.T) {
	clean(t)
	t.Setenv("JISHAN_SERVICE_HOST", "10.0.0.1")
	t.Setenv("JISHAN_API_SERVICE_PORT_HTTP", "80")
	t.Setenv("JISHAN_PORT", "tcp://10.0.0.1:80")
	t.Setenv("JISHAN_PORT_80_TCP_ADDR", "10.0.0.1")
	_, err := conf.Load("")
	require.NoError(t, err)
	t.Setenv("JISHAN_HTTP_PORT", "8080")
	_, err = conf.Load("")
	require.ErrorContains(t, err, "JISHAN_HTTP_PORT")
}

func TestSecretsFromFiles(t *testing.T) {
	clean(t)
	secret := strings.Repeat("0123456789abcdef", 3)
	t.Setenv("JISHAN_AUTH_SECRET_FILE", write(t, "s", "\n "+secret+" \n"))
	t.Setenv("JISHAN_AUTH_PREVIOUS_SECRETS_FILE", write(t, "p", "first, with a comma\n\nsecond\n"))
	c, err := conf.Load(write(t, "c.yaml", "redis: {password_file: "+write(t, "r", "pw")+"}\nauth: {secret: from-the-config-file}"))
	require.NoError(t, err)
	require.Equal(t, conf.Secret(secret), c.Auth.Secret, "the environment wins over the file")
	require.Equal(t, []conf.Secret{"first, with a comma", "second"}, c.Auth.PreviousSecrets)
	require.Equal(t, conf.Secret("pw"), c.Redis.Password)

	t.Setenv("JISHAN_AUTH_SECRET", "also")
	_, err = conf.Load("")
	require.ErrorContains(t, err, "JISHAN_AUTH_SECRET 和 JISHAN_AUTH_SECRET_FILE 只能写一个")
	t.Setenv("JISHAN_AUTH_SECRET", "")
	t.Setenv("JISHAN_AUTH_SECRET_FILE", filepath.Join(t.TempDir(), "missing"))
	_, err = conf.Load("")
	require.ErrorContains(t, err, "不存在")
	t.Setenv("JISHAN_AUTH_SECRET_FILE", write(t, "e", " \n"))
	_, err = conf.Load("")
	require.ErrorContains(t, err, "是空的")
}

func TestBadFiles(t *testing.T) {
	clean(t)
	_, err := conf.Load(filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorContains(t, err, "打不开配置文件")
	_, err = conf.Load(write(t, "c.yaml", "a: [1\nb"))
	require.ErrorContains(t, err, "不是正确的 YAML")
	_, err = conf.Load(write(t, "c.yaml", ""))
	require.NoError(t, err)
}

func TestSecretsDoNotPrint(t *testing.T) {
	clean(t)
	t.Setenv("JISHAN_WECHAT_APP_SECRET", "s3cr3t-value")
	t.Setenv("JISHAN_AUTH_PREVIOUS_SECRETS", "s3cr3t-value")
	c, err := conf.Load("")
	require.NoError(t, err)
	b, err := json.Marshal(c)
	require.NoError(t, err)
	for _, text := range []string{string(b), fmt.Sprint(*c), fmt.Sprintf("%+v", *c), fmt.Sprintf("%#v", *c), fmt.Sprintf("%s", c.WeChat.AppSecret)} {
		require.NotContains(t, text, "s3cr3t-value")
	}
	require.Equal(t, "s3cr3t-value", string(c.WeChat.AppSecret))

	_, err = conf.Load(write(t, "c.yaml", "auth: {secret: 12345678901}"))
	require.ErrorContains(t, err, "auth.secret 的值不对")
	require.NotContains(t, err.Error(), "12345678901")
}

func TestProductionIsStrict(t *testing.T) {
	clean(t)
	c, err := conf.Load("")
	require.NoError(t, err)
	c.Mode, c.Demo.Enabled = conf.ModeProduction, true
	c.HTTP.TrustedProxies = []string{"0.0.0.0/0", "*"}
	err = c.Check()
	require.Error(t, err)
	for _, want := range []string{
		"auth.secret 还是默认值", "secrets.card_pepper 还是默认值", "demo.enabled", "http.base_url",
		"不能信任所有地址（0.0.0.0/0）", "不能信任所有地址（*）",
	} {
		require.ErrorContains(t, err, want)
	}

	good := func() *conf.Config {
		c, err := conf.Load("../../configs/production.example.yaml")
		require.NoError(t, err)
		return c
	}
	dir := t.TempDir()
	for key, value := range map[string]string{
		"JISHAN_AUTH_SECRET_FILE": "kQ3vX9zLr7TbW2nYp5Hd8JmC4sGf6aUe", "JISHAN_SECRETS_CARD_PEPPER_FILE": "Zr8Wq2Lm5Tx7Bv9Nc4Kj6Hg3Fd1Sa0Pe",
		"JISHAN_WECHAT_APP_SECRET_FILE": "app", "JISHAN_DB_DSN_FILE": "u:p@tcp(db:3306)/jishan", "JISHAN_REDIS_PASSWORD_FILE": "pw",
	} {
		p := filepath.Join(dir, key)
		require.NoError(t, os.WriteFile(p, []byte(value), 0o600))
		t.Setenv(key, p)
	}
	require.NoError(t, good().Check())
	for want, change := range map[string]func(*conf.Config){
		"auth.secret 太短（4 字节），至少 32 字节": func(c *conf.Config) { c.Auth.Secret = "tiny" },
		"auth.secret 太简单":               func(c *conf.Config) { c.Auth.Secret = conf.Secret(strings.Repeat("a", 64)) },
		"auth.secret 不能为空":              func(c *conf.Config) { c.Auth.Secret = "" },
		"不能相同":                          func(c *conf.Config) { c.Secrets.CardPepper = c.Auth.Secret },
		"auth.previous_secrets 的第1个 太短": func(c *conf.Config) { c.Auth.PreviousSecrets = []conf.Secret{"x"} },
		"不能信任所有地址（::/0）":                func(c *conf.Config) { c.HTTP.TrustedProxies = []string{"::/0"} },
		"http.base_url 不能含有 *":          func(c *conf.Config) { c.HTTP.BaseURL = "https://*.example.cn" },
		"wechat.base_url 必须是 https":     func(c *conf.Config) { c.WeChat.BaseURL = "http://api.weixin.qq.com" },
		"wechat.app_id 和":               func(c *conf.Config) { c.WeChat.AppSecret = "" },
	} {
		c := good()
		change(c)
		require.ErrorContains(t, c.Check(), want)
	}
}

func TestCheckRanges(t *testing.T) {
	clean(t)
	for want, change := range map[string]func(*conf.Config){
		"mode 只能是":               func(c *conf.Config) { c.Mode = "prod" },
		"data_dir":               func(c *conf.Config) { c.DataDir = " " },
		"http.addr 应写成":          func(c *conf.Config) { c.HTTP.Addr = "8080" },
		"http.body_limit":        func(c *conf.Config) { c.HTTP.BodyLimit = 0 },
		"http.read_timeout":      func(c *conf.Config) { c.HTTP.ReadTimeout = -1 },
		"trusted_proxies 里的“x”":  func(c *conf.Config) { c.HTTP.TrustedProxies = []string{"x"} },
		"db.max_open":            func(c *conf.Config) { c.DB.MaxOpen = 0 },
		"redis.addrs 里的“h”":      func(c *conf.Config) { c.Redis.Addrs = []string{"h"} },
		"redis.addrs 是空的":        func(c *conf.Config) { c.Redis.Mode = conf.RedisCluster },
		"还需要 redis.master_name":  func(c *conf.Config) { c.Redis.Addrs, c.Redis.Mode = []string{"h:1"}, conf.RedisSentinel },
		"把 redis.db 设为 0":        func(c *conf.Config) { c.Redis.Addrs, c.Redis.DB = []string{"h:1", "i:1"}, 2 },
		"只能有一个地址":                func(c *conf.Config) { c.Redis.Addrs, c.Redis.Mode = []string{"h:1", "i:1"}, conf.RedisSingle },
		"auth.refresh_ttl":       func(c *conf.Config) { c.Auth.RefreshTTL = time.Minute },
		"redeem.code_ttl":        func(c *conf.Config) { c.Redeem.CodeTTL = time.Hour },
		"log.level 只能是":          func(c *conf.Config) { c.Log.Level = "loud" },
		"auth.login_per_account": func(c *conf.Config) { c.Auth.LoginPerAccount = 0 },
	} {
		c, err := conf.Load("")
		require.NoError(t, err)
		change(c)
		err = c.Check()
		require.ErrorContains(t, err, want)
	}
}

func TestParseSizeAndDuration(t *testing.T) {
	for text, want := range map[string]conf.Size{"0": 0, "17": 17, "2k": 2048, "2 KB": 2048, "1MiB": 1 << 20, "3g": 3 << 30} {
		got, err := conf.ParseSize(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "MiB", "1.5M", "-1", "1T", "9223372036854775807G", "1 M B"} {
		_, err := conf.ParseSize(text)
		require.Error(t, err, text)
	}
	for _, text := range []string{"", "d", "-1d", "1d-1h", "30", "99999999999d"} {
		_, err := conf.ParseDuration(text)
		require.Error(t, err, text)
	}
	rapid.Check(t, func(t *rapid.T) {
		days, rest := rapid.IntRange(0, 9999).Draw(t, "days"), time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "rest"))
		got, err := conf.ParseDuration(fmt.Sprintf("%dd%s", days, rest))
		require.NoError(t, err)
		require.Equal(t, time.Duration(days)*24*time.Hour+rest, got)
	})
}

func TestTheClusterExampleIsRead(t *testing.T) {
	c, err := conf.Load("../../configs/cluster.example.yaml")
	require.NoError(t, err)
	require.NoError(t, c.Check())
	require.Equal(t, conf.RedisCluster, c.Redis.Resolved())
	require.Len(t, c.Redis.Addrs, 3)
	require.Contains(t, string(c.DB.DSN), "wsrep_sync_wait=1")
}
