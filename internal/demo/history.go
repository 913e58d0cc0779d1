package demo

import (
	"context"
	"fmt"
	"time"

	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/points"
	"jishan/internal/redeem"
)

// partyPercent is how many of a hundred members do something that earns party points in a month.
const partyPercent = 70

// history plays the year week by week: awards, then redemptions; party awards and a correction at the end of each month,
// the evaluation of party members after each quarter. Weeks end with the month, before it may be closed.
func (f *filler) history(ctx context.Context, first, today cal.Day, now time.Time) error {
	for from := first; from <= today; {
		to := min(from.Add(6), from.Month().Last(), today)
		// At six in the evening of the last day; today, at most now.
		f.at(to, now)
		for _, p := range f.places {
			if err := f.awardWeek(ctx, p, from, to); err != nil {
				return err
			}
			if err := f.redeemWeek(ctx, p); err != nil {
				return err
			}
			if to == to.Month().Last() || to == today {
				if err := f.monthEnd(ctx, p, to); err != nil {
					return err
				}
			}
		}
		if err := f.evaluations(ctx, from, today); err != nil {
			return err
		}
		from = to.Add(1)
		f.progress(fmt.Sprintf("%d年%d月的积分往来", to/10000, to/100%100), 0.15+0.83*float64(from.Sub(first))/float64(today.Sub(first)+1))
	}
	return nil
}

func (f *filler) at(day cal.Day, now time.Time) {
	t := day.Time().Add(18 * time.Hour)
	if limit := now.Add(-time.Minute); t.After(limit) {
		t = limit
	}
	f.clock.forward(t)
}

func (f *filler) awardWeek(ctx context.Context, p *place, from, to cal.Day) error {
	days := to.Sub(from) + 1
	out, err := f.grant(ctx, p, p.choose.awards(p.Homes, len(p.Homes)*p.Eager*days/700, from, to))
	if err != nil {
		return err
	}
	for _, o := range out {
		if o.Failed == nil && o.Points > 0 {
			p.last = o
		}
	}
	return nil
}

// monthEnd books the members' party awards, and finds that one award was entered for the wrong household.
func (f *filler) monthEnd(ctx context.Context, p *place, to cal.Day) error {
	if _, err := f.grant(ctx, p, p.choose.members(p.Members, partyPercent, to.Month().First(), to)); err != nil {
		return err
	}
	if p.last.Number == 0 {
		return nil
	}
	_, err := f.w.Awards.Reverse(ctx, p.officer, p.Region.ID, []int64{p.last.Number}, "登记错了户，予以撤销", idempotency.Request{})
	switch {
	case err == nil:
		f.guide.Reversals++
		p.home(p.last.Household).Balance -= p.last.Booked
	case !refused(err):
		return fmt.Errorf("correcting an award in %s: %w", p.Name, err)
	}
	p.last = award.Outcome{}
	return nil
}

// grant books grants in one order and keeps the balances; a grant refused by its rule (a cap reached) is left out, as in life.
func (f *filler) grant(ctx context.Context, p *place, grants []award.Grant) ([]award.Outcome, error) {
	if len(grants) == 0 {
		return nil, nil
	}
	out, err := f.w.Awards.Grant(ctx, p.officer, award.Order{Village: p.Region.ID, Grants: grants})
	if err != nil && !refused(err) {
		return nil, fmt.Errorf("awarding in %s: %w", p.Name, err)
	}
	for _, o := range out {
		if o.Failed != nil {
			f.guide.Refused++
			continue
		}
		f.guide.Awards++
		if h := p.home(o.Household); h != nil {
			h.Balance = o.Balance
		}
	}
	return out, nil
}

func (p *place) home(household id.ID) *home {
	if p.byID == nil {
		p.byID = make(map[id.ID]*home, len(p.Homes))
		for i := range p.Homes {
			p.byID[p.Homes[i].ID] = &p.Homes[i]
		}
	}
	return p.byID[household]
}

// redeemWeek sends some households with enough points to the shops: mostly with the code on the phone, some with the card,
// a few through the village officer.
func (f *filler) redeemWeek(ctx context.Context, p *place) error {
	var orders []redeem.Order
	spent := map[id.ID]points.Amount{}
	for range len(p.Homes)/25 + 1 {
		h := &p.Homes[p.choose.r.IntN(len(p.Homes))]
		m := f.markets[min(p.choose.r.IntN(len(f.markets)), p.choose.r.IntN(len(f.markets)))]
		lines, total := p.choose.basket(m.Shelf, h.Balance-spent[h.ID])
		if total < points.Whole(30) {
			continue
		}
		spent[h.ID] += total
		o := redeem.Order{Actor: m.clerk, Merchant: m.ID, Household: h.ID, Way: redeem.ByCode}
		for _, l := range lines {
			o.Lines = append(o.Lines, redeem.Line{Product: l.Product, Quantity: l.Quantity})
		}
		switch p.choose.r.IntN(10) {
		case 0:
			o.Actor, o.Way, o.Reason = p.officer, redeem.ByProxy, "老人不便出门，代为兑换"
		case 1, 2, 3:
			o.Way = redeem.ByCard
		}
		orders = append(orders, o)
	}
	var refundable []redeem.Receipt
	for i, r := range f.w.Redeem.Import(ctx, system, orders) {
		switch {
		case r.Err != nil && refused(r.Err):
			f.guide.Refused++
		case r.Err != nil:
			return fmt.Errorf("redeeming in %s: %w", p.Name, r.Err)
		default:
			f.guide.Redemptions++
			p.home(orders[i].Household).Balance -= r.Value.Points
			if orders[i].Way == redeem.ByCode {
				refundable = append(refundable, r.Value)
			}
		}
	}
	if len(refundable) > 0 && p.choose.r.IntN(8) == 0 {
		return f.refund(ctx, p, refundable[p.choose.r.IntN(len(refundable))])
	}
	return nil
}

// refund takes goods back, as their shop's clerk.
func (f *filler) refund(ctx context.Context, p *place, r redeem.Receipt) error {
	for _, m := range f.markets {
		if m.ID != r.Merchant {
			continue
		}
		if _, err := f.w.Redeem.Refund(ctx, m.clerk, idempotency.Request{}, r.Key(), "商品有破损，退回"); err != nil && !refused(err) {
			return fmt.Errorf("refunding in %s: %w", p.Name, err)
		} else if err == nil {
			f.guide.Refunds++
			p.home(r.Household).Balance += r.Points
		}
	}
	return nil
}
