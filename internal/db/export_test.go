package db

import "context"

// AsOnGalera has d work as with a node of a cluster.
func AsOnGalera(d *DB) { d.galera = true }

// Waiting is what has been put aside and not sent.
func Waiting(tx Tx) string {
	if p, ok := tx.Statement.ConnPool.(*pipe); ok {
		return string(p.text)
	}
	return ""
}

// UpTo migrates a database no further than to a version.
func (d *DB) UpTo(ctx context.Context, version int64) error {
	p, err := d.provider()
	if err == nil {
		_, err = p.UpTo(ctx, version)
	}
	return err
}

// DownTo takes migrations back.
func (d *DB) DownTo(ctx context.Context, version int64) error {
	p, err := d.provider()
	if err == nil {
		_, err = p.DownTo(ctx, version)
	}
	return err
}
