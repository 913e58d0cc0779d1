package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/app/apptest"
	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/bench/growth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/jobs"
	"jishan/internal/ledger"
	"jishan/internal/redeem"
	"jishan/internal/shop"
)

// whole are the statements that may read everything of a large table, each with its reason, by a part of their text.
var whole = map[string]string{
	"v.name LIKE ? ESCAPE '!'":   "a name is searched for by any part of it, by a county in all of its villages: every name is read",
	"DELETE FROM login_attempts": "an hourly sweep; the table holds the failures of minutes",
	"DELETE FROM sessions":       "an hourly sweep; the table holds the log-ins that are good now",
}

// wholeOnSQLite are those that SQLite, which keeps no statistics of ours, answers from all of a village's redemptions: a few
// thousand a year, read in order of the primary key, where MySQL goes by the month.
var wholeOnSQLite = []string{"FROM redemptions WHERE month = ? AND village_id = ? GROUP BY", "FROM redemptions WHERE village_id IN (?) AND month = ?",
	"FROM redemptions WHERE village_id = ? AND month = ? ORDER BY at DESC"}

// leaned are the indexes without which awards, statements and lists would be slow for everybody.
var leaned = []string{"awards_subject", "awards_day", "ledger_entries_account", "redemptions_household", "redemptions_merchant", "audit_log_village", "notices_household"}

// TestNoHotQueryScans fills a township with two years, runs what people and jobs do all day, and asks the database how it finds
// the rows of every statement that was sent. Then it takes the indexes that the daily work leans on away in turn: that must be noticed.
func TestNoHotQueryScans(t *testing.T) {
	ctx := context.Background()
	first := apptest.Start(t, func(s *apptest.Setup) { s.Config.Jobs.Enabled = false })
	d := first.DB
	today := cal.DayOf(d.Now())
	c, err := growth.Found(ctx, first.Services, d, 16, 40, today.Add(-731))
	require.NoError(t, err)
	c.From, c.To, c.Rows, c.Workers = today.Add(-730), today.Add(-1), 75_000, 1
	n, err := growth.Fill(ctx, d, c.Plan)
	require.NoError(t, err)
	require.Greater(t, n.Transactions, int64(20_000))
	var before ledger.Mark
	require.NoError(t, d.Read(ctx, func(tx db.Tx) error {
		_, mark, err := ledger.VerifyBook(tx, c.Villages[3].ID, nil)
		before = *mark
		return err
	}))
	analyze(t, d)

	var r recorder
	s := apptest.Start(t, func(s *apptest.Setup) {
		s.Config.DB.DSN, s.Options.BoardPrefix = first.Config.DB.DSN, first.Prefix
		s.Options.Statements = r.tell
	})
	day(t, s, c, &before)
	list := r.statements()
	t.Logf("%d shapes of statements", len(list))
	require.Greater(t, len(list), 90, "the statements are not recorded")
	for _, part := range []string{"FROM accounts a", "FROM ledger_heads WHERE", "FROM awards WHERE state", "FROM outbox WHERE id >", "FROM lots l JOIN accounts", "FROM sessions", "used_codes",
		"FROM ledger_checkpoints", "FROM ledger_seals WHERE book_id", "FROM scores WHERE owner_id", "FROM audit_log", "FROM board_snapshots", "UPDATE leases", "FROM villagers WHERE", "FROM notices"} {
		require.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(list)), func(q string) bool { return strings.Contains(q, part) }), "no statement has %q", part)
	}

	used := map[string]bool{}
	hot := map[string]statement{}
	require.NoError(t, d.Look(ctx, func(tx db.Tx) error {
		for _, shape := range slices.Sorted(maps.Keys(list)) {
			if d.Dialect == db.SQLite && slices.ContainsFunc(wholeOnSQLite, func(part string) bool { return strings.Contains(shape, part) }) {
				continue
			}
			if part := excused(shape); part != "" {
				used[part] = true
				continue
			}
			hot[shape] = list[shape]
			complaints, err := judge(tx, list[shape])
			require.NoError(t, err, shape)
			for _, what := range complaints {
				t.Errorf("%s\n\tin: %s", what, shape)
			}
		}
		return nil
	}))
	for part := range whole {
		require.True(t, used[part], "%q is excused and never sent", part)
	}

	for _, i := range indexes(t, d) {
		if slices.Contains(leaned, i.name) {
			require.NotEmpty(t, i.without(t, d, hot), "without the index %s of %s no plan is complained of: the judge is blind", i.name, i.table)
		}
	}
}

func excused(shape string) string {
	for part := range whole {
		if strings.Contains(shape, part) {
			return part
		}
	}
	return ""
}

// day is what is done all day: by officers, at the counter, by villagers, by the jobs.
func day(t *testing.T, s *apptest.Server, c *growth.County, before *ledger.Mark) {
	ctx := context.Background()
	today := cal.DayOf(s.DB.Now())
	web := client{base: s.URL}
	account := func(kind auth.Kind, audience, name string, role auth.Assignment) client {
		_, _, err := s.Auth.CreateUser(ctx, system, auth.NewUser{Kind: kind, Login: name, Name: name, Password: password, Roles: []auth.Assignment{role}})
		require.NoError(t, err)
		return login(t, web, audience, name, password)
	}
	v := c.Villages[3]
	county := account(auth.KindOfficer, "officer", "county", auth.Assignment{Role: auth.RoleTownship, Region: c.ID})
	officer := account(auth.KindOfficer, "officer", "village", auth.Assignment{Role: auth.RoleVillage, Region: v.ID})
	clerk := account(auth.KindMerchant, "merchant", "clerk", auth.Assignment{Role: auth.RoleClerk, Merchant: v.Merchant})
	owner := account(auth.KindMerchant, "merchant", "owner", auth.Assignment{Role: auth.RoleOwner, Merchant: v.Merchant})
	house := v.Houses[5]
	home := villager(t, web, house.ID)

	// Awards.
	path := "/villages/" + v.ID.String()
	grants := map[string]any{"grants": []map[string]any{{"rule": c.House.ID, "household": house.ID}, {"rule": c.Person.ID, "person": house.Head}}}
	post[api.AwardResult](t, officer, path+"/awards/preview", grants)
	key := newKey()
	for range 2 { // the second is a repetition
		a, err := officer.json(http.MethodPost, path+"/awards", key, grants)
		require.True(t, isOK(a, err), "%s", a)
	}
	var many []map[string]any
	for i := range 30 {
		many = append(many, map[string]any{"rule": c.House.ID, "household": v.Houses[i].ID})
	}
	booked := post[api.AwardResult](t, officer, path+"/awards", map[string]any{"grants": many})
	post[none](t, officer, fmt.Sprintf("%s/awards/%d/reverse", path, booked.Items[0].Number), map[string]any{"reason": "登记有误"})

	// The counter.
	for range 2 {
		code := get[struct{ Text string }](t, home, "/my/households/"+house.ID.String()+"/code")
		who := post[api.Identity](t, clerk, "/counter/identify", map[string]any{"text": code.Text})
		got := post[api.Receipt](t, clerk, "/counter/redemptions", map[string]any{"ticket": who.Ticket, "lines": []map[string]any{{"product": v.Product, "quantity": 1}}})
		get[api.Receipt](t, clerk, fmt.Sprintf("/redemptions/%s/%d", v.ID, got.Number))
		post[none](t, owner, fmt.Sprintf("/redemptions/%s/%d/refund", v.ID, got.Number), map[string]any{"reason": "坏了"})
	}
	for _, p := range []string{"/counter/redemptions?day=" + today.Add(-3).String(), "/products/" + v.Product.String() + "/moves", "/merchants/" + v.Merchant.String() + "/totals?month=" + today.Month().String(),
		"/merchants/" + v.Merchant.String() + "/products"} {
		paged(t, owner, p)
	}

	// What officers look at.
	month := today.Month().Add(-1).String()
	for _, p := range []string{
		path + "/awards", path + "/awards?household=" + house.ID.String(), path + "/awards?person=" + house.Head.String(), path + "/awards?standing=true",
		path + "/awards?from=" + today.Add(-40).String() + "&to=" + today.Add(-30).String(), path + "/redemptions?month=" + month, path + "/totals?month=" + month,
		path + "/clearings", path + "/expiry", path + "/months?n=6", path + "/silent-households", path + "/ledger/700",
		"/households?village=" + v.ID.String(), "/households?village=" + v.ID.String() + "&q=" + url.QueryEscape("王秀"), "/households?village=" + v.ID.String() + "&q=wxy",
		"/households?village=" + v.ID.String() + "&q=0012", "/households/" + house.ID.String(), "/households/" + house.ID.String() + "/balance",
		"/households/" + house.ID.String() + "/statement", "/households/" + house.ID.String() + "/redemptions", "/villagers/" + house.Head.String() + "/statement",
		"/households/" + house.ID.String() + "/logins", "/audit", "/audit?action=award", "/audit?actor=" + v.Officer.String(), "/regions/" + v.ID.String() + "/indicators?month=" + month,
	} {
		paged(t, officer, p)
	}
	for _, p := range []string{"/households?q=" + url.QueryEscape("王秀英"), "/audit?region=" + v.ID.String(), "/regions/" + c.Town.String() + "/indicators", "/users", "/auth/sessions",
		"/boards?scope=" + c.ID.String() + "&subject=household&period=" + today.Month().String(), "/boards?scope=" + c.ID.String() + "&subject=village&period=" + today.Month().String()} {
		paged(t, county, p)
	}

	// Villagers.
	mine := "/my/households/" + house.ID.String()
	for _, p := range []string{"/my/households", mine + "/balance", mine + "/statement", mine + "/redemptions", mine + "/members", mine + "/notices", mine + "/limits", mine + "/goods",
		mine + "/merchants", mine + "/rules?q=" + url.QueryEscape("庭院"), "/my/villagers/" + house.Head.String() + "/statement",
		"/boards?scope=" + v.ID.String() + "&subject=household&period=" + today.Month().String(),
		"/boards/around?scope=" + v.ID.String() + "&subject=household&period=" + today.Month().String() + "&id=" + house.ID.String()} {
		paged(t, home, p)
	}
	done, err := home.json(http.MethodPost, mine+"/notices/read", newKey(), map[string]any{})
	read[none](t, done, err)
	tokens := post[api.Tokens](t, web, "/auth/demo", api.DemoPick{Household: house.ID})
	post[api.Tokens](t, web, "/auth/refresh", map[string]string{"refresh_token": tokens.RefreshToken})
	refusal, err := web.json(http.MethodPost, "/auth/login", newKey(), map[string]string{"audience": "officer", "login": "county", "password": "not-the-password"})
	refused(t, refusal, err, http.StatusUnauthorized, "")
	verifyDay(t, s, c, before)
}

// verifyDay lets the jobs do their work, and checks what a sealed day was.
func verifyDay(t *testing.T, s *apptest.Server, c *growth.County, before *ledger.Mark) {
	t.Helper()
	ctx, v := context.Background(), c.Villages[3]
	settled(t, s)
	require.NoError(t, s.Boards.Rebuild(ctx))
	require.NoError(t, s.Boards.TakeSnapshots(ctx))
	require.Eventually(t, func() bool {
		return !slices.ContainsFunc(s.Jobs.Status(), func(j jobs.Status) bool { return j.Runs == 0 })
	}, 30*time.Second, 20*time.Millisecond, "not every job has run")
	_, _, err := s.Awards.ExpireDue(ctx, v.ID)
	require.NoError(t, err)
	require.NoError(t, s.DB.Read(ctx, func(tx db.Tx) error {
		if still, err := before.Still(tx); still || err != nil {
			return fmt.Errorf("the book has moved, and its mark says %t: %w", still, err)
		}
		r, _, err := ledger.VerifyBook(tx, before.Book, before)
		require.Empty(t, r.Findings)
		require.NoError(t, err)
		for _, check := range []func(db.Tx, []ledger.Span) ([]string, int64, error){award.VerifySince, redeem.VerifySince} {
			found, rows, err := check(tx, r.Spans)
			require.Empty(t, found)
			require.NoError(t, err)
			require.NotZero(t, rows)
			require.Less(t, rows, int64(100), "more is read than what is new")
		}
		if _, _, _, err = shop.VerifyStockSince(tx, &shop.StockMark{Until: tx.Now.Add(-2 * time.Hour).UnixMilli()}); err != nil {
			return err
		}
		if _, err := ledger.Prove(tx, ledger.Key{Book: v.ID, Number: 900}); err != nil {
			return err
		}
		if _, err := ledger.Seals(tx, v.ID, 0, 30); err != nil {
			return err
		}
		_, err = ledger.Total(tx, ledger.Merchant(v.ID, v.Merchant))
		return err
	}))
}

// paged reads a list and, where there is more, the page after.
func paged(t *testing.T, c client, path string) {
	t.Helper()
	page := get[struct{ Next string }](t, c, path)
	if page.Next == "" {
		return
	}
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	get[none](t, c, path+sep+"cursor="+url.QueryEscape(page.Next))
}
