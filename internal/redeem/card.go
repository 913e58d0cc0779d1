package redeem

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/notice"
	"jishan/internal/people"
)

// What can go wrong with a house card.
var (
	ErrCard         = errs.Define(errs.Invalid, "card.invalid", "没有认出这张户卡，请重新扫码，或直接输入卡上的户码")
	ErrCardUnknown  = errs.Define(errs.Refused, "card.unknown", "这户还没有办理户卡，请户主到村委会办理")
	ErrCardReplaced = errs.Define(errs.Refused, "card.replaced", "这张户卡已经换过新卡，旧卡不能再用")
	ErrCardNoPIN    = errs.Define(errs.Refused, "card.no_pin", "这张户卡还没有设置密码，请户主在小程序里设置，或到村委会设置")
	ErrCardPIN      = errs.Define(errs.Refused, "card.wrong_pin", "户卡密码不对")
	ErrCardLocked   = errs.Define(errs.Refused, "card.locked", "户卡密码连续输错 3 次，已锁定：请户主带上证件到村委会解锁")
	ErrCardDayCap   = errs.Define(errs.Refused, "card.day_cap", "超过了户卡每天的兑换上限")
	ErrCardNeeded   = errs.Define(errs.Invalid, "card.needed", "这是给商户扫的兑换码，不能用来登录，请扫户卡上的二维码或输入户码")
	ErrCardMoved    = errs.Define(errs.Refused, "card.moved", "这户已经迁出，户卡不能再用，请联系村委会")
	ErrWeakPIN      = errs.Define(errs.Invalid, "card.weak_pin", "密码要 4 到 6 位数字，不能全部相同，也不能是 1234 这样的连续数字")
)

// maxFailures wrong PINs in a row lock a card.
const maxFailures = 3

// Card is the printed card of a household.
type Card struct {
	Household id.ID
	Village   id.ID
	HouseCode string
	HeadName  string
	Serial    int    // a reprint has the next one, and makes the older card useless
	Payload   string // of the QR code
	HasPIN    bool
	Locked    bool
	Failures  int // wrong PINs since the last right one
}

type cardRow struct {
	HouseholdID id.ID
	VillageID   id.ID
	Serial      int
	PinHash     string
	Failures    int
	LockedAt    int64
}

func (r cardRow) locked() bool { return r.LockedAt != 0 || r.Failures >= maxFailures }

func (s *Service) card(h people.Household, r cardRow) Card {
	return Card{Household: h.ID, Village: h.Village, HouseCode: h.Code, HeadName: h.HeadName, Serial: r.Serial,
		Payload: s.keys.signCard(cardText{h.Code, r.Serial}), HasPIN: r.PinHash != "", Locked: r.locked(), Failures: r.Failures}
}

func cardsOf(tx db.Tx, households []id.ID, suffix string) (map[id.ID]cardRow, error) {
	out := make(map[id.ID]cardRow, len(households))
	for part := range slices.Chunk(households, chunk) {
		var rows []cardRow
		q := "SELECT household_id, village_id, serial, pin_hash, failures, locked_at FROM house_cards WHERE household_id IN ? ORDER BY household_id" + suffix
		if err := tx.Raw(q, part).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("reading house cards: %w", err)
		}
		for _, r := range rows {
			out[r.HouseholdID] = r
		}
	}
	return out, nil
}

// mayWriteCard is nil for officers with card.write where the household lives, and for the household's own people.
func mayWriteCard(actor auth.Actor, h people.Household) error {
	if actor.Can(auth.HouseholdSpend) && actor.OwnHousehold(auth.HouseholdSpend, h.ID) == nil {
		return nil
	}
	return inHome(actor, auth.CardWrite, h)
}

// IssueCards makes a card for every household that has none, and returns the cards of all, in order, to be printed. Cards
// that exist are not changed, so asking again does no harm. Needs card.write where the households live.
func (s *Service) IssueCards(ctx context.Context, actor auth.Actor, households []id.ID) ([]Card, error) {
	var out []Card
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		out = nil
		houses, err := people.HouseholdsByID(tx, households)
		if err != nil {
			return err
		}
		for _, h := range households {
			if _, ok := houses[h]; !ok {
				return errs.ErrNotFound.New()
			}
			if err := inHome(actor, auth.CardWrite, houses[h]); err != nil {
				return err
			}
		}
		cards, err := cardsOf(tx, households, "")
		if err != nil {
			return err
		}
		var fresh []people.Household
		for _, key := range households {
			if _, ok := cards[key]; !ok {
				h := houses[key]
				cards[key] = cardRow{HouseholdID: key, VillageID: h.Village, Serial: 1}
				fresh = append(fresh, h)
			}
			out = append(out, s.card(houses[key], cards[key]))
		}
		cols := []string{"id", "household_id", "village_id", "serial", "pin_hash", "failures", "locked_at", "created_at", "updated_at"}
		err = db.Insert(tx, "house_cards", cols, len(fresh), func(i int, args []any) []any {
			return append(args, int64(id.New()), int64(fresh[i].ID), int64(fresh[i].Village), 1, "", 0, 0, tx.Millis(), tx.Millis())
		})
		if db.Duplicate(err) {
			return errors.Join(db.ErrRetry, err)
		}
		if err != nil {
			return err
		}
		entries := make([]audit.Entry, len(fresh))
		for i, h := range fresh {
			entries[i] = actor.Audit("card.issue", "card:"+h.ID.String(), h.Village, "为"+h.HeadName+"家办理户卡")
		}
		return audit.Write(tx, entries...)
	})
	return out, err
}

// ReprintCard gives the household's card the next serial; the card printed before is useless from now on. PIN, failures and lock
// stay. Needs card.write where the household lives.
func (s *Service) ReprintCard(ctx context.Context, actor auth.Actor, household id.ID) (Card, error) {
	return s.changeCard(ctx, actor, household, func(tx db.Tx, h people.Household, r *cardRow) (action, text string, err error) {
		if err := inHome(actor, auth.CardWrite, h); err != nil {
			return "", "", err
		}
		r.Serial++
		return "card.reprint", fmt.Sprintf("补打了新户卡（第 %d 张），旧卡作废", r.Serial), nil
	})
}

// UnlockCard lets a card be used again after wrong PINs. Needs card.write where the household lives.
func (s *Service) UnlockCard(ctx context.Context, actor auth.Actor, household id.ID) (Card, error) {
	return s.changeCard(ctx, actor, household, func(tx db.Tx, h people.Household, r *cardRow) (action, text string, err error) {
		if err := inHome(actor, auth.CardWrite, h); err != nil {
			return "", "", err
		}
		r.Failures, r.LockedAt = 0, 0
		return "card.unlock", "户卡已解锁，可以使用", nil
	})
}

// SetPIN sets or resets the PIN, 4–6 digits (ErrWeakPIN otherwise). An officer's reset also unlocks; the household's own people
// cannot unlock by it (ErrCardLocked). Needs card.write where the household lives, or household.spend for one's own.
func (s *Service) SetPIN(ctx context.Context, actor auth.Actor, household id.ID, pin string) (Card, error) {
	if err := checkNewPIN(pin); err != nil {
		return Card{}, err
	}
	// Permission before the costly hash, and again inside.
	err := s.db.Read(ctx, func(tx db.Tx) error {
		h, err := household1(tx, household)
		if err != nil {
			return err
		}
		return mayWriteCard(actor, h)
	})
	if err != nil {
		return Card{}, err
	}
	hash, err := s.hashPIN(ctx, household, pin)
	if err != nil {
		return Card{}, err
	}
	return s.changeCard(ctx, actor, household, func(tx db.Tx, h people.Household, r *cardRow) (action, text string, err error) {
		if err := mayWriteCard(actor, h); err != nil {
			return "", "", err
		}
		if officer := inHome(actor, auth.CardWrite, h) == nil; officer {
			r.Failures, r.LockedAt = 0, 0
		} else if r.locked() {
			return "", "", ErrCardLocked.New()
		}
		r.PinHash = hash
		return "card.pin", "户卡密码已设置", nil
	})
}

// changeCard changes one card under its lock, tells the household and the audit log.
func (s *Service) changeCard(ctx context.Context, actor auth.Actor, household id.ID, change func(db.Tx, people.Household, *cardRow) (action, text string, err error)) (Card, error) {
	var out Card
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		h, err := household1(tx, household)
		if err != nil {
			return err
		}
		cards, err := cardsOf(tx, []id.ID{household}, tx.ForUpdate())
		if err != nil {
			return err
		}
		r, ok := cards[household]
		if !ok {
			// Somebody without any right to the card learns nothing about it.
			if err := mayWriteCard(actor, h); err != nil {
				return err
			}
			return ErrCardUnknown.New()
		}
		action, text, err := change(tx, h, &r)
		if err != nil {
			return err
		}
		err = tx.Exec("UPDATE house_cards SET serial = ?, pin_hash = ?, failures = ?, locked_at = ?, updated_at = ? WHERE household_id = ?",
			r.Serial, r.PinHash, r.Failures, r.LockedAt, tx.Millis(), household).Error
		if err != nil {
			return fmt.Errorf("changing a house card: %w", err)
		}
		out = s.card(h, r)
		told := text + "。如果不是您家的人办理的，请马上联系村委会"
		if err := notice.Send(tx, []notice.Notice{{Village: h.Village, Household: h.ID, Kind: notice.KindCard, Title: "户卡有变动", Body: told}}); err != nil {
			return err
		}
		return audit.Write(tx, actor.Audit(action, "card:"+h.ID.String(), h.Village, h.HeadName+"家："+text))
	})
	return out, err
}

// Card is the household's card. Needs card.write where the household lives, or household.spend for one's own.
func (s *Service) Card(ctx context.Context, actor auth.Actor, household id.ID) (Card, error) {
	var out Card
	err := s.db.Read(ctx, func(tx db.Tx) error {
		h, err := household1(tx, household)
		if err != nil {
			return err
		}
		if err := mayWriteCard(actor, h); err != nil {
			return err
		}
		cards, err := cardsOf(tx, []id.ID{household}, "")
		if err != nil {
			return err
		}
		r, ok := cards[household]
		if !ok {
			return ErrCardUnknown.New()
		}
		out = s.card(h, r)
		return nil
	})
	return out, err
}
