package award

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

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
	"jishan/internal/points"
)

// What can be wrong with a clearing of expired points.
var (
	ErrNothingDue = errs.Define(errs.Refused, "expiry.nothing", "现在没有到期的积分要清零")
	ErrDueChanged = errs.Define(errs.Conflict, "expiry.changed", "到期的积分和预览时不一样了，请重新预览、核对后再确认")
)

// Due is what a clearing would take now.
type Due struct {
	DueTotals
	Largest []DueWallet // the ten households that would lose most
}

// DueTotals are what an officer has seen in a preview and confirms.
type DueTotals struct {
	LastDay    cal.Day // points good until this day or earlier
	Households int
	Points     points.Amount
}

// DueWallet is a household's part of it.
type DueWallet struct {
	Household id.ID
	Points    points.Amount
}

// Clearing is one clearing of a village's expired points. Its number is that of its first ledger transaction; it has one
// transaction a household, numbered without a gap.
type Clearing struct {
	DueTotals
	Number    int64
	ActorName string
	At        time.Time
	Returned  *Return // nil while it stands
}

// Return is how a clearing was undone.
type Return struct {
	At        time.Time
	ActorName string
	Reason    string
	GoodUntil cal.Day // of the points given back
}

// Due says what a clearing would take from the village's wallets now; it writes nothing. Needs award.reverse.
func (s *Service) Due(ctx context.Context, actor auth.Actor, village id.ID) (out Due, err error) {
	if err := actor.InRegion(auth.AwardReverse, village); err != nil {
		return out, err
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		out = Due{}
		list, err := dueWallets(tx, village)
		if err != nil {
			return err
		}
		out.DueTotals = totals(tx, list)
		slices.SortFunc(list, func(a, b DueWallet) int { return int(b.Points - a.Points) })
		out.Largest = list[:min(10, len(list))]
		return nil
	})
	return out, err
}

// totals sums up what is due. Points are good until the end of their last day, so today's are not due yet.
func totals(tx db.Tx, list []DueWallet) DueTotals {
	out := DueTotals{LastDay: cal.DayOf(tx.Now).Add(-1), Households: len(list)}
	for _, w := range list {
		out.Points += w.Points
	}
	return out
}

func dueWallets(tx db.Tx, village id.ID) ([]DueWallet, error) {
	var rows []struct {
		OwnerID id.ID
		Points  points.Amount
	}
	q := `SELECT a.owner_id, SUM(l.amount) AS points FROM lots l JOIN accounts a ON a.id = l.account_id
		WHERE a.book_id = ? AND a.asset = ? AND l.expiry_day <= ? AND l.amount > 0 GROUP BY a.owner_id ORDER BY a.owner_id`
	if err := tx.Raw(q, village, ledger.Points, cal.DayOf(tx.Now).Add(-1)).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("looking for expired points: %w", err)
	}
	out := make([]DueWallet, len(rows))
	for i, r := range rows {
		out[i] = DueWallet{Household: r.OwnerID, Points: r.Points}
	}
	return out, nil
}

// Expire clears the points whose last good day has passed, if they are what seen says: what somebody was shown and confirmed
// (ErrDueChanged otherwise, ErrNothingDue for nothing). Every household hears of its part. Needs award.reverse.
func (s *Service) Expire(ctx context.Context, actor auth.Actor, req idempotency.Request, village id.ID, seen DueTotals) (out Clearing, err error) {
	if err := actor.InRegion(auth.AwardReverse, village); err != nil {
		return out, err
	}
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		list, err := dueWallets(tx, village)
		if err != nil {
			return err
		}
		refs := make([]ledger.Ref, len(list))
		for i, w := range list {
			refs[i] = ledger.Wallet(village, w.Household)
		}
		// The wallets first: a repetition that waits for the first request must find that one's answer, not its effect.
		b := ledger.Begin(tx)
		if err := b.Lock(refs...); err != nil {
			return err
		}
		out, _, err = idempotency.Do(tx, req, func() (Clearing, error) { return clear(tx, b, actor, village, refs, seen) })
		return err
	})
	return out, err
}

// clear books the expiry of the wallets as they are under the lock.
func clear(tx db.Tx, b *ledger.Batch, actor auth.Actor, village id.ID, wallets []ledger.Ref, seen DueTotals) (out Clearing, err error) {
	today := cal.DayOf(tx.Now)
	lastDay := today.Add(-1)
	var posted []*ledger.Posted
	var list []DueWallet
	for _, wallet := range wallets {
		p, err := b.PostExpiry(ledger.Posting{Book: village, Asset: ledger.Points, Day: today, Month: today.Month(), Actor: actor.UserID, Household: wallet.Owner,
			From: wallet, To: ledger.Expired(village), Reason: fmt.Sprintf("有效期到 %s 及以前的积分清零", lastDay)}, lastDay)
		if err != nil {
			return out, err
		}
		if p != nil {
			posted = append(posted, p)
			list = append(list, DueWallet{wallet.Owner, p.Moved})
		}
	}
	switch out.DueTotals = totals(tx, list); {
	case len(list) == 0:
		return out, ErrNothingDue.New()
	case out.DueTotals != seen:
		return out, ErrDueChanged.New()
	}
	if err := b.Seal(); err != nil {
		return out, err
	}
	out.Number, out.ActorName, out.At = posted[0].Number, actor.Name, tx.Now
	err = db.Insert(tx, "clearings", clearingColumns, 1, func(_ int, args []any) []any {
		return append(args, int64(village), out.Number, int64(lastDay), out.Households, int64(out.Points), int64(actor.UserID), actor.Name, tx.Millis(), 0, 0, "", "", 0)
	})
	if err != nil {
		return out, err
	}
	notices := make([]notice.Notice, len(list))
	for i, w := range list {
		notices[i] = notice.Notice{Village: village, Household: w.Household, Kind: notice.KindExpiry, Title: "有积分到期清零",
			Body: fmt.Sprintf("您家有 %s 分的有效期到 %s 为止，已经清零（第 %d 号）。有疑问请联系村委会。", w.Points, lastDay, posted[i].Number)}
	}
	if err := notice.Send(tx, notices); err != nil {
		return out, err
	}
	return out, audit.Write(tx, actor.Audit("points.expire", clearingTarget(village, out.Number), village,
		fmt.Sprintf("到期积分清零：%d 户共 %s 分", out.Households, out.Points)))
}

func clearingTarget(village id.ID, number int64) string {
	return fmt.Sprintf("clearing:%s-%d", village, number)
}

// ExpireDue is the job's part for one village: where its settings let expired points go by themselves they are cleared, elsewhere
// it is only found out what is due. cleared is zero where nothing was cleared.
func (s *Service) ExpireDue(ctx context.Context, village id.ID) (due Due, cleared Clearing, err error) {
	system := auth.System("到期清零")
	if due, err = s.Due(ctx, system, village); err != nil || due.Households == 0 {
		return due, cleared, err
	}
	automatic := false
	err = s.db.Read(ctx, func(tx db.Tx) error {
		set, err := people.SettingsOf(tx, village)
		automatic = set[village].ExpiryAuto
		return err
	})
	if err != nil || !automatic {
		return due, cleared, err
	}
	cleared, err = s.Expire(ctx, system, idempotency.Request{}, village, due.DueTotals)
	if errors.Is(err, ErrDueChanged) || errors.Is(err, ErrNothingDue) { // spent or cleared in between: the next run sees
		return due, Clearing{}, nil
	}
	return due, cleared, err
}
