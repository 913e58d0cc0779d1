package people

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/stamp"
)

// ErrSettings is a setting out of range.
var ErrSettings = errs.Define(errs.Invalid, "village.settings", "本村设置有误，请按提示修改")

type settingsRow struct {
	VillageID      id.ID
	SchemeStart    int
	CloseDay       int
	ExpiryMonths   int
	ExpiryAuto     bool
	Shortfall      int
	OwingLimit     points.Amount
	MaskNames      bool
	Publish        bool
	RedeemMin      points.Amount
	RedeemStep     points.Amount
	RedeemMonthCap points.Amount
	RedeemDays     string
	CardDayCap     points.Amount
}

// shortfallCodes are the values of the column shortfall: 1 take, 2 refuse, 3 owe.
var shortfallCodes = map[int]ledger.Shortfall{1: ledger.Take, 2: ledger.Refuse, 3: ledger.Owe}

func (r settingsRow) settings() Settings {
	return Settings{Village: r.VillageID, SchemeStart: r.SchemeStart, CloseDay: r.CloseDay, ExpiryMonths: r.ExpiryMonths, ExpiryAuto: r.ExpiryAuto,
		Shortfall: shortfallCodes[r.Shortfall], OwingLimit: r.OwingLimit, MaskNames: r.MaskNames, Publish: r.Publish, RedeemMin: r.RedeemMin, RedeemStep: r.RedeemStep,
		RedeemMonthCap: r.RedeemMonthCap, RedeemDays: r.RedeemDays, CardDayCap: r.CardDayCap}
}

// SettingsOf reads the villages' settings; every village asked for is in the map.
func SettingsOf(tx db.Tx, villages ...id.ID) (map[id.ID]Settings, error) {
	rows, err := byID[settingsRow](tx, "village_id, scheme_start, close_day, expiry_months, expiry_auto, shortfall, owing_limit, mask_names, publish, redeem_min, redeem_step, redeem_month_cap, redeem_days, card_day_cap",
		"village_settings", "village_id", villages)
	if err != nil {
		return nil, err
	}
	out := make(map[id.ID]Settings, len(villages))
	for _, v := range villages {
		out[v] = DefaultSettings(v)
	}
	for _, r := range rows {
		out[r.VillageID] = r.settings()
	}
	return out, nil
}

// Publishing are the villages that are open to anyone, in order of code.
func Publishing(tx db.Tx) ([]Region, error) {
	var rows []regionRow
	if err := tx.Raw("SELECT " + regionColumns + " FROM regions WHERE id IN (SELECT village_id FROM village_settings WHERE publish = 1) ORDER BY code").Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the villages that publish: %w", err)
	}
	out := make([]Region, len(rows))
	for i, r := range rows {
		out[i] = r.region()
	}
	return out, nil
}

// GroupsOf are a village's groups, in order of code.
func GroupsOf(tx db.Tx, village id.ID) ([]Region, error) {
	var rows []regionRow
	if err := tx.Raw("SELECT "+regionColumns+" FROM regions WHERE parent_id = ? AND kind = ? ORDER BY code", village, Group).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading a village's groups: %w", err)
	}
	out := make([]Region, len(rows))
	for i, r := range rows {
		out[i] = r.region()
	}
	return out, nil
}

// Check reports the first setting out of range.
func (s Settings) Check() error {
	const most = points.Amount(1_000_000 * 100)
	switch {
	case s.SchemeStart < 1 || s.SchemeStart > 12:
		return ErrSettings.With("积分年度的起始月份应在 1 到 12 之间")
	case s.CloseDay < 0 || s.CloseDay > 28:
		return ErrSettings.With("补登截止日应在 0 到 28 之间")
	case s.ExpiryMonths < 0 || s.ExpiryMonths > 120:
		return ErrSettings.With("积分有效期应在 0 到 120 个月之间，0 表示长期有效")
	case s.Shortfall > ledger.Owe:
		return ErrSettings.With("请选择扣分超过余额时的处理办法")
	}
	for _, a := range []points.Amount{s.OwingLimit, s.RedeemMin, s.RedeemStep, s.RedeemMonthCap, s.CardDayCap} {
		if a < 0 || a > most {
			return ErrSettings.With("分值应在 0 到 %s 之间", most)
		}
	}
	if len(s.RedeemDays) > 100 {
		return ErrSettings.With("兑换日写得太长，请只写每月几号或星期几")
	}
	_, err := RedeemOpen(s.RedeemDays, 20260101)
	return err
}

// differences say in Chinese what changes from s to n, for the audit log.
func (s Settings) differences(n Settings) string {
	var out []string
	add := func(name string, before, after any) {
		if before != after {
			out = append(out, fmt.Sprintf("%s %v→%v", name, before, after))
		}
	}
	yes := map[bool]string{true: "是", false: "否"}
	handling := map[ledger.Shortfall]string{ledger.Take: "扣到零", ledger.Refuse: "不许扣", ledger.Owe: "可以欠分"}
	add("年度起始月", s.SchemeStart, n.SchemeStart)
	add("关账日", s.CloseDay, n.CloseDay)
	add("有效期（月）", s.ExpiryMonths, n.ExpiryMonths)
	add("到期自动清零", yes[s.ExpiryAuto], yes[n.ExpiryAuto])
	add("余额不足时", handling[s.Shortfall], handling[n.Shortfall])
	add("最多欠分", s.OwingLimit, n.OwingLimit)
	add("隐去姓名", yes[s.MaskNames], yes[n.MaskNames])
	add("对外公开", yes[s.Publish], yes[n.Publish])
	add("最少兑换", s.RedeemMin, n.RedeemMin)
	add("兑换倍数", s.RedeemStep, n.RedeemStep)
	add("每户每月最多兑换", s.RedeemMonthCap, n.RedeemMonthCap)
	add("兑换日", "“"+s.RedeemDays+"”", "“"+n.RedeemDays+"”")
	add("刷卡每日最多", s.CardDayCap, n.CardDayCap)
	if len(out) == 0 {
		return "没有变化"
	}
	return strings.Join(out, "，")
}

// RedeemOpen reports whether goods may be redeemed on the day. spec is "" for any day, or days of the month and weekdays
// separated by commas: "1,15", "w6,w7" (w1 is Monday).
func RedeemOpen(spec string, d cal.Day) (bool, error) {
	if strings.TrimSpace(spec) == "" {
		return true, nil
	}
	open := false
	weekday := (int(d.Time().Weekday())+6)%7 + 1
	for part := range strings.SplitSeq(spec, ",") {
		part = strings.TrimSpace(part)
		digits, isWeekday := strings.CutPrefix(part, "w")
		n, err := strconv.Atoi(digits)
		limit, today := 31, int(d)%100
		if isWeekday {
			limit, today = 7, weekday
		}
		if err != nil || n < 1 || n > limit {
			return false, ErrSettings.With("兑换日「%s」写法不对：每月几号写 1,15，星期写 w6,w7，不限就留空", part)
		}
		open = open || n == today
	}
	return open, nil
}

// UpdateSettings replaces a village's settings; what changed is in the audit log.
func (s *Service) UpdateSettings(ctx context.Context, actor auth.Actor, set Settings) error {
	if err := actor.InRegion(auth.SettingsWrite, set.Village); err != nil {
		return err
	}
	if err := set.Check(); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx db.Tx) error {
		if _, err := villageByID(tx, set.Village); err != nil {
			return err
		}
		before, err := SettingsOf(tx, set.Village)
		if err != nil {
			return err
		}
		code := 1
		for c, v := range shortfallCodes {
			if v == set.Shortfall {
				code = c
			}
		}
		cols := []string{"village_id", "scheme_start", "close_day", "expiry_months", "expiry_auto", "shortfall", "owing_limit", "mask_names", "publish", "redeem_min", "redeem_step",
			"redeem_month_cap", "redeem_days", "card_day_cap", "updated_at"}
		err = db.Upsert(tx, "village_settings", cols, []string{"village_id"}, cols[1:], nil, 1, func(_ int, args []any) []any {
			return append(args, int64(set.Village), set.SchemeStart, set.CloseDay, set.ExpiryMonths, set.ExpiryAuto, code, int64(set.OwingLimit), set.MaskNames, set.Publish, int64(set.RedeemMin),
				int64(set.RedeemStep), int64(set.RedeemMonthCap), set.RedeemDays, int64(set.CardDayCap), tx.Millis())
		})
		if err != nil {
			return fmt.Errorf("saving a village's settings: %w", err)
		}
		if err := stamp.Count(tx, stamp.Rules); err != nil {
			return err
		}
		return audit.Write(tx, actor.Audit("village.settings", "village:"+set.Village.String(), set.Village, "修改本村设置："+before[set.Village].differences(set)))
	})
}

// Settings reads a village's settings.
func (s *Service) Settings(ctx context.Context, actor auth.Actor, village id.ID) (out Settings, err error) {
	if err := actor.InRegion(auth.RegionRead, village); err != nil {
		return out, err
	}
	err = s.db.Read(ctx, func(tx db.Tx) error {
		m, err := SettingsOf(tx, village)
		out = m[village]
		return err
	})
	return out, err
}
