package conf_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/stretchr/testify/require"

	"jishan/internal/conf"
)

// The environment in compose.yaml is one that a production start accepts, and every secret it names is declared.
func TestComposeStarts(t *testing.T) {
	clean(t)
	k := koanf.New("/")
	require.NoError(t, k.Load(file.Provider("../../configs/compose.yaml"), yaml.Parser()))
	contents := map[string]string{
		"db_dsn": "jishan:p@tcp(db:3306)/jishan", "db_dsn_migrator": "jishan_migrator:p@tcp(db:3306)/jishan", "redis_password": "p",
		"auth_secret": "kQ3vX9zLr7TbW2nYp5Hd8JmC4sGf6aUe", "card_pepper": "Zr8Wq2Lm5Tx7Bv9Nc4Kj6Hg3Fd1Sa0Pe",
	}
	dir := t.TempDir()
	for name, value := range contents {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(value), 0o600))
	}
	for service, dsn := range map[string]string{"api1": "db_dsn", "api2": "db_dsn", "migrate": "db_dsn_migrator"} {
		t.Run(service, func(t *testing.T) {
			env := k.StringMap("services/" + service + "/environment")
			require.NotEmpty(t, env)
			granted := k.Strings("services/" + service + "/secrets")
			for name, value := range env {
				if secret, ok := strings.CutPrefix(value, "/run/secrets/"); ok {
					require.Contains(t, granted, secret)
					require.True(t, k.Exists("secrets/"+secret+"/file"), secret)
					value = filepath.Join(dir, secret)
				}
				if strings.HasPrefix(value, "${BASE_URL:?") {
					value = "https://jifen.example.cn"
				}
				t.Setenv(name, value)
			}
			c, err := conf.Load("")
			require.NoError(t, err)
			require.NoError(t, c.Check())
			require.True(t, c.Production())
			require.Equal(t, contents[dsn], string(c.DB.DSN), "only who changes the tables may change them")
			subnet := k.Get("networks/inside/ipam/config").([]any)[0].(map[string]any)["subnet"]
			require.Equal(t, []string{subnet.(string)}, c.HTTP.TrustedProxies)
		})
	}
}
