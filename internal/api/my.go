package api

import (
	"context"
	"time"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/notice"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/shop"
)

const tagMy = "村民"

// MyHousehold is a household bound to the log-in.
type MyHousehold struct {
	Household
	VillageName string        `json:"village_name"`
	GroupName   string        `json:"group_name,omitempty"`
	Township    id.ID         `json:"township"`
	County      id.ID         `json:"county"`
	Villager    id.ID         `json:"villager,omitempty" doc:"绑定时认出的本人"`
	Balance     points.Amount `json:"balance" doc:"可用积分"`
	BoundAt     time.Time     `json:"bound_at"`
}

// MyHouseholds are the households bound to the log-in.
type MyHouseholds struct {
	Items []MyHousehold `json:"items"`
}

// BindInput is what somebody knows of a household.
type BindInput struct {
	HouseCode   string `json:"house_code" minLength:"1" maxLength:"40" doc:"户码，印在户卡上"`
	NameOrPhone string `json:"name_or_phone" minLength:"1" maxLength:"40" doc:"户里任一人的姓名或手机号"`
}

// MyMember is a person of one's household and what the person has earned.
type MyMember struct {
	Villager
	Score points.Amount `json:"score" doc:"本积分年度得的分"`
}

// MyMembers are the persons of one's household.
type MyMembers struct {
	Items []MyMember `json:"items"`
}

// Code is what the screen shows to be scanned.
type Code struct {
	Text      string    `json:"text"`
	ExpiresAt time.Time `json:"expires_at" doc:"到时要换新的"`
}

// Notice is one message.
type Notice struct {
	ID        id.ID      `json:"id"`
	Kind      string     `json:"kind"`
	Title     string     `json:"title"`
	Body      string     `json:"body"`
	CreatedAt time.Time  `json:"created_at"`
	ReadAt    *time.Time `json:"read_at,omitempty"`
}

// NoticePage is a stretch of an inbox.
type NoticePage struct {
	Items  []Notice `json:"items"`
	Next   string   `json:"next,omitempty"`
	Unread int64    `json:"unread" doc:"未读多少条"`
}

// NoticesRead says which messages have been read.
type NoticesRead struct {
	IDs []id.ID `json:"ids,omitempty" maxItems:"500" doc:"不填为全部"`
}

// myHouseholds adds what screens show of bound households.
func (s *Server) myHouseholds(ctx context.Context, bindings []auth.Binding) (out []MyHousehold, err error) {
	if len(bindings) == 0 {
		return []MyHousehold{}, nil
	}
	ids := mapped(bindings, func(b auth.Binding) id.ID { return b.Household })
	err = s.deps.DB.Read(ctx, func(tx db.Tx) error {
		houses, err := people.HouseholdsByID(tx, ids)
		if err != nil {
			return err
		}
		var regions []id.ID
		var wallets []ledger.Ref
		for _, h := range houses {
			regions, wallets = append(regions, h.Village, h.Group), append(wallets, ledger.Wallet(h.Village, h.ID))
		}
		places, err := people.RegionsByID(tx, distinct(regions))
		if err != nil {
			return err
		}
		balances, err := ledger.Balances(tx, wallets...)
		if err != nil {
			return err
		}
		out = mapped(bindings, func(b auth.Binding) MyHousehold {
			h := houses[b.Household]
			v := places[h.Village]
			return MyHousehold{Household: householdOut(h), VillageName: v.Name, GroupName: places[h.Group].Name, Township: v.Township, County: v.County,
				Villager: b.Villager, Balance: balances[ledger.Wallet(h.Village, h.ID)], BoundAt: b.BoundAt}
		})
		return nil
	})
	return out, err
}

// myMembers are the people of one's household with their scores of the scheme year.
func (s *Server) myMembers(ctx context.Context, actor auth.Actor, household id.ID) (out MyMembers, err error) {
	err = s.deps.DB.Read(ctx, func(tx db.Tx) error {
		h, err := mayHousehold(tx, actor, household)
		if err != nil {
			return err
		}
		found, err := people.Members(tx, []id.ID{h.ID})
		if err != nil {
			return err
		}
		members := found[h.ID]
		set, err := people.SettingsOf(tx, h.Village)
		if err != nil {
			return err
		}
		start := set[h.Village].SchemeStart
		year := cal.PeriodsOf(cal.MonthOf(tx.Now), start)[3]
		from, to := year.Months(start)
		scores, err := ledger.Scores(tx, ledger.Points, mapped(members, func(v people.Villager) id.ID { return v.ID }), from, to)
		out.Items = []MyMember{}
		for _, v := range members {
			if v.Here() {
				out.Items = append(out.Items, MyMember{villagerOut(v), scores[v.ID]})
			}
		}
		return err
	})
	return out, err
}

// bind ties the log-in to a household whose code and member the villager knows.
func (s *Server) bind(ctx context.Context, actor auth.Actor, in BindInput) (MyHouseholds, error) {
	err := s.deps.Auth.Bind(ctx, actor, func(tx db.Tx) (household, villager id.ID, err error) {
		h, v, err := s.deps.People.VerifyBinding(tx, in.HouseCode, in.NameOrPhone)
		return h.ID, v.ID, err
	})
	if err != nil {
		return MyHouseholds{}, err
	}
	return s.bound(ctx, actor)
}

func (s *Server) bound(ctx context.Context, actor auth.Actor) (MyHouseholds, error) {
	list, err := s.deps.Auth.BoundHouseholds(ctx, actor)
	if err != nil {
		return MyHouseholds{}, err
	}
	items, err := s.myHouseholds(ctx, list)
	return MyHouseholds{items}, err
}

func (s *Server) myOps() {
	op := func(o Op, p auth.Permission) Op { o.Tag, o.Perm, o.Audience = tagMy, p, Villagers; return o }
	read := func(o Op) Op { return op(o, auth.HouseholdRead) }
	type paged struct {
		ByID
		PageQuery
	}

	register(s, read(Op{ID: "my-households", Method: "GET", Path: "/my/households", Summary: "我绑定的户"}),
		func(ctx context.Context, c *Call, _ *struct{}) (MyHouseholds, error) { return s.bound(ctx, c.Actor) })
	register(s, op(Op{ID: "my-bind", Method: "POST", Path: "/my/households", Summary: "绑定一户", Note: "凭户码和户里任一人的姓名或手机号。"}, auth.HouseholdBind),
		func(ctx context.Context, c *Call, in *struct{ Body BindInput }) (MyHouseholds, error) {
			return s.bind(ctx, c.Actor, in.Body)
		})
	registerEmpty(s, op(Op{ID: "my-unbind", Method: "DELETE", Path: "/my/households/{id}", Summary: "解除绑定"}, auth.HouseholdBind),
		func(ctx context.Context, c *Call, in *ByID) error { return s.deps.Auth.Unbind(ctx, c.Actor, in.ID.V) })
	register(s, read(Op{ID: "my-balance", Method: "GET", Path: "/my/households/{id}/balance", Summary: "我家的可用积分和累计积分"}),
		func(ctx context.Context, c *Call, in *ByID) (Balance, error) { return s.balance(ctx, c.Actor, in.ID.V) })
	register(s, read(Op{ID: "my-statement", Method: "GET", Path: "/my/households/{id}/statement", Summary: "我家的积分明细"}),
		func(ctx context.Context, c *Call, in *paged) (Page[StatementLine], error) {
			return s.householdStatement(ctx, c.Actor, in.ID.V, in.PageQuery)
		})
	register(s, read(Op{ID: "my-members", Method: "GET", Path: "/my/households/{id}/members", Summary: "我家的人，各得了多少分"}),
		func(ctx context.Context, c *Call, in *ByID) (MyMembers, error) {
			return s.myMembers(ctx, c.Actor, in.ID.V)
		})
	register(s, read(Op{ID: "my-member-statement", Method: "GET", Path: "/my/villagers/{id}/statement", Summary: "我家一个人得的分"}),
		func(ctx context.Context, c *Call, in *paged) (Page[StatementLine], error) {
			return s.villagerStatement(ctx, c.Actor, in.ID.V, in.PageQuery)
		})
	register(s, read(Op{ID: "my-redemptions", Method: "GET", Path: "/my/households/{id}/redemptions", Summary: "我家的兑换"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			HundredQuery
		}) (Page[Receipt], error) {
			if err := c.Actor.OwnHousehold(auth.HouseholdRead, in.ID.V); err != nil {
				return Page[Receipt]{}, err
			}
			p, err := s.deps.Redeem.HouseholdReceipts(ctx, c.Actor, in.ID.V, in.page())
			return receiptsOut(p), err
		})
	register(s, read(Op{ID: "my-receipt", Method: "GET", Path: "/my/redemptions/{village}/{number}", Summary: "我家一笔兑换的凭证"}),
		func(ctx context.Context, c *Call, in *RedemptionPath) (Receipt, error) {
			r, err := s.deps.Redeem.Receipt(ctx, c.Actor, in.key())
			return receiptOut(r), err
		})
	s.myCardOps(op)
	s.myNoticeOps(read)
	s.myShopOps(op)
	s.myPartyOps(read)
	s.myEvaluationOps(op)
}

func (s *Server) myCardOps(op func(Op, auth.Permission) Op) {
	register(s, op(Op{ID: "my-code", Method: "GET", Path: "/my/households/{id}/code", Summary: "我的兑换码", Note: "给商户扫；到时换新的，用一次就作废。"}, auth.HouseholdSpend),
		func(ctx context.Context, c *Call, in *ByID) (Code, error) {
			code, err := s.deps.Redeem.Code(ctx, c.Actor, in.ID.V)
			return Code{code.Text, code.Expires}, err
		})
	register(s, op(Op{ID: "my-limits", Method: "GET", Path: "/my/households/{id}/limits", Summary: "我家今天最多能兑多少"}, auth.HouseholdRead),
		func(ctx context.Context, c *Call, in *ByID) (RedeemLimits, error) {
			l, err := s.deps.Redeem.Limits(ctx, c.Actor, in.ID.V)
			return limitsOut(l), err
		})
	register(s, op(Op{ID: "my-card", Method: "GET", Path: "/my/households/{id}/card", Summary: "我家的户卡"}, auth.HouseholdSpend),
		func(ctx context.Context, c *Call, in *ByID) (Card, error) {
			if err := c.Actor.OwnHousehold(auth.HouseholdSpend, in.ID.V); err != nil {
				return Card{}, err
			}
			return carded(s.deps.Redeem.Card(ctx, c.Actor, in.ID.V))
		})
	register(s, op(Op{ID: "my-pin", Method: "PUT", Path: "/my/households/{id}/pin", Summary: "设置户卡密码"}, auth.HouseholdSpend),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body PINInput
		}) (Card, error) {
			if err := c.Actor.OwnHousehold(auth.HouseholdSpend, in.ID.V); err != nil {
				return Card{}, err
			}
			return carded(s.deps.Redeem.SetPIN(ctx, c.Actor, in.ID.V, in.Body.PIN))
		})
}

func (s *Server) myNoticeOps(read func(Op) Op) {
	register(s, read(Op{ID: "my-notices", Method: "GET", Path: "/my/households/{id}/notices", Summary: "我家的消息"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			HundredQuery
		}) (NoticePage, error) {
			p, err := s.deps.Notice.List(ctx, c.Actor, in.ID.V, in.Cursor, in.Limit)
			return NoticePage{mapped(p.Notices, noticeOut), p.Next, p.Unread}, err
		})
	registerEmpty(s, read(Op{ID: "my-notices-read", Method: "POST", Path: "/my/households/{id}/notices/read", Summary: "消息已读"}),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Body NoticesRead
		}) error {
			return s.deps.Notice.MarkRead(ctx, c.Actor, in.ID.V, in.Body.IDs...)
		})
}

func noticeOut(n notice.Notice) Notice {
	out := Notice{ID: n.ID, Kind: n.Kind, Title: n.Title, Body: n.Body, CreatedAt: n.CreatedAt}
	if !n.ReadAt.IsZero() {
		out.ReadAt = &n.ReadAt
	}
	return out
}

func (s *Server) myShopOps(op func(Op, auth.Permission) Op) {
	register(s, op(Op{ID: "my-goods", Method: "GET", Path: "/my/households/{id}/goods", Summary: "我家能兑的商品"}, auth.MerchantRead),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			SearchQuery
			Merchant Key `query:"merchant"`
		}) (Page[Product], error) {
			p, err := s.deps.Shop.Goods(ctx, c.Actor, shop.GoodsQuery{Household: in.ID.V, Merchant: in.Merchant.V, Search: in.Q, Cursor: in.Cursor, Limit: in.Limit})
			return Page[Product]{mapped(p.Goods, goodOut), p.Next}, err
		})
	register(s, op(Op{ID: "my-merchants", Method: "GET", Path: "/my/households/{id}/merchants", Summary: "我家能去的商户"}, auth.MerchantRead),
		func(ctx context.Context, c *Call, in *ByID) (Offers, error) {
			list, err := s.deps.Shop.Offers(ctx, c.Actor, 0, in.ID.V)
			return Offers{mapped(list, offerOut)}, err
		})
	register(s, op(Op{ID: "my-rules", Method: "GET", Path: "/my/households/{id}/rules", Summary: "查找我们村的积分细则", Note: "做什么得几分。"}, auth.RuleRead),
		func(ctx context.Context, c *Call, in *struct {
			ByID
			RuleQuery
		}) (RuleList, error) {
			var village id.ID
			err := s.deps.DB.Read(ctx, func(tx db.Tx) error {
				h, err := mayHousehold(tx, c.Actor, in.ID.V)
				village = h.Village
				return err
			})
			if err != nil {
				return RuleList{}, err
			}
			list, err := s.deps.Rules.Search(ctx, c.Actor, in.RuleQuery.domain(village))
			return RuleList{mapped(list, ruleOut)}, err
		})
}
