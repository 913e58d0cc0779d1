package obs

import (
	"net/http"
	"net/http/pprof"
	"time"
)

// ProfileServer answers /debug/pprof/: where the time and the memory of a running server go. It has no log-in, so it belongs on
// a loopback address only.
func ProfileServer() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
}
