package award_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/award"
)

// Whose rights may have changed since they were read books nothing and is told nothing; those in the same transaction are not touched.
func TestStaleRightsBookNothing(t *testing.T) {
	p := setup(t)
	au, err := auth.New(p.d, auth.Options{Secret: strings.Repeat("s", 40), AccessTTL: time.Hour, RefreshTTL: time.Hour})
	require.NoError(t, err)
	t.Cleanup(au.Close)
	_, password, err := au.CreateUser(ctx, system, auth.NewUser{Kind: auth.KindOfficer, Login: "officer", Name: "干部", Roles: []auth.Assignment{{Role: auth.RoleVillage, Region: p.village}}})
	require.NoError(t, err)
	login := func(password string) auth.Tokens {
		tokens, err := au.Login(ctx, auth.Credentials{Kind: auth.KindOfficer, Login: "officer", Password: password}, auth.Origin{})
		require.NoError(t, err)
		return tokens
	}
	first, err := au.Authenticate(ctx, login(password).Access, "", "")
	require.NoError(t, err)
	require.NoError(t, au.ChangePassword(ctx, first, password, "wo-de-mima-9"))
	tokens := login("wo-de-mima-9")
	_, err = au.Authenticate(ctx, tokens.Access, "", "")
	require.NoError(t, err)
	officer, ok := au.Remember(tokens.Access, "", "")
	require.True(t, ok)

	order := func(k string) award.Order {
		return award.Order{Idempotency: key(k), Village: p.village, Grants: []award.Grant{{Rule: p.rules["A1"], Household: p.houses[0].ID}}}
	}
	_, err = p.Grant(ctx, officer, order("first"))
	require.NoError(t, err)
	_, err = au.DisableUser(ctx, system, officer.UserID)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if i%2 == 0 {
				_, err := p.Grant(ctx, officer, order("first")) // a repetition is not answered either
				require.ErrorIs(t, err, auth.ErrStale)
				return
			}
			_, err := p.Grant(ctx, system, award.Order{Village: p.village, Grants: []award.Grant{{Rule: p.rules["A1"], Household: p.houses[1].ID}}})
			require.NoError(t, err)
		})
	}
	wg.Wait()
	large := order("large")
	for range 30 {
		large.Grants = append(large.Grants, large.Grants[0])
	}
	_, err = p.Grant(ctx, officer, large)
	require.ErrorIs(t, err, auth.ErrStale)
	require.Equal(t, whole(10), p.balance(t, 0))
	require.Equal(t, whole(100), p.balance(t, 1))
	p.clean(t)
}
