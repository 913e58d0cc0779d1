package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"jishan/internal/errs"
	"jishan/internal/id"
)

func TestNewRefusesWeakSecrets(t *testing.T) {
	w := newWorld(t)
	for _, o := range []Options{
		{AccessTTL: time.Minute, RefreshTTL: time.Hour},
		{Secret: "short", AccessTTL: time.Minute, RefreshTTL: time.Hour},
		{Secret: testSecret, PreviousSecrets: []string{""}, AccessTTL: time.Minute, RefreshTTL: time.Hour},
		{Secret: testSecret, RefreshTTL: time.Hour},
		{Secret: testSecret, AccessTTL: time.Hour, RefreshTTL: time.Minute},
	} {
		_, err := New(w.db, o)
		require.Error(t, err)
		require.NotContains(t, err.Error(), testSecret)
	}
}

func TestForgedAccessTokens(t *testing.T) {
	w := newWorld(t).staff()
	good := w.login(w.headman)
	now := w.clock.Now()
	key := w.s.keys[0]
	type change func(c *claims, header map[string]any)
	sign := func(method jwt.SigningMethod, with any, edit change) string {
		c := claims{Session: good.Session.String(), RegisteredClaims: jwt.RegisteredClaims{Issuer: issuer, Subject: good.User.String(),
			Audience: jwt.ClaimStrings{"officer"}, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute))}}
		token := jwt.New(method)
		token.Header["kid"] = key.kid
		if edit != nil {
			edit(&c, token.Header)
		}
		token.Claims = c
		text, err := token.SignedString(with)
		require.NoError(t, err)
		return text
	}
	hs := jwt.SigningMethodHS256
	_, err := w.s.Authenticate(ctx, sign(hs, key.access, nil), "", "")
	require.NoError(t, err, "the forgeries below differ from this one only in what they forge")

	other, err := newRing("another-root-secret-0123456789-abc", nil)
	require.NoError(t, err)
	forged := map[string]struct {
		token string
		want  *errs.Code
	}{
		"empty":                {"", ErrToken},
		"no token":             {"a.b.c", ErrToken},
		"huge":                 {string(make([]byte, 1<<20)), ErrToken},
		"alg none":             {sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil), ErrToken},
		"alg HS512":            {sign(jwt.SigningMethodHS512, key.access, nil), ErrToken},
		"another secret":       {sign(hs, other[0].access, nil), ErrToken},
		"the refresh key":      {sign(hs, key.refresh, nil), ErrToken},
		"the root secret":      {sign(hs, []byte(testSecret), nil), ErrToken},
		"unknown kid":          {sign(hs, key.access, func(_ *claims, h map[string]any) { h["kid"] = other[0].kid }), ErrToken},
		"no kid":               {sign(hs, key.access, func(_ *claims, h map[string]any) { delete(h, "kid") }), ErrToken},
		"kid of another type":  {sign(hs, key.access, func(_ *claims, h map[string]any) { h["kid"] = 1 }), ErrToken},
		"other audience":       {sign(hs, key.access, func(c *claims, _ map[string]any) { c.Audience = jwt.ClaimStrings{"merchant"} }), ErrToken},
		"audience system":      {sign(hs, key.access, func(c *claims, _ map[string]any) { c.Audience = jwt.ClaimStrings{"system"} }), ErrToken},
		"two audiences":        {sign(hs, key.access, func(c *claims, _ map[string]any) { c.Audience = jwt.ClaimStrings{"officer", "merchant"} }), ErrToken},
		"no audience":          {sign(hs, key.access, func(c *claims, _ map[string]any) { c.Audience = nil }), ErrToken},
		"other issuer":         {sign(hs, key.access, func(c *claims, _ map[string]any) { c.Issuer = "elsewhere" }), ErrToken},
		"other user":           {sign(hs, key.access, func(c *claims, _ map[string]any) { c.Subject = w.admin.ID.String() }), ErrToken},
		"garbled user":         {sign(hs, key.access, func(c *claims, _ map[string]any) { c.Subject = "root" }), ErrToken},
		"garbled session":      {sign(hs, key.access, func(c *claims, _ map[string]any) { c.Session = "" }), ErrToken},
		"unknown session":      {sign(hs, key.access, func(c *claims, _ map[string]any) { c.Session = id.New().String() }), ErrSession},
		"no expiry":            {sign(hs, key.access, func(c *claims, _ map[string]any) { c.ExpiresAt = nil }), ErrToken},
		"issued in the future": {sign(hs, key.access, func(c *claims, _ map[string]any) { c.IssuedAt = jwt.NewNumericDate(now.Add(time.Minute)) }), ErrToken},
		"expired":              {sign(hs, key.access, func(c *claims, _ map[string]any) { c.ExpiresAt = jwt.NewNumericDate(now.Add(-time.Minute)) }), ErrExpired},
		"expired and forged":   {sign(hs, other[0].access, func(c *claims, _ map[string]any) { c.ExpiresAt = jwt.NewNumericDate(now.Add(-time.Minute)) }), ErrToken},
		"a refresh token":      {good.Refresh, ErrToken},
	}
	for name, f := range forged {
		t.Run(name, func(t *testing.T) {
			_, err := w.s.Authenticate(ctx, f.token, "", "")
			require.ErrorIs(t, err, f.want)
			if f.token != "" {
				require.NotContains(t, err.Error(), f.token)
			}
		})
	}

	w.clock.Add(15*time.Minute + leeway + time.Second)
	_, err = w.s.Authenticate(ctx, good.Access, "", "")
	require.ErrorIs(t, err, ErrExpired)
}

// What a token says besides the user and session is nothing: no role, no name, no number.
func TestAccessTokenCarriesNoRights(t *testing.T) {
	w := newWorld(t).staff()
	var c map[string]any
	p := jwt.NewParser()
	token, parts, err := p.ParseUnverified(w.login(w.headman).Access, jwt.MapClaims{})
	require.NoError(t, err)
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, &c))
	var names []string
	for k := range c {
		names = append(names, k)
	}
	require.ElementsMatch(t, []string{"iss", "aud", "sub", "sid", "iat", "exp"}, names)
	require.Equal(t, w.s.keys[0].kid, token.Header["kid"])
}

func TestKeyRotation(t *testing.T) {
	w := newWorld(t).staff()
	old := w.login(w.headman)
	const fresh = "the-new-root-secret-of-the-county-1"
	w.s = w.service(Options{Secret: fresh, PreviousSecrets: []string{testSecret}})
	w.actor(old)
	renewed, err := w.s.Refresh(ctx, old.Refresh, origin)
	require.NoError(t, err)
	w.actor(renewed)

	dropped := w.service(Options{Secret: fresh})
	_, err = dropped.Authenticate(ctx, old.Access, "", "")
	require.ErrorIs(t, err, ErrToken, "signed with a secret that no longer counts")
	_, err = dropped.Authenticate(ctx, renewed.Access, "", "")
	require.NoError(t, err)
	_, err = dropped.Refresh(ctx, renewed.Refresh, origin)
	require.NoError(t, err)
}

// While a new secret is being rolled out two processes sign with different keys; a retry may meet the other one.
func TestRepeatedRefreshMeetsProcessWithAnotherKey(t *testing.T) {
	w := newWorld(t).staff()
	const fresh = "the-new-root-secret-of-the-county-1"
	first := w.login(w.headman)
	next, err := w.s.Refresh(ctx, first.Refresh, origin)
	require.NoError(t, err)
	again, err := w.service(Options{Secret: fresh, PreviousSecrets: []string{testSecret}}).Refresh(ctx, first.Refresh, origin)
	require.NoError(t, err)
	require.Equal(t, next.Refresh, again.Refresh)
}

func TestRefreshRotates(t *testing.T) {
	w := newWorld(t).staff()
	tokens := w.login(w.headman)
	seen := map[string]bool{tokens.Refresh: true}
	for range 5 {
		w.clock.Add(20 * 24 * time.Hour) // each use gives thirty days more
		next, err := w.s.Refresh(ctx, tokens.Refresh, origin)
		require.NoError(t, err)
		require.False(t, seen[next.Refresh])
		seen[next.Refresh] = true
		require.Equal(t, tokens.Session, next.Session)
		w.actor(next)
		tokens = next
	}
	w.clock.Add(31 * 24 * time.Hour)
	_, err := w.s.Refresh(ctx, tokens.Refresh, origin)
	require.ErrorIs(t, err, ErrSession)
	for text := range seen {
		raw, err := refreshText.DecodeString(text)
		require.NoError(t, err)
		require.Zero(t, w.count("SELECT COUNT(*) FROM sessions WHERE refresh_hash = ?", raw[12:44]), "only hashes are stored")
	}
}

func TestLostAnswerIsGivenAgain(t *testing.T) {
	w := newWorld(t).staff()
	first := w.login(w.headman)
	second, err := w.s.Refresh(ctx, first.Refresh, origin)
	require.NoError(t, err)
	w.clock.Add(ReuseGrace - time.Second)
	again, err := w.elsewhere().Refresh(ctx, first.Refresh, origin)
	require.NoError(t, err, "the client did not hear the answer and asks another process")
	require.Equal(t, second.Refresh, again.Refresh)
	require.Equal(t, second.RefreshExpires, again.RefreshExpires)
	w.actor(again)

	w.clock.Add(2 * time.Second)
	_, err = w.s.Refresh(ctx, first.Refresh, origin)
	require.ErrorIs(t, err, ErrReuse, "a repetition does not prolong the grace")
}

func TestCopiedRefreshTokenEndsTheSession(t *testing.T) {
	w := newWorld(t).staff()
	for name, wait := range map[string]time.Duration{"late": ReuseGrace + time.Second, "two generations back, at once": 0} {
		t.Run(name, func(t *testing.T) {
			first := w.login(w.headman)
			current, err := w.s.Refresh(ctx, first.Refresh, origin)
			require.NoError(t, err)
			if wait == 0 {
				current, err = w.s.Refresh(ctx, current.Refresh, origin)
				require.NoError(t, err)
			}
			w.clock.Add(wait)
			bystander := w.login(w.headman)
			before := len(w.log("auth.reuse"))
			_, err = w.s.Refresh(ctx, first.Refresh, origin)
			require.ErrorIs(t, err, ErrReuse)
			_, err = w.elsewhere().Authenticate(ctx, current.Access, "", "")
			require.ErrorIs(t, err, ErrSession)
			_, err = w.s.Refresh(ctx, current.Refresh, origin)
			require.ErrorIs(t, err, ErrSession)
			_, err = w.s.Refresh(ctx, first.Refresh, origin)
			require.ErrorIs(t, err, ErrSession, "there is nothing left to revoke")
			w.actor(bystander)
			require.Len(t, w.log("auth.reuse"), before+1)
		})
	}
}

func TestForgedRefreshTokensChangeNothing(t *testing.T) {
	w := newWorld(t).staff()
	first := w.login(w.headman)
	current, err := w.s.Refresh(ctx, first.Refresh, origin)
	require.NoError(t, err)
	w.clock.Add(time.Minute)
	raw, err := refreshText.DecodeString(first.Refresh)
	require.NoError(t, err)
	forged := map[string]string{"empty": "", "short": first.Refresh[:40], "an access token": current.Access, "padded": first.Refresh + "=", "not base64": "!" + first.Refresh[1:]}
	for _, i := range []int{0, 8, 11, 12, 43, 44, 59} {
		b := append([]byte{}, raw...)
		b[i] ^= 1
		forged["bit of byte "+string(rune('A'+i))] = refreshText.EncodeToString(b)
	}
	b := append([]byte{}, raw[:44]...)
	h := hmac.New(sha256.New, []byte(testSecret))
	h.Write(b)
	forged["tag of another key"] = refreshText.EncodeToString(append(b, h.Sum(nil)[:16]...))
	for name, text := range forged {
		_, err := w.s.Refresh(ctx, text, origin)
		require.ErrorIs(t, err, ErrToken, name)
	}
	// Genuine, but of a session that the database does not know, or ahead of it (restored from a backup).
	_, err = w.s.Refresh(ctx, newRefresh(w.s.keys[0], id.New()).text(), origin)
	require.ErrorIs(t, err, ErrSession)
	ahead, ok := parseRefresh(w.s.keys, current.Refresh)
	require.True(t, ok)
	_, err = w.s.Refresh(ctx, ahead.next(w.s.keys[0]).text(), origin)
	require.ErrorIs(t, err, ErrSession)
	_, err = w.s.Refresh(ctx, current.Refresh, origin)
	require.NoError(t, err, "none of it has harmed the session")
}

func TestConcurrentRefreshesAgree(t *testing.T) {
	w := newWorld(t).staff()
	first := w.login(w.headman)
	services := []*Service{w.s, w.elsewhere()}
	got := make([]Tokens, 16)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			var err error
			got[i], err = services[i%2].Refresh(ctx, first.Refresh, origin)
			if err != nil {
				t.Errorf("refresh %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for _, g := range got {
		require.Equal(t, got[0].Refresh, g.Refresh)
	}
	require.Equal(t, 2, w.count("SELECT generation FROM sessions WHERE id = ?", first.Session))
	w.actor(got[7])
}

func FuzzTokens(f *testing.F) {
	keys, err := newRing(testSecret, []string{"an-earlier-root-secret-0123456789"})
	require.NoError(f, err)
	now := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	s := &Service{keys: keys, parser: newParser(func() time.Time { return now })}
	who := identity{user: 7001, session: 7002, kind: KindMerchant} // the same in every process of the fuzzer
	access, err := s.signAccess(who, now, now.Add(time.Minute))
	require.NoError(f, err)
	refresh := refreshToken{session: who.session, generation: 3, secret: [32]byte{1, 2, 3}}.signed(keys[1])
	made := map[string]bool{refresh.text(): true, access: true}
	for _, seed := range []string{access, refresh.text(), "", "..", "eyJhbGciOiJub25lIn0.e30.", access + "=", refresh.text()[:79] + "="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if good, err := s.parse(text); err == nil {
			got := good.who
			require.Truef(t, made[text], "a token nobody signed is good for %v", got)
			require.Equal(t, who, got)
		} else {
			require.Equal(t, errs.Unauthenticated, errs.From(err).Code.Kind)
		}
		if got, ok := parseRefresh(keys, text); ok {
			require.True(t, made[text], "a refresh token nobody made")
			require.Equal(t, text, got.text())
		}
	})
}
