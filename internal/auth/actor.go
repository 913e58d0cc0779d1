package auth

import (
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/stamp"
)

// Kind is the audience a log-in belongs to.
type Kind uint8

// The audiences.
const (
	KindOfficer  Kind = 1
	KindMerchant Kind = 2
	KindVillager Kind = 3
	KindSystem   Kind = 4 // jobs and the command line
)

// Grant is one role with its reach, resolved when the actor was authenticated.
type Grant struct {
	Role     Role
	Region   id.ID              // officers: where the role was given
	Regions  map[id.ID]struct{} // Region and everything below it; nil with Everywhere
	Anywhere bool               // the role reaches every region (system administrator, system jobs)
	Merchant id.ID
	Branch   id.ID // party secretaries: only this branch
}

// Actor is who asks. Services take it by value and check with Can, InRegion, OwnMerchant and OwnHousehold; what lies
// outside the actor's reach is ErrNotFound, what the role may not do at all is ErrForbidden.
type Actor struct {
	UserID     id.ID
	SessionID  id.ID
	Kind       Kind
	Name       string
	Grants     []Grant
	Households []id.ID // villagers: bound households
	Address    string  // for the audit log
	RequestID  string
	MustChange bool // the initial password is still in use: there are no grants until it is changed
	seen       seen
}

// seen is under which counts the rights of an actor were read that Remember has answered for; zero where Authenticate has.
type seen struct {
	kept            bool
	access, regions int64
}

// Stale reports whether rights that were remembered may have changed since. counts are those of stamp.Access and stamp.Regions in the
// transaction in which the actor acts.
func (a Actor) Stale(counts map[string]int64) bool {
	return a.seen.kept && (a.seen.access != counts[stamp.Access] || a.seen.regions != counts[stamp.Regions])
}

// System is the actor of jobs and of the command line.
func System(name string) Actor {
	return Actor{Kind: KindSystem, Name: name, Grants: []Grant{{Role: RoleSystem, Anywhere: true}}}
}

// Can reports whether any of the actor's roles carries the permission, wherever. Whoever has logged in holds Self.
func (a Actor) Can(p Permission) bool {
	if p == Public || p == Self && a.UserID != 0 {
		return true
	}
	for _, g := range a.Grants {
		if g.Role.Has(p) {
			return true
		}
	}
	return false
}

// Check is nil where the actor holds the permission anywhere; otherwise it says why not.
func (a Actor) Check(p Permission) error {
	switch {
	case a.Can(p):
		return nil
	case a.MustChange:
		return ErrMustChange.New()
	}
	return errs.ErrForbidden.New()
}

// InRegion is nil where the actor holds the permission in the region (a county, township, village or group).
func (a Actor) InRegion(p Permission, region id.ID) error {
	if err := a.Check(p); err != nil {
		return err
	}
	for _, g := range a.Grants {
		if !g.Role.Has(p) {
			continue
		}
		if g.Anywhere {
			return nil
		}
		if _, ok := g.Regions[region]; ok {
			return nil
		}
	}
	return errs.ErrNotFound.New()
}

// Reach is every region in which the actor holds the permission; all is true where there is no bound.
func (a Actor) Reach(p Permission) (regions []id.ID, all bool) {
	seen := map[id.ID]struct{}{}
	for _, g := range a.Grants {
		if !g.Role.Has(p) {
			continue
		}
		if g.Anywhere {
			return nil, true
		}
		for r := range g.Regions {
			if _, ok := seen[r]; !ok {
				seen[r] = struct{}{}
				regions = append(regions, r)
			}
		}
	}
	return regions, false
}

// Merchant is the merchant the actor works for, zero for everybody else.
func (a Actor) Merchant() id.ID {
	for _, g := range a.Grants {
		if g.Merchant != 0 {
			return g.Merchant
		}
	}
	return 0
}

// OwnMerchant is nil where the actor holds the permission for that merchant by working there.
func (a Actor) OwnMerchant(p Permission, merchant id.ID) error {
	if err := a.Check(p); err != nil {
		return err
	}
	for _, g := range a.Grants {
		if g.Merchant == merchant && merchant != 0 && g.Role.Has(p) {
			return nil
		}
	}
	return errs.ErrNotFound.New()
}

// OwnHousehold is nil where the actor is a villager bound to the household.
func (a Actor) OwnHousehold(p Permission, household id.ID) error {
	if err := a.Check(p); err != nil {
		return err
	}
	for _, h := range a.Households {
		if h == household {
			return nil
		}
	}
	return errs.ErrNotFound.New()
}

// InBranch is nil where the actor holds the permission for the branch: by region, or as this branch's secretary.
func (a Actor) InBranch(p Permission, village, branch id.ID) error {
	if err := a.Check(p); err != nil {
		return err
	}
	for _, g := range a.Grants {
		if !g.Role.Has(p) || g.Branch != 0 && g.Branch != branch {
			continue
		}
		if g.Anywhere {
			return nil
		}
		if _, ok := g.Regions[village]; ok {
			return nil
		}
	}
	return errs.ErrNotFound.New()
}
