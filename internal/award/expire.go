package award

import (
	"context"
	"fmt"
	"slices"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
)

// Expiry is what a clearing of expired points took, or would take.
type Expiry struct {
	Households int
	Points     points.Amount
	Largest    []ExpiredWallet // the ten households that lose most
}

// ExpiredWallet is a household's part of it. Number is zero in a preview.
type ExpiredWallet struct {
	Household id.ID
	Points    points.Amount
	Number    int64
}

// Expire clears the points of a village whose last good day has passed. With preview it only says what that would be. Running it
// again finds nothing more. Needs award.reverse.
func (s *Service) Expire(ctx context.Context, actor auth.Actor, village id.ID, preview bool) (out Expiry, err error) {
	if err := actor.InRegion(auth.AwardReverse, village); err != nil {
		return out, err
	}
	run := s.db.Tx
	if preview {
		run = s.db.Read
	}
	err = run(ctx, func(tx db.Tx) error {
		yesterday := cal.DayOf(tx.Now).Add(-1)
		var rows []struct {
			OwnerID id.ID
			Points  points.Amount
		}
		q := `SELECT a.owner_id, SUM(l.amount) AS points FROM lots l JOIN accounts a ON a.id = l.account_id
			WHERE a.book_id = ? AND a.asset = ? AND l.expiry_day <= ? AND l.amount > 0 GROUP BY a.owner_id`
		if err := tx.Raw(q, village, ledger.Points, yesterday).Scan(&rows).Error; err != nil {
			return fmt.Errorf("looking for expired points: %w", err)
		}
		list := make([]ExpiredWallet, len(rows))
		for i, r := range rows {
			list[i] = ExpiredWallet{Household: r.OwnerID, Points: r.Points}
		}
		if !preview {
			if list, err = clear(tx, actor, village, yesterday, list); err != nil {
				return err
			}
		}
		out = Expiry{Households: len(list)}
		for _, w := range list {
			out.Points += w.Points
		}
		slices.SortFunc(list, func(a, b ExpiredWallet) int { return int(b.Points - a.Points) })
		out.Largest = list[:min(10, len(list))]
		return nil
	})
	return out, err
}

// clear books the expiry of the wallets as they are under the lock.
func clear(tx db.Tx, actor auth.Actor, village id.ID, lastDay cal.Day, list []ExpiredWallet) ([]ExpiredWallet, error) {
	b := ledger.Begin(tx)
	refs := make([]ledger.Ref, len(list))
	for i, w := range list {
		refs[i] = ledger.Wallet(village, w.Household)
	}
	if err := b.Lock(refs...); err != nil {
		return nil, err
	}
	today := cal.DayOf(tx.Now)
	var done []ExpiredWallet
	var posted []*ledger.Posted
	for i, w := range list {
		p, err := b.PostExpiry(ledger.Posting{Book: village, Asset: ledger.Points, Day: today, Month: today.Month(), Actor: actor.UserID, Household: w.Household,
			From: refs[i], To: ledger.Expired(village), Reason: fmt.Sprintf("有效期到 %s 及以前的积分清零", lastDay)}, lastDay)
		if err != nil {
			return nil, err
		}
		if p != nil {
			posted = append(posted, p)
			done = append(done, ExpiredWallet{Household: w.Household, Points: p.Moved})
		}
	}
	if err := b.Seal(); err != nil {
		return nil, err
	}
	for i, p := range posted {
		done[i].Number = p.Number
	}
	if len(done) == 0 {
		return nil, nil
	}
	return done, audit.Write(tx, actor.Audit("points.expire", "village:"+village.String(), village, fmt.Sprintf("清理过期积分：%d 户", len(done))))
}
