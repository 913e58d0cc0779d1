package redeem

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"jishan/internal/audit"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/db/batch"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/notice"
	"jishan/internal/people"
	"jishan/internal/shop"
)

// book is the one transaction of a batch: everything is read and locked by open, decided by accept, written by write.
type book struct {
	tx        db.Tx
	st        *state
	batch     *ledger.Batch
	locked    map[id.ID]*shop.Product
	villages  map[id.ID]string
	nonceLife time.Duration
}

// accepted is an order that goes through, with what it does.
type accepted struct {
	index int
	Order
	changes
	house    people.Household
	merchant shop.Merchant
	posted   *ledger.Posted
}

// nonceLife is how long a spent nonce must be remembered: a code may be identified at its last moment, its ticket confirmed at
// the ticket's last, and clocks differ.
func (s *Service) nonceLife() time.Duration { return s.o.CodeTTL + s.o.TicketTTL + time.Hour }

// confirmTx answers every order of a batch in out, or returns why the transaction as a whole failed.
func confirmTx(tx db.Tx, orders []Order, out []batch.Result[Receipt], nonceLife time.Duration) error {
	live, twin, err := sift(tx, orders, out)
	if err != nil {
		return err
	}
	b, err := open(tx, orders, live, nonceLife)
	if err != nil {
		return err
	}
	var done []*accepted
	var refusals []int
	for _, i := range live {
		a, err := b.accept(orders[i])
		var refused *errs.Error
		switch {
		case errors.As(err, &refused):
			out[i].Err = err
			refusals = append(refusals, i)
		case err != nil:
			return err
		default:
			a.index = i
			done = append(done, a)
		}
	}
	if err := reconsider(tx, orders, refusals, out); err != nil {
		return err
	}
	if len(done) > 0 {
		if err := b.write(done, out); err != nil {
			return err
		}
	}
	for i, first := range twin {
		out[i] = out[first]
	}
	return nil
}

// sift answers repetitions and what was refused before. live are the orders to be decided; twin are those that repeat an earlier
// order of the same batch, and get its answer.
func sift(tx db.Tx, orders []Order, out []batch.Result[Receipt]) (live []int, twin map[int]int, err error) {
	reqs := make([]idempotency.Request, len(orders))
	for i, o := range orders {
		reqs[i] = o.Idempotency
	}
	stored, conflicts, err := idempotency.Find(tx, reqs)
	if err != nil {
		return nil, nil, err
	}
	twin, differ := idempotency.Twins(reqs)
	for i, o := range orders {
		_, again := twin[i]
		switch answer, ok := stored[i]; {
		case ok:
			delete(twin, i)
			if err := readAnswer(answer, &out[i].Value); err != nil {
				return nil, nil, err
			}
		case conflicts[i] != nil:
			out[i].Err = conflicts[i]
		case differ[i] != nil:
			out[i].Err = differ[i]
		case again:
		case o.refuse != nil:
			out[i].Err = o.refuse
		default:
			live = append(live, i)
		}
	}
	return live, twin, nil
}

// reconsider answers refused orders that turn out to be repetitions: while this transaction waited for the wallet, another has
// committed the very same request, which is why there is nothing left to do. Under the wallets' locks this is final.
func reconsider(tx db.Tx, orders []Order, refusals []int, out []batch.Result[Receipt]) error {
	reqs := make([]idempotency.Request, len(refusals))
	for n, i := range refusals {
		reqs[n] = orders[i].Idempotency
	}
	stored, conflicts, err := idempotency.Find(tx, reqs)
	if err != nil {
		return err
	}
	for n, i := range refusals {
		if answer, ok := stored[n]; ok {
			out[i].Err = nil
			if err := readAnswer(answer, &out[i].Value); err != nil {
				return err
			}
		} else if c := conflicts[n]; c != nil {
			out[i].Err = c
		}
	}
	return nil
}

// open reads the facts, takes the locks — wallets, then products — and reads what is only final under them.
func open(tx db.Tx, orders []Order, live []int, nonceLife time.Duration) (*book, error) {
	var households, merchants, products []id.ID
	var nonces []Nonce
	for _, i := range live {
		o := orders[i]
		households, merchants, nonces = append(households, o.Household), append(merchants, o.Merchant), append(nonces, o.Nonce)
		for _, l := range o.Lines[:min(len(o.Lines), maxLines)] {
			products = append(products, l.Product)
		}
	}
	st, err := facts(tx, households, merchants)
	if err != nil {
		return nil, err
	}
	b := &book{tx: tx, st: st, batch: ledger.Begin(tx), nonceLife: nonceLife}
	var wallets []ledger.Ref
	var villages []id.ID
	for _, h := range st.households {
		wallets = append(wallets, ledger.Wallet(h.Village, h.ID))
		villages = append(villages, h.Village)
	}
	if b.villages, err = villageNames(tx, villages); err != nil {
		return nil, err
	}
	if err := b.batch.Lock(wallets...); err != nil {
		return nil, err
	}
	if b.locked, err = shop.LockProducts(tx, products); err != nil {
		return nil, err
	}
	for _, w := range wallets {
		if b.batch.Closed(w) && st.households[w.Owner].Active() {
			return nil, db.ErrRetry // merged into another since its household was read
		}
		st.balance[w.Owner] = b.batch.Balance(w)
	}
	for _, p := range b.locked {
		st.products[p.ID] = *p
	}
	if err := st.history(tx, households); err != nil {
		return nil, err
	}
	return b, st.spent(tx, nonces)
}

// accept decides one order and posts it, in memory. An *errs.Error is a refusal that has changed nothing.
func (b *book) accept(o Order) (*accepted, error) {
	c, err := decide(b.st, o)
	if err != nil {
		return nil, err
	}
	a := &accepted{Order: o, changes: c, house: b.st.households[o.Household], merchant: b.st.merchants[o.Merchant]}
	a.posted, err = b.batch.Post(ledger.Posting{
		Book: a.house.Village, Kind: ledger.Redeem, Asset: ledger.Points, Day: b.st.day, Month: b.st.day.Month(), Actor: o.Actor.UserID,
		Household: o.Household, Reason: describe(a.merchant, c),
		From: ledger.Wallet(a.house.Village, o.Household), To: ledger.Merchant(a.house.Village, o.Merchant), Amount: c.points,
	})
	if err != nil {
		return nil, err
	}
	b.st.apply(o, c)
	return a, nil
}

// write seals the ledger's part and inserts everything of ours, one statement a table.
func (b *book) write(done []*accepted, out []batch.Result[Receipt]) error {
	if err := b.batch.Seal(); err != nil {
		return err
	}
	if b.tx.Dialect == db.MySQL {
		batch.Next(b.tx.Statement.Context) // SQLite has one writer: a second run would only wait, with fewer orders
	}
	for _, write := range []func([]*accepted) error{b.writeRedemptions, b.writeLines, b.writeNonces, b.writeStock, b.writeNotices, b.writeAudit} {
		if err := write(done); err != nil {
			return err
		}
	}
	records := make([]idempotency.Record, len(done))
	for i, a := range done {
		r := b.receipt(a)
		answer, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("storing a receipt: %w", err)
		}
		records[i] = idempotency.Record{Request: a.Idempotency, Response: answer}
		out[a.index].Value = r
	}
	return idempotency.Save(b.tx, records)
}

func (b *book) receipt(a *accepted) Receipt {
	balance := a.posted.Balance
	return Receipt{Village: a.house.Village, VillageName: b.villages[a.house.Village], Number: a.posted.Number, At: b.tx.Now, Day: b.st.day,
		Household: a.house.ID, HouseCode: a.house.Code, Name: people.Mask(a.house.HeadName), Merchant: a.merchant.ID, MerchantName: a.merchant.Name,
		Way: a.Way, Lines: a.lines, Points: a.points, Fen: a.fen, Balance: &balance, State: Confirmed, Reason: a.Reason, ActorName: a.Actor.Name}
}

func (b *book) writeRedemptions(done []*accepted) error {
	cols := []string{"village_id", "number", "household_id", "merchant_id", "way", "nonce", "points", "fen", "day", "month", "state", "reason", "actor_id", "actor_name", "at"}
	return db.Insert(b.tx.Later(), "redemptions", cols, len(done), func(i int, args []any) []any {
		a := done[i]
		return append(args, int64(a.house.Village), a.posted.Number, int64(a.Household), int64(a.Merchant), uint8(a.Way), a.Nonce[:], int64(a.points), int64(a.fen),
			int(b.st.day), int(b.st.day.Month()), uint8(Confirmed), a.Reason, int64(a.Actor.UserID), a.Actor.Name, b.tx.Millis())
	})
}

func (b *book) writeLines(done []*accepted) error {
	type place struct {
		a *accepted
		n int
	}
	var all []place
	for _, a := range done {
		for n := range a.lines {
			all = append(all, place{a, n})
		}
	}
	cols := []string{"village_id", "number", "line", "product_id", "name", "price", "quantity", "points"}
	return db.Insert(b.tx.Later(), "redemption_lines", cols, len(all), func(i int, args []any) []any {
		a, l := all[i].a, all[i].a.lines[all[i].n]
		return append(args, int64(a.house.Village), a.posted.Number, all[i].n, int64(l.Product), l.Name, int64(l.Price), l.Quantity, int64(l.Points))
	})
}

// writeNonces spends the nonces. The same nonce belongs to one household, whose wallet is locked, so a duplicate here means that
// another transaction has committed between our reading and our locking: run again, and see it.
func (b *book) writeNonces(done []*accepted) error {
	until := b.tx.Now.Add(b.nonceLife).UnixMilli()
	return db.Insert(b.tx.Later(), "used_codes", []string{"nonce", "expires_at"}, len(done), func(i int, args []any) []any {
		return append(args, done[i].Nonce[:], until)
	})
}

func (b *book) writeStock(done []*accepted) error {
	var moves []shop.Move
	for _, a := range done {
		for _, l := range a.lines {
			if l.Product != 0 {
				moves = append(moves, shop.Move{Product: l.Product, Delta: -l.Quantity, Kind: shop.MoveSold, Village: a.house.Village,
					Number: a.posted.Number, Actor: a.Actor.UserID})
			}
		}
	}
	return shop.ApplyStock(b.tx, b.locked, moves)
}

func (b *book) writeNotices(done []*accepted) error {
	var out []notice.Notice
	for _, a := range done {
		if a.Way == ByProxy {
			out = append(out, notice.Notice{Village: a.house.Village, Household: a.Household, Kind: notice.KindProxy, Title: "有人为您家代办了兑换",
				Body: fmt.Sprintf("%s，%s为您家%s，用去 %s 积分，还剩 %s 积分。原因：%s。如有疑问请联系村委会。", cal.DayOf(b.tx.Now).Chinese(), a.Actor.Name,
					describe(a.merchant, a.changes), a.points, a.posted.Balance, a.Reason)})
		}
	}
	return notice.Send(b.tx, out)
}

func (b *book) writeAudit(done []*accepted) error {
	entries := make([]audit.Entry, len(done))
	for i, a := range done {
		action := "redeem.confirm"
		if a.Way == ByProxy {
			action = "redeem.proxy"
		}
		entries[i] = a.Actor.Audit(action, target(a.posted.Key), a.house.Village,
			fmt.Sprintf("%s家（%s）%s，%s 积分", people.Mask(a.house.HeadName), a.Way.Name(), describe(a.merchant, a.changes), a.points))
	}
	return audit.Write(b.tx, entries...)
}

func target(k ledger.Key) string { return fmt.Sprintf("redemption:%s/%d", k.Book, k.Number) }
