package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/redeem"
	"jishan/internal/rule"
	"jishan/internal/testkit"
)

// visitor is somebody at the door.
type visitor struct {
	name     string
	c        client
	audience api.Audience
	roles    []auth.Role
	secrets  []string // what must never be in an answer to this visitor
	home     bool     // the village under test is the visitor's own
	near     bool     // of another village of the same township
}

func (v visitor) may(op api.Op) bool {
	if op.Perm == auth.Public {
		return true
	}
	return v.audience != 0 && op.Audience&v.audience != 0 && slices.ContainsFunc(v.roles, func(r auth.Role) bool { return r.Has(op.Perm) })
}

// target is the village under test as an operation's path and body name it.
type target struct {
	p          *place
	draft      id.ID
	draftRule  id.ID
	exemption  id.ID
	evaluation id.ID
	grid       id.ID
	session    id.ID
	user       id.ID
	clerk      id.ID
	version    id.ID
	award      int64
	redemption int64
	lesson     int64
	clearing   int64
	roster     id.ID
	change     id.ID
}

// ids fills a path: by what stands before the parameter, so that a new operation on a known thing needs nothing here.
func (x target) path(t testing.TB, op api.Op) string {
	t.Helper()
	before := map[string]string{
		"villages": x.p.a.id.String(), "regions": x.p.a.id.String(), "townships": x.p.town.String(), "households": x.p.a.houses[0].String(),
		"villagers": x.p.a.heads[0].String(), "branches": x.p.a.branch.String(), "party-members": x.p.a.member.String(), "party": x.p.a.member.String(),
		"exemptions": x.exemption.String(), "evaluations": x.evaluation.String(), "grids": x.grid.String(), "rule-books": x.p.book.String(), "rule-versions": x.draft.String(),
		"rules": x.draftRule.String(), "merchants": x.p.m.id.String(), "products": x.p.m.products[0].String(), "users": x.user.String(),
		"clerks": x.clerk.String(), "sessions": x.session.String(), "redemptions": x.p.a.id.String(), "awards": fmt.Sprint(x.award), "ledger": fmt.Sprint(x.award),
		"party-awards": fmt.Sprint(x.lesson), "clearings": fmt.Sprint(x.clearing), "roster-imports": x.roster.String(), "household-changes": x.change.String(), "answers": "somebody-elses-key",
	}
	parts := strings.Split(op.Path, "/")
	for i, s := range parts {
		switch {
		case !strings.HasPrefix(s, "{"):
		case s == "{user}":
			parts[i] = x.user.String()
		case s == "{village}":
			parts[i] = x.p.a.id.String()
		case strings.HasPrefix(parts[i-1], "{") || i > 1 && parts[i-2] == "redemptions" && s == "{number}":
			parts[i] = fmt.Sprint(x.redemption)
		case before[parts[i-1]] == "":
			require.Failf(t, "unknown parameter", "%s: say in access_test.go which of the village's things %s is", op.ID, op.Path)
		default:
			parts[i] = before[strings.Split(op.Path, "/")[i-1]]
		}
	}
	out := strings.Join(parts, "/")
	switch { // lists that are about a place named in the query
	case strings.HasPrefix(op.ID, "board-"):
		out += "?scope=" + x.p.a.id.String() + "&id=" + x.p.a.houses[0].String()
	case op.ID == "rule-book-list":
		out += "?region=" + x.p.a.id.String()
	case op.ID == "audit-list", op.ID == "user-list":
		out += "?region=" + x.p.a.id.String()
	case op.ID == "household-list", op.ID == "merchant-list":
		out += "?village=" + x.p.a.id.String()
	case op.ID == "counter-redemptions":
		out += "?merchant=" + x.p.m.id.String()
	case op.Upload && strings.HasSuffix(op.Path, "/import"):
		out += "?preview=true"
	}
	return out
}

// schema is as much of JSON Schema as the document uses.
type schema struct {
	Ref        string            `json:"$ref"`
	Type       any               `json:"type"`
	Enum       []any             `json:"enum"`
	Format     string            `json:"format"`
	Pattern    string            `json:"pattern"`
	MinLength  int               `json:"minLength"`
	Minimum    *float64          `json:"minimum"`
	Items      *schema           `json:"items"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
}

type document struct {
	Paths      map[string]map[string]json.RawMessage
	Components struct{ Schemas map[string]schema }
}

// body is a request that is right in form and speaks of the village under test.
func (x target) body(t testing.TB, d document, op api.Op) any {
	var o struct {
		RequestBody struct {
			Content map[string]struct{ Schema schema }
		} `json:"requestBody"`
	}
	require.NoError(t, json.Unmarshal(d.Paths[api.Prefix+op.Path][strings.ToLower(op.Method)], &o))
	switch op.ID {
	case "evaluation-review":
		return map[string]any{"items": []any{map[string]any{"member": x.p.a.member, "score": 90}}}
	case "user-create":
		return map[string]any{"audience": "officer", "login": "newcomer", "name": "新人", "roles": []any{map[string]any{"role": "village", "region": x.p.a.id}}}
	}
	return x.value(d, "", o.RequestBody.Content["application/json"].Schema)
}

func (x target) value(d document, name string, s schema) any {
	if s.Ref != "" {
		s = d.Components.Schemas[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]]
	}
	known := map[string]any{
		"village": x.p.a.id, "region": x.p.a.id, "parent": x.p.a.id, "household": x.p.a.houses[0], "into": x.p.a.houses[2], "households": []id.ID{x.p.a.houses[0]}, "person": nil,
		"villager": x.p.a.heads[0], "member": nil, "branch": x.p.a.branch, "rule": x.p.tidy, "merchant": x.p.m.id, "product": x.p.m.products[0],
		"pin": "7391", "text": x.p.a.houses[0].String(), "role": "clerk", "phone": "13800000009", "login": "newcomer", "day": nil, "birth": nil, "id_number": nil, "code": "5001001012099", "votes_for": 3,
		"quarter": cal.MonthOf(time.Now()).Quarter().String(),
	}
	kind, _ := s.Type.(string)
	if list, ok := s.Type.([]any); ok {
		kind, _ = list[0].(string)
	}
	if name == "households" && kind == "integer" { // how many, not which
		return 1
	}
	if v, ok := known[name]; ok {
		return v
	}
	switch {
	case len(s.Enum) > 0:
		return s.Enum[0]
	case kind == "object":
		out := map[string]any{}
		for key, p := range s.Properties {
			_, told := map[string]bool{"household": true, "merchant": true, "name": true}[key]
			if slices.Contains(s.Required, key) || told {
				if v := x.value(d, key, p); v != nil {
					out[key] = v
				}
			}
		}
		return out
	case kind == "array":
		return []any{x.value(d, "", *s.Items)}
	case kind == "integer", kind == "number":
		return 1
	case kind == "boolean":
		return true
	case s.Format == "date":
		return cal.DayOf(time.Now()).String()
	case strings.Contains(s.Pattern, "0[1-9]|1[0-2]"):
		return cal.MonthOf(time.Now()).String()
	case s.Pattern != "":
		return x.p.a.id
	}
	return strings.Repeat("好", max(s.MinLength, 2))
}

// noPlace are operations that name nothing of a village: whoever may call them at all gets the same answer, or one's own.
var noPlace = map[string]string{
	"region-list": "one's own regions", "rule-book-builtin": "comes with the program", "role-list": "comes with the program",
	"roster-template": "a form", "award-template": "a form", "rule-template": "a form", "party-template": "a form",
	"my-households": "one's own", "auth-me": "one's own", "auth-sessions": "one's own", "auth-logout": "one's own", "auth-password": "one's own",
	"household-list": "a list of what one may see", "household-export": "a list of what one may see", "audit-export": "a list of what one may see",
	"merchant-list": "a list of what one may see", "user-list": "a list of what one may see",
	"my-bind": "by a secret on the card", "counter-identify": "by a secret of the household", "counter-redeem": "by a secret of the household",
	"counter-answer": "by one's own key",
}

// ofTheTownship are operations that tell the officers of every village what the township has set for all.
var ofTheTownship = map[string]bool{"party-class-list": true, "party-standard-get": true, "township-evaluations": true, "township-evaluation-sheet": true}

// legible is the text of an answer, of a workbook that of all its parts.
func legible(t *testing.T, body []byte) string {
	if !bytes.HasPrefix(body, []byte("PK")) {
		return string(body)
	}
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	require.NoError(t, err)
	var out strings.Builder
	for _, f := range z.File {
		part, err := f.Open()
		require.NoError(t, err)
		_, err = io.Copy(&out, part)
		require.NoError(t, err)
	}
	return out.String()
}

// TestNobodyReachesWhatIsNotTheirs calls every operation there is, as everybody who must not get through.
func TestNobodyReachesWhatIsNotTheirs(t *testing.T) {
	s, p, c := start(t, 3)
	x, visitors := p.neighbours(t, c, string(s.Config.DB.DSN))
	spec, err := api.Spec()
	require.NoError(t, err)
	var d document
	require.NoError(t, json.Unmarshal(spec, &d))
	rows := p.fingerprint(t)
	calls := 0
	for _, op := range api.Operations() {
		if op.Perm == auth.Public || op.ID == "auth-logout" {
			continue
		}
		path := x.path(t, op)
		var body any
		if op.HasBody && !op.Upload {
			body = x.body(t, d, op)
		}
		for _, v := range visitors {
			if v.home && v.may(op) {
				continue
			}
			calls++
			a, err := call(v.c, op, path, body)
			require.NoError(t, err)
			who := fmt.Sprintf("%s as %s: %s", op.ID, v.name, a)
			switch {
			case v.audience == 0:
				require.Equal(t, http.StatusUnauthorized, a.Status, who)
			case !v.may(op):
				require.Equal(t, http.StatusForbidden, a.Status, who)
			case noPlace[op.ID] != "", v.near && ofTheTownship[op.ID]:
				require.NotEqual(t, http.StatusInternalServerError, a.Status, who)
			default:
				nothing := a.Status == http.StatusOK && op.Method == http.MethodGet && strings.TrimSpace(string(a.Body)) == `{"items":[]}`
				if a.Status != http.StatusNotFound && a.Status != http.StatusForbidden && !nothing {
					t.Errorf("%s is not turned away: %s", v.name, who)
				}
			}
			for _, secret := range v.secrets {
				if a.Status < 300 {
					require.NotContains(t, legible(t, a.Body), secret, who)
				}
			}
		}
	}
	require.Equal(t, rows, p.fingerprint(t), "something was written")
	t.Logf("%d calls of %d operations", calls, len(api.Operations()))

	// Those who live here do get through, or all of the above would prove nothing.
	for _, op := range api.Operations() {
		if op.Method != http.MethodGet || op.Perm == auth.Public || op.ID == "board-menu" || op.ID == "counter-answer" { // nobody's key but one's own
			continue
		}
		for _, v := range visitors {
			if v.home && v.may(op) {
				a, err := call(v.c, op, x.path(t, op), nil)
				require.NoError(t, err)
				if a.Status != http.StatusOK {
					t.Errorf("%s does not get through: %s %s: %s", v.name, op.ID, x.path(t, op), a)
				}
			}
		}
	}
}

func call(c client, op api.Op, path string, body any) (answer, error) {
	key := ""
	if op.Idempotent {
		key = newKey()
	}
	if op.Upload {
		return c.file(path, key, "表.csv", []byte("姓名,条目,分值\n甲户主0,庭院整洁,5\n"))
	}
	return c.json(op.Method, path, key, body)
}

// neighbours fills the village under test with something of everything, and invites all who have no business there.
func (p *place) neighbours(t *testing.T, c client, dsn string) (target, []visitor) {
	x := target{p: p}
	p.m = p.store(t, "本村店", p.a.id) // one that no other village knows
	p.give(t, p.a.id, 100, p.a.houses...)
	officer := func(name string, r auth.Assignment) client { return p.account(t, c, auth.KindOfficer, name, r) }
	home := officer("officera", auth.Assignment{Role: auth.RoleVillage, Region: p.a.id})
	require.NoError(t, p.d.Read(p.ctx, func(tx db.Tx) error {
		return tx.Raw("SELECT MAX(number) FROM awards WHERE village_id = ?", p.a.id).Scan(&x.award).Error
	}))
	book, err := p.Rules.CreateBook(p.ctx, system, rule.NewBook{Region: p.a.id, Asset: 1, Name: "甲村的草稿"})
	require.NoError(t, err)
	x.draft, p.book = book.Versions[0].ID, book.ID
	r, err := p.Rules.AddRule(p.ctx, system, x.draft, rule.Input{Category: "甲", Item: "甲村的条目", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Fixed, Points: 100}})
	require.NoError(t, err)
	x.draftRule = r.ID
	e, err := p.Party.Exempt(p.ctx, system, party.NewExemption{Member: p.a.member, Reason: party.Illness, From: cal.DayOf(time.Now())})
	require.NoError(t, err)
	x.exemption = e.ID
	evaluation, err := p.Party.Open(p.ctx, system, p.a.branch, cal.MonthOf(time.Now()).Quarter())
	require.NoError(t, err)
	x.evaluation = evaluation.ID
	g, err := p.People.CreateGrid(p.ctx, system, p.a.id, "甲网格", "甲网格员")
	require.NoError(t, err)
	x.grid = g.ID
	two, err := p.People.CreateHousehold(p.ctx, system, people.NewHousehold{Village: p.a.id, Members: []people.Person{{Name: "甲分户人"}, {Name: "甲留户人", Relation: "配偶"}}})
	require.NoError(t, err)
	_, both, err := p.People.Household(p.ctx, system, two.ID)
	require.NoError(t, err)
	split, err := p.People.Split(p.ctx, system, idempotency.Request{}, people.SplitOrder{Household: two.ID, Members: []people.Mover{{Villager: both[1].ID}}, Reason: "分户"})
	require.NoError(t, err)
	x.change = split.Change
	_, err = p.Redeem.IssueCards(p.ctx, system, p.a.houses[:1])
	require.NoError(t, err)
	out, err := p.Redeem.Proxy(p.ctx, system, idempotency.Request{}, redeem.ProxyOrder{Merchant: p.m.id, Household: p.a.houses[0], Basket: redeem.Basket{Points: 1000}, Reason: "代办"})
	require.NoError(t, err)
	x.redemption = out.Number
	lesson := post[api.AwardResult](t, home, "/villages/"+p.a.id.String()+"/party-awards", grants(map[string]any{"rule": p.lesson, "member": p.a.member}))
	x.lesson = lesson.Items[0].Number
	x.user = get[api.Me](t, home, "/auth/me").ID
	x.session = get[api.Sessions](t, home, "/auth/sessions").Items[0].ID
	x.clearing = p.expire(t, p.a.id, p.a.houses[1])
	x.roster = upload[api.RosterImport](t, home, "/villages/"+p.a.id.String()+"/roster/imports?preview=true", []byte("户主\n甲户主\n")).ID
	near := p.account(t, c, auth.KindMerchant, "clerka", auth.Assignment{Role: auth.RoleClerk, Merchant: p.m.id})
	x.clerk = get[api.Me](t, near, "/auth/me").ID

	other, err := p.People.CreateRegion(p.ctx, system, people.NewRegion{Parent: p.county, Kind: people.Township, Code: "500100102", Name: "邻镇"})
	require.NoError(t, err)
	village := []string{"甲户主", p.a.houses[0].String(), p.a.heads[0].String(), p.a.member.String(), x.draft.String(), x.user.String()}
	store := []string{"甲户主", p.a.houses[0].String(), p.m.id.String(), p.m.products[0].String(), x.clerk.String()}
	home1 := []string{x.session.String(), x.user.String()}
	forged := strings.Split(home.token, ".")
	forged[1] = forged[1][:len(forged[1])-4] + "AAAA"
	return x, []visitor{
		{name: "a stranger", c: c},
		{name: "a forged token", c: c.as(strings.Join(forged, "."))},
		{name: "an unsigned token", c: c.as("eyJhbGciOiJub25lIn0." + strings.Split(home.token, ".")[1] + ".")},
		{name: "an expired token", c: c.as(p.expired(t, c, dsn))},
		{name: "a neighbour village's officer", c: officer("officerb", auth.Assignment{Role: auth.RoleVillage, Region: p.b.id}), audience: api.Officers, roles: []auth.Role{auth.RoleVillage}, secrets: village, near: true},
		{name: "a neighbour township's administrator", c: officer("townb", auth.Assignment{Role: auth.RoleTownship, Region: other.ID}), audience: api.Officers, roles: []auth.Role{auth.RoleTownship}, secrets: village},
		{name: "a neighbour village's supervisor", c: officer("supervisorb", auth.Assignment{Role: auth.RoleSupervisor, Region: p.b.id}), audience: api.Officers, roles: []auth.Role{auth.RoleSupervisor}, secrets: village, near: true},
		{name: "a neighbour branch's secretary", c: officer("secretaryb", auth.Assignment{Role: auth.RoleSecretary, Region: p.b.id, Branch: p.b.branch}), audience: api.Officers, roles: []auth.Role{auth.RoleSecretary}, secrets: village, near: true},
		{name: "another merchant's clerk", c: p.account(t, c, auth.KindMerchant, "clerkb", auth.Assignment{Role: auth.RoleClerk, Merchant: p.n.id}), audience: api.Merchants, roles: []auth.Role{auth.RoleClerk}, secrets: store},
		{name: "another merchant's owner", c: p.account(t, c, auth.KindMerchant, "ownerb", auth.Assignment{Role: auth.RoleOwner, Merchant: p.n.id}), audience: api.Merchants, roles: []auth.Role{auth.RoleOwner}, secrets: store},
		{name: "another village's villager", c: villager(t, c, p.b.houses[0]), audience: api.Villagers, roles: []auth.Role{auth.RoleVillager}, secrets: append(home1, "甲户主")},
		{name: "the village's officer", c: home, audience: api.Officers, roles: []auth.Role{auth.RoleVillage}, home: true},
		{name: "the township's administrator", c: officer("towna", auth.Assignment{Role: auth.RoleTownship, Region: p.town}), audience: api.Officers, roles: []auth.Role{auth.RoleTownship}, home: true},
		{name: "the merchant's owner", c: p.account(t, c, auth.KindMerchant, "ownera", auth.Assignment{Role: auth.RoleOwner, Merchant: p.m.id}), audience: api.Merchants, roles: []auth.Role{auth.RoleOwner}, home: true},
		{name: "the household's villager", c: villager(t, c, p.a.houses[0]), audience: api.Villagers, roles: []auth.Role{auth.RoleVillager}, home: true},
	}
}

// expired is a token that was good yesterday: of the same user, signed with the same key.
func (p *place) expired(t *testing.T, c client, dsn string) string {
	t.Helper()
	yesterday := testkit.NewClock(t, time.Now().In(cal.Shanghai).Add(-24*time.Hour).Format("2006-01-02 15:04"))
	past, err := auth.New(testkit.Reopen(t, dsn, yesterday), auth.Options{Secret: "demo-only-signing-secret-never-use-it-in-production",
		AccessTTL: time.Hour, RefreshTTL: 48 * time.Hour, Demo: true})
	require.NoError(t, err)
	defer past.Close()
	tokens, err := past.DemoLogin(p.ctx, auth.DemoPick{Kind: auth.KindOfficer, Login: "officera"}, auth.Origin{})
	require.NoError(t, err)
	a, err := c.as(tokens.Access).json(http.MethodGet, "/auth/me", "", nil)
	refused(t, a, err, http.StatusUnauthorized, "auth.expired")
	return tokens.Access
}

// fingerprint counts the rows of everything that a request could write, sessions and the log of log-ins aside.
func (p *place) fingerprint(t testing.TB) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	require.NoError(t, p.d.Read(p.ctx, func(tx db.Tx) error {
		for _, table := range []string{"ledger_txs", "ledger_entries", "accounts", "awards", "redemptions", "redemption_lines", "used_codes", "stock_moves", "products",
			"merchants", "merchant_villages", "house_cards", "regions", "grids", "grid_households", "households", "villagers", "clearings", "roster_imports", "party_branches", "party_members",
			"party_exemptions", "party_classes", "party_standards", "party_evaluations", "party_reviews", "party_results",
			"party_objections", "users", "user_roles", "user_households", "rule_books", "rule_versions", "rules", "notices", "idempotency_keys", "audit_log"} {
			var n int64
			if err := tx.Raw("SELECT COUNT(*) FROM " + table).Scan(&n).Error; err != nil {
				return err
			}
			out[table] = n
		}
		return nil
	}))
	return out
}
