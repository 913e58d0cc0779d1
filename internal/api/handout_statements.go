package api

import (
	"context"
	"fmt"
	"iter"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/xlsx"
)

const noteStatement = "先记的在前，带结余和合计，按 A4 打印；from、to 为记账的日期，不填为全部。一次最多 20000 行。"

// statementSpan names a statement and the days of booking it is about.
type statementSpan struct {
	ByID
	From Date `query:"from" doc:"从哪天记的账起"`
	To   Date `query:"to" doc:"到哪天记的账止，含这一天"`
}

// statementReader gives the oldest lines above a number.
type statementReader func(tx db.Tx, after int64, limit int) ([]ledger.Line, error)

// statementPage reads lines with the names of those who earned them.
func (s *Server) statementPage(ctx context.Context, read statementReader, after int64) (list []ledger.Line, names map[id.ID]people.Villager, err error) {
	err = s.deps.DB.Read(ctx, func(tx db.Tx) error {
		if list, err = read(tx, after, handoutPage); err != nil {
			return err
		}
		names, err = personNames(tx, list)
		return err
	})
	return list, names, err
}

// statementRows are a statement as a book is read: what was there before, each line with the balance after it, what is left. The
// balance is added up from the first line on, so that it is right for accounts and for persons, who have none of their own.
func (s *Server) statementRows(ctx context.Context, in statementSpan, read statementReader) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		var balance points.Amount
		opened := false
		open := func() bool {
			opened = true
			return yield([]any{nil, nil, "上期结余", nil, nil, nil, nil, number(balance)}, nil)
		}
		var after int64
		for {
			list, names, err := s.statementPage(ctx, read, after)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, l := range list {
				after = l.Tx.Number
				booked := cal.DayOf(instant(l.Tx.At))
				if in.To.V != 0 && booked > in.To.V {
					continue
				}
				if booked >= in.From.V {
					if !opened && !open() {
						return
					}
					if !yield(statementRow(l, names, balance+l.Amount), nil) {
						return
					}
				}
				balance += l.Amount
			}
			if len(list) < handoutPage {
				break
			}
		}
		if !opened && !open() {
			return
		}
		yield([]any{nil, nil, "期末结余", nil, nil, nil, nil, number(balance)}, nil)
	}
}

var statementHeads = []xlsx.Head{{Header: "号", Kind: xlsx.Amount, Width: 8}, {Header: "日期", Kind: xlsx.Date, Width: 12}, {Header: "类别", Width: 10}, {Header: "为什么", Width: 40},
	{Header: "谁得的", Width: 10}, {Header: "增加", Kind: xlsx.Amount, Width: 10, Sum: true}, {Header: "减少", Kind: xlsx.Amount, Width: 10, Sum: true}, {Header: "结余", Kind: xlsx.Amount, Width: 10}}

func statementRow(l ledger.Line, names map[id.ID]people.Villager, balance points.Amount) []any {
	why := l.Tx.Reason
	if l.Tx.Reverses != 0 {
		why += fmt.Sprintf("（撤销第 %d 号）", l.Tx.Reverses)
	}
	row := []any{l.Tx.Number, l.Tx.Day, l.Tx.Kind.Name(), why, names[l.Tx.Person].Name, nil, nil, number(balance)}
	if l.Amount < 0 {
		row[6] = number(l.Amount.Abs())
	} else {
		row[5] = number(l.Amount)
	}
	return row
}

// householdStatementSheet is a household's wallet.
func (s *Server) householdStatementSheet(ctx context.Context, c *Call, in statementSpan) (*file, error) {
	var h people.Household
	err := s.deps.DB.Read(ctx, func(tx db.Tx) (err error) {
		h, err = mayHousehold(tx, c.Actor, in.ID.V)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.statementSheet(ctx, c, h.HeadName+"家积分明细", h.Village, "户码："+people.FormatHouseCode(h.Code), in, func(tx db.Tx, after int64, limit int) ([]ledger.Line, error) {
		return ledger.Forward(tx, ledger.Wallet(h.Village, h.ID), after, limit)
	})
}

// villagerSheet is what a person has earned; it went to the wallet of the household.
func (s *Server) villagerSheet(ctx context.Context, c *Call, in statementSpan) (*file, error) {
	var v people.Villager
	var h people.Household
	err := s.deps.DB.Read(ctx, func(tx db.Tx) (err error) {
		v, h, err = mayVillager(tx, c.Actor, in.ID.V)
		return err
	})
	if err != nil {
		return nil, err
	}
	about := "所在户：" + h.HeadName + "家" + gap + "户码：" + people.FormatHouseCode(h.Code) + gap + "分数记在户的账上，这里是本人得的累计"
	return s.statementSheet(ctx, c, v.Name+"得分明细", v.Village, about, in, func(tx db.Tx, after int64, limit int) ([]ledger.Line, error) {
		return ledger.PersonForward(tx, v.Village, v.ID, after, limit)
	})
}

// memberSheet is a party member's score; the caller has checked that it may be read.
func (s *Server) memberSheet(ctx context.Context, c *Call, m party.Member, in statementSpan) (*file, error) {
	return s.statementSheet(ctx, c, m.Name+"党员积分明细", m.Village, "党员积分只作考核，不能兑换；不含基础分", in, func(tx db.Tx, after int64, limit int) ([]ledger.Line, error) {
		return ledger.Forward(tx, ledger.Party(m.Village, m.ID), after, limit)
	})
}

func (s *Server) statementSheet(ctx context.Context, c *Call, title string, village id.ID, about string, in statementSpan, read statementReader) (*file, error) {
	return s.handOut(ctx, c, handout{title: title, region: village, period: spanText(in.From.V, in.To.V), about: []string{about}, heads: statementHeads,
		rows: s.statementRows(ctx, in, read), narrow: "选一个年份"})
}

func (s *Server) statementSheetOps() {
	op := func(o Op) Op {
		o.Method, o.Note, o.Tag, o.Perm, o.Audience = "GET", noteStatement, tagLedger, auth.PeopleRead, Officers
		return o
	}
	registerFile(s, op(Op{ID: "household-statement-export", Path: "/households/{id}/statement.xlsx", Summary: "一户的积分明细，Excel"}),
		func(ctx context.Context, c *Call, in *statementSpan) (*file, error) {
			return s.householdStatementSheet(ctx, c, *in)
		})
	registerFile(s, op(Op{ID: "villager-statement-export", Path: "/villagers/{id}/statement.xlsx", Summary: "一位村民得的分，Excel"}),
		func(ctx context.Context, c *Call, in *statementSpan) (*file, error) {
			return s.villagerSheet(ctx, c, *in)
		})
}
