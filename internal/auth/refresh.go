package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"jishan/internal/audit"
	"jishan/internal/db"
	"jishan/internal/id"
)

// ReuseGrace is how long after an exchange the token just exchanged is answered with the same next token again.
const ReuseGrace = 10 * time.Second

const (
	secretLen  = 32
	tagLen     = 16
	refreshLen = 8 + 4 + secretLen + tagLen // 60 bytes: 80 characters without padding

	macTag  = 1
	macNext = 2
)

var refreshText = base64.RawURLEncoding.Strict()

// refreshToken is one generation of a session's refresh token.
type refreshToken struct {
	session    id.ID
	generation uint32
	secret     [secretLen]byte
	tag        [tagLen]byte
}

func newRefresh(k signer, session id.ID) refreshToken {
	t := refreshToken{session: session, generation: 1}
	_, _ = rand.Read(t.secret[:]) // never fails since Go 1.24
	return t.signed(k)
}

// next is the token that replaces t; the same for the same t and key.
func (t refreshToken) next(k signer) refreshToken {
	n := refreshToken{session: t.session, generation: t.generation + 1}
	copy(n.secret[:], k.mac(macNext, t.body()))
	return n.signed(k)
}

func (t refreshToken) signed(k signer) refreshToken {
	copy(t.tag[:], k.mac(macTag, t.body()))
	return t
}

func (t refreshToken) body() []byte {
	b := make([]byte, 0, refreshLen)
	b = binary.BigEndian.AppendUint64(b, uint64(t.session))
	b = binary.BigEndian.AppendUint32(b, t.generation)
	return append(b, t.secret[:]...)
}

func (t refreshToken) bytes() []byte { return append(t.body(), t.tag[:]...) }

// text is the token as the client keeps it.
func (t refreshToken) text() string { return refreshText.EncodeToString(t.bytes()) }

// hash is what the database keeps.
func (t refreshToken) hash() [32]byte { return sha256.Sum256(t.bytes()) }

// parseRefresh reads a token that one of our keys has made.
func parseRefresh(keys ring, text string) (t refreshToken, ok bool) {
	if len(text) != refreshText.EncodedLen(refreshLen) {
		return t, false
	}
	b, err := refreshText.DecodeString(text)
	if err != nil {
		return t, false
	}
	t.session = id.ID(binary.BigEndian.Uint64(b))
	t.generation = binary.BigEndian.Uint32(b[8:])
	copy(t.secret[:], b[12:])
	copy(t.tag[:], b[12+secretLen:])
	for _, k := range keys {
		if hmac.Equal(t.tag[:], k.mac(macTag, t.body())[:tagLen]) {
			return t, true
		}
	}
	return refreshToken{}, false
}

type verdict uint8

const (
	unusable verdict = iota // not the session's, or the session is over
	exchange                // the current token: hand out the next and store it
	repeat                  // the token just exchanged, within the grace: hand out the same next again
	copied                  // a genuine token of the past: revoke
)

// judge decides what a genuine token is worth for the session it names. A session that is over is never "copied": there is
// nothing left to revoke.
func judge(keys ring, t refreshToken, row sessionRow, now int64) (verdict, refreshToken) {
	if row.RevokedAt != 0 || row.ExpiresAt <= now {
		return unusable, refreshToken{}
	}
	current := int64(row.Generation)
	have := t.hash()
	switch g := int64(t.generation); {
	case g == current && hmac.Equal(have[:], row.RefreshHash):
		return exchange, t.next(keys[0])
	case g >= current:
		return unusable, refreshToken{}
	case g == current-1 && now-row.UsedAt <= ReuseGrace.Milliseconds():
		for _, k := range keys { // the exchange may have been made by a process with another signing key
			n := t.next(k)
			if h := n.hash(); hmac.Equal(h[:], row.RefreshHash) {
				return repeat, n
			}
		}
	}
	return copied, refreshToken{}
}

// Refresh exchanges a refresh token for the next one and a new access token. A copied token revokes the session (ErrReuse).
func (s *Service) Refresh(ctx context.Context, token string, from Origin) (Tokens, error) {
	t, ok := parseRefresh(s.keys, token)
	if !ok {
		return Tokens{}, ErrToken.New()
	}
	var out Tokens
	var refused error // decided inside, returned after the commit: a revocation must not be rolled back by its own answer
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		refused = nil
		row, ok, err := sessionByID(tx, t.session, tx.ForUpdate())
		if err != nil {
			return err
		}
		if !ok {
			refused = ErrSession.New()
			return nil
		}
		user, ok, err := userByID(tx, row.UserID, "")
		if err != nil {
			return err
		}
		if !ok || user.DisabledAt != 0 {
			refused = ErrSession.New()
			return nil
		}
		v, next := judge(s.keys, t, row, tx.Millis())
		switch v {
		case exchange:
			row.ExpiresAt = tx.Now.Add(s.o.RefreshTTL).UnixMilli()
			if err := rotateSession(tx, row.ID, next, row.ExpiresAt); err != nil {
				return err
			}
		case repeat:
		case copied:
			refused = ErrReuse.New()
			if err := revokeSession(tx, row.ID); err != nil {
				return err
			}
			return audit.Write(tx, user.actor(row.ID, from).Audit("auth.reuse", target("session", row.ID), 0, "旧的登录凭证被再次使用，已强制退出"))
		default:
			refused = ErrSession.New()
			return nil
		}
		out, err = s.tokens(tx, user, row, next)
		return err
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return Tokens{}, err
	}
	return out, nil
}
