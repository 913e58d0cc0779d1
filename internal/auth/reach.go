package auth

import (
	"fmt"
	"slices"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

// Assignment is a role as it is given: an officer's in a region (none for the system administrator), a merchant's person's at a
// merchant. A party secretary may be bound to one branch of the village.
type Assignment struct {
	Role     Role
	Region   id.ID
	Merchant id.ID
	Branch   id.ID
}

// roleKinds are the audiences roles belong to; roles that are missing cannot be given.
var roleKinds = map[Role]Kind{
	RoleAdmin: KindOfficer, RoleTownship: KindOfficer, RoleVillage: KindOfficer, RoleSecretary: KindOfficer, RoleSupervisor: KindOfficer,
	RoleOwner: KindMerchant, RoleClerk: KindMerchant,
}

// roleLevels are the levels of the administrative tree (regions.kind: 1 county, 2 township, 3 village) at which a role makes sense.
var roleLevels = map[Role][]int{
	RoleTownship:   {1, 2},
	RoleVillage:    {3},
	RoleSecretary:  {3},
	RoleSupervisor: {1, 2, 3},
}

// mayGive is which roles the holder of a role may give, take and look after, within that role's own reach.
var mayGive = map[Role][]Role{
	RoleSystem:   {RoleAdmin, RoleTownship, RoleVillage, RoleSecretary, RoleSupervisor, RoleOwner, RoleClerk},
	RoleAdmin:    {RoleAdmin, RoleTownship, RoleVillage, RoleSecretary, RoleSupervisor, RoleOwner, RoleClerk},
	RoleTownship: {RoleTownship, RoleVillage, RoleSecretary, RoleSupervisor, RoleOwner, RoleClerk},
	RoleOwner:    {RoleClerk},
}

const maxRoles = 20

// gives reports whether the actor may give this role here. stands is the region where the role's merchant stands.
func gives(a Actor, r Assignment, stands id.ID) bool {
	for _, g := range a.Grants {
		if !slices.Contains(mayGive[g.Role], r.Role) {
			continue
		}
		if g.Anywhere || r.Merchant != 0 && r.Merchant == g.Merchant {
			return true
		}
		at := r.Region
		if r.Merchant != 0 {
			at = stands
		}
		if _, ok := g.Regions[at]; ok {
			return true
		}
	}
	return false
}

// sees reports whether the actor may know of a user with these roles.
func sees(a Actor, roles []roleRow) bool {
	for _, g := range a.Grants {
		reads, staffs := g.Role.Has(UserRead), g.Role.Has(ClerkWrite)
		if reads && g.Anywhere {
			return true
		}
		for _, r := range roles {
			_, looksAfter := g.Regions[r.RegionID]
			_, stands := g.Regions[r.Stands]
			if reads && (looksAfter || stands) || staffs && r.MerchantID != 0 && r.MerchantID == g.Merchant {
				return true
			}
		}
	}
	return false
}

// mayWriteUsers is nil where the actor may change users at all.
func mayWriteUsers(a Actor) error {
	if a.Can(ClerkWrite) {
		return nil
	}
	return a.Check(UserWrite)
}

// editable locks a user for a change: ErrNotFound where the actor cannot see the user, ErrBeyondReach where the user holds any
// role that the actor could not have given. Without the second a township's administrator could set the password of somebody
// who is also an administrator elsewhere, and become that person.
func editable(tx db.Tx, a Actor, user id.ID) (userRow, []roleRow, error) {
	u, ok, err := userByID(tx, user, tx.ForUpdate())
	if err != nil {
		return u, nil, err
	}
	roles, err := rolesOf(tx, []id.ID{user})
	if err != nil {
		return u, nil, err
	}
	if !ok || !sees(a, roles[user]) {
		return u, nil, errNotHere()
	}
	for _, r := range roles[user] {
		if !gives(a, r.assignment(), r.Stands) {
			return u, nil, ErrBeyondReach.New()
		}
	}
	return u, roles[user], nil
}

func (r roleRow) assignment() Assignment {
	return Assignment{Role: r.Role, Region: r.RegionID, Merchant: r.MerchantID, Branch: r.BranchID}
}

// checkRoles is nil where the roles fit the kind of user, exist where they say and are the actor's to give. It returns the
// region to name in the audit log.
func checkRoles(tx db.Tx, a Actor, kind Kind, roles []Assignment) (region id.ID, err error) {
	if len(roles) == 0 {
		return 0, ErrRoles.With("请至少给一个角色；不再使用的账号请停用")
	}
	if len(roles) > maxRoles {
		return 0, ErrRoles.With("一个账号最多 %d 个角色", maxRoles)
	}
	stands, err := merchantRegions(tx, roles)
	if err != nil {
		return 0, err
	}
	seen := map[Assignment]bool{}
	for i, r := range roles {
		if problem := shape(kind, r, roles[0].Merchant); problem != "" || seen[r] {
			if problem == "" {
				problem = "同一个角色给了两次"
			}
			return 0, ErrRoles.At(errs.Field{Path: fmt.Sprintf("roles[%d]", i), Text: problem})
		}
		seen[r] = true
		if !gives(a, r, stands[r.Merchant]) {
			return 0, ErrRoleReach.New()
		}
	}
	if err := placed(tx, roles, stands); err != nil {
		return 0, err
	}
	if region = roles[0].Region; region == 0 {
		region = stands[roles[0].Merchant]
	}
	return region, nil
}

// shape says in Chinese what is missing from a role or too much, "" where nothing is.
func shape(kind Kind, r Assignment, merchant id.ID) string {
	of, known := roleKinds[r.Role]
	switch {
	case !known || of != kind:
		return "没有这个角色，或这类账号不能有这个角色"
	case kind == KindMerchant && (r.Merchant == 0 || r.Region != 0 || r.Branch != 0):
		return "商户的角色要指定商户，不指定地区"
	case kind == KindMerchant && r.Merchant != merchant:
		return "一个账号只能属于一家商户"
	case kind == KindOfficer && r.Merchant != 0:
		return "干部的角色不能指定商户"
	case r.Role == RoleAdmin && r.Region != 0:
		return "系统管理员不限地区，请不要指定地区"
	case kind == KindOfficer && r.Role != RoleAdmin && r.Region == 0:
		return "请指定所管的地区"
	case r.Branch != 0 && r.Role != RoleSecretary:
		return "只有支部书记可以指定党支部"
	}
	return ""
}

func merchantRegions(tx db.Tx, roles []Assignment) (map[id.ID]id.ID, error) {
	var rows []struct {
		ID       id.ID `gorm:"column:id"`
		RegionID id.ID `gorm:"column:region_id"`
	}
	var ids []id.ID
	for _, r := range roles {
		if r.Merchant != 0 {
			ids = append(ids, r.Merchant)
		}
	}
	out := make(map[id.ID]id.ID, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	if err := tx.Raw("SELECT id, region_id FROM merchants WHERE id IN ?", ids).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading merchants: %w", err)
	}
	for _, r := range rows {
		out[r.ID] = r.RegionID
	}
	return out, nil
}

// placed checks that regions, merchants and branches exist and are of the right sort.
func placed(tx db.Tx, roles []Assignment, stands map[id.ID]id.ID) error {
	for i, r := range roles {
		bad := func(text string) error {
			return ErrRoles.At(errs.Field{Path: fmt.Sprintf("roles[%d]", i), Text: text})
		}
		if r.Merchant != 0 {
			if _, ok := stands[r.Merchant]; !ok {
				return bad("没有这家商户")
			}
		}
		if r.Region != 0 {
			level, ok, err := one[int](tx, "a region", "SELECT kind FROM regions WHERE id = ?", "", r.Region)
			if err != nil {
				return err
			}
			if !ok || !slices.Contains(roleLevels[r.Role], level) {
				return bad("“" + RoleNames[r.Role] + "”不能设在这一级地区")
			}
		}
		if r.Branch != 0 {
			village, ok, err := one[id.ID](tx, "a party branch", "SELECT village_id FROM party_branches WHERE id = ?", "", r.Branch)
			if err != nil {
				return err
			}
			if !ok || village != r.Region {
				return bad("这个村没有这个党支部")
			}
		}
	}
	return nil
}

func errNotHere() error { return errs.ErrNotFound.New() }
