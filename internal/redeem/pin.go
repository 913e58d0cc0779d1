package redeem

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/alexedwards/argon2id"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/notice"
)

// pinCost is light on purpose. Four digits are guessed in a blink at any cost, so a stolen table is protected by the pepper, which
// is not in the database; a stolen pepper still meets 4 MiB a guess. The counter stays quick on small machines.
var pinCost = argon2id.Params{Memory: 4 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func digitsOnly(pin string) bool {
	for i := range len(pin) {
		if pin[i] < '0' || pin[i] > '9' {
			return false
		}
	}
	return len(pin) >= 4 && len(pin) <= 6
}

// checkNewPIN refuses what a finder of the card would try first.
func checkNewPIN(pin string) error {
	if !digitsOnly(pin) {
		return ErrWeakPIN.New()
	}
	step := int(pin[1]) - int(pin[0])
	if step < -1 || step > 1 {
		return nil
	}
	for i := 2; i < len(pin); i++ {
		if int(pin[i])-int(pin[i-1]) != step {
			return nil
		}
	}
	return ErrWeakPIN.New()
}

// peppered is what is hashed: without the pepper no table of PINs can be tried, and the same PIN of two households differs.
func (s *Service) peppered(household id.ID, pin string) string {
	msg := binary.BigEndian.AppendUint64(nil, uint64(household))
	return base64.RawStdEncoding.EncodeToString(mac(s.keys.pin, append(msg, pin...), 32))
}

// slot waits for leave to compute a hash; so many at a time bound the memory and leave processors to everything else.
func (s *Service) slot(ctx context.Context) (release func(), err error) {
	select {
	case s.pins <- struct{}{}:
		return func() { <-s.pins }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to hash a PIN: %w", ctx.Err())
	}
}

func (s *Service) hashPIN(ctx context.Context, household id.ID, pin string) (string, error) {
	release, err := s.slot(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	hash, err := argon2id.CreateHash(s.peppered(household, pin), &pinCost)
	if err != nil {
		return "", fmt.Errorf("hashing a PIN: %w", err)
	}
	return hash, nil
}

// checkPIN is nil for the right PIN of an unlocked card; serial is the printed card's, 0 where the house code was typed.
//
// The hash is computed outside of any transaction; then, under the card's lock, the try is judged and counted, and only after
// that commit is it answered. However many tries are made at once, they count one after the other, so the one that is right
// is no help once three wrong ones have been counted. The counting does not end with the request.
func (s *Service) checkPIN(ctx context.Context, actor auth.Actor, household id.ID, serial int, pin string) error {
	if !digitsOnly(pin) {
		return errs.ErrInvalid.At(errs.Field{Path: "pin", Text: "请输入 4 到 6 位数字密码"})
	}
	ctx = context.WithoutCancel(ctx)
	for range 3 {
		var card cardRow
		err := s.db.Read(ctx, func(tx db.Tx) (err error) {
			card, err = usableCard(tx, household, serial, "")
			return err
		})
		if err != nil {
			return err
		}
		right, err := s.matches(ctx, card, pin)
		if err != nil {
			return err
		}
		changed := false
		var answer error
		err = s.db.Tx(ctx, func(tx db.Tx) error {
			changed, answer = false, nil
			now, err := usableCard(tx, household, serial, tx.ForUpdate())
			if err != nil {
				answer = err
				return nil
			}
			if now.PinHash != card.PinHash {
				changed = true // reset meanwhile: the try was against another PIN
				return nil
			}
			answer, err = judge(tx, actor, now, right)
			return err
		})
		if err != nil {
			return err
		}
		if !changed {
			return answer
		}
	}
	return errs.ErrUnavailable.New()
}

func (s *Service) matches(ctx context.Context, card cardRow, pin string) (bool, error) {
	release, err := s.slot(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	ok, err := argon2id.ComparePasswordAndHash(s.peppered(card.HouseholdID, pin), card.PinHash)
	if err != nil {
		return false, fmt.Errorf("comparing a PIN: %w", err)
	}
	return ok, nil
}

// usableCard reads a card that a PIN may be tried on.
func usableCard(tx db.Tx, household id.ID, serial int, suffix string) (cardRow, error) {
	cards, err := cardsOf(tx, []id.ID{household}, suffix)
	if err != nil {
		return cardRow{}, err
	}
	card, ok := cards[household]
	switch {
	case !ok:
		return card, ErrCardUnknown.New()
	case serial != 0 && serial != card.Serial:
		return card, ErrCardReplaced.New()
	case card.locked():
		return card, ErrCardLocked.New()
	case card.PinHash == "":
		return card, ErrCardNoPIN.New()
	}
	return card, nil
}

// judge counts a try on a locked card row and says what to answer.
func judge(tx db.Tx, actor auth.Actor, card cardRow, right bool) (answer, err error) {
	const update = "UPDATE house_cards SET failures = ?, locked_at = ?, updated_at = ? WHERE household_id = ?"
	if right {
		if card.Failures > 0 {
			err = tx.Exec(update, 0, 0, tx.Millis(), card.HouseholdID).Error
		}
		return nil, err
	}
	failures, lockedAt := card.Failures+1, int64(0)
	answer = ErrCardPIN.With("户卡密码不对，还可以再试 %d 次", maxFailures-failures)
	summary := fmt.Sprintf("户卡密码输错第 %d 次", failures)
	if failures >= maxFailures {
		lockedAt = tx.Millis()
		answer = ErrCardLocked.New()
		summary += "，户卡锁定"
		err = notice.Send(tx, []notice.Notice{{Village: card.VillageID, Household: card.HouseholdID, Kind: notice.KindCard,
			Title: "户卡已锁定", Body: "有人连续输错 3 次户卡密码，户卡已锁定。请户主带上证件到村委会解锁；如果不是您家的人在用卡，请一并告诉村干部。"}})
		if err != nil {
			return nil, err
		}
	}
	if err := tx.Exec(update, failures, lockedAt, tx.Millis(), card.HouseholdID).Error; err != nil {
		return nil, fmt.Errorf("counting a wrong PIN: %w", err)
	}
	return answer, audit.Write(tx, actor.Audit("card.wrong_pin", "card:"+card.HouseholdID.String(), card.VillageID, summary))
}
