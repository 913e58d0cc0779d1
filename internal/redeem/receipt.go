package redeem

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/money"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/shop"
)

// ReceiptLine is one product, or (Product zero) a free amount of points.
type ReceiptLine struct {
	Product  id.ID
	Name     string
	Price    points.Amount
	Quantity int64
	Points   points.Amount // Price × Quantity
}

// Receipt is a redemption as it is shown and printed.
type Receipt struct {
	Village      id.ID
	VillageName  string
	Number       int64 // 第 … 号 in the village's ledger
	At           time.Time
	Day          cal.Day
	Household    id.ID
	HouseCode    string
	Name         string // head of the household; masked for merchants
	Merchant     id.ID
	MerchantName string
	Way          Way
	Lines        []ReceiptLine
	Points       points.Amount
	Fen          money.Fen      // what the village owes the merchant for it
	Balance      *points.Amount // of the wallet, right after; nil where the reader may not know it
	State        State
	RefundedAt   time.Time // zero unless refunded
	RefundNumber int64     // number of the refund in the village's ledger
	Reason       string    // of a proxy
	ActorName    string    // who confirmed
}

// Key names the redemption.
func (r Receipt) Key() ledger.Key { return ledger.Key{Book: r.Village, Number: r.Number} }

// ReceiptPage is a stretch of receipts, newest first. Next is empty at the end.
type ReceiptPage struct {
	Receipts []Receipt
	Next     string
}

// Page is where a list continues: a former page's Next or empty, and how many are wanted (1–100, 0 = 20).
type Page struct {
	Cursor string
	Limit  int
}

// Receipt is one redemption. Needs redeem.read at the merchant (name masked, no balance) or in the village, or household.read
// for one's own household.
func (s *Service) Receipt(ctx context.Context, actor auth.Actor, key ledger.Key) (Receipt, error) {
	var out Receipt
	err := s.db.Read(ctx, func(tx db.Tx) error {
		r, err := redemption(tx, key, "")
		if err != nil {
			return err
		}
		own := actor.OwnHousehold(auth.HouseholdRead, r.HouseholdID) == nil
		village := actor.InRegion(auth.RedeemRead, key.Book) == nil
		if !own && !village && atMerchant(actor, auth.RedeemRead, r.MerchantID) != nil {
			if actor.Can(auth.RedeemRead) || actor.Can(auth.HouseholdRead) {
				return errs.ErrNotFound.New()
			}
			return errs.ErrForbidden.New()
		}
		lines, err := linesOf(tx, []ledger.Key{key})
		if err != nil {
			return err
		}
		receipts, err := receiptsOf(tx, []redemptionRow{r}, lines)
		if err != nil {
			return err
		}
		out = receipts[0]
		if !own && !village {
			out.Name = people.Mask(out.Name)
			return nil
		}
		txs, err := ledger.Load(tx, key)
		if err != nil {
			return err
		}
		for _, e := range txs[key].Entries {
			if e.Tracked {
				out.Balance = &e.Balance // the last entry of the wallet has the final balance
			}
		}
		return nil
	})
	return out, err
}

// HouseholdReceipts are a household's redemptions. Needs household.read for one's own, or redeem.read where it lives.
func (s *Service) HouseholdReceipts(ctx context.Context, actor auth.Actor, household id.ID, p Page) (ReceiptPage, error) {
	var out ReceiptPage
	err := s.db.Read(ctx, func(tx db.Tx) error {
		if actor.OwnHousehold(auth.HouseholdRead, household) != nil {
			h, err := household1(tx, household)
			if err != nil {
				return err
			}
			if err := inHome(actor, auth.RedeemRead, h); err != nil {
				return err
			}
		}
		var err error
		out, err = listReceipts(tx, "household_id = ?", []any{household}, p)
		return err
	})
	return out, err
}

// MerchantReceipts are a merchant's redemptions of a day; names are masked. merchant zero is the one the actor works at, day zero
// is today. Needs redeem.read at the merchant.
func (s *Service) MerchantReceipts(ctx context.Context, actor auth.Actor, merchant id.ID, day cal.Day, p Page) (ReceiptPage, error) {
	if merchant == 0 {
		merchant = actor.Merchant()
	}
	if err := atMerchant(actor, auth.RedeemRead, merchant); err != nil {
		return ReceiptPage{}, err
	}
	var out ReceiptPage
	err := s.db.Read(ctx, func(tx db.Tx) (err error) {
		d := day
		if d == 0 {
			d = cal.DayOf(tx.Now)
		}
		out, err = listReceipts(tx, "merchant_id = ? AND month = ? AND day = ?", []any{merchant, d.Month(), d}, p)
		for i := range out.Receipts {
			out.Receipts[i].Name = people.Mask(out.Receipts[i].Name)
		}
		return err
	})
	return out, err
}

// VillageReceipts are the redemptions of a village's households in a month; month zero is the present one. Needs redeem.read in
// the village.
func (s *Service) VillageReceipts(ctx context.Context, actor auth.Actor, village id.ID, month cal.Month, p Page) (ReceiptPage, error) {
	if err := actor.InRegion(auth.RedeemRead, village); err != nil {
		return ReceiptPage{}, err
	}
	var out ReceiptPage
	err := s.db.Read(ctx, func(tx db.Tx) (err error) {
		m := month
		if m == 0 {
			m = cal.MonthOf(tx.Now)
		}
		out, err = listReceipts(tx, "village_id = ? AND month = ?", []any{village, m}, p)
		return err
	})
	return out, err
}

func listReceipts(tx db.Tx, where string, args []any, p Page) (ReceiptPage, error) {
	var out ReceiptPage
	if p.Limit <= 0 {
		p.Limit = 20
	}
	p.Limit = min(p.Limit, 100)
	if p.Cursor != "" {
		at, key, err := parseCursor(p.Cursor)
		if err != nil {
			return out, err
		}
		where += " AND (at < ? OR at = ? AND (village_id < ? OR village_id = ? AND number < ?))"
		args = append(args, at, at, key.Book, key.Book, key.Number)
	}
	var rows []redemptionRow
	q := "SELECT " + redemptionColumns + " FROM redemptions WHERE " + where + " ORDER BY at DESC, village_id DESC, number DESC LIMIT ?"
	if err := tx.Raw(q, append(args, p.Limit+1)...).Scan(&rows).Error; err != nil {
		return out, fmt.Errorf("listing redemptions: %w", err)
	}
	if len(rows) > p.Limit {
		rows = rows[:p.Limit]
		last := rows[p.Limit-1]
		out.Next = fmt.Sprintf("%s-%s-%d", strconv.FormatInt(last.At, 36), last.VillageID, last.Number)
	}
	keys := make([]ledger.Key, len(rows))
	for i, r := range rows {
		keys[i] = r.key()
	}
	lines, err := linesOf(tx, keys)
	if err != nil {
		return out, err
	}
	out.Receipts, err = receiptsOf(tx, rows, lines)
	return out, err
}

func parseCursor(s string) (at int64, key ledger.Key, err error) {
	parts := strings.Split(s, "-")
	if len(parts) != 3 {
		return 0, key, ErrCursor.New()
	}
	at, err1 := strconv.ParseInt(parts[0], 36, 64)
	book, err2 := id.Parse(parts[1])
	number, err3 := strconv.ParseInt(parts[2], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return 0, key, ErrCursor.Wrap(err)
	}
	return at, ledger.Key{Book: book, Number: number}, nil
}

// receiptsOf fills in the names; Name is the full one, and there is no balance yet.
func receiptsOf(tx db.Tx, rows []redemptionRow, lines map[ledger.Key][]ReceiptLine) ([]Receipt, error) {
	var households, merchants, villages []id.ID
	for _, r := range rows {
		households, merchants, villages = append(households, r.HouseholdID), append(merchants, r.MerchantID), append(villages, r.VillageID)
	}
	houses, err := people.HouseholdsByID(tx, unique(households))
	if err != nil {
		return nil, err
	}
	shops, err := shop.MerchantsByID(tx, merchants)
	if err != nil {
		return nil, err
	}
	names, err := villageNames(tx, villages)
	if err != nil {
		return nil, err
	}
	out := make([]Receipt, len(rows))
	for i, r := range rows {
		h := houses[r.HouseholdID]
		out[i] = Receipt{Village: r.VillageID, VillageName: names[r.VillageID], Number: r.Number, At: instant(r.At), Day: r.Day, Household: r.HouseholdID,
			HouseCode: h.Code, Name: h.HeadName, Merchant: r.MerchantID, MerchantName: shops[r.MerchantID].Name, Way: r.Way, Lines: lines[r.key()],
			Points: r.Points, Fen: r.Fen, State: r.State, RefundNumber: r.RefundNumber, Reason: r.Reason, ActorName: r.ActorName}
		if r.RefundedAt != 0 {
			out[i].RefundedAt = instant(r.RefundedAt)
		}
	}
	return out, nil
}
