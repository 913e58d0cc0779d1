package award

import (
	"encoding/json"
	"fmt"
	"slices"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/db/batch"
	"jishan/internal/errs"
	"jishan/internal/ledger"
	"jishan/internal/party"
	"jishan/internal/points"
	"jishan/internal/rule"
)

// States of an award.
const (
	standing = 1
	reversed = 2
)

// booked is a grant that was accepted, to become a row when the ledger has given it a number.
type booked struct {
	order   int
	grant   Grant
	actor   auth.Actor
	target  target
	result  rule.Result
	posted  *ledger.Posted
	outcome *Outcome
	text    string
}

// streamed is how many accepted grants of a large order are written at a time, while the next are decided on.
const streamed = 500

// book decides on every grant of the orders and writes those accepted. b has locked the wallets of all that p has loaded, orders
// and, after that, their past among it; the village heads are locked last, of a large order before it is decided on.
func book(p *plan, b *ledger.Batch, orders []order) ([]batch.Result[[]Outcome], error) {
	if err := p.loadSealed(party.LockSealed); err != nil {
		return nil, err
	}
	large := len(orders) == 1 && orders[0].large()
	if issues := p.issues(); large && len(issues) > 0 {
		if err := b.Stream(issues...); err != nil {
			return nil, err
		}
	}
	out := make([]batch.Result[[]Outcome], len(orders))
	var list []*booked
	written := 0 // of list
	for i, o := range orders {
		out[i].Value = make([]Outcome, len(o.Grants))
		for j, g := range o.Grants {
			item, err := p.post(b, o, g, &out[i].Value[j])
			switch {
			case err == nil:
				item.order = i
				list = append(list, item)
			case errs.From(err).Code.Kind == errs.Internal:
				return nil, err
			case len(o.Grants) == 1:
				out[i] = batch.Result[[]Outcome]{Err: err}
			default:
				out[i].Value[j] = out[i].Value[j].failed(err)
			}
			if large && len(list) == written+streamed {
				if err := b.Advance(); err != nil {
					return nil, err
				}
				if err := insert(p.tx, list[written:]); err != nil {
					return nil, err
				}
				written = len(list)
			}
		}
	}
	if len(list) == 0 {
		return out, nil
	}
	if p.tx.Dialect == db.MySQL {
		batch.Next(p.tx.Statement.Context) // SQLite has one writer: a second run would only wait, with fewer orders
	}
	if err := b.Seal(); err != nil {
		return nil, err
	}
	if err := insert(p.tx, list[written:]); err != nil {
		return nil, err
	}
	return out, audit.Write(p.tx, entries(orders, list)...)
}

// issues are the accounts that the points of the orders come from.
func (p *plan) issues() (out []ledger.Ref) {
	for _, r := range p.refs() {
		if issue := ledger.Issue(r.Book, r.Asset); !slices.Contains(out, issue) {
			out = append(out, issue)
		}
	}
	return out
}

// post decides on one grant and hands it to the ledger's batch.
func (p *plan) post(b *ledger.Batch, o order, g Grant, out *Outcome) (*booked, error) {
	*out = g.outcome()
	t, err := p.resolve(o.actor, o.Village, g)
	if err != nil {
		return nil, err
	}
	out.Household, out.Day = t.household, t.day
	res, err := p.evaluate(o.Village, g, t)
	if err != nil {
		return nil, err
	}
	asset := t.account.Asset
	posting := ledger.Posting{
		Book: o.Village, Kind: ledger.Award, Asset: asset, Day: t.day, Month: t.day.Month(), Actor: o.actor.UserID,
		Household: t.household, Person: t.person, Member: t.member, Branch: t.branch, Score: res.Points, RuleVersion: t.rule.Version,
		From: ledger.Issue(o.Village, asset), To: t.account, Amount: res.Points.Abs(), Reason: reason(res.Explanation, g.Note),
	}
	if res.ScoreOnly {
		posting.Amount = 0
	}
	if res.Points < 0 || t.rule.Spec.Deducts() {
		posting.Kind, posting.From, posting.To = ledger.Deduct, posting.To, posting.From
		posting.Shortfall, posting.Owing = t.settings.Shortfall, t.settings.OwingLimit
	} else if n := t.settings.ExpiryMonths; n > 0 && asset == ledger.Points {
		posting.Lot = t.day.Month().Add(n).Last()
	}
	posted, err := b.Post(posting)
	if err != nil {
		return nil, err
	}
	p.remember(t, g, res)
	text := explain(res, posted.Moved)
	out.Points, out.Booked, out.Balance, out.Capped, out.Topped, out.Explanation = res.Points, posted.Moved, posted.Balance, res.Capped, res.Topped, text
	out.Grade, out.Veto = res.Grade, res.Veto
	return &booked{grant: g, actor: o.actor, target: t, result: res, posted: posted, outcome: out, text: text}, nil
}

// reason is what the statement shows, and what the chain seals.
func reason(explanation, note string) string {
	if note == "" {
		return explanation
	}
	return explanation + "；" + note
}

var columns = []string{"village_id", "number", "asset", "rule_id", "lineage", "version_id", "subject_id", "household_id?", "person_id?", "member_id?",
	"day", "month", "points", "booked", "quantity?", "level?", "spots?", "act?", "act_group?", "explanation", "note?", "evidence?", "state", "actor_id", "actor_name", "at"}

// insert writes what the ledger has numbered.
func insert(tx db.Tx, list []*booked) error {
	evidence := make([]string, len(list))
	for i, x := range list {
		x.outcome.Number = x.posted.Number
		if len(x.grant.Evidence) == 0 {
			continue
		}
		b, err := json.Marshal(x.grant.Evidence)
		if err != nil {
			return fmt.Errorf("writing evidence: %w", err)
		}
		evidence[i] = string(b)
	}
	return db.Insert(tx.Later(), "awards", columns, len(list), func(i int, args []any) []any {
		x := list[i]
		t := x.target
		return append(args, int64(x.posted.Book), x.posted.Number, int64(x.posted.Asset), int64(t.rule.ID), int64(t.rule.Lineage), int64(t.rule.Version),
			int64(t.subject), int64(t.household), int64(t.person), int64(t.member), int64(t.day), int64(t.day.Month()), int64(x.result.Points),
			int64(x.posted.Moved), int64(x.grant.Quantity), x.grant.Level, spots(x.grant), x.grant.Act, x.result.Group, x.text, x.grant.Note, evidence[i], standing, int64(x.actor.UserID), x.actor.Name, x.posted.At)
	})
}

// entries is one line of the audit log for every order that booked something.
func entries(orders []order, list []*booked) []audit.Entry {
	type sum struct {
		n     int
		total points.Amount
		first *booked
	}
	sums := make([]sum, len(orders))
	for _, x := range list {
		s := &sums[x.order]
		if s.n++; s.n == 1 {
			s.first = x
		}
		s.total += x.result.Points
	}
	var out []audit.Entry
	for i, s := range sums {
		switch {
		case s.n == 1:
			out = append(out, orders[i].actor.Audit("award.grant", awardTarget(s.first), orders[i].Village, fmt.Sprintf("第 %d 号 %s", s.first.posted.Number, s.first.text)))
		case s.n > 1:
			out = append(out, orders[i].actor.Audit("award.grant", awardTarget(s.first), orders[i].Village,
				fmt.Sprintf("第 %d 号起共 %d 条，合计 %s", s.first.posted.Number, s.n, s.total.Signed())))
		}
	}
	return out
}

func awardTarget(x *booked) string { return fmt.Sprintf("award:%s-%d", x.posted.Book, x.posted.Number) }

// monthFor is the month in which a correction of something scored in month m counts: m itself while it is open.
func monthFor(m cal.Month, today cal.Day, closeDay int) cal.Month {
	if open(min(m.Last(), today), today, closeDay) == nil {
		return m
	}
	return today.Month()
}
