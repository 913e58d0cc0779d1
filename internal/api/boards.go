package api

import (
	"context"
	"slices"
	"time"

	"jishan/internal/auth"
	"jishan/internal/board"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/points"
)

const tagBoards = "积分榜"

// BoardRow is one line of a board.
type BoardRow struct {
	Rank        int           `json:"rank" doc:"同分同名次：1、2、2、4"`
	ID          id.ID         `json:"id"`
	Name        string        `json:"name"`
	Village     id.ID         `json:"village"`
	VillageName string        `json:"village_name"`
	Group       id.ID         `json:"group,omitempty"`
	GroupName   string        `json:"group_name,omitempty"`
	Score       points.Amount `json:"score" doc:"村和支部为平均分"`
	Trend       string        `json:"trend,omitempty" enum:"up,down,same,new" doc:"与上一时段相比"`
	By          int           `json:"by,omitempty" doc:"升降多少名"`
	Mine        bool          `json:"mine,omitempty" doc:"是我家"`
}

// Board is a part of a board.
type Board struct {
	Items      []BoardRow `json:"items"`
	Total      int        `json:"total" doc:"榜上共多少"`
	Found      bool       `json:"found" doc:"查自己的位置时：是否在榜上"`
	Source     string     `json:"source" enum:"redis,snapshot,ledger" doc:"从哪里读来"`
	Period     Period     `json:"period"`
	PeriodName string     `json:"period_name"`
	Scope      id.ID      `json:"scope"`
	ScopeName  string     `json:"scope_name"`
	ScopeKind  string     `json:"scope_kind" enum:"county,township,village,group"`
	Subject    string     `json:"subject" enum:"household,person,member,branch,village"`
}

// BoardPeriod is a period that a board can be asked for.
type BoardPeriod struct {
	Period  Period     `json:"period"`
	Name    string     `json:"name"`
	KeptAt  *time.Time `json:"kept_at,omitempty" doc:"已存档的时间"`
	Members int        `json:"members,omitempty"`
}

// BoardMenu says which boards a scope has.
type BoardMenu struct {
	Subjects []string      `json:"subjects"`
	Current  []BoardPeriod `json:"current" doc:"本月、本季度、本年、本积分年度、累计"`
	Kept     []BoardPeriod `json:"kept" doc:"已结束并存档的时段，新的在前"`
}

// BoardQuery names a board.
type BoardQuery struct {
	Scope   Key    `query:"scope" required:"true" doc:"组、村、乡镇或县"`
	Subject string `query:"subject" enum:"household,person,member,branch,village" default:"household"`
	Period  Period `query:"period" doc:"不填为本月"`
}

// readable decides whether the actor may see the scope's board of the subject, and says which region the scope is. Officers see
// their regions and what those lie in; villagers the regions that contain a household of theirs. Party boards are for those who
// may read party scores, and for villagers with a party member at home.
func (s *Server) readable(ctx context.Context, actor auth.Actor, scope id.ID, subject board.Subject) (r people.Region, err error) {
	var inside []people.Household
	err = s.deps.DB.Read(ctx, func(tx db.Tx) error {
		found, err := people.RegionsByID(tx, []id.ID{scope})
		if err != nil {
			return err
		}
		var ok bool
		if r, ok = found[scope]; !ok {
			return errs.ErrNotFound.New()
		}
		if actor.Kind == auth.KindVillager {
			inside, err = villagerInside(tx, actor, r)
			return err
		}
		return officerReads(tx, actor, r, subject)
	})
	if err != nil || actor.Kind != auth.KindVillager || !isParty(subject) {
		return r, err
	}
	members, err := s.partyAtHome(ctx, inside)
	if err == nil && len(members) == 0 {
		err = errs.ErrNotFound.New()
	}
	return r, err
}

func officerReads(tx db.Tx, actor auth.Actor, scope people.Region, subject board.Subject) error {
	p := auth.BoardRead
	if isParty(subject) {
		p = auth.PartyRead
	}
	err := actor.InRegion(p, scope.ID)
	if err == nil || isParty(subject) || !actor.Can(p) {
		return err
	}
	reach, _ := actor.Reach(p)
	below, rerr := people.RegionsByID(tx, reach)
	if rerr != nil {
		return rerr
	}
	for _, b := range below {
		if contains(scope, b) {
			return nil
		}
	}
	return err
}

func isParty(s board.Subject) bool { return s == board.Member || s == board.Branch }

// contains reports whether inner lies in outer.
func contains(outer, inner people.Region) bool {
	return outer.ID == inner.ID || outer.ID == inner.Village || outer.ID == inner.Township || outer.ID == inner.County
}

// villagerInside are the villager's households within the scope; none is errs.ErrNotFound.
func villagerInside(tx db.Tx, actor auth.Actor, scope people.Region) ([]people.Household, error) {
	houses, err := people.HouseholdsByID(tx, actor.Households)
	if err != nil {
		return nil, err
	}
	var villages []id.ID
	for _, h := range houses {
		villages = append(villages, h.Village)
	}
	regions, err := people.RegionsByID(tx, distinct(villages))
	if err != nil {
		return nil, err
	}
	var inside []people.Household
	for _, h := range houses {
		if h.Group == scope.ID || contains(scope, regions[h.Village]) {
			inside = append(inside, h)
		}
	}
	if len(inside) == 0 {
		return nil, errs.ErrNotFound.New()
	}
	return inside, nil
}

func (s *Server) boardOut(ctx context.Context, c *Call, q BoardQuery, read func(board.Query) (board.Page, error)) (out Board, err error) {
	subject := board.Subject(q.Subject)
	scope, err := s.readable(ctx, c.Actor, q.Scope.V, subject)
	if err != nil {
		return out, err
	}
	if !slices.Contains(board.Subjects(scope.Kind), subject) {
		return out, board.ErrSubject.New()
	}
	period := s.orThisMonth(q.Period.V)
	page, err := read(board.Query{Scope: scope.ID, Subject: subject, Period: period, FullNames: !board.MaskFor(c.Actor, scope.ID)})
	if err != nil {
		return out, err
	}
	return Board{Total: page.Total, Found: page.Found, Source: string(page.Source), Period: Period{period}, PeriodName: period.Chinese(),
		Scope: scope.ID, ScopeName: scope.Name, ScopeKind: regionKinds[scope.Kind], Subject: q.Subject,
		Items: mapped(page.Rows, func(r board.Row) BoardRow {
			return BoardRow{Rank: r.Rank, ID: r.ID, Name: r.Name, Village: r.Village, VillageName: r.VillageName, Group: r.Group, GroupName: r.GroupName,
				Score: r.Score, Trend: string(r.Movement.Trend), By: r.Movement.By, Mine: slices.Contains(c.Actor.Households, r.ID)}
		})}, nil
}

func (s *Server) boardTop(ctx context.Context, c *Call, q BoardQuery, offset, limit int) (Board, error) {
	return s.boardOut(ctx, c, q, func(q board.Query) (board.Page, error) {
		q.Offset, q.Limit = offset, limit
		return s.deps.Board.Top(ctx, q)
	})
}

func (s *Server) boardOps() {
	op := func(o Op) Op { o.Tag, o.Perm, o.Audience = tagBoards, auth.BoardRead, Officers|Villagers; return o }

	register(s, op(Op{ID: "board-top", Method: "GET", Path: "/boards", Summary: "积分榜", Note: "从第 offset 名之后起。村民看得到自家所在的组、村、乡镇、县。"}),
		func(ctx context.Context, c *Call, in *struct {
			BoardQuery
			Offset int `query:"offset" minimum:"0" maximum:"1000000"`
			Limit  int `query:"limit" default:"20" minimum:"1" maximum:"200"`
		}) (Board, error) {
			return s.boardTop(ctx, c, in.BoardQuery, in.Offset, in.Limit)
		})
	registerFile(s, Op{ID: "board-export", Method: "GET", Path: "/boards.xlsx", Summary: "积分榜，Excel", Note: noteExport, Tag: tagBoards, Perm: auth.BoardRead, Audience: Officers},
		func(ctx context.Context, c *Call, in *BoardQuery) (*file, error) { return s.boardSheet(ctx, c, *in) })
	register(s, op(Op{ID: "board-around", Method: "GET", Path: "/boards/around", Summary: "在榜上的位置和前后几名"}),
		func(ctx context.Context, c *Call, in *struct {
			BoardQuery
			ID Key `query:"id" required:"true" doc:"哪一户、哪个人、哪个村……"`
			N  int `query:"n" default:"3" minimum:"0" maximum:"50" doc:"前后各几名"`
		}) (Board, error) {
			return s.boardOut(ctx, c, in.BoardQuery, func(q board.Query) (board.Page, error) { return s.deps.Board.Around(ctx, q, in.ID.V, in.N) })
		})
	register(s, op(Op{ID: "board-menu", Method: "GET", Path: "/boards/periods", Summary: "一个地方有哪些榜、哪些时段"}),
		func(ctx context.Context, c *Call, in *struct {
			Scope   Key    `query:"scope" required:"true" doc:"组、村、乡镇或县"`
			Subject string `query:"subject" enum:"household,person,member,branch,village" default:"household"`
		}) (out BoardMenu, err error) {
			subject := board.Subject(in.Subject)
			scope, err := s.readable(ctx, c.Actor, in.Scope.V, subject)
			if err != nil {
				return out, err
			}
			current, err := s.deps.Board.Current(ctx, scope.ID)
			if err != nil {
				return out, err
			}
			kept, err := s.deps.Board.KeptPeriods(ctx, scope.ID, subject)
			return BoardMenu{
				Subjects: mapped(board.Subjects(scope.Kind), func(x board.Subject) string { return string(x) }),
				Current:  mapped(current[:], func(p cal.Period) BoardPeriod { return BoardPeriod{Period: Period{p}, Name: p.Chinese()} }),
				Kept: mapped(kept, func(k board.Kept) BoardPeriod {
					return BoardPeriod{Period: Period{k.Period}, Name: k.Period.Chinese(), KeptAt: &k.At, Members: k.Members}
				}),
			}, err
		})
	registerEmpty(s, Op{ID: "board-rebuild", Method: "POST", Path: "/admin/boards/rebuild", Summary: "从账本重建积分榜", Note: "不影响加减分和兑换。", Tag: tagBoards, Perm: auth.JobsRun, Audience: Officers},
		func(ctx context.Context, _ *Call, in *struct {
			Scope Key `query:"scope" doc:"只重建一个地方的，不填为全部"`
		}) error {
			if in.Scope.V != 0 {
				return s.deps.Board.Rebuild(ctx, in.Scope.V)
			}
			return s.deps.Board.Rebuild(ctx)
		})
}
