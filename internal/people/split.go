package people

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/notice"
	"jishan/internal/points"
)

// SplitOrder asks for some members of a household to found a new one.
type SplitOrder struct {
	Household id.ID
	Members   []Mover // the first becomes the new head
	StayHead  id.ID   // who becomes head of those who stay, where the head leaves
	Group     id.ID   // of the new household; zero: the same as that of the old one
	Address   string
	Points    points.Amount // that go along
	Reason    string
}

// PreviewSplit says what Split would do now; it writes nothing. Needs people.regroup where the household lives.
func (s *Service) PreviewSplit(ctx context.Context, actor auth.Actor, o SplitOrder) (out Regrouping, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		h, err := regroupable(tx, actor, o.Household, "")
		if err != nil {
			return err
		}
		has, err := wallets(tx, h.Village, h.ID)
		if err != nil {
			return err
		}
		out, _, err = planSplit(tx, h, o, has[h.ID])
		return err
	})
	return out, err
}

// Split lets members of a household found a new one, with a code of its own and some of the points, by one ledger transaction. What
// was earned stays where it was booked; the log-ins of those who leave go with them. Needs people.regroup where the household lives.
func (s *Service) Split(ctx context.Context, actor auth.Actor, req idempotency.Request, o SplitOrder) (out Regrouping, err error) {
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		h, err := inReach(tx, actor, auth.PeopleRegroup, o.Household, "")
		if err != nil {
			return err
		}
		o := o
		if o.Reason, err = cleanReason(o.Reason); err != nil {
			return err
		}
		// The wallet first, as everywhere: a repetition that waits for the first request must find that one's answer.
		b := ledger.Begin(tx)
		if err := b.Lock(ledger.Wallet(h.Village, h.ID)); err != nil {
			return err
		}
		out, _, err = idempotency.Do(tx, req, func() (Regrouping, error) { return split(tx, b, actor, o) })
		return err
	})
	return out, err
}

// planSplit decides on a split of h, which has so many points; kept is who becomes head of those who stay, as before.
func planSplit(tx db.Tx, h Household, o SplitOrder, has points.Amount) (out Regrouping, kept *Villager, err error) {
	found, err := Members(tx, []id.ID{h.ID})
	if err != nil {
		return out, nil, err
	}
	here := living(found[h.ID])
	if err := checkMovers(o.Members); err != nil {
		return out, nil, err
	}
	member := func(v id.ID) *Villager {
		if i := slices.IndexFunc(here, func(m Villager) bool { return m.ID == v }); i >= 0 {
			return &here[i]
		}
		return nil
	}
	leaves := map[id.ID]bool{}
	for _, m := range o.Members {
		v := member(m.Villager)
		if v == nil {
			return out, nil, ErrSplitMembers.New()
		}
		leaves[v.ID] = true
		out.Movers = append(out.Movers, *v)
	}
	o.Address = strings.TrimSpace(o.Address)
	switch {
	case len(leaves) == 0:
		return out, nil, ErrSplitMembers.New()
	case len(leaves) == len(here):
		return out, nil, ErrSplitAll.New()
	case !checkAddress(o.Address):
		return out, nil, ErrHousehold.New()
	case o.Points < 0:
		return out, nil, errs.ErrInvalid.At(errs.Field{Path: "points", Text: "带走的积分不能是负数"})
	case o.Points > max(0, has):
		return out, nil, ErrRegroupPoints.With("带走的积分不能超过这户现有的 %s", max(0, has))
	}
	if leaves[h.Head] {
		if kept = member(o.StayHead); kept == nil || leaves[kept.ID] {
			return out, nil, ErrSplitHead.New()
		}
	}
	group := h.Group
	if o.Group != 0 {
		group = o.Group
	}
	head := out.Movers[0]
	out.Kind, out.Points = Split, o.Points
	out.Share = max(0, has) * points.Amount(len(leaves)) / points.Amount(len(here))
	out.From = Side{h, has, has - o.Points}
	out.To = Side{Household{Village: h.Village, Group: group, Head: head.ID, HeadName: head.Name, Pinyin: head.Pinyin, Initials: head.Initials,
		Address: o.Address, State: HouseholdHere}, 0, o.Points}
	lots, err := ledger.Lots(tx, ledger.Wallet(h.Village, h.ID))
	out.Lots = leading(lots, o.Points)
	return out, kept, err
}

// split carries a split out under the lock of the wallet.
func split(tx db.Tx, b *ledger.Batch, actor auth.Actor, o SplitOrder) (out Regrouping, err error) {
	h, err := regroupable(tx, actor, o.Household, tx.ForUpdate())
	if err != nil {
		return out, err
	}
	ids := make([]id.ID, len(o.Members))
	for i, m := range o.Members {
		ids[i] = m.Villager
	}
	if _, err := HoldVillagers(tx, ids); err != nil {
		return out, err
	}
	out, kept, err := planSplit(tx, h, o, b.Balance(ledger.Wallet(h.Village, h.ID)))
	if err != nil {
		return out, err
	}
	if err := checkGroup(tx, h.Village, out.To.Household.Group); err != nil {
		return out, err
	}
	was := before{Head: h.Head}
	movers := slices.Clone(o.Members)
	for i, v := range out.Movers {
		was.People = append(was.People, beforePerson{v.ID, v.Name, v.Relation, true})
		switch {
		case i == 0:
			movers[i].Relation = relationHead
		case movers[i].Relation == "" && v.Relation == relationHead:
			movers[i].Relation = relationFormer
		case movers[i].Relation == "":
			movers[i].Relation = v.Relation
		}
	}
	if kept != nil {
		was.People = append(was.People, beforePerson{kept.ID, kept.Name, kept.Relation, false})
		if err := newHead(tx, &h, kept.ID); err != nil {
			return out, err
		}
	}
	n := &out.To.Household
	n.ID, n.Code, n.CreatedAt, n.UpdatedAt = id.New(), NewHouseCode(), tx.Millis(), tx.Millis()
	out.From.Household = h
	row := householdRow{n.ID, n.Village, n.Group, n.Code, n.Head, n.HeadName, n.Pinyin, n.Initials, n.Address, n.State, 0, n.CreatedAt, n.UpdatedAt}
	if err := insertHouseholds(tx, []*householdRow{&row}); err != nil {
		return out, err
	}
	if err := place(tx, n.ID, movers); err != nil {
		return out, err
	}
	if err := joinGrids(tx, h.ID, n.ID); err != nil {
		return out, err
	}
	b.Open(ledger.Wallet(n.Village, n.ID))
	posted, err := b.PostTransfer(carried(tx, actor, h, *n, o.Points, fmt.Sprintf("分户：%s 户分出 %s 户，带走 %s 分：%s", h.HeadName, n.HeadName, o.Points, o.Reason)))
	if err != nil {
		return out, err
	}
	if err := b.Seal(); err != nil {
		return out, err
	}
	out.Number = posted.Number
	logins, err := auth.Rebind(tx, h.ID, n.ID, func(_, villager id.ID) bool { return slices.Contains(ids, villager) })
	if err != nil {
		return out, err
	}
	if err := record(tx, actor, &out, was, logins, o.Reason); err != nil {
		return out, err
	}
	err = notice.Send(tx, []notice.Notice{
		{Village: h.Village, Household: h.ID, Kind: notice.KindHouse, Title: "您家办理了分户",
			Body: fmt.Sprintf("%s 等 %d 人从您家分出，新立 %s，带走 %s 积分（第 %d 号），您家还有 %s 积分。有疑问请联系村委会。", n.HeadName, len(ids), label(*n), out.Points, out.Number, out.From.After)},
		{Village: h.Village, Household: n.ID, Kind: notice.KindHouse, Title: "分户已办好",
			Body: fmt.Sprintf("从 %s 户分出，新户码 %s，带来 %s 积分（第 %d 号）。新的积分卡请到村委会领取。", h.HeadName, FormatHouseCode(n.Code), out.Points, out.Number)},
	})
	if err != nil {
		return out, err
	}
	if err := tellBoards(tx, h.Village); err != nil {
		return out, err
	}
	return out, audit.Write(tx, actor.Audit("household.split", "household:"+h.ID.String(), h.Village,
		fmt.Sprintf("%s 分户：%d 人分出，新立 %s，带走 %s 积分：%s", label(h), len(ids), label(*n), out.Points, o.Reason)))
}

// joinGrids puts a household into the grids of another.
func joinGrids(tx db.Tx, like, household id.ID) error {
	var grids []id.ID
	if err := tx.Raw("SELECT grid_id FROM grid_households WHERE household_id = ? ORDER BY grid_id", like).Scan(&grids).Error; err != nil {
		return fmt.Errorf("reading the grids of a household: %w", err)
	}
	return linkGrid(tx, len(grids), func(i int) (id.ID, id.ID) { return grids[i], household })
}
