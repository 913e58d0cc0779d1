package award

import (
	"context"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/db/batch"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/party"
	"jishan/internal/points"
)

// MaxGrants is how many grants one order may hold.
const MaxGrants = 10_000

// laneGrants is the size up to which an order shares a transaction with its neighbours; a larger one has its own.
const laneGrants = 20

// What can be wrong with an order.
var (
	ErrEmpty       = errs.Define(errs.Invalid, "award.empty", "没有选择要加减分的对象或条目")
	ErrTooMany     = errs.Define(errs.Invalid, "award.too_many", "一次最多登记 10000 条，请分几次提交")
	ErrSubject     = errs.Define(errs.Invalid, "award.subject", "加减分的对象与条目要求的对象不一致")
	ErrInactive    = errs.Define(errs.Refused, "award.inactive", "该户或该人已迁出，不能再加减分")
	ErrDay         = errs.Define(errs.Invalid, "award.day", "日期不对：不能晚于今天")
	ErrMonthClosed = errs.Define(errs.Refused, "award.month_closed", "这个月已经关账，不能再补登")
	ErrRule        = errs.Define(errs.Refused, "award.rule", "这一条不在本村当日有效的细则里")
	ErrText        = errs.Define(errs.Invalid, "award.text", "备注最多 200 字，佐证最多 9 项、每项最多 100 字，同一行为的名称最多 64 字")
)

// Grant asks for one rule to be applied to one subject. A rule for households takes Household; one for persons takes Person
// (points go to the person's household); one for party members takes Member.
type Grant struct {
	Rule      id.ID
	Household id.ID
	Person    id.ID
	Member    id.ID
	Day       cal.Day        // when it happened; 0 is today
	Points    *points.Amount // chosen, for rules that leave a choice
	Quantity  points.Amount  // in hundredths, for rules that count something
	Level     string         // for rules with degrees: which
	Spots     *int           // for rules of full marks: how many spots were found
	Act       string         // names the act, where several rules may speak of it: only the highest counts
	Note      string
	Evidence  []string // references to photos and papers
	origin    int      // the place in the order of the grant that this one is part of
}

func (g Grant) outcome() Outcome {
	return Outcome{Grant: g.origin, Rule: g.Rule, Household: g.Household, Person: g.Person, Member: g.Member, Day: g.Day}
}

// Order is what one request asks for.
type Order struct {
	Idempotency idempotency.Request
	Village     id.ID
	Grants      []Grant
	// Decided, if not nil, is told what Grant will answer to a large order while MySQL is still writing it; SQLite writes at once. Where the
	// transaction is run again it is told again, and the last word counts.
	Decided func([]Outcome)
}

// large reports whether the order has a transaction of its own.
func (o Order) large() bool { return len(o.Grants) > laneGrants }

// Outcome is what became of one grant. Failed is empty where it was booked.
type Outcome struct {
	Grant       int           `json:",omitzero"` // the place in the order of what asked for it: a grant to all members has several outcomes
	Number      int64         `json:",omitzero"` // of the ledger transaction; 0 in a preview
	Rule        id.ID         `json:",omitzero"`
	Household   id.ID         `json:",omitzero"`
	Person      id.ID         `json:",omitzero"`
	Member      id.ID         `json:",omitzero"`
	Day         cal.Day       `json:",omitzero"`
	Points      points.Amount `json:",omitzero"` // what the rule gives
	Booked      points.Amount `json:",omitzero"` // what the wallet moved, without sign
	Balance     points.Amount `json:",omitzero"` // afterwards
	Capped      bool          `json:",omitzero"`
	Topped      bool          `json:",omitzero"` // only the difference to what stands for the same act
	Explanation string
	Grade       string   `json:",omitzero"` // decided directly
	Veto        bool     `json:",omitzero"`
	Failed      *Failure `json:",omitempty"`
}

// Failure is why a grant was refused.
type Failure struct {
	Code string
	Text string
}

// Service awards points.
type Service struct {
	db   *db.DB
	lane *batch.Lane[order, []Outcome]
	kept kept
}

// order is an Order with who gave it.
type order struct {
	Order
	actor auth.Actor
}

// New starts the service's lane; Close ends it.
func New(d *db.DB) *Service {
	s := &Service{db: d}
	s.lane = batch.New(batch.Options{Max: 128}, func(ctx context.Context, in []order) []batch.Result[[]Outcome] {
		return batch.Bisect(ctx, in, s.grant)
	})
	return s
}

// Close finishes what waits.
func (s *Service) Close() { s.lane.Close() }

// Waiting is the number of orders queued, for metrics.
func (s *Service) Waiting() int { return s.lane.Waiting() }

// Grant books the order and answers after the commit. An order of a single grant that is refused is an error; in a longer one
// the refused grants are marked Failed and the others are booked. All of an order is booked in one transaction.
func (s *Service) Grant(ctx context.Context, actor auth.Actor, o Order) ([]Outcome, error) {
	if err := check(o); err != nil {
		return nil, err
	}
	in := order{o, actor}
	if !o.large() {
		return s.lane.Submit(ctx, in)
	}
	out := batch.Bisect(ctx, []order{in}, s.grant)[0]
	return out.Value, out.Err
}

// Preview says what Grant would do now, writing nothing; grants count against one another's caps as they would when booked.
func (s *Service) Preview(ctx context.Context, actor auth.Actor, o Order) (out []Outcome, err error) {
	if err := check(o); err != nil {
		return nil, err
	}
	if err := actor.InRegion(auth.AwardWrite, o.Village); err != nil && actor.InRegion(auth.PartyWrite, o.Village) != nil {
		return nil, err
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		p, err := s.kept.load(tx, []order{{o, actor}}, false)
		if err != nil {
			return err
		}
		if err := p.loadPast(); err != nil {
			return err
		}
		if err := p.loadSealed(party.SealedOf); err != nil {
			return err
		}
		balances, err := p.balances()
		if err != nil {
			return err
		}
		grants := p.orders[0].Grants
		out = make([]Outcome, len(grants))
		for i, g := range grants {
			out[i] = p.preview(actor, o.Village, g, balances)
		}
		return nil
	})
	return out, err
}

func check(o Order) error {
	switch {
	case len(o.Grants) == 0:
		return ErrEmpty.New()
	case len(o.Grants) > MaxGrants:
		return ErrTooMany.New()
	}
	for i, g := range o.Grants {
		bad := utf8.RuneCountInString(g.Note) > 200 || !utf8.ValidString(g.Note) || len(g.Evidence) > 9 ||
			utf8.RuneCountInString(g.Act) > 64 || !utf8.ValidString(g.Act) || !utf8.ValidString(g.Level)
		for _, e := range g.Evidence {
			bad = bad || utf8.RuneCountInString(e) > 100 || !utf8.ValidString(e)
		}
		if bad {
			return ErrText.At(errs.Field{Path: fmt.Sprintf("grants[%d]", i), Text: ErrText.Text})
		}
	}
	return nil
}

// grant books the orders in one transaction.
func (s *Service) grant(ctx context.Context, orders []order) ([]batch.Result[[]Outcome], error) {
	var out []batch.Result[[]Outcome]
	var learnt []lesson
	// Hardly any request is a repetition. So small ones are booked without asking first; the unique key of what is stored about
	// them tells at the end, and only then everything is undone and asked beforehand.
	large := len(orders) == 1 && orders[0].large()
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		out = make([]batch.Result[[]Outcome], len(orders))
		var err error
		learnt, err = s.grantTx(tx, orders, out, large || tx.Attempt > 0)
		if err == nil && large && tx.Dialect == db.MySQL && out[0].Err == nil && orders[0].Decided != nil {
			orders[0].Decided(out[0].Value)
		}
		return err
	})
	if err == nil {
		s.kept.recall.learn(learnt)
	}
	return out, err
}

func (s *Service) grantTx(tx db.Tx, orders []order, out []batch.Result[[]Outcome], ask bool) (learnt []lesson, err error) {
	p, err := s.kept.load(tx, orders, tx.Attempt == 0)
	if err != nil {
		return nil, err
	}
	orders = p.orders
	// The wallets first: a repetition that waits for the first request must find that one's answer, not its effect on the caps.
	b := ledger.Begin(tx)
	read := p.loadPast
	if ask {
		read = nil // first it is to be known what is new
	} else {
		p.recall = &s.kept.recall
	}
	if err := b.LockAnd(read, p.refs()...); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := p.confirm(b); err != nil {
		return nil, err
	}
	versions := p.versions(b)
	reqs := make([]idempotency.Request, len(orders))
	for i, o := range orders {
		reqs[i] = o.Idempotency
	}
	answered := make([]bool, len(orders))
	for i, o := range orders {
		if o.actor.Stale(p.counts) { // before anything is told to somebody who may not even be let in any more
			out[i].Err, answered[i] = auth.ErrStale.New(), true
		}
	}
	if ask {
		if err := replay(tx, reqs, out, answered, func(i int) bool { return !answered[i] }); err != nil {
			return nil, err
		}
	}
	twins, clashes := idempotency.Twins(reqs)
	var fresh []int // orders that are new
	var live []order
	for i, o := range orders {
		switch _, twin := twins[i]; {
		case answered[i]:
		case clashes[i] != nil:
			out[i].Err = clashes[i]
		case !twin:
			fresh = append(fresh, i)
			live = append(live, o)
		}
	}
	if len(live) > 0 {
		p.orders = live
		if ask {
			if err := p.loadPast(); err != nil {
				return nil, err
			}
		}
		results, err := book(p, b, live)
		if err != nil {
			return nil, err
		}
		for j, i := range fresh {
			out[i] = results[j]
		}
		if !ask {
			// What is refused now may have been booked before, and be refused because of that.
			if err := replay(tx, reqs, out, answered, func(i int) bool { return !answered[i] && out[i].Err != nil }); err != nil {
				return nil, err
			}
		}
		if err := store(tx, reqs, out, fresh, answered); err != nil {
			return nil, err
		}
	}
	learnt = p.lessons(b, versions)
	for i, j := range twins {
		if out[i].Err == nil && out[i].Value == nil {
			out[i] = out[j]
		}
	}
	return learnt, nil
}

// replay puts the stored answers of those requests into out that are repetitions, of the ones to ask about, and marks them.
func replay(tx db.Tx, reqs []idempotency.Request, out []batch.Result[[]Outcome], answered []bool, about func(i int) bool) error {
	asked := make([]idempotency.Request, len(reqs)) // without a key where there is nothing to ask
	for i, r := range reqs {
		if about(i) {
			asked[i] = r
		}
	}
	stored, conflicts, err := idempotency.Find(tx, asked)
	if err != nil {
		return err
	}
	for i, c := range conflicts {
		out[i], answered[i] = batch.Result[[]Outcome]{Err: c}, true
	}
	for i, b := range stored {
		out[i], answered[i] = batch.Result[[]Outcome]{}, true
		if err := json.Unmarshal(b, &out[i].Value); err != nil {
			return fmt.Errorf("reading a stored award: %w", err)
		}
	}
	return nil
}

// store keeps the answers of the fresh orders that were not refused.
func store(tx db.Tx, reqs []idempotency.Request, out []batch.Result[[]Outcome], fresh []int, answered []bool) error {
	var recs []idempotency.Record
	for _, i := range fresh {
		if out[i].Err != nil || answered[i] {
			continue
		}
		answer, err := json.Marshal(out[i].Value)
		if err != nil {
			return fmt.Errorf("storing an award's answer: %w", err)
		}
		recs = append(recs, idempotency.Record{Request: reqs[i], Response: answer})
	}
	return idempotency.Save(tx, recs)
}
