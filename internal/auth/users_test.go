package auth

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/errs"
	"jishan/internal/id"
)

// Who may give which role where, and what the answer is otherwise. Everything that is not listed is refused.
func TestWhoMayGiveWhichRole(t *testing.T) {
	w := newWorld(t).staff()
	type place struct {
		name string
		kind Kind
		role Assignment
	}
	places := []place{
		{"admin", KindOfficer, Assignment{Role: RoleAdmin}},
		{"township county", KindOfficer, Assignment{Role: RoleTownship, Region: w.county}},
		{"township town", KindOfficer, Assignment{Role: RoleTownship, Region: w.town}},
		{"township other", KindOfficer, Assignment{Role: RoleTownship, Region: w.otherTown}},
		{"village own", KindOfficer, Assignment{Role: RoleVillage, Region: w.village}},
		{"village neighbour", KindOfficer, Assignment{Role: RoleVillage, Region: w.neighbour}},
		{"village far", KindOfficer, Assignment{Role: RoleVillage, Region: w.far}},
		{"secretary", KindOfficer, Assignment{Role: RoleSecretary, Region: w.village, Branch: w.branch}},
		{"supervisor", KindOfficer, Assignment{Role: RoleSupervisor, Region: w.town}},
		{"owner", KindMerchant, Assignment{Role: RoleOwner, Merchant: w.shop}},
		{"owner other", KindMerchant, Assignment{Role: RoleOwner, Merchant: w.otherShop}},
		{"owner county", KindMerchant, Assignment{Role: RoleOwner, Merchant: w.supermarket}},
		{"clerk", KindMerchant, Assignment{Role: RoleClerk, Merchant: w.shop}},
		{"clerk other", KindMerchant, Assignment{Role: RoleClerk, Merchant: w.otherShop}},
	}
	all := func() (names []string) {
		for _, p := range places {
			names = append(names, p.name)
		}
		return names
	}()
	may := map[string][]string{
		"root":       all,
		"mayor":      {"township town", "village own", "village neighbour", "secretary", "supervisor", "owner", "clerk"},
		"othermayor": {"township other", "village far", "owner other", "clerk other"},
		"headman":    nil,
		"supervisor": nil,
		"owner":      {"clerk"},
		"otherowner": {"clerk other"},
		"clerk":      nil,
	}
	actors := map[string]Actor{"villager": villagerOf(w, w.household)}
	for _, u := range []User{w.admin, w.mayor, w.otherMayor, w.headman, w.supervisor, w.owner, w.otherOwner, w.clerk} {
		actors[u.Login] = w.as(u)
	}
	for name, actor := range actors {
		for i, p := range places {
			allowed := false
			for _, m := range may[name] {
				allowed = allowed || m == p.name
			}
			// The user exists and is changed: no hashing is needed to find out.
			target := w.user(p.kind, fmt.Sprintf("t%d-%s", i, name), p.role)
			_, err := w.s.SetRoles(ctx, actor, target.ID, []Assignment{p.role})
			if allowed {
				require.NoError(t, err, "%s gives %s", name, p.name)
				_, err = w.s.RenameUser(ctx, actor, target.ID, "改名")
				require.NoError(t, err)
				_, err = w.s.DisableUser(ctx, actor, target.ID)
				require.NoError(t, err)
				continue
			}
			require.Error(t, err, "%s gives %s", name, p.name)
			code := errs.From(err).Code
			require.Contains(t, []*errs.Code{errs.ErrForbidden, errs.ErrNotFound, ErrBeyondReach}, code, "%s gives %s: %v", name, p.name, err)
			for _, refused := range []error{
				errOf(w.s.RenameUser(ctx, actor, target.ID, "改名")), errOf(w.s.DisableUser(ctx, actor, target.ID)), errOf(w.s.EnableUser(ctx, actor, target.ID)),
			} {
				require.Equal(t, code, errs.From(refused).Code)
			}
		}
	}
	require.NotZero(t, w.count("SELECT COUNT(*) FROM users WHERE name = '改名' AND disabled_at <> 0"))
	for name := range actors {
		n := 0
		for i := range places {
			n += w.count("SELECT COUNT(*) FROM users WHERE login = ? AND name = '改名'", fmt.Sprintf("t%d-%s", i, name))
		}
		require.Equal(t, len(may[name]), n, name)
	}
}

func errOf(_ User, err error) error { return err }

func villagerOf(w *world, household id.ID) Actor {
	tokens, err := w.card(household)
	require.NoError(w.t, err)
	return w.actor(tokens)
}

func TestNobodyRaisesAnybody(t *testing.T) {
	w := newWorld(t).staff()
	mayor := w.as(w.mayor)
	for _, role := range []Assignment{{Role: RoleAdmin}, {Role: RoleTownship, Region: w.county}, {Role: RoleVillage, Region: w.far}, {Role: RoleSystem}} {
		_, err := w.s.SetRoles(ctx, mayor, w.headman.ID, []Assignment{{Role: RoleVillage, Region: w.village}, role})
		require.Error(t, err)
		_, _, err = w.s.CreateUser(ctx, mayor, NewUser{Kind: KindOfficer, Login: "puppet", Name: "傀儡", Password: testPassword, Roles: []Assignment{role}})
		require.Error(t, err)
	}
	require.Zero(t, w.count("SELECT COUNT(*) FROM users WHERE login = 'puppet'"))
	a := w.as(w.headman)
	require.Equal(t, RoleVillage, a.Grants[0].Role)
	require.Len(t, a.Grants, 1)

	// Somebody who is also an administrator elsewhere may be seen and not touched: a new password would hand over the other office.
	both := w.user(KindOfficer, "both", Assignment{Role: RoleVillage, Region: w.village}, Assignment{Role: RoleTownship, Region: w.otherTown})
	_, err := w.s.User(ctx, mayor, both.ID)
	require.NoError(t, err)
	_, err = w.s.ResetPassword(ctx, mayor, both.ID, "")
	require.ErrorIs(t, err, ErrBeyondReach)
	_, err = w.s.SetRoles(ctx, mayor, both.ID, []Assignment{{Role: RoleVillage, Region: w.village}})
	require.ErrorIs(t, err, ErrBeyondReach)

	// Whom one cannot see does not exist, villagers' log-ins without any role among them.
	villager := villagerOf(w, w.household)
	for _, unseen := range []id.ID{w.otherMayor.ID, w.otherOwner.ID, w.admin.ID, villager.UserID, id.New()} {
		_, err = w.s.DisableUser(ctx, mayor, unseen)
		require.ErrorIs(t, err, errs.ErrNotFound)
		_, err = w.s.ResetPassword(ctx, mayor, unseen, "")
		require.ErrorIs(t, err, errs.ErrNotFound)
		_, err = w.s.SetRoles(ctx, mayor, unseen, []Assignment{{Role: RoleVillage, Region: w.village}})
		require.ErrorIs(t, err, errs.ErrNotFound)
	}

	_, err = w.s.DisableUser(ctx, mayor, w.mayor.ID)
	require.ErrorIs(t, err, ErrOneself)
	_, err = w.s.SetRoles(ctx, mayor, w.mayor.ID, w.mayor.Roles)
	require.ErrorIs(t, err, ErrOneself)
	_, err = w.s.ResetPassword(ctx, mayor, w.mayor.ID, "")
	require.ErrorIs(t, err, ErrOneself)
}

func TestRolesThatMakeNoSense(t *testing.T) {
	w := newWorld(t).staff()
	admin := w.as(w.admin)
	bad := map[string]struct {
		kind  Kind
		roles []Assignment
	}{
		"none":                      {KindOfficer, nil},
		"unknown":                   {KindOfficer, []Assignment{{Role: "king", Region: w.village}}},
		"system":                    {KindOfficer, []Assignment{{Role: RoleSystem}}},
		"villager":                  {KindOfficer, []Assignment{{Role: RoleVillager}}},
		"clerk as officer":          {KindOfficer, []Assignment{{Role: RoleClerk, Merchant: w.shop}}},
		"village as merchant":       {KindMerchant, []Assignment{{Role: RoleVillage, Region: w.village}}},
		"no region":                 {KindOfficer, []Assignment{{Role: RoleVillage}}},
		"unknown region":            {KindOfficer, []Assignment{{Role: RoleVillage, Region: id.New()}}},
		"village role over a town":  {KindOfficer, []Assignment{{Role: RoleVillage, Region: w.town}}},
		"village role over a group": {KindOfficer, []Assignment{{Role: RoleVillage, Region: w.group}}},
		"township role in village":  {KindOfficer, []Assignment{{Role: RoleTownship, Region: w.village}}},
		"admin of a region":         {KindOfficer, []Assignment{{Role: RoleAdmin, Region: w.town}}},
		"twice":                     {KindOfficer, []Assignment{{Role: RoleVillage, Region: w.village}, {Role: RoleVillage, Region: w.village}}},
		"unknown branch":            {KindOfficer, []Assignment{{Role: RoleSecretary, Region: w.village, Branch: id.New()}}},
		"neighbour's branch":        {KindOfficer, []Assignment{{Role: RoleSecretary, Region: w.village, Branch: w.otherBranch}}},
		"branch of no secretary":    {KindOfficer, []Assignment{{Role: RoleVillage, Region: w.village, Branch: w.branch}}},
		"no merchant":               {KindMerchant, []Assignment{{Role: RoleClerk}}},
		"unknown merchant":          {KindMerchant, []Assignment{{Role: RoleClerk, Merchant: id.New()}}},
		"two merchants":             {KindMerchant, []Assignment{{Role: RoleClerk, Merchant: w.shop}, {Role: RoleClerk, Merchant: w.otherShop}}},
		"merchant with a region":    {KindMerchant, []Assignment{{Role: RoleClerk, Merchant: w.shop, Region: w.town}}},
	}
	for name, b := range bad {
		t.Run(name, func(t *testing.T) {
			subject := w.headman
			if b.kind == KindMerchant {
				subject = w.clerk
			}
			_, err := w.s.SetRoles(ctx, admin, subject.ID, b.roles)
			require.ErrorIs(t, err, ErrRoles)
		})
	}
	require.Len(t, w.as(w.headman).Grants, 1)
	require.Len(t, w.as(w.clerk).Grants, 1)
}

func TestCreateUser(t *testing.T) {
	w := newWorld(t).staff()
	owner := w.as(w.owner)
	roles := []Assignment{{Role: RoleClerk, Merchant: w.shop}}
	u, password, err := w.s.CreateUser(ctx, owner, NewUser{Kind: KindMerchant, Login: "Xiao.Wang", Name: " 小王 ", Password: "guizaoxia-1", Roles: roles})
	require.NoError(t, err)
	require.Equal(t, "guizaoxia-1", password)
	require.Equal(t, "xiao.wang", u.Login)
	require.Equal(t, "小王", u.Name)
	require.True(t, u.MustChange)
	got, err := w.s.User(ctx, owner, u.ID)
	require.NoError(t, err)
	require.Equal(t, u, got)

	_, _, err = w.s.CreateUser(ctx, owner, NewUser{Kind: KindMerchant, Login: "xiao.wang", Name: "小王", Roles: roles})
	require.ErrorIs(t, err, ErrLoginTaken)
	for _, bad := range []NewUser{
		{Kind: KindMerchant, Login: "王", Name: "小王", Roles: roles},
		{Kind: KindMerchant, Login: "-wang", Name: "小王", Roles: roles},
		{Kind: KindMerchant, Login: "wx:abcdef", Name: "小王", Roles: roles},
		{Kind: KindMerchant, Login: "wang2", Name: "  ", Roles: roles},
		{Kind: KindMerchant, Login: "wang2", Name: "小\n王", Roles: roles},
		{Kind: KindMerchant, Login: "wang2", Name: "小王", Password: "123", Roles: roles},
		{Kind: KindVillager, Login: "wang2", Name: "小王", Roles: roles},
		{Kind: KindSystem, Login: "wang2", Name: "小王", Roles: roles},
		{Login: "wang2", Name: "小王", Roles: roles},
		{Kind: KindMerchant, Login: "wang2", Name: "小王"},
	} {
		_, _, err := w.s.CreateUser(ctx, owner, bad)
		require.Error(t, err)
		require.Equal(t, errs.Invalid, errs.From(err).Code.Kind, "%+v: %v", bad, err)
	}
	require.Equal(t, 1, w.count("SELECT COUNT(*) FROM users WHERE kind = 2 AND name = '小王'"))

	kept, _, err := w.s.CreateUser(ctx, system, NewUser{Kind: KindOfficer, Login: "demo", Name: "演示", Password: testPassword, Roles: []Assignment{{Role: RoleAdmin}}})
	require.NoError(t, err)
	require.False(t, kept.MustChange, "accounts of the demo keep their password")

	entries := w.log("user.create")
	require.Len(t, entries, 2)
	require.Equal(t, w.owner.ID, entries[1].ActorID)
	require.Equal(t, w.town, entries[1].Village)
	for _, e := range w.log("") {
		require.NotContains(t, e.Summary, "guizaoxia")
		require.NotContains(t, e.Summary, testPassword)
	}
}

func TestResetPassword(t *testing.T) {
	w := newWorld(t).staff()
	w.s = w.service(Options{LoginPerAccount: 2})
	tokens := w.login(w.headman)
	for range 2 {
		_, err := w.s.Login(ctx, Credentials{KindOfficer, "headman", "wangle-1"}, origin)
		require.ErrorIs(t, err, ErrLogin)
	}
	password, err := w.s.ResetPassword(ctx, w.as(w.mayor), w.headman.ID, "")
	require.NoError(t, err)
	_, err = w.s.Authenticate(ctx, tokens.Access, "", "")
	require.ErrorIs(t, err, ErrSession)
	fresh, err := w.s.Login(ctx, Credentials{KindOfficer, "headman", password}, origin)
	require.NoError(t, err, "the throttle has been opened too")
	require.True(t, fresh.MustChange)
	require.Len(t, w.log("user.password"), 1)

	villager := villagerOf(w, w.household)
	_, err = w.s.ResetPassword(ctx, system, villager.UserID, "")
	require.ErrorIs(t, err, ErrKind)
}

func TestUsersListed(t *testing.T) {
	w := newWorld(t).staff()
	villager := villagerOf(w, w.household)
	logins := func(a Actor, f UserFilter) (out []string) {
		t.Helper()
		for {
			page, err := w.s.Users(ctx, a, f, 2)
			require.NoError(t, err)
			for _, u := range page {
				out = append(out, u.Login)
				f.After = u.Login
				one, err := w.s.User(ctx, a, u.ID)
				require.NoError(t, err)
				require.Equal(t, u, one)
			}
			if len(page) < 2 {
				return out
			}
		}
	}
	require.Equal(t, []string{"headman", "mayor", "othermayor", "root", "supervisor"}, logins(w.as(w.admin), UserFilter{}))
	require.Equal(t, []string{"headman", "mayor", "supervisor"}, logins(w.as(w.mayor), UserFilter{}))
	require.Equal(t, []string{"othermayor"}, logins(w.as(w.otherMayor), UserFilter{}))
	require.Equal(t, []string{"headman", "supervisor"}, logins(w.as(w.headman), UserFilter{}))
	require.Equal(t, []string{"clerk", "owner"}, logins(w.as(w.mayor), UserFilter{Kind: KindMerchant}))
	require.Equal(t, []string{"clerk", "owner"}, logins(w.as(w.owner), UserFilter{}))
	require.Empty(t, logins(w.as(w.owner), UserFilter{Kind: KindOfficer}))
	require.Empty(t, logins(w.as(w.mayor), UserFilter{Kind: KindVillager}))
	require.Len(t, logins(w.as(w.admin), UserFilter{Kind: KindVillager}), 1)

	admin := w.as(w.admin)
	yes, no := true, false
	require.Equal(t, []string{"mayor"}, logins(admin, UserFilter{Region: w.town}))
	require.Equal(t, []string{"otherowner"}, logins(admin, UserFilter{Kind: KindMerchant, Merchant: w.otherShop}))
	require.Equal(t, []string{"headman"}, logins(admin, UserFilter{Query: "Head"}))
	require.Equal(t, []string{"mayor", "othermayor"}, logins(admin, UserFilter{Query: "mayor"}), "names contain it")
	require.Len(t, logins(admin, UserFilter{Query: "名"}), 5)
	for _, odd := range []string{"%", "_", "!", "'", "\xff\xff", "\\"} {
		if got := logins(admin, UserFilter{Query: odd}); odd != "\xff\xff" {
			require.Empty(t, got, odd)
		}
	}
	require.Len(t, logins(admin, UserFilter{After: "\xff中"}), 5)
	_, err := w.s.DisableUser(ctx, admin, w.headman.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"headman"}, logins(admin, UserFilter{Disabled: &yes}))
	require.Len(t, logins(admin, UserFilter{Disabled: &no}), 4)

	for _, a := range []Actor{w.as(w.supervisor), w.as(w.clerk), villager, {}} {
		_, err := w.s.Users(ctx, a, UserFilter{}, 10)
		require.ErrorIs(t, err, errs.ErrForbidden)
		_, err = w.s.User(ctx, a, w.headman.ID)
		require.ErrorIs(t, err, errs.ErrForbidden)
	}
	_, err = w.s.User(ctx, w.as(w.mayor), w.otherMayor.ID)
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = w.s.User(ctx, w.as(w.mayor), id.New())
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = w.s.User(ctx, w.as(w.owner), w.otherOwner.ID)
	require.ErrorIs(t, err, errs.ErrNotFound)
}
