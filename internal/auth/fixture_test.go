package auth

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/audit"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/stamp"
	"jishan/internal/testkit"
)

const (
	testSecret   = "a-root-secret-for-tests-0123456789"
	testPassword = "xiaoyuxi2026"
)

var (
	ctx    = context.Background()
	origin = Origin{Device: "浏览器", Address: "10.1.2.3", RequestID: "req-1"}
	system = System("test")
)

// world is two townships of a county with two villages each, a shop in either, a county supermarket and some households.
type world struct {
	t     testing.TB
	clock *testkit.Clock
	dsn   string
	db    *db.DB
	s     *Service

	county, town, otherTown              id.ID
	village, neighbour, far              id.ID
	group                                id.ID
	shop, otherShop, supermarket         id.ID
	branch, otherBranch                  id.ID
	household, household2, farHousehold  id.ID
	villager                             id.ID
	regionCodes                          int
	hashed                               string
	admin, mayor, otherMayor, headman    User
	supervisor, owner, clerk, otherOwner User
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, clock: testkit.NewClock(t, "2026-11-23 10:00"), dsn: testkit.DSN(t)}
	w.db = testkit.Reopen(t, w.dsn, w.clock)
	w.s = w.service(Options{})
	w.county = w.region(1, 0, 0, 0)
	w.town = w.region(2, w.county, 0, 0)
	w.otherTown = w.region(2, w.county, 0, 0)
	w.village = w.region(3, w.county, w.town, 0)
	w.neighbour = w.region(3, w.county, w.town, 0)
	w.far = w.region(3, w.county, w.otherTown, 0)
	w.group = w.region(4, w.county, w.town, w.village)
	w.shop, w.otherShop, w.supermarket = w.merchant(w.town), w.merchant(w.otherTown), w.merchant(w.county)
	w.branch, w.otherBranch = w.partyBranch(w.village), w.partyBranch(w.neighbour)
	w.household, w.household2, w.farHousehold = w.house(w.village), w.house(w.village), w.house(w.far)
	w.villager = w.person(w.household, w.village, "李大山")
	return w
}

// staff adds one log-in of each sort, all with testPassword.
func (w *world) staff() *world {
	var err error
	w.hashed, err = w.s.hasher.hash(ctx, testPassword)
	require.NoError(w.t, err)
	w.admin = w.user(KindOfficer, "root", Assignment{Role: RoleAdmin})
	w.mayor = w.user(KindOfficer, "mayor", Assignment{Role: RoleTownship, Region: w.town})
	w.otherMayor = w.user(KindOfficer, "othermayor", Assignment{Role: RoleTownship, Region: w.otherTown})
	w.headman = w.user(KindOfficer, "headman", Assignment{Role: RoleVillage, Region: w.village})
	w.supervisor = w.user(KindOfficer, "supervisor", Assignment{Role: RoleSupervisor, Region: w.village})
	w.owner = w.user(KindMerchant, "owner", Assignment{Role: RoleOwner, Merchant: w.shop})
	w.clerk = w.user(KindMerchant, "clerk", Assignment{Role: RoleClerk, Merchant: w.shop})
	w.otherOwner = w.user(KindMerchant, "otherowner", Assignment{Role: RoleOwner, Merchant: w.otherShop})
	return w
}

// user writes a user without the cost of a hash of its own.
func (w *world) user(kind Kind, login string, roles ...Assignment) User {
	w.t.Helper()
	u := userRow{ID: id.New(), Kind: kind, Login: login, Name: "名" + login, PasswordHash: w.hashed}
	w.tx(func(tx db.Tx) error {
		if err := insertUser(tx, u); err != nil {
			return err
		}
		return replaceRoles(tx, u.ID, roles)
	})
	out := u.user(nil)
	out.Roles = roles
	return out
}

func (w *world) service(o Options) *Service { return w.serviceOn(w.db, o) }

func (w *world) serviceOn(d *db.DB, o Options) *Service {
	w.t.Helper()
	if o.Secret == "" {
		o.Secret = testSecret
	}
	o.AccessTTL, o.RefreshTTL = 15*time.Minute, 30*24*time.Hour
	s, err := New(d, o)
	require.NoError(w.t, err)
	w.t.Cleanup(s.Close)
	return s
}

// elsewhere is a second process on the same database.
func (w *world) elsewhere() *Service {
	return w.serviceOn(testkit.Reopen(w.t, w.dsn, w.clock), Options{})
}

func (w *world) tx(fn func(tx db.Tx) error) {
	w.t.Helper()
	require.NoError(w.t, w.db.Tx(ctx, fn))
}

func (w *world) exec(q string, args ...any) {
	w.t.Helper()
	w.tx(func(tx db.Tx) error { return tx.Exec(q, args...).Error })
}

func (w *world) count(q string, args ...any) (n int) {
	w.t.Helper()
	require.NoError(w.t, w.db.Read(ctx, func(tx db.Tx) error { return tx.Raw(q, args...).Row().Scan(&n) }))
	return n
}

func (w *world) region(kind int, county, town, village id.ID) id.ID {
	w.t.Helper()
	k := id.New()
	own := map[int]*id.ID{1: &county, 2: &town, 3: &village}
	parent := max(village, 0)
	if parent == 0 {
		if parent = town; parent == 0 {
			parent = county
		}
	}
	if p, ok := own[kind]; ok {
		*p = k // a region is its own ancestor at its level
	}
	w.regionCodes++
	w.exec("INSERT INTO regions (id, parent_id, kind, code, name, initials, county_id, township_id, village_id, created_at) VALUES (?,?,?,?,?,?,?,?,?,1)",
		k, parent, kind, strings.Repeat("9", w.regionCodes), "地区", "DQ", county, town, village)
	w.tx(func(tx db.Tx) error { return stamp.Count(tx, stamp.Regions) })
	return k
}

func (w *world) merchant(region id.ID) id.ID {
	k := id.New()
	w.exec("INSERT INTO merchants (id, code, name, initials, region_id, address, phone, free_amount, state, created_at, updated_at) VALUES (?,?,?,'',?,'','',0,1,1,1)",
		k, k.String(), "超市", region)
	return k
}

func (w *world) partyBranch(village id.ID) id.ID {
	k := id.New()
	w.exec("INSERT INTO party_branches (id, village_id, name, secretary, created_at) VALUES (?,?,'党支部','',1)", k, village)
	return k
}

func (w *world) house(village id.ID) id.ID {
	k := id.New()
	w.exec("INSERT INTO households (id, village_id, code, head_name, pinyin, initials, address, state, created_at, updated_at) VALUES (?,?,?,'李大山','','','',1,1,1)",
		k, village, strings.ToUpper(k.String()[:8]))
	return k
}

func (w *world) person(household, village id.ID, name string) id.ID {
	k := id.New()
	w.exec("INSERT INTO villagers (id, village_id, household_id, name, pinyin, initials, relation, phone_tail, state, created_at, updated_at) VALUES (?,?,?,?,'','','','',1,1,1)",
		k, village, household, name)
	return k
}

func (w *world) login(u User) Tokens {
	w.t.Helper()
	t, err := w.s.Login(ctx, Credentials{Kind: u.Kind, Login: u.Login, Password: testPassword}, origin)
	require.NoError(w.t, err)
	return t
}

// as is the user's actor, without a log-in.
// card logs in with a house card whose PIN is right.
func (w *world) card(household id.ID) (Tokens, error) {
	return w.s.LoginCard(ctx, "card of "+household.String(), origin, func(context.Context, Actor) (id.ID, error) { return household, nil })
}

// bind binds a household that the actor has proved to be of.
func (w *world) bind(s *Service, a Actor, household, villager id.ID) error {
	return s.Bind(ctx, a, func(db.Tx) (id.ID, id.ID, error) { return household, villager, nil })
}

func (w *world) as(u User) Actor {
	w.t.Helper()
	var t Tokens
	w.tx(func(tx db.Tx) (err error) {
		row, _, err := userByID(tx, u.ID, "")
		if err != nil {
			return err
		}
		t, err = w.s.startSession(tx, row, origin)
		return err
	})
	return w.actor(t)
}

func (w *world) actor(t Tokens) Actor {
	w.t.Helper()
	a, err := w.s.Authenticate(ctx, t.Access, origin.Address, origin.RequestID)
	require.NoError(w.t, err)
	return a
}

func (w *world) log(action string) (out []audit.Record) {
	w.t.Helper()
	require.NoError(w.t, w.db.Read(ctx, func(tx db.Tx) (err error) {
		out, err = audit.List(tx, audit.Filter{Anywhere: true, Action: action}, audit.Cursor{}, 100)
		return err
	}))
	return out
}
