package redeem

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/notice"
	"jishan/internal/people"
	"jishan/internal/shop"
)

// Refund takes a whole redemption back within the refund window: the points return to the lots they came from, the goods to
// the shelf; of a household that has been merged into another, to that one. A second refund is ErrRefunded; a repetition of req is
// answered with the first receipt. reason is 1–200 characters. Needs redeem.refund at the merchant or in the village.
func (s *Service) Refund(ctx context.Context, actor auth.Actor, req idempotency.Request, key ledger.Key, reason string) (Receipt, error) {
	reason = strings.TrimSpace(reason)
	if req.Operation == "" {
		req.Operation = "redeem.refund"
	}
	var out Receipt
	err := s.db.Tx(ctx, func(tx db.Tx) (err error) {
		seen, err := redemption(tx, key, "")
		if err != nil {
			return err
		}
		if atMerchant(actor, auth.RedeemRefund, seen.MerchantID) != nil {
			if err := actor.InRegion(auth.RedeemRefund, key.Book); err != nil {
				return err
			}
		}
		if n := utf8.RuneCountInString(reason); n == 0 || n > maxReason || !utf8.ValidString(reason) {
			return errs.ErrInvalid.At(errs.Field{Path: "reason", Text: "请写明退货原因，最多 200 个字"})
		}
		origs, err := ledger.Load(tx, key)
		if err != nil {
			return err
		}
		orig, ok := origs[key]
		if !ok {
			return fmt.Errorf("redemption %s/%d has no ledger transaction", key.Book, key.Number)
		}
		// The wallet first: a repetition that waits for the first request must find that one's answer, not its effect.
		b := ledger.Begin(tx)
		if err := b.Lock(orig.Refs()...); err != nil {
			return err
		}
		out, _, err = idempotency.Do(tx, req, func() (Receipt, error) { return s.refund(tx, b, orig, actor, reason) })
		return err
	})
	return out, err
}

func (s *Service) refund(tx db.Tx, b *ledger.Batch, orig ledger.Tx, actor auth.Actor, reason string) (Receipt, error) {
	var none Receipt
	key := orig.Key
	lines, err := linesOf(tx, []ledger.Key{key})
	if err != nil {
		return none, err
	}
	moves, products := stockBack(key, lines[key], actor)
	locked, err := shop.LockProducts(tx, products)
	if err != nil {
		return none, err
	}
	r, err := redemption(tx, key, tx.ForUpdate()) // what counts is what stands there under the wallet's lock
	switch {
	case err != nil:
		return none, err
	case r.State != Confirmed:
		return none, ErrRefunded.New()
	case tx.Now.After(instant(r.At).Add(s.o.RefundWindow)):
		return none, ErrRefundLate.New()
	}
	merchants, err := shop.MerchantsByID(tx, []id.ID{r.MerchantID})
	if err != nil {
		return none, err
	}
	day := cal.DayOf(tx.Now)
	posted, err := b.Reverse(orig, ledger.Reversal{Kind: ledger.Refund, Actor: actor.UserID, Day: day, Month: day.Month(),
		Reason: fmt.Sprintf("第 %d 号兑换退货：%s", key.Number, reason)})
	if err != nil {
		return none, err
	}
	if err := b.Seal(); err != nil {
		return none, err
	}
	u := tx.Exec("UPDATE redemptions SET state = ?, refunded_by = ?, refunded_at = ?, refund_number = ? WHERE village_id = ? AND number = ? AND state = ?",
		Refunded, actor.UserID, tx.Millis(), posted.Number, key.Book, key.Number, Confirmed)
	if u.Error != nil {
		return none, fmt.Errorf("marking a redemption refunded: %w", u.Error)
	}
	if u.RowsAffected != 1 {
		return none, db.ErrRetry
	}
	if err := shop.ApplyStock(tx, locked, moves); err != nil {
		return none, err
	}
	text := fmt.Sprintf("%s的第 %d 号兑换已退货，%s 积分退回您家，现有 %s 积分。原因：%s。", merchants[r.MerchantID].Name, key.Number, r.Points, posted.Balance, reason)
	if err := notice.Send(tx, []notice.Notice{{Village: key.Book, Household: posted.Holder.Owner, Kind: notice.KindRefund, Title: "兑换已退货", Body: text}}); err != nil {
		return none, err
	}
	err = audit.Write(tx, actor.Audit("redeem.refund", target(key), key.Book, fmt.Sprintf("第 %d 号兑换退货，退回 %s 积分：%s", key.Number, r.Points, reason)))
	if err != nil {
		return none, err
	}
	r.State, r.RefundedAt, r.RefundNumber = Refunded, tx.Millis(), posted.Number
	receipts, err := receiptsOf(tx, []redemptionRow{r}, lines)
	if err != nil {
		return none, err
	}
	receipts[0].Balance = &posted.Balance
	receipts[0].Name = people.Mask(receipts[0].Name)
	return receipts[0], nil
}

// stockBack are the moves that put the goods back on the shelf.
func stockBack(key ledger.Key, lines []ReceiptLine, actor auth.Actor) (moves []shop.Move, products []id.ID) {
	for _, l := range lines {
		if l.Product != 0 {
			products = append(products, l.Product)
			moves = append(moves, shop.Move{Product: l.Product, Delta: l.Quantity, Kind: shop.MoveRefunded, Village: key.Book, Number: key.Number, Actor: actor.UserID})
		}
	}
	return moves, products
}
