package growth

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/rule"
)

const (
	together  = 13 // meetings in one database transaction
	expireIn  = 12 // months that points are good for
	orderSize = 5  // awards in a request
)

// writer fills one village. Its random choices depend on the village's place in the plan only.
type writer struct {
	*Plan
	v      Village
	counts *tallies
	r      *rand.Rand
	txs    int // wanted at each meeting
	day    cal.Day
	stale  cal.Month // the last month whose points have been cleared
	awards []award   // of the meeting before, to be taken back
	bought []purchase
}

// purchase is a redemption of so many pieces.
type purchase struct {
	posted *ledger.Posted
	count  int64
}

func newWriter(p *Plan, i int, counts *tallies) *writer {
	meetings := 1 + p.To.Sub(p.From)/7
	return &writer{Plan: p, v: p.Villages[i], counts: counts, r: rand.New(rand.NewPCG(uint64(i), 20261123)),
		txs: max(4, p.Rows/3/len(p.Villages)/meetings), day: p.From, stale: p.From.Month().Add(-1)}
}

// fill holds the meetings, several in each transaction. A transaction that fails is not run again: what was drawn for it is gone.
func (w *writer) fill(ctx context.Context, d *db.DB) error {
	for w.day <= w.To {
		ran := false
		err := d.Tx(ctx, func(tx db.Tx) error {
			if ran {
				return fmt.Errorf("village %s: a transaction would have to be repeated; is somebody else writing?", w.v.ID)
			}
			ran = true
			for range together {
				if w.day > w.To {
					return nil
				}
				tx.Now = w.day.Time().Add(15 * time.Hour).UTC()
				if err := w.meet(tx); err != nil {
					return fmt.Errorf("%s: %w", w.day, err)
				}
				w.day = w.day.Add(7)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// award is one of the meeting's awards, as it goes into its table.
type award struct {
	rule   *rule.Rule
	house  House
	person id.ID
	posted *ledger.Posted
}

// meet is one week: what expired, the awards, what is taken back of last week's, and the shopping.
func (w *writer) meet(tx db.Tx) error {
	expiring := w.day.Month().Add(-1) > w.stale
	b := ledger.Begin(tx)
	shoppers := max(1, w.txs/8)
	visits := make([]int, w.txs-shoppers)
	for i := range visits {
		visits[i] = w.r.IntN(len(w.v.Houses))
	}
	customers := make([]int, shoppers)
	for i := range customers {
		customers[i] = visits[w.r.IntN(len(visits))]
	}
	undone, returned := w.awards[:min(len(w.awards), len(w.awards)/100+w.r.IntN(2))], w.bought[:min(len(w.bought), w.r.IntN(2))]
	if err := b.Lock(w.refs(expiring, visits, undone, returned)...); err != nil {
		return err
	}
	var expired []*ledger.Posted
	var err error
	if expiring {
		w.stale = w.day.Month().Add(-1)
		if expired, err = w.expire(b); err != nil {
			return err
		}
	}
	awards, err := w.award(b, visits)
	if err != nil {
		return err
	}
	sold, err := w.shop(b, customers)
	if err != nil {
		return err
	}
	var reversals, refunds []*ledger.Posted
	reversal := ledger.Reversal{Kind: ledger.Reverse, Actor: w.v.Officer, Day: w.day, Month: w.day.Month(), Reason: "登记有误", Shortfall: ledger.Take}
	for _, a := range undone {
		p, err := b.Reverse(a.posted.Tx, reversal)
		if err != nil {
			return err
		}
		reversals = append(reversals, p)
	}
	reversal.Kind, reversal.Reason = ledger.Refund, "退货"
	for _, s := range returned {
		p, err := b.Reverse(s.posted.Tx, reversal)
		if err != nil {
			return err
		}
		refunds = append(refunds, p)
	}
	if err := b.Seal(); err != nil {
		return err
	}
	for _, list := range [][]*ledger.Posted{expired, reversals, refunds} {
		w.count(list...)
	}
	if err := w.keepClearing(tx, expired); err != nil {
		return err
	}
	if err := w.keepAwards(tx, awards, undone, reversals); err != nil {
		return err
	}
	if err := w.keepSales(tx, sold, returned, refunds); err != nil {
		return err
	}
	w.awards, w.bought = awards, sold
	return nil
}

func (w *writer) count(list ...*ledger.Posted) {
	w.counts.transactions.Add(int64(len(list)))
	for _, p := range list {
		w.counts.entries.Add(int64(len(p.Entries)))
	}
}

func (w *writer) wallet(house int) ledger.Ref { return ledger.Wallet(w.v.ID, w.v.Houses[house].ID) }

func (w *writer) refs(all bool, visits []int, undone []award, returned []purchase) (out []ledger.Ref) {
	if all {
		for i := range w.v.Houses {
			out = append(out, w.wallet(i))
		}
		return out
	}
	for _, i := range visits {
		out = append(out, w.wallet(i))
	}
	for _, a := range undone {
		out = append(out, a.posted.Refs()...)
	}
	for _, s := range returned {
		out = append(out, s.posted.Refs()...)
	}
	return out
}

func (w *writer) expire(b *ledger.Batch) (out []*ledger.Posted, err error) {
	for i := range w.v.Houses {
		p, err := b.PostExpiry(ledger.Posting{Book: w.v.ID, Asset: ledger.Points, Day: w.day, Month: w.day.Month(), Actor: w.v.Officer, Household: w.v.Houses[i].ID,
			Reason: "积分到期清零", From: w.wallet(i), To: ledger.Expired(w.v.ID)}, w.stale.Last())
		if err != nil {
			return nil, err
		}
		if p != nil {
			out = append(out, p)
		}
	}
	return out, nil
}

func (w *writer) award(b *ledger.Batch, visits []int) ([]award, error) {
	out := make([]award, len(visits))
	for i, house := range visits {
		a := award{rule: &w.House, house: w.v.Houses[house]}
		switch w.r.IntN(10) {
		case 0:
			a.rule = &w.Deduct
		case 1, 2, 3:
			a.rule, a.person = &w.Person, a.house.Head
		}
		score := a.rule.Spec.Points
		p := ledger.Posting{Book: w.v.ID, Kind: ledger.Award, Asset: ledger.Points, Day: w.day, Month: w.day.Month(), Actor: w.v.Officer, Household: a.house.ID, Person: a.person,
			Score: score, RuleVersion: a.rule.Version, From: ledger.Issue(w.v.ID, ledger.Points), To: w.wallet(house), Amount: score.Abs(),
			Lot: w.day.Month().Add(expireIn).Last(), Reason: a.text()}
		if score < 0 {
			p.Kind, p.From, p.To, p.Lot, p.Shortfall = ledger.Deduct, p.To, p.From, 0, ledger.Take
		}
		var err error
		if a.posted, err = b.Post(p); err != nil {
			return nil, err
		}
		out[i] = a
	}
	return out, nil
}

func (a award) text() string {
	return a.rule.Category + "：" + a.rule.Item + " " + a.rule.Spec.Points.String() + " 分"
}

func (w *writer) shop(b *ledger.Batch, customers []int) (out []purchase, err error) {
	for _, house := range customers {
		count := min(int64(1+w.r.IntN(3)), int64(b.Balance(w.wallet(house))/w.Price))
		if count == 0 {
			continue
		}
		p, err := b.Post(ledger.Posting{Book: w.v.ID, Kind: ledger.Redeem, Asset: ledger.Points, Day: w.day, Month: w.day.Month(), Actor: w.v.Merchant, Household: w.v.Houses[house].ID,
			Reason: "在村里的商店兑换", From: w.wallet(house), To: ledger.Merchant(w.v.ID, w.v.Merchant), Amount: w.Price * points.Amount(count)})
		if err != nil {
			return nil, err
		}
		out = append(out, purchase{p, count})
	}
	return out, nil
}
