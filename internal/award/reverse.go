package award

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/idempotency"
	"jishan/internal/ledger"
	"jishan/internal/party"
	"jishan/internal/people"
)

// ErrReason is a reversal without a reason.
var ErrReason = errs.Define(errs.Invalid, "award.reason", "请写明撤销的原因（2 到 200 字）")

// Reverse undoes awards of a village by their numbers, for one reason, in one transaction. A number that cannot be undone
// (reversed already, the points spent where the village refuses a shortfall) is marked Failed; a single one is an error.
// The score is taken back in the month it counted in while that month is open, else in the present one; a party member's also in the
// present one where the evaluation of that month's quarter is published or closed.
func (s *Service) Reverse(ctx context.Context, actor auth.Actor, village id.ID, numbers []int64, reason string, req idempotency.Request) (out []Outcome, err error) {
	reason = strings.TrimSpace(reason)
	switch n := utf8.RuneCountInString(reason); {
	case n < 2 || n > 200 || !utf8.ValidString(reason):
		return nil, ErrReason.New()
	case len(numbers) == 0:
		return nil, ErrEmpty.New()
	case len(numbers) > MaxGrants:
		return nil, ErrTooMany.New()
	}
	keys := make([]ledger.Key, len(numbers))
	for i, n := range numbers {
		keys[i] = ledger.Key{Book: village, Number: n}
	}
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		origs, err := ledger.Load(tx, keys...)
		if err != nil {
			return err
		}
		var refs []ledger.Ref
		for _, t := range origs {
			refs = append(refs, t.Refs()...)
		}
		// The wallets first: a repetition that waits for the first request must find that one's answer, not its effect.
		b := ledger.Begin(tx)
		if err := b.Lock(refs...); err != nil {
			return err
		}
		out, _, err = idempotency.Do(tx, req, func() ([]Outcome, error) { return reverse(tx, b, origs, actor, keys, reason) })
		return err
	})
	return out, err
}

// reverse undoes what origs has of keys, all of one village, whose wallets b has locked.
func reverse(tx db.Tx, b *ledger.Batch, origs map[ledger.Key]ledger.Tx, actor auth.Actor, keys []ledger.Key, why string) ([]Outcome, error) {
	village, numbers := keys[0].Book, make([]int64, len(keys))
	for i, k := range keys {
		numbers[i] = k.Number
	}
	rows, err := byNumber(tx, village, numbers) // after the lock: this decides who reverses first
	if err != nil {
		return nil, err
	}
	settings, err := people.SettingsOf(tx, village)
	if err != nil {
		return nil, err
	}
	sealed, err := sealedOf(tx, rows)
	if err != nil {
		return nil, err
	}
	today := cal.DayOf(tx.Now)
	out := make([]Outcome, len(numbers))
	posted := make([]*ledger.Posted, len(numbers))
	done := map[int64]bool{}
	for i, n := range numbers {
		row, known := rows[n]
		p, err := reverseOne(b, actor, origs[keys[i]], row, known && !done[n], settings[village], sealed, today, why)
		switch {
		case err == nil:
			done[n] = true
			posted[i] = p
			out[i] = Outcome{Rule: row.RuleID, Household: row.HouseholdID, Person: row.PersonID, Member: row.MemberID, Day: today,
				Points: p.Score, Booked: p.Moved, Balance: p.Balance, Explanation: p.Reason}
		case len(numbers) == 1 || errs.From(err).Code.Kind == errs.Internal:
			return nil, err
		default:
			out[i] = Outcome{Day: today}.failed(err)
		}
	}
	if err := b.Seal(); err != nil {
		return nil, err
	}
	var log []audit.Entry
	for i, p := range posted {
		if p == nil {
			continue
		}
		out[i].Number = p.Number
		err := tx.Exec("UPDATE awards SET state = ?, reversed_by = ? WHERE village_id = ? AND number = ? AND state = ?", reversed, p.Number, village, p.Reverses, standing).Error
		if err != nil {
			return nil, fmt.Errorf("marking an award reversed: %w", err)
		}
		log = append(log, actor.Audit("award.reverse", fmt.Sprintf("award:%s-%d", village, p.Reverses), village, p.Reason))
	}
	return out, audit.Write(tx, log...)
}

// sealedOf reads which quarters of the awards' members are published or closed, and holds the members.
func sealedOf(tx db.Tx, rows map[int64]awardRow) (party.Sealed, error) {
	var members []id.ID
	from := cal.DayOf(tx.Now)
	for _, r := range rows {
		if r.MemberID != 0 {
			members = append(members, r.MemberID)
			from = min(from, r.Day)
		}
	}
	if len(members) == 0 {
		return nil, nil
	}
	return party.LockSealed(tx, members, from.Month().Quarter())
}

func reverseOne(b *ledger.Batch, actor auth.Actor, orig ledger.Tx, row awardRow, known bool, set people.Settings, sealed party.Sealed, today cal.Day, why string) (*ledger.Posted, error) {
	if !known {
		return nil, errs.ErrNotFound.New()
	}
	var err error
	if row.MemberID != 0 {
		err = actor.InBranch(auth.PartyWrite, row.VillageID, orig.Branch)
	} else {
		err = actor.InRegion(auth.AwardReverse, row.VillageID)
	}
	if err != nil {
		return nil, err
	}
	if row.State != standing {
		return nil, ledger.ErrReversed.With("第 %d 号已在第 %d 号撤销，不能重复撤销", row.Number, row.ReversedBy)
	}
	month := monthFor(orig.Month, today, set.CloseDay)
	if row.MemberID != 0 && sealed.Holds(row.MemberID, month) {
		month = today.Month()
	}
	return b.Reverse(orig, ledger.Reversal{
		Kind: ledger.Reverse, Actor: actor.UserID, Day: today, Month: month,
		Reason:    fmt.Sprintf("撤销第 %d 号（%s）：%s", row.Number, row.Explanation, why),
		Shortfall: set.Shortfall, Owing: set.OwingLimit,
	})
}
