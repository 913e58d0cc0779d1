package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/testkit"
)

func TestWeChatVillager(t *testing.T) {
	w := newWorld(t).staff()
	first, err := w.s.LoginWeChat(ctx, "oABC_def-123", origin)
	require.NoError(t, err)
	require.Equal(t, KindVillager, first.Kind)
	again, err := w.s.LoginWeChat(ctx, "oABC_def-123", origin)
	require.NoError(t, err)
	require.Equal(t, first.User, again.User)
	other, err := w.s.LoginWeChat(ctx, "oabc_def-123", origin)
	require.NoError(t, err)
	require.NotEqual(t, first.User, other.User, "openids differ by case")
	for _, bad := range []string{"", "short", strings.Repeat("x", 61), "o ABCdef123", "汉字汉字汉字", "' OR 1=1"} {
		_, err := w.s.LoginWeChat(ctx, bad, origin)
		require.ErrorIs(t, err, ErrLogin)
	}

	a := w.actor(first)
	require.Empty(t, a.Households)
	require.ErrorIs(t, a.OwnHousehold(HouseholdRead, w.household), errs.ErrNotFound)
	require.ErrorIs(t, a.InRegion(BoardRead, w.village), errs.ErrNotFound)

	require.ErrorIs(t, w.bind(w.s, a, id.New(), 0), errs.ErrNotFound)
	require.ErrorIs(t, w.bind(w.s, a, w.household2, w.villager), errs.ErrNotFound, "the person lives in another household")
	require.NoError(t, w.bind(w.s, a, w.household, w.villager))
	require.NoError(t, w.bind(w.s, a, w.household, w.villager), "once more does no harm")
	a = w.actor(first)
	require.Equal(t, []id.ID{w.household}, a.Households)
	require.Equal(t, "李大山", a.Name)
	require.NoError(t, a.OwnHousehold(HouseholdSpend, w.household))
	require.ErrorIs(t, a.OwnHousehold(HouseholdSpend, w.household2), errs.ErrNotFound)
	require.NoError(t, a.InRegion(BoardRead, w.village))
	require.NoError(t, a.InRegion(BoardRead, w.group))
	require.ErrorIs(t, a.InRegion(BoardRead, w.neighbour), errs.ErrNotFound)
	require.ErrorIs(t, a.InRegion(AwardRead, w.village), errs.ErrForbidden)

	require.NoError(t, w.bind(w.s, a, w.farHousehold, 0))
	a = w.actor(first)
	require.NoError(t, a.InRegion(BoardRead, w.village))
	require.NoError(t, a.InRegion(BoardRead, w.far))
	bindings, err := w.s.BoundHouseholds(ctx, a)
	require.NoError(t, err)
	require.Len(t, bindings, 2)
	require.Equal(t, w.household, bindings[0].Household)
	require.Equal(t, w.villager, bindings[0].Villager)

	for range maxBindings - 2 {
		require.NoError(t, w.bind(w.s, a, w.house(w.village), 0))
	}
	require.ErrorIs(t, w.bind(w.s, a, w.household2, 0), ErrBindLimit)

	require.ErrorIs(t, w.s.Unbind(ctx, a, w.household2), errs.ErrNotFound)
	require.NoError(t, w.s.Unbind(ctx, a, w.household))
	b, err := w.elsewhere().Authenticate(ctx, first.Access, "", "")
	require.NoError(t, err)
	require.ErrorIs(t, b.OwnHousehold(HouseholdSpend, w.household), errs.ErrNotFound, "gone at once, in every process")
	require.ErrorIs(t, w.s.Unbind(ctx, a, w.household), errs.ErrNotFound)
	require.Len(t, w.log("household.bind"), maxBindings)
	require.Equal(t, w.village, w.log("household.unbind")[0].Village)

	require.ErrorIs(t, w.bind(w.s, w.as(w.headman), w.household, 0), errs.ErrForbidden)
	require.ErrorIs(t, w.s.ChangePassword(ctx, a, "", testPassword), ErrKind)
}

func TestFirstVisitsAtOnceAreOneUser(t *testing.T) {
	w := newWorld(t)
	services := []*Service{w.s, w.elsewhere()}
	users := make([]id.ID, 16)
	var wg sync.WaitGroup
	for i := range users {
		wg.Go(func() {
			tokens, err := services[i%2].LoginWeChat(ctx, "oSamePerson", origin)
			if err != nil {
				t.Errorf("log-in %d: %v", i, err)
			}
			users[i] = tokens.User
		})
	}
	wg.Wait()
	for _, u := range users {
		require.Equal(t, users[0], u)
	}
	require.Equal(t, 1, w.count("SELECT COUNT(*) FROM users"))
}

func TestCardVillager(t *testing.T) {
	w := newWorld(t).staff()
	first, err := w.card(w.household)
	require.NoError(t, err)
	require.Equal(t, "李大山", first.Name)
	again, err := w.card(w.household)
	require.NoError(t, err)
	require.Equal(t, first.User, again.User)
	require.Equal(t, []id.ID{w.household}, w.actor(again).Households)
	_, err = w.card(id.New())
	require.ErrorIs(t, err, errs.ErrNotFound)
	require.Equal(t, w.village, w.log("auth.login")[0].Village)

	wx, err := w.s.LoginWeChat(ctx, "oNeighbour1", origin)
	require.NoError(t, err)
	require.NoError(t, w.bind(w.s, w.actor(wx), w.household, w.villager))
	headman := w.as(w.headman)
	bound, err := w.s.BoundUsers(ctx, headman, w.household)
	require.NoError(t, err)
	require.Len(t, bound, 2)
	require.True(t, bound[0].Card)
	require.Equal(t, BoundUser{User: wx.User, Name: "李大山", Villager: w.villager, BoundAt: bound[1].BoundAt}, bound[1])
	_, err = w.s.BoundUsers(ctx, headman, w.farHousehold)
	require.ErrorIs(t, err, errs.ErrNotFound)
	require.ErrorIs(t, w.s.RemoveBinding(ctx, w.as(w.otherMayor), w.household, wx.User), errs.ErrNotFound)
	require.ErrorIs(t, w.s.RemoveBinding(ctx, w.as(w.supervisor), w.household, wx.User), errs.ErrForbidden)
	require.ErrorIs(t, w.s.RemoveBinding(ctx, w.actor(first), w.household, wx.User), errs.ErrForbidden)
	require.NoError(t, w.s.RemoveBinding(ctx, headman, w.household, wx.User))
	require.Empty(t, w.actor(wx).Households)

	_, err = w.s.DisableUser(ctx, w.as(w.admin), first.User)
	require.NoError(t, err)
	_, err = w.card(w.household)
	require.ErrorIs(t, err, ErrDisabled)
}

func TestBindingsAreThrottledInEveryProcess(t *testing.T) {
	w := newWorld(t)
	options := Options{LoginPerAccount: 4, LoginPerAddress: 6}
	services := []*Service{w.service(options), w.serviceOn(testkit.Reopen(t, w.dsn, w.clock), options)}
	wrong := errors.New("nobody of that name")
	var guesser, other Actor
	for i, a := range []*Actor{&guesser, &other} {
		tokens, err := services[0].LoginWeChat(ctx, fmt.Sprintf("oGuesser%d", i), origin)
		require.NoError(t, err)
		*a = w.actor(tokens)
		a.Address = fmt.Sprintf("10.0.0.%d", i)
	}
	guess := func(i int, a Actor) error {
		return services[i%2].Bind(ctx, a, func(db.Tx) (id.ID, id.ID, error) { return 0, 0, wrong })
	}
	for i := range 4 {
		// Whoever belongs to one household could start afresh with it, if a success forgave the failures before.
		require.NoError(t, w.bind(services[i%2], guesser, w.household, 0))
		require.ErrorIs(t, guess(i, guesser), wrong)
	}
	err := guess(1, guesser)
	require.ErrorIs(t, err, ErrBindOften)
	require.Positive(t, errs.From(err).RetryAfter)
	require.ErrorIs(t, w.bind(services[0], guesser, w.household2, 0), ErrBindOften, "not even the right name")
	other.Address = guesser.Address
	require.ErrorIs(t, guess(0, other), wrong)
	require.ErrorIs(t, guess(1, other), wrong)
	require.ErrorIs(t, guess(1, other), ErrBindOften, "many log-ins of one address")
	other.Address = "10.0.0.9"
	require.NoError(t, w.bind(services[1], other, w.household2, 0))
	w.clock.Add(AttemptWindow)
	require.NoError(t, w.bind(services[0], guesser, w.household2, 0))
}

func TestCardLoginsAreThrottled(t *testing.T) {
	w := newWorld(t)
	w.s = w.service(Options{LoginPerAccount: 3, LoginPerAddress: 5})
	wrong := errors.New("wrong PIN")
	tried := 0
	try := func(card, address string, answer error) error {
		_, err := w.s.LoginCard(ctx, card, Origin{Address: address, RequestID: "req-2"}, func(_ context.Context, a Actor) (id.ID, error) {
			tried++
			require.Equal(t, Actor{Kind: KindVillager, Name: "户卡登录", Address: address, RequestID: "req-2"}, a)
			return w.household, answer
		})
		return err
	}
	for range 3 {
		require.ErrorIs(t, try("A", "10.0.0.1", wrong), wrong)
	}
	require.ErrorIs(t, try(" a ", "10.0.0.2", nil), ErrThrottled, "one card, from anywhere and however it is written")
	for _, card := range []string{"B", "C"} {
		require.NoError(t, try(card, "10.0.0.1", nil), "what succeeds does not count")
		require.ErrorIs(t, try(card, "10.0.0.1", wrong), wrong)
	}
	require.ErrorIs(t, try("D", "10.0.0.1", nil), ErrThrottled, "one address, whatever card")
	require.NoError(t, try("D", "10.0.0.2", nil))
	require.Equal(t, 8, tried, "who is throttled tries no PIN")
	w.clock.Add(AttemptWindow)
	require.NoError(t, try("A", "10.0.0.1", nil))
}

func TestDemoLoginOnlyInADemo(t *testing.T) {
	w := newWorld(t).staff()
	picks := []DemoPick{{Household: w.household}, {Kind: KindOfficer, Login: "headman"}, {Kind: KindMerchant, Login: "clerk"}}
	for _, p := range picks {
		_, err := w.s.DemoLogin(ctx, p, origin)
		require.ErrorIs(t, err, errs.ErrNotFound)
	}
	require.Zero(t, w.count("SELECT COUNT(*) FROM sessions"))
	w.s = w.service(Options{Demo: true})
	for _, p := range picks {
		tokens, err := w.s.DemoLogin(ctx, p, origin)
		require.NoError(t, err)
		require.True(t, w.actor(tokens).Can(MerchantRead))
	}
	_, err := w.s.DemoLogin(ctx, DemoPick{Kind: KindMerchant, Login: "headman"}, origin)
	require.ErrorIs(t, err, errs.ErrNotFound)
}

func TestAuditNamesNoSecrets(t *testing.T) {
	w := newWorld(t).staff()
	tokens := w.login(w.headman)
	_, err := w.s.Refresh(ctx, tokens.Refresh, origin)
	require.NoError(t, err)
	_, err = w.s.LoginWeChat(ctx, "oSecretOpenID", origin)
	require.NoError(t, err)
	for _, column := range []string{"actor_name", "action", "target", "summary", "request_id", "address"} {
		for _, secret := range []string{testPassword, tokens.Refresh, "oSecretOpenID"} {
			require.Zero(t, w.count("SELECT COUNT(*) FROM audit_log WHERE "+column+" LIKE ?", "%"+secret+"%"))
		}
	}
	require.NoError(t, w.db.Read(ctx, func(tx db.Tx) error {
		var stored []string
		require.NoError(t, tx.Raw("SELECT password_hash FROM users WHERE kind <> 3").Scan(&stored).Error)
		for _, h := range stored {
			require.True(t, strings.HasPrefix(h, "$argon2id$"))
		}
		return nil
	}))
}
