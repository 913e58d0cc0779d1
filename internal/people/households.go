package people

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/outbox"
	"jishan/internal/stamp"
)

// What can be wrong with a household.
var (
	ErrGroupClosed = errs.Define(errs.Refused, "household.group_closed", "这个组已经撤销，请选别的组")
	ErrGroup       = errs.Define(errs.Invalid, "household.group", "所选的组不在本村")
	ErrHousehold   = errs.Define(errs.Invalid, "household.invalid", "户信息有误：住址最多 50 字，户主要是住在本户的人，一户 1 到 50 人")
)

// The relations that the program itself writes.
const (
	relationHead   = "户主"
	relationFormer = "原户主"
)

const (
	maxAddress = 50 // characters
	maxMembers = 50
)

// NewHousehold describes a household to be made, the head first.
type NewHousehold struct {
	Village id.ID
	Group   id.ID
	Address string
	Members []Person
}

var householdInsert = strings.Split(householdColumns, ", ")

func insertHouseholds(tx db.Tx, rows []*householdRow) error {
	err := db.Insert(tx, "households", householdInsert, len(rows), func(i int, args []any) []any { return rows[i].values(tx, args) })
	if db.Duplicate(err) { // a house code drawn twice: the next run draws others
		return errors.Join(db.ErrRetry, err)
	}
	return err
}

func (r *householdRow) values(tx db.Tx, args []any) []any {
	return append(args, int64(r.ID), int64(r.VillageID), int64(r.GroupID), r.Code, int64(r.HeadID), r.HeadName, r.Pinyin, r.Initials, r.Address, r.State, int64(r.MergedInto), r.CreatedAt, tx.Millis())
}

func (r *householdRow) setHead(v *villagerRow) {
	r.HeadID, r.HeadName, r.Pinyin, r.Initials = v.ID, v.Name, v.Pinyin, v.Initials
}

func checkAddress(s string) bool {
	return utf8.RuneCountInString(s) <= maxAddress && utf8.ValidString(s)
}

// CreateHousehold enters a household with its members.
func (s *Service) CreateHousehold(ctx context.Context, actor auth.Actor, n NewHousehold) (out Household, err error) {
	if err := actor.InRegion(auth.PeopleWrite, n.Village); err != nil {
		return out, err
	}
	n.Address = strings.TrimSpace(n.Address)
	if len(n.Members) == 0 || len(n.Members) > maxMembers || !checkAddress(n.Address) {
		return out, ErrHousehold.New()
	}
	members := make([]*villagerRow, len(n.Members))
	for i, p := range n.Members {
		if i == 0 && p.Relation == "" {
			p.Relation = relationHead
		}
		if members[i], err = s.prepare(p); err != nil {
			return out, err
		}
	}
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		if _, err := villageByID(tx, n.Village); err != nil {
			return err
		}
		if err := checkGroup(tx, n.Village, n.Group); err != nil {
			return err
		}
		h := householdRow{ID: id.New(), VillageID: n.Village, GroupID: n.Group, Code: NewHouseCode(), Address: n.Address, State: HouseholdHere, CreatedAt: tx.Millis(), UpdatedAt: tx.Millis()}
		h.setHead(members[0])
		for i := range members {
			members[i].VillageID, members[i].HouseholdID = n.Village, h.ID
		}
		if err := insertHouseholds(tx, []*householdRow{&h}); err != nil {
			return err
		}
		if err := insertVillagers(tx, members); err != nil {
			return err
		}
		out = h.household()
		if err := tellBoards(tx, n.Village); err != nil {
			return err
		}
		return audit.Write(tx, actor.Audit("household.create", "household:"+h.ID.String(), n.Village, fmt.Sprintf("登记 %s 户，%d 人", h.HeadName, len(members))))
	})
	return out, err
}

// tellBoards says that households or people of the villages have come, gone or moved: the boards look at the villages as a whole.
func tellBoards(tx db.Tx, villages ...id.ID) error {
	slices.Sort(villages)
	for _, v := range slices.Compact(villages) {
		if err := outbox.Write(tx, ledger.Topic, ledger.Changed{Village: v}); err != nil {
			return err
		}
	}
	return nil
}

// checkGroup is nil where a household of the village may live in the group, which stays open until the end of the transaction.
func checkGroup(tx db.Tx, village, group id.ID) error {
	if group == 0 {
		return nil
	}
	if err := holdRegion(tx, group); err != nil {
		return err
	}
	found, err := RegionsByID(tx, []id.ID{group})
	if err != nil {
		return err
	}
	g := found[group]
	switch {
	case g.Kind != Group || g.Village != village:
		return ErrGroup.New()
	case g.Closed:
		return ErrGroupClosed.With("%s已经撤销，请选别的组", g.Name)
	}
	return nil
}

// household reads one within the actor's reach.
func (s *Service) household(tx db.Tx, actor auth.Actor, p auth.Permission, household id.ID) (Household, error) {
	return inReach(tx, actor, p, household, "")
}

// lockHousehold is household, holding the row until the end of the transaction.
func (s *Service) lockHousehold(tx db.Tx, actor auth.Actor, household id.ID) (Household, error) {
	return inReach(tx, actor, auth.PeopleWrite, household, tx.ForUpdate())
}

func inReach(tx db.Tx, actor auth.Actor, p auth.Permission, household id.ID, lock string) (Household, error) {
	var rows []householdRow
	if err := tx.Raw("SELECT "+householdColumns+" FROM households WHERE id = ?"+lock, household).Scan(&rows).Error; err != nil {
		return Household{}, fmt.Errorf("reading a household: %w", err)
	}
	if len(rows) == 0 {
		return Household{}, errs.ErrNotFound.New()
	}
	return rows[0].household(), actor.InRegion(p, rows[0].VillageID)
}

// Household is one household with its members, the head first.
func (s *Service) Household(ctx context.Context, actor auth.Actor, household id.ID) (h Household, members []Villager, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		if h, err = s.household(tx, actor, auth.PeopleRead, household); err != nil {
			return err
		}
		m, err := Members(tx, []id.ID{household})
		members = m[household]
		slices.SortFunc(members, func(a, b Villager) int { return headFirst(h, a, b) })
		return err
	})
	return h, members, err
}

func headFirst(h Household, a, b Villager) int {
	switch {
	case a.ID == h.Head:
		return -1
	case b.ID == h.Head:
		return 1
	}
	return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(a.Birth, b.Birth), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
}

// HouseholdChange changes a household; nil fields stay.
type HouseholdChange struct {
	Group   *id.ID
	Address *string
	Head    *id.ID // a member who lives here
	State   *int
}

// UpdateHousehold changes a household. With a new head the relation of the old one becomes 原户主, to be corrected by hand.
func (s *Service) UpdateHousehold(ctx context.Context, actor auth.Actor, household id.ID, c HouseholdChange) (out Household, err error) {
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		h, err := s.lockHousehold(tx, actor, household)
		if err != nil {
			return err
		}
		if h.State == HouseholdMerged {
			return ErrMerged.New()
		}
		var what []string
		was := h
		if c.Group != nil && *c.Group != h.Group {
			if err := checkGroup(tx, h.Village, *c.Group); err != nil {
				return err
			}
			h.Group = *c.Group
			what = append(what, "换组")
		}
		if c.Address != nil && *c.Address != h.Address {
			h.Address = strings.TrimSpace(*c.Address)
			what = append(what, "改住址")
		}
		if c.State != nil && *c.State != h.State {
			h.State = *c.State
			what = append(what, map[int]string{HouseholdHere: "迁回", HouseholdMoved: "迁出"}[h.State])
		}
		if h.State == HouseholdHere && was.State != HouseholdHere && h.Group == was.Group {
			if err := checkGroup(tx, h.Village, h.Group); err != nil {
				return err
			}
		}
		if !checkAddress(h.Address) || h.State != HouseholdHere && h.State != HouseholdMoved {
			return ErrHousehold.New()
		}
		if c.Head != nil && *c.Head != h.Head {
			if err := changeHead(tx, &h, *c.Head); err != nil {
				return err
			}
			what = append(what, "户主改为 "+h.HeadName)
		}
		err = tx.Exec("UPDATE households SET group_id = ?, address = ?, state = ?, head_id = ?, head_name = ?, pinyin = ?, initials = ?, updated_at = ? WHERE id = ?",
			h.Group, h.Address, h.State, h.Head, h.HeadName, h.Pinyin, h.Initials, tx.Millis(), household).Error
		if err != nil {
			return fmt.Errorf("changing a household: %w", err)
		}
		if h.State != was.State || h.Head != was.Head {
			if err := stamp.Count(tx, stamp.Residences); err != nil {
				return err
			}
		}
		h.UpdatedAt = tx.Millis()
		out = h
		if h.Group != was.Group || h.State != was.State {
			if err := tellBoards(tx, h.Village); err != nil {
				return err
			}
		}
		return audit.Write(tx, actor.Audit("household.update", "household:"+household.String(), h.Village, "修改 "+h.HeadName+" 户："+strings.Join(what, "，")))
	})
	return out, err
}

func changeHead(tx db.Tx, h *Household, head id.ID) error {
	found, err := VillagersByID(tx, []id.ID{head})
	if err != nil {
		return err
	}
	v := found[head]
	if v.Household != h.ID || !v.Here() {
		return ErrHousehold.New()
	}
	if err := tx.Exec("UPDATE villagers SET relation = ?, updated_at = ? WHERE id = ? AND relation = ?", relationFormer, tx.Millis(), h.Head, relationHead).Error; err != nil {
		return fmt.Errorf("changing the old head of a household: %w", err)
	}
	if err := tx.Exec("UPDATE villagers SET relation = ?, updated_at = ? WHERE id = ?", relationHead, tx.Millis(), head).Error; err != nil {
		return fmt.Errorf("changing the new head of a household: %w", err)
	}
	h.Head, h.HeadName, h.Pinyin, h.Initials = v.ID, v.Name, v.Pinyin, v.Initials
	return nil
}
