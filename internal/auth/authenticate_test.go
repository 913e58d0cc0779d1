package auth

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/errs"
	"jishan/internal/id"
)

func TestRegionsReached(t *testing.T) {
	w := newWorld(t).staff()
	county := w.as(w.user(KindOfficer, "county", Assignment{Role: RoleTownship, Region: w.county}))
	mayor, headman := w.as(w.mayor), w.as(w.headman)
	two := w.as(w.user(KindOfficer, "two", Assignment{Role: RoleVillage, Region: w.village}, Assignment{Role: RoleSupervisor, Region: w.far}))
	reaches := func(a Actor, p Permission, regions ...id.ID) {
		t.Helper()
		want := map[id.ID]bool{}
		for _, r := range regions {
			want[r] = true
		}
		for _, r := range []id.ID{w.county, w.town, w.otherTown, w.village, w.neighbour, w.far, w.group} {
			if want[r] {
				require.NoError(t, a.InRegion(p, r))
			} else {
				require.ErrorIs(t, a.InRegion(p, r), errs.ErrNotFound)
			}
		}
		got, all := a.Reach(p)
		require.False(t, all)
		require.ElementsMatch(t, regions, got)
	}
	reaches(county, SettingsWrite, w.county, w.town, w.otherTown, w.village, w.neighbour, w.far, w.group)
	reaches(mayor, SettingsWrite, w.town, w.village, w.neighbour, w.group)
	reaches(headman, AwardWrite, w.village, w.group)
	reaches(two, AwardWrite, w.village, w.group)
	reaches(two, AwardRead, w.village, w.group, w.far)
	admin := w.as(w.admin)
	require.NoError(t, admin.InRegion(JobsRun, w.far))
	_, all := admin.Reach(AwardRead)
	require.True(t, all)

	secretary := w.as(w.user(KindOfficer, "secretary", Assignment{Role: RoleSecretary, Region: w.village, Branch: w.branch}))
	require.NoError(t, secretary.InBranch(PartyWrite, w.village, w.branch))
	require.ErrorIs(t, secretary.InBranch(PartyWrite, w.neighbour, w.otherBranch), errs.ErrNotFound)

	clerk := w.as(w.clerk)
	require.Equal(t, w.shop, clerk.Merchant())
	require.NoError(t, clerk.OwnMerchant(RedeemCounter, w.shop))
	require.ErrorIs(t, clerk.OwnMerchant(RedeemCounter, w.otherShop), errs.ErrNotFound)
	require.ErrorIs(t, clerk.InRegion(MerchantRead, w.town), errs.ErrNotFound)
}

func TestVillageFoundedIsReachedByTheNextRequest(t *testing.T) {
	w := newWorld(t).staff()
	tokens, other := w.login(w.mayor), w.elsewhere()
	_, err := other.Authenticate(ctx, tokens.Access, "", "")
	require.NoError(t, err)
	founded := w.region(3, w.county, w.town, 0)
	require.NoError(t, w.actor(tokens).InRegion(AwardWrite, founded))
	a, err := other.Authenticate(ctx, tokens.Access, "", "")
	require.NoError(t, err)
	require.NoError(t, a.InRegion(AwardWrite, founded))
}

// What one process changes, another one heeds with the very next request.
func TestRevocationIsInstantEverywhere(t *testing.T) {
	w := newWorld(t).staff()
	other := w.elsewhere()
	ask := func(tokens Tokens) (Actor, error) { return other.Authenticate(ctx, tokens.Access, "10.9.9.9", "req-9") }

	tokens := w.login(w.headman)
	a, err := ask(tokens)
	require.NoError(t, err)
	require.Equal(t, "10.9.9.9", a.Address)
	require.Equal(t, "req-9", a.RequestID)
	require.NoError(t, a.InRegion(AwardWrite, w.village))

	_, err = w.s.SetRoles(ctx, system, w.headman.ID, []Assignment{{Role: RoleSupervisor, Region: w.neighbour}})
	require.NoError(t, err)
	a, err = ask(tokens)
	require.NoError(t, err)
	require.ErrorIs(t, a.InRegion(AwardWrite, w.village), errs.ErrForbidden)
	require.ErrorIs(t, a.InRegion(AwardRead, w.village), errs.ErrNotFound)
	require.NoError(t, a.InRegion(AwardRead, w.neighbour))

	_, err = w.s.DisableUser(ctx, system, w.headman.ID)
	require.NoError(t, err)
	_, err = ask(tokens)
	require.ErrorIs(t, err, ErrSession)
	_, err = other.Refresh(ctx, tokens.Refresh, origin)
	require.ErrorIs(t, err, ErrSession)

	_, err = w.s.EnableUser(ctx, system, w.headman.ID)
	require.NoError(t, err)
	_, err = ask(tokens)
	require.ErrorIs(t, err, ErrSession, "sessions that ended stay ended")

	tokens = w.login(w.headman)
	w.exec("UPDATE users SET disabled_at = 1 WHERE id = ?", w.headman.ID)
	_, err = ask(tokens)
	require.ErrorIs(t, err, ErrDisabled)

	tokens = w.login(w.mayor)
	require.NoError(t, w.s.Logout(ctx, w.actor(tokens)))
	_, err = ask(tokens)
	require.ErrorIs(t, err, ErrSession)
}

func TestInitialPasswordMustBeChanged(t *testing.T) {
	w := newWorld(t).staff()
	u, password, err := w.s.CreateUser(ctx, w.as(w.mayor), NewUser{Kind: KindOfficer, Login: "newcomer", Name: "新人",
		Roles: []Assignment{{Role: RoleVillage, Region: w.village}}})
	require.NoError(t, err)
	tokens, err := w.s.Login(ctx, Credentials{KindOfficer, "newcomer", password}, origin)
	require.NoError(t, err)
	require.True(t, tokens.MustChange)
	a := w.actor(tokens)
	require.ErrorIs(t, a.InRegion(AwardWrite, w.village), ErrMustChange)
	require.ErrorIs(t, a.Check(AwardRead), ErrMustChange)
	require.NoError(t, a.Check(Self))
	me, err := w.s.Me(ctx, a)
	require.NoError(t, err)
	require.Empty(t, me.Permissions)
	require.NoError(t, w.s.ChangePassword(ctx, a, password, "wo-de-mima-9"))
	a = w.actor(tokens)
	require.NoError(t, a.InRegion(AwardWrite, w.village))
	me, err = w.s.Me(ctx, a)
	require.NoError(t, err)
	require.Equal(t, u.ID, me.ID)
	require.False(t, me.MustChange)
	require.Contains(t, me.Permissions, AwardWrite)
	require.Equal(t, []Assignment{{Role: RoleVillage, Region: w.village}}, me.Roles)
}

func TestRoleSystemInTheDatabaseGivesNothing(t *testing.T) {
	w := newWorld(t).staff()
	a := w.as(w.user(KindOfficer, "sly", Assignment{Role: RoleSystem}, Assignment{Role: "god"}))
	require.False(t, a.Can(JobsRun))
	require.False(t, a.Can(RegionRead))
}

// Requests of everybody at once, while roles and sessions change: nobody is mistaken for somebody else.
func TestAuthenticateAtOnce(t *testing.T) {
	w := newWorld(t).staff()
	users := []User{w.admin, w.mayor, w.headman, w.supervisor, w.owner, w.clerk}
	tokens := make([]Tokens, len(users))
	for i, u := range users {
		tokens[i] = w.login(u)
	}
	villager, err := w.card(w.household)
	require.NoError(t, err)
	tokens = append(tokens, villager)
	passing := w.login(w.otherMayor)

	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() {
			for i := range 20 {
				k := tokens[(n+i)%len(tokens)]
				a, err := w.s.Authenticate(ctx, k.Access, "", "")
				if err != nil || a.UserID != k.User || a.SessionID != k.Session || a.Kind != k.Kind || len(a.Grants) != 1 {
					t.Errorf("asked for %v, got %v, %v", k.User, a, err)
				}
				if k.User == w.headman.ID && a.InRegion(AwardRead, w.group) != nil {
					t.Error("the headman has lost a group")
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 10 {
			role := []Role{RoleVillage, RoleSupervisor}[i%2]
			if _, err := w.s.SetRoles(ctx, system, w.headman.ID, []Assignment{{Role: role, Region: w.village}}); err != nil {
				t.Errorf("changing roles: %v", err)
			}
		}
	})
	wg.Go(func() {
		if err := w.s.Logout(ctx, Actor{UserID: passing.User, SessionID: passing.Session}); err != nil {
			t.Errorf("logging out: %v", err)
		}
		if _, err := w.s.Authenticate(ctx, passing.Access, "", ""); err == nil {
			t.Error("still in after logging out")
		}
	})
	wg.Wait()
}

func BenchmarkAuthenticate(b *testing.B) {
	w := newWorld(b).staff()
	tokens := w.login(w.headman)
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := w.s.Authenticate(ctx, tokens.Access, "", ""); err != nil {
				b.Fatal(err)
			}
		}
	})
}
