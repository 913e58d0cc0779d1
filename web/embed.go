// Package web holds the screens as built by their own tools, so that one file is the whole program.
//
// dist/console is the officers' console (sources in console/), dist/miniapp the villagers' and merchants' mini-program as a web page
// (sources in miniapp/, where the build for WeChat stays). dist is empty until `make build` has filled it; the server then
// shows a page that says so.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Dist is the folder of built screens: console/index.html and so on.
func Dist() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a constant and valid
	}
	return sub
}
