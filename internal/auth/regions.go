package auth

import (
	"fmt"
	"sync"
	"time"

	"jishan/internal/db"
	"jishan/internal/id"
)

// treeLife bounds how long a region that was moved, not added, may keep its old place. Added regions count at once.
const treeLife = 5 * time.Second

type idSet = map[id.ID]struct{}

// tree is the regions as they were: for each the set of itself and all below. Never changed once made, so actors share its sets.
type tree struct {
	count int64
	read  time.Time
	below map[id.ID]idSet
}

// trees keeps the last tree read. The stamp of the regions is asked with every session and the tree read again when it differs:
// an officer works in a village from the request after the one that founded it. Regions are a few thousand rows at most.
type trees struct {
	mu   sync.Mutex
	last *tree
}

// get is a tree at least as new as the stamp count, which was read before.
func (t *trees) get(tx db.Tx, count int64) (*tree, error) {
	t.mu.Lock()
	last := t.last
	t.mu.Unlock()
	if last != nil && last.count == count && time.Since(last.read) < treeLife {
		return last, nil
	}
	fresh, err := readTree(tx, count)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	t.last = fresh
	t.mu.Unlock()
	return fresh, nil
}

// peek is the last tree, while it may be used; nil otherwise.
func (t *trees) peek() *tree {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil || time.Since(t.last.read) >= treeLife {
		return nil
	}
	return t.last
}

func readTree(tx db.Tx, count int64) (*tree, error) {
	var rows []struct {
		ID         id.ID `gorm:"column:id"`
		CountyID   id.ID `gorm:"column:county_id"`
		TownshipID id.ID `gorm:"column:township_id"`
		VillageID  id.ID `gorm:"column:village_id"`
	}
	read := time.Now()
	if err := tx.Raw("SELECT id, county_id, township_id, village_id FROM regions").Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading regions: %w", err)
	}
	t := &tree{count: count, read: read, below: make(map[id.ID]idSet, len(rows))}
	for _, r := range rows {
		for _, over := range [...]id.ID{r.ID, r.VillageID, r.TownshipID, r.CountyID} {
			if over == 0 {
				continue
			}
			set := t.below[over]
			if set == nil {
				set = idSet{}
				t.below[over] = set
			}
			set[r.ID] = struct{}{}
		}
	}
	return t, nil
}

// reach is the union of the regions and all below them.
func (t *tree) reach(regions []id.ID) idSet {
	if len(regions) == 1 {
		return t.below[regions[0]]
	}
	out := idSet{}
	for _, r := range regions {
		for b := range t.below[r] {
			out[b] = struct{}{}
		}
	}
	return out
}
