package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/auth"
	"jishan/internal/id"
)

// nonsense sends every operation, as every role and as a stranger, keys that do not exist and bodies that are empty: each
// answers with a problem of the client's making, in the order stranger, audience, permission.
func nonsense(t *testing.T, w *township) {
	callers := map[auth.Role]caller{"": {w: w}, auth.RoleVillager: w.villager(w.guide.Homes[0])}
	for _, r := range []auth.Role{auth.RoleTownship, auth.RoleVillage, auth.RoleSecretary, auth.RoleSupervisor, auth.RoleOwner, auth.RoleClerk} {
		for _, l := range w.guide.Logins {
			if l.Role == auth.RoleNames[r] {
				callers[r] = w.as(l)
			}
		}
	}
	kind := map[auth.Role]auth.Kind{auth.RoleVillager: auth.KindVillager, auth.RoleOwner: auth.KindMerchant, auth.RoleClerk: auth.KindMerchant}
	fill := strings.NewReplacer("{id}", id.New().String(), "{user}", id.New().String(), "{village}", id.New().String(), "{member}", id.New().String(), "{number}", "7",
		"{hash}", strings.Repeat("0", 32), "{size}", "small", "{code}", "439900100201", "{day}", "2026-11-23")
	for _, op := range api.Operations() {
		if op.ID == "auth-logout" {
			continue // would end the session that the others need
		}
		path := fill.Replace(op.Path) + "?scope=" + id.New().String() + "&region=" + id.New().String() + "&id=" + id.New().String()
		for role, c := range callers {
			var body any
			switch {
			case op.Upload:
				body = []byte("not a workbook")
			case op.HasBody:
				body = map[string]any{}
			}
			a := c.send(op.Method, path, body)
			name := string(role) + " " + op.ID
			require.Less(t, a.status, 500, "%s: %s", name, a.body)
			if a.status >= 400 {
				var p api.Problem
				require.NoError(t, json.Unmarshal(a.body, &p), name)
				require.NotEmpty(t, p.Code, name)
			}
			k, ok := kind[role]
			if !ok {
				k = auth.KindOfficer
			}
			switch {
			case op.Perm == auth.Public:
				require.NotEqual(t, 403, a.status, name)
			case role == "":
				require.Equal(t, http.StatusUnauthorized, a.status, "%s: %s", name, a.body)
			case !op.Audience.Has(k) || !role.Has(op.Perm):
				require.Equal(t, http.StatusForbidden, a.status, "%s: %s", name, a.body)
			default:
				require.NotEqual(t, http.StatusUnauthorized, a.status, "%s: %s", name, a.body)
			}
		}
	}
}

func awardOnceAndBack(t *testing.T, w *township) {
	officer := w.login("village")
	home := w.guide.Homes[0]
	awards := "/villages/" + w.guide.Pilot.String() + "/awards"
	order := map[string]any{"grants": []any{map[string]any{"rule": w.guide.Try.Rule, "household": home.ID, "note": "清扫院坝"}}}

	preview := ask[api.AwardResult](officer, "POST", awards+"/preview", order)
	require.Equal(t, 1, preview.Booked)
	before := ask[api.Balance](officer, "GET", "/households/"+home.ID.String()+"/balance", nil).Balance
	first := officer.send("POST", awards, order, "Idempotency-Key", "one-click-1")
	require.Equal(t, 200, first.status, string(first.body))
	again := officer.send("POST", awards, order, "Idempotency-Key", "one-click-1")
	require.Equal(t, first.body, again.body)
	after := ask[api.Balance](officer, "GET", "/households/"+home.ID.String()+"/balance", nil).Balance
	require.Equal(t, before+preview.Items[0].Points, after)

	order["grants"].([]any)[0].(map[string]any)["note"] = "另一件事"
	require.Equal(t, "idempotency.conflict", officer.code("POST", awards, order, "Idempotency-Key", "one-click-1"))
	require.Equal(t, "idempotency.required", officer.code("POST", awards, order, "Idempotency-Key", ""))

	var got api.AwardResult
	require.NoError(t, json.Unmarshal(first.body, &got))
	number := itoa(got.Items[0].Number)
	require.Equal(t, "input.invalid", officer.code("POST", awards+"/"+number+"/reverse", map[string]any{}))
	back := ask[api.AwardOutcome](officer, "POST", awards+"/"+number+"/reverse", map[string]any{"reason": "登记错了"})
	require.Equal(t, before, back.Balance)
	require.True(t, ask[api.Award](officer, "GET", awards+"/"+number, nil).Reversed)
	require.Equal(t, "ledger.reversed", officer.code("POST", awards+"/"+number+"/reverse", map[string]any{"reason": "再撤一次"}))

	template := officer.send("GET", "/templates/awards.xlsx", nil).body
	report := ask[api.AwardReport](officer, "POST", awards+"/import?preview=true", template)
	require.False(t, report.Written)
	require.Equal(t, "xlsx.columns", officer.code("POST", awards+"/import", []byte("hello")))

	for _, l := range w.guide.Logins {
		if l.Role == auth.RoleNames[auth.RoleVillage] {
			if other := w.as(l); other.send("GET", awards, nil).status != 200 {
				require.Equal(t, "not_found", other.code("POST", awards, order), "a neighbour village's officer")
				return
			}
		}
	}
	require.Fail(t, "no other village's officer")
}

func counter(t *testing.T, w *township) {
	home := w.guide.Homes[0]
	villager := w.villager(home)
	officer := w.login("village")
	clerk := w.clerk()
	awards := "/villages/" + w.guide.Pilot.String() + "/awards"
	ask[api.AwardResult](officer, "POST", awards, map[string]any{"grants": []any{map[string]any{"rule": w.guide.Try.Rule, "household": home.ID}}})

	code := ask[api.Code](villager, "GET", "/my/households/"+home.ID.String()+"/code", nil)
	who := ask[api.Identity](clerk, "POST", "/counter/identify", map[string]any{"text": code.Text})
	require.Equal(t, home.ID, who.Household)
	require.Contains(t, who.Name, "*")
	order := map[string]any{"ticket": who.Ticket, "lines": []any{map[string]any{"product": w.guide.Try.Product, "quantity": 1}}}
	paid := ask[api.Receipt](clerk, "POST", "/counter/redemptions", order, "Idempotency-Key", "pressed-twice")
	require.Equal(t, paid, ask[api.Receipt](clerk, "POST", "/counter/redemptions", order, "Idempotency-Key", "pressed-twice"))
	require.Equal(t, paid, ask[api.Receipt](clerk, "GET", "/counter/answers/pressed-twice", nil), "a lost answer is found again")
	require.Equal(t, "redeem.no_answer", clerk.code("GET", "/counter/answers/never-pressed", nil))
	require.Equal(t, "code.used", clerk.code("POST", "/counter/redemptions", order))
	require.Equal(t, "code.invalid", clerk.code("POST", "/counter/identify", map[string]any{"text": code.Text[:len(code.Text)-4] + "0000"}))
	today := ask[api.Page[api.Receipt]](clerk, "GET", "/counter/redemptions", nil)
	require.Equal(t, paid.Number, today.Items[0].Number)
	mine := ask[api.Receipt](villager, "GET", "/my/redemptions/"+paid.Village.String()+"/"+itoa(paid.Number), nil)
	require.NotNil(t, mine.Balance)
	refunded := ask[api.Receipt](clerk, "POST", "/redemptions/"+paid.Village.String()+"/"+itoa(paid.Number)+"/refund", map[string]any{"reason": "破损"})
	require.Equal(t, "refunded", refunded.State)

	other := w.guide.Homes[1].ID.String()
	for _, path := range []string{"/balance", "/statement", "/code", "/members", "/notices", "/redemptions", "/party", "/rules", "/goods", "/card"} {
		require.Equal(t, "not_found", villager.code("GET", "/my/households/"+other+path, nil), path)
	}
	require.Equal(t, "not_found", villager.code("PUT", "/my/households/"+other+"/pin", map[string]any{"pin": "8524"}))
	require.Equal(t, "not_found", clerk.code("GET", "/merchants/"+id.New().String()+"/totals", nil))
}

func binding(t *testing.T, w *township) {
	home := w.guide.Homes[0]
	w.Fake.Login("child-far-away", "openid-of-child")
	tokens := ask[api.Tokens](caller{w: w}, "POST", "/auth/wechat", map[string]any{"code": "child-far-away"})
	require.Equal(t, "villager", tokens.Audience)
	child := caller{w, tokens.AccessToken}
	require.Empty(t, ask[api.MyHouseholds](child, "GET", "/my/households", nil).Items)
	require.Equal(t, "house.binding", child.code("POST", "/my/households", map[string]any{"house_code": home.Code, "name_or_phone": "查无此人"}))
	bound := ask[api.MyHouseholds](child, "POST", "/my/households", map[string]any{"house_code": home.Code, "name_or_phone": home.Head})
	require.Equal(t, home.ID, bound.Items[0].ID)
	officer := w.login("village")
	logins := ask[api.HouseholdLogins](officer, "GET", "/households/"+home.ID.String()+"/logins", nil)
	require.NotEmpty(t, logins.Items)
	ask[struct{}](officer, "DELETE", "/households/"+home.ID.String()+"/logins/"+bound0(logins, "wechat").String(), nil)
	require.Equal(t, "not_found", child.code("GET", "/my/households/"+home.ID.String()+"/balance", nil))
	ask[api.MyHouseholds](child, "POST", "/my/households", map[string]any{"house_code": home.Code, "name_or_phone": home.Head})
	ask[struct{}](child, "DELETE", "/my/households/"+home.ID.String(), nil)
	require.Equal(t, "not_found", child.code("GET", "/my/households/"+home.ID.String()+"/balance", nil))
	for {
		if c := child.code("POST", "/my/households", map[string]any{"house_code": home.Code, "name_or_phone": "再猜一个"}); c != "house.binding" {
			require.Equal(t, "house.binding_often", c)
			break
		}
	}

	fresh := ask[api.Tokens](caller{w: w}, "POST", "/auth/refresh", map[string]any{"refresh_token": tokens.RefreshToken})
	ask[struct{}](caller{w, fresh.AccessToken}, "POST", "/auth/logout", nil)
	require.Equal(t, "auth.session", caller{w, fresh.AccessToken}.code("GET", "/auth/me", nil))
	require.Equal(t, "auth.token", caller{w, fresh.AccessToken + "x"}.code("GET", "/auth/me", nil))
	require.Equal(t, "auth.login", caller{w: w}.code("POST", "/auth/login", map[string]any{"audience": "officer", "login": "nobody", "password": "xxxxxxxx1"}))
}

// bound0 is the first log-in that came a certain way.
func bound0(list api.HouseholdLogins, way string) id.ID {
	for _, l := range list.Items {
		if l.Way == way {
			return l.User
		}
	}
	return 0
}

func secretaryAndClerks(t *testing.T, w *township) {
	officer, secretary, owner := w.login("village"), w.login("secretary"), w.login("owner")
	v := "/villages/" + w.guide.Pilot.String()
	branches := ask[api.Branches](secretary, "GET", v+"/branches", nil)
	require.NotEmpty(t, branches.Items)
	members := ask[api.PartyMembers](secretary, "GET", v+"/party-members", nil)
	rules := ask[api.RuleList](secretary, "GET", v+"/rules?asset=party&subject=member", nil)
	var fixed api.RuleOut
	for _, r := range rules.Items {
		if r.Spec.Shape == "fixed" && !r.Deducts {
			fixed = r
		}
	}
	require.NotZero(t, fixed.ID)
	grant := map[string]any{"grants": []any{map[string]any{"rule": fixed.ID, "member": members.Items[0].ID}}}
	require.Equal(t, "auth.forbidden", secretary.code("POST", v+"/awards", grant))
	out := ask[api.AwardResult](secretary, "POST", v+"/party-awards", grant)
	require.Equal(t, 1, out.Booked)
	number := itoa(out.Items[0].Number)
	ask[api.AwardOutcome](secretary, "POST", v+"/party-awards/"+number+"/reverse", map[string]any{"reason": "不是他"})
	household := map[string]any{"grants": []any{map[string]any{"rule": w.guide.Try.Rule, "household": w.guide.Homes[0].ID}}}
	require.Contains(t, []string{"auth.forbidden", "not_found"}, secretary.code("POST", v+"/party-awards", household))
	require.Equal(t, 1, ask[api.AwardResult](officer, "POST", v+"/party-awards", grant).Booked)

	me := ask[api.Me](owner, "GET", "/auth/me", nil)
	shop := "/merchants/" + me.Roles[0].Merchant.String()
	made := ask[api.NewUserAnswer](owner, "POST", shop+"/clerks", map[string]any{"login": "xiaowang", "name": "小王"})
	clerk := ask[api.Tokens](caller{w: w}, "POST", "/auth/login", api.LoginInput{Audience: "merchant", Login: "xiaowang", Password: made.Password})
	require.True(t, clerk.MustChange)
	require.Equal(t, "auth.must_change", caller{w, clerk.AccessToken}.code("GET", "/counter/redemptions", nil))
	ask[struct{}](caller{w, clerk.AccessToken}, "PUT", "/auth/password", api.PasswordChange{Old: made.Password, New: "shangdian88"})
	ask[api.Page[api.Receipt]](caller{w, clerk.AccessToken}, "GET", "/counter/redemptions", nil)
	require.Equal(t, "auth.forbidden", caller{w, clerk.AccessToken}.code("GET", shop+"/clerks", nil))
	ask[api.User](owner, "POST", "/clerks/"+made.User.ID.String()+"/disable", nil)
	require.Equal(t, "auth.session", caller{w, clerk.AccessToken}.code("GET", "/counter/redemptions", nil))

	product := ask[api.Product](owner, "POST", shop+"/products", map[string]any{"name": "竹扫帚", "unit": "把", "price": 7.5, "stock": 10})
	require.Equal(t, "7.5", product.Price.String())
	counted := ask[api.Product](owner, "POST", "/products/"+product.ID.String()+"/stock", map[string]any{"kind": "count", "quantity": 4})
	require.EqualValues(t, 4, counted.Stock)
	require.Len(t, ask[api.Page[api.StockMove]](owner, "GET", "/products/"+product.ID.String()+"/moves", nil).Items, 2)
}

func roster(t *testing.T, w *township) {
	officer := w.login("village")
	v := "/villages/" + w.guide.Pilot.String()
	template := officer.send("GET", "/templates/roster.xlsx", nil).body
	preview := ask[api.RosterReport](officer, "POST", v+"/roster/import?preview=true", template)
	require.False(t, preview.Written)
	started := ask[api.RosterImport](officer, "POST", v+"/roster/imports", []byte("户主,手机号\n吴在后台,13800005678\n吴错号,1380000\n"))
	var ended api.RosterImport
	require.Eventually(t, func() bool {
		ended = ask[api.RosterImport](officer, "GET", "/roster-imports/"+started.ID.String(), nil)
		return ended.State != "running"
	}, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, "done", ended.State)
	require.Equal(t, []int{100, 2, 1}, []int{ended.Percent, ended.Rows, ended.Report.ProblemCount})
	require.False(t, ended.Report.Written)
	require.Contains(t, ended.Report.Problems[0].Text, "手机号码不对")
	bad := officer.send("POST", v+"/roster/import/problems", template)
	require.Equal(t, 200, bad.status, string(bad.body))
	require.True(t, bytes.HasPrefix(bad.body, []byte("PK")))

	created := ask[api.Household](officer, "POST", "/households", map[string]any{"village": w.guide.Pilot, "address": "村口", "members": []any{
		map[string]any{"name": "吴新来", "phone": "13800001234"}, map[string]any{"name": "吴小妹", "relation": "女", "gender": "female", "birth": "2015-06-01"}}})
	h := "/households/" + created.ID.String()
	detail := ask[api.HouseholdDetail](officer, "GET", h, nil)
	require.Len(t, detail.Members, 2)
	girl := detail.Members[1]
	require.Equal(t, "2015-06-01", girl.Birth.String())
	require.Equal(t, "13800001234", ask[api.Phone](officer, "GET", "/villagers/"+detail.Members[0].ID.String()+"/phone", nil).Phone)
	added := ask[api.Villager](officer, "POST", h+"/members", map[string]any{"name": "吴老太", "relation": "母亲"})
	ask[api.Villager](officer, "PUT", "/villagers/"+added.ID.String(), map[string]any{"name": "吴老太", "relation": "母亲", "state": "moved"})
	ask[api.Household](officer, "PUT", h, map[string]any{"address": "村尾", "head": girl.ID})
	require.Equal(t, "吴小妹", ask[api.HouseholdDetail](officer, "GET", h, nil).HeadName)
	card := ask[api.Cards](officer, "POST", "/cards", map[string]any{"households": []id.ID{created.ID}})
	require.Equal(t, 1, card.Items[0].Serial)
	require.Equal(t, 2, ask[api.Card](officer, "POST", h+"/card/reprint", nil).Serial)
	require.True(t, ask[api.Card](officer, "PUT", h+"/card/pin", map[string]any{"pin": "8524"}).HasPIN)
	require.Equal(t, "input.invalid", officer.code("PUT", h+"/card/pin", map[string]any{"pin": "12"}))
	search := ask[api.Page[api.Household]](officer, "GET", "/households?q=wxm", nil)
	require.NotEmpty(t, search.Items)
	require.Equal(t, "not_found", officer.code("GET", "/households/"+id.New().String(), nil))
}
