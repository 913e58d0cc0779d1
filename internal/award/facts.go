package award

import (
	"fmt"
	"slices"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
)

// facts are the grant as its rule sees it.
func (g Grant) facts(t target) rule.Facts {
	return rule.Facts{Day: t.day, Points: g.Points, Quantity: g.Quantity, Level: g.Level, Spots: g.Spots, Act: g.Act,
		Subject: t.subject, Household: t.household, Person: t.person, SchemeStart: t.settings.SchemeStart}
}

func spots(g Grant) int {
	if g.Spots == nil {
		return 0
	}
	return *g.Spots
}

// purse is whose history counts: the household whose wallet it is, or the member.
func (t target) purse() id.ID {
	if t.member != 0 {
		return t.member
	}
	return t.household
}

// remember counts what this plan has accepted among the past of what follows.
func (p *plan) remember(t target, g Grant, r rule.Result) {
	p.given[t.purse()] = append(p.given[t.purse()], t.rule.Lineage)
	p.past[t.purse()] = append(p.past[t.purse()], rule.Past{Day: t.day, Points: r.Points, Quantity: g.Quantity, Lineage: t.rule.Lineage,
		Category: t.rule.Category, Item: t.rule.Item, Group: r.Group, Act: g.Act, Subject: t.subject, Household: t.household, Person: t.person})
}

// expand turns grants to a household by a rule for its head or for each of its members into grants to those persons. The
// orders are copied: what the caller holds stays as it was asked for.
func (p *plan) expand() error {
	credited := func(g Grant) rule.Credit {
		if r, ok := p.rules[g.Rule]; ok && r.Subject == rule.Person && g.Person == 0 && g.Household != 0 {
			return r.Spec.Credit
		}
		return rule.CreditSubject
	}
	var houses []id.ID
	p.orders = slices.Clone(p.orders)
	for i := range p.orders {
		grants := slices.Clone(p.orders[i].Grants)
		for j, g := range grants {
			grants[j].origin = j
			if credited(g) != rule.CreditSubject {
				houses = append(houses, g.Household)
			}
		}
		p.orders[i].Grants = grants
	}
	if len(houses) == 0 {
		return nil
	}
	members, err := people.Members(p.tx, distinct(houses))
	if err != nil {
		return err
	}
	if p.villagers == nil {
		p.villagers = map[id.ID]people.Villager{}
	}
	for i := range p.orders {
		var out []Grant
		for _, g := range p.orders[i].Grants {
			credit := credited(g)
			found := false
			for _, v := range members[g.Household] {
				if credit == rule.CreditMembers && v.Here() || credit == rule.CreditHead && v.ID == p.households[g.Household].Head {
					part := g
					part.Person = v.ID
					p.villagers[v.ID] = v
					out = append(out, part)
					found = true
				}
			}
			if !found {
				out = append(out, g)
			}
		}
		p.orders[i].Grants = out
	}
	return nil
}

// needs is which past awards the grants of a plan count: of subjects those of their own lineages, of households and members
// all. Those of subjects whose purse is read whole are read one by one, too; of the others it is enough to know how many there are.
type needs struct {
	from, to            cal.Day
	subjects, tallied   []id.ID
	lineages            []id.ID
	households, members []id.ID
	purses              map[id.ID]id.ID   // subject → whose history it is now, wherever the person lived before
	of                  map[id.ID][]id.ID // subject → the lineages among lineages that are its own
}

func (p *plan) needs() needs {
	n := needs{from: 99991231, purses: map[id.ID]id.ID{}, of: map[id.ID][]id.ID{}}
	all := map[id.ID]bool{}
	for _, o := range p.orders {
		for _, g := range o.Grants {
			t, err := p.resolve(o.actor, o.Village, g)
			if err != nil || !t.day.Valid() {
				continue
			}
			r, f := p.schedules[o.Village].Bind(t.rule, t.day), g.facts(t)
			scope := r.Needs(f)
			if scope == rule.NeedsNothing {
				continue
			}
			a, b := r.Span(f)
			n.from, n.to = min(n.from, a), max(n.to, b)
			n.purses[t.subject] = t.purse()
			n.lineages = append(n.lineages, t.rule.Lineage)
			if !slices.Contains(n.of[t.subject], t.rule.Lineage) {
				n.of[t.subject] = append(n.of[t.subject], t.rule.Lineage)
			}
			switch {
			case scope == rule.NeedsOwn || all[t.purse()]:
				continue
			case t.member != 0:
				n.members = append(n.members, t.member)
			default:
				n.households = append(n.households, t.household)
			}
			all[t.purse()] = true
		}
	}
	for subject, purse := range n.purses {
		if all[purse] {
			n.subjects = append(n.subjects, subject)
		} else {
			n.tallied = append(n.tallied, subject)
		}
	}
	n.subjects, n.tallied, n.lineages = distinct(n.subjects), distinct(n.tallied), distinct(n.lineages)
	return n
}

// loadPast reads the standing awards that caps, repeats, tiers and other rules for the same act count. When booking it must
// run after the wallets are locked. It is one query each for those that are tallied and those that are not, unless there are more
// than a thousand subjects.
func (p *plan) loadPast() error {
	n := p.needs()
	n.tallied = p.recalled(n)
	seen := map[ledger.Key]bool{} // one award may be wanted for its subject and for its household
	for len(n.tallied) > 0 {
		var part []id.ID
		part, n.tallied = split(n.tallied)
		if err := p.askTallies(part, n); err != nil {
			return err
		}
	}
	if len(n.subjects)+len(n.households)+len(n.members) == 0 {
		return tallied(db.Answer(p.tx))
	}
	for len(n.subjects)+len(n.households)+len(n.members) > 0 {
		var part needs
		part.subjects, n.subjects = split(n.subjects)
		part.households, n.households = split(n.households)
		part.members, n.members = split(n.members)
		if err := p.readPast(part, n, seen); err != nil {
			return err
		}
	}
	return nil
}

func split(ids []id.ID) (part, rest []id.ID) {
	k := min(len(ids), 1000)
	return ids[:k], ids[k:]
}

// The index awards_subject has all of it, in this order. Of a single day, which is what most caps count, MariaDB reads it without a
// temporary table.
const (
	selectTallies = `SELECT subject_id, lineage, day, points, COUNT(*), SUM(quantity)
	FROM awards WHERE state = ? AND %s AND subject_id IN ? AND lineage IN ? GROUP BY subject_id, lineage, day, points`
	onADay = "day = ?"
	fromTo = "day BETWEEN ? AND ?"
)

// askTallies reads how many awards of how much the subjects have by day and lineage, with the next answer.
func (p *plan) askTallies(subjects []id.ID, n needs) error {
	when, args := onADay, []any{standing, n.from}
	if n.from != n.to {
		when, args = fromTo, append(args, n.to)
	}
	return tallied(db.Ask(p.tx, func(row db.Row) error {
		var a rule.Past
		err := row.Scan(&a.Subject, &a.Lineage, &a.Day, &a.Points, &a.Times, &a.Quantity)
		a.Points *= points.Amount(a.Times)
		purse := n.purses[a.Subject]
		p.past[purse] = append(p.past[purse], a)
		return err
	}, fmt.Sprintf(selectTallies, when), append(args, db.ListOf(subjects), db.ListOf(n.lineages))...))
}

func tallied(err error) error {
	if err != nil {
		return fmt.Errorf("counting past awards: %w", err)
	}
	return nil
}

// The awards of a household are found by the entries of its wallet, of which each has one that is the first.
const (
	selectPast = `SELECT w.village_id, w.number, w.rule_id, w.subject_id, w.household_id, w.person_id, w.lineage, w.day, w.points, w.quantity, w.act, w.act_group
	FROM `
	bySubject = "awards w"
	byWallet  = `accounts a JOIN ledger_entries e ON e.account_id = a.id AND e.line = 1 JOIN awards w ON w.village_id = e.book_id AND w.number = e.number`
	pastIn    = " WHERE w.state = ? AND w.day BETWEEN ? AND ? AND "
)

func (p *plan) readPast(part, n needs, seen map[ledger.Key]bool) error {
	query, args := "", []any(nil)
	add := func(from, cond string, ids []id.ID, more ...any) {
		if len(ids) == 0 {
			return
		}
		if query != "" {
			query += " UNION ALL "
		}
		query += selectPast + from + pastIn + cond
		args = append(append(args, standing, n.from, n.to, db.ListOf(ids)), more...)
	}
	add(bySubject, "w.subject_id IN ? AND w.lineage IN ?", part.subjects, db.ListOf(n.lineages))
	add(byWallet, "a.owner_id IN ? AND a.kind = ?", part.households, int64(ledger.KindWallet))
	add(bySubject, "w.subject_id IN ?", part.members)
	type pastAward struct {
		rule id.ID
		past rule.Past
	}
	var found []pastAward
	var rules []id.ID
	err := db.Query(p.tx, func(row db.Row) error {
		var k ledger.Key
		var a pastAward
		err := row.Scan(&k.Book, &k.Number, &a.rule, &a.past.Subject, &a.past.Household, &a.past.Person, &a.past.Lineage, &a.past.Day, &a.past.Points,
			&a.past.Quantity, &a.past.Act, &a.past.Group)
		if err == nil && !seen[k] {
			seen[k] = true
			found = append(found, a)
			rules = append(rules, a.rule)
		}
		return err
	}, query, args...)
	if err != nil {
		return fmt.Errorf("reading past awards: %w", err)
	}
	known, err := p.ruleOf(distinct(rules))
	if err != nil {
		return err
	}
	for _, a := range found {
		purse, ok := n.purses[a.past.Subject]
		if !ok {
			purse = a.past.Household
		}
		a.past.Category, a.past.Item = known[a.rule].Category, known[a.rule].Item
		p.past[purse] = append(p.past[purse], a.past)
	}
	return nil
}
