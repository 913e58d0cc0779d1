package redeem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/db/batch"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/people"
)

// Confirm redeems at the counter: by the ticket of Identify, by a dynamic code, or by card and PIN. It returns after the commit.
// A repetition of req is answered with the first receipt, even when the code has expired meanwhile. Needs redeem.counter at
// the merchant.
func (s *Service) Confirm(ctx context.Context, actor auth.Actor, req idempotency.Request, in Confirmation) (Receipt, error) {
	if in.Merchant == 0 {
		in.Merchant = actor.Merchant()
	}
	if err := atMerchant(actor, auth.RedeemCounter, in.Merchant); err != nil {
		return Receipt{}, err
	}
	if (in.Text == "") == (in.Ticket == "") {
		return Receipt{}, errs.ErrInvalid.At(errs.Field{Path: "text", Text: "请扫描兑换码或户卡，或输入户码"})
	}
	if in.Ticket == "" && !strings.HasPrefix(clean(in.Text), codePrefix) {
		// A PIN must not be tried again for a request that has been answered: the card may be locked by now.
		if out, done, err := s.answered(ctx, req); done || err != nil {
			return out, err
		}
	}
	who, err := s.resolve(ctx, actor, in.Merchant, in.Presented)
	if err != nil {
		return Receipt{}, err
	}
	return s.lane.Submit(ctx, Order{Actor: actor, Idempotency: req, Merchant: in.Merchant, Household: who.household, Basket: in.Basket,
		Way: who.way, Nonce: who.nonce, refuse: who.refuse})
}

// ErrNoAnswer is a key under which nothing has been booked.
var ErrNoAnswer = errs.Define(errs.NotFound, "redeem.no_answer", "这一笔没有记账，没有扣分：请重新扫码兑换")

// Answered is the receipt that Confirm gave for req, whose Input is not needed, or ErrNoAnswer: for a clerk whose answer was lost
// on the way, and who must neither guess nor charge again to find out. Needs redeem.counter.
func (s *Service) Answered(ctx context.Context, actor auth.Actor, req idempotency.Request) (Receipt, error) {
	if err := atMerchant(actor, auth.RedeemCounter, actor.Merchant()); err != nil {
		return Receipt{}, err
	}
	var out Receipt
	err := s.db.Read(ctx, func(tx db.Tx) error {
		b, ok, err := idempotency.Answered(tx, req)
		if err != nil {
			return err
		}
		if !ok {
			return ErrNoAnswer.New()
		}
		return readAnswer(b, &out)
	})
	return out, err
}

// Proxy redeems for a household at a merchant (代办); the household is sent a notice. Needs redeem.proxy where it lives.
func (s *Service) Proxy(ctx context.Context, actor auth.Actor, req idempotency.Request, in ProxyOrder) (Receipt, error) {
	err := s.db.Read(ctx, func(tx db.Tx) error {
		h, err := household1(tx, in.Household)
		if err != nil {
			return err
		}
		return inHome(actor, auth.RedeemProxy, h)
	})
	if err != nil {
		return Receipt{}, err
	}
	return s.lane.Submit(ctx, Order{Actor: actor, Idempotency: req, Merchant: in.Merchant, Household: in.Household, Basket: in.Basket,
		Way: ByProxy, Nonce: NewNonce(), Reason: strings.TrimSpace(in.Reason)})
}

// Import redeems many orders at once, each judged on its own, as if confirmed now; results are in order. Only the system's own
// actors may: whoever presents the orders has checked who asked for them.
func (s *Service) Import(ctx context.Context, actor auth.Actor, orders []Order) []batch.Result[Receipt] {
	out := make([]batch.Result[Receipt], len(orders))
	if actor.Kind != auth.KindSystem {
		for i := range out {
			out[i].Err = errs.ErrForbidden.New()
		}
		return out
	}
	size := s.o.MaxBatch
	if size <= 0 {
		size = 256
	}
	for from := 0; from < len(orders); from += size {
		part := orders[from:min(from+size, len(orders))]
		copy(out[from:], s.confirmBatch(ctx, part))
	}
	return out
}

func (s *Service) answered(ctx context.Context, req idempotency.Request) (out Receipt, done bool, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		stored, conflicts, err := idempotency.Find(tx, []idempotency.Request{req})
		if err != nil {
			return err
		}
		if c := conflicts[0]; c != nil {
			return c
		}
		if b, ok := stored[0]; ok {
			done = true
			return readAnswer(b, &out)
		}
		return nil
	})
	return out, done, err
}

func readAnswer(b []byte, out *Receipt) error {
	*out = Receipt{}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("reading a stored receipt: %w", err)
	}
	return nil
}

// confirmBatch decides and commits orders together and returns one result each, in order. An order that is refused fails alone;
// a batch that cannot be written is halved until the order that is to blame stands alone.
func (s *Service) confirmBatch(ctx context.Context, orders []Order) []batch.Result[Receipt] {
	orders = slices.Clone(orders)
	for i := range orders {
		if orders[i].Nonce == (Nonce{}) {
			orders[i].Nonce = NewNonce()
		}
		if orders[i].Idempotency.Operation == "" {
			orders[i].Idempotency.Operation = "redeem.confirm"
		}
	}
	out := make([]batch.Result[Receipt], len(orders))
	s.confirmRange(ctx, orders, out)
	return out
}

func (s *Service) confirmRange(ctx context.Context, orders []Order, out []batch.Result[Receipt]) {
	var failed error // what the last run itself returned; nil where it was the commit that failed
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		clear(out)
		failed = confirmTx(tx, orders, out, s.nonceLife())
		return failed
	})
	if err == nil {
		return
	}
	blame := failed != nil && (errors.Is(failed, db.ErrRetry) || !db.Retryable(failed)) || failed == nil && db.RefusedRow(err)
	if len(orders) > 1 && blame && ctx.Err() == nil {
		half := len(orders) / 2
		s.confirmRange(ctx, orders[:half], out[:half])
		s.confirmRange(ctx, orders[half:], out[half:])
		return
	}
	for i := range out {
		out[i] = batch.Result[Receipt]{Err: err}
	}
}

// Sweep forgets spent codes that could not be presented any more and returns how many. A job runs it now and then.
func (s *Service) Sweep(ctx context.Context) (int64, error) {
	var n int64
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		r := tx.Exec("DELETE FROM used_codes WHERE expires_at < ?", tx.Millis())
		n = r.RowsAffected
		return r.Error
	})
	if err != nil {
		return 0, fmt.Errorf("forgetting spent codes: %w", err)
	}
	return n, nil
}

// villageNames are for receipts.
func villageNames(tx db.Tx, villages []id.ID) (map[id.ID]string, error) {
	regions, err := people.RegionsByID(tx, unique(villages))
	if err != nil {
		return nil, err
	}
	out := make(map[id.ID]string, len(regions))
	for k, r := range regions {
		out[k] = r.Name
	}
	return out, nil
}
