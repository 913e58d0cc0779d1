package files

import (
	"fmt"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

// Size is one of the two sizes kept.
type Size string

// The sizes: their names are those of the columns.
const (
	Large Size = "large" // at most 960 pixels
	Small Size = "small" // at most 240 pixels
)

// Put makes the picture the one of its thing, in place of a former one.
func Put(tx db.Tx, thing id.ID, p Picture) error {
	if err := Delete(tx, thing); err != nil {
		return err
	}
	return db.Insert(tx, "pictures", []string{"thing_id", "hash", "large", "small", "at"}, 1, func(_ int, args []any) []any {
		return append(args, int64(thing), p.Hash, p.Large, p.Small, tx.Millis())
	})
}

// Delete takes the picture of a thing away; nothing happens where there is none.
func Delete(tx db.Tx, thing id.ID) error {
	if err := tx.Exec("DELETE FROM pictures WHERE thing_id = ?", thing).Error; err != nil {
		return fmt.Errorf("deleting a picture: %w", err)
	}
	return nil
}

// Get is one size of a thing's picture as a JPEG. errs.ErrNotFound where the thing has no picture, or another than the hash names.
func Get(tx db.Tx, thing id.ID, hash string, size Size) ([]byte, error) {
	column := "small"
	if size == Large {
		column = "large"
	}
	var rows [][]byte
	if err := tx.Raw("SELECT "+column+" FROM pictures WHERE thing_id = ? AND hash = ?", thing, hash).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading a picture: %w", err)
	}
	if len(rows) == 0 {
		return nil, errs.ErrNotFound.New()
	}
	return rows[0], nil
}
