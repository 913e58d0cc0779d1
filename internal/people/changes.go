package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/notice"
	"jishan/internal/points"
)

// Why a change cannot be undone.
var (
	ErrUndone     = errs.Define(errs.Conflict, "household.undone", "这次分户或并户已经撤销过了")
	ErrUndoLater  = errs.Define(errs.Refused, "household.undo_later", "办理以后户里又有变动，不能直接撤销，请用分户或并户重新办理")
	ErrUndoPoints = errs.Define(errs.Refused, "household.undo_points", "转过去的积分已经用掉一部分，不够退回，不能撤销；请用分户重新办理，按现有的积分分")
)

// Change is a split or a merge as it was done.
type Change struct {
	ID, Village  id.ID
	Kind         ChangeKind
	From, To     Household // as they are now
	Number       int64     // of the ledger transaction
	Points       points.Amount
	People       []string // names of those who moved
	Reason       string
	ActorName    string
	At           time.Time
	Undone       bool
	UndoneAt     time.Time
	UndoneName   string
	UndoneReason string
	UndoneNumber int64
	was          before
}

func (r changeRow) change(houses map[id.ID]Household) (Change, error) {
	c := Change{ID: r.ID, Village: r.VillageID, Kind: r.Kind, From: houses[r.FromID], To: houses[r.ToID], Number: r.Number, Points: r.Points,
		Reason: r.Reason, ActorName: r.ActorName, At: time.UnixMilli(r.At).UTC(), UndoneName: r.UndoneName, UndoneReason: r.UndoneReason, UndoneNumber: r.UndoneNumber}
	if r.UndoneAt != 0 {
		c.Undone, c.UndoneAt = true, time.UnixMilli(r.UndoneAt).UTC()
	}
	if err := json.Unmarshal([]byte(r.People), &c.was); err != nil {
		return c, fmt.Errorf("reading how households were: %w", err)
	}
	for _, p := range c.was.People {
		if p.Moved {
			c.People = append(c.People, p.Name)
		}
	}
	return c, nil
}

func changes(tx db.Tx, query string, args ...any) ([]Change, error) {
	var rows []changeRow
	if err := tx.Raw(query, args...).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading splits and merges: %w", err)
	}
	var ids []id.ID
	for _, r := range rows {
		ids = append(ids, r.FromID, r.ToID)
	}
	houses, err := HouseholdsByID(tx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]Change, len(rows))
	for i, r := range rows {
		if out[i], err = r.change(houses); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Changes are the splits and merges that a household was part of, newest first. Needs people.read where it lives.
func (s *Service) Changes(ctx context.Context, actor auth.Actor, household id.ID) (out []Change, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		if _, err := s.household(tx, actor, auth.PeopleRead, household); err != nil {
			return err
		}
		cols := strings.Join(changeColumns, ", ")
		out, err = changes(tx, "SELECT "+cols+" FROM household_changes WHERE from_id = ? UNION SELECT "+cols+" FROM household_changes WHERE to_id = ?", household, household)
		slices.SortFunc(out, func(a, b Change) int { return b.At.Compare(a.At) })
		return err
	})
	return out, err
}

// UndoChange undoes a split or a merge: the points go back by a reversal, whole or not at all (ErrUndoPoints), and the people return
// to where they were, with their relations. What a merge closed is open again; what a split founded is merged back. It is refused
// (ErrUndoLater) once something else has happened that this would tear apart: points booked to or from the household that goes or
// comes back, people who have come or gone. Needs people.regroup where the households live.
func (s *Service) UndoChange(ctx context.Context, actor auth.Actor, req idempotency.Request, change id.ID, reason string) (out Change, err error) {
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		c, err := changeByID(tx, actor, change, "")
		if err != nil {
			return err
		}
		reason, err := cleanReason(reason)
		if err != nil {
			return err
		}
		key := ledger.Key{Book: c.Village, Number: c.Number}
		origs, err := ledger.Load(tx, key)
		if err != nil {
			return err
		}
		b := ledger.Begin(tx)
		if err := b.Lock(origs[key].Refs()...); err != nil {
			return err
		}
		out, _, err = idempotency.Do(tx, req, func() (Change, error) { return undo(tx, b, origs[key], actor, change, reason) })
		return err
	})
	return out, err
}

func changeByID(tx db.Tx, actor auth.Actor, change id.ID, lock string) (Change, error) {
	found, err := changes(tx, "SELECT "+strings.Join(changeColumns, ", ")+" FROM household_changes WHERE id = ?"+lock, change)
	if err != nil {
		return Change{}, err
	}
	if len(found) == 0 {
		return Change{}, errs.ErrNotFound.New()
	}
	return found[0], actor.InRegion(auth.PeopleRegroup, found[0].Village)
}

func undo(tx db.Tx, b *ledger.Batch, orig ledger.Tx, actor auth.Actor, change id.ID, reason string) (out Change, err error) {
	c, err := changeByID(tx, actor, change, tx.ForUpdate())
	if err != nil {
		return out, err
	}
	if c.Undone {
		return out, ErrUndone.New()
	}
	for _, key := range []id.ID{min(c.From.ID, c.To.ID), max(c.From.ID, c.To.ID)} {
		h, err := inReach(tx, actor, auth.PeopleRegroup, key, tx.ForUpdate())
		if err != nil {
			return out, err
		}
		if key == c.From.ID {
			c.From = h
		} else {
			c.To = h
		}
	}
	if err := holdMembers(tx, c.To.ID); err != nil {
		return out, err
	}
	returning, err := mayUndo(tx, c)
	if err != nil {
		return out, err
	}
	loose, loosened := c.From, ledger.Wallet(c.Village, c.From.ID) // what a merge has closed
	if c.Kind == Split {
		loose, loosened = c.To, ledger.Wallet(c.Village, c.To.ID) // what a split has founded
	}
	if err := untouchedSince(tx, loosened, c.Number); err != nil {
		return out, err
	}
	r := ledger.Reversal{Kind: ledger.Reverse, Actor: actor.UserID, Day: cal.DayOf(tx.Now), Month: cal.MonthOf(tx.Now),
		Reason: fmt.Sprintf("撤销第 %d 号（%s）：%s", c.Number, c.Kind.Name(), reason)}
	if c.Kind == Merge {
		b.Reopen(loosened)
	}
	posted, err := b.Reverse(orig, r)
	if errors.Is(err, ledger.ErrInsufficient) {
		return out, ErrUndoPoints.Wrap(err)
	}
	if err != nil {
		return out, err
	}
	if c.Kind == Split {
		if err := b.Close(loosened, ledger.Wallet(c.Village, c.From.ID)); err != nil {
			return out, err
		}
	}
	if err := b.Seal(); err != nil {
		return out, err
	}
	if err := putBack(tx, &c, returning); err != nil {
		return out, err
	}
	err = tx.Exec("UPDATE household_changes SET undone_at = ?, undone_by = ?, undone_name = ?, undone_reason = ?, undone_number = ? WHERE id = ?",
		tx.Millis(), actor.UserID, actor.Name, reason, posted.Number, c.ID).Error
	if err != nil {
		return out, fmt.Errorf("marking a change as undone: %w", err)
	}
	c.Undone, c.UndoneAt, c.UndoneName, c.UndoneReason, c.UndoneNumber = true, tx.Now, actor.Name, reason, posted.Number
	notices := make([]notice.Notice, 2)
	for i, h := range []Household{c.From, c.To} {
		notices[i] = notice.Notice{Village: c.Village, Household: h.ID, Kind: notice.KindHouse, Title: c.Kind.Name() + "已撤销",
			Body: fmt.Sprintf("%s 和 %s 的%s已经撤销（第 %d 号），人和积分回到原来的户。原因：%s", label(c.From), label(c.To), c.Kind.Name(), posted.Number, reason)}
	}
	if err := notice.Send(tx, notices); err != nil {
		return out, err
	}
	if err := tellBoards(tx, c.Village); err != nil {
		return out, err
	}
	return c, audit.Write(tx, actor.Audit("household.undo", "household:"+loose.ID.String(), c.Village,
		fmt.Sprintf("撤销%s：%s、%s，退回 %s 积分：%s", c.Kind.Name(), label(c.From), label(c.To), c.Points, reason)))
}

// untouchedSince is ErrUndoLater where the wallet has moved after the transaction.
func untouchedSince(tx db.Tx, wallet ledger.Ref, number int64) error {
	last, err := ledger.Statement(tx, wallet, 0, 1)
	if err == nil && (len(last) == 0 || last[0].Tx.Number != number) {
		err = ErrUndoLater.With("办理以后这户的积分又有变动，不能直接撤销，请用分户或并户重新办理")
	}
	return err
}

// mayUndo are the people who go back, if the households are still as the change has left them.
func mayUndo(tx db.Tx, c Change) ([]Villager, error) {
	found, err := Members(tx, []id.ID{c.To.ID})
	if err != nil {
		return nil, err
	}
	movers := c.was.movers()
	returning := slices.DeleteFunc(slices.Clone(found[c.To.ID]), func(v Villager) bool { return !slices.Contains(movers, v.ID) })
	in := func(key id.ID) bool {
		return slices.ContainsFunc(returning, func(v Villager) bool { return v.ID == key })
	}
	if c.Kind == Split {
		if !c.From.Active() || !c.To.Active() || len(returning) != len(found[c.To.ID]) {
			return nil, ErrUndoLater.With("分户以后两户又有人员变动，不能直接撤销，请用并户重新办理")
		}
		return returning, nil
	}
	if c.From.State != HouseholdMerged || c.From.MergedInto != c.To.ID || !c.To.Active() || !in(c.was.Head) || in(c.To.Head) {
		return nil, ErrUndoLater.With("并户以后又有人员变动，不能直接撤销，请用分户重新办理")
	}
	return returning, checkGroup(tx, c.Village, c.From.Group)
}

// putBack returns people, heads, states and log-ins to what they were before the change.
func putBack(tx db.Tx, c *Change, returning []Villager) error {
	was := map[id.ID]beforePerson{}
	for _, p := range c.was.People {
		was[p.ID] = p
	}
	back := make([]Mover, len(returning))
	for i, v := range returning {
		back[i] = Mover{v.ID, was[v.ID].Relation}
		if back[i].Relation == relationHead {
			back[i].Relation = relationFormer // unless made head again below
		}
	}
	if err := place(tx, c.From.ID, back); err != nil {
		return err
	}
	isBack := func(key id.ID) bool {
		return slices.ContainsFunc(back, func(m Mover) bool { return m.Villager == key })
	}
	if c.Kind == Merge {
		if err := setState(tx, &c.From, HouseholdHere, 0); err != nil {
			return err
		}
		if err := newHead(tx, &c.From, c.was.Head); err != nil {
			return err
		}
	} else {
		if err := setState(tx, &c.To, HouseholdMerged, c.From.ID); err != nil {
			return err
		}
		if kept, ok := was[c.From.Head]; ok && !kept.Moved && isBack(c.was.Head) {
			if err := newHead(tx, &c.From, c.was.Head); err != nil {
				return err
			}
			if err := place(tx, c.From.ID, []Mover{{kept.ID, kept.Relation}}); err != nil {
				return err
			}
		}
	}
	went := map[id.ID]beforeBinding{}
	for _, l := range c.was.Logins {
		went[l.User] = l
		if l.Had && c.Kind == Merge {
			if err := auth.BindAgain(tx, c.From.ID, auth.Rebound{User: l.User, Villager: l.Villager}); err != nil {
				return err
			}
		}
	}
	_, err := auth.Rebind(tx, c.To.ID, c.From.ID, func(user, villager id.ID) bool {
		l, known := went[user]
		return c.Kind == Split || isBack(villager) || known && !l.Had
	})
	return err
}
