package ledger

import (
	"crypto/sha256"
	"math/bits"
)

// The tree is that of RFC 6962, section 2.1, over the hashes of transactions: a leaf is SHA-256(00 ‖ hash), a node
// SHA-256(01 ‖ left ‖ right), and the left part of n leaves is the largest power of two below n. The first byte keeps anybody
// from passing a node off as a transaction.

func leafHash(h [32]byte) [32]byte {
	var b [33]byte
	copy(b[1:], h[:])
	return sha256.Sum256(b[:])
}

func nodeHash(l, r [32]byte) [32]byte {
	var b [65]byte
	b[0] = 1
	copy(b[1:], l[:])
	copy(b[33:], r[:])
	return sha256.Sum256(b[:])
}

// tree takes leaves one by one and keeps only the roots of its complete parts, largest first: one for every bit set in n.
type tree struct {
	n     uint64
	parts [][32]byte
}

func (t *tree) add(h [32]byte) {
	x := leafHash(h)
	for range bits.TrailingZeros64(^t.n) {
		last := len(t.parts) - 1
		x = nodeHash(t.parts[last], x)
		t.parts = t.parts[:last]
	}
	t.parts = append(t.parts, x)
	t.n++
}

// root is the tree's; of no leaves it is the hash of nothing.
func (t *tree) root() [32]byte {
	if t.n == 0 {
		return sha256.Sum256(nil)
	}
	last := len(t.parts) - 1
	x := t.parts[last]
	for i := last - 1; i >= 0; i-- {
		x = nodeHash(t.parts[i], x)
	}
	return x
}

// path is what leads from leaf i of the hashes to the root: the sister of every node on the way, lowest first.
func path(hashes [][32]byte, i int) [][32]byte {
	if len(hashes) < 2 {
		return nil
	}
	k := 1 << (bits.Len(uint(len(hashes)-1)) - 1)
	rootOf := func(part [][32]byte) [32]byte {
		var t tree
		for _, h := range part {
			t.add(h)
		}
		return t.root()
	}
	if i < k {
		return append(path(hashes[:k], i), rootOf(hashes[k:]))
	}
	return append(path(hashes[k:], i-k), rootOf(hashes[:k]))
}
