package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

// naive is the definition of RFC 6962, word for word.
func naive(d [][32]byte) [32]byte {
	switch len(d) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, d[0][:]...))
	}
	k := 1
	for k*2 < len(d) {
		k *= 2
	}
	l, r := naive(d[:k]), naive(d[k:])
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

// climb is the verification of RFC 9162, section 2.1.3.2.
func climb(leaf [32]byte, index, size int, path [][32]byte) ([32]byte, bool) {
	fn, sn, r := index, size-1, leafHash(leaf)
	for _, p := range path {
		if sn == 0 {
			return r, false
		}
		if fn&1 == 1 || fn == sn {
			r = nodeHash(p, r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = nodeHash(r, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	return r, sn == 0
}

func TestTreeIsThatOfRFC6962(t *testing.T) {
	var hashes [][32]byte
	for n := range 70 {
		var grown tree
		for _, h := range hashes {
			grown.add(h)
		}
		root := grown.root()
		require.Equal(t, naive(hashes), root, "%d leaves", n)
		for i, h := range hashes {
			p := path(hashes, i)
			got, ok := climb(h, i, n, p)
			require.True(t, ok)
			require.Equal(t, root, got, "leaf %d of %d", i, n)
			if n > 1 {
				got, _ = climb(h, (i+1)%n, n, p)
				require.NotEqual(t, root, got, "another place")
			}
		}
		hashes = append(hashes, sha256.Sum256([]byte{byte(n)}))
	}
	// An answer from outside: one leaf of 32 zero bytes, `printf '\0%.0s' {1..33} | sha256sum`.
	var one tree
	one.add([32]byte{})
	root := one.root()
	require.Equal(t, "7f9c9e31ac8256ca2f258583df262dbc7d6f68f2a03043d5c99a4ae5a7396ce9", hex.EncodeToString(root[:]))
}
