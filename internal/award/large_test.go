package award_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/award"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/points"
	"jishan/internal/testkit"
)

// many are n grants over the households in turn: mostly a rule without a cap, every seventh a rule that gives once a day, every eleventh a
// deduction, every thirteenth somebody whom the village does not know.
func (p place) many(n int) (list []award.Grant) {
	for i := range n {
		g := award.Grant{Rule: p.rules["A1"], Household: p.houses[i%len(p.houses)].ID}
		switch {
		case i%13 == 0:
			g.Household = id.New()
		case i%11 == 0:
			g.Rule = p.rules["B1"]
		case i%7 == 0:
			g.Rule = p.rules["A2"]
		}
		list = append(list, g)
	}
	return list
}

// A large order is written in parts while it is decided on; it is one transaction all the same, its numbers follow each other, and what is
// refused leaves none out.
func TestLargeOrder(t *testing.T) {
	p := setup(t)
	first, err := p.one("A1", 0, 0)
	require.NoError(t, err)
	const n = 1700 // three whole parts and some
	o := award.Order{Idempotency: idempotency.Request{Scope: 1, Key: "large", Input: [32]byte{1}, Operation: "test"}, Village: p.village, Grants: p.many(n)}
	var told []award.Outcome // while the order was still being written
	o.Decided = func(list []award.Outcome) { told = slices.Clone(list) }
	out, err := p.Grant(ctx, system, o)
	require.NoError(t, err)
	require.Len(t, out, n)
	toldAll := func() {
		if testkit.OnMySQL() {
			require.Equal(t, out, told)
		}
	}
	toldAll()
	number, refused := first.Number, 0
	balances := map[id.ID]points.Amount{p.houses[0].ID: points.Whole(10)}
	for i, r := range out {
		require.Equal(t, i, r.Grant)
		if r.Failed != nil {
			refused++
			require.Zero(t, r.Number)
			continue
		}
		number++
		require.Equal(t, number, r.Number)
		if r.Points < 0 {
			balances[r.Household] -= r.Booked
		} else {
			balances[r.Household] += r.Booked
		}
		require.Equal(t, balances[r.Household], r.Balance)
	}
	require.Greater(t, refused, n/13)
	for i, h := range p.houses {
		require.Equal(t, balances[h.ID], p.balance(t, i))
	}
	p.clean(t)

	told = nil
	again, err := p.Grant(ctx, system, o)
	require.NoError(t, err)
	require.Equal(t, out, again)
	toldAll()
	next, err := p.one("A1", 0, 0)
	require.NoError(t, err)
	require.Equal(t, number+1, next.Number)
}

// Of which everything is refused, nothing is written, and the number after it is not lost.
func TestLargeOrderOfNothing(t *testing.T) {
	p := setup(t)
	list := p.many(700)
	for i := range list {
		list[i].Household = id.New()
	}
	out, err := p.Grant(ctx, system, award.Order{Village: p.village, Grants: list})
	require.NoError(t, err)
	for _, r := range out {
		require.NotNil(t, r.Failed)
	}
	for i := range list { // known, but the rule has given what it gives today
		list[i] = award.Grant{Rule: p.rules["A2"], Household: p.houses[0].ID}
	}
	out, err = p.Grant(ctx, system, award.Order{Village: p.village, Grants: list})
	require.NoError(t, err)
	require.EqualValues(t, 1, out[0].Number)
	for _, r := range out[1:] {
		require.NotNil(t, r.Failed)
	}
	p.clean(t)
}

// Large orders and small ones of the same households at once: none waits for another for ever, and every number is given once.
func TestLargeOrdersBesideSmallOnes(t *testing.T) {
	p := setup(t)
	var mu sync.Mutex
	seen := map[int64]bool{}
	note := func(list ...award.Outcome) {
		mu.Lock()
		defer mu.Unlock()
		for _, r := range list {
			if r.Failed == nil {
				require.False(t, seen[r.Number], r.Number)
				seen[r.Number] = true
			}
		}
	}
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			out, err := p.Grant(ctx, system, award.Order{Village: p.village, Grants: p.many(600 + 300*i)})
			require.NoError(t, err)
			note(out...)
		})
	}
	for i := range 40 {
		wg.Go(func() {
			out, err := p.one("A1", i%len(p.houses), 0)
			require.NoError(t, err)
			note(out)
		})
	}
	wg.Wait()
	for n := range int64(len(seen)) {
		require.True(t, seen[n+1], fmt.Sprint(n+1, " of ", len(seen)))
	}
	p.clean(t)
}

// The same order sent twice at once is booked once, and both are told beforehand what they are answered.
func TestLargeOrderTwiceAtOnce(t *testing.T) {
	p := setup(t)
	var out, told [4][]award.Outcome
	var wg sync.WaitGroup
	for i := range out {
		wg.Go(func() {
			o := award.Order{Idempotency: idempotency.Request{Scope: 1, Key: "twice", Input: [32]byte{2}, Operation: "test"}, Village: p.village, Grants: p.many(900)}
			o.Decided = func(list []award.Outcome) { told[i] = slices.Clone(list) }
			var err error
			out[i], err = p.Grant(ctx, system, o)
			require.NoError(t, err)
		})
	}
	wg.Wait()
	for i := range out {
		require.Equal(t, out[0], out[i])
		if testkit.OnMySQL() {
			require.Equal(t, out[i], told[i])
		}
	}
	p.clean(t)
}
