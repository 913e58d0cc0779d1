package people

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/stamp"
)

// What can be wrong with a split or a merge.
var (
	ErrMerged        = errs.Define(errs.Refused, "household.merged", "这户已经并入另一户，请到并入的那一户办理")
	ErrSplitMembers  = errs.Define(errs.Invalid, "household.split_members", "请选择要分出去的人：要是本户现在住在村里的成员，第一位是新户的户主")
	ErrSplitAll      = errs.Define(errs.Refused, "household.split_all", "不能把全家都分出去，至少留下一人；要换户主或改住址，请直接修改这户")
	ErrSplitHead     = errs.Define(errs.Refused, "household.split_head", "户主要分出去，请先选好留下的人里谁当户主")
	ErrMergeVillage  = errs.Define(errs.Refused, "household.merge_village", "两户不在同一个村，积分记在各村自己的账上，不能并户；请把成员逐个迁过去")
	ErrMergeSelf     = errs.Define(errs.Invalid, "household.merge_self", "请选择另一个住在村里的户来并入")
	ErrRegroupReason = errs.Define(errs.Invalid, "household.regroup_reason", "请写明原因（2 到 200 字）")
	ErrRegroupPoints = errs.Define(errs.Refused, "household.regroup_points", "带走的积分不能超过这户现有的可用积分")
)

// ChangeKind is what became of a household.
type ChangeKind int

// The kinds of change.
const (
	Split ChangeKind = 1 // some people founded a new household
	Merge ChangeKind = 2 // all people and points went to another household
)

// Name is the kind as screens show it.
func (k ChangeKind) Name() string { return map[ChangeKind]string{Split: "分户", Merge: "并户"}[k] }

// Mover is a person who changes household, with the relation to the head there; an empty one stays as it is.
type Mover struct {
	Villager id.ID
	Relation string
}

// Side is one household of a change, with its wallet before and after.
type Side struct {
	Household     Household // as it is afterwards; of a split that is only previewed the new one has no ID and no code
	Before, After points.Amount
}

// Regrouping is what a split or merge does, or would do.
type Regrouping struct {
	Change id.ID // zero in a preview
	Kind   ChangeKind
	From   Side          // whom people leave
	To     Side          // whom they join
	Points points.Amount // that go along; negative: a debt
	Lots   []ledger.Lot  // those of them that expire
	Share  points.Amount // of a split: what would go by heads, rounded down
	Movers []Villager    // as they were before
	Number int64         // of the ledger transaction; 0 in a preview
}

// before is what a change remembers for its undoing; it is stored as JSON.
type before struct {
	Head   id.ID           `json:"head"` // of the household that people left
	People []beforePerson  `json:"people"`
	Logins []beforeBinding `json:"logins,omitempty"`
}

type beforePerson struct {
	ID       id.ID  `json:"id"`
	Name     string `json:"name"`
	Relation string `json:"relation"`
	Moved    bool   `json:"moved"` // false: the one who became head of those who stayed
}

type beforeBinding struct {
	User     id.ID `json:"user"`
	Villager id.ID `json:"villager"`
	Had      bool  `json:"had"`
}

func (b before) movers() (out []id.ID) {
	for _, p := range b.People {
		if p.Moved {
			out = append(out, p.ID)
		}
	}
	return out
}

func cleanReason(s string) (string, error) {
	s = strings.TrimSpace(s)
	if n := utf8.RuneCountInString(s); n < 2 || n > 200 || !utf8.ValidString(s) {
		return "", ErrRegroupReason.New()
	}
	return s, nil
}

func checkMovers(list []Mover) error {
	seen := map[id.ID]bool{}
	for _, m := range list {
		if seen[m.Villager] || utf8.RuneCountInString(m.Relation) > 8 || !utf8.ValidString(m.Relation) {
			return ErrPerson.New()
		}
		seen[m.Villager] = true
	}
	return nil
}

// regroupable reads a household that the actor may split or merge, holding it with lock.
func regroupable(tx db.Tx, actor auth.Actor, household id.ID, lock string) (Household, error) {
	h, err := inReach(tx, actor, auth.PeopleRegroup, household, lock)
	switch {
	case err != nil:
		return h, err
	case h.State == HouseholdMerged:
		return h, ErrMerged.New()
	case !h.Active():
		return h, ErrHousehold.With("%s 户已经迁出，请先办理迁回", h.HeadName)
	}
	return h, nil
}

// leading are the lots that go first when amount leaves a wallet; they are taken oldest first.
func leading(lots []ledger.Lot, amount points.Amount) (out []ledger.Lot) {
	for _, l := range lots {
		if x := min(l.Amount, amount); x > 0 {
			out = append(out, ledger.Lot{Expires: l.Expires, Amount: x})
			amount -= x
		}
	}
	return out
}

// wallets are the balances of households as committed, for showing.
func wallets(tx db.Tx, village id.ID, households ...id.ID) (map[id.ID]points.Amount, error) {
	refs := make([]ledger.Ref, len(households))
	for i, h := range households {
		refs[i] = ledger.Wallet(village, h)
	}
	found, err := ledger.Balances(tx, refs...)
	out := make(map[id.ID]points.Amount, len(refs))
	for _, ref := range refs {
		out[ref.Owner] = found[ref]
	}
	return out, err
}

// place puts people into a household, with their relations.
func place(tx db.Tx, household id.ID, people []Mover) error {
	for _, m := range people {
		err := tx.Exec("UPDATE villagers SET household_id = ?, relation = ?, updated_at = ? WHERE id = ?", household, m.Relation, tx.Millis(), m.Villager).Error
		if err != nil {
			return fmt.Errorf("putting a villager into another household: %w", err)
		}
	}
	return nil
}

// setState closes or opens a household.
func setState(tx db.Tx, h *Household, state int, into id.ID) error {
	h.State, h.MergedInto, h.UpdatedAt = state, into, tx.Millis()
	if err := tx.Exec("UPDATE households SET state = ?, merged_into = ?, updated_at = ? WHERE id = ?", state, into, tx.Millis(), h.ID).Error; err != nil {
		return fmt.Errorf("changing the state of a household: %w", err)
	}
	return stamp.Count(tx, stamp.Residences)
}

// newHead makes a member the head, and writes it.
func newHead(tx db.Tx, h *Household, head id.ID) error {
	if err := changeHead(tx, h, head); err != nil {
		return err
	}
	err := tx.Exec("UPDATE households SET head_id = ?, head_name = ?, pinyin = ?, initials = ?, updated_at = ? WHERE id = ?",
		h.Head, h.HeadName, h.Pinyin, h.Initials, tx.Millis(), h.ID).Error
	if err != nil {
		return fmt.Errorf("changing the head of a household: %w", err)
	}
	return stamp.Count(tx, stamp.Residences)
}

type changeRow struct {
	ID, VillageID, FromID, ToID id.ID
	Kind                        ChangeKind
	Number                      int64
	Points                      points.Amount
	People                      string
	Reason                      string
	ActorID                     id.ID
	ActorName                   string
	At                          int64
	UndoneAt                    int64 // 0 while it stands
	UndoneBy                    id.ID
	UndoneName, UndoneReason    string
	UndoneNumber                int64
}

var changeColumns = []string{"id", "village_id", "kind", "from_id", "to_id", "number", "points", "people", "reason", "actor_id", "actor_name", "at",
	"undone_at", "undone_by", "undone_name", "undone_reason", "undone_number"}

// record writes what was done, and how it was before.
func record(tx db.Tx, actor auth.Actor, r *Regrouping, was before, logins []auth.Rebound, reason string) error {
	for _, l := range logins {
		was.Logins = append(was.Logins, beforeBinding{l.User, l.Villager, l.Had})
	}
	text, err := json.Marshal(was)
	if err != nil {
		return fmt.Errorf("writing how households were: %w", err)
	}
	r.Change = id.New()
	return db.Insert(tx, "household_changes", changeColumns, 1, func(_ int, args []any) []any {
		return append(args, int64(r.Change), int64(r.From.Household.Village), int(r.Kind), int64(r.From.Household.ID), int64(r.To.Household.ID), r.Number, int64(r.Points),
			string(text), reason, int64(actor.UserID), actor.Name, tx.Millis(), 0, 0, "", "", 0)
	})
}

// carried is the ledger's posting that goes with a change; reason is what both statements show.
func carried(tx db.Tx, actor auth.Actor, from, to Household, amount points.Amount, reason string) ledger.Posting {
	today := cal.DayOf(tx.Now)
	return ledger.Posting{Book: from.Village, Day: today, Month: today.Month(), Actor: actor.UserID, Household: from.ID, Reason: reason,
		From: ledger.Wallet(from.Village, from.ID), To: ledger.Wallet(from.Village, to.ID), Amount: amount}
}

func label(h Household) string {
	if h.Code == "" {
		return h.HeadName + " 户"
	}
	return h.HeadName + " 户（" + FormatHouseCode(h.Code) + "）"
}

func living(members []Villager) []Villager {
	return slices.DeleteFunc(slices.Clone(members), func(v Villager) bool { return !v.Here() })
}
