package api

import (
	"context"
	"strings"
	"time"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/xlsx"
)

// AuditRecord is one action.
type AuditRecord struct {
	ID         id.ID     `json:"id"`
	At         time.Time `json:"at"`
	Actor      id.ID     `json:"actor,omitempty"`
	ActorName  string    `json:"actor_name"`
	Action     string    `json:"action"`
	ActionName string    `json:"action_name" doc:"做了什么，如：撤销加减分"`
	Region     id.ID     `json:"region,omitempty"`
	Target     string    `json:"target"`
	Summary    string    `json:"summary"`
	RequestID  string    `json:"request_id"`
	Address    string    `json:"address"`
}

// AuditQuery narrows the log.
type AuditQuery struct {
	PageQuery
	Region Key    `query:"region" doc:"只看一个村（乡镇、县）的"`
	Actor  Key    `query:"actor" doc:"只看一个人的"`
	Action string `query:"action" maxLength:"64" doc:"只看一种操作，如 award 或 award.grant"`
	From   Date   `query:"from"`
	To     Date   `query:"to" doc:"含这一天"`
}

// actionNames says what was done. Actions are named area.verb; one that is not listed is called as its area.
var actionNames = map[string]string{
	"auth": "登录", "award": "加减分", "card": "户卡", "grid": "网格", "household": "户", "villager": "村民", "party": "党员", "points": "积分", "redeem": "兑换", "region": "区划",
	"roster": "花名册", "rule": "细则", "user": "账号", "clerk": "店员", "village": "村设置", "merchant": "商户", "product": "商品", "stock": "库存", "board": "积分榜",

	"auth.login": "登录", "auth.logout": "退出登录", "auth.password": "改密码", "auth.reuse": "登录被作废", "auth.revoke": "让设备退出",
	"award.grant": "加减分", "award.reverse": "撤销加减分",
	"card.issue": "办户卡", "card.wrong_pin": "户卡密码错", "card.pin": "重设户卡密码", "card.unlock": "解锁户卡", "card.reprint": "补打户卡",
	"household.bind": "绑定手机", "household.unbind": "解除绑定", "household.create": "登记户", "household.update": "修改户",
	"villager.create": "登记村民", "villager.move": "村民换户", "villager.phone": "查看手机号", "villager.update": "修改村民",
	"points.expire": "到期清零", "points.return": "退回清零", "redeem.refund": "退货",
	"roster.import": "导入花名册", "rule.adopt": "细则生效", "user.create": "新建账号", "village.settings": "改村设置", "party.exempt": "免考核",
}

func actionName(action string) string {
	if name, ok := actionNames[action]; ok {
		return name
	}
	area, _, _ := strings.Cut(action, ".")
	if name, ok := actionNames[area]; ok {
		return name
	}
	return "其他"
}

// auditAt is a place in the audit log.
type auditAt struct {
	At int64 `json:"t"`
	ID id.ID `json:"i"`
}

// auditPage is a page of the log within the actor's reach, newest first.
func (s *Server) auditPage(ctx context.Context, actor auth.Actor, q AuditQuery) (page Page[AuditRecord], err error) {
	at, err := position[auditAt](q.Cursor)
	if err != nil {
		return page, err
	}
	f := audit.Filter{Actor: q.Actor.V, Action: q.Action}
	f.Villages, f.Anywhere = actor.Reach(auth.AuditRead)
	if q.Region.V != 0 {
		if err := actor.InRegion(auth.AuditRead, q.Region.V); err != nil {
			return page, err
		}
		f.Villages = []id.ID{q.Region.V}
	}
	if q.From.V != 0 {
		f.From = q.From.V.Time()
	}
	if q.To.V != 0 {
		f.To = q.To.V.Add(1).Time()
	}
	if !f.Anywhere && len(f.Villages) == 0 {
		return page, errs.ErrNotFound.New()
	}
	err = s.deps.DB.Read(ctx, func(tx db.Tx) error {
		list, err := audit.List(tx, f, audit.Cursor(at), q.Limit)
		page.Items = mapped(list, func(r audit.Record) AuditRecord {
			return AuditRecord{r.ID, r.At, r.ActorID, r.ActorName, r.Action, actionName(r.Action), r.Village, r.Target, r.Summary, r.RequestID, r.Address}
		})
		if len(list) == q.Limit {
			page.Next = cursor(auditAt(list[len(list)-1].Cursor()))
		}
		return err
	})
	return page, err
}

func (s *Server) auditOps() {
	op := func(o Op) Op { o.Tag, o.Perm, o.Audience = tagUsers, auth.AuditRead, Officers; return o }
	register(s, op(Op{ID: "audit-list", Method: "GET", Path: "/audit", Summary: "操作日志", Note: "新的在前。只看得到自己管理范围内的。"}),
		func(ctx context.Context, c *Call, in *AuditQuery) (Page[AuditRecord], error) {
			return s.auditPage(ctx, c.Actor, *in)
		})
	registerFile(s, op(Op{ID: "audit-export", Method: "GET", Path: "/audit.xlsx", Summary: "操作日志，Excel", Note: noteExport}),
		func(ctx context.Context, c *Call, in *AuditQuery) (*file, error) {
			return s.handOut(ctx, c, handout{title: "操作记录", region: in.Region.V, period: spanText(in.From.V, in.To.V), narrow: "选一段较短的日期，或者只看一类操作",
				heads: []xlsx.Head{{Header: "时间", Width: 18}, {Header: "操作人", Width: 12}, {Header: "做了什么", Width: 14}, {Header: "内容", Width: 50}},
				rows: pages(func(q PageQuery) (Page[AuditRecord], error) {
					in.PageQuery = q
					return s.auditPage(ctx, c.Actor, *in)
				}, func(r AuditRecord) []any { return []any{clock(r.At), r.ActorName, r.ActionName, r.Summary} })})
		})
}
