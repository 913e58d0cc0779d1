package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

func TestLogin(t *testing.T) {
	w := newWorld(t).staff()
	tokens, err := w.s.Login(ctx, Credentials{Kind: KindOfficer, Login: " ＨeadMan ", Password: testPassword}, origin)
	require.NoError(t, err, "full-width letters, capitals and spaces of a Chinese keyboard do not matter")
	require.Equal(t, w.headman.ID, tokens.User)
	require.Equal(t, w.headman.Name, tokens.Name)
	require.Equal(t, KindOfficer, tokens.Kind)
	require.False(t, tokens.MustChange)
	require.Equal(t, 15*time.Minute, tokens.AccessExpires.Sub(w.db.Now()).Round(time.Minute))

	a := w.actor(tokens)
	require.Equal(t, w.headman.ID, a.UserID)
	require.Equal(t, tokens.Session, a.SessionID)
	require.NoError(t, a.InRegion(AwardWrite, w.village))
	require.NoError(t, a.InRegion(AwardWrite, w.group))
	require.ErrorIs(t, a.InRegion(AwardWrite, w.neighbour), errs.ErrNotFound)
	require.ErrorIs(t, a.InRegion(JobsRun, w.village), errs.ErrForbidden)

	entries := w.log("auth.login")
	require.Len(t, entries, 1)
	require.Equal(t, w.headman.ID, entries[0].ActorID)
	require.Equal(t, origin.Address, entries[0].Address)
	require.Equal(t, 0, w.count("SELECT COUNT(*) FROM sessions WHERE device = ? OR address = ?", testPassword, tokens.Refresh))
}

func TestLoginRefused(t *testing.T) {
	w := newWorld(t).staff()
	wrong := map[string]Credentials{
		"wrong password":   {KindOfficer, "headman", testPassword + "x"},
		"empty password":   {KindOfficer, "headman", ""},
		"endless password": {KindOfficer, "headman", string(make([]byte, 1<<20))},
		"unknown account":  {KindOfficer, "nobody", testPassword},
		"not even a name":  {KindOfficer, "张三' OR 1=1 --", testPassword},
		"invalid UTF-8":    {KindOfficer, "\xff\xfe", "\xff"},
		"other audience":   {KindMerchant, "headman", testPassword},
	}
	for name, c := range wrong {
		t.Run(name, func(t *testing.T) {
			_, err := w.s.Login(ctx, c, origin)
			require.ErrorIs(t, err, ErrLogin)
			require.Equal(t, ErrLogin.Text, errs.From(err).Text(), "the same words for every reason")
			require.NotContains(t, err.Error(), testPassword)
		})
	}
	_, err := w.s.Login(ctx, Credentials{Kind: KindVillager, Login: "wx:abc", Password: ""}, origin)
	require.ErrorIs(t, err, ErrKind)
	require.Zero(t, w.count("SELECT COUNT(*) FROM sessions"))
}

// Every refused log-in computes one hash with the parameters of a real account's, whatever was wrong with it: how long the answer
// takes tells nothing about who has an account.
func TestUnknownAccountCostsAsMuch(t *testing.T) {
	w := newWorld(t).staff()
	_, err := w.s.DisableUser(ctx, system, w.headman.ID)
	require.NoError(t, err)
	compare := w.s.hasher.compare
	var computed []argon2id.Params
	w.s.hasher.compare = func(password, hash string) (bool, error) {
		params, salt, key, err := argon2id.DecodeHash(hash)
		require.NoError(t, err)
		require.Len(t, salt, int(argonParams.SaltLength))
		require.Len(t, key, int(argonParams.KeyLength))
		computed = append(computed, *params)
		return compare(password, hash)
	}
	long := strings.Repeat("长", maxPassword*utf8.UTFMax)
	for name, c := range map[string]Credentials{
		"wrong password": {KindOfficer, "mayor", "whatever1"}, "unknown": {KindOfficer, "nobody", "whatever1"}, "no such name": {KindOfficer, "没有这个人", "whatever1"},
		"another audience": {KindMerchant, "mayor", testPassword}, "disabled": {KindOfficer, "headman", "whatever1"}, "empty": {KindOfficer, "mayor", ""},
		"too long": {KindOfficer, "mayor", long}, "unknown and too long": {KindOfficer, "nobody", long},
	} {
		computed = nil
		_, err := w.s.Login(ctx, c, origin)
		require.ErrorIs(t, err, ErrLogin, name)
		require.Equal(t, []argon2id.Params{*argonParams}, computed, name)
	}
}

func TestDisabledIsSaidOnlyToWhoKnowsThePassword(t *testing.T) {
	w := newWorld(t).staff()
	_, err := w.s.DisableUser(ctx, system, w.headman.ID)
	require.NoError(t, err)
	_, err = w.s.Login(ctx, Credentials{KindOfficer, "headman", "wrong1234"}, origin)
	require.ErrorIs(t, err, ErrLogin)
	_, err = w.s.Login(ctx, Credentials{KindOfficer, "headman", testPassword}, origin)
	require.ErrorIs(t, err, ErrDisabled)
}

func TestThrottlePerAccount(t *testing.T) {
	w := newWorld(t).staff()
	w.s = w.service(Options{LoginPerAccount: 3, LoginPerAddress: 100})
	bad := Credentials{KindOfficer, "headman", "wrong1234"}
	good := Credentials{KindOfficer, "headman", testPassword}
	for i := range 3 {
		_, err := w.s.Login(ctx, bad, Origin{Address: fmt.Sprintf("10.0.0.%d", i)})
		require.ErrorIs(t, err, ErrLogin)
	}
	_, err := w.s.Login(ctx, good, origin)
	require.ErrorIs(t, err, ErrThrottled, "not even the right password, from anywhere, or the throttle tells which it is")
	wait := errs.From(err).RetryAfter
	require.Positive(t, wait)
	require.LessOrEqual(t, wait, AttemptWindow)
	_, err = w.elsewhere().Login(ctx, Credentials{KindOfficer, "mayor", testPassword}, origin)
	require.NoError(t, err, "other accounts go on")

	unknown := Credentials{KindOfficer, "nobody", "wrong1234"}
	for range 3 {
		_, err = w.s.Login(ctx, unknown, origin)
		require.ErrorIs(t, err, ErrLogin)
	}
	_, err = w.s.Login(ctx, unknown, origin)
	require.ErrorIs(t, err, ErrThrottled, "an unknown account is throttled alike")

	w.clock.Add(wait)
	_, err = w.s.Login(ctx, good, origin)
	require.NoError(t, err)
	_, err = w.s.Login(ctx, bad, origin)
	require.ErrorIs(t, err, ErrLogin)
	_, err = w.s.Login(ctx, good, origin)
	require.NoError(t, err)
	for range 3 {
		_, err = w.s.Login(ctx, bad, origin)
		require.ErrorIs(t, err, ErrLogin, "a log-in that succeeded starts the count afresh")
	}
	w.clock.Add(2 * AttemptWindow)
	n, err := w.s.Sweep(ctx)
	require.NoError(t, err)
	require.Positive(t, n)
	require.Zero(t, w.count("SELECT COUNT(*) FROM login_attempts"))
}

func TestThrottlePerAddress(t *testing.T) {
	w := newWorld(t).staff()
	w.s = w.service(Options{LoginPerAccount: 100, LoginPerAddress: 4})
	for i := range 3 {
		_, err := w.s.Login(ctx, Credentials{KindOfficer, fmt.Sprintf("guess%d", i), "wrong1234"}, Origin{Address: fmt.Sprintf("2001:db8::%d", i)})
		require.ErrorIs(t, err, ErrLogin)
	}
	for range 3 { // what succeeds does not count
		_, err := w.s.Login(ctx, Credentials{KindOfficer, "mayor", testPassword}, Origin{Address: "2001:db8::9"})
		require.NoError(t, err)
	}
	_, err := w.s.Login(ctx, Credentials{KindOfficer, "guess4", "wrong1234"}, Origin{Address: "2001:db8::ffff"})
	require.ErrorIs(t, err, ErrLogin)
	_, err = w.s.Login(ctx, Credentials{KindOfficer, "mayor", testPassword}, Origin{Address: "2001:db8::1"})
	require.ErrorIs(t, err, ErrThrottled, "one IPv6 customer is one address")
	_, err = w.s.Login(ctx, Credentials{KindOfficer, "mayor", testPassword}, Origin{Address: "2001:db8:0:1::1"})
	require.NoError(t, err)
}

func TestThrottleCountsGuessesMadeAtOnce(t *testing.T) {
	w := newWorld(t).staff()
	w.s = w.service(Options{LoginPerAccount: 5, LoginPerAddress: 1000})
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[*errs.Code]int{}
	for i := range 40 {
		wg.Go(func() {
			_, err := w.s.Login(ctx, Credentials{KindOfficer, "headman", fmt.Sprintf("guess-%d", i)}, origin)
			mu.Lock()
			defer mu.Unlock()
			got[errs.From(err).Code]++
		})
	}
	wg.Wait()
	require.Equal(t, map[*errs.Code]int{ErrLogin: 5, ErrThrottled: 35}, got)
}

func TestPasswordRules(t *testing.T) {
	for _, good := range []string{testPassword, "nongcun-2026", "我爱小渔溪村2026", "Tian8tian8", initialPassword(), "正确的马电池订书钉7"} {
		require.NoError(t, checkPassword(good, "wangxiuying"), good)
	}
	for _, bad := range []string{"", "short1", "12345678", "abcdefgh", "aaaaaaa1", "password123", "Admin123!", "wangxiuying1", "WangXiuYing88", "abc123456", "qwerty123",
		"line\nbreak12", "\xff\xfe\xfdabc12", string(make([]byte, 500)), "ａｂｃ１２３４５６"} {
		require.ErrorIs(t, checkPassword(bad, "wangxiuying"), ErrPassword, bad)
	}
	seen := map[string]bool{}
	for range 1000 {
		p := initialPassword()
		require.False(t, seen[p])
		seen[p] = true
		require.NoError(t, checkPassword(p, ""))
	}
}

func TestHashesAreArgon2idAndWaitTheirTurn(t *testing.T) {
	h := newHasher()
	hash, err := h.hash(ctx, testPassword)
	require.NoError(t, err)
	require.Contains(t, hash, "$argon2id$v=19$m=19456,t=2,p=1$")
	require.LessOrEqual(t, len(hash), 160)
	ok, err := h.matches(ctx, "ｘiaoyuxi２０２６", hash)
	require.NoError(t, err)
	require.True(t, ok, "full-width characters are the same password")
	ok, err = h.matches(ctx, testPassword, "")
	require.NoError(t, err)
	require.False(t, ok)

	require.NoError(t, h.enter(ctx))
	require.NoError(t, h.enter(ctx))
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err = h.hash(gone, testPassword)
	require.Error(t, err, "the third waits until its client has gone")
}

func TestChangePassword(t *testing.T) {
	w := newWorld(t).staff()
	w.s = w.service(Options{LoginPerAccount: 3})
	here, there := w.login(w.headman), w.login(w.headman)
	a := w.actor(here)
	require.ErrorIs(t, w.s.ChangePassword(ctx, a, "wrong1234", "xinmima2027"), ErrWrongPassword)
	require.ErrorIs(t, w.s.ChangePassword(ctx, a, testPassword, "12345678"), ErrPassword)
	require.ErrorIs(t, w.s.ChangePassword(ctx, a, testPassword, testPassword), ErrPassword)
	require.NoError(t, w.s.ChangePassword(ctx, a, testPassword, "xinmima2027"))
	w.actor(here)
	_, err := w.s.Authenticate(ctx, there.Access, "", "")
	require.ErrorIs(t, err, ErrSession, "the other sessions have ended")
	_, err = w.s.Login(ctx, Credentials{KindOfficer, "headman", testPassword}, origin)
	require.ErrorIs(t, err, ErrLogin)
	_, err = w.s.Login(ctx, Credentials{KindOfficer, "headman", "xinmima2027"}, origin)
	require.NoError(t, err)
	for range 3 {
		require.ErrorIs(t, w.s.ChangePassword(ctx, a, "wrong1234", "laimima2028"), ErrWrongPassword)
	}
	require.ErrorIs(t, w.s.ChangePassword(ctx, a, "xinmima2027", "laimima2028"), ErrThrottled)
	require.Len(t, w.log("auth.password"), 1)
}

func TestSessionsAndLogout(t *testing.T) {
	w := newWorld(t).staff()
	first, second := w.login(w.headman), w.login(w.headman)
	stranger := w.login(w.mayor)
	a := w.actor(second)
	list, err := w.s.Sessions(ctx, a)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, second.Session, list[0].ID)
	require.True(t, list[0].Current)
	require.Equal(t, "浏览器", list[0].Device)
	require.False(t, list[1].Current)

	require.ErrorIs(t, w.s.RevokeSession(ctx, a, stranger.Session), errs.ErrNotFound)
	require.ErrorIs(t, w.s.RevokeSession(ctx, a, id.New()), errs.ErrNotFound)
	require.NoError(t, w.s.RevokeSession(ctx, a, first.Session))
	_, err = w.s.Authenticate(ctx, first.Access, "", "")
	require.ErrorIs(t, err, ErrSession)
	require.NoError(t, w.s.Logout(ctx, a))
	_, err = w.s.Authenticate(ctx, second.Access, "", "")
	require.ErrorIs(t, err, ErrSession)
	_, err = w.s.Refresh(ctx, second.Refresh, origin)
	require.ErrorIs(t, err, ErrSession)
	w.actor(stranger)
	require.Len(t, w.log("auth.logout"), 2)
}

func TestEnsureAdmin(t *testing.T) {
	w := newWorld(t)
	_, err := w.s.EnsureAdmin(ctx, "root", "12345678")
	require.ErrorIs(t, err, ErrPassword)
	created, err := w.s.EnsureAdmin(ctx, "root", "di-yi-ge-1")
	require.NoError(t, err)
	require.True(t, created)
	tokens, err := w.s.Login(ctx, Credentials{KindOfficer, "root", "di-yi-ge-1"}, origin)
	require.NoError(t, err)
	require.NoError(t, w.actor(tokens).InRegion(JobsRun, w.far))

	w.exec("DELETE FROM user_roles")
	w.exec("UPDATE users SET disabled_at = 1")
	created, err = w.s.EnsureAdmin(ctx, "root", "di-er-ge-2")
	require.NoError(t, err)
	require.False(t, created)
	_, err = w.s.Authenticate(ctx, tokens.Access, "", "")
	require.ErrorIs(t, err, ErrSession)
	tokens, err = w.s.Login(ctx, Credentials{KindOfficer, "root", "di-er-ge-2"}, origin)
	require.NoError(t, err)
	require.NoError(t, w.actor(tokens).InRegion(UserWrite, w.far))
	require.Len(t, w.log("user.admin"), 2)
}

// A user disabled while the password was being compared gets no session.
func TestLoginLosesAgainstDisabling(t *testing.T) {
	w := newWorld(t).staff()
	var proved userRow
	w.tx(func(tx db.Tx) (err error) {
		proved, _, err = userByLogin(tx, KindOfficer, "headman", "")
		return err
	})
	_, err := w.s.DisableUser(ctx, system, w.headman.ID)
	require.NoError(t, err)
	_, err = w.s.begin(ctx, proved, nil, origin, "登录")
	require.ErrorIs(t, err, ErrDisabled)
	_, err = w.s.EnableUser(ctx, system, w.headman.ID)
	require.NoError(t, err)
	_, err = w.s.ResetPassword(ctx, system, w.headman.ID, "")
	require.NoError(t, err)
	_, err = w.s.begin(ctx, proved, nil, origin, "登录")
	require.True(t, errors.Is(err, ErrLogin))
	require.Zero(t, w.count("SELECT COUNT(*) FROM sessions"))
}
