package auth

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/stamp"
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

// Rights that are remembered are those of the last look; whatever takes from them or adds to them makes them stale, in every process.
func TestRememberedRightsAreStaleOnceAnythingChanges(t *testing.T) {
	w := newWorld(t).staff()
	other := w.elsewhere()
	counts := func() (out map[string]int64) {
		w.tx(func(tx db.Tx) (err error) {
			out, err = stamp.ReadAll(tx, stamp.Access, stamp.Regions)
			return err
		})
		return out
	}
	tokens, second := w.login(w.headman), w.login(w.headman)
	_, ok := other.Remember(tokens.Access, "", "")
	require.False(t, ok, "nothing is known yet")
	for what, change := range map[string]func() error{
		"renamed":      func() error { _, err := w.s.RenameUser(ctx, system, w.headman.ID, "新名"); return err },
		"roles":        func() error { _, err := w.s.SetRoles(ctx, system, w.headman.ID, w.headman.Roles); return err },
		"session over": func() error { return w.s.Logout(ctx, w.actor(second)) },
		"founded":      func() error { w.region(3, w.county, w.town, 0); return nil },
	} {
		strict, err := other.Authenticate(ctx, tokens.Access, "10.9.9.9", "req-9")
		require.NoError(t, err, what)
		require.False(t, strict.Stale(counts()))
		a, ok := other.Remember(tokens.Access, "10.9.9.9", "req-9")
		require.True(t, ok, what)
		require.False(t, a.Stale(counts()), what)
		require.Equal(t, strict.Grants, a.Grants)
		require.Equal(t, []any{strict.UserID, strict.SessionID, strict.Kind, strict.Name, "10.9.9.9", "req-9"},
			[]any{a.UserID, a.SessionID, a.Kind, a.Name, a.Address, a.RequestID})
		require.NoError(t, change(), what)
		require.True(t, a.Stale(counts()), what)
	}
	_, err := w.s.DisableUser(ctx, system, w.headman.ID)
	require.NoError(t, err)
	a, ok := other.Remember(tokens.Access, "", "")
	require.True(t, !ok || a.Stale(counts()))
	_, err = other.Authenticate(ctx, tokens.Access, "", "")
	require.ErrorIs(t, err, ErrSession)
	_, ok = other.Remember(tokens.Access, "", "")
	require.False(t, ok, "what is known now is that it is over")
}

// Villagers are not remembered, and neither is anybody with a token that is not good, or an initial password.
func TestWhoIsNotRemembered(t *testing.T) {
	w := newWorld(t).staff()
	tokens := w.login(w.clerk)
	_, err := w.s.Authenticate(ctx, tokens.Access, "", "")
	require.NoError(t, err)
	_, ok := w.s.Remember(tokens.Access, "", "")
	require.True(t, ok)
	_, ok = w.s.Remember(tokens.Access+"x", "", "")
	require.False(t, ok)
	w.clock.Add(20 * time.Minute) // the token's end
	_, ok = w.s.Remember(tokens.Access, "", "")
	require.False(t, ok)
	_, password, err := w.s.CreateUser(ctx, w.as(w.mayor), NewUser{Kind: KindOfficer, Login: "newcomer", Name: "新人", Roles: []Assignment{{Role: RoleVillage, Region: w.village}}})
	require.NoError(t, err)
	tokens, err = w.s.Login(ctx, Credentials{KindOfficer, "newcomer", password}, origin)
	require.NoError(t, err)
	_, err = w.s.Authenticate(ctx, tokens.Access, "", "")
	require.NoError(t, err)
	_, ok = w.s.Remember(tokens.Access, "", "")
	require.False(t, ok)
}

// A session that is kept and was made longer meanwhile, which nobody counts, does not end when it would have.
func TestAKeptSessionThatWasRefreshedGoesOn(t *testing.T) {
	w := newWorld(t).staff()
	tokens := w.login(w.headman)
	_, err := w.s.Authenticate(ctx, tokens.Access, "", "")
	require.NoError(t, err)
	w.clock.Add(29 * 24 * time.Hour)
	tokens, err = w.s.Refresh(ctx, tokens.Refresh, origin)
	require.NoError(t, err)
	w.clock.Add(2 * 24 * time.Hour)
	tokens, err = w.s.Refresh(ctx, tokens.Refresh, origin)
	require.NoError(t, err)
	_, err = w.s.Authenticate(ctx, tokens.Access, "", "")
	require.NoError(t, err)
}
