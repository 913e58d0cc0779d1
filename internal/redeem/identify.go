package redeem

import (
	"context"
	"strings"
	"time"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/money"
	"jishan/internal/people"
	"jishan/internal/points"
)

// skew is how far the clocks of two of our processes may be apart.
const skew = 10 * time.Second

// Limits are what the village's rules leave a household. Amounts of zero in Min, Step and the caps mean no such rule.
type Limits struct {
	Min         points.Amount
	Step        points.Amount
	MonthCap    points.Amount
	MonthUsed   points.Amount
	CardDayCap  points.Amount
	CardDayUsed points.Amount
	Days        string // Chinese; empty: any day
	OpenToday   bool
	NextDay     cal.Day       // the next redemption day from today on
	Spendable   points.Amount // the most that can be redeemed now, after balance and all rules
}

// Identity is what a clerk sees of the customer.
type Identity struct {
	Household   id.ID
	Village     id.ID
	VillageName string
	HouseCode   string
	Name        string // masked head of the household
	Way         Way
	Balance     points.Amount
	Limits      Limits
	Rate        money.Rate
	FreeAmount  bool // the merchant may take any number of points
	Ticket      string
	Expires     time.Time // of the ticket
}

// Identify says who presents a code or a card, and gives a ticket for confirming at this merchant. It does not consume the code;
// the ticket carries its nonce. A card's PIN is tried, and counted. merchant zero is the one the actor works at.
// Needs redeem.counter at the merchant.
func (s *Service) Identify(ctx context.Context, actor auth.Actor, merchant id.ID, p Presented) (Identity, error) {
	if merchant == 0 {
		merchant = actor.Merchant()
	}
	if err := atMerchant(actor, auth.RedeemCounter, merchant); err != nil {
		return Identity{}, err
	}
	if p.Ticket != "" || p.Text == "" {
		return Identity{}, errs.ErrInvalid.At(errs.Field{Path: "text", Text: "请扫描兑换码或户卡，或输入户码"})
	}
	who, err := s.resolve(ctx, actor, merchant, p)
	if err == nil {
		err = who.refuse
	}
	if err != nil {
		return Identity{}, err
	}
	var out Identity
	err = s.db.Read(ctx, func(tx db.Tx) error {
		st, err := facts(tx, []id.ID{who.household}, []id.ID{merchant})
		if err != nil {
			return err
		}
		h, ok := st.households[who.household]
		if !ok {
			return errs.ErrNotFound.New()
		}
		contract, err := st.served(h, merchant)
		if err != nil {
			return err
		}
		if err := st.spent(tx, []Nonce{who.nonce}); err != nil {
			return err
		}
		if st.used[who.nonce] {
			return ErrCodeUsed.New()
		}
		if err := st.history(tx, []id.ID{h.ID}); err != nil {
			return err
		}
		if err := st.balances(tx); err != nil {
			return err
		}
		regions, err := people.RegionsByID(tx, []id.ID{h.Village})
		if err != nil {
			return err
		}
		out = Identity{Household: h.ID, Village: h.Village, VillageName: regions[h.Village].Name, HouseCode: h.Code, Name: people.Mask(h.HeadName),
			Way: who.way, Balance: st.balance[h.ID], Limits: st.limits(h, who.way), Rate: contract.Rate, FreeAmount: st.merchants[merchant].FreeAmount}
		return nil
	})
	if err != nil {
		return Identity{}, err
	}
	issued := s.db.Now().Truncate(time.Second)
	out.Ticket = s.keys.signTicket(ticket{household: who.household, merchant: merchant, way: who.way, issued: issued, nonce: who.nonce})
	out.Expires = issued.Add(s.o.TicketTTL)
	return out, nil
}

// Limits are what the rules leave one's own household today, by dynamic code. Needs household.read.
func (s *Service) Limits(ctx context.Context, actor auth.Actor, household id.ID) (Limits, error) {
	if err := actor.OwnHousehold(auth.HouseholdRead, household); err != nil {
		return Limits{}, err
	}
	return s.today(ctx, household, ByCode, func(people.Household) error { return nil })
}

// ProxyLimits are what the rules leave a household today when an officer redeems for it. Needs redeem.proxy where it lives.
func (s *Service) ProxyLimits(ctx context.Context, actor auth.Actor, household id.ID) (Limits, error) {
	return s.today(ctx, household, ByProxy, func(h people.Household) error { return inHome(actor, auth.RedeemProxy, h) })
}

// today are the limits of a household that may be asked about.
func (s *Service) today(ctx context.Context, household id.ID, way Way, may func(people.Household) error) (Limits, error) {
	var out Limits
	err := s.db.Read(ctx, func(tx db.Tx) error {
		st, err := facts(tx, []id.ID{household}, nil)
		if err != nil {
			return err
		}
		h, ok := st.households[household]
		if !ok {
			return errs.ErrNotFound.New()
		}
		if err := may(h); err != nil {
			return err
		}
		if err := st.history(tx, []id.ID{household}); err != nil {
			return err
		}
		if err := st.balances(tx); err != nil {
			return err
		}
		out = st.limits(h, way)
		return nil
	})
	return out, err
}

// customer is who stands at the counter, and how.
type customer struct {
	household id.ID
	way       Way
	nonce     Nonce
	refuse    error // expired; it counts unless the request turns out to be a repetition
}

// resolve finds out who presents. A forged text is an error at once; one that has expired is in refuse.
func (s *Service) resolve(ctx context.Context, actor auth.Actor, merchant id.ID, p Presented) (customer, error) {
	now := s.db.Now()
	text := strings.ToUpper(strings.TrimSpace(p.Text))
	switch {
	case p.Ticket != "":
		t, err := s.keys.parseTicket(p.Ticket)
		if err != nil {
			return customer{}, err
		}
		if t.merchant != merchant {
			return customer{}, ErrTicket.New()
		}
		c := customer{household: t.household, way: t.way, nonce: t.nonce}
		if expired(now, t.issued, s.o.TicketTTL) {
			c.refuse = ErrTicketExpired.New()
		}
		return c, nil
	case strings.HasPrefix(text, codePrefix):
		d, err := s.keys.parseCode(text)
		if err != nil {
			return customer{}, err
		}
		c := customer{household: d.household, way: ByCode, nonce: d.nonce}
		if expired(now, d.issued, s.o.CodeTTL) {
			c.refuse = ErrCodeExpired.New()
		}
		return c, nil
	}
	return s.byCard(ctx, actor, merchant, text, p.PIN)
}

// expired reports whether something issued then is no longer, or not yet, good.
func expired(now, issued time.Time, ttl time.Duration) bool {
	return now.After(issued.Add(ttl)) || now.Before(issued.Add(-skew))
}

// cardHousehold finds the household of a card's QR payload, with the printed serial, or of a typed house code, with serial 0.
func (s *Service) cardHousehold(ctx context.Context, text string) (h people.Household, serial int, err error) {
	code := text
	if strings.HasPrefix(text, cardPrefix) {
		c, err := s.keys.parseCard(text)
		if err != nil {
			return h, 0, err
		}
		code, serial = c.code, c.serial
	}
	if code, err = people.ParseHouseCode(code); err != nil {
		return h, 0, err
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		var ok bool
		if h, ok, err = people.HouseholdByCode(tx, code); err == nil && !ok {
			err = people.ErrHouseCode.New()
		}
		return err
	})
	return h, serial, err
}

// byCard tries the PIN of a card or house code: but only at a merchant that serves the household, so that nobody at another
// counter can lock its card.
func (s *Service) byCard(ctx context.Context, actor auth.Actor, merchant id.ID, text, pin string) (customer, error) {
	h, serial, err := s.cardHousehold(ctx, text)
	if err != nil {
		return customer{}, err
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		st, err := facts(tx, []id.ID{h.ID}, []id.ID{merchant})
		if err != nil {
			return err
		}
		_, err = st.served(h, merchant)
		return err
	})
	if err != nil {
		return customer{}, err
	}
	if err := s.checkPIN(ctx, actor, h.ID, serial, pin); err != nil {
		return customer{}, err
	}
	return customer{household: h.ID, way: ByCard, nonce: NewNonce()}, nil
}

// CheckCard is the household of a card's QR payload or house code whose PIN is right. A wrong PIN counts and locks as at a
// counter. A dynamic code is refused (ErrCardNeeded): it is shown to merchants, and must open nothing but a redemption. actor is
// written to the audit log, no permission is needed: the card and its PIN are the proof.
func (s *Service) CheckCard(ctx context.Context, actor auth.Actor, text, pin string) (id.ID, error) {
	text = strings.ToUpper(strings.TrimSpace(text))
	if strings.HasPrefix(text, codePrefix) || strings.HasPrefix(text, ticketPrefix) {
		return 0, ErrCardNeeded.New()
	}
	h, serial, err := s.cardHousehold(ctx, text)
	if err != nil {
		return 0, err
	}
	switch {
	case h.State == people.HouseholdMerged:
		return 0, ErrMerged.New()
	case !h.Active():
		return 0, ErrCardMoved.New()
	}
	return h.ID, s.checkPIN(ctx, actor, h.ID, serial, pin)
}
