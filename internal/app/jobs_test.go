package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/app/apptest"
	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
	"jishan/internal/testkit"
)

// TestPointsExpireByThemselves: a village whose points are good for a month, and which has chosen so, loses them without anybody's doing, and the
// untracked accounts get their checkpoints, the day of the award its seal.
func TestPointsExpireByThemselves(t *testing.T) {
	ctx, system := context.Background(), auth.System("test")
	clock := testkit.NewClock(t, "2026-01-15 10:00")
	a := apptest.Start(t, func(s *apptest.Setup) { s.Options.Clock, s.Config.Jobs.Enabled = clock.Now, false })
	county, err := a.People.CreateRegion(ctx, system, people.NewRegion{Kind: people.County, Code: "439900000000", Name: "青岩县"})
	require.NoError(t, err)
	town, err := a.People.CreateRegion(ctx, system, people.NewRegion{Parent: county.ID, Kind: people.Township, Code: "439900100000", Name: "渔溪镇"})
	require.NoError(t, err)
	village, err := a.People.CreateRegion(ctx, system, people.NewRegion{Parent: town.ID, Kind: people.Village, Code: "439900100201", Name: "小渔溪村"})
	require.NoError(t, err)
	set := people.DefaultSettings(village.ID)
	set.ExpiryMonths, set.ExpiryAuto = 1, true
	require.NoError(t, a.People.UpdateSettings(ctx, system, set))
	house, err := a.People.CreateHousehold(ctx, system, people.NewHousehold{Village: village.ID, Members: []people.Person{{Name: "王大山"}}})
	require.NoError(t, err)
	book, err := a.Rules.CreateBook(ctx, system, rule.NewBook{Region: village.ID, Asset: ledger.Points, Name: "细则"})
	require.NoError(t, err)
	r, err := a.Rules.AddRule(ctx, system, book.Versions[0].ID, rule.Input{Category: "环境", Item: "庭院整洁", Subject: rule.Household,
		Spec: rule.Spec{Shape: rule.Fixed, Points: points.Whole(10)}})
	require.NoError(t, err)
	_, err = a.Rules.Adopt(ctx, system, book.Versions[0].ID, rule.Adoption{Meeting: "村民会议", On: 20260101, VotesFor: 9, From: 20260101})
	require.NoError(t, err)
	_, err = a.Awards.Grant(ctx, system, award.Order{Village: village.ID, Grants: []award.Grant{{Rule: r.ID, Household: house.ID}}})
	require.NoError(t, err)
	dsn := a.Config.DB.DSN
	a.Stop()

	clock.Add(50 * 24 * time.Hour)
	require.EqualValues(t, 20260306, cal.DayOf(clock.Now()))
	b := apptest.Start(t, func(s *apptest.Setup) { s.Options.Clock, s.Config.DB.DSN = clock.Now, dsn })
	require.Eventually(t, func() bool {
		var left, expired points.Amount
		var checkpoints int64
		var sealed ledger.DaySeal
		require.NoError(t, b.DB.Read(ctx, func(tx db.Tx) error {
			wallet := ledger.Wallet(village.ID, house.ID)
			balances, err := ledger.Balances(tx, wallet)
			if err != nil {
				return err
			}
			left = balances[wallet]
			if expired, err = ledger.Total(tx, ledger.Expired(village.ID)); err != nil {
				return err
			}
			if sealed, err = ledger.LastSeal(tx, village.ID); err != nil {
				return err
			}
			return tx.Raw("SELECT COUNT(*) FROM ledger_checkpoints").Scan(&checkpoints).Error
		}))
		return left == 0 && expired == points.Whole(10) && checkpoints > 0 && sealed.Day == 20260115
	}, 20*time.Second, 20*time.Millisecond)
}
