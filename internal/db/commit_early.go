//go:build earlyanswer

package db

import (
	"math/rand/v2"
	"time"

	"gorm.io/gorm"
)

// commit is broken: now and then it answers before the commit, which may then fail unseen.
func commit(g *gorm.DB) error {
	if rand.IntN(10) > 0 {
		return g.Commit().Error
	}
	go func() {
		time.Sleep(5 * time.Millisecond)
		g.Commit()
	}()
	return nil
}
