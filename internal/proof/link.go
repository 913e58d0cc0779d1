package proof

import (
	"io"
	"net"
	"sync"
)

// link is a way to a server that can be cut: it passes everything on between the two sides.
type link struct {
	name   string
	target string
	l      net.Listener

	mu      sync.Mutex
	refuses bool
	conns   map[net.Conn]struct{}
}

// newLink listens on a free port of the loopback.
func newLink(name, target string) (*link, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	k := &link{name: name, target: target, l: l, conns: map[net.Conn]struct{}{}}
	go k.accept()
	return k, nil
}

func (k *link) addr() string { return k.l.Addr().String() }

func (k *link) accept() {
	for {
		c, err := k.l.Accept()
		if err != nil {
			return
		}
		go k.carry(c)
	}
}

func (k *link) carry(near net.Conn) {
	defer near.Close()
	if !k.keep(near) {
		return
	}
	defer k.forget(near)
	far, err := net.Dial("tcp", k.target)
	if err != nil {
		return
	}
	defer far.Close()
	if !k.keep(far) {
		return
	}
	defer k.forget(far)
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		go func() {
			_, _ = io.Copy(way[1], way[0])
			done <- struct{}{}
		}()
	}
	<-done
}

// keep takes the connection into those that a cut ends; false while the link refuses.
func (k *link) keep(c net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.refuses {
		k.conns[c] = struct{}{}
	}
	return !k.refuses
}

func (k *link) forget(c net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.conns, c)
}

// cut ends every connection at once, as a pulled cable does for good: whatever was on its way is lost. New ones are refused until mend.
func (k *link) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refuses = true
	for c := range k.conns {
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
}

func (k *link) mend() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refuses = false
}

func (k *link) close() {
	_ = k.l.Close()
	k.cut()
}
