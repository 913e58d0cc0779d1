package trial

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/money"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
	"jishan/internal/shop"
)

// ErrPeriod is a period that cannot be tried.
var ErrPeriod = errs.Define(errs.Invalid, "trial.period", "试算的时段不对：从较早的月份到较晚的月份，最多 24 个月")

// Service tries versions.
type Service struct {
	db    *db.DB
	rules *rule.Service
}

// New is the service on a database.
func New(d *db.DB, rules *rule.Service) *Service { return &Service{db: d, rules: rules} }

// Period says which version is tried on which village's months.
type Period struct {
	Version  id.ID
	Village  id.ID
	From, To cal.Month // both included
}

// Report is what would have been given instead.
type Report struct {
	Awards        int           // standing in the period
	Before, After points.Amount // sums, deductions taken off
	Rate          money.Rate    // of the village; zero where no merchant serves it
	BeforeFen     money.Fen     // what the sums are worth at the rate
	AfterFen      money.Fen
	Undetermined  int         // awards whose points were kept, because the version asks for what was not recorded
	Refused       int         // awards that would give nothing by a cap, as a lower rule for the same act, or for too little
	Rules         []RuleDiff  // every rule of the version or of the past that any award speaks of; largest difference first
	Owners        []OwnerDiff // households or party members, largest difference first
	Unmatched     []string    // rules of the past that the version no longer has: they would give nothing
	Unused        []string    // rules of the version that no award of the past speaks of
}

// RuleDiff is one rule's part. Rule is zero where the version has no such rule.
type RuleDiff struct {
	Rule          id.ID
	Code          string
	Category      string
	Item          string
	Times         int
	Before, After points.Amount
}

// OwnerDiff is one household's or party member's part.
type OwnerDiff struct {
	Household     id.ID
	Member        id.ID
	Before, After points.Amount
}

// DryRun replays the standing awards of a past period under a version, draft or adopted, and writes nothing. An award belongs
// to the rule of the version with the same lineage, or else the same words. Awards by another book in force beside it are left
// out; under a book that has given nothing yet all awards are tried. Needs the right to read the version's rules and
// the village's awards (for party books its party scores).
func (s *Service) DryRun(ctx context.Context, actor auth.Actor, p Period) (Report, error) {
	if p.From < 200001 || p.To < p.From || p.From.Add(24) <= p.To {
		return Report{}, ErrPeriod.New()
	}
	book, version, rules, err := s.rules.Version(ctx, actor, p.Version)
	if err != nil {
		return Report{}, err
	}
	need := auth.AwardRead
	if book.Asset == ledger.PartyScore {
		need = auth.PartyRead
	}
	if err := actor.InRegion(need, p.Village); err != nil {
		return Report{}, err
	}
	var out Report
	err = s.db.Read(ctx, func(tx db.Tx) error {
		settings, err := people.SettingsOf(tx, p.Village)
		if err != nil {
			return err
		}
		prices, err := shop.PricesOf(tx, []id.ID{p.Village})
		if err != nil {
			return err
		}
		// Caps of the year and repeats count what was given before the period, too.
		given, err := award.Standing(tx, p.Village, book.Asset, p.From.Add(-12).First(), p.To.Last())
		if err != nil {
			return err
		}
		// Another book that was in force beside this one stays as it was. A book under which nothing was given yet would replace all.
		ours := func(g award.Given) bool { return g.BookID == book.ID }
		if slices.ContainsFunc(given, ours) {
			given = slices.DeleteFunc(given, func(g award.Given) bool { return !ours(g) })
		}
		r := newReplay(rules, version.Terms, settings[p.Village].SchemeStart, p.From.First())
		for _, g := range given {
			r.award(g)
		}
		out = r.report()
		if book.Asset == ledger.Points && prices.Rate.Points > 0 {
			out.Rate = prices.Rate
			out.BeforeFen, out.AfterFen = prices.Rate.Value(out.Before), prices.Rate.Value(out.After)
		}
		return nil
	})
	return out, err
}

// replay is a dry run under way.
type replay struct {
	rules     []rule.Rule
	byLineage map[id.ID]*rule.Rule
	byWords   map[string]*rule.Rule
	start     int
	from      cal.Day
	own       map[ownKey][]rule.Past // what the version has given, by subject and lineage
	all       map[id.ID][]rule.Past  // by household or member
	wide      bool                   // some rule needs all
	out       Report
	ruleDiffs map[id.ID]*RuleDiff // by lineage of the version's rule, or of the award's where it has none
	owners    map[id.ID]*OwnerDiff
	unmatched map[string]bool
}

type ownKey struct{ subject, lineage id.ID }

func words(category, item string) string {
	return strings.Join(strings.Fields(category), "") + "\x00" + strings.Join(strings.Fields(item), "")
}

func newReplay(rules []rule.Rule, terms rule.Terms, schemeStart int, from cal.Day) *replay {
	r := &replay{rules: rules, byLineage: map[id.ID]*rule.Rule{}, byWords: map[string]*rule.Rule{}, start: schemeStart, from: from,
		own: map[ownKey][]rule.Past{}, all: map[id.ID][]rule.Past{}, ruleDiffs: map[id.ID]*RuleDiff{}, owners: map[id.ID]*OwnerDiff{}, unmatched: map[string]bool{}}
	for i := range rules {
		x := &rules[i]
		x.Limits = terms.Limits
		r.byLineage[x.Lineage] = x
		r.byWords[words(x.Category, x.Item)] = x
		r.byWords[words("", x.Item)] = x
	}
	return r
}

// find is the version's rule for an award.
func (r *replay) find(g award.Given) *rule.Rule {
	if x := r.byLineage[g.Lineage]; x != nil {
		return x
	}
	if x := r.byWords[words(g.Category, g.Item)]; x != nil {
		return x
	}
	return r.byWords[words("", g.Item)]
}

// award replays one. What lies before the period only makes history.
func (r *replay) award(g award.Given) {
	x := r.find(g)
	after, refused, kept := points.Amount(0), false, false
	if x != nil {
		after, refused, kept = r.give(x, g)
	}
	if g.Day < r.from {
		return
	}
	r.out.Awards++
	r.out.Before += g.Points
	r.out.After += after
	if refused {
		r.out.Refused++
	}
	if kept {
		r.out.Undetermined++
	}
	r.count(x, g, after)
}

// give asks the version for its points; kept where it asks for what the award does not tell.
func (r *replay) give(x *rule.Rule, g award.Given) (after points.Amount, refused, kept bool) {
	f, ok := facts(x, g)
	f.SchemeStart = r.start
	purse := g.HouseholdID
	if g.MemberID != 0 {
		purse = g.MemberID
	}
	past := r.own[ownKey{f.Subject, x.Lineage}]
	if x.Needs(f) == rule.NeedsAll {
		past = r.all[purse]
	}
	res, err := rule.Result{}, error(nil)
	if ok {
		res, err = rule.Evaluate(*x, f, past)
	}
	switch {
	case !ok || errors.Is(err, rule.ErrFacts) || errors.Is(err, rule.ErrRange):
		res, kept = rule.Result{Points: g.Points, Group: g.ActGroup}, true
	case err != nil:
		return 0, true, false
	}
	gave := rule.Past{Day: f.Day, Points: res.Points, Quantity: f.Quantity, Lineage: x.Lineage, Category: x.Category, Item: x.Item, Group: res.Group, Act: f.Act,
		Subject: f.Subject, Household: f.Household, Person: f.Person}
	k := ownKey{f.Subject, x.Lineage}
	r.own[k] = append(r.own[k], gave)
	r.all[purse] = append(r.all[purse], gave)
	return res.Points, false, kept
}

// facts are an award as the version's rule asks for it; false where the past does not tell.
func facts(x *rule.Rule, g award.Given) (rule.Facts, bool) {
	f := rule.Facts{Day: g.Day, Act: g.Act, Subject: g.SubjectID, Household: g.HouseholdID, Person: g.PersonID}
	if x.Subject != g.Subject {
		switch {
		case x.Subject == rule.Household && g.HouseholdID != 0:
			f.Subject = g.HouseholdID
		case x.Subject == rule.Person && g.PersonID != 0:
			f.Subject = g.PersonID
		default:
			return f, false
		}
	}
	s := x.Spec
	switch s.Shape {
	case rule.Range:
		p := g.Points.Abs()
		p = max(s.Min.Abs(), min(s.Max.Abs(), p))
		if s.Step > 0 { // the nearest choice below
			p -= (p - s.Min.Abs()) % s.Step
		}
		f.Points = &p
		return f, p > 0
	case rule.Levels:
		if f.Level = g.Level; g.Level == "" { // the level that gives what was given
			i := slices.IndexFunc(s.Levels, func(l rule.Level) bool { return l.Max == 0 && l.Points == g.Points })
			if i < 0 {
				return f, false
			}
			f.Level = s.Levels[i].Name
		}
		if i := slices.IndexFunc(s.Levels, func(l rule.Level) bool { return l.Name == f.Level }); i >= 0 && s.Levels[i].Max != 0 {
			p := g.Points.Abs()
			f.Points = &p
		}
	case rule.Tiers, rule.Amount:
		f.Quantity = g.Quantity
		return f, g.Quantity > 0
	case rule.Block:
		n := g.Spots
		f.Spots = &n
		// Without a count only full marks tell that nothing was found.
		return f, n > 0 || g.Points == s.Points
	}
	return f, true
}

func (r *replay) count(x *rule.Rule, g award.Given, after points.Amount) {
	key, owner := g.Lineage, g.HouseholdID
	if g.MemberID != 0 {
		owner = g.MemberID
	}
	d := &RuleDiff{Category: g.Category, Item: g.Item}
	if x != nil {
		key, d = x.Lineage, &RuleDiff{Rule: x.ID, Code: x.Code, Category: x.Category, Item: x.Item}
	} else {
		r.unmatched[g.Item] = true
	}
	if r.ruleDiffs[key] == nil {
		r.ruleDiffs[key] = d
	}
	d = r.ruleDiffs[key]
	d.Times++
	d.Before += g.Points
	d.After += after
	o := r.owners[owner]
	if o == nil {
		o = &OwnerDiff{Household: g.HouseholdID, Member: g.MemberID}
		r.owners[owner] = o
	}
	o.Before += g.Points
	o.After += after
}

func (r *replay) report() Report {
	out := r.out
	for _, d := range r.ruleDiffs {
		out.Rules = append(out.Rules, *d)
	}
	slices.SortFunc(out.Rules, func(a, b RuleDiff) int {
		return cmp.Or(cmp.Compare((b.After-b.Before).Abs(), (a.After-a.Before).Abs()), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Item, b.Item))
	})
	for _, o := range r.owners {
		out.Owners = append(out.Owners, *o)
	}
	slices.SortFunc(out.Owners, func(a, b OwnerDiff) int {
		return cmp.Or(cmp.Compare((b.After-b.Before).Abs(), (a.After-a.Before).Abs()), cmp.Compare(a.Household, b.Household), cmp.Compare(a.Member, b.Member))
	})
	for item := range r.unmatched {
		out.Unmatched = append(out.Unmatched, item)
	}
	slices.Sort(out.Unmatched)
	for _, x := range r.rules {
		if r.ruleDiffs[x.Lineage] == nil {
			out.Unused = append(out.Unused, x.Item)
		}
	}
	return out
}
