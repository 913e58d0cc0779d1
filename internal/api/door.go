package api

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"jishan/internal/id"
)

const (
	// patience is how long a request keeps its place inside while it waits for its client to send or to take something.
	patience = 100 * time.Millisecond
	// shortBody is how much of a JSON body anybody may send, and all that a stranger may; more needs one of maxLong leaves.
	shortBody = 16 << 10
	maxLong   = 128
	// shortAnswer is written without watching the clock: it goes into the connection's buffers.
	shortAnswer = 16 << 10
)

// crowd lets a bounded number of requests in and asks the others to come back: what is refused at the door costs nothing,
// what queues inside costs everybody. A place is for work: whoever waits for a slow client has to leave it meanwhile, or a few
// hundred clients that send a byte a second would shut the door for all.
func (s *Server) crowd(gc *gin.Context) {
	st := stateOf(gc.Request.Context())
	if !s.enter(st) {
		s.writeProblem(gc, ErrBusy.New().After(s.turnedAway.pause(cap(s.inside))))
		return
	}
	defer s.leave(st)
	st.writer = patientWriter{gc.Writer, s, st}
	gc.Writer = &st.writer
	gc.Next()
}

// turnAway stands before everything else: where nobody more gets in, the answer costs as little as can be. Twice as much for each of
// those who are sent away would be taken from those inside. Nothing is logged; the metrics count them.
func (s *Server) turnAway(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(s.inside) < cap(s.inside) || !strings.HasPrefix(r.URL.Path, Prefix+"/") {
			next.ServeHTTP(w, r)
			return
		}
		s.metrics.refused.Inc()
		rid := r.Header.Get(headerRequestID)
		if !goodRequestID(rid) {
			rid = id.New().String()
		}
		p := newProblem(ErrBusy.New().After(s.turnedAway.pause(cap(s.inside))), rid)
		body, err := json.Marshal(p)
		if err != nil {
			panic(fmt.Sprintf("api: a problem cannot be written: %v", err)) // texts and numbers always can
		}
		h := w.Header()
		maps.Copy(h, sameHeaders)
		maps.Copy(h, p.GetHeaders())
		h[headerRequestID] = []string{rid}
		h["Content-Type"] = []string{p.ContentType("")}
		w.WriteHeader(p.Status)
		_, _ = w.Write(body) // who has gone needs no answer
	})
}

// refusals counts those who were turned away, by the second.
type refusals struct {
	mu     sync.Mutex
	second int64
	n      int // in that second
	before int // in the one before
}

// longestPause is the most that anybody is asked to stay away.
const longestPause = 5 * time.Second

// pause counts one more, and is how long to stay away: a second, and one more for each time that the places inside were asked for in vain
// within the last second. When all came back at once, most would be turned away again.
func (r *refusals) pause(places int) time.Duration {
	now := time.Now().Unix()
	r.mu.Lock()
	defer r.mu.Unlock()
	if now != r.second {
		if r.before = 0; now == r.second+1 {
			r.before = r.n
		}
		r.second, r.n = now, 0
	}
	r.n++
	return min(longestPause, time.Duration(1+max(r.n, r.before)/places)*time.Second)
}

func (s *Server) enter(st *state) bool {
	select {
	case s.inside <- struct{}{}:
		st.inside = true
		s.metrics.inside.Inc()
		return true
	default:
		s.metrics.refused.Inc()
		return false
	}
}

// leave gives the request's place back, where it has one.
func (s *Server) leave(st *state) {
	if st.inside {
		st.inside = false
		<-s.inside
		s.metrics.inside.Dec()
	}
}

// waiting runs what depends on the client, without the request's place if it takes long.
func (s *Server) waiting(st *state, f func() error) error {
	st.left.Add(1)
	t := time.AfterFunc(patience, func() {
		s.leave(st)
		st.left.Done()
	})
	err := f()
	if t.Stop() {
		st.left.Done() // the function will never run
	}
	st.left.Wait()
	return err
}

// receive runs what reads the request's body; afterwards the request is inside, or ErrBusy.
func (s *Server) receive(st *state, read func() error) error {
	err := s.waiting(st, read)
	if err == nil && !st.inside && !s.enter(st) {
		err = ErrBusy.New().After(s.turnedAway.pause(cap(s.inside)))
	}
	return err
}

// long takes a leave to send a long body, to the end of the request.
func (s *Server) long(st *state) error {
	select {
	case s.longs <- struct{}{}:
		st.release = func() { <-s.longs }
		return nil
	default:
		s.metrics.refused.Inc()
		return ErrBusy.New().After(time.Second)
	}
}

// patientWriter is an answer whose reader may be slow.
type patientWriter struct {
	gin.ResponseWriter
	s  *Server
	st *state
}

func (w *patientWriter) Write(b []byte) (n int, err error) {
	if len(b) <= shortAnswer {
		return w.ResponseWriter.Write(b)
	}
	err = w.s.waiting(w.st, func() error {
		n, err = w.ResponseWriter.Write(b)
		return err
	})
	return n, err
}

func (w *patientWriter) WriteString(t string) (int, error) { return io.Writer(w).Write([]byte(t)) }
