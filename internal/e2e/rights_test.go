package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/app/apptest"
	"jishan/internal/auth"
)

// TestRightsOfThisMomentDecideOnAwards: two processes remember an officer's rights. What is taken away at one of them counts at the other
// with the next award, and so does what is given.
func TestRightsOfThisMomentDecideOnAwards(t *testing.T) {
	first := apptest.Start(t)
	p := furnish(t, first.Services, first.DB, 2)
	here, there := client{base: first.URL}, second(t, first)
	u, _, err := first.Auth.CreateUser(p.ctx, system, auth.NewUser{Kind: auth.KindOfficer, Login: "officer", Name: "干部", Password: password,
		Roles: []auth.Assignment{{Role: auth.RoleVillage, Region: p.a.id}}})
	require.NoError(t, err)
	officer := login(t, here, "officer", "officer", password)
	award := func(at client, v village) int {
		a, err := at.as(officer.token).json(http.MethodPost, "/villages/"+v.id.String()+"/awards", newKey(),
			map[string]any{"grants": []map[string]any{{"rule": p.tidy, "household": v.houses[0]}}})
		require.NoError(t, err)
		return a.Status
	}
	roles := func(r ...auth.Assignment) {
		_, err := first.Auth.SetRoles(p.ctx, system, u.ID, r)
		require.NoError(t, err)
	}
	for range 2 { // the second time the rights are remembered
		require.Equal(t, 200, award(here, p.a))
		require.Equal(t, 200, award(there, p.a))
		require.Equal(t, 404, award(there, p.b))
	}
	roles(auth.Assignment{Role: auth.RoleVillage, Region: p.b.id})
	require.Equal(t, 404, award(there, p.a))
	require.Equal(t, 200, award(there, p.b))
	require.Equal(t, 404, award(here, p.a))
	roles(auth.Assignment{Role: auth.RoleSupervisor, Region: p.b.id})
	require.Equal(t, 403, award(there, p.b))

	roles(auth.Assignment{Role: auth.RoleVillage, Region: p.a.id}, auth.Assignment{Role: auth.RoleVillage, Region: p.b.id})
	require.Equal(t, 200, award(there, p.a))
	require.Equal(t, 200, award(here, p.b))
	_, err = first.Auth.DisableUser(p.ctx, system, u.ID)
	require.NoError(t, err)
	require.Equal(t, 401, award(there, p.a))
	require.Equal(t, 401, award(here, p.a))
}
