package api

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/gin-gonic/gin"
)

// screenPolicy lets a built front end load what lies beside it and call its own origin. Component libraries place elements with
// style attributes, hence 'unsafe-inline' for styles alone.
const screenPolicy = "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// notBuilt is shown where a front end has not been built into the program.
const notBuilt = `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>界面未构建</title>` +
	`<body style="font:18px/1.7 sans-serif;max-width:36em;margin:3em auto;padding:0 1em"><h1>界面未构建</h1>` +
	`<p>这个程序里没有包含界面。请在源码目录运行 <code>make build</code>（需要 Node.js 20），再启动生成的 <code>bin/jishan</code>。</p>` +
	`<p>接口照常可用，文档在 <a href="/docs">/docs</a>。</p></body></html>`

// screens serves a single-page front end below a prefix, from its folder in Deps.Screens.
//
// index.html answers every path without an extension, because the front end routes by itself; it is asked for anew each time.
// Names in assets/ carry a hash of their content and are kept for a year. What has a .gz beside it is sent compressed.
func (s *Server) screens(prefix, folder string) {
	serve := func(gc *gin.Context) {
		name := strings.TrimPrefix(path.Clean("/"+gc.Param("path")), "/")
		if name == "" || path.Ext(name) == "" {
			name = "index.html"
		}
		if err := s.asset(gc, folder, name); err != nil {
			s.writeProblem(gc, err)
		}
	}
	s.gin.GET(prefix+"/*path", serve)
	s.gin.HEAD(prefix+"/*path", serve)
	s.gin.GET(prefix, func(gc *gin.Context) { gc.Redirect(http.StatusMovedPermanently, prefix+"/") })
}

var assetKinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
	".png": "image/png", ".jpg": "image/jpeg", ".ico": "image/x-icon", ".woff2": "font/woff2", ".json": "application/json",
}

func (s *Server) asset(gc *gin.Context, folder, name string) error {
	h := gc.Writer.Header()
	h.Set("Content-Security-Policy", screenPolicy)
	kind, known := assetKinds[path.Ext(name)]
	b, err := fs.ReadFile(s.deps.Screens, path.Join(folder, name))
	switch {
	case errors.Is(err, fs.ErrNotExist) && name == "index.html":
		gc.Data(http.StatusServiceUnavailable, assetKinds[".html"], []byte(notBuilt))
		return nil
	case errors.Is(err, fs.ErrNotExist) || err == nil && !known:
		return ErrNoRoute.New()
	case err != nil:
		return fmt.Errorf("reading screen %s/%s: %w", folder, name, err)
	}
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		sum := sha256.Sum256(b)
		tag := fmt.Sprintf("%q", fmt.Sprintf("%x", sum[:8]))
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		if gc.GetHeader("If-None-Match") == tag {
			gc.Status(http.StatusNotModified)
			return nil
		}
	}
	if packed, err := fs.ReadFile(s.deps.Screens, path.Join(folder, name+".gz")); err == nil {
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(gc.GetHeader("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			b = packed
		}
	}
	gc.Data(http.StatusOK, kind, b)
	return nil
}
