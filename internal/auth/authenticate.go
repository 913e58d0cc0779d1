package auth

import (
	"context"
	"fmt"
	"slices"

	"jishan/internal/db"
	"jishan/internal/db/batch"
	"jishan/internal/id"
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
	who, err := s.parseAccess(accessToken)
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

// lookUp reads the facts about sessions in one snapshot, a query per table. The same session may occur many times.
func (s *Service) lookUp(ctx context.Context, sessions []id.ID) []batch.Result[facts] {
	var known map[id.ID]facts
	err := s.db.Read(ctx, func(tx db.Tx) (err error) {
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
	SessionID  id.ID  `gorm:"column:session_id"`
	ExpiresAt  int64  `gorm:"column:expires_at"`
	RevokedAt  int64  `gorm:"column:revoked_at"`
	UserID     id.ID  `gorm:"column:user_id"`
	Kind       Kind   `gorm:"column:kind"`
	Name       string `gorm:"column:name"`
	MustChange bool   `gorm:"column:must_change"`
	DisabledAt int64  `gorm:"column:disabled_at"`
}

type boundRow struct {
	UserID      id.ID `gorm:"column:user_id"`
	HouseholdID id.ID `gorm:"column:household_id"`
	VillageID   id.ID `gorm:"column:village_id"`
}

func (s *Service) read(tx db.Tx, sessions []id.ID) (map[id.ID]facts, error) {
	var rows []sessionUser
	const q = "SELECT s.id AS session_id, s.expires_at, s.revoked_at, s.user_id, u.kind, u.name, u.must_change, u.disabled_at " +
		"FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id IN ?"
	if err := tx.Raw(q, distinct(sessions)).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading sessions: %w", err)
	}
	var staff, villagers []id.ID
	for _, r := range rows {
		if r.Kind == KindVillager {
			villagers = append(villagers, r.UserID)
		} else {
			staff = append(staff, r.UserID)
		}
	}
	grants, err := s.grantsOf(tx, distinct(staff))
	if err != nil {
		return nil, err
	}
	bound, err := s.boundOf(tx, distinct(villagers), grants)
	if err != nil {
		return nil, err
	}
	out := make(map[id.ID]facts, len(rows))
	for _, r := range rows {
		out[r.SessionID] = facts{
			live:   r.RevokedAt == 0 && r.ExpiresAt > tx.Millis(),
			user:   userRow{ID: r.UserID, Kind: r.Kind, Name: r.Name, MustChange: r.MustChange, DisabledAt: r.DisabledAt},
			grants: grants[r.UserID],
			bound:  bound[r.UserID],
		}
	}
	return out, nil
}

// grantsOf resolves the roles of officers and merchants' people to what they reach.
func (s *Service) grantsOf(tx db.Tx, users []id.ID) (map[id.ID][]Grant, error) {
	out := make(map[id.ID][]Grant, len(users))
	if len(users) == 0 {
		return out, nil
	}
	var rows []roleRow
	const q = "SELECT user_id, role, region_id, merchant_id, branch_id FROM user_roles WHERE user_id IN ?"
	if err := tx.Raw(q, users).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading roles: %w", err)
	}
	var regions *tree
	for _, r := range rows {
		g := Grant{Role: r.Role, Region: r.RegionID, Anywhere: r.Role == RoleAdmin, Merchant: r.MerchantID, Branch: r.BranchID}
		if r.Role == RoleSystem {
			continue // never given to a log-in, whoever wrote the row
		}
		if r.RegionID != 0 && !g.Anywhere {
			if regions == nil {
				var err error
				if regions, err = s.trees.get(tx); err != nil {
					return nil, err
				}
			}
			g.Regions = regions.below[r.RegionID]
		}
		out[r.UserID] = append(out[r.UserID], g)
	}
	return out, nil
}

// boundOf reads villagers' households and gives each villager the one role there is for them, reaching the villages of the
// households.
func (s *Service) boundOf(tx db.Tx, users []id.ID, grants map[id.ID][]Grant) (map[id.ID][]id.ID, error) {
	bound := make(map[id.ID][]id.ID, len(users))
	if len(users) == 0 {
		return bound, nil
	}
	var rows []boundRow
	const q = "SELECT b.user_id, b.household_id, h.village_id FROM user_households b JOIN households h ON h.id = b.household_id " +
		"WHERE b.user_id IN ? ORDER BY b.bound_at, b.household_id"
	if err := tx.Raw(q, users).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading bound households: %w", err)
	}
	villages := make(map[id.ID][]id.ID, len(users))
	for _, r := range rows {
		bound[r.UserID] = append(bound[r.UserID], r.HouseholdID)
		if !slices.Contains(villages[r.UserID], r.VillageID) {
			villages[r.UserID] = append(villages[r.UserID], r.VillageID)
		}
	}
	regions, err := s.trees.get(tx)
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		grants[u] = []Grant{{Role: RoleVillager, Regions: regions.reach(villages[u])}}
	}
	return bound, nil
}

func distinct(ids []id.ID) []id.ID {
	out := slices.Clone(ids)
	slices.Sort(out)
	return slices.Compact(out)
}
