package auth

import "slices"

// Role is a set of permissions under a name. Officers hold roles in a region, merchants' people at a merchant.
type Role string

// The roles; Chinese names for screens are in RoleNames.
const (
	RoleAdmin      Role = "admin"      // 系统管理员
	RoleTownship   Role = "township"   // 乡镇（县）管理员
	RoleVillage    Role = "village"    // 村干部
	RoleSecretary  Role = "secretary"  // 支部书记
	RoleSupervisor Role = "supervisor" // 监督员
	RoleOwner      Role = "owner"      // 商户负责人
	RoleClerk      Role = "clerk"      // 店员
	RoleVillager   Role = "villager"   // 村民
	RoleSystem     Role = "system"     // jobs and the command line; never given to a log-in
)

// Permission names what an operation needs; every operation of the API declares exactly one.
type Permission string

// The permissions.
const (
	Public Permission = "public" // no log-in
	Self   Permission = "self"   // any log-in, about oneself: profile, password, sessions

	RegionRead     Permission = "region.read"
	RegionWrite    Permission = "region.write"
	SettingsWrite  Permission = "settings.write"
	PeopleRead     Permission = "people.read"
	PeopleWrite    Permission = "people.write"
	PeopleRegroup  Permission = "people.regroup" // split and merge households, with their points
	RuleRead       Permission = "rule.read"
	RuleWrite      Permission = "rule.write"
	AwardRead      Permission = "award.read"
	AwardWrite     Permission = "award.write"
	AwardReverse   Permission = "award.reverse"
	PartyRead      Permission = "party.read"
	PartyWrite     Permission = "party.write"
	PartyReport    Permission = "party.report" // villagers: self-report of a party member of the household
	MerchantRead   Permission = "merchant.read"
	MerchantWrite  Permission = "merchant.write"
	ProductWrite   Permission = "product.write"
	ClerkWrite     Permission = "clerk.write"
	CardWrite      Permission = "card.write"
	RedeemCounter  Permission = "redeem.counter"
	RedeemProxy    Permission = "redeem.proxy"
	RedeemRead     Permission = "redeem.read"
	RedeemRefund   Permission = "redeem.refund"
	BoardRead      Permission = "board.read"
	UserRead       Permission = "user.read"
	UserWrite      Permission = "user.write"
	AuditRead      Permission = "audit.read"
	HouseholdRead  Permission = "household.read"  // villagers: own household's balance, statement, receipts
	HouseholdSpend Permission = "household.spend" // villagers: show a code, set the PIN
	HouseholdBind  Permission = "household.bind"  // villagers: bind a household to the log-in
	JobsRun        Permission = "jobs.run"
)

var (
	supervisorMay = []Permission{RegionRead, PeopleRead, RuleRead, AwardRead, PartyRead, MerchantRead, RedeemRead, BoardRead, AuditRead}
	villageMay    = append(slices.Clone(supervisorMay), PeopleWrite, PeopleRegroup, AwardWrite, AwardReverse, PartyWrite, CardWrite, RedeemProxy, UserRead)
	townshipMay   = append(slices.Clone(villageMay), RegionWrite, SettingsWrite, RuleWrite, MerchantWrite, RedeemRefund, UserWrite)
	clerkMay      = []Permission{RedeemCounter, RedeemRead, RedeemRefund, MerchantRead}
)

// RolePermissions is the whole of who may do what; docs/permissions.md is generated from it.
var RolePermissions = map[Role][]Permission{
	RoleAdmin:      append(slices.Clone(townshipMay), JobsRun),
	RoleTownship:   townshipMay,
	RoleVillage:    append(slices.Clone(villageMay), RuleWrite),
	RoleSecretary:  {RegionRead, PeopleRead, RuleRead, PartyRead, PartyWrite, BoardRead},
	RoleSupervisor: supervisorMay,
	RoleOwner:      append(slices.Clone(clerkMay), ProductWrite, ClerkWrite),
	RoleClerk:      clerkMay,
	RoleVillager:   {HouseholdRead, HouseholdSpend, HouseholdBind, PartyReport, BoardRead, RuleRead, MerchantRead},
}

// RoleNames are the roles as screens show them.
var RoleNames = map[Role]string{
	RoleAdmin: "系统管理员", RoleTownship: "乡镇管理员", RoleVillage: "村干部", RoleSecretary: "支部书记", RoleSupervisor: "监督员",
	RoleOwner: "商户负责人", RoleClerk: "店员", RoleVillager: "村民", RoleSystem: "系统",
}

// Has reports whether the role carries the permission. RoleSystem carries every one; everybody carries Public and Self.
func (r Role) Has(p Permission) bool {
	return r == RoleSystem || p == Public || p == Self || slices.Contains(RolePermissions[r], p)
}
