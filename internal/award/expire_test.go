package award_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/notice"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/testkit"
)

const day = 24 * time.Hour

// expiring is a village whose points are good for a month after the one they were earned in; on 23 November two households have
// ten points, good until 31 December.
func expiring(t *testing.T, automatic bool) place {
	p := setup(t)
	set := people.DefaultSettings(p.village)
	set.ExpiryMonths, set.ExpiryAuto = 1, automatic
	require.NoError(t, p.people.UpdateSettings(ctx, system, set))
	for house := range 2 {
		_, err := p.one("A1", house, 0)
		require.NoError(t, err)
	}
	return p
}

func (p place) due(t require.TestingT) award.Due {
	out, err := p.Due(ctx, system, p.village)
	require.NoError(t, err)
	return out
}

func (p place) lots(t require.TestingT, house int) (out []ledger.Lot) {
	require.NoError(t, p.d.Read(ctx, func(tx db.Tx) (err error) {
		out, err = ledger.Lots(tx, ledger.Wallet(p.village, p.houses[house].ID))
		return err
	}))
	return out
}

func (p place) inbox(t require.TestingT, house int) (titles []string) {
	h := p.houses[house].ID
	page, err := notice.New(p.d).List(ctx, auth.Actor{UserID: 9, Kind: auth.KindVillager, Households: []id.ID{h}, Grants: []auth.Grant{{Role: auth.RoleVillager}}}, h, "", 100)
	require.NoError(t, err)
	for _, n := range page.Notices {
		titles = append(titles, n.Title)
	}
	return titles
}

func TestExpiryIsPreviewedConfirmedAndReversible(t *testing.T) {
	p := expiring(t, false)
	p.clock.Add(38 * day) // 31 December, the last good day
	require.Zero(t, p.due(t).Households)
	_, err := p.Expire(ctx, system, idempotency.Request{}, p.village, p.due(t).DueTotals)
	require.ErrorIs(t, err, award.ErrNothingDue)
	p.clock.Add(day)
	seen := p.due(t)
	require.Equal(t, award.DueTotals{LastDay: 20261231, Households: 2, Points: points.Whole(20)}, seen.DueTotals)
	require.Len(t, seen.Largest, 2)
	require.Equal(t, points.Whole(10), p.balance(t, 0), "a preview writes nothing")

	// What was confirmed is not what there is.
	for _, wrong := range []award.DueTotals{{LastDay: 20261130, Households: 2, Points: points.Whole(20)}, {LastDay: 20261231, Households: 1, Points: points.Whole(20)},
		{LastDay: 20261231, Households: 2, Points: points.Whole(10)}, {}} {
		_, err = p.Expire(ctx, system, idempotency.Request{}, p.village, wrong)
		require.ErrorIs(t, err, award.ErrDueChanged)
	}
	require.Equal(t, points.Whole(10), p.balance(t, 0))

	done, err := p.Expire(ctx, system, key("clear"), p.village, seen.DueTotals)
	require.NoError(t, err)
	require.Equal(t, seen.DueTotals, done.DueTotals)
	require.Zero(t, p.balance(t, 0)+p.balance(t, 1))
	require.Equal(t, []string{"有积分到期清零"}, p.inbox(t, 1))
	p.clean(t)
	again, err := p.Expire(ctx, system, key("clear"), p.village, seen.DueTotals)
	require.NoError(t, err)
	require.Equal(t, done, again)
	_, err = p.Expire(ctx, system, key("clear again"), p.village, seen.DueTotals)
	require.ErrorIs(t, err, award.ErrNothingDue)

	// Given back into a lot of its own, not into the past, where the points would be due at once.
	for _, bad := range []cal.Day{20261231, 20260101, 20261301, 20300601} {
		_, err = p.ReturnExpired(ctx, system, idempotency.Request{}, p.village, done.Number, bad, "过年前没有兑换日")
		require.ErrorIs(t, err, award.ErrGoodUntil)
	}
	_, err = p.ReturnExpired(ctx, system, idempotency.Request{}, p.village, done.Number, 0, " ")
	require.ErrorIs(t, err, award.ErrReason)
	_, err = p.ReturnExpired(ctx, system, idempotency.Request{}, p.village, done.Number+1, 0, "过年前没有兑换日")
	require.ErrorIs(t, err, errs.ErrNotFound)
	back, err := p.ReturnExpired(ctx, system, key("back"), p.village, done.Number, 0, "过年前没有兑换日")
	require.NoError(t, err)
	require.EqualValues(t, 20270228, back.Returned.GoodUntil)
	for house := range 2 {
		require.Equal(t, []ledger.Lot{{Expires: 20270228, Amount: points.Whole(10)}}, p.lots(t, house))
		require.Equal(t, []string{"到期清零的积分已退回", "有积分到期清零"}, p.inbox(t, house))
	}
	require.Zero(t, p.due(t).Households)
	p.clean(t)
	again, err = p.ReturnExpired(ctx, system, key("back"), p.village, done.Number, 0, "过年前没有兑换日")
	require.NoError(t, err)
	require.Equal(t, back, again)
	_, err = p.ReturnExpired(ctx, system, key("back again"), p.village, done.Number, 0, "过年前没有兑换日")
	require.ErrorIs(t, err, award.ErrReturned)

	// Past the new day they are due like any others, and that clearing is one of its own.
	p.clock.Add(58 * day)
	require.Equal(t, award.DueTotals{LastDay: 20270227, Households: 0}, p.due(t).DueTotals)
	p.clock.Add(day)
	last, err := p.Expire(ctx, system, idempotency.Request{}, p.village, p.due(t).DueTotals)
	require.NoError(t, err)
	require.Equal(t, points.Whole(20), last.Points)
	list, err := p.Clearings(ctx, system, p.village, 10)
	require.NoError(t, err)
	require.Equal(t, []award.Clearing{last, back}, list)
	p.clean(t)
}

// What a wallet owes by now is paid from the points that come back.
func TestPointsGivenBackPayWhatIsOwed(t *testing.T) {
	p := expiring(t, false)
	five := points.Whole(5)
	_, err := p.Grant(ctx, system, award.Order{Village: p.village, Grants: []award.Grant{{Rule: p.rules["A2"], Household: p.houses[0].ID}, {Rule: p.rules["A3"], Person: p.person.ID, Points: &five}}})
	require.NoError(t, err)
	was := p.balance(t, 0)
	set := people.DefaultSettings(p.village)
	set.ExpiryMonths, set.Shortfall, set.OwingLimit = 1, ledger.Owe, points.Whole(100)
	require.NoError(t, p.people.UpdateSettings(ctx, system, set))
	p.clock.Add(39 * day)
	done, err := p.Expire(ctx, system, idempotency.Request{}, p.village, p.due(t).DueTotals)
	require.NoError(t, err)
	_, err = p.one("B1", 0, 0)
	require.NoError(t, err)
	owed := -p.balance(t, 0)
	require.Positive(t, owed)
	require.Greater(t, was, owed)
	_, err = p.ReturnExpired(ctx, system, idempotency.Request{}, p.village, done.Number, 20270131, "记错了日子")
	require.NoError(t, err)
	require.Equal(t, was-owed, p.balance(t, 0))
	require.Equal(t, []ledger.Lot{{Expires: 20270131, Amount: was - owed}}, p.lots(t, 0))
	p.clean(t)
}

func TestJobClearsOnlyWhereTheVillageHasChosenSo(t *testing.T) {
	for _, automatic := range []bool{false, true} {
		p := expiring(t, automatic)
		p.clock.Add(39 * day)
		due, cleared, err := p.ExpireDue(ctx, p.village)
		require.NoError(t, err)
		require.Equal(t, points.Whole(20), due.Points)
		if !automatic {
			require.Zero(t, cleared)
			require.Equal(t, points.Whole(10), p.balance(t, 0))
			continue
		}
		require.Equal(t, points.Whole(20), cleared.Points)
		require.Zero(t, p.balance(t, 0))
		_, err = p.ReturnExpired(ctx, system, idempotency.Request{}, p.village, cleared.Number, 0, "村民会议决定")
		require.NoError(t, err)
		_, cleared, err = p.ExpireDue(ctx, p.village)
		require.NoError(t, err)
		require.Zero(t, cleared, "what was given back stays")
		require.Equal(t, points.Whole(10), p.balance(t, 0))
	}
}

func TestClearingAtOnceIsOne(t *testing.T) {
	p := expiring(t, false)
	p.clock.Add(39 * day)
	seen := p.due(t).DueTotals
	services := []*award.Service{p.Service, award.New(testkit.Reopen(t, p.dsn, p.clock))}
	t.Cleanup(services[1].Close)
	var wg sync.WaitGroup
	clear, undo := make([]error, 16), make([]error, 16)
	for i := range clear {
		wg.Go(func() { _, clear[i] = services[i%2].Expire(ctx, system, idempotency.Request{}, p.village, seen) })
	}
	wg.Wait()
	list, err := p.Clearings(ctx, system, p.village, 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	for i := range undo {
		wg.Go(func() {
			_, undo[i] = services[i%2].ReturnExpired(ctx, system, idempotency.Request{}, p.village, list[0].Number, 0, "一起撤销")
		})
	}
	wg.Wait()
	count := func(errors []error, refusals ...*errs.Code) (done int) {
		for _, err := range errors {
			if err == nil {
				done++
				continue
			}
			require.Contains(t, refusals, errs.From(err).Code)
		}
		return done
	}
	require.Equal(t, 1, count(clear, award.ErrDueChanged, award.ErrNothingDue))
	require.Equal(t, 1, count(undo, award.ErrReturned))
	require.Equal(t, points.Whole(10), p.balance(t, 0))
	p.clean(t)
}

func TestExpiryIsForOfficersOfTheVillage(t *testing.T) {
	p := expiring(t, false)
	p.clock.Add(39 * day)
	seen := p.due(t).DueTotals
	done, err := p.Expire(ctx, system, idempotency.Request{}, p.village, seen)
	require.NoError(t, err)
	for _, c := range []struct {
		actor auth.Actor
		want  *errs.Code
	}{
		{auth.Actor{Grants: []auth.Grant{{Role: auth.RoleVillage, Regions: map[id.ID]struct{}{id.New(): {}}}}}, errs.ErrNotFound},
		{auth.Actor{Grants: []auth.Grant{{Role: auth.RoleSupervisor, Regions: map[id.ID]struct{}{p.village: {}}}}}, errs.ErrForbidden},
	} {
		_, err := p.Due(ctx, c.actor, p.village)
		require.ErrorIs(t, err, c.want)
		_, err = p.Expire(ctx, c.actor, idempotency.Request{}, p.village, seen)
		require.ErrorIs(t, err, c.want)
		_, err = p.ReturnExpired(ctx, c.actor, idempotency.Request{}, p.village, done.Number, 0, "与我无关")
		require.ErrorIs(t, err, c.want)
	}
}
