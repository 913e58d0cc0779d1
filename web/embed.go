// Package web holds the screens as built by their own tools, so that one file is the whole program.
//
// dist/console is the officers' console (sources in console/), dist/miniapp the villagers' and merchants' mini-program as a web page
// (sources in miniapp/, where the build for WeChat stays). There is no dist until `make build` has made it; until then the server
// shows a page that says so.
package web

import (
	"embed"
	"io/fs"
)

// The asterisk takes dist.txt, too: a pattern must match something, and before the screens are built there is no dist.
//
//go:embed all:dist*
var dist embed.FS

// Dist is the folder of built screens: console/index.html and so on.
func Dist() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a constant and valid
	}
	return sub
}
