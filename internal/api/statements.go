package api

import (
	"context"
	"time"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
)

const tagLedger = "积分账"

// Balance is what a household has and has earned.
type Balance struct {
	Household id.ID          `json:"household"`
	Balance   points.Amount  `json:"balance" doc:"可用积分"`
	Expiring  []ExpiringLot  `json:"expiring" doc:"有期限的积分，先到期的在前"`
	Scores    []PeriodPoints `json:"scores" doc:"累计积分：本月、本季度、本年、本积分年度、全部"`
}

// ExpiringLot is points with a last day.
type ExpiringLot struct {
	Day    cal.Day       `json:"day" doc:"最后一天"`
	Points points.Amount `json:"points"`
}

// PeriodPoints is a score in a period.
type PeriodPoints struct {
	Period Period        `json:"period"`
	Name   string        `json:"name"`
	Points points.Amount `json:"points"`
}

// StatementLine is one line of a statement.
type StatementLine struct {
	Village    id.ID         `json:"village"`
	Number     int64         `json:"number" doc:"本村账上的第几号"`
	Kind       string        `json:"kind" enum:"award,deduct,redeem,refund,expire,settle,reverse,opening,transfer"`
	KindName   string        `json:"kind_name"`
	Day        cal.Day       `json:"day" doc:"事情发生的日期"`
	At         time.Time     `json:"at" doc:"记账时间"`
	Amount     points.Amount `json:"amount" doc:"余额的变动"`
	Balance    points.Amount `json:"balance" doc:"变动后的余额"`
	Score      points.Amount `json:"score" doc:"累计积分的变动；兑换不影响"`
	Person     id.ID         `json:"person,omitempty"`
	PersonName string        `json:"person_name,omitempty" doc:"谁得的"`
	Reason     string        `json:"reason" doc:"为什么"`
	Reverses   int64         `json:"reverses,omitempty" doc:"撤销的是第几号"`
}

// LedgerEntry is one side of a movement.
type LedgerEntry struct {
	Account string         `json:"account" doc:"账户"`
	Owner   id.ID          `json:"owner,omitempty"`
	Amount  points.Amount  `json:"amount"`
	Lot     cal.Day        `json:"lot,omitempty" doc:"这部分积分的最后一天"`
	Balance *points.Amount `json:"balance,omitempty"`
}

// LedgerTransaction is one numbered transaction of a village's book.
type LedgerTransaction struct {
	StatementLine
	Asset    string        `json:"asset" enum:"points,party"`
	Hash     string        `json:"hash" doc:"本号的校验码"`
	Previous string        `json:"previous" doc:"上一号的校验码"`
	Entries  []LedgerEntry `json:"entries"`
}

var (
	kinds = words[ledger.Kind]{ledger.Award: "award", ledger.Deduct: "deduct", ledger.Redeem: "redeem", ledger.Refund: "refund", ledger.Expire: "expire",
		ledger.Settle: "settle", ledger.Reverse: "reverse", ledger.Opening: "opening", ledger.Transfer: "transfer"}
	assets   = words[ledger.Asset]{ledger.Points: "points", ledger.PartyScore: "party"}
	accounts = map[ledger.AccountKind]string{ledger.KindWallet: "户", ledger.KindParty: "党员", ledger.KindIssue: "发放", ledger.KindMerchant: "商户",
		ledger.KindSettled: "已结算", ledger.KindExpired: "已过期"}
)

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func lineOut(l ledger.Line, names map[id.ID]people.Villager) StatementLine {
	return StatementLine{Village: l.Tx.Book, Number: l.Tx.Number, Kind: kinds[l.Tx.Kind], KindName: l.Tx.Kind.Name(), Day: l.Tx.Day, At: instant(l.Tx.At),
		Amount: l.Amount, Balance: l.Balance, Score: l.Tx.Score, Person: l.Tx.Person, PersonName: names[l.Tx.Person].Name, Reason: l.Tx.Reason, Reverses: l.Tx.Reverses}
}

// mayHousehold decides whether the actor may read what is the household's: officers where it lives, villagers their own.
func mayHousehold(tx db.Tx, actor auth.Actor, household id.ID) (people.Household, error) {
	if actor.Kind == auth.KindVillager {
		if err := actor.OwnHousehold(auth.HouseholdRead, household); err != nil {
			return people.Household{}, err
		}
	}
	found, err := people.HouseholdsByID(tx, []id.ID{household})
	if err != nil {
		return people.Household{}, err
	}
	h, ok := found[household]
	if !ok {
		return h, errs.ErrNotFound.New()
	}
	if actor.Kind != auth.KindVillager {
		if err := actor.InRegion(auth.PeopleRead, h.Village); err != nil {
			return people.Household{}, err
		}
	}
	return h, nil
}

// mayVillager decides it for what is a person's, by the household.
func mayVillager(tx db.Tx, actor auth.Actor, villager id.ID) (v people.Villager, h people.Household, err error) {
	found, err := people.VillagersByID(tx, []id.ID{villager})
	if err != nil {
		return v, h, err
	}
	v, ok := found[villager]
	if !ok {
		return v, h, errs.ErrNotFound.New()
	}
	h, err = mayHousehold(tx, actor, v.Household)
	return v, h, err
}

// balance is a household's balance, expiring points and scores of today's periods.
func (s *Server) balance(ctx context.Context, actor auth.Actor, household id.ID) (out Balance, err error) {
	err = s.deps.DB.Read(ctx, func(tx db.Tx) error {
		h, err := mayHousehold(tx, actor, household)
		if err != nil {
			return err
		}
		wallet := ledger.Wallet(h.Village, h.ID)
		balances, err := ledger.Balances(tx, wallet)
		if err != nil {
			return err
		}
		lots, err := ledger.Lots(tx, wallet)
		if err != nil {
			return err
		}
		out = Balance{Household: h.ID, Balance: balances[wallet], Expiring: mapped(lots, func(l ledger.Lot) ExpiringLot { return ExpiringLot{l.Expires, l.Amount} })}
		set, err := people.SettingsOf(tx, h.Village)
		if err != nil {
			return err
		}
		start := set[h.Village].SchemeStart
		for _, p := range cal.PeriodsOf(cal.MonthOf(tx.Now), start) {
			from, to := p.Months(start)
			scores, err := ledger.Scores(tx, ledger.Points, []id.ID{h.ID}, from, to)
			if err != nil {
				return err
			}
			out.Scores = append(out.Scores, PeriodPoints{Period{p}, p.Chinese(), scores[h.ID]})
		}
		return nil
	})
	return out, err
}

// personNames are the people that lines name.
func personNames(tx db.Tx, list []ledger.Line) (map[id.ID]people.Villager, error) {
	var persons []id.ID
	for _, l := range list {
		if l.Tx.Person != 0 {
			persons = append(persons, l.Tx.Person)
		}
	}
	return people.VillagersByID(tx, persons)
}

// lines pages a statement that read gives newest first.
func lines(tx db.Tx, q PageQuery, read func(before int64, limit int) ([]ledger.Line, error)) (page Page[StatementLine], err error) {
	before, err := position[int64](q.Cursor)
	if err != nil {
		return page, err
	}
	list, err := read(before, q.Limit)
	if err != nil {
		return page, err
	}
	names, err := personNames(tx, list)
	if err != nil {
		return page, err
	}
	page.Items = mapped(list, func(l ledger.Line) StatementLine { return lineOut(l, names) })
	if len(list) == q.Limit {
		page.Next = cursor(list[len(list)-1].Tx.Number)
	}
	return page, nil
}

func (s *Server) householdStatement(ctx context.Context, actor auth.Actor, household id.ID, q PageQuery) (page Page[StatementLine], err error) {
	err = s.deps.DB.Read(ctx, func(tx db.Tx) error {
		h, err := mayHousehold(tx, actor, household)
		if err != nil {
			return err
		}
		page, err = lines(tx, q, func(before int64, limit int) ([]ledger.Line, error) {
			return ledger.Statement(tx, ledger.Wallet(h.Village, h.ID), before, limit)
		})
		return err
	})
	return page, err
}

func (s *Server) villagerStatement(ctx context.Context, actor auth.Actor, villager id.ID, q PageQuery) (page Page[StatementLine], err error) {
	err = s.deps.DB.Read(ctx, func(tx db.Tx) error {
		v, _, err := mayVillager(tx, actor, villager)
		if err != nil {
			return err
		}
		page, err = lines(tx, q, func(before int64, limit int) ([]ledger.Line, error) {
			return ledger.PersonStatement(tx, v.Village, v.ID, before, limit)
		})
		return err
	})
	return page, err
}

func (s *Server) transaction(ctx context.Context, actor auth.Actor, village id.ID, number int64) (out LedgerTransaction, err error) {
	if err := actor.InRegion(auth.AwardRead, village); err != nil {
		return out, err
	}
	err = s.deps.DB.Read(ctx, func(tx db.Tx) error {
		key := ledger.Key{Book: village, Number: number}
		found, err := ledger.Load(tx, key)
		if err != nil {
			return err
		}
		t, ok := found[key]
		if !ok || t.Asset == ledger.PartyScore && actor.InRegion(auth.PartyRead, village) != nil {
			return errs.ErrNotFound.New()
		}
		names, err := people.VillagersByID(tx, []id.ID{t.Person})
		if err != nil {
			return err
		}
		line := ledger.Line{Tx: t}
		entries := mapped(t.Entries, func(e ledger.Entry) LedgerEntry {
			o := LedgerEntry{Account: accounts[e.Ref.Kind], Owner: e.Ref.Owner, Amount: e.Amount, Lot: e.Lot}
			if e.Tracked {
				line.Amount, line.Balance = line.Amount+e.Amount, e.Balance
				o.Balance = ptr(e.Balance)
			}
			return o
		})
		out = LedgerTransaction{lineOut(line, names), assets[t.Asset], hex(t.Hash), hex(t.Prev), entries}
		return nil
	})
	return out, err
}

func (s *Server) statementOps() {
	type paged struct {
		ByID
		PageQuery
	}
	register(s, Op{ID: "household-balance", Method: "GET", Path: "/households/{id}/balance", Summary: "一户的可用积分和累计积分", Tag: tagLedger, Perm: auth.PeopleRead, Audience: Officers},
		func(ctx context.Context, c *Call, in *ByID) (Balance, error) { return s.balance(ctx, c.Actor, in.ID.V) })
	register(s, Op{ID: "household-statement", Method: "GET", Path: "/households/{id}/statement", Summary: "一户的积分明细", Note: "新的在前。", Tag: tagLedger, Perm: auth.PeopleRead, Audience: Officers},
		func(ctx context.Context, c *Call, in *paged) (Page[StatementLine], error) {
			return s.householdStatement(ctx, c.Actor, in.ID.V, in.PageQuery)
		})
	register(s, Op{ID: "villager-statement", Method: "GET", Path: "/villagers/{id}/statement", Summary: "一位村民得的分", Note: "新的在前；分数记在户的账上。", Tag: tagLedger, Perm: auth.PeopleRead, Audience: Officers},
		func(ctx context.Context, c *Call, in *paged) (Page[StatementLine], error) {
			return s.villagerStatement(ctx, c.Actor, in.ID.V, in.PageQuery)
		})
	s.statementSheetOps()
	register(s, Op{ID: "ledger-transaction", Method: "GET", Path: "/villages/{id}/ledger/{number}", Summary: "账上的第几号", Note: "连同分录和校验码。", Tag: tagLedger, Perm: auth.AwardRead, Audience: Officers},
		func(ctx context.Context, c *Call, in *struct {
			ByID
			Number int64 `path:"number" minimum:"1"`
		}) (LedgerTransaction, error) {
			return s.transaction(ctx, c.Actor, in.ID.V, in.Number)
		})
}
