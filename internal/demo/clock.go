package demo

import (
	"sync"
	"time"
)

// Clock is the time of the demo's database while its history is made: it stands where it is put and moves on a millisecond
// at every look, so that what is written later is stamped later. Safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	t  time.Time
}

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(time.Millisecond)
	return c.t
}

// forward puts the clock to t, never back.
func (c *Clock) forward(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.t) {
		c.t = t
	}
}
