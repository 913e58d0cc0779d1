package auth

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// rolesInOrder is every role a log-in can have, from far to near.
var rolesInOrder = []Role{RoleAdmin, RoleTownship, RoleVillage, RoleSecretary, RoleSupervisor, RoleOwner, RoleClerk, RoleVillager}

func permissionsDoc() string {
	var all []Permission
	for _, of := range RolePermissions {
		all = append(all, of...)
	}
	slices.Sort(all)
	all = slices.Compact(all)

	var b strings.Builder
	b.WriteString("# 角色与权限\n\n")
	b.WriteString("本页由 `go test ./internal/auth -run TestPermissionsDoc -update` 根据 `internal/auth/roles.go` 生成，请勿手改。\n\n")
	b.WriteString("干部的权限只在授予角色的地区及其下级有效（系统管理员不限地区），商户人员只在本店，村民只在绑定的户和所在村。\n")
	b.WriteString("超出范围的内容一律回答“没有找到”。每次请求都按数据库里此刻的角色判断，收回角色立即生效。\n\n")
	b.WriteString("| 权限 | 说明 |")
	for _, r := range rolesInOrder {
		b.WriteString(" " + RoleNames[r] + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat(":-:|", len(rolesInOrder)) + "\n")
	for _, p := range all {
		b.WriteString("| `" + string(p) + "` | " + PermissionNames[p] + " |")
		for _, r := range rolesInOrder {
			mark := " "
			if slices.Contains(RolePermissions[r], p) {
				mark = " ✓ "
			}
			b.WriteString(mark + "|")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n所有已登录的人都有 `self`（" + PermissionNames[Self] + "）；`public` " + PermissionNames[Public] + "。\n")
	b.WriteString("\n## 谁能授予哪些角色\n\n授予、收回角色，以及停用、改名、重设密码，都只对自己能授予其全部角色的账号有效。\n\n| 持有 | 可以授予（在自己的范围内） |\n|---|---|\n")
	for _, r := range rolesInOrder {
		var names []string
		for _, g := range mayGive[r] {
			names = append(names, RoleNames[g])
		}
		if len(names) > 0 {
			b.WriteString("| " + RoleNames[r] + " | " + strings.Join(names, "、") + " |\n")
		}
	}
	return b.String()
}

func TestPermissionsDoc(t *testing.T) {
	const path = "../../docs/permissions.md"
	want := permissionsDoc()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "run: go test ./internal/auth -run TestPermissionsDoc -update")
}

func TestTableIsComplete(t *testing.T) {
	require.Len(t, rolesInOrder, len(RolePermissions))
	for role, of := range RolePermissions {
		require.NotEmpty(t, RoleNames[role], role)
		require.Contains(t, rolesInOrder, role)
		sorted := slices.Clone(of)
		slices.Sort(sorted)
		require.Len(t, slices.Compact(sorted), len(of), "%s has a permission twice", role)
		for _, p := range of {
			require.NotEmpty(t, PermissionNames[p], "%s has no Chinese name", p)
			require.True(t, role.Has(p))
		}
		require.True(t, role.Has(Public))
		require.True(t, role.Has(Self))
		if role != RoleVillager {
			require.Contains(t, roleKinds, role)
		}
	}
	for role := range roleLevels {
		require.Equal(t, KindOfficer, roleKinds[role])
	}
	require.NotContains(t, RolePermissions, RoleSystem)
	require.False(t, RoleClerk.Has(ClerkWrite))
	require.False(t, RoleVillager.Has(AwardRead))
	require.False(t, RoleVillage.Has(UserWrite))
}

// The permissions of one audience never show up in another's roles by accident.
func TestAudiencesDoNotMix(t *testing.T) {
	for _, p := range RolePermissions[RoleVillager] {
		if strings.HasPrefix(string(p), "household.") {
			for role, of := range RolePermissions {
				require.False(t, role != RoleVillager && slices.Contains(of, p), "%s holds %s", role, p)
			}
		}
	}
	for role, kind := range roleKinds {
		if kind == KindMerchant {
			for _, p := range []Permission{AwardWrite, PeopleRead, UserWrite, RedeemProxy, MerchantWrite} {
				require.False(t, role.Has(p), "%s holds %s", role, p)
			}
		} else {
			require.False(t, role.Has(RedeemCounter), "%s stands at a counter", role)
		}
	}
}
