package api

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"

	"jishan/internal/errs"
)

//go:embed pages
var pageFiles embed.FS

// pagePolicy lets a page run its own script and style and call its own origin, nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var errorsPage = template.Must(template.ParseFS(pageFiles, "pages/errors.html"))

// pages are the documentation, served from the binary: it needs no network.
func (s *Server) pages() {
	for route, p := range map[string]struct{ file, kind string }{
		"/docs":          {"pages/docs.html", "text/html; charset=utf-8"},
		"/docs/docs.js":  {"pages/docs.js", "text/javascript; charset=utf-8"},
		"/docs/docs.css": {"pages/docs.css", "text/css; charset=utf-8"},
	} {
		s.gin.GET(route, func(gc *gin.Context) {
			b, err := pageFiles.ReadFile(p.file)
			if err != nil {
				s.writeProblem(gc, err)
				return
			}
			page(gc, p.kind, b)
		})
	}
	s.gin.GET("/docs/errors", func(gc *gin.Context) {
		type row struct {
			ID, Text string
			Status   int
		}
		var buf bytes.Buffer
		err := errorsPage.Execute(&buf, mapped(errs.All(), func(c *errs.Code) row { return row{c.ID, c.Text, Status(c)} }))
		if err != nil {
			s.writeProblem(gc, err)
			return
		}
		page(gc, "text/html; charset=utf-8", buf.Bytes())
	})
	spec := sync.OnceValues(Spec)
	s.gin.GET("/openapi.json", func(gc *gin.Context) {
		b, err := spec()
		if err != nil {
			s.writeProblem(gc, err)
			return
		}
		gc.Data(http.StatusOK, "application/json", b)
	})
}

func page(gc *gin.Context, kind string, body []byte) {
	gc.Header("Content-Security-Policy", pagePolicy)
	gc.Header("Cache-Control", "no-cache")
	gc.Data(http.StatusOK, kind, body)
}
