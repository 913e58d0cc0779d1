package award

import (
	"context"
	"fmt"
	"strings"
	"time"
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
	"jishan/internal/points"
)

// What can be wrong with giving expired points back.
var (
	ErrGoodUntil = errs.Define(errs.Invalid, "expiry.good_until", "退回的积分要有新的有效期：从今天起，最长 3 年")
	ErrReturned  = errs.Define(errs.Conflict, "expiry.returned", "这次清零已经撤销过了，积分已退回")
)

// maxGoodDays is how far ahead the new last day of points given back may be.
const maxGoodDays = 3 * 366

type clearingRow struct {
	VillageID    id.ID
	Number       int64
	LastDay      cal.Day
	Households   int
	Points       points.Amount
	ActorID      id.ID
	ActorName    string
	At           int64
	ReturnedAt   int64 // 0 while the clearing stands
	ReturnedBy   id.ID
	ReturnedName string
	Reason       string
	GoodUntil    cal.Day
}

var clearingColumns = []string{"village_id", "number", "last_day", "households", "points", "actor_id", "actor_name", "at",
	"returned_at", "returned_by", "returned_name", "reason", "good_until"}

func (r clearingRow) clearing() Clearing {
	out := Clearing{DueTotals: DueTotals{r.LastDay, r.Households, r.Points}, Number: r.Number, ActorName: r.ActorName, At: time.UnixMilli(r.At).UTC()}
	if r.ReturnedAt != 0 {
		out.Returned = &Return{time.UnixMilli(r.ReturnedAt).UTC(), r.ReturnedName, r.Reason, r.GoodUntil}
	}
	return out
}

func clearings(tx db.Tx, suffix string, args ...any) (rows []clearingRow, err error) {
	err = tx.Raw("SELECT "+strings.Join(clearingColumns, ", ")+" FROM clearings WHERE village_id = ? "+suffix, args...).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading clearings of expired points: %w", err)
	}
	return rows, nil
}

func clearingOf(tx db.Tx, village id.ID, number int64, suffix string) (clearingRow, error) {
	rows, err := clearings(tx, "AND number = ?"+suffix, village, number)
	if err != nil {
		return clearingRow{}, err
	}
	if len(rows) == 0 {
		return clearingRow{}, errs.ErrNotFound.New()
	}
	return rows[0], nil
}

// Clearings are the village's latest, newest first, at most limit. Needs award.read.
func (s *Service) Clearings(ctx context.Context, actor auth.Actor, village id.ID, limit int) (out []Clearing, err error) {
	if err := actor.InRegion(auth.AwardRead, village); err != nil {
		return nil, err
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		rows, err := clearings(tx, "ORDER BY number DESC LIMIT ?", village, limit)
		out = make([]Clearing, len(rows))
		for i, r := range rows {
			out[i] = r.clearing()
		}
		return err
	})
	return out, err
}

// ReturnExpired undoes a clearing: every household gets back what it lost. The lots the points came from are past, where they
// would be due again at once, so the points come back good until a new day; zero is the end of next month. What a wallet owes by
// now is paid from them first. Needs award.reverse.
func (s *Service) ReturnExpired(ctx context.Context, actor auth.Actor, req idempotency.Request, village id.ID, number int64, until cal.Day, reason string) (out Clearing, err error) {
	if err := actor.InRegion(auth.AwardReverse, village); err != nil {
		return out, err
	}
	reason = strings.TrimSpace(reason)
	if n := utf8.RuneCountInString(reason); n < 2 || n > 200 || !utf8.ValidString(reason) {
		return out, ErrReason.New()
	}
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		today, until := cal.DayOf(tx.Now), until
		if until == 0 {
			until = today.Month().Add(1).Last()
		}
		if !until.Valid() || until < today || until > today.Add(maxGoodDays) {
			return ErrGoodUntil.New()
		}
		c, err := clearingOf(tx, village, number, "")
		if err != nil {
			return err
		}
		keys := make([]ledger.Key, c.Households)
		for i := range keys {
			keys[i] = ledger.Key{Book: village, Number: number + int64(i)}
		}
		origs, err := ledger.Load(tx, keys...)
		if err != nil {
			return err
		}
		var refs []ledger.Ref
		for _, t := range origs {
			refs = append(refs, t.Refs()...)
		}
		b := ledger.Begin(tx)
		if err := b.Lock(refs...); err != nil {
			return err
		}
		out, _, err = idempotency.Do(tx, req, func() (Clearing, error) { return giveBack(tx, b, actor, village, keys, origs, until, reason) })
		return err
	})
	return out, err
}

// giveBack undoes the transactions keys of one clearing, whose wallets b has locked.
func giveBack(tx db.Tx, b *ledger.Batch, actor auth.Actor, village id.ID, keys []ledger.Key, origs map[ledger.Key]ledger.Tx, until cal.Day, reason string) (out Clearing, err error) {
	number := keys[0].Number
	row, err := clearingOf(tx, village, number, tx.ForUpdate()) // after the wallets' locks: this decides who is first
	if err != nil {
		return out, err
	}
	if row.ReturnedAt != 0 {
		return out, ErrReturned.New()
	}
	today := cal.DayOf(tx.Now)
	notices := make([]notice.Notice, len(keys))
	for i, k := range keys {
		p, err := b.Reverse(origs[k], ledger.Reversal{Kind: ledger.Reverse, Actor: actor.UserID, Day: today, Month: today.Month(), GoodUntil: until,
			Reason: fmt.Sprintf("撤销第 %d 号（到期清零），积分退回，有效期到 %s：%s", k.Number, until, reason)})
		if err != nil {
			return out, err
		}
		notices[i] = notice.Notice{Village: village, Household: p.Holder.Owner, Kind: notice.KindExpiry, Title: "到期清零的积分已退回",
			Body: fmt.Sprintf("您家第 %d 号清零的 %s 分已经退回，有效期到 %s。原因：%s", k.Number, p.Moved, until, reason)}
	}
	if err := b.Seal(); err != nil {
		return out, err
	}
	row.ReturnedAt, row.ReturnedBy, row.ReturnedName, row.Reason, row.GoodUntil = tx.Millis(), actor.UserID, actor.Name, reason, until
	err = tx.Exec("UPDATE clearings SET returned_at = ?, returned_by = ?, returned_name = ?, reason = ?, good_until = ? WHERE village_id = ? AND number = ?",
		row.ReturnedAt, row.ReturnedBy, row.ReturnedName, row.Reason, row.GoodUntil, village, number).Error
	if err != nil {
		return out, fmt.Errorf("marking a clearing as undone: %w", err)
	}
	if err := notice.Send(tx, notices); err != nil {
		return out, err
	}
	return row.clearing(), audit.Write(tx, actor.Audit("points.return", clearingTarget(village, number), village,
		fmt.Sprintf("撤销到期清零：退回 %d 户共 %s 分，有效期到 %s。原因：%s", row.Households, row.Points, until, reason)))
}
