package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/api"
	"jishan/internal/app/apptest"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/points"
)

type reply struct {
	answer
	err error
}

// together runs f n times at once and waits for all.
func together(n int, f func(i int) reply) []reply {
	out := make([]reply, n)
	var ready, done sync.WaitGroup
	gun := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-gun
			out[i] = f(i)
		})
	}
	ready.Wait()
	close(gun)
	done.Wait()
	return out
}

// tally counts answers by status and code; an error of the connection fails the test.
func tally(t testing.TB, replies []reply) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, r := range replies {
		require.NoError(t, r.err)
		word := fmt.Sprint(r.Status)
		if r.Status >= 300 {
			var p api.Problem
			require.NoError(t, json.Unmarshal(r.Body, &p), "%s", r.answer)
			word += " " + p.Code
		}
		out[word]++
	}
	return out
}

func redeemBody(code string, product id.ID, n int64) map[string]any {
	return map[string]any{"text": code, "lines": []map[string]any{{"product": product, "quantity": n}}}
}

// second is another server on the database and the boards of the first.
func second(t testing.TB, first *apptest.Server) client {
	b := apptest.Start(t, func(s *apptest.Setup) {
		s.Config.DB.DSN = first.Config.DB.DSN
		s.Options.BoardPrefix = first.Prefix
	})
	return client{base: b.URL}
}

func counters(t testing.TB, p *place, c client) (near, far client) {
	near = p.account(t, c, auth.KindMerchant, "near", auth.Assignment{Role: auth.RoleClerk, Merchant: p.m.id})
	far = p.account(t, c, auth.KindMerchant, "far", auth.Assignment{Role: auth.RoleClerk, Merchant: p.n.id})
	return near, far
}

func TestNoWalletIsOverdrawn(t *testing.T) {
	for name, servers := range map[string]int{"one server": 1, "two servers": 2} {
		t.Run(name, func(t *testing.T) {
			s, p, c := start(t, 2)
			near, far := counters(t, p, c)
			clerks := []client{near, far}
			if servers == 2 {
				other := second(t, s)
				clerks = append(clerks, client{other.base, near.token}, client{other.base, far.token})
			}
			house := p.a.houses[0]
			p.give(t, p.a.id, 500, house)
			codes := make([]string, 200)
			for i := range codes {
				codes[i] = p.code(t, house)
			}
			products := []id.ID{p.m.products[1], p.n.products[1]}
			got := tally(t, together(200, func(i int) reply {
				a, err := clerks[i%len(clerks)].json(http.MethodPost, "/counter/redemptions", newKey(), redeemBody(codes[i], products[i%2], 1))
				return reply{a, err}
			}))
			require.Equal(t, map[string]int{"200": 50, "409 wallet.insufficient": 150}, got)
			require.Zero(t, p.balance(t, p.a.id, house))
			verifyRows(t, p.d)
			verifyBoards(t, s)
		})
	}
}

func TestARepeatedKeyWorksOnce(t *testing.T) {
	s, p, c := start(t, 2)
	near, _ := counters(t, p, c)
	officer := p.account(t, c, auth.KindOfficer, "officer", auth.Assignment{Role: auth.RoleTownship, Region: p.town})
	other := second(t, s)
	house := p.a.houses[0]
	p.give(t, p.a.id, 100, house)
	bases := []string{c.base, other.base}

	// repeat sends one request 40 times at once through both servers and answers what all of them were told.
	repeat := func(who client, path string, body any) []byte {
		t.Helper()
		key := newKey()
		replies := together(40, func(i int) reply {
			a, err := client{bases[i%2], who.token}.json(http.MethodPost, path, key, body)
			return reply{a, err}
		})
		require.Equal(t, map[string]int{"200": 40}, tally(t, replies))
		for _, r := range replies {
			require.JSONEq(t, string(replies[0].Body), string(r.Body))
		}
		return replies[0].Body
	}
	grant := map[string]any{"grants": []map[string]any{{"rule": p.tidy, "household": house}}}
	var given api.AwardResult
	require.NoError(t, json.Unmarshal(repeat(officer, "/villages/"+p.a.id.String()+"/awards", grant), &given))
	require.Equal(t, points.Whole(105), p.balance(t, p.a.id, house))

	var taken api.Receipt
	require.NoError(t, json.Unmarshal(repeat(near, "/counter/redemptions", redeemBody(p.code(t, house), p.m.products[1], 2)), &taken))
	require.Equal(t, points.Whole(85), p.balance(t, p.a.id, house))

	repeat(near, fmt.Sprintf("/redemptions/%s/%d/refund", p.a.id, taken.Number), map[string]any{"reason": "商品破损"})
	require.Equal(t, points.Whole(105), p.balance(t, p.a.id, house))

	repeat(officer, fmt.Sprintf("/villages/%s/awards/%d/reverse", p.a.id, given.Items[0].Number), map[string]any{"reason": "登记错了"})
	require.Equal(t, points.Whole(100), p.balance(t, p.a.id, house))

	repeat(p.owner(t, c), "/products/"+p.m.products[0].String()+"/stock", map[string]any{"kind": "in", "quantity": 7})
	require.NoError(t, p.d.Read(p.ctx, func(tx db.Tx) error {
		var stock int64
		err := tx.Raw("SELECT stock FROM products WHERE id = ?", p.m.products[0]).Scan(&stock).Error
		require.Equal(t, int64(100_007), stock)
		return err
	}))

	t.Run("another body with the key is a conflict", func(t *testing.T) {
		key := newKey()
		path := "/villages/" + p.a.id.String() + "/awards"
		replies := together(20, func(i int) reply {
			rule := []id.ID{p.tidy, p.litter}[i%2]
			a, err := client{bases[i/10], officer.token}.json(http.MethodPost, path, key, map[string]any{"grants": []map[string]any{{"rule": rule, "household": house}}})
			return reply{a, err}
		})
		require.Equal(t, map[string]int{"200": 10, "409 idempotency.conflict": 10}, tally(t, replies))
		require.Contains(t, []points.Amount{points.Whole(105), points.Whole(97)}, p.balance(t, p.a.id, house))
	})
	verifyRows(t, p.d)
}

func (p *place) owner(t testing.TB, c client) client {
	return p.account(t, c, auth.KindMerchant, "owner", auth.Assignment{Role: auth.RoleOwner, Merchant: p.m.id})
}

func TestACodeIsSpentOnce(t *testing.T) {
	s, p, c := start(t, 2)
	near, far := counters(t, p, c)
	far.base = second(t, s).base
	house := p.a.houses[0]
	p.give(t, p.a.id, 400, house)
	for range 10 {
		code := p.code(t, house)
		replies := together(2, func(i int) reply {
			who, product := near, p.m.products[1]
			if i == 1 {
				who, product = far, p.n.products[1]
			}
			a, err := who.json(http.MethodPost, "/counter/redemptions", newKey(), redeemBody(code, product, 1))
			return reply{a, err}
		})
		require.Equal(t, map[string]int{"200": 1, "409 code.used": 1}, tally(t, replies))
	}
	require.Equal(t, points.Whole(300), p.balance(t, p.a.id, house))

	// The ticket of a scanned code is the code: scanned at both counters, it is still good at one of them only.
	code := p.code(t, house)
	tickets := make([]string, 2)
	for i, who := range []client{near, far} {
		tickets[i] = post[api.Identity](t, who, "/counter/identify", map[string]any{"text": code}).Ticket
	}
	replies := together(2, func(i int) reply {
		a, err := []client{near, far}[i].json(http.MethodPost, "/counter/redemptions", newKey(), map[string]any{"ticket": tickets[i], "points": 10})
		return reply{a, err}
	})
	require.Equal(t, map[string]int{"200": 1, "409 code.used": 1}, tally(t, replies))
	verifyRows(t, p.d)
}

func TestStockIsNotOversold(t *testing.T) {
	s, p, c := start(t, 100)
	near, _ := counters(t, p, c)
	other := client{second(t, s).base, near.token}
	rare := p.product(t, p.m.id, "电饭煲", 20, 10)
	p.give(t, p.a.id, 50, p.a.houses...)
	codes := make([]string, 100)
	for i := range codes {
		codes[i] = p.code(t, p.a.houses[i])
	}
	got := tally(t, together(100, func(i int) reply {
		a, err := []client{near, other}[i%2].json(http.MethodPost, "/counter/redemptions", newKey(), redeemBody(codes[i], rare, 1))
		return reply{a, err}
	}))
	require.Equal(t, 10, got["200"], "%v", got)
	require.Equal(t, 90, got["409 product.stock"], "%v", got)
	require.NoError(t, p.d.Read(p.ctx, func(tx db.Tx) error {
		var stock, sold int64
		require.NoError(t, tx.Raw("SELECT stock FROM products WHERE id = ?", rare).Scan(&stock).Error)
		require.NoError(t, tx.Raw("SELECT COUNT(*) FROM redemption_lines WHERE product_id = ?", rare).Scan(&sold).Error)
		require.Zero(t, stock)
		require.Equal(t, int64(10), sold)
		return nil
	}))
	total := points.Amount(0)
	for _, h := range p.a.houses {
		total += p.balance(t, p.a.id, h)
	}
	require.Equal(t, points.Whole(100*50-10*20), total)
	verifyRows(t, p.d)
	verifyBoards(t, s)
}
