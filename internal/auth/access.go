package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"jishan/internal/id"
)

const (
	issuer    = "jishan"
	leeway    = 10 * time.Second // between the clocks of processes
	maxAccess = 1024             // bytes; a longer text is not one of ours and is not worth parsing
)

// audiences are the kinds of user as tokens spell them.
var audiences = map[Kind]string{KindOfficer: "officer", KindMerchant: "merchant", KindVillager: "villager"}

type claims struct {
	jwt.RegisteredClaims
	Session string `json:"sid"`
}

// identity is what an access token says, before anybody has looked whether it still holds.
type identity struct {
	user, session id.ID
	kind          Kind
}

func newParser(now func() time.Time) *jwt.Parser {
	return jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(issuer),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(now),
		jwt.WithStrictDecoding(),
	)
}

// signAccess makes an access token.
func (s *Service) signAccess(who identity, now, expires time.Time) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    issuer,
			Subject:   who.user.String(),
			Audience:  jwt.ClaimStrings{audiences[who.kind]},
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(expires),
		},
		Session: who.session.String(),
	})
	t.Header["kid"] = s.keys[0].kid
	signed, err := t.SignedString(s.keys[0].access)
	if err != nil {
		return "", fmt.Errorf("signing an access token: %w", err)
	}
	return signed, nil
}

// parseAccess checks an access token's form, signature and times. Neither the token nor the library's message, which may
// quote it, enters the error.
func (s *Service) parseAccess(token string) (identity, error) {
	if len(token) > maxAccess {
		return identity{}, ErrToken.New()
	}
	var c claims
	_, err := s.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		kid, ok := t.Header["kid"].(string)
		if !ok {
			return nil, errNoKey
		}
		k, err := s.keys.byKID(kid)
		return k.access, err
	})
	switch {
	case errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return identity{}, ErrExpired.New()
	case err != nil:
		return identity{}, ErrToken.New()
	}
	var who identity
	if len(c.Audience) == 1 {
		for kind, name := range audiences {
			if name == c.Audience[0] {
				who.kind = kind
			}
		}
	}
	user, errUser := id.Parse(c.Subject)
	session, errSession := id.Parse(c.Session)
	if who.kind == 0 || errUser != nil || errSession != nil {
		return identity{}, ErrToken.New()
	}
	who.user, who.session = user, session
	return who, nil
}
