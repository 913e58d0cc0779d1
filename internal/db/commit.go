//go:build !earlyanswer

package db

import "gorm.io/gorm"

// commit ends a transaction. A build with the tag earlyanswer breaks it, to show that internal/proof notices.
func commit(g *gorm.DB) error { return g.Commit().Error }
