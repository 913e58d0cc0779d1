package auth

import (
	"errors"
	"fmt"
	"sync"
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

// parsed remembers tokens whose signature was found good, for as long as they are: the same token comes with every request.
// Whether its session still stands is asked of the database every time.
type parsed struct {
	mu   sync.Mutex
	good map[string]goodToken
}

type goodToken struct {
	who   identity
	until time.Time
}

// maxParsed bounds the memory: 8,192 tokens of some 300 bytes.
const maxParsed = 8192

func (p *parsed) get(token string, now time.Time) (identity, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.good[token]
	return g.who, ok && now.Before(g.until)
}

func (p *parsed) put(token string, g goodToken) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.good == nil || len(p.good) >= maxParsed {
		p.good = map[string]goodToken{}
	}
	p.good[token] = g
}

// identify is who an access token says it is; see parse.
func (s *Service) identify(token string) (identity, error) {
	if who, ok := s.parsed.get(token, s.db.Now()); ok {
		return who, nil
	}
	g, err := s.parse(token)
	if err == nil {
		s.parsed.put(token, g)
	}
	return g.who, err
}

// parse checks an access token's form, signature and times. Neither the token nor the library's message, which may quote it,
// enters the error.
func (s *Service) parse(token string) (goodToken, error) {
	if len(token) > maxAccess {
		return goodToken{}, ErrToken.New()
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
		return goodToken{}, ErrExpired.New()
	case err != nil:
		return goodToken{}, ErrToken.New()
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
		return goodToken{}, ErrToken.New()
	}
	who.user, who.session = user, session
	return goodToken{who, c.ExpiresAt.Time}, nil
}
