package proof

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"time"
)

// fault is one kind of harm; do does it and mends it again.
type fault struct {
	name   string
	weight int
	do     func(*rand.Rand) error
}

// tally counts faults by kind.
type tally map[string]int

func (t tally) String() string {
	var out []string
	for name, n := range t {
		out = append(out, fmt.Sprintf("%s %d", name, n))
	}
	if len(out) == 0 {
		return "none"
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// pause waits a random time between the two.
func pause(rng *rand.Rand, least, most time.Duration) { time.Sleep(least + rand.N(most-least)) }

// harm does one fault after another until the time is over.
func harm(rng *rand.Rand, list []fault, until time.Time) (tally, error) {
	done := tally{}
	total := 0
	for _, f := range list {
		total += f.weight
	}
	for total > 0 {
		pause(rng, 150*time.Millisecond, 900*time.Millisecond)
		if time.Now().After(until) {
			break
		}
		x := rng.IntN(total)
		for _, f := range list {
			if x -= f.weight; x < 0 {
				if err := f.do(rng); err != nil {
					return done, fmt.Errorf("%s: %w", f.name, err)
				}
				done[f.name]++
				break
			}
		}
	}
	return done, nil
}

// apiFaults are those that any process of the program must stand.
func apiFaults(apis []*apiProcess) []fault {
	one := func(rng *rand.Rand) *apiProcess { return apis[rng.IntN(len(apis))] }
	return []fault{
		{"process killed", 4, func(rng *rand.Rand) error {
			p := one(rng)
			p.kill()
			pause(rng, time.Millisecond, 300*time.Millisecond)
			return p.start()
		}},
		{"process stopped", 3, func(rng *rand.Rand) error { return freeze(rng, one(rng).daemon) }},
		{"clock jumped", 3, func(rng *rand.Rand) error {
			// By seconds, by hours into another day, or further; back again, or not before the next jump.
			by := time.Duration(rng.Int64N(int64(3*time.Second))) + []time.Duration{0, time.Minute, 26 * time.Hour, 70 * time.Hour}[rng.IntN(4)]
			if rng.IntN(2) == 0 {
				by = -by
			}
			p := one(rng)
			if err := p.shift(by); err != nil {
				return err
			}
			pause(rng, 100*time.Millisecond, 1500*time.Millisecond)
			if rng.IntN(4) == 0 {
				return nil
			}
			return p.shift(0)
		}},
		{"connections cut", 3, func(rng *rand.Rand) error {
			p := one(rng)
			k := p.ways[rng.IntN(len(p.ways))]
			k.cut()
			pause(rng, time.Millisecond, 400*time.Millisecond)
			k.mend()
			return nil
		}},
	}
}

// freeze is SIGSTOP, and SIGCONT after a while.
func freeze(rng *rand.Rand, d *daemon) error {
	if err := d.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	pause(rng, 100*time.Millisecond, 2*time.Second)
	return d.signal(syscall.SIGCONT)
}

func databaseFaults(m *mariadb) []fault {
	return []fault{
		{"MariaDB killed", 2, func(rng *rand.Rand) error {
			m.kill()
			pause(rng, time.Millisecond, 500*time.Millisecond)
			return m.start()
		}},
		{"MariaDB stopped", 1, func(rng *rand.Rand) error { return freeze(rng, m.daemon) }},
	}
}

func redisFaults(r *redisServer) []fault {
	return []fault{
		{"Redis killed", 2, func(rng *rand.Rand) error {
			r.kill()
			pause(rng, time.Millisecond, time.Second)
			return r.start()
		}},
		{"Redis flushed", 1, func(*rand.Rand) error { return r.do("FLUSHALL") }},
		{"Redis stopped", 1, func(rng *rand.Rand) error { return freeze(rng, r.daemon) }},
	}
}

// calm brings the clocks back and makes sure that everything runs.
func calm(apis []*apiProcess) error {
	var all []error
	for _, p := range apis {
		if err := p.shift(0); err != nil {
			all = append(all, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	return errors.Join(all...)
}
