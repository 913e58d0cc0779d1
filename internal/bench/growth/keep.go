package growth

import (
	"crypto/sha256"
	"fmt"

	"jishan/internal/audit"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/notice"
	"jishan/internal/redeem"
	"jishan/internal/shop"
)

const officer = "村文书"

// keepClearing enters a clearing of expired points, whose transactions are the first of their batch.
func (w *writer) keepClearing(tx db.Tx, list []*ledger.Posted) error {
	if len(list) == 0 {
		return nil
	}
	var sum int64
	notices := make([]notice.Notice, len(list))
	for i, p := range list {
		sum += int64(p.Moved)
		notices[i] = notice.Notice{Village: w.v.ID, Household: p.Household, Kind: notice.KindExpiry, Title: "积分到期清零", Body: "您家有 " + p.Moved.String() + " 积分已到期清零。"}
	}
	cols := []string{"village_id", "number", "last_day", "households", "points", "actor_id", "actor_name", "at", "returned_at", "returned_by", "returned_name", "reason", "good_until"}
	err := db.Insert(tx, "clearings", cols, 1, func(_ int, args []any) []any {
		return append(args, int64(w.v.ID), list[0].Number, int64(w.stale.Last()), len(list), sum, int64(w.v.Officer), officer, tx.Millis(), 0, 0, "", "", 0)
	})
	if err != nil {
		return err
	}
	return notice.Send(tx, notices)
}

func (w *writer) keepAwards(tx db.Tx, list, undone []award, reversals []*ledger.Posted) error {
	for _, a := range list {
		w.count(a.posted)
	}
	w.counts.awards.Add(int64(len(list)))
	cols := []string{"village_id", "number", "asset", "rule_id", "lineage", "version_id", "subject_id", "household_id", "person_id", "day", "month", "points", "booked",
		"explanation", "note?", "evidence?", "state", "actor_id", "actor_name", "at"}
	err := db.Insert(tx, "awards", cols, len(list), func(i int, args []any) []any {
		a := list[i]
		subject := a.house.ID
		if a.person != 0 {
			subject = a.person
		}
		return append(args, int64(w.v.ID), a.posted.Number, int64(ledger.Points), int64(a.rule.ID), int64(a.rule.Lineage), int64(a.rule.Version), int64(subject), int64(a.house.ID),
			int64(a.person), int64(w.day), int64(w.day.Month()), int64(a.posted.Score), int64(a.posted.Moved), a.text(), "", "", 1, int64(w.v.Officer), officer, tx.Millis())
	})
	if err != nil {
		return err
	}
	for i, a := range undone {
		err := tx.Exec("UPDATE awards SET state = 2, reversed_by = ? WHERE village_id = ? AND number = ?", reversals[i].Number, int64(w.v.ID), a.posted.Number).Error
		if err != nil {
			return fmt.Errorf("taking an award back: %w", err)
		}
	}
	var entries []audit.Entry
	var answers []idempotency.Record
	for i := 0; i < len(list); i += orderSize {
		entries = append(entries, audit.Entry{ActorID: w.v.Officer, ActorName: officer, Action: "award.grant", Target: list[i].house.ID.String(), Village: w.v.ID,
			Summary: fmt.Sprintf("登记加减分 %d 条：%s", min(orderSize, len(list)-i), list[i].text()), RequestID: id.New().String(), Address: "10.0.0.7"})
		answers = append(answers, answer(w.v.Officer, "award.grant", min(orderSize, len(list)-i)))
	}
	if err := audit.Write(tx, entries...); err != nil {
		return err
	}
	return idempotency.Save(tx, answers)
}

// answer is what a request was answered with, about as long as a real one.
func answer(who id.ID, operation string, items int) idempotency.Record {
	text := make([]byte, 0, 280*items)
	for range items {
		text = fmt.Appendf(text, `{"Number":123456,"Rule":"%[1]s","Household":"%[1]s","Person":"","Member":"","Day":"2026-11-23","Points":5,"Booked":5,"Balance":105,"Capped":false,"Explanation":"环境：庭院整洁 5 分"}`, id.New())
	}
	return idempotency.Record{Request: idempotency.Request{Scope: who, Key: id.New().String(), Input: sha256.Sum256(text), Operation: operation}, Response: text}
}

func (w *writer) keepSales(tx db.Tx, sold, returned []purchase, refunds []*ledger.Posted) error {
	w.counts.redemptions.Add(int64(len(sold)))
	var moves []shop.Move
	for _, s := range sold {
		w.count(s.posted)
		moves = append(moves, shop.Move{Product: w.v.Product, Delta: -s.count, Kind: shop.MoveSold, Village: w.v.ID, Number: s.posted.Number, Actor: w.v.Merchant})
	}
	for i, s := range returned {
		moves = append(moves, shop.Move{Product: w.v.Product, Delta: s.count, Kind: shop.MoveRefunded, Village: w.v.ID, Number: refunds[i].Reverses, Actor: w.v.Merchant})
	}
	locked, err := shop.LockProducts(tx, []id.ID{w.v.Product})
	if err != nil {
		return err
	}
	if err := shop.ApplyStock(tx, locked, moves); err != nil {
		return err
	}
	cols := []string{"village_id", "number", "household_id", "merchant_id", "way", "nonce", "points", "fen", "day", "month", "state", "reason", "actor_id", "actor_name", "at"}
	err = db.Insert(tx, "redemptions", cols, len(sold), func(i int, args []any) []any {
		p := sold[i].posted
		nonce := fmt.Appendf(nil, "%08x%08x", uint32(w.v.ID), p.Number) // 16 bytes that no other redemption has
		return append(args, int64(w.v.ID), p.Number, int64(p.Household), int64(w.v.Merchant), uint8(redeem.ByCode), nonce, int64(p.Moved), int64(p.Moved)/10,
			int64(w.day), int64(w.day.Month()), uint8(redeem.Confirmed), "", int64(w.v.Merchant), "店员", tx.Millis())
	})
	if err != nil {
		return err
	}
	cols = []string{"village_id", "number", "line", "product_id", "name", "price", "quantity", "points"}
	err = db.Insert(tx, "redemption_lines", cols, len(sold), func(i int, args []any) []any {
		s := sold[i]
		return append(args, int64(w.v.ID), s.posted.Number, 0, int64(w.v.Product), "洗衣粉", int64(w.Price), s.count, int64(s.posted.Moved))
	})
	if err != nil {
		return err
	}
	for i, s := range returned {
		err := tx.Exec("UPDATE redemptions SET state = ?, refunded_by = ?, refunded_at = ?, refund_number = ? WHERE village_id = ? AND number = ?",
			redeem.Refunded, int64(w.v.Merchant), tx.Millis(), refunds[i].Number, int64(w.v.ID), s.posted.Number).Error
		if err != nil {
			return fmt.Errorf("taking a redemption back: %w", err)
		}
	}
	answers := make([]idempotency.Record, len(sold))
	for i := range sold {
		answers[i] = answer(w.v.Merchant, "redeem.confirm", 2)
	}
	return idempotency.Save(tx, answers)
}
