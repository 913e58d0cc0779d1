package board

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"jishan/internal/cal"
	"jishan/internal/conf"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rdb"
	"jishan/internal/testkit"
)

func TestMain(m *testing.M) {
	rdb.LogTo(slog.New(slog.DiscardHandler)) // tests that stop Redis make the library talk
	os.Exit(m.Run())
}

// testDB is the number of the database that these tests have to themselves on a real Redis, so that they may flush it.
const testDB = 9

// each runs the test on the Redis in process and, when TEST_REDIS names one, on a real one.
func each(t *testing.T, test func(t *testing.T, r *rdb.Redis)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) { test(t, open(t, conf.Redis{})) })
	if addrs := realRedis(); len(addrs) > 0 {
		t.Run("real", func(t *testing.T) { test(t, open(t, conf.Redis{Addrs: addrs, DB: testDB})) })
	}
}

// realRedis are the addresses in TEST_REDIS.
func realRedis() []string {
	return strings.FieldsFunc(os.Getenv("TEST_REDIS"), func(c rune) bool { return c == ',' })
}

func open(t testing.TB, c conf.Redis) *rdb.Redis {
	r, err := rdb.Open(context.Background(), c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// stoppable is a Redis that the test can stop and start.
func stoppable(t testing.TB) (*miniredis.Miniredis, *rdb.Redis) {
	server := miniredis.RunT(t)
	return server, open(t, conf.Redis{Addrs: []string{server.Addr()}})
}

// world is a small township: two villages of two groups; every group has three households of two persons, every village a
// branch of three members.
type world struct {
	t        testing.TB
	d        *db.DB
	clock    *testkit.Clock
	r        *rdb.Redis
	s        *Service
	county   people.Region
	township people.Region
	villages []people.Region
	groups   map[id.ID][]people.Region // by village
	houses   map[id.ID][]id.ID         // by group and by village
	persons  map[id.ID][]id.ID         // by household
	members  map[id.ID][]id.ID         // by village
	branches map[id.ID]id.ID           // by village
	home     map[id.ID]id.ID           // household → village
}

func newWorld(t testing.TB, r *rdb.Redis) *world {
	clock := testkit.NewClock(t, "2026-11-23 10:00")
	d := testkit.DBAt(t, clock)
	w := &world{t: t, d: d, clock: clock, r: r, s: New(d, r, Options{Prefix: "test-" + id.New().String() + ":"}),
		groups: map[id.ID][]people.Region{}, houses: map[id.ID][]id.ID{}, persons: map[id.ID][]id.ID{}, members: map[id.ID][]id.ID{},
		branches: map[id.ID]id.ID{}, home: map[id.ID]id.ID{}}
	w.county = w.region(0, people.County, "433100", "花垣县")
	w.township = w.region(w.county.ID, people.Township, "433124101", "麻栗场镇")
	for i, name := range []string{"小渔溪村", "芷溪村"} {
		v := w.region(w.township.ID, people.Village, fmt.Sprintf("43312410120%d", i), name)
		w.villages = append(w.villages, v)
		branch := id.New()
		w.branches[v.ID] = branch
		w.exec("INSERT INTO party_branches (id, village_id, name, secretary, created_at) VALUES (?, ?, ?, '', 0)", branch, v.ID, name+"支部")
		for g := range 2 {
			group := w.region(v.ID, people.Group, fmt.Sprintf("%s%02d", v.Code, g+1), fmt.Sprintf("%d组", g+1))
			w.groups[v.ID] = append(w.groups[v.ID], group)
			for h := range 3 {
				w.household(v, group, fmt.Sprintf("户主%d%d", g, h))
			}
		}
		for m := range 3 {
			w.member(v, w.persons[w.houses[v.ID][m]][0], fmt.Sprintf("党员%d%d", i, m))
		}
	}
	return w
}

func (w *world) exec(q string, args ...any) {
	w.t.Helper()
	require.NoError(w.t, w.d.Tx(context.Background(), func(tx db.Tx) error { return tx.Exec(q, args...).Error }))
}

func (w *world) region(parent id.ID, kind people.RegionKind, code, name string) (out people.Region) {
	w.t.Helper()
	require.NoError(w.t, w.d.Tx(context.Background(), func(tx db.Tx) (err error) {
		out, err = people.InsertRegion(tx, people.NewRegion{Parent: parent, Kind: kind, Code: code, Name: name})
		return err
	}))
	return out
}

// household adds a household of two.
func (w *world) household(v, group people.Region, head string) id.ID {
	h := id.New()
	w.exec("INSERT INTO households (id, village_id, group_id, code, head_name, pinyin, initials, address, state, created_at, updated_at) VALUES (?, ?, ?, ?, ?, '', '', '', 1, 0, 0)",
		h, v.ID, group.ID, h.String(), head)
	for _, relation := range []string{"户主", "配偶"} {
		p := id.New()
		w.exec("INSERT INTO villagers (id, village_id, household_id, name, pinyin, initials, relation, phone_tail, state, created_at, updated_at) VALUES (?, ?, ?, ?, '', '', ?, '', 1, 0, 0)",
			p, v.ID, h, head+relation, relation)
		w.persons[h] = append(w.persons[h], p)
	}
	w.houses[v.ID] = append(w.houses[v.ID], h)
	w.houses[group.ID] = append(w.houses[group.ID], h)
	w.home[h] = v.ID
	return h
}

func (w *world) member(v people.Region, villager id.ID, name string) {
	m := id.New()
	w.exec("INSERT INTO party_members (id, villager_id, village_id, branch_id, name, initials, class, state, created_at, updated_at) VALUES (?, ?, ?, ?, ?, '', 1, 1, 0, 0)",
		m, villager, v.ID, w.branches[v.ID], name)
	w.members[v.ID] = append(w.members[v.ID], m)
}

// award books points for a household, by its first person, in a month; negative deducts.
func (w *world) award(h id.ID, month cal.Month, n points.Amount) {
	v := w.home[h]
	w.post(ledger.Posting{Book: v, Asset: ledger.Points, Household: h, Person: w.persons[h][0], From: ledger.Issue(v, ledger.Points), To: ledger.Wallet(v, h)}, month, n)
}

// assess books a party score.
func (w *world) assess(v, member id.ID, month cal.Month, n points.Amount) {
	w.post(ledger.Posting{Book: v, Asset: ledger.PartyScore, Member: member, Branch: w.branches[v], From: ledger.Issue(v, ledger.PartyScore), To: ledger.Party(v, member)}, month, n)
}

func (w *world) post(p ledger.Posting, month cal.Month, n points.Amount) {
	if err := w.tryPost(p, month, n); err != nil {
		require.NoError(w.t, err)
	}
}

// tryPost may be called from any goroutine.
func (w *world) tryPost(p ledger.Posting, month cal.Month, n points.Amount) error {
	p.Kind, p.Score, p.Amount, p.Month, p.Day, p.Reason = ledger.Award, n, n, month, month.First(), "打扫庭院"
	if n < 0 {
		p.Kind, p.Amount, p.From, p.To, p.Shortfall, p.Owing = ledger.Deduct, -n, p.To, p.From, ledger.Owe, points.Whole(1_000_000)
	}
	return w.d.Tx(context.Background(), func(tx db.Tx) error {
		b := ledger.Begin(tx)
		if err := b.Lock(p.From, p.To); err != nil {
			return err
		}
		if _, err := b.Post(p); err != nil {
			return err
		}
		return b.Seal()
	})
}

// tick runs the job once.
func (w *world) tick() {
	w.t.Helper()
	require.NoError(w.t, w.s.Tick(context.Background()))
}

// top reads a whole board.
func (w *world) top(scope id.ID, subject Subject, p cal.Period) Page {
	w.t.Helper()
	page, err := w.s.Top(context.Background(), Query{Scope: scope, Subject: subject, Period: p, Limit: maxLimit})
	require.NoError(w.t, err)
	return page
}

// clean requires that every board equals the scores.
func (w *world) clean(t require.TestingT) {
	for _, r := range append([]people.Region{w.county, w.township}, w.villages...) {
		w.cleanIn(t, r)
	}
	for _, groups := range w.groups {
		for _, r := range groups {
			w.cleanIn(t, r)
		}
	}
}

func (w *world) cleanIn(t require.TestingT, r people.Region) {
	for _, subject := range Subjects(r.Kind) {
		found, err := w.s.differences(context.Background(), r, subject)
		require.NoError(t, err)
		require.Empty(t, found)
	}
}

const thisMonth = cal.Month(202611)

func month(m cal.Month) cal.Period { return cal.Period{Kind: cal.ByMonth, N: int32(m)} }

var always = cal.Period{Kind: cal.ForAll}
