package api

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
)

var update = flag.Bool("update", false, "write docs/openapi.json and docs/errors.md")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("..", "..", "docs", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, string(want) == string(got), "docs/%s is out of date: make openapi", name)
}

func TestGoldenSpec(t *testing.T) {
	b, err := Spec()
	require.NoError(t, err)
	again, err := Spec()
	require.NoError(t, err)
	require.Equal(t, string(b), string(again))
	golden(t, "openapi.json", b)
}

// The stories of this package's tests link the whole program, so its codes are all there.
func TestGoldenErrors(t *testing.T) { golden(t, "errors.md", ErrorsMarkdown()) }

func TestEveryOperationIsGuarded(t *testing.T) {
	known := []auth.Permission{auth.Public, auth.Self}
	for _, ps := range auth.RolePermissions {
		known = append(known, ps...)
	}
	seen := map[string]bool{}
	for _, o := range Operations() {
		o.check()
		require.False(t, seen[o.ID], "operation %s twice", o.ID)
		seen[o.ID] = true
		require.True(t, slices.Contains(known, o.Perm), "operation %s: no role has %q", o.ID, o.Perm)
		if o.Perm == auth.Public || o.Perm == auth.Self {
			continue
		}
		// Somebody of each audience must be able to pass, or the audience is a mistake.
		for kind, roles := range map[auth.Kind][]auth.Role{
			auth.KindOfficer:  {auth.RoleAdmin, auth.RoleTownship, auth.RoleVillage, auth.RoleSecretary, auth.RoleSupervisor},
			auth.KindMerchant: {auth.RoleOwner, auth.RoleClerk},
			auth.KindVillager: {auth.RoleVillager},
		} {
			if o.Audience.Has(kind) {
				require.True(t, slices.ContainsFunc(roles, func(r auth.Role) bool { return r.Has(o.Perm) }),
					"operation %s is for kind %d, but none of its roles has %s", o.ID, kind, o.Perm)
			}
		}
	}
}
