package redeem_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/redeem"
)

const pin = "8025"

// withCard is a household with points, a card and a PIN.
func (w *world) withCard(amount points.Amount) (people.Household, redeem.Card) {
	h := w.household(amount)
	cards, err := w.s.IssueCards(ctx, w.officer, []id.ID{h.ID})
	w.must(err)
	require.Len(w.t, cards, 1)
	card, err := w.s.SetPIN(ctx, w.officer, h.ID, pin)
	w.must(err)
	require.True(w.t, card.HasPIN)
	return h, card
}

func (w *world) try(text, pin string) error {
	_, err := w.s.Identify(ctx, w.clerk, 0, redeem.Presented{Text: text, PIN: pin})
	return err
}

func TestCardAndPIN(t *testing.T) {
	w := newWorld(t)
	w.settings(func(s *setting) { s.CardDayCap = points.Whole(30) })
	h, card := w.withCard(points.Whole(100))

	who, err := w.s.Identify(ctx, w.clerk, 0, redeem.Presented{Text: card.Payload, PIN: pin})
	w.must(err)
	require.Equal(t, redeem.ByCard, who.Way)
	require.Equal(t, points.Whole(30), who.Limits.Spendable)
	_, err = w.s.Confirm(ctx, w.clerk, fresh(), redeem.Confirmation{Presented: redeem.Presented{Ticket: who.Ticket}, Basket: redeem.Basket{Points: points.Whole(10)}})
	w.must(err)
	_, err = w.s.Confirm(ctx, w.clerk, fresh(), redeem.Confirmation{Presented: redeem.Presented{Ticket: who.Ticket}, Basket: redeem.Basket{Points: points.Whole(10)}})
	require.ErrorIs(t, err, redeem.ErrCodeUsed, "a ticket works once")

	req := fresh()
	typed := redeem.Confirmation{Presented: redeem.Presented{Text: people.FormatHouseCode(h.Code), PIN: pin}, Basket: redeem.Basket{Points: points.Whole(15)}}
	r, err := w.s.Confirm(ctx, w.clerk, req, typed)
	w.must(err)
	require.Equal(t, redeem.ByCard, r.Way)
	typed.Points = points.Whole(6)
	_, err = w.s.Confirm(ctx, w.clerk, fresh(), typed)
	require.ErrorIs(t, err, redeem.ErrCardDayCap)
	_, err = w.pay(h, 6)
	w.must(err)

	for range 3 {
		_ = w.try(h.Code, "9999")
	}
	require.ErrorIs(t, w.try(h.Code, pin), redeem.ErrCardLocked)
	typed.Points = points.Whole(15)
	again, err := w.s.Confirm(ctx, w.clerk, req, typed)
	w.must(err)
	require.Equal(t, r, again, "a repetition is answered although the card is locked by now")
	w.clock.Add(24 * time.Hour)
	_, err = w.s.UnlockCard(ctx, w.officer, h.ID)
	w.must(err)
	_, err = w.s.Confirm(ctx, w.clerk, fresh(), typed)
	w.must(err)
	require.Equal(t, points.Whole(100-10-15-6-15), w.balance(h))
	w.clean()
}

func TestThreeWrongPINsLock(t *testing.T) {
	w := newWorld(t)
	h, card := w.withCard(points.Whole(100))
	err := w.try(card.Payload, "9999")
	require.ErrorIs(t, err, redeem.ErrCardPIN)
	require.Contains(t, errs.From(err).Text(), "2 次")
	require.ErrorIs(t, w.try(h.Code, "9999"), redeem.ErrCardPIN)
	w.must(w.try(h.Code, pin)) // success forgives
	require.ErrorIs(t, w.try(h.Code, "12"), errs.ErrInvalid)
	require.ErrorIs(t, w.try(h.Code, "９９９９"), errs.ErrInvalid)
	require.ErrorIs(t, w.try(h.Code, "9999"), redeem.ErrCardPIN)
	require.ErrorIs(t, w.try(h.Code, "9999"), redeem.ErrCardPIN)
	err = w.try(h.Code, "9999")
	require.ErrorIs(t, err, redeem.ErrCardLocked)
	require.Contains(t, errs.From(err).Text(), "村委会")
	require.ErrorIs(t, w.try(h.Code, pin), redeem.ErrCardLocked)
	locked, err := w.s.Card(ctx, villager(h.ID), h.ID)
	w.must(err)
	require.True(t, locked.Locked)
	require.Contains(t, w.notices(h)[0].Title, "锁定")

	_, err = w.s.UnlockCard(ctx, w.remote, h.ID)
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = w.s.UnlockCard(ctx, villager(h.ID), h.ID)
	require.ErrorIs(t, err, errs.ErrForbidden)
	_, err = w.s.SetPIN(ctx, villager(h.ID), h.ID, "4071")
	require.ErrorIs(t, err, redeem.ErrCardLocked, "the household cannot unlock by a new PIN")
	open, err := w.s.UnlockCard(ctx, w.officer, h.ID)
	w.must(err)
	require.False(t, open.Locked)
	_, err = w.s.SetPIN(ctx, villager(h.ID), h.ID, "4071")
	w.must(err)
	w.must(w.try(h.Code, "4071"))
	require.ErrorIs(t, w.try(h.Code, pin), redeem.ErrCardPIN)
}

// Many guesses at once learn no more than three made one after the other.
func TestGuessesAtOnceCountOneByOne(t *testing.T) {
	w := newWorld(t)
	h, _ := w.withCard(points.Whole(100))
	two := w.services()
	all := together(40, func(i int) error {
		_, err := two[i%2].Identify(ctx, w.clerk, 0, redeem.Presented{Text: h.Code, PIN: "9999"})
		return err
	})
	wrong, locked := 0, 0
	for _, err := range all {
		switch errs.From(err).Code {
		case redeem.ErrCardPIN:
			wrong++
		case redeem.ErrCardLocked:
			locked++
		}
	}
	require.Equal(t, 2, wrong)
	require.Equal(t, 38, locked)
	card, err := w.s.Card(ctx, w.officer, h.ID)
	w.must(err)
	require.Equal(t, 3, card.Failures)
}

func TestAWrongTryCountsThoughTheRequestDies(t *testing.T) {
	w := newWorld(t)
	h, _ := w.withCard(points.Whole(100))
	dead, cancel := context.WithCancel(ctx)
	cancel()
	for range 3 {
		require.Error(t, redeem.CheckPIN(w.s, dead, w.clerk, h.ID, 0, "9999"))
	}
	card, err := w.s.Card(ctx, w.officer, h.ID)
	w.must(err)
	require.Equal(t, 3, card.Failures)
	require.True(t, card.Locked)
}

func TestCardsAreIssuedAndReplaced(t *testing.T) {
	w := newWorld(t)
	hs := w.households(3, points.Whole(10))
	require.ErrorIs(t, w.try(hs[0].Code, pin), redeem.ErrCardUnknown)
	ids := []id.ID{hs[0].ID, hs[1].ID}
	first, err := w.s.IssueCards(ctx, w.officer, ids)
	w.must(err)
	again, err := w.s.IssueCards(ctx, w.officer, append(ids, hs[2].ID))
	w.must(err)
	require.Equal(t, first, again[:2], "issuing again changes nothing")
	require.Equal(t, hs[2].ID, again[2].Household)
	require.ErrorIs(t, w.try(first[0].Payload, pin), redeem.ErrCardNoPIN)
	_, err = w.s.SetPIN(ctx, villager(hs[0].ID), hs[0].ID, "1234")
	require.ErrorIs(t, err, redeem.ErrWeakPIN)
	_, err = w.s.SetPIN(ctx, villager(hs[1].ID), hs[0].ID, pin)
	require.Error(t, err)
	_, err = w.s.SetPIN(ctx, villager(hs[0].ID), hs[0].ID, pin)
	w.must(err)
	w.must(w.try(first[0].Payload, pin))

	reprint, err := w.s.ReprintCard(ctx, w.officer, hs[0].ID)
	w.must(err)
	require.Equal(t, 2, reprint.Serial)
	require.ErrorIs(t, w.try(first[0].Payload, pin), redeem.ErrCardReplaced)
	w.must(w.try(reprint.Payload, pin))
	w.must(w.try(hs[0].Code, pin))
	require.ErrorIs(t, w.try(reprint.Payload[:len(reprint.Payload)-1]+"9", pin), redeem.ErrCard)
	require.ErrorIs(t, w.try("ABCD-2346", pin), people.ErrHouseCode)

	far := atShop("clerk", w.merchant("外村小店", true, w.other).ID)
	for range 4 {
		_, err = w.s.Identify(ctx, far, 0, redeem.Presented{Text: hs[0].Code, PIN: "9999"})
		require.ErrorIs(t, err, redeem.ErrNotServing, "a shop that does not serve the village cannot lock its cards")
	}
	w.must(w.try(hs[0].Code, pin))
	for _, err := range []error{
		func() error { _, err := w.s.IssueCards(ctx, w.remote, ids); return err }(),
		func() error { _, err := w.s.ReprintCard(ctx, w.remote, hs[0].ID); return err }(),
		func() error { _, err := w.s.Card(ctx, w.remote, hs[0].ID); return err }(),
		func() error { _, err := w.s.IssueCards(ctx, w.officer, []id.ID{id.New()}); return err }(),
	} {
		require.ErrorIs(t, err, errs.ErrNotFound)
	}
}
