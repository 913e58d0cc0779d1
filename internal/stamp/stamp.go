// Package stamp tells when what is read often and changes rarely has changed, so that a process may keep it in memory and no
// process ever decides on what another one has replaced.
//
// It owns the table stamps: a counter for each kind of thing. Who changes such a thing counts up in the transaction of the
// change; who keeps it reads the counter before every use, and reads the thing again when the counter differs.
//
//	err := stamp.Count(tx, stamp.Rules)                           // beside the change
//	n, err := stamp.Read(tx, stamp.Rules)                         // before the use
//	rules, err := s.rules.Get(n, ids, func(missing []id.ID) …)    // a Kept
//
// Invariants: a counter never falls. What is kept under a count was read after that count was read, so it is at least as new.
package stamp

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"jishan/internal/db"
)

// Rules counts the adoption and the ending of rule books' versions, and changes of villages' settings: all that decides what an
// award is worth beside the household itself.
const Rules = "rules"

// Regions counts the regions that were founded.
const Regions = "regions"

// Residences counts changes of where households belong: their state, their head, and whose they have become.
const Residences = "residences"

// Access counts whatever takes something from an officer or a merchant's person or gives it to them: sessions ended, log-ins
// disabled or renamed, roles changed.
const Access = "access"

// Count tells everybody, with the commit of tx, that something of the kind has changed.
func Count(tx db.Tx, name string) error {
	err := db.Upsert(tx, "stamps", []string{"name", "n"}, []string{"name"}, nil, []string{"n"}, 1, func(_ int, args []any) []any {
		return append(args, name, 1)
	})
	if err != nil {
		return fmt.Errorf("counting a change of %s: %w", name, err)
	}
	return nil
}

// Read is the present count; 0 before the first change.
func Read(tx db.Tx, name string) (n int64, err error) {
	if err := tx.Raw("SELECT COALESCE(MAX(n), 0) FROM stamps WHERE name = ?", name).Row().Scan(&n); err != nil {
		return 0, fmt.Errorf("reading the stamp of %s: %w", name, err)
	}
	return n, nil
}

// ReadAll is the present counts of the names, in one query; what was never counted is missing and reads as 0.
func ReadAll(tx db.Tx, names ...string) (map[string]int64, error) {
	out := make(map[string]int64, len(names))
	if err := Ask(tx, out, names...); err != nil {
		return nil, err
	}
	if err := db.Answer(tx); err != nil {
		return nil, fmt.Errorf("reading the stamps of %v: %w", names, err)
	}
	return out, nil
}

// Ask puts the present counts of the names into counts with the next answer of the database; see db.Ask and ReadAll.
func Ask(tx db.Tx, counts map[string]int64, names ...string) error {
	err := db.Ask(tx, func(row db.Row) error {
		var name string
		var n int64
		err := row.Scan(&name, &n)
		if slices.Contains(names, name) {
			counts[name] = n
		}
		return err
	}, "SELECT name, n FROM stamps") // there are a handful, and looking three of them up takes longer
	if err != nil {
		return fmt.Errorf("reading the stamps of %v: %w", names, err)
	}
	return nil
}

// maxKept bounds the memory of a Kept whose count does not change for long: then it begins anew.
const maxKept = 1 << 14

// Kept holds things of one kind by key, all of one count. The zero value is ready. Safe for concurrent use.
type Kept[K comparable, V any] struct {
	mu     sync.Mutex
	count  int64
	things map[K]V
}

// Peek is what is kept of the key, and under which count it was read.
func (c *Kept[K, V]) Peek(key K) (v V, n int64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok = c.things[key]
	return v, c.count, ok
}

// Known is what is kept of the keys, under which count it was read, and the keys of which nothing is kept.
func (c *Kept[K, V]) Known(keys []K) (known map[K]V, missing []K, n int64) {
	known = make(map[K]V, len(keys))
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range keys {
		if v, ok := c.things[k]; ok {
			known[k] = v
		} else {
			missing = append(missing, k)
		}
	}
	return known, missing, c.count
}

// Keep keeps things that were read after the count was read as n.
func (c *Kept[K, V]) Keep(n int64, things map[K]V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > c.count || c.things == nil {
		c.count, c.things = n, map[K]V{}
	}
	if c.count != n {
		return // others have read newer ones
	}
	for k, v := range things {
		if len(c.things) >= maxKept {
			clear(c.things)
		}
		c.things[k] = v
	}
}

// Get is the things of the keys: those kept since the count was n, the others from load, which reads them now. Things that load
// does not find are missing, and asked for again next time.
func (c *Kept[K, V]) Get(n int64, keys []K, load func(missing []K) (map[K]V, error)) (map[K]V, error) {
	out, missing, kept := c.Known(keys)
	if kept != n {
		out, missing = make(map[K]V, len(keys)), keys
	}
	if len(missing) == 0 {
		return out, nil
	}
	loaded, err := load(missing)
	if err != nil {
		return nil, err
	}
	c.Keep(n, loaded)
	maps.Copy(out, loaded)
	return out, nil
}
