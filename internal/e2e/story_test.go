package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/app/apptest"
	"jishan/internal/cal"
	"jishan/internal/id"
	"jishan/internal/points"
)

// story is a village as its people make it, over HTTP alone.
type story struct {
	s                     *apptest.Server
	stranger, admin, town client
	county, township, vil api.Region
	officer               client
	houses                map[string]api.HouseholdDetail // by head
	rules                 map[string]api.RuleOut         // by item
	merchant              api.Merchant
	owner, clerk          client
	soap, rice            api.Product
}

func half(n int64) points.Amount { return points.Amount(n * 50) }

// begin founds county, township and village, and the officers' accounts: each with an initial password that must be changed.
func begin(t *testing.T, change ...func(*apptest.Setup)) *story {
	st := &story{s: apptest.Start(t, change...)}
	st.stranger = client{base: st.s.URL}
	_, err := st.s.Auth.EnsureAdmin(context.Background(), "admin", password) // as `jishan admin` does
	require.NoError(t, err)
	st.admin = login(t, st.stranger, "officer", "admin", password)
	st.county = post[api.Region](t, st.admin, "/regions", map[string]any{"kind": "county", "code": "500240", "name": "石柱县"})
	st.township = post[api.Region](t, st.admin, "/regions", map[string]any{"kind": "township", "parent": st.county.ID, "code": "500240100", "name": "渔溪镇"})
	st.town = st.newcomer(t, st.admin, "/users", "officer", "laoyin", map[string]any{"role": "township", "region": st.township.ID})
	st.vil = post[api.Region](t, st.town, "/regions", map[string]any{"kind": "village", "parent": st.township.ID, "code": "500240100201", "name": "小渔溪村"})
	st.officer = st.newcomer(t, st.town, "/users", "officer", "laoli", map[string]any{"role": "village", "region": st.vil.ID})
	return st
}

// newcomer is made an account by somebody, and may do nothing before the initial password is changed.
func (st *story) newcomer(t *testing.T, by client, path, audience, name string, role map[string]any) client {
	t.Helper()
	in := map[string]any{"login": name, "name": "某" + name}
	if role != nil {
		in["audience"], in["roles"] = audience, []any{role}
	}
	made := post[api.NewUserAnswer](t, by, path, in)
	require.True(t, made.User.MustChange)
	who := login(t, st.stranger, audience, name, made.Password)
	a, err := who.json(http.MethodGet, "/merchants", "", nil)
	refused(t, a, err, http.StatusForbidden, "")
	put[none](t, who, "/auth/password", map[string]any{"old": made.Password, "new": password})
	me := get[api.Me](t, login(t, st.stranger, audience, name, password), "/auth/me")
	require.False(t, me.MustChange)
	return login(t, st.stranger, audience, name, password)
}

func (st *story) village(path string) string { return "/villages/" + st.vil.ID.String() + path }

// people come from the village's own sheet.
func (st *story) people(t *testing.T) {
	roster := sheet(t, []any{"组", "户主", "姓名", "与户主关系", "性别", "手机号", "住址"},
		[]any{"1组", "王大山", "王大山", "户主", "男", "13800000001", "老街3号"},
		[]any{"1组", "王大山", "李小梅", "妻子", "女", "", "老街3号"},
		[]any{"1组", "赵铁柱", "赵铁柱", "户主", "男", "13800000002", "老街5号"},
		[]any{"2组", "钱多多", "钱多多", "户主", "女", "", "坡上1号"},
		[]any{"2组", "孙二娘", "孙二娘", "户主", "女", "", "坡上2号"})
	seen := upload[api.RosterReport](t, st.officer, st.village("/roster/import?preview=true"), roster)
	require.False(t, seen.Written)
	require.Equal(t, 4, seen.NewHouseholds)
	require.Empty(t, get[api.Page[api.Household]](t, st.officer, "/households").Items)

	done := upload[api.RosterReport](t, st.officer, st.village("/roster/import"), roster)
	require.True(t, done.Written, "%v", done.Problems)
	require.Equal(t, 5, done.NewVillagers)
	again := upload[api.RosterReport](t, st.officer, st.village("/roster/import"), roster)
	require.Equal(t, 5, again.Unchanged)
	require.Zero(t, again.NewHouseholds+again.NewVillagers)

	st.houses = map[string]api.HouseholdDetail{}
	for _, h := range get[api.Page[api.Household]](t, st.officer, "/households?village="+st.vil.ID.String()).Items {
		st.houses[h.HeadName] = get[api.HouseholdDetail](t, st.officer, "/households/"+h.ID.String())
	}
	require.Len(t, st.houses, 4)
	require.Len(t, st.houses["王大山"].Members, 2)
	require.Equal(t, "王大山", st.houses["王大山"].Members[0].Name)
}

// book imports a rule book from Excel and puts it in force by a recorded vote.
func (st *story) book(t *testing.T, who client, asset string, rows ...[]any) {
	b := post[api.RuleBook](t, who, "/rule-books", map[string]any{"region": st.vil.ID, "asset": asset, "name": "积分细则（" + asset + "）"})
	draft := "/rule-versions/" + b.Versions[0].ID.String()
	file := sheet(t, append([][]any{{"类别", "条目", "分值", "上限", "计分对象", "方向", "类型"}}, rows...)...)
	seen := upload[api.RuleImportReport](t, who, draft+"/import?preview=true", file)
	require.Equal(t, len(rows), seen.Rules, "%v", seen.Notes)
	require.Empty(t, get[api.RuleVersionDetail](t, who, draft+"/rules").Rules)
	done := upload[api.RuleImportReport](t, who, draft+"/import", file)
	require.True(t, done.Written)
	require.Zero(t, done.LeftOut, "%v", done.Notes)
	require.Empty(t, get[api.RuleList](t, who, st.village("/rules?asset="+asset)).Items, "a draft is not in force")
	today := cal.DayOf(st.s.DB.Now())
	v := post[api.RuleVersion](t, who, draft+"/adopt", map[string]any{"meeting": "村民代表会议", "on": today.String(), "votes_for": 41, "votes_against": 3, "from": today.Month().First().String()})
	require.True(t, v.Adopted)
	if st.rules == nil {
		st.rules = map[string]api.RuleOut{}
	}
	for _, r := range get[api.RuleList](t, who, st.village("/rules?asset="+asset)).Items {
		st.rules[r.Item] = r
	}
}

// shop opens a merchant with an owner, a clerk and two products.
func (st *story) shop(t *testing.T) {
	st.merchant = post[api.Merchant](t, st.town, "/merchants", map[string]any{"name": "汇丰超市", "region": st.township.ID})
	put[none](t, st.town, fmt.Sprintf("/merchants/%s/villages/%s", st.merchant.ID, st.vil.ID), map[string]any{"rate": map[string]any{"points": 10, "yuan": 1}})
	st.owner = st.newcomer(t, st.town, "/users", "merchant", "laoban", map[string]any{"role": "owner", "merchant": st.merchant.ID})
	st.clerk = st.newcomer(t, st.owner, "/merchants/"+st.merchant.ID.String()+"/clerks", "merchant", "dianyuan", nil)
	path := "/merchants/" + st.merchant.ID.String() + "/products"
	st.soap = post[api.Product](t, st.owner, path, map[string]any{"name": "肥皂", "unit": "块", "price": 5.5, "stock": 100})
	st.rice = post[api.Product](t, st.owner, path, map[string]any{"name": "大米", "unit": "袋", "price": 30, "stock": 3})
}

func (st *story) balance(t *testing.T, head string) points.Amount {
	t.Helper()
	return get[api.Balance](t, st.officer, "/households/"+st.houses[head].ID.String()+"/balance").Balance
}

// board is the month's board of households as head → rank and score, once Redis has it.
func (st *story) board(t *testing.T, want ...string) {
	t.Helper()
	var b api.Board
	require.Eventually(t, func() bool { // a new village's boards are filled within a second or two, and then there may be news again
		settled(t, st.s)
		b = get[api.Board](t, st.officer, "/boards?scope="+st.vil.ID.String())
		return b.Source == "redis"
	}, 20*time.Second, 50*time.Millisecond, "the village's boards are not filled")
	got := make([]string, 0, len(b.Items))
	for _, r := range b.Items {
		got = append(got, fmt.Sprintf("%d %s %s", r.Rank, r.Name, r.Score))
	}
	require.Equal(t, want, got)
}

func grants(list ...map[string]any) map[string]any { return map[string]any{"grants": list} }

func TestStoryOfAHousehold(t *testing.T) {
	st := begin(t)
	st.people(t)
	st.book(t, st.officer, "points",
		[]any{"环境卫生", "庭院整洁", "10", "每月最多2次", "户", "加分"},
		[]any{"乡风文明", "义务劳动", "5~20", "", "户", "加分"},
		[]any{"乡风文明", "好人好事", "0.5", "", "个人", "加分"},
		[]any{"环境卫生", "乱扔垃圾", "3", "", "户", "扣分"})
	st.shop(t)
	wang, zhao, qian := st.houses["王大山"], st.houses["赵铁柱"], st.houses["钱多多"]
	tidy := grants(map[string]any{"rule": st.rules["庭院整洁"].ID, "household": wang.ID})

	// The officer sees what the rule gives, and why, before anything is written.
	seen := post[api.AwardResult](t, st.officer, st.village("/awards/preview"), tidy)
	require.Equal(t, points.Whole(10), seen.Items[0].Points)
	require.Contains(t, seen.Items[0].Explanation, "庭院整洁")
	require.Zero(t, seen.Items[0].Number)
	require.Zero(t, st.balance(t, "王大山"))

	// Single: twice a month, and not a third time.
	first := post[api.AwardResult](t, st.officer, st.village("/awards"), tidy).Items[0]
	require.Equal(t, points.Whole(10), first.Balance)
	post[api.AwardResult](t, st.officer, st.village("/awards"), tidy)
	a, err := st.officer.json(http.MethodPost, st.village("/awards"), newKey(), tidy)
	p := refused(t, a, err, http.StatusConflict, "rule.capped")
	require.Contains(t, p.Detail, "2 次")

	// Bulk: one rule for many, and one who does not exist fails alone.
	work := st.rules["义务劳动"].ID
	many := post[api.AwardResult](t, st.officer, st.village("/awards"), grants(
		map[string]any{"rule": work, "household": wang.ID, "points": 20}, map[string]any{"rule": work, "household": zhao.ID, "points": 12.5},
		map[string]any{"rule": work, "household": qian.ID, "points": 12.5}, map[string]any{"rule": work, "household": newKey(), "points": 5},
		map[string]any{"rule": work, "household": zhao.ID, "points": 21}))
	require.Equal(t, [2]int{3, 2}, [2]int{many.Booked, many.Failed})
	require.Equal(t, "rule.range", many.Items[4].Failed.Code)

	// Excel: a row that cannot be read keeps the whole sheet out; put right, all of it is booked.
	head := []any{"户码", "姓名", "条目", "分值", "备注"}
	good := [][]any{head, {zhao.CodeText, "", "乱扔垃圾", "", "第二次提醒"}, {"", "李小梅", "好人好事", "", "扶老人过马路"}, {"", "孙二娘", "义务劳动", "8", ""}}
	bad := upload[api.AwardReport](t, st.officer, st.village("/awards/import"), sheet(t, append(good[:len(good):len(good)], []any{"", "查无此人", "义务劳动", "8", ""})...))
	require.False(t, bad.Written)
	require.Len(t, bad.Problems, 1)
	require.Contains(t, bad.Problems[0].Row, "第5行")
	require.Zero(t, st.balance(t, "孙二娘"))
	require.True(t, upload[api.AwardReport](t, st.officer, st.village("/awards/import"), sheet(t, good...)).Written)

	// Balances, statement and explanation.
	require.Equal(t, half(81), st.balance(t, "王大山")) // 10 + 10 + 20 + 0.5
	require.Equal(t, half(19), st.balance(t, "赵铁柱")) // 12.5 − 3
	require.Equal(t, points.Whole(8), st.balance(t, "孙二娘"))
	lines := get[api.Page[api.StatementLine]](t, st.officer, "/households/"+wang.ID.String()+"/statement").Items
	require.Len(t, lines, 4)
	require.Equal(t, "李小梅", lines[0].PersonName)
	require.Equal(t, half(81), lines[0].Balance)
	require.Contains(t, lines[0].Reason, "好人好事")
	one := get[api.Award](t, st.officer, st.village(fmt.Sprintf("/awards/%d", first.Number)))
	require.Equal(t, first.Explanation, one.Explanation)
	require.Equal(t, "某laoli", one.ActorName)
	person := get[api.Page[api.StatementLine]](t, st.officer, "/villagers/"+wang.Members[1].ID.String()+"/statement").Items
	require.Len(t, person, 1)
	require.Equal(t, half(1), person[0].Score)
	tx := get[api.LedgerTransaction](t, st.officer, st.village(fmt.Sprintf("/ledger/%d", first.Number)))
	require.Len(t, tx.Hash, 64)
	require.Len(t, tx.Entries, 2)
	require.Zero(t, tx.Entries[0].Amount+tx.Entries[1].Amount)

	st.board(t, "1 王大山 40.5", "2 钱多多 12.5", "3 赵铁柱 9.5", "4 孙二娘 8")
	receipt := st.redeemed(t, wang)

	// Redemption moves no board. A reversal does, and says so in the statement.
	st.board(t, "1 王大山 40.5", "2 钱多多 12.5", "3 赵铁柱 9.5", "4 孙二娘 8")
	undone := post[api.AwardOutcome](t, st.officer, st.village(fmt.Sprintf("/awards/%d/reverse", many.Items[0].Number)), map[string]any{"reason": "登记成了别家"})
	require.Nil(t, undone.Failed)
	require.Equal(t, half(41), st.balance(t, "王大山"))
	a, err = st.officer.json(http.MethodPost, st.village(fmt.Sprintf("/awards/%d/reverse", many.Items[0].Number)), newKey(), map[string]any{"reason": "再来一次"})
	refused(t, a, err, http.StatusConflict, "ledger.reversed")
	require.True(t, get[api.Award](t, st.officer, st.village(fmt.Sprintf("/awards/%d", many.Items[0].Number))).Reversed)
	require.Equal(t, many.Items[0].Number, get[api.Page[api.StatementLine]](t, st.officer, "/households/"+wang.ID.String()+"/statement").Items[0].Reverses)
	for range 2 { // the other household passes it
		post[api.AwardResult](t, st.officer, st.village("/awards"), grants(map[string]any{"rule": st.rules["庭院整洁"].ID, "household": qian.ID}))
	}
	st.board(t, "1 钱多多 32.5", "2 王大山 20.5", "3 赵铁柱 9.5", "4 孙二娘 8")
	around := get[api.Board](t, st.officer, "/boards/around?n=1&scope="+st.vil.ID.String()+"&id="+zhao.ID.String())
	require.True(t, around.Found)
	require.Equal(t, []int{2, 3, 4}, []int{around.Items[0].Rank, around.Items[1].Rank, around.Items[2].Rank})

	require.Equal(t, "refunded", receipt.State)
	verifyRows(t, st.s.DB)
	verifyBoards(t, st.s)
}

// redeemed is the way from the villager's telephone to the counter and back.
func (st *story) redeemed(t *testing.T, house api.HouseholdDetail) api.Receipt {
	st.s.Fake.Login("wx-code", "openid-lixiaomei")
	tokens := post[api.Tokens](t, st.stranger, "/auth/wechat", map[string]any{"code": "wx-code"})
	mei := st.stranger.as(tokens.AccessToken)
	require.Empty(t, get[api.MyHouseholds](t, mei, "/my/households").Items)
	a, err := mei.json(http.MethodPost, "/my/households", "", map[string]any{"house_code": house.CodeText, "name_or_phone": "赵铁柱"})
	refused(t, a, err, http.StatusConflict, "house.binding")
	a, err = mei.json(http.MethodGet, "/my/households/"+house.ID.String()+"/code", "", nil)
	refused(t, a, err, http.StatusNotFound, "")
	bound := post[api.MyHouseholds](t, mei, "/my/households", map[string]any{"house_code": house.CodeText, "name_or_phone": "李小梅"})
	require.Equal(t, half(81), bound.Items[0].Balance)
	my := "/my/households/" + house.ID.String()
	require.Equal(t, half(81), get[api.Balance](t, mei, my+"/balance").Balance)

	code := get[api.Code](t, mei, my+"/code")
	who := post[api.Identity](t, st.clerk, "/counter/identify", map[string]any{"text": code.Text})
	require.Equal(t, "王*山", who.Name)
	require.Equal(t, half(81), who.Balance)
	require.Equal(t, "code", who.Way)
	basket := map[string]any{"ticket": who.Ticket, "total": 11, "lines": []any{map[string]any{"product": st.soap.ID, "quantity": 2}}}
	receipt := post[api.Receipt](t, st.clerk, "/counter/redemptions", basket)
	require.Equal(t, points.Whole(11), receipt.Points)
	require.Equal(t, "1.10", receipt.Yuan.String())
	require.Equal(t, "confirmed", receipt.State)
	a, err = st.clerk.json(http.MethodPost, "/counter/redemptions", newKey(), basket)
	refused(t, a, err, http.StatusConflict, "code.used")

	// Too much for the stock, and too much for the wallet.
	for want, line := range map[string]map[string]any{"product.stock": {"product": st.rice.ID, "quantity": 4}, "wallet.insufficient": {"product": st.soap.ID, "quantity": 6}} {
		fresh := get[api.Code](t, mei, my+"/code")
		a, err := st.clerk.json(http.MethodPost, "/counter/redemptions", newKey(), map[string]any{"text": fresh.Text, "lines": []any{line}})
		refused(t, a, err, http.StatusConflict, want)
	}
	require.Equal(t, half(59), get[api.Balance](t, mei, my+"/balance").Balance)
	require.Equal(t, int64(98), st.stock(t))
	path := fmt.Sprintf("/redemptions/%s/%d", st.vil.ID, receipt.Number)
	require.Equal(t, receipt.Number, get[api.Receipt](t, mei, "/my"+path).Number)
	require.Equal(t, "王*山", get[api.Receipt](t, st.clerk, path).Name)
	require.Equal(t, receipt.Points, st.total(t).Points)
	require.Equal(t, "redeem", get[api.Page[api.StatementLine]](t, mei, my+"/statement").Items[0].Kind)
	require.Empty(t, get[api.Page[api.StatementLine]](t, mei, my+"/statement").Items[0].Score)

	back := post[api.Receipt](t, st.clerk, path+"/refund", map[string]any{"reason": "包装破损"})
	require.Equal(t, "refunded", back.State)
	require.Equal(t, half(81), get[api.Balance](t, mei, my+"/balance").Balance)
	require.Equal(t, int64(100), st.stock(t))
	require.Zero(t, st.total(t).Points)
	require.Equal(t, receipt.Points, st.total(t).RefundedPoints)
	a, err = st.clerk.json(http.MethodPost, path+"/refund", newKey(), map[string]any{"reason": "再退一次"})
	refused(t, a, err, http.StatusConflict, "redeem.refunded")
	return get[api.Receipt](t, st.officer, path)
}

func (st *story) stock(t *testing.T) int64 {
	t.Helper()
	for _, p := range get[api.Page[api.Product]](t, st.owner, "/merchants/"+st.merchant.ID.String()+"/products").Items {
		if p.ID == st.soap.ID {
			return p.Stock
		}
	}
	require.Fail(t, "the product is gone")
	return 0
}

func (st *story) total(t *testing.T) api.Total {
	t.Helper()
	list := get[api.Totals](t, st.owner, "/merchants/"+st.merchant.ID.String()+"/totals").Items
	require.Len(t, list, 1)
	require.Equal(t, id.ID(st.vil.ID), list[0].Village)
	return list[0]
}
