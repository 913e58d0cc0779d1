package auth

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

const minSecret = 32

// signer is what is derived from one root secret: independent keys, and a name that gives nothing away.
type signer struct {
	kid     string
	access  []byte // of JWTs
	refresh []byte // of refresh tokens
}

// ring holds the signer in use first, then the earlier ones, which only verify.
type ring []signer

func newRing(secret string, previous []string) (ring, error) {
	var r ring
	for _, s := range append([]string{secret}, previous...) {
		if len(s) < minSecret {
			return nil, fmt.Errorf("deriving keys: a root secret has fewer than %d bytes", minSecret)
		}
		var parts [3][]byte
		for i, purpose := range []string{"jishan key name v1", "jishan access token v1", "jishan refresh token v1"} {
			k, err := hkdf.Key(sha256.New, []byte(s), nil, purpose, sha256.Size)
			if err != nil {
				return nil, fmt.Errorf("deriving keys: %w", err)
			}
			parts[i] = k
		}
		next := signer{kid: hex.EncodeToString(parts[0][:8]), access: parts[1], refresh: parts[2]}
		if _, err := r.byKID(next.kid); err == nil {
			continue // the same secret given twice
		}
		r = append(r, next)
	}
	return r, nil
}

var errNoKey = errors.New("no key of that name")

func (r ring) byKID(kid string) (signer, error) {
	for _, s := range r {
		if s.kid == kid {
			return s, nil
		}
	}
	return signer{}, errNoKey
}

// mac is HMAC-SHA256 under the refresh key, separated by purpose.
func (s signer) mac(purpose byte, msg []byte) []byte {
	h := hmac.New(sha256.New, s.refresh)
	h.Write([]byte{purpose})
	h.Write(msg)
	return h.Sum(nil)
}
