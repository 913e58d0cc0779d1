package redeem

import (
	"context"
	"fmt"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/money"
	"jishan/internal/points"
	"jishan/internal/shop"
)

// Total is what a merchant took in from a village in a month. Count, Points and Fen are of the redemptions that stand;
// those refunded are beside them. A redemption belongs to the month in which it was confirmed, whenever it was refunded.
type Total struct {
	Merchant       id.ID
	MerchantName   string
	Village        id.ID
	VillageName    string
	Month          cal.Month
	Count          int64
	Points         points.Amount
	Fen            money.Fen
	RefundedCount  int64
	RefundedPoints points.Amount
	RefundedFen    money.Fen
}

// TotalsQuery selects totals. Merchant zero is, for merchants' people, their own, for officers every one; Village zero is every
// village the actor may see; Month zero is the present one.
type TotalsQuery struct {
	Merchant id.ID
	Village  id.ID
	Month    cal.Month
}

// Totals are per merchant and village. Needs redeem.read: at the merchant, or in the village.
func (s *Service) Totals(ctx context.Context, actor auth.Actor, q TotalsQuery) ([]Total, error) {
	if err := actor.Check(auth.RedeemRead); err != nil {
		return nil, err
	}
	regions, all := actor.Reach(auth.RedeemRead)
	if q.Merchant == 0 && !all && len(regions) == 0 {
		q.Merchant = actor.Merchant()
	}
	own := q.Merchant != 0 && actor.OwnMerchant(auth.RedeemRead, q.Merchant) == nil
	if q.Village != 0 && !own {
		if err := actor.InRegion(auth.RedeemRead, q.Village); err != nil {
			return nil, err
		}
	}
	var out []Total
	err := s.db.Read(ctx, func(tx db.Tx) error {
		out = nil
		month := q.Month
		if month == 0 {
			month = cal.MonthOf(tx.Now)
		}
		where, args := "month = ?", []any{Confirmed, Confirmed, Confirmed, Refunded, Refunded, Refunded, month}
		if q.Merchant != 0 {
			where, args = where+" AND merchant_id = ?", append(args, q.Merchant)
		}
		switch {
		case q.Village != 0:
			where, args = where+" AND village_id = ?", append(args, q.Village)
		case !own && !all:
			if len(regions) == 0 {
				return errs.ErrNotFound.New()
			}
			where, args = where+" AND village_id IN ?", append(args, regions)
		}
		var rows []struct {
			MerchantID, VillageID id.ID
			Count                 int64
			Points                points.Amount
			Fen                   money.Fen
			RefundedCount         int64
			RefundedPoints        points.Amount
			RefundedFen           money.Fen
		}
		err := tx.Raw(`SELECT merchant_id, village_id,
			SUM(CASE WHEN state = ? THEN 1 ELSE 0 END) AS count, SUM(CASE WHEN state = ? THEN points ELSE 0 END) AS points, SUM(CASE WHEN state = ? THEN fen ELSE 0 END) AS fen,
			SUM(CASE WHEN state = ? THEN 1 ELSE 0 END) AS refunded_count, SUM(CASE WHEN state = ? THEN points ELSE 0 END) AS refunded_points, SUM(CASE WHEN state = ? THEN fen ELSE 0 END) AS refunded_fen
			FROM redemptions WHERE `+where+` GROUP BY merchant_id, village_id ORDER BY merchant_id, village_id`, args...).Scan(&rows).Error
		if err != nil {
			return fmt.Errorf("adding up redemptions: %w", err)
		}
		var merchants, villages []id.ID
		for _, r := range rows {
			merchants, villages = append(merchants, r.MerchantID), append(villages, r.VillageID)
		}
		shops, err := shop.MerchantsByID(tx, merchants)
		if err != nil {
			return err
		}
		names, err := villageNames(tx, villages)
		if err != nil {
			return err
		}
		for _, r := range rows {
			out = append(out, Total{r.MerchantID, shops[r.MerchantID].Name, r.VillageID, names[r.VillageID], month,
				r.Count, r.Points, r.Fen, r.RefundedCount, r.RefundedPoints, r.RefundedFen})
		}
		return nil
	})
	return out, err
}
