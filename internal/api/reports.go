package api

import (
	"context"

	"jishan/internal/auth"
	"jishan/internal/id"
	"jishan/internal/money"
	"jishan/internal/points"
	"jishan/internal/report"
)

const tagReports = "统计"

// Indicators are a village's figures of one month.
type Indicators struct {
	Village     id.ID         `json:"village"`
	VillageName string        `json:"village_name"`
	Households  int64         `json:"households" doc:"现有多少户"`
	People      int64         `json:"people" doc:"现有多少人"`
	Awards      int64         `json:"awards" doc:"加减分多少次，不含已撤销的"`
	Awarded     points.Amount `json:"awarded" doc:"加了多少分"`
	Deducted    points.Amount `json:"deducted" doc:"扣了多少分，不带负号"`
	Active      int64         `json:"active" doc:"当月有加减分的户"`
	Quarter     int64         `json:"quarter" doc:"当季有加减分的户，只算现有的"`
	Redemptions int64         `json:"redemptions" doc:"兑换多少笔，不含已退的"`
	Redeeming   int64         `json:"redeeming" doc:"多少户兑换过"`
	Redeemed    points.Amount `json:"redeemed" doc:"兑换了多少积分"`
	Yuan        money.Fen     `json:"yuan" doc:"应付商户多少元"`
	LockedCards int64         `json:"locked_cards" doc:"现在锁着的户卡"`
	LowStock    int64         `json:"low_stock" doc:"该补货的商品"`
}

// IndicatorList has one line a village.
type IndicatorList struct {
	Items []Indicators `json:"items"`
}

// MonthFigures are a village's figures of a month.
type MonthFigures struct {
	Month    Month         `json:"month"`
	Awarded  points.Amount `json:"awarded"`
	Deducted points.Amount `json:"deducted" doc:"不带负号"`
	Redeemed points.Amount `json:"redeemed"`
	Active   int64         `json:"active" doc:"有加减分的户"`
}

// MonthList is oldest first.
type MonthList struct {
	Items []MonthFigures `json:"items"`
}

func indicatorsOut(i report.Indicators) Indicators {
	return Indicators{i.Village, i.Name, i.Households, i.People, i.Awards, i.Awarded, i.Deducted, i.Active, i.Quarter, i.Redemptions, i.Redeeming,
		i.Redeemed, i.Owed, i.Locked, i.Low}
}

func (s *Server) reportOps() {
	op := func(o Op, p auth.Permission) Op {
		o.Method, o.Tag, o.Perm, o.Audience = "GET", tagReports, p, Officers
		return o
	}
	register(s, op(Op{ID: "indicators", Path: "/regions/{id}/indicators", Summary: "一个地方各村一个月的数字"}, auth.AwardRead),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Month Month `query:"month" doc:"不填为本月"`
		}) (IndicatorList, error) {
			list, err := s.deps.Report.Indicators(ctx, c.Actor, in.ID.V, in.Month.V)
			return IndicatorList{mapped(list, indicatorsOut)}, err
		})
	register(s, op(Op{ID: "village-months", Path: "/villages/{id}/months", Summary: "本村最近几个月的数字", Note: "早的在前，最后一个是本月。"}, auth.AwardRead),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			N int `query:"n" default:"12" minimum:"1" maximum:"36" doc:"几个月"`
		}) (MonthList, error) {
			list, err := s.deps.Report.Months(ctx, c.Actor, in.ID.V, in.N)
			return MonthList{mapped(list, func(m report.MonthLine) MonthFigures {
				return MonthFigures{Month{m.Month}, m.Awarded, m.Deducted, m.Redeemed, m.Active}
			})}, err
		})
	register(s, op(Op{ID: "village-silent", Path: "/villages/{id}/silent-households", Summary: "本村一个季度还没有加减分的户", Note: "按户码排列。"}, auth.PeopleRead),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			PageQuery
			Quarter Quarter `query:"quarter" doc:"不填为本季度"`
		}) (Page[Household], error) {
			after, err := position[string](in.Cursor)
			if err != nil {
				return Page[Household]{}, err
			}
			list, err := s.deps.Report.Silent(ctx, c.Actor, in.ID.V, in.Quarter.V, after, in.Limit)
			page := Page[Household]{Items: mapped(list, householdOut)}
			if len(list) == in.Limit {
				page.Next = cursor(list[len(list)-1].Code)
			}
			return page, err
		})
}
