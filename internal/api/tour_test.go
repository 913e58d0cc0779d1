package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/app/apptest"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/demo"
	"jishan/internal/id"
)

// township is the whole program with a small demo in it.
type township struct {
	*apptest.Server
	guide demo.Guide
	later *atomic.Int64 // nanoseconds since the demo ended
	t     *testing.T
}

func newTownship(t *testing.T) *township {
	clock, later := &demo.Clock{}, &atomic.Int64{}
	s := apptest.Start(t, func(s *apptest.Setup) {
		s.Options.Clock = func() time.Time { return clock.Now().Add(time.Duration(later.Load())) }
		s.Config.Jobs.Enabled = false // the clock stands while the past is made
	})
	g, err := demo.Fill(context.Background(), demo.World{DB: s.DB, Auth: s.Auth, People: s.People, Rules: s.Rules, Shops: s.Shops, Party: s.Party, Awards: s.Awards, Redeem: s.Redeem},
		clock, demo.Extent{Until: time.Date(2026, 11, 24, 9, 30, 0, 0, cal.Shanghai), Months: 1, Percent: 10}, nil)
	require.NoError(t, err)
	return &township{Server: s, guide: g, later: later, t: t}
}

// caller is somebody with a token, or nobody.
type caller struct {
	w     *township
	token string
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (c caller) send(method, path string, body any, headers ...string) answer {
	c.w.t.Helper()
	var r io.Reader
	kind := ""
	switch b := body.(type) {
	case nil:
	case []byte:
		var buf bytes.Buffer
		m := multipart.NewWriter(&buf)
		p, err := m.CreateFormFile("file", "表.xlsx")
		require.NoError(c.w.t, err)
		_, err = p.Write(b)
		require.NoError(c.w.t, err)
		require.NoError(c.w.t, m.Close())
		r, kind = &buf, m.FormDataContentType()
	default:
		raw, err := json.Marshal(b)
		require.NoError(c.w.t, err)
		r, kind = bytes.NewReader(raw), "application/json"
	}
	req, err := http.NewRequest(method, c.w.URL+api.Prefix+path, r)
	require.NoError(c.w.t, err)
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Idempotency-Key", id.New().String())
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(c.w.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(c.w.t, err)
	return answer{resp.StatusCode, resp.Header, b}
}

// ask sends and expects success with a T.
func ask[T any](c caller, method, path string, body any, headers ...string) (out T) {
	c.w.t.Helper()
	a := c.send(method, path, body, headers...)
	require.Contains(c.w.t, []int{200, 204}, a.status, "%s %s: %s", method, path, a.body)
	if a.status == 200 {
		d := json.NewDecoder(bytes.NewReader(a.body))
		d.DisallowUnknownFields()
		require.NoError(c.w.t, d.Decode(&out), "%s %s", method, path)
	}
	return out
}

// code sends and expects a problem.
func (c caller) code(method, path string, body any, headers ...string) string {
	c.w.t.Helper()
	a := c.send(method, path, body, headers...)
	var p api.Problem
	require.NoError(c.w.t, json.Unmarshal(a.body, &p), "%s %s: %d %s", method, path, a.status, a.body)
	require.Equal(c.w.t, a.status, p.Status)
	return p.Code
}

func (w *township) login(role string) caller {
	w.t.Helper()
	for _, l := range w.guide.Logins {
		if l.Role == auth.RoleNames[auth.Role(role)] {
			return w.as(l)
		}
	}
	require.Fail(w.t, "no account", role)
	return caller{}
}

func (w *township) as(l demo.Login) caller {
	audience := map[auth.Kind]string{auth.KindOfficer: "officer", auth.KindMerchant: "merchant"}[l.Kind]
	t := ask[api.Tokens](caller{w: w}, "POST", "/auth/login", api.LoginInput{Audience: audience, Login: l.Login, Password: demo.Password})
	return caller{w, t.AccessToken}
}

// villager is the log-in of one of the guide's households.
func (w *township) villager(h demo.Home) caller {
	w.t.Helper()
	t := ask[api.Tokens](caller{w: w}, "POST", "/auth/demo", map[string]any{"household": h.ID})
	return caller{w, t.AccessToken}
}

// TestThroughTheDoor tells stories to one running program, one after the other.
func TestThroughTheDoor(t *testing.T) {
	w := newTownship(t)
	for _, story := range []struct {
		name string
		tell func(*testing.T, *township)
	}{
		{"every list answers", everyList}, {"nonsense", nonsense}, {"award once and back", awardOnceAndBack}, {"unreadable amounts", unreadableAmounts}, {"counter", counter},
		{"binding", binding}, {"secretary and clerks", secretaryAndClerks}, {"photos", photos}, {"roster", roster}, {"card log-in", cardLogin}, {"handed in", handouts},
		{"open to anyone", openToAnyone},
		{"a seal on paper", sealOnPaper},
		{"expiry", expiry}, // the last: months go by
	} {
		t.Run(story.name, func(t *testing.T) { story.tell(t, &township{w.Server, w.guide, w.later, t}) })
	}
}

// unreadableAmounts are each told with their place, in an order and in its preview.
func unreadableAmounts(t *testing.T, w *township) {
	officer, rule := w.login("village"), w.guide.Try.Rule.String()
	order := json.RawMessage(`{"grants":[{"rule":"` + rule + `","points":1},{"rule":"` + rule + `","points":1.005},{"rule":"` + rule + `","points":99999999,"quantity":1e3}]}`)
	for _, path := range []string{"/awards", "/awards/preview"} {
		a := officer.send("POST", "/villages/"+w.guide.Pilot.String()+path, order)
		var p api.Problem
		require.NoError(t, json.Unmarshal(a.body, &p))
		require.Equal(t, 422, p.Status)
		require.Equal(t, []api.ProblemField{{Path: "grants[1].points", Text: "最多两位小数"}, {Path: "grants[2].points", Text: "数字太大"}, {Path: "grants[2].quantity", Text: "须写成普通数字，如 12.5"}}, p.Fields, path)
	}
}

func everyList(t *testing.T, w *township) {
	admin, officer := w.login("township"), w.login("village")
	home := w.guide.Homes[0]
	v := "/villages/" + w.guide.Pilot.String()
	villager := w.villager(home)
	h := "/households/" + home.ID.String()
	my := "/my" + h

	me := ask[api.Me](officer, "GET", "/auth/me", nil)
	require.Contains(t, me.Permissions, "award.write")
	require.Equal(t, "village", me.Roles[0].Role)
	require.NotEmpty(t, me.Roles[0].RegionName)
	require.Len(t, ask[api.Sessions](officer, "GET", "/auth/sessions", nil).Items, 1)
	require.NotEmpty(t, ask[api.DemoChoices](caller{w: w}, "GET", "/auth/demo", nil).Users)

	regions := ask[api.Regions](officer, "GET", "/regions", nil)
	require.NotEmpty(t, regions.Items)
	var county, town, group id.ID
	for _, r := range regions.Items {
		switch r.Kind {
		case "county":
			county = r.ID
		case "township":
			town = r.ID
		case "group":
			group = r.ID
		}
	}
	set := ask[api.Settings](officer, "GET", v+"/settings", nil)
	ask[struct{}](admin, "PUT", v+"/settings", set)
	require.Equal(t, set, ask[api.Settings](officer, "GET", v+"/settings", nil))

	list := ask[api.Page[api.Household]](officer, "GET", "/households?limit=3&group="+group.String(), nil)
	require.Len(t, list.Items, 3)
	next := ask[api.Page[api.Household]](officer, "GET", "/households?limit=3&group="+group.String()+"&cursor="+list.Next, nil)
	require.Less(t, list.Items[2].Code, next.Items[0].Code)
	detail := ask[api.HouseholdDetail](officer, "GET", h, nil)
	require.Equal(t, detail.Head, detail.Members[0].ID)
	require.NotEmpty(t, ask[api.Grids](officer, "GET", v+"/grids", nil).Items)

	balance := ask[api.Balance](officer, "GET", h+"/balance", nil)
	require.Equal(t, balance, ask[api.Balance](villager, "GET", my+"/balance", nil))
	require.Len(t, balance.Scores, 5)
	statement := ask[api.Page[api.StatementLine]](officer, "GET", h+"/statement", nil)
	require.NotEmpty(t, statement.Items)
	require.Equal(t, balance.Balance, statement.Items[0].Balance)
	require.Equal(t, statement, ask[api.Page[api.StatementLine]](villager, "GET", my+"/statement", nil))
	line := statement.Items[0]
	booked := ask[api.LedgerTransaction](officer, "GET", v+"/ledger/"+itoa(line.Number), nil)
	require.Equal(t, line.Reason, booked.Reason)
	require.Equal(t, line.Amount, booked.Amount)
	require.Len(t, booked.Hash, 64)

	awards := ask[api.Page[api.Award]](officer, "GET", v+"/awards?limit=5", nil)
	require.Len(t, awards.Items, 5)
	require.NotEmpty(t, awards.Items[0].RuleItem)
	first := ask[api.Award](officer, "GET", v+"/awards/"+itoa(awards.Items[4].Number), nil)
	require.Equal(t, awards.Items[4], first)
	more := ask[api.Page[api.Award]](officer, "GET", v+"/awards?limit=5&cursor="+awards.Next, nil)
	require.Less(t, more.Items[0].Number, awards.Items[4].Number)

	books := ask[api.RuleBooks](officer, "GET", "/rule-books?region="+w.guide.Pilot.String(), nil)
	require.NotEmpty(t, books.Items)
	version := ask[api.RuleVersionDetail](officer, "GET", "/rule-versions/"+books.Items[0].Versions[0].ID.String()+"/rules", nil)
	require.NotEmpty(t, version.Rules)
	require.NotEmpty(t, ask[api.BuiltinBooks](officer, "GET", "/rule-books/builtin", nil).Items)
	found := ask[api.RuleList](officer, "GET", v+"/rules?limit=5", nil)
	require.Len(t, found.Items, 5)
	require.Equal(t, found, ask[api.RuleList](villager, "GET", my+"/rules?limit=5", nil))

	for _, path := range []string{"/templates/roster.xlsx", "/templates/rules.xlsx", "/templates/awards.xlsx", "/templates/party-members.xlsx",
		"/rule-versions/" + version.Version.ID.String() + "/export.xlsx"} {
		a := officer.send("GET", path, nil)
		require.Equal(t, 200, a.status, "%s: %s", path, a.body)
		require.True(t, bytes.HasPrefix(a.body, []byte("PK")), path)
	}

	merchants := ask[api.Page[api.Merchant]](officer, "GET", "/merchants", nil)
	require.NotEmpty(t, merchants.Items)
	m := "/merchants/" + merchants.Items[0].ID.String()
	require.NotEmpty(t, ask[api.MerchantDetail](officer, "GET", m, nil).Contracts)
	require.NotEmpty(t, ask[api.Page[api.Product]](officer, "GET", m+"/products", nil).Items)
	require.NotEmpty(t, ask[api.Page[api.Product]](officer, "GET", v+"/goods", nil).Items)
	require.NotEmpty(t, ask[api.Page[api.Product]](villager, "GET", my+"/goods", nil).Items)
	require.NotEmpty(t, ask[api.Offers](officer, "GET", v+"/merchants", nil).Items)
	require.NotEmpty(t, ask[api.Offers](villager, "GET", my+"/merchants", nil).Items)
	ask[api.Totals](officer, "GET", v+"/totals?month=2026-11", nil)
	ask[api.Totals](officer, "GET", m+"/totals", nil)
	figures := ask[api.IndicatorList](officer, "GET", "/regions/"+w.guide.Pilot.String()+"/indicators?month=2026-11", nil).Items
	require.NotEmpty(t, figures)
	for _, f := range figures {
		require.LessOrEqual(t, f.Quarter, f.Households)
	}
	require.Len(t, ask[api.MonthList](officer, "GET", v+"/months?n=6", nil).Items, 6)
	silent := ask[api.Page[api.Household]](officer, "GET", v+"/silent-households?limit=1", nil)
	if silent.Next != "" {
		ask[api.Page[api.Household]](officer, "GET", v+"/silent-households?limit=1&cursor="+silent.Next, nil)
	}
	redemptions := ask[api.Page[api.Receipt]](officer, "GET", v+"/redemptions?month=2026-11", nil)
	require.NotEmpty(t, redemptions.Items)
	r := redemptions.Items[0]
	require.Equal(t, r.Points, ask[api.Receipt](officer, "GET", "/redemptions/"+r.Village.String()+"/"+itoa(r.Number), nil).Points)
	ask[api.Page[api.Receipt]](officer, "GET", h+"/redemptions", nil)
	ask[api.Page[api.Receipt]](villager, "GET", my+"/redemptions", nil)

	require.NotEmpty(t, ask[api.MyMembers](villager, "GET", my+"/members", nil).Items)
	require.Equal(t, home.ID, ask[api.MyHouseholds](villager, "GET", "/my/households", nil).Items[0].ID)
	ask[api.NoticePage](villager, "GET", my+"/notices", nil)
	ask[struct{}](villager, "POST", my+"/notices/read", map[string]any{})
	require.NotEmpty(t, ask[api.Code](villager, "GET", my+"/code", nil).Text)
	require.Equal(t, balance.Balance >= 100, ask[api.RedeemLimits](villager, "GET", my+"/limits", nil).Spendable > 0)
	require.True(t, ask[api.Card](villager, "GET", my+"/card", nil).HasPIN)
	require.Contains(t, ask[api.Card](officer, "GET", h+"/card", nil).QR, "<svg")
	ask[api.Page[api.StatementLine]](villager, "GET", "/my/villagers/"+detail.Members[0].ID.String()+"/statement", nil)

	for _, scope := range []id.ID{county, town, w.guide.Pilot, detail.Group} {
		for _, c := range []caller{officer, villager} {
			b := ask[api.Board](c, "GET", "/boards?period=2026-11&scope="+scope.String(), nil)
			require.Equal(t, 1, b.Items[0].Rank)
			ask[api.BoardMenu](c, "GET", "/boards/periods?scope="+scope.String(), nil)
			around := ask[api.Board](c, "GET", "/boards/around?period=all&id="+home.ID.String()+"&scope="+scope.String(), nil)
			require.True(t, around.Found)
		}
	}
	require.NotEmpty(t, ask[api.Board](villager, "GET", "/boards?subject=village&scope="+town.String(), nil).Items)

	branches := ask[api.Branches](officer, "GET", v+"/branches", nil)
	require.NotEmpty(t, branches.Items)
	standing := ask[api.Standing](officer, "GET", "/branches/"+branches.Items[0].ID.String()+"/standing?quarter=2026-Q4", nil)
	require.NotEmpty(t, standing.Ranked)
	require.NotEmpty(t, ask[api.Standings](officer, "GET", v+"/standings", nil).Items)
	require.NotEmpty(t, ask[api.PartyClasses](admin, "GET", "/townships/"+town.String()+"/party-classes", nil).Items)
	members := ask[api.PartyMembers](officer, "GET", v+"/party-members", nil)
	pm := "/party-members/" + members.Items[0].ID.String()
	require.Equal(t, members.Items[0], ask[api.PartyMember](officer, "GET", pm, nil))
	ask[api.Exemptions](officer, "GET", pm+"/exemptions", nil)
	ask[api.Page[api.StatementLine]](officer, "GET", pm+"/statement", nil)

	require.NotEmpty(t, ask[api.Page[api.User]](admin, "GET", "/users?limit=2", nil).Next)
	require.Len(t, ask[api.RoleInfos](admin, "GET", "/roles", nil).Items, 8)
	log := ask[api.Page[api.AuditRecord]](admin, "GET", "/audit?limit=5", nil)
	require.Len(t, log.Items, 5)
	require.NotEqual(t, log.Items, ask[api.Page[api.AuditRecord]](admin, "GET", "/audit?limit=5&cursor="+log.Next, nil).Items)
	require.Equal(t, "not_found", officer.code("GET", "/audit?region="+county.String(), nil))
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
