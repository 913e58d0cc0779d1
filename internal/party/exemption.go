package party

import (
	"context"
	"fmt"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

// What can be wrong with an exemption.
var (
	ErrExemption     = errs.Define(errs.Invalid, "party.exemption", "免考核填写有误，请按提示修改")
	ErrExempt        = errs.Define(errs.Conflict, "party.exempt", "这位党员在这段时间里已经免考核")
	ErrAlreadyLifted = errs.Define(errs.Conflict, "party.exemption_revoked", "这次免考核已经撤销过了")
)

// Reason is why a member is exempt.
type Reason uint8

// The reasons.
const (
	Illness Reason = 1
	OldAge  Reason = 2
	Other   Reason = 3
)

// ReasonNames are the reasons as sheets and screens show them.
var ReasonNames = map[Reason]string{Illness: "长期患病", OldAge: "年老体弱", Other: "其他"}

// Exemption takes a member out of ranking and average for a time.
type Exemption struct {
	ID, Member   id.ID
	Reason       Reason
	Note         string
	Evidence     string
	From, To     cal.Day // both included; To 0 is open
	ApprovedBy   id.ID
	ApprovedName string
	Revoked      bool
}

// covers reports whether the exemption stands on the day.
func (e Exemption) covers(d cal.Day) bool {
	return !e.Revoked && e.From <= d && (e.To == 0 || d <= e.To)
}

// NewExemption is what an approver decides.
type NewExemption struct {
	Member   id.ID
	Reason   Reason
	Note     string // needed where the reason is Other
	Evidence string
	From, To cal.Day // To 0 is open
}

// Exempt grants an exemption, approved by the actor.
func (s *Service) Exempt(ctx context.Context, actor auth.Actor, n NewExemption) (Exemption, error) {
	e := Exemption{ID: id.New(), Member: n.Member, Reason: n.Reason, Note: oneLine(n.Note), Evidence: oneLine(n.Evidence), From: n.From, To: n.To,
		ApprovedBy: actor.UserID, ApprovedName: actor.Name}
	switch {
	case ReasonNames[e.Reason] == "":
		return Exemption{}, ErrExemption.With("请选择免考核的原因")
	case e.Reason == Other && e.Note == "":
		return Exemption{}, ErrExemption.With("原因是“其他”时，请在备注里说明")
	case long(e.Note, 200) || long(e.Evidence, 500):
		return Exemption{}, ErrExemption.With("备注不超过 200 字，证明材料不超过 500 字")
	case !e.From.Valid() || e.To != 0 && !e.To.Valid():
		return Exemption{}, ErrExemption.With("请填写免考核的起止日期")
	case e.To != 0 && e.To < e.From:
		return Exemption{}, ErrExemption.With("结束日期不能早于开始日期")
	}
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		m, err := memberFor(tx, actor, auth.PartyWrite, e.Member)
		if err != nil {
			return err
		}
		standing, err := scanExemptions(tx, "e.member_id = ? AND e.revoked_at = 0", m.ID)
		if err != nil {
			return err
		}
		for _, o := range standing {
			if (o.To == 0 || e.From <= o.To) && (e.To == 0 || o.From <= e.To) {
				return ErrExempt.With("%s自 %s 起已经免考核，时间不能重叠", m.Name, o.From)
			}
		}
		sealed, err := SealedOf(tx, []id.ID{m.ID}, e.From.Month().Quarter())
		if err != nil {
			return err
		}
		if last := sealed.last(m.ID, e.From, e.To); last != 0 {
			return ErrSealed.With("%s的考核已经公示或关闭，免考核最早可以从 %s 起；对那时的结果有异议的，请在那个季度的考核里登记异议", quarterName(last.Month().Quarter()), last.Add(1))
		}
		if err := insertExemption(tx, e); err != nil {
			return err
		}
		return audit.Write(tx, actor.Audit("party.exempt", "party_member:"+m.ID.String(), m.Village,
			fmt.Sprintf("同意党员%s因%s免考核，自 %s 起", m.Name, ReasonNames[e.Reason], e.From)))
	})
	if err != nil {
		return Exemption{}, err
	}
	return e, nil
}

// Revoke takes an exemption back, as if it had not been granted; the record stays. One that has counted in a published quarter stands
// for it and ends with it.
func (s *Service) Revoke(ctx context.Context, actor auth.Actor, exemption id.ID, reason string) error {
	if reason = oneLine(reason); reason == "" || long(reason, 200) {
		return ErrExemption.With("请填写撤销的理由，不超过 200 字")
	}
	return s.db.Tx(ctx, func(tx db.Tx) error {
		found, err := scanExemptions(tx, "e.id = ?", exemption)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			if !actor.Can(auth.PartyWrite) {
				return errs.ErrForbidden.New()
			}
			return errs.ErrNotFound.New()
		}
		m, err := memberFor(tx, actor, auth.PartyWrite, found[0].Member)
		if err != nil {
			return err
		}
		if found, err = scanExemptions(tx, "e.id = ?", exemption); err != nil { // again, now that the member is held
			return err
		}
		e := found[0]
		if e.Revoked {
			return ErrAlreadyLifted.New()
		}
		sealed, err := SealedOf(tx, []id.ID{m.ID}, e.From.Month().Quarter())
		if err != nil {
			return err
		}
		text := fmt.Sprintf("撤销党员%s的免考核：%s", m.Name, reason)
		last := sealed.last(m.ID, e.From, e.To)
		switch {
		case last == 0:
			err = tx.Exec("UPDATE party_exemptions SET revoked_at = ? WHERE id = ?", tx.Millis(), e.ID).Error
		case e.To != 0 && e.To <= last:
			return ErrSealed.With("这次免考核在%s已经公示或关闭的考核里算过，不能再撤销；对结果有异议的，请在那个季度的考核里登记异议", quarterName(last.Month().Quarter()))
		default:
			err = tx.Exec("UPDATE party_exemptions SET to_day = ? WHERE id = ?", last, e.ID).Error
			text = fmt.Sprintf("党员%s的免考核到 %s 为止：%s", m.Name, last, reason)
		}
		if err != nil {
			return fmt.Errorf("revoking an exemption: %w", err)
		}
		return audit.Write(tx, actor.Audit("party.exempt.revoke", "party_member:"+m.ID.String(), m.Village, text))
	})
}

// Exemptions are all exemptions of a member, revoked ones included, latest first.
func (s *Service) Exemptions(ctx context.Context, actor auth.Actor, member id.ID) ([]Exemption, error) {
	var out []Exemption
	err := s.db.Read(ctx, func(tx db.Tx) error {
		if _, err := memberFor(tx, actor, auth.PartyRead, member); err != nil {
			return err
		}
		var err error
		out, err = scanExemptions(tx, "e.member_id = ? ORDER BY e.from_day DESC, e.id", member)
		return err
	})
	return out, err
}

// exemptIn is the exemption that takes a member out of a quarter: among exemptions that together cover the quarter's last day
// or more than half of its days, the one that counts most days.
func exemptIn(q cal.Quarter, all []Exemption) (Exemption, bool) {
	first, last := q.Months()
	begin, end := first.First(), last.Last()
	covered, days := 0, 0
	onLast := false
	most, best := 0, Exemption{}
	each := make([]int, len(all))
	for d := begin; d <= end; d = d.Add(1) {
		days++
		any := false
		for i, e := range all {
			if !e.covers(d) {
				continue
			}
			any = true
			if each[i]++; each[i] > most {
				most, best = each[i], e
			}
		}
		if any {
			covered++
			onLast = d == end
		}
	}
	return best, onLast || 2*covered > days
}
