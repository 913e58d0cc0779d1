package report

import (
	"context"
	"fmt"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/money"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/redeem"
	"jishan/internal/shop"
)

// standing is the state of an award that has not been reversed; see awards.state in the migrations.
const standing = 1

// Indicators are a village's figures of one month.
type Indicators struct {
	Village     id.ID
	Name        string
	Households  int64 // living here, at present
	People      int64
	Awards      int64         // how many
	Awarded     points.Amount // sum of the additions
	Deducted    points.Amount // sum of the deductions, without sign
	Active      int64         // households with an award in the month
	Quarter     int64         // households living here with an award in the quarter of the month
	Redemptions int64
	Redeemed    points.Amount
	Owed        money.Fen // what the village owes its merchants for the month
	Redeeming   int64     // households that redeemed
	Locked      int64     // house cards locked at present
	Low         int64     // products of its merchants at or below the stock they are to be refilled at
}

// MonthLine are a village's figures of a month, for a chart.
type MonthLine struct {
	Month    cal.Month
	Awarded  points.Amount
	Deducted points.Amount // without sign
	Redeemed points.Amount
	Active   int64
}

// Service counts. Safe for concurrent use.
type Service struct{ db *db.DB }

// New is a Service on the database.
func New(d *db.DB) *Service { return &Service{d} }

// row is one count of one village.
type row struct {
	VillageID   id.ID
	N, M        int64
	Plus, Minus points.Amount
	Points      points.Amount
	Fen         money.Fen
	Month       cal.Month
}

// Indicators are the figures of every village in the region, in the order of the regions; month 0 is the present one. It is
// errs.ErrNotFound where the region is out of the actor's reach.
func (s *Service) Indicators(ctx context.Context, actor auth.Actor, region id.ID, month cal.Month) (out []Indicators, err error) {
	if err := actor.InRegion(auth.AwardRead, region); err != nil {
		return nil, err
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		out = nil
		if month == 0 {
			month = cal.MonthOf(tx.Now)
		}
		var villages []struct {
			ID   id.ID
			Name string
		}
		err := tx.Raw("SELECT id, name FROM regions WHERE kind = ? AND (id = ? OR township_id = ? OR county_id = ?) ORDER BY sort, code",
			people.Village, region, region, region).Scan(&villages).Error
		if err != nil {
			return fmt.Errorf("listing villages: %w", err)
		}
		if len(villages) == 0 {
			return nil
		}
		ids := make([]id.ID, len(villages))
		at := make(map[id.ID]*Indicators, len(villages))
		out = make([]Indicators, len(villages))
		for i, v := range villages {
			out[i], ids[i] = Indicators{Village: v.ID, Name: v.Name}, v.ID
			at[v.ID] = &out[i]
		}
		return fill(tx, at, ids, month)
	})
	return out, err
}

// fill runs the counts, each one statement for all the villages.
func fill(tx db.Tx, at map[id.ID]*Indicators, ids []id.ID, month cal.Month) error {
	begin, end := month.Quarter().Months()
	byDay := tx.By("awards_day")
	for _, c := range []struct {
		what, sql string
		args      []any
		put       func(*Indicators, row)
	}{
		{"households", "SELECT village_id, COUNT(*) AS n FROM households WHERE village_id IN ? AND state = ? GROUP BY village_id",
			[]any{ids, people.HouseholdHere}, func(i *Indicators, r row) { i.Households = r.N }},
		{"villagers", "SELECT village_id, COUNT(*) AS n FROM villagers WHERE village_id IN ? AND state = ? GROUP BY village_id",
			[]any{ids, people.VillagerHere}, func(i *Indicators, r row) { i.People = r.N }},
		{"awards", `SELECT village_id, COUNT(*) AS n, COUNT(DISTINCT household_id) AS m, SUM(CASE WHEN points > 0 THEN points ELSE 0 END) AS plus,
			SUM(CASE WHEN points < 0 THEN -points ELSE 0 END) AS minus FROM awards` + byDay + `
			WHERE village_id IN ? AND day BETWEEN ? AND ? AND asset = ? AND state = ? GROUP BY village_id`,
			[]any{ids, month.First(), month.Last(), ledger.Points, standing},
			func(i *Indicators, r row) { i.Awards, i.Active, i.Awarded, i.Deducted = r.N, r.M, r.Plus, r.Minus }},
		{"active households", `SELECT a.village_id, COUNT(DISTINCT a.household_id) AS n FROM awards a` + byDay + ` JOIN households h ON h.id = a.household_id
			WHERE a.village_id IN ? AND a.day BETWEEN ? AND ? AND a.asset = ? AND a.state = ? AND h.state = ? GROUP BY a.village_id`,
			[]any{ids, begin.First(), end.Last(), ledger.Points, standing, people.HouseholdHere}, func(i *Indicators, r row) { i.Quarter = r.N }},
		{"redemptions", `SELECT village_id, COUNT(*) AS n, COUNT(DISTINCT household_id) AS m, SUM(points) AS points, SUM(fen) AS fen FROM redemptions
			WHERE village_id IN ? AND month = ? AND state = ? GROUP BY village_id`,
			[]any{ids, month, redeem.Confirmed}, func(i *Indicators, r row) { i.Redemptions, i.Redeeming, i.Redeemed, i.Owed = r.N, r.M, r.Points, r.Fen }},
		{"locked cards", "SELECT village_id, COUNT(*) AS n FROM house_cards WHERE village_id IN ? AND locked_at > 0 GROUP BY village_id",
			[]any{ids}, func(i *Indicators, r row) { i.Locked = r.N }},
		{"low stock", `SELECT c.village_id, COUNT(*) AS n FROM merchant_villages c JOIN products p ON p.merchant_id = c.merchant_id
			WHERE c.village_id IN ? AND c.state = ? AND p.state = ? AND p.stock <= p.low_stock AND p.low_stock > 0 GROUP BY c.village_id`,
			[]any{ids, shop.Serving, shop.OnSale}, func(i *Indicators, r row) { i.Low = r.N }},
	} {
		var rows []row
		if err := tx.Raw(c.sql, c.args...).Scan(&rows).Error; err != nil {
			return fmt.Errorf("counting %s: %w", c.what, err)
		}
		for _, r := range rows {
			c.put(at[r.VillageID], r)
		}
	}
	return nil
}

// Months are the latest n months (1 to 36) of a village, oldest first, this one included.
func (s *Service) Months(ctx context.Context, actor auth.Actor, village id.ID, n int) (out []MonthLine, err error) {
	if err := actor.InRegion(auth.AwardRead, village); err != nil {
		return nil, err
	}
	n = min(max(n, 1), 36)
	err = s.db.Read(ctx, func(tx db.Tx) error {
		if err := isVillage(tx, village); err != nil {
			return err
		}
		first := cal.MonthOf(tx.Now).Add(1 - n)
		out = make([]MonthLine, n)
		at := make(map[cal.Month]*MonthLine, n)
		for i := range out {
			out[i].Month = first.Add(i)
			at[out[i].Month] = &out[i]
		}
		var rows []row
		err := tx.Raw(`SELECT month, COUNT(DISTINCT household_id) AS n, SUM(CASE WHEN points > 0 THEN points ELSE 0 END) AS plus,
			SUM(CASE WHEN points < 0 THEN -points ELSE 0 END) AS minus FROM awards
			WHERE village_id = ? AND day >= ? AND asset = ? AND state = ? GROUP BY month`, village, first.First(), ledger.Points, standing).Scan(&rows).Error
		if err != nil {
			return fmt.Errorf("adding up awards by month: %w", err)
		}
		for _, r := range rows {
			if m := at[r.Month]; m != nil {
				m.Active, m.Awarded, m.Deducted = r.N, r.Plus, r.Minus
			}
		}
		rows = nil
		err = tx.Raw("SELECT month, SUM(points) AS points FROM redemptions WHERE village_id = ? AND month >= ? AND state = ? GROUP BY month",
			village, first, redeem.Confirmed).Scan(&rows).Error
		if err != nil {
			return fmt.Errorf("adding up redemptions by month: %w", err)
		}
		for _, r := range rows {
			if m := at[r.Month]; m != nil {
				m.Redeemed = r.Points
			}
		}
		return nil
	})
	return out, err
}

// Silent are households living in the village without a standing award in the quarter (0: the present one), in order of house
// code after the code given, at most limit (1 to 200).
func (s *Service) Silent(ctx context.Context, actor auth.Actor, village id.ID, quarter cal.Quarter, after string, limit int) (out []people.Household, err error) {
	if err := actor.InRegion(auth.PeopleRead, village); err != nil {
		return nil, err
	}
	limit = min(max(limit, 1), 200)
	err = s.db.Read(ctx, func(tx db.Tx) error {
		out = nil
		if err := isVillage(tx, village); err != nil {
			return err
		}
		if quarter == 0 {
			quarter = cal.MonthOf(tx.Now).Quarter()
		}
		begin, end := quarter.Months()
		var rows []struct{ ID id.ID }
		err := tx.Raw(`SELECT h.id FROM households h WHERE h.village_id = ? AND h.code > ? AND h.state = ? AND h.id NOT IN (
			SELECT a.household_id FROM awards a`+tx.By("awards_day")+` WHERE a.village_id = ? AND a.day BETWEEN ? AND ? AND a.asset = ? AND a.state = ?) ORDER BY h.code LIMIT ?`,
			village, after, people.HouseholdHere, village, begin.First(), end.Last(), ledger.Points, standing, limit).Scan(&rows).Error
		if err != nil {
			return fmt.Errorf("listing households without points: %w", err)
		}
		ids := make([]id.ID, len(rows))
		for i, r := range rows {
			ids[i] = r.ID
		}
		found, err := people.HouseholdsByID(tx, ids)
		if err != nil {
			return err
		}
		for _, i := range ids {
			out = append(out, found[i])
		}
		return nil
	})
	return out, err
}

func isVillage(tx db.Tx, village id.ID) error {
	found, err := people.RegionsByID(tx, []id.ID{village})
	if err == nil && found[village].Kind != people.Village {
		err = errs.ErrNotFound.New()
	}
	return err
}
