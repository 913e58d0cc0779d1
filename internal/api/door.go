package api

import (
	"io"
	"time"

	"github.com/gin-gonic/gin"
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
		s.writeProblem(gc, ErrBusy.New().After(time.Second))
		return
	}
	defer s.leave(st)
	gc.Writer = &patientWriter{gc.Writer, s, st}
	gc.Next()
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
func (s *Server) waiting(st *state, f func()) {
	left := make(chan struct{})
	t := time.AfterFunc(patience, func() {
		s.leave(st)
		close(left)
	})
	f()
	if !t.Stop() {
		<-left
	}
}

// receive runs what reads the request's body; afterwards the request is inside, or ErrBusy.
func (s *Server) receive(st *state, read func() error) (err error) {
	s.waiting(st, func() { err = read() })
	if err == nil && !st.inside && !s.enter(st) {
		err = ErrBusy.New().After(time.Second)
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
	w.s.waiting(w.st, func() { n, err = w.ResponseWriter.Write(b) })
	return n, err
}

func (w *patientWriter) WriteString(t string) (int, error) { return io.Writer(w).Write([]byte(t)) }
