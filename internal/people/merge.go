package people

import (
	"context"
	"fmt"
	"slices"

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

// MergeOrder asks for all people and points of Household to go to Into.
type MergeOrder struct {
	Household id.ID
	Into      id.ID
	Relations []Mover // relations to the head of Into, of those for whom they change; the old head is 原户主 where nothing is said
	Reason    string
}

// PreviewMerge says what Merge would do now; it writes nothing. Needs people.regroup where the households live.
func (s *Service) PreviewMerge(ctx context.Context, actor auth.Actor, o MergeOrder) (out Regrouping, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		from, into, err := bothHouseholds(tx, actor, o, "")
		if err != nil {
			return err
		}
		has, err := wallets(tx, from.Village, from.ID, into.ID)
		if err != nil {
			return err
		}
		out, _, err = planMerge(tx, from, into, o, has[from.ID], has[into.ID])
		return err
	})
	return out, err
}

// Merge moves all people and points of a household to another of the same village and closes the first: its card and codes are
// refused, its log-ins see the other household, its statement stays as it was. What it owes goes along as well. What it earned
// stays booked for it; a refund or a reversal of it concerns the other household's wallet from now on (see ledger). Needs
// people.regroup where the households live.
func (s *Service) Merge(ctx context.Context, actor auth.Actor, req idempotency.Request, o MergeOrder) (out Regrouping, err error) {
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		var refs []ledger.Ref
		for _, key := range []id.ID{o.Household, o.Into} {
			h, err := inReach(tx, actor, auth.PeopleRegroup, key, "")
			if err != nil {
				return err
			}
			refs = append(refs, ledger.Wallet(h.Village, h.ID))
		}
		o := o
		if o.Reason, err = cleanReason(o.Reason); err != nil {
			return err
		}
		b := ledger.Begin(tx)
		if err := b.Lock(refs...); err != nil {
			return err
		}
		out, _, err = idempotency.Do(tx, req, func() (Regrouping, error) { return merge(tx, b, actor, o) })
		return err
	})
	return out, err
}

// bothHouseholds reads the two in order of key, which is the order in which every change of people locks.
func bothHouseholds(tx db.Tx, actor auth.Actor, o MergeOrder, lock string) (from, into Household, err error) {
	found := map[id.ID]Household{}
	for _, key := range []id.ID{min(o.Household, o.Into), max(o.Household, o.Into)} {
		if found[key], err = regroupable(tx, actor, key, lock); err != nil {
			return from, into, err
		}
	}
	from, into = found[o.Household], found[o.Into]
	switch {
	case from.ID == into.ID:
		err = ErrMergeSelf.New()
	case from.Village != into.Village:
		err = ErrMergeVillage.New()
	}
	return from, into, err
}

// planMerge decides on a merge; movers are all of from's people with the relations that they will have.
func planMerge(tx db.Tx, from, into Household, o MergeOrder, has, other points.Amount) (out Regrouping, movers []Mover, err error) {
	if err := checkMovers(o.Relations); err != nil {
		return out, nil, err
	}
	found, err := Members(tx, []id.ID{from.ID, into.ID})
	if err != nil {
		return out, nil, err
	}
	out.Movers = found[from.ID]
	slices.SortFunc(out.Movers, func(a, b Villager) int { return headFirst(from, a, b) })
	if len(out.Movers)+len(found[into.ID]) > maxMembers {
		return out, nil, ErrHousehold.With("并在一起超过 %d 人，不能并户", maxMembers)
	}
	relations := map[id.ID]string{}
	for _, m := range o.Relations {
		if m.Relation == relationHead || !slices.ContainsFunc(out.Movers, func(v Villager) bool { return v.ID == m.Villager }) {
			return out, nil, ErrPerson.New()
		}
		relations[m.Villager] = m.Relation
	}
	for _, v := range out.Movers {
		m := Mover{v.ID, relations[v.ID]}
		if m.Relation == "" {
			if m.Relation = v.Relation; m.Relation == relationHead {
				m.Relation = relationFormer
			}
		}
		movers = append(movers, m)
	}
	out.Kind, out.Points = Merge, has
	out.From, out.To = Side{from, has, 0}, Side{into, other, other + has}
	lots, err := ledger.Lots(tx, ledger.Wallet(from.Village, from.ID))
	out.Lots = leading(lots, has)
	return out, movers, err
}

// merge carries a merge out under the locks of both wallets.
func merge(tx db.Tx, b *ledger.Batch, actor auth.Actor, o MergeOrder) (out Regrouping, err error) {
	from, into, err := bothHouseholds(tx, actor, o, tx.ForUpdate())
	if err != nil {
		return out, err
	}
	if err := holdMembers(tx, from.ID); err != nil {
		return out, err
	}
	balance := func(h Household) points.Amount { return b.Balance(ledger.Wallet(h.Village, h.ID)) }
	out, movers, err := planMerge(tx, from, into, o, balance(from), balance(into))
	if err != nil {
		return out, err
	}
	was := before{Head: from.Head}
	for _, v := range out.Movers {
		was.People = append(was.People, beforePerson{v.ID, v.Name, v.Relation, true})
	}
	if err := place(tx, into.ID, movers); err != nil {
		return out, err
	}
	if err := setState(tx, &from, HouseholdMerged, into.ID); err != nil {
		return out, err
	}
	out.From.Household = from
	posted, err := b.PostMerge(carried(tx, actor, from, into, 0, fmt.Sprintf("并户：%s 并入 %s：%s", label(from), label(into), o.Reason)))
	if err != nil {
		return out, err
	}
	if err := b.Seal(); err != nil {
		return out, err
	}
	if posted.Balance != out.To.After {
		return out, errs.ErrInternal.Wrap(fmt.Errorf("a merge left %d where %d was planned", posted.Balance, out.To.After))
	}
	out.Number = posted.Number
	logins, err := auth.Rebind(tx, from.ID, into.ID, func(_, _ id.ID) bool { return true })
	if err != nil {
		return out, err
	}
	if err := record(tx, actor, &out, was, logins, o.Reason); err != nil {
		return out, err
	}
	err = notice.Send(tx, []notice.Notice{{Village: into.Village, Household: into.ID, Kind: notice.KindHouse, Title: "有一户并入您家",
		Body: fmt.Sprintf("%s 并入您家，转来 %s 积分（第 %d 号），您家现有 %s 积分。原来那户的积分卡和兑换码不能再用。有疑问请联系村委会。", label(from), out.Points, out.Number, out.To.After)}})
	if err != nil {
		return out, err
	}
	if err := tellBoards(tx, from.Village); err != nil {
		return out, err
	}
	text := fmt.Sprintf("%s 并入 %s：%d 人，%s 积分：%s", label(from), label(into), len(movers), out.Points, o.Reason)
	return out, audit.Write(tx, actor.Audit("household.merge", "household:"+from.ID.String(), from.Village, text))
}

// holdMembers keeps everybody where they live until the end of the transaction, after their household.
func holdMembers(tx db.Tx, household id.ID) error {
	var ids []id.ID
	if err := tx.Raw("SELECT id FROM villagers WHERE household_id = ? ORDER BY id", household).Scan(&ids).Error; err != nil {
		return fmt.Errorf("reading the members of a household: %w", err)
	}
	_, err := HoldVillagers(tx, ids)
	return err
}
