package redeem_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/redeem"
	"jishan/internal/rule"
)

// homes is a world whose households have people, awards and a service that splits and merges them.
type homes struct {
	*world
	people *people.Service
	awards *award.Service
	rule   id.ID // 10 points for a household
	person id.ID // 4 points for a person
}

var system = auth.System("test")

func newHomes(t *testing.T) *homes {
	h := &homes{world: newWorld(t)}
	var err error
	h.people, err = people.NewService(h.d, []byte(strings.Repeat("k", 32)))
	h.must(err)
	t.Cleanup(h.people.Close)
	h.awards = award.New(h.d)
	t.Cleanup(h.awards.Close)
	rules := rule.New(h.d)
	book, err := rules.CreateBook(ctx, system, rule.NewBook{Region: h.village, Asset: ledger.Points, Name: "本村积分细则"})
	h.must(err)
	draft := book.Versions[0].ID
	a, err := rules.AddRule(ctx, system, draft, rule.Input{Code: "A1", Category: "环境", Item: "庭院整洁", Subject: rule.Household, Spec: rule.Spec{Shape: rule.Fixed, Points: points.Whole(10)}})
	h.must(err)
	b, err := rules.AddRule(ctx, system, draft, rule.Input{Code: "A2", Category: "互助", Item: "邻里帮扶", Subject: rule.Person, Spec: rule.Spec{Shape: rule.Fixed, Points: points.Whole(4)}})
	h.must(err)
	_, err = rules.Adopt(ctx, system, draft, rule.Adoption{Meeting: "村民代表会议", On: 20260101, VotesFor: 30, From: 20260101})
	h.must(err)
	h.rule, h.person = a.ID, b.ID
	return h
}

func (h *homes) home(names ...string) people.Household {
	n := people.NewHousehold{Village: h.village}
	for _, name := range names {
		n.Members = append(n.Members, people.Person{Name: name})
	}
	out, err := h.people.CreateHousehold(ctx, system, n)
	h.must(err)
	return out
}

func (h *homes) award(x people.Household) (award.Outcome, error) {
	out, err := h.awards.Grant(ctx, system, award.Order{Idempotency: fresh(), Village: h.village, Grants: []award.Grant{{Rule: h.rule, Household: x.ID}}})
	if err != nil {
		return award.Outcome{}, err
	}
	return out[0], nil
}

func (h *homes) merge(from, into people.Household) (people.Regrouping, error) {
	return h.people.Merge(ctx, system, fresh(), people.MergeOrder{Household: from.ID, Into: into.ID, Reason: "老人并到儿子家"})
}

func TestMergedHouseholdAtTheCounter(t *testing.T) {
	h := newHomes(t)
	from, into := h.home("王大", "王花"), h.home("李一")
	soap := h.product("肥皂", points.Whole(4), 5)
	given, err := h.award(from)
	h.must(err)
	paid, err := h.s.Confirm(ctx, h.clerk, fresh(), redeem.Confirmation{Presented: redeem.Presented{Text: h.code(from)},
		Basket: redeem.Basket{Lines: []redeem.Line{{Product: soap.ID, Quantity: 1}}}})
	h.must(err)
	cards, err := h.s.IssueCards(ctx, h.officer, []id.ID{from.ID})
	h.must(err)
	_, err = h.s.SetPIN(ctx, h.officer, from.ID, "4711")
	h.must(err)
	code := h.code(from)
	seen, err := h.s.Identify(ctx, h.clerk, 0, redeem.Presented{Text: code})
	h.must(err)
	_, err = h.merge(from, into)
	h.must(err)

	// What was in people's hands before: codes, cards and what a clerk has scanned.
	for _, p := range []redeem.Presented{{Text: code}, {Ticket: seen.Ticket}, {Text: cards[0].Payload, PIN: "4711"}, {Text: from.Code, PIN: "4711"}} {
		_, err = h.s.Confirm(ctx, h.clerk, fresh(), redeem.Confirmation{Presented: p, Basket: redeem.Basket{Points: points.Whole(1)}})
		require.ErrorIs(t, err, redeem.ErrMerged)
	}
	_, err = h.s.CheckCard(ctx, system, cards[0].Payload, "4711")
	require.ErrorIs(t, err, redeem.ErrMerged, "nobody logs in with the old card")
	_, err = h.s.Code(ctx, villager(from.ID), from.ID)
	require.ErrorIs(t, err, redeem.ErrMerged)
	_, err = h.s.Proxy(ctx, h.officer, fresh(), redeem.ProxyOrder{Merchant: h.market.ID, Household: from.ID, Basket: redeem.Basket{Points: points.Whole(1)}, Reason: "代办"})
	require.ErrorIs(t, err, redeem.ErrMerged)
	_, err = h.award(from)
	require.ErrorIs(t, err, people.ErrMerged)

	// A refund of what was redeemed before goes to the household where the people are now, and so does its notice.
	require.Equal(t, points.Whole(6), h.balance(into))
	back, err := h.s.Refund(ctx, h.clerk, fresh(), paid.Key(), "商品破损")
	h.must(err)
	require.Equal(t, []points.Amount{points.Whole(10), 0, points.Whole(10)}, []points.Amount{*back.Balance, h.balance(from), h.balance(into)})
	require.EqualValues(t, 5, h.stock(soap))
	require.Equal(t, "兑换已退货", h.notices(into)[0].Title)

	// An award of before is taken back from the same.
	out, err := h.awards.Reverse(ctx, system, h.village, []int64{given.Number}, "登记错了", fresh())
	h.must(err)
	require.Equal(t, []points.Amount{points.Whole(10), 0, 0, 0}, []points.Amount{out[0].Booked, out[0].Balance, h.balance(from), h.balance(into)})
	h.clean()
	h.must(h.d.Read(ctx, func(tx db.Tx) error {
		found, err := award.Verify(tx)
		require.Empty(t, found)
		return err
	}))
}

// Awards and redemptions of both households, a person of the one that goes, splits and merges, all at once: whatever was answered is
// there, whatever was refused is not, and not a point is anywhere else.
func TestMergeUnderTraffic(t *testing.T) {
	h := newHomes(t)
	for range 4 {
		a, b := h.home("王大", "王花"), h.home("李一", "李二")
		_, members, err := h.people.Household(ctx, system, a.ID)
		h.must(err)
		for _, x := range []people.Household{a, a, b} {
			_, err := h.award(x)
			h.must(err)
		}
		codes := make([]string, 24)
		for i := range codes {
			codes[i] = h.code([]people.Household{a, b}[i%2])
		}
		leaver := h.member(b, "李二")
		answered := make([]points.Amount, 64)
		merged := 0
		failures := together(len(answered), func(i int) error {
			x := []people.Household{a, b}[i%2]
			switch {
			case i < 24:
				_, err := h.s.Confirm(ctx, h.clerk, fresh(), redeem.Confirmation{Presented: redeem.Presented{Text: codes[i]}, Basket: redeem.Basket{Points: points.Whole(2)}})
				if err == nil {
					answered[i] = -points.Whole(2)
				}
				return err
			case i < 44:
				_, err := h.award(x)
				if err == nil {
					answered[i] = points.Whole(10)
				}
				return err
			case i < 56:
				_, err := h.awards.Grant(ctx, system, award.Order{Idempotency: fresh(), Village: h.village, Grants: []award.Grant{{Rule: h.person, Person: members[1].ID}}})
				if err == nil {
					answered[i] = points.Whole(4)
				}
				return err
			case i < 60:
				_, err := h.people.Split(ctx, system, fresh(), people.SplitOrder{Household: b.ID, Points: points.Whole(1), Reason: "分户",
					Members: []people.Mover{{Villager: leaver}}})
				return err
			default:
				_, err := h.merge(a, b)
				if err == nil {
					merged++
				}
				return err
			}
		})
		sum := points.Whole(30)
		for i, err := range failures {
			sum += answered[i]
			switch {
			case err == nil, errors.Is(err, redeem.ErrMerged), errors.Is(err, people.ErrMerged), errors.Is(err, ledger.ErrInsufficient),
				errors.Is(err, people.ErrSplitMembers), errors.Is(err, people.ErrRegroupPoints):
			default:
				require.NoError(t, err, fmt.Sprint("call ", i))
			}
		}
		require.Equal(t, 1, merged)
		require.Zero(t, h.balance(a))
		var all points.Amount
		h.must(h.d.Read(ctx, func(tx db.Tx) error {
			return tx.Raw(`SELECT COALESCE(SUM(a.balance), 0) FROM accounts a WHERE a.kind = ? AND (a.owner_id IN (?, ?) OR a.owner_id IN (SELECT to_id FROM household_changes WHERE from_id = ?))`,
				ledger.KindWallet, a.ID, b.ID, b.ID).Row().Scan(&all)
		}))
		require.Equal(t, sum, all)
	}
	h.clean()
}

func (h *homes) member(x people.Household, name string) (out id.ID) {
	h.must(h.d.Read(ctx, func(tx db.Tx) error {
		return tx.Raw("SELECT id FROM villagers WHERE household_id = ? AND name = ?", x.ID, name).Row().Scan(&out)
	}))
	return out
}
