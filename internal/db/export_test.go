package db

// AsOnGalera has d work as with a node of a cluster.
func AsOnGalera(d *DB) { d.galera = true }

// Waiting is what has been put aside and not sent.
func Waiting(tx Tx) string {
	if p, ok := tx.Statement.ConnPool.(*pipe); ok {
		return string(p.text)
	}
	return ""
}
