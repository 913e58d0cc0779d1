package auth

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	f, err := s.lane.Submit(ctx, who)
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

// Remember is Authenticate without asking the database, for operations that ask Stale in the transaction in which they act: it answers for
// officers and merchants' people whose rights are known from an earlier look. Where it does not answer, ask Authenticate, which says why.
func (s *Service) Remember(accessToken, address, requestID string) (Actor, bool) {
	who, err := s.identify(accessToken)
	if err != nil || who.kind == KindVillager {
		return Actor{}, false
	}
	list, count, ok := s.kept.Peek(who.session)
	regions := s.trees.peek()
	if !ok || regions == nil {
		return Actor{}, false
	}
	f := staffFacts(list, regions, s.db.Now().UnixMilli())
	if !f.live || f.user.DisabledAt != 0 || f.user.MustChange || f.user.ID != who.user || f.user.Kind != who.kind {
		return Actor{}, false
	}
	a := f.user.actor(who.session, Origin{Address: address, RequestID: requestID})
	a.Grants, a.seen = f.grants, seen{true, count, regions.count}
	return a, true
}

// lookUp finds the facts about sessions of this moment. The same session may occur many times. Those of officers and merchants' people
// are kept: while the stamp says that nobody's access has changed, one row is read for all of them. Villagers, of whom there are
// many, who come seldom and whose households change with people moving, are read every time.
func (s *Service) lookUp(ctx context.Context, who []identity) []batch.Result[facts] {
	var staff, villagers []id.ID
	for _, w := range who {
		if w.kind == KindVillager {
			villagers = append(villagers, w.session)
		} else {
			staff = append(staff, w.session)
		}
	}
	known := make(map[id.ID]facts, len(who))
	err := s.db.Look(ctx, func(tx db.Tx) error {
		return errors.Join(s.ofStaff(tx, distinct(staff), known), s.ofVillagers(tx, distinct(villagers), known))
	})
	out := make([]batch.Result[facts], len(who))
	for i, w := range who {
		out[i] = batch.Result[facts]{Value: known[w.session], Err: err}
	}
	return out
}

type sessionUser struct {
	session          id.ID
	expires, revoked int64
	user             userRow
	// One of the user's roles, a row for each; empty where the user has none.
	role                     Role
	region, merchant, branch id.ID
}

type boundRow struct {
	UserID      id.ID `gorm:"column:user_id"`
	HouseholdID id.ID `gorm:"column:household_id"`
	VillageID   id.ID `gorm:"column:village_id"`
}

// ofStaff puts the facts about sessions of officers and merchants' people into known.
func (s *Service) ofStaff(tx db.Tx, sessions []id.ID, known map[id.ID]facts) error {
	if len(sessions) == 0 {
		return nil
	}
	counts, err := stamp.ReadAll(tx, stamp.Access, stamp.Regions)
	if err != nil {
		return err
	}
	rows, err := s.kept.Get(counts[stamp.Access], sessions, func(missing []id.ID) (map[id.ID][]sessionUser, error) { return sessionUsers(tx, missing) })
	if err != nil {
		return err
	}
	var over []id.ID // as they were kept; a refresh, which nobody counts, may have made them longer
	for session, list := range rows {
		if list[0].expires <= tx.Millis() {
			over = append(over, session)
		}
	}
	if len(over) > 0 {
		again, err := sessionUsers(tx, over)
		if err != nil {
			return err
		}
		maps.Copy(rows, again)
	}
	regions, err := s.trees.get(tx, counts[stamp.Regions])
	if err != nil {
		return err
	}
	for session, list := range rows {
		known[session] = staffFacts(list, regions, tx.Millis())
	}
	return nil
}

// staffFacts are those of a session's rows.
func staffFacts(list []sessionUser, regions *tree, now int64) facts {
	f := list[0].facts(now)
	for _, r := range list {
		if r.role != "" && r.role != RoleSystem { // the system's is never given to a log-in, whoever wrote the row
			f.grants = append(f.grants, r.grant(regions))
		}
	}
	return f
}

// ofVillagers puts the facts about villagers' sessions into known: their households are their rights.
func (s *Service) ofVillagers(tx db.Tx, sessions []id.ID, known map[id.ID]facts) error {
	if len(sessions) == 0 {
		return nil
	}
	rows, err := sessionUsers(tx, sessions)
	if err != nil || len(rows) == 0 {
		return err
	}
	count, err := stamp.Read(tx, stamp.Regions)
	if err != nil {
		return err
	}
	regions, err := s.trees.get(tx, count)
	if err != nil {
		return err
	}
	var users []id.ID
	for _, list := range rows {
		users = append(users, list[0].user.ID)
	}
	bound, err := boundOf(tx, distinct(users))
	if err != nil {
		return err
	}
	for session, list := range rows {
		f := list[0].facts(tx.Millis())
		b := bound[f.user.ID]
		f.bound, f.grants = b.households, []Grant{{Role: RoleVillager, Regions: regions.reach(b.villages)}}
		known[session] = f
	}
	return nil
}

// sessionUsers reads sessions with their users, a row for each of the user's roles.
func sessionUsers(tx db.Tx, sessions []id.ID) (map[id.ID][]sessionUser, error) {
	out := make(map[id.ID][]sessionUser, len(sessions))
	const q = "SELECT s.id, s.expires_at, s.revoked_at, u.id, u.kind, u.name, u.must_change, u.disabled_at, " +
		"COALESCE(r.role, ''), COALESCE(r.region_id, 0), COALESCE(r.merchant_id, 0), COALESCE(r.branch_id, 0) " +
		"FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN user_roles r ON r.user_id = u.id WHERE s.id IN ?"
	each := func(in db.Row) error {
		var r sessionUser
		err := in.Scan(&r.session, &r.expires, &r.revoked, &r.user.ID, &r.user.Kind, &r.user.Name, &r.user.MustChange, &r.user.DisabledAt,
			&r.role, &r.region, &r.merchant, &r.branch)
		out[r.session] = append(out[r.session], r)
		return err
	}
	if err := db.Query(tx, each, q, db.ListOf(sessions)); err != nil {
		return nil, fmt.Errorf("reading sessions: %w", err)
	}
	return out, nil
}

// facts are those that every role shares.
func (r sessionUser) facts(now int64) facts {
	return facts{live: r.revoked == 0 && r.expires > now, user: r.user}
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
