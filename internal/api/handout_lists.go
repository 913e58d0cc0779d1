package api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"jishan/internal/auth"
	"jishan/internal/board"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/redeem"
	"jishan/internal/xlsx"
)

// awardSheet has the points of reversed awards in the list and not in the sums, which are those of the ledger.
func (s *Server) awardSheet(ctx context.Context, c *Call, in villageAwards) (*file, error) {
	heads := []xlsx.Head{{Header: "号", Kind: xlsx.Amount, Width: 8}, {Header: "日期", Kind: xlsx.Date, Width: 12}, {Header: "户主", Width: 10}, {Header: "户码", Width: 12}, {Header: "给谁", Width: 10},
		{Header: "条目", Width: 26}, {Header: "为什么", Width: 34}, {Header: "分值", Kind: xlsx.Amount, Width: 8}, {Header: "有效积分", Kind: xlsx.Amount, Width: 10, Sum: true},
		{Header: "经办人", Width: 10}, {Header: "记账时间", Width: 17}, {Header: "状态", Width: 14}}
	mayParty := c.Actor.InRegion(auth.PartyRead, in.ID.V) == nil
	if mayParty {
		heads = slices.Insert(heads, 9, xlsx.Head{Header: "有效党员积分", Kind: xlsx.Amount, Width: 13, Sum: true})
	}
	return s.handOut(ctx, c, handout{title: "加减分记录", region: in.ID.V, period: spanText(in.From.V, in.To.V), narrow: "选一个月份", heads: heads,
		rows: pages(func(q PageQuery) (Page[Award], error) {
			in.PageQuery = q
			return s.awardPage(ctx, c.Actor, in)
		}, func(a Award) []any {
			who, why, state := a.PersonName, a.Explanation, "有效"
			if a.MemberName != "" {
				who = a.MemberName
			}
			if who == "" {
				who = a.HouseholdName
			}
			if a.Note != "" {
				why += "；" + a.Note
			}
			var effective [2]any // of the village, of the party
			if a.Reversed {
				state = fmt.Sprintf("已在第 %d 号撤销", a.ReversedBy)
			} else if a.Asset == assets[ledger.PartyScore] {
				effective[1] = number(a.Points)
			} else {
				effective[0] = number(a.Points)
			}
			row := []any{a.Number, a.Day, a.HouseholdName, a.HouseCode, who, a.RuleCode + " " + a.RuleItem, why, number(a.Points), effective[0], a.ActorName, clock(a.At), state}
			if mayParty {
				row = slices.Insert(row, 9, effective[1])
			}
			return row
		})})
}

// redemptionSheet adds up what stands; what was refunded is in a column of its own.
func (s *Server) redemptionSheet(ctx context.Context, c *Call, in villageRedemptions) (*file, error) {
	month := in.Month.V
	if month == 0 {
		month = cal.MonthOf(s.deps.DB.Now())
	}
	return s.handOut(ctx, c, handout{title: "兑换记录", region: in.ID.V, period: spanText(month.First(), month.Last()), narrow: "按户查看，一户一户地导出",
		heads: []xlsx.Head{{Header: "号", Kind: xlsx.Amount, Width: 8}, {Header: "时间", Width: 17}, {Header: "户主", Width: 10}, {Header: "户码", Width: 12}, {Header: "商户", Width: 18},
			{Header: "兑了什么", Width: 30}, {Header: "积分", Kind: xlsx.Amount, Width: 10, Sum: true}, {Header: "应付（元）", Kind: xlsx.Money, Width: 11, Sum: true},
			{Header: "已退积分", Kind: xlsx.Amount, Width: 10, Sum: true}, {Header: "方式", Width: 10}, {Header: "经办人", Width: 10}, {Header: "状态", Width: 14}},
		rows: pages(func(q PageQuery) (Page[Receipt], error) {
			in.HundredQuery = HundredQuery{Cursor: q.Cursor, Limit: 100}
			in.Month.V = month
			return s.redemptionPage(ctx, c.Actor, in)
		}, func(r Receipt) []any {
			goods := make([]string, len(r.Lines))
			for i, l := range r.Lines {
				goods[i] = "直接兑积分"
				if l.Product != 0 {
					goods[i] = fmt.Sprintf("%s×%d", l.Name, l.Quantity)
				}
			}
			row := []any{r.Number, clock(r.At), r.Name, r.HouseCode, r.MerchantName, strings.Join(goods, "、"), number(r.Points), yuan(r.Yuan), nil, r.WayName, r.ActorName, "已核销"}
			if r.State == redemptionStates[redeem.Confirmed] {
				return row
			}
			row[6], row[7], row[8], row[11] = nil, nil, number(r.Points), fmt.Sprintf("已在第 %d 号退货", r.RefundNumber)
			return row
		})})
}

var boardSubjects = map[board.Subject]string{board.Household: "户", board.Person: "村民", board.Member: "党员", board.Branch: "党支部", board.Village: "村"}

var trends = map[string]string{"up": "升 %d 名", "down": "降 %d 名", "new": "新上榜", "same": "没有变"}

// boardSheet is a whole board, with the names as its reader may see them on the screen.
func (s *Server) boardSheet(ctx context.Context, c *Call, in BoardQuery) (*file, error) {
	first, err := s.boardTop(ctx, c, in, 0, handoutPage)
	if err != nil {
		return nil, err
	}
	in.Period = first.Period
	subject := board.Subject(first.Subject)
	score := xlsx.Head{Header: "累计积分", Kind: xlsx.Amount, Width: 12, Sum: true}
	if subject == board.Branch || subject == board.Village {
		score = xlsx.Head{Header: "平均分", Kind: xlsx.Amount, Width: 12}
	}
	offset, page := 0, first
	return s.handOut(ctx, c, handout{title: "积分榜（" + boardSubjects[subject] + "）", region: first.Scope, period: first.PeriodName, narrow: "选一个较小的范围",
		about: []string{fmt.Sprintf("共 %d 个%s上榜；兑换不影响名次，同分同名次", first.Total, boardSubjects[subject])},
		heads: []xlsx.Head{{Header: "名次", Kind: xlsx.Amount, Width: 8}, {Header: boardSubjects[subject], Width: 16}, {Header: "村", Width: 16}, {Header: "组", Width: 16}, score, {Header: "比上一时段", Width: 14}},
		rows: pages(func(PageQuery) (Page[BoardRow], error) {
			if offset > 0 {
				if page, err = s.boardTop(ctx, c, in, offset, handoutPage); err != nil {
					return Page[BoardRow]{}, err
				}
			}
			offset += len(page.Items)
			next := ""
			if len(page.Items) > 0 && offset < page.Total {
				next = "more"
			}
			return Page[BoardRow]{page.Items, next}, nil
		}, func(r BoardRow) []any {
			trend := trends[r.Trend]
			if strings.Contains(trend, "%") {
				trend = fmt.Sprintf(trend, r.By)
			}
			return []any{r.Rank, r.Name, r.VillageName, r.GroupName, number(r.Score), trend}
		})})
}

// standingsSheet is how the branches of a village stand at the end of a quarter, the exempt behind the ranked.
func (s *Server) standingsSheet(ctx context.Context, c *Call, village id.ID, q cal.Quarter) (*file, error) {
	list, err := s.deps.Party.Standings(ctx, c.Actor, village, q)
	if err != nil {
		return nil, err
	}
	var about []string
	for _, st := range list {
		about = append(about, fmt.Sprintf("%s：书记 %s，%d 名党员，参加考核 %d 人，免考核 %d 人，平均 %s 分，%d 人达到全年目标",
			st.Branch.Name, st.Branch.Secretary, st.Branch.Members, len(st.Ranked), len(st.Exempt), st.Average, st.Reached))
	}
	return s.handOut(ctx, c, handout{title: "党员积分", region: village, period: cal.Period{Kind: cal.ByQuarter, N: int32(q)}.Chinese(), about: about, narrow: "按支部查看",
		heads: []xlsx.Head{{Header: "党支部", Width: 18}, {Header: "名次", Kind: xlsx.Amount, Width: 8}, {Header: "姓名", Width: 10}, {Header: "类别", Width: 12}, {Header: "基础分", Kind: xlsx.Amount, Width: 9},
			{Header: "本季度得分", Kind: xlsx.Amount, Width: 12, Sum: true}, {Header: "本年度得分", Kind: xlsx.Amount, Width: 12, Sum: true}, {Header: "积分", Kind: xlsx.Amount, Width: 9},
			{Header: "全年目标", Kind: xlsx.Amount, Width: 10}, {Header: "完成", Width: 8}, {Header: "说明", Width: 28}},
		rows: func(yield func([]any, error) bool) {
			for _, st := range list {
				for _, p := range slices.Concat(st.Ranked, st.Exempt) {
					if !yield(standingRow(st.Branch, p), nil) {
						return
					}
				}
			}
		}})
}

func standingRow(b party.Branch, p party.Place) []any {
	row := []any{b.Name, p.Rank, p.Member.Name, party.ClassNames[p.Member.Class], number(p.Base), number(p.Earned), number(p.Awarded), number(p.Score), nil, "", p.Pace()}
	if p.Goal > 0 {
		row[8], row[9] = number(p.Goal), fmt.Sprintf("%d%%", p.Progress)
	}
	if e := p.Exemption; e != nil {
		row[1], row[10] = nil, "免考核："+party.ReasonNames[e.Reason]+"，"+spanText(e.From, e.To)
	}
	return row
}

// houseLine is a household with what it has.
type houseLine struct {
	Household
	group   string
	members int
	balance points.Amount
	score   points.Amount // of the calendar year
}

// householdSheet is the list of households with their balances.
func (s *Server) householdSheet(ctx context.Context, c *Call, in HouseholdQuery) (*file, error) {
	year := cal.MonthOf(s.deps.DB.Now()).Year()
	var about []string
	if in.Q != "" {
		about = append(about, "查找："+in.Q)
	}
	return s.handOut(ctx, c, handout{title: "户名单和积分", region: in.Village.V, period: cal.DayOf(s.deps.DB.Now()).Chinese(), about: about, narrow: "选一个村或一个组",
		heads: []xlsx.Head{{Header: "户码", Width: 12}, {Header: "户主", Width: 12}, {Header: "组", Width: 16}, {Header: "住址", Width: 22}, {Header: "人口", Kind: xlsx.Amount, Width: 7, Sum: true},
			{Header: "可用积分", Kind: xlsx.Amount, Width: 11, Sum: true}, {Header: fmt.Sprintf("%d年得分", year), Kind: xlsx.Amount, Width: 12, Sum: true}, {Header: "状态", Width: 9}},
		rows: pages(func(q PageQuery) (Page[houseLine], error) {
			in.PageQuery = q
			page, err := s.householdPage(ctx, c.Actor, in)
			if err != nil {
				return Page[houseLine]{}, err
			}
			lines, err := s.houseLines(ctx, page.Items, year)
			return Page[houseLine]{lines, page.Next}, err
		}, func(h houseLine) []any {
			state := "现住"
			switch h.State {
			case householdStates[people.HouseholdMoved]:
				state = "已迁出"
			case householdStates[people.HouseholdMerged]:
				state = "已并户"
			}
			return []any{h.CodeText, h.HeadName, h.group, h.Address, h.members, number(h.balance), number(h.score), state}
		})})
}

func (s *Server) houseLines(ctx context.Context, list []Household, year int) (out []houseLine, err error) {
	var ids, groups []id.ID
	var wallets []ledger.Ref
	for _, h := range list {
		ids, groups, wallets = append(ids, h.ID), append(groups, h.Group), append(wallets, ledger.Wallet(h.Village, h.ID))
	}
	err = s.deps.DB.Read(ctx, func(tx db.Tx) error {
		balances, err := ledger.Balances(tx, wallets...)
		if err != nil {
			return err
		}
		scores, err := ledger.Scores(tx, ledger.Points, ids, cal.Month(year*100+1), cal.Month(year*100+12))
		if err != nil {
			return err
		}
		members, err := people.Members(tx, ids)
		if err != nil {
			return err
		}
		regions, err := people.RegionsByID(tx, distinct(groups))
		if err != nil {
			return err
		}
		out = make([]houseLine, len(list))
		for i, h := range list {
			out[i] = houseLine{Household: h, group: regions[h.Group].Name, balance: balances[wallets[i]], score: scores[h.ID]}
			for _, m := range members[h.ID] {
				if m.Here() {
					out[i].members++
				}
			}
		}
		return nil
	})
	return out, err
}
