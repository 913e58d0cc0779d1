package auth

import (
	"context"
	"fmt"
	"slices"

	"jishan/internal/db"
	"jishan/internal/db/batch"
	"jishan/internal/id"
	"jishan/internal/stamp"
)

// facts are what the database says about a session now.
type facts struct {
	live   bool // exists, not revoked, not expired
	user   userRow
	grants []Grant
	bound  []id.ID
}

// Authenticate is the actor behind an access token, with the rights of this moment. ErrExpired asks for a refresh; ErrToken,
// ErrSession and ErrDisabled for a new log-in. The actor's sets of regions are shared: read them only.
func (s *Service) Authenticate(ctx context.Context, accessToken, address, requestID string) (Actor, error) {
	who, err := s.identify(accessToken)
	if err != nil {
		return Actor{}, err
	}
	f, err := s.lane.Submit(ctx, who.session)
	switch {
	case err != nil:
		return Actor{}, fmt.Errorf("looking a session up: %w", err)
	case !f.live:
		return Actor{}, ErrSession.New()
	case f.user.DisabledAt != 0:
		return Actor{}, ErrDisabled.New()
	case f.user.ID != who.user || f.user.Kind != who.kind:
		return Actor{}, ErrToken.New()
	}
	a := f.user.actor(who.session, Origin{Address: address, RequestID: requestID})
	if a.MustChange = f.user.MustChange; a.MustChange {
		return a, nil // no grants: nothing but oneself until the initial password is changed
	}
	a.Grants, a.Households = f.grants, f.bound
	return a, nil
}

// lookUp reads the facts about sessions: officers and merchants' people with all their roles in one query, which is a snapshot of
// its own; villagers' households in a second one. The same session may occur many times.
func (s *Service) lookUp(ctx context.Context, sessions []id.ID) []batch.Result[facts] {
	var known map[id.ID]facts
	err := s.db.Look(ctx, func(tx db.Tx) (err error) {
		known, err = s.read(tx, sessions)
		return err
	})
	out := make([]batch.Result[facts], len(sessions))
	for i, k := range sessions {
		out[i] = batch.Result[facts]{Value: known[k], Err: err}
	}
	return out
}

type sessionUser struct {
	session          id.ID
	expires, revoked int64
	user             userRow
	regions          int64 // the stamp of the regions
	// One of the user's roles, a row for each; empty where the user has none.
	role                     Role
	region, merchant, branch id.ID
}

type boundRow struct {
	UserID      id.ID `gorm:"column:user_id"`
	HouseholdID id.ID `gorm:"column:household_id"`
	VillageID   id.ID `gorm:"column:village_id"`
}

func (s *Service) read(tx db.Tx, sessions []id.ID) (map[id.ID]facts, error) {
	var rows []sessionUser
	const q = "SELECT s.id, s.expires_at, s.revoked_at, u.id, u.kind, u.name, u.must_change, u.disabled_at, " +
		"(SELECT COALESCE(MAX(n), 0) FROM stamps WHERE name = '" + stamp.Regions + "'), COALESCE(r.role, ''), COALESCE(r.region_id, 0), COALESCE(r.merchant_id, 0), COALESCE(r.branch_id, 0) " +
		"FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN user_roles r ON r.user_id = u.id WHERE s.id IN ?"
	each := func(in db.Row) error {
		var r sessionUser
		err := in.Scan(&r.session, &r.expires, &r.revoked, &r.user.ID, &r.user.Kind, &r.user.Name, &r.user.MustChange, &r.user.DisabledAt,
			&r.regions, &r.role, &r.region, &r.merchant, &r.branch)
		rows = append(rows, r)
		return err
	}
	if err := db.Query(tx, each, q, db.ListOf(distinct(sessions))); err != nil {
		return nil, fmt.Errorf("reading sessions: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	regions, err := s.trees.get(tx, rows[0].regions)
	if err != nil {
		return nil, err
	}
	out := make(map[id.ID]facts, len(rows))
	var villagers []id.ID
	for _, r := range rows {
		f := out[r.session]
		f.live, f.user = r.revoked == 0 && r.expires > tx.Millis(), r.user
		switch {
		case r.user.Kind == KindVillager:
			villagers = append(villagers, r.user.ID)
		case r.role == "" || r.role == RoleSystem: // the system's is never given to a log-in, whoever wrote the row
		default:
			f.grants = append(f.grants, r.grant(regions))
		}
		out[r.session] = f
	}
	if len(villagers) == 0 {
		return out, nil
	}
	bound, err := boundOf(tx, distinct(villagers))
	if err != nil {
		return nil, err
	}
	for session, f := range out {
		if f.user.Kind == KindVillager {
			b := bound[f.user.ID]
			f.bound, f.grants = b.households, []Grant{{Role: RoleVillager, Regions: regions.reach(b.villages)}}
			out[session] = f
		}
	}
	return out, nil
}

// grant resolves a role to what it reaches.
func (r sessionUser) grant(regions *tree) Grant {
	g := Grant{Role: r.role, Region: r.region, Anywhere: r.role == RoleAdmin, Merchant: r.merchant, Branch: r.branch}
	if r.region != 0 && !g.Anywhere {
		g.Regions = regions.below[r.region]
	}
	return g
}

// bound is what a villager looks after.
type bound struct {
	households []id.ID
	villages   []id.ID // of those, each once
}

// boundOf reads villagers' households; the one role there is for villagers reaches their villages.
func boundOf(tx db.Tx, users []id.ID) (map[id.ID]bound, error) {
	var rows []boundRow
	const q = "SELECT b.user_id, b.household_id, h.village_id FROM user_households b JOIN households h ON h.id = b.household_id " +
		"WHERE b.user_id IN ? ORDER BY b.bound_at, b.household_id"
	if err := tx.Raw(q, users).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading bound households: %w", err)
	}
	out := make(map[id.ID]bound, len(users))
	for _, r := range rows {
		b := out[r.UserID]
		b.households = append(b.households, r.HouseholdID)
		if !slices.Contains(b.villages, r.VillageID) {
			b.villages = append(b.villages, r.VillageID)
		}
		out[r.UserID] = b
	}
	return out, nil
}

func distinct(ids []id.ID) []id.ID {
	out := slices.Clone(ids)
	slices.Sort(out)
	return slices.Compact(out)
}
