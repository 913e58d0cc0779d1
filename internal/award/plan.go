package award

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
	"jishan/internal/stamp"
)

// plan is everything that deciding on a set of orders needs, read once for all of them.
type plan struct {
	tx         db.Tx
	today      cal.Day
	orders     []order
	rules      map[id.ID]rule.Rule
	ruleOf     func([]id.ID) (map[id.ID]rule.Rule, error)
	settings   map[id.ID]people.Settings
	schedules  map[id.ID]rule.Schedule
	households map[id.ID]people.Residence
	villagers  map[id.ID]people.Villager
	members    map[id.ID]party.Member
	past       map[id.ID][]rule.Past // of a household or member
	counts     map[string]int64      // the stamps, before anything else was read
	supposed   map[string]int64      // what counts must turn out to be, where they were not waited for
	sealed     party.Sealed          // what is published or closed of the members' quarters
	recall     *recall               // nil: everything is read
	guessed    map[id.ID]guess       // households whose past was not read but remembered
	needed     needs                 // what was needed of the past; with recall only
	given      map[id.ID][]id.ID     // of what lineages a household or member was given something here
}

// kept is what decides on awards and hardly ever changes, between transactions.
type kept struct {
	rules      stamp.Kept[id.ID, rule.Rule]
	settings   stamp.Kept[id.ID, people.Settings]
	schedules  stamp.Kept[id.ID, rule.Schedule]
	residences stamp.Kept[id.ID, people.Residence]
	recall     recall
}

// load reads what does not need the wallets' locks. Where everything is kept, and ahead is asked for, it does not wait for the stamps: it
// supposes that nothing has changed, and the plan holds once checked, after the database has answered something else.
func (k *kept) load(tx db.Tx, orders []order, ahead bool) (*plan, error) {
	p := &plan{tx: tx, today: cal.DayOf(tx.Now), orders: orders, past: map[id.ID][]rule.Past{}, guessed: map[id.ID]guess{}, given: map[id.ID][]id.ID{}}
	var villages, rules, households, villagers, members []id.ID
	for _, o := range orders {
		villages = append(villages, o.Village)
		for _, g := range o.Grants {
			rules = append(rules, g.Rule)
			households = append(households, g.Household)
			villagers = append(villagers, g.Person)
			members = append(members, g.Member)
		}
	}
	villages, rules, villagers, members = distinct(villages), distinct(rules), distinct(villagers), distinct(members)
	p.counts = make(map[string]int64, 4)
	err := stamp.Ask(tx, p.counts, stamp.Rules, stamp.Residences, stamp.Access, stamp.Regions)
	if err == nil && ahead && len(villagers)+len(members) == 0 && k.suppose(p, villages, rules, distinct(households)) {
		return p, p.expand()
	}
	var e error
	if len(members) > 0 {
		p.members, e = party.MembersByID(tx, members)
		err = errors.Join(err, e)
	}
	if len(villagers) > 0 {
		p.villagers, e = people.VillagersByID(tx, villagers)
		err = errors.Join(err, e)
		for _, v := range p.villagers {
			households = append(households, v.Household)
		}
	}
	if err = errors.Join(err, k.reside(p, distinct(households))); err != nil {
		return nil, fmt.Errorf("reading what the awards are about: %w", err)
	}
	count := p.counts[stamp.Rules]
	p.schedules, e = k.schedules.Get(count, villages, func(missing []id.ID) (map[id.ID]rule.Schedule, error) { return rule.SchedulesOf(tx, missing) })
	err = errors.Join(err, e)
	p.settings, e = k.settings.Get(count, villages, func(missing []id.ID) (map[id.ID]people.Settings, error) { return people.SettingsOf(tx, missing...) })
	err = errors.Join(err, e)
	p.ruleOf = k.rulesOf(tx, count)
	p.rules, e = p.ruleOf(rules)
	err = errors.Join(err, e)
	if err == nil {
		err = p.expand()
	}
	if err != nil {
		return nil, fmt.Errorf("reading what the awards are about: %w", err)
	}
	return p, nil
}

// suppose fills the plan with what is kept, if that is all it needs.
func (k *kept) suppose(p *plan, villages, rules, households []id.ID) bool {
	counts, complete := map[string]int64{}, true
	under := func(name string, n int64, missing int) {
		if before, ok := counts[name]; ok && before != n || missing > 0 {
			complete = false
		}
		counts[name] = n
	}
	residences, missing, n := k.residences.Known(households)
	under(stamp.Residences, n, len(missing))
	schedules, missing, n := k.schedules.Known(villages)
	under(stamp.Rules, n, len(missing))
	settings, missing, n := k.settings.Known(villages)
	under(stamp.Rules, n, len(missing))
	known, missing, n := k.rules.Known(rules)
	under(stamp.Rules, n, len(missing))
	for _, r := range known { // by such a rule it is to be known who lives in the household: see expand
		complete = complete && (r.Subject != rule.Person || r.Spec.Credit == rule.CreditSubject)
	}
	if !complete {
		return false
	}
	p.households, p.schedules, p.settings, p.rules = residences, schedules, settings, known
	p.ruleOf = k.rulesOf(p.tx, n)
	p.supposed = counts
	return true
}

// check is db.ErrRetry where something has changed of what was supposed. The stamps have been answered by then.
func (p *plan) check() error {
	for name, n := range p.supposed {
		if p.counts[name] != n {
			return fmt.Errorf("%s have changed: %w", name, db.ErrRetry)
		}
	}
	return nil
}

func (k *kept) rulesOf(tx db.Tx, count int64) func([]id.ID) (map[id.ID]rule.Rule, error) {
	return func(ids []id.ID) (map[id.ID]rule.Rule, error) {
		return k.rules.Get(count, ids, func(missing []id.ID) (map[id.ID]rule.Rule, error) { return rule.RulesByID(tx, missing) })
	}
}

// reside finds out where the households belong, together with the stamps that have been asked for.
func (k *kept) reside(p *plan, households []id.ID) error {
	known, missing, n := k.residences.Known(households)
	read := map[id.ID]people.Residence{}
	if err := errors.Join(people.AskResidences(p.tx, read, missing), db.Answer(p.tx)); err != nil {
		return err
	}
	count := p.counts[stamp.Residences]
	if n != count { // what was kept is older
		known = map[id.ID]people.Residence{}
		if err := errors.Join(people.AskResidences(p.tx, read, households), db.Answer(p.tx)); err != nil {
			return err
		}
	}
	k.residences.Keep(count, read)
	maps.Copy(known, read)
	p.households = known
	return nil
}

func distinct(ids []id.ID) []id.ID {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) > 0 && ids[0] == 0 {
		ids = ids[1:]
	}
	return ids
}

// target is a grant with its references resolved.
type target struct {
	rule      rule.Rule
	settings  people.Settings
	day       cal.Day
	subject   id.ID // whom caps count for
	household id.ID
	person    id.ID
	member    id.ID
	branch    id.ID
	account   ledger.Ref
	inactive  bool
	merged    bool // the household, into another
}

// resolve checks who is meant and whether the actor may. What lies outside the actor's reach is not found.
func (p *plan) resolve(actor auth.Actor, village id.ID, g Grant) (target, error) {
	r, ok := p.rules[g.Rule]
	if !ok {
		return target{}, ErrRule.New()
	}
	t := target{rule: r, settings: p.settings[village], day: g.Day}
	if t.day == 0 {
		t.day = p.today
	}
	if r.Subject == rule.Member {
		m, ok := p.members[g.Member]
		if !ok || m.Village != village || g.Household != 0 || g.Person != 0 {
			return target{}, p.wrongSubject(g.Member, ok && m.Village == village)
		}
		if err := actor.InBranch(auth.PartyWrite, village, m.Branch); err != nil {
			return target{}, err
		}
		t.subject, t.member, t.branch, t.inactive = m.ID, m.ID, m.Branch, !m.Active()
		t.account = ledger.Party(village, m.ID)
		return t, nil
	}
	if err := actor.InRegion(auth.AwardWrite, village); err != nil {
		return target{}, err
	}
	house := g.Household
	if r.Subject == rule.Person {
		v, ok := p.villagers[g.Person]
		if !ok || v.Village != village || g.Member != 0 || house != 0 && house != v.Household {
			return target{}, p.wrongSubject(g.Person, ok && v.Village == village)
		}
		t.subject, t.person, house, t.inactive = v.ID, v.ID, v.Household, !v.Here()
	} else if r.Spec.Credit == rule.CreditBoth {
		v, ok := p.villagers[g.Person]
		if !ok || v.Village != village || g.Member != 0 || house != 0 && house != v.Household {
			return target{}, p.wrongSubject(g.Person, ok && v.Village == village)
		}
		t.subject, t.person, house, t.inactive = v.Household, v.ID, v.Household, !v.Here()
	} else if g.Person != 0 || g.Member != 0 {
		return target{}, p.wrongSubject(g.Household, true)
	} else {
		t.subject = house
	}
	h, ok := p.households[house]
	if !ok || h.Village != village {
		return target{}, p.wrongSubject(g.Household, false)
	}
	t.household, t.account = h.ID, ledger.Wallet(village, h.ID)
	t.inactive, t.merged = t.inactive || !h.Active(), h.State == people.HouseholdMerged
	return t, nil
}

// wrongSubject tells a missing or foreign subject from one of the wrong kind.
func (p *plan) wrongSubject(given id.ID, inVillage bool) error {
	if given != 0 && !inVillage {
		return errs.ErrNotFound.New()
	}
	return ErrSubject.New()
}

// open reports whether points may still be booked on a day: this month, or last month until the closing day of this one.
func open(day, today cal.Day, closeDay int) error {
	switch m := day.Month(); {
	case !day.Valid() || day > today:
		return ErrDay.New()
	case m == today.Month(), m == today.Month().Add(-1) && int(today)%100 <= closeDay:
		return nil
	default:
		return ErrMonthClosed.With("%d年%d月已经关账，不能再补登；请按今天的日期登记并在备注里说明", m/100, m%100)
	}
}

// late reports whether a month that is closed takes it all the same: what decides a member's grade has no points for a month to count,
// and is often known only when the quarter is reviewed. Its own bound is that the quarter is not sealed.
func (t target) late(today cal.Day) bool {
	return t.member != 0 && t.rule.Spec.Shape == rule.Grade && t.day.Valid() && t.day <= today
}

// evaluate applies the rule, knowing the past and what this plan has accepted already.
func (p *plan) evaluate(village id.ID, g Grant, t target) (rule.Result, error) {
	if t.merged {
		return rule.Result{}, people.ErrMerged.New()
	}
	if t.inactive {
		return rule.Result{}, ErrInactive.New()
	}
	if err := open(t.day, p.today, t.settings.CloseDay); err != nil && !t.late(p.today) {
		return rule.Result{}, err
	}
	if err := p.sealed.Check(t.member, t.day); err != nil {
		return rule.Result{}, err
	}
	if !p.schedules[village].Holds(t.rule, t.day) {
		return rule.Result{}, ErrRule.New()
	}
	return rule.Evaluate(p.schedules[village].Bind(t.rule, t.day), g.facts(t), p.past[t.purse()])
}

// refs are the accounts to lock for all grants that can be resolved.
func (p *plan) refs() []ledger.Ref {
	var out []ledger.Ref
	for _, o := range p.orders {
		for _, g := range o.Grants {
			if t, err := p.resolve(o.actor, o.Village, g); err == nil {
				out = append(out, t.account)
			}
		}
	}
	return out
}

// loadSealed reads which quarters of the members are published or closed. When booking it holds the members, after the wallets.
func (p *plan) loadSealed(read func(db.Tx, []id.ID, cal.Quarter) (party.Sealed, error)) error {
	var members []id.ID
	from := p.today
	for _, o := range p.orders {
		for _, g := range o.Grants {
			if g.Member != 0 {
				members = append(members, g.Member)
				if g.Day != 0 {
					from = min(from, g.Day)
				}
			}
		}
	}
	if len(members) == 0 {
		return nil
	}
	var err error
	p.sealed, err = read(p.tx, distinct(members), from.Month().Quarter())
	return err
}

func (p *plan) balances() (map[ledger.Ref]points.Amount, error) {
	return ledger.Balances(p.tx, p.refs()...)
}

// preview decides on a grant as book does, moving only the balances it was given.
func (p *plan) preview(actor auth.Actor, village id.ID, g Grant, balances map[ledger.Ref]points.Amount) Outcome {
	out := g.outcome()
	t, err := p.resolve(actor, village, g)
	if err != nil {
		return out.failed(err)
	}
	out.Household, out.Day = t.household, t.day
	res, err := p.evaluate(village, g, t)
	if err != nil {
		return out.failed(err)
	}
	moved := res.Points
	if res.ScoreOnly {
		moved = 0
	}
	if moved < 0 && t.member == 0 {
		room := max(0, balances[t.account])
		if t.settings.Shortfall == ledger.Owe {
			room = max(0, balances[t.account]+t.settings.OwingLimit)
		}
		if -moved > room {
			if t.settings.Shortfall != ledger.Take {
				return out.failed(ledger.ErrInsufficient.With("可用积分不足：现有 %s，需要 %s", balances[t.account], -moved))
			}
			moved = -room
		}
	}
	p.remember(t, g, res)
	balances[t.account] += moved
	out.Points, out.Booked, out.Balance, out.Capped, out.Topped = res.Points, moved.Abs(), balances[t.account], res.Capped, res.Topped
	out.Explanation, out.Grade, out.Veto = explain(res, out.Booked), res.Grade, res.Veto
	return out
}

func (o Outcome) failed(err error) Outcome {
	e := errs.From(err)
	o.Failed = &Failure{Code: e.Code.ID, Text: e.Text()}
	return o
}

// explain adds to the rule's words what an empty wallet kept from being taken.
func explain(r rule.Result, booked points.Amount) string {
	if r.Points < 0 && booked < -r.Points && !r.ScoreOnly {
		return fmt.Sprintf("%s（可用积分不够，实扣 %s，累计积分照扣）", r.Explanation, booked)
	}
	return r.Explanation
}
