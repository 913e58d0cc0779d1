package api

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"jishan/internal/conf"
	"jishan/web"
)

func screensRig(t *testing.T, files map[string]string) *rig {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	r := newRig(t, func(*conf.Config) {})
	r.deps.Screens = fsys
	return r
}

func TestScreens(t *testing.T) {
	var packed strings.Builder
	z := gzip.NewWriter(&packed)
	_, err := io.WriteString(z, "console.log(1)")
	require.NoError(t, err)
	require.NoError(t, z.Close())
	r := screensRig(t, map[string]string{
		"console/index.html":           "<!doctype html>",
		"console/assets/index-a.js":    "console.log(1)",
		"console/assets/index-a.js.gz": packed.String(),
		"miniapp/index.html":           "<!doctype html><title>积善",
		"console/notes.txt":            "not for the web",
		"secret.html":                  "outside",
	})

	for _, path := range []string{"/admin/", "/admin/households/1", "/admin/index.html"} {
		got := r.do(t, "GET", path, nil)
		require.Equal(t, 200, got.status, path)
		require.Equal(t, "<!doctype html>", string(got.body), path)
		require.Equal(t, "no-cache", got.header.Get("Cache-Control"), path)
		require.Equal(t, screenPolicy, got.header.Get("Content-Security-Policy"), path)
		again := r.do(t, "GET", path, nil, "If-None-Match", got.header.Get("ETag"))
		require.Equal(t, 304, again.status, path)
		require.Empty(t, again.body, path)
	}

	require.Equal(t, "<!doctype html><title>积善", string(r.do(t, "GET", "/m/", nil).body))

	js := r.do(t, "GET", "/admin/assets/index-a.js", nil, "Accept-Encoding", "identity")
	require.Equal(t, "console.log(1)", string(js.body))
	require.Equal(t, "text/javascript; charset=utf-8", js.header.Get("Content-Type"))
	require.Equal(t, "public, max-age=31536000, immutable", js.header.Get("Cache-Control"))
	require.Equal(t, "Accept-Encoding", js.header.Get("Vary"))
	small := r.do(t, "GET", "/admin/assets/index-a.js", nil, "Accept-Encoding", "gzip, br")
	require.Equal(t, "gzip", small.header.Get("Content-Encoding"))
	require.Equal(t, packed.String(), string(small.body))
	require.Equal(t, 200, r.do(t, "HEAD", "/admin/assets/index-a.js", nil).status)

	// A name with an extension is a file or nothing; never the page, never what lies outside or is of no known kind.
	for _, path := range []string{"/admin/assets/gone.js", "/admin/../secret.html", "/admin/%2e%2e/secret.html", "/admin/notes.txt", "/admin/assets/index-a.js.gz"} {
		require.Equal(t, 404, r.do(t, "GET", path, nil).problem(t).Status, path)
	}
}

func TestScreensWithoutABuild(t *testing.T) {
	r := screensRig(t, nil)
	got := r.do(t, "GET", "/admin/", nil)
	require.Equal(t, 503, got.status)
	require.Contains(t, string(got.body), "界面未构建")
}

func TestScreensRedirect(t *testing.T) {
	r := screensRig(t, nil)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.Get(r.url + "/admin")
	require.NoError(t, err)
	defer got.Body.Close()
	require.Equal(t, 301, got.StatusCode)
	require.Equal(t, "/admin/", got.Header.Get("Location"))
}

// The program carries the screens where they have been built, and can be built where they have not.
func TestProgramCarriesScreens(t *testing.T) {
	for _, name := range []string{"console/index.html", "miniapp/index.html"} {
		_, built := os.Stat("../../web/dist/" + name)
		_, carried := fs.Stat(web.Dist(), name)
		require.Equal(t, built == nil, carried == nil, "%s: %v, %v", name, built, carried)
	}
}
