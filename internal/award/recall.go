package award

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/rule"
)

// recall remembers, between transactions, what was counted of the past of households: an officer gives one household after another ten
// points for this and five for that, and each time what it was given before would be counted again. What is remembered holds while
// the wallet's version is the one under which it was read. The version is read with the wallet's lock, so another process, a reversal,
// or a redemption only makes what is remembered useless. Persons and members are not remembered: their points move to another wallet
// when they do.
type recall struct {
	mu sync.Mutex
	of map[id.ID]recollection // by household
}

// recollection is what is known of a household. It is never changed, only replaced.
type recollection struct {
	version int64
	counted map[id.ID]count // by lineage
}

// count is all awards of a lineage that stand and are of these days.
type count struct {
	from, to cal.Day
	past     []rule.Past
}

// mostRecalled bounds the memory: some 300 bytes each. Then it begins anew.
const mostRecalled = 1 << 14

// find is what is remembered of the lineages on these days, and under which version; ok where it is all of them.
func (r *recall) find(house id.ID, lineages []id.ID, from, to cal.Day) (past []rule.Past, version int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.of[house]
	for _, l := range lineages {
		c, ok := known.counted[l]
		if !ok || c.from > from || c.to < to {
			return nil, 0, false
		}
		past = append(past, c.past...)
	}
	return past, known.version, true
}

// lesson is what a transaction that is committed has found out about a household.
type lesson struct {
	house         id.ID
	before, after int64 // the wallet's versions
	counted       map[id.ID]count
	given         []id.ID // lineages of which something was booked, whether it counts or not
}

func (r *recall) learn(lessons []lesson) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range lessons {
		known := r.of[l.house]
		if known.version > l.after {
			continue // another transaction has come after this one and is here already
		}
		if known.version == l.before { // what is known of other lineages still is so
			for lineage, c := range known.counted {
				if _, newer := l.counted[lineage]; !newer && !slices.Contains(l.given, lineage) {
					l.counted[lineage] = c
				}
			}
		}
		if len(r.of) >= mostRecalled || r.of == nil {
			r.of = map[id.ID]recollection{}
		}
		r.of[l.house] = recollection{l.after, l.counted}
	}
}

// guess is what was remembered of a household before its wallet was locked.
type guess struct {
	version int64
	past    []rule.Past
}

// recalled takes out of the households to be counted those that are remembered. confirm says whether they still are as they were.
func (p *plan) recalled(n needs) (rest []id.ID) {
	if p.recall == nil {
		return n.tallied
	}
	p.needed = n
	for _, subject := range n.tallied {
		past, version, ok := p.recall.find(subject, n.of[subject], n.from, n.to)
		if !ok || n.purses[subject] != subject || p.households[subject].ID == 0 {
			rest = append(rest, subject)
			continue
		}
		p.guessed[subject] = guess{version, past}
	}
	return rest
}

// wallet is a household's.
func (p *plan) wallet(house id.ID) ledger.Ref {
	return ledger.Wallet(p.households[house].Village, house)
}

// confirm looks, once the wallets are locked, whether what was remembered is still so, and counts what is not.
func (p *plan) confirm(b *ledger.Batch) error {
	var wrong []id.ID
	for house, g := range p.guessed {
		if b.Version(p.wallet(house)) == g.version {
			p.past[house] = append(p.past[house], g.past...)
		} else {
			wrong = append(wrong, house)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	for part := range slices.Chunk(wrong, 1000) {
		if err := p.askTallies(part, p.needed); err != nil {
			return err
		}
	}
	return tallied(db.Answer(p.tx))
}

// lessons is what there is to be remembered after the commit, before being the wallets' versions when they were locked.
func (p *plan) lessons(b *ledger.Batch, before map[id.ID]int64) (out []lesson) {
	for house, version := range before {
		counted := map[id.ID]count{}
		for _, lineage := range p.needed.of[house] {
			counted[lineage] = count{p.needed.from, p.needed.to, summed(p.past[house], house, lineage)}
		}
		out = append(out, lesson{house, version, b.Version(p.wallet(house)), counted, p.given[house]})
	}
	return out
}

// versions are those of the wallets of all households that were counted or remembered.
func (p *plan) versions(b *ledger.Batch) map[id.ID]int64 {
	out := map[id.ID]int64{}
	for _, subject := range p.needed.tallied {
		if p.needed.purses[subject] == subject && p.households[subject].ID != 0 {
			out[subject] = b.Version(p.wallet(subject))
		}
	}
	return out
}

// summed adds the household's awards of a lineage up by day and sign, as selectTallies does.
func summed(past []rule.Past, house, lineage id.ID) []rule.Past {
	type key struct {
		day  cal.Day
		sign int
	}
	sums := map[key]rule.Past{}
	for _, a := range past {
		if a.Subject != house || a.Lineage != lineage {
			continue
		}
		k := key{a.Day, cmp.Compare(a.Points, 0)}
		sum := sums[k]
		sum.Day, sum.Lineage, sum.Subject = a.Day, lineage, house
		sum.Points += a.Points
		sum.Quantity += a.Quantity
		sum.Times += max(1, a.Times)
		sums[k] = sum
	}
	return slices.Collect(maps.Values(sums))
}
