package people

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

// What can be wrong with a household or a villager.
var (
	ErrPerson    = errs.Define(errs.Invalid, "person.invalid", "姓名要填 1 到 20 个字，与户主关系最多 8 个字")
	ErrIDTaken   = errs.Define(errs.Conflict, "person.taken", "这个身份证号码已经登记过了，请先查找此人，需要时办理迁户")
	ErrGroup     = errs.Define(errs.Invalid, "household.group", "所选的组不在本村")
	ErrHousehold = errs.Define(errs.Invalid, "household.invalid", "户信息有误：住址最多 50 字，户主要是本户的人")
)

// Person describes a villager to be entered or changed. IDNumber is checked, hashed and forgotten.
type Person struct {
	Name     string
	Relation string // 户主, 配偶, 子 …
	Gender   int    // 0 unknown, 1 male, 2 female; taken from the identity number where there is one
	Birth    cal.Day
	Phone    string
	IDNumber string
}

// NewHousehold describes a household to be made, the head first.
type NewHousehold struct {
	Village id.ID
	Group   id.ID
	Address string
	Members []Person
}

// prepare turns a Person into a row.
func (s *Service) prepare(p Person) (villagerRow, error) {
	p.Name, p.Relation = strings.TrimSpace(p.Name), strings.TrimSpace(p.Relation)
	if n := utf8.RuneCountInString(p.Name); n < 1 || n > 20 || utf8.RuneCountInString(p.Relation) > 8 || !utf8.ValidString(p.Name+p.Relation) {
		return villagerRow{}, ErrPerson.New()
	}
	r := villagerRow{ID: id.New(), Name: p.Name, Pinyin: Pinyin(p.Name), Initials: Initials(p.Name), Relation: p.Relation, Gender: p.Gender, Birth: p.Birth, State: VillagerHere}
	phone, err := ParsePhone(p.Phone)
	if err != nil {
		return villagerRow{}, err
	}
	if phone != "" {
		r.PhoneSealed, r.PhoneHash, r.PhoneTail = s.sealPhone(phone), s.keyed("phone", phone), phone[7:]
	}
	number, birth, gender, err := ParseIDNumber(p.IDNumber)
	if err != nil {
		return villagerRow{}, err
	}
	if number != "" {
		if d := cal.Day(birth); !d.Valid() {
			return villagerRow{}, ErrIDNumber.New()
		}
		r.IdnoHash, r.Birth, r.Gender = s.keyed("idno", number), cal.Day(birth), gender
	}
	if r.Gender < 0 || r.Gender > 2 || r.Birth != 0 && !r.Birth.Valid() {
		return villagerRow{}, ErrPerson.New()
	}
	return r, nil
}

var villagerInsert = strings.Split(villagerColumns, ", ")
var householdInsert = strings.Split(householdColumns, ", ")

func insertVillagers(tx db.Tx, rows []villagerRow) error {
	err := db.Insert(tx, "villagers", villagerInsert, len(rows), func(i int, args []any) []any {
		r := rows[i]
		return append(args, int64(r.ID), int64(r.VillageID), int64(r.HouseholdID), r.Name, r.Pinyin, r.Initials, r.Relation, r.Gender, int64(r.Birth),
			orNull(r.PhoneSealed), orNull(r.PhoneHash), r.PhoneTail, orNull(r.IdnoHash), r.State, tx.Millis(), tx.Millis())
	})
	if db.Duplicate(err) {
		return ErrIDTaken.Wrap(err)
	}
	return err
}

func orNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

func insertHouseholds(tx db.Tx, rows []householdRow) error {
	err := db.Insert(tx, "households", householdInsert, len(rows), func(i int, args []any) []any {
		r := rows[i]
		return append(args, int64(r.ID), int64(r.VillageID), int64(r.GroupID), r.Code, int64(r.HeadID), r.HeadName, r.Pinyin, r.Initials, r.Address, r.State, tx.Millis(), tx.Millis())
	})
	if db.Duplicate(err) { // a house code drawn twice: the next run draws others
		return errors.Join(db.ErrRetry, err)
	}
	return err
}

// CreateHousehold enters a household with its members.
func (s *Service) CreateHousehold(ctx context.Context, actor auth.Actor, n NewHousehold) (out Household, err error) {
	if err := actor.InRegion(auth.PeopleWrite, n.Village); err != nil {
		return out, err
	}
	if len(n.Members) == 0 || len(n.Members) > 50 || utf8.RuneCountInString(n.Address) > 50 || !utf8.ValidString(n.Address) {
		return out, ErrHousehold.New()
	}
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		if err := checkGroup(tx, n.Village, n.Group); err != nil {
			return err
		}
		h := householdRow{ID: id.New(), VillageID: n.Village, GroupID: n.Group, Code: NewHouseCode(), Address: n.Address, State: HouseholdHere, CreatedAt: tx.Millis(), UpdatedAt: tx.Millis()}
		var members []villagerRow
		for i, p := range n.Members {
			if i == 0 && p.Relation == "" {
				p.Relation = "户主"
			}
			r, err := s.prepare(p)
			if err != nil {
				return err
			}
			r.VillageID, r.HouseholdID = n.Village, h.ID
			members = append(members, r)
		}
		h.setHead(members[0])
		if err := insertHouseholds(tx, []householdRow{h}); err != nil {
			return err
		}
		if err := insertVillagers(tx, members); err != nil {
			return err
		}
		out = h.household()
		return audit.Write(tx, actor.Audit("household.create", "household:"+h.ID.String(), n.Village, fmt.Sprintf("登记 %s 户，%d 人", h.HeadName, len(members))))
	})
	return out, err
}

func (h *householdRow) setHead(v villagerRow) {
	h.HeadID, h.HeadName, h.Pinyin, h.Initials = v.ID, v.Name, v.Pinyin, v.Initials
}

func checkGroup(tx db.Tx, village, group id.ID) error {
	if group == 0 {
		return nil
	}
	found, err := RegionsByID(tx, []id.ID{group})
	if err != nil {
		return err
	}
	if g := found[group]; g.Kind != Group || g.Village != village {
		return ErrGroup.New()
	}
	return nil
}

// household reads one within the actor's reach.
func (s *Service) household(tx db.Tx, actor auth.Actor, p auth.Permission, household id.ID) (Household, error) {
	found, err := HouseholdsByID(tx, []id.ID{household})
	if err != nil {
		return Household{}, err
	}
	h, ok := found[household]
	if !ok {
		return Household{}, errs.ErrNotFound.New()
	}
	return h, actor.InRegion(p, h.Village)
}

// Household is one household with its members.
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
	return int(a.Birth) - int(b.Birth)
}

// HouseholdChange changes a household; nil fields stay.
type HouseholdChange struct {
	Group   *id.ID
	Address *string
	Head    *id.ID // a member
	State   *int
}

// UpdateHousehold changes a household.
func (s *Service) UpdateHousehold(ctx context.Context, actor auth.Actor, household id.ID, c HouseholdChange) (out Household, err error) {
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		h, err := s.household(tx, actor, auth.PeopleWrite, household)
		if err != nil {
			return err
		}
		if c.Group != nil {
			if err := checkGroup(tx, h.Village, *c.Group); err != nil {
				return err
			}
			h.Group = *c.Group
		}
		if c.Address != nil {
			h.Address = *c.Address
		}
		if c.State != nil {
			h.State = *c.State
		}
		if c.Head != nil {
			found, err := VillagersByID(tx, []id.ID{*c.Head})
			if err != nil {
				return err
			}
			v := found[*c.Head]
			if v.Household != household || v.State != VillagerHere {
				return ErrHousehold.New()
			}
			h.Head, h.HeadName, h.Pinyin, h.Initials = v.ID, v.Name, v.Pinyin, v.Initials
		}
		if utf8.RuneCountInString(h.Address) > 50 || !utf8.ValidString(h.Address) || h.State != HouseholdHere && h.State != HouseholdMoved {
			return ErrHousehold.New()
		}
		err = tx.Exec("UPDATE households SET group_id = ?, address = ?, state = ?, head_id = ?, head_name = ?, pinyin = ?, initials = ?, updated_at = ? WHERE id = ?",
			h.Group, h.Address, h.State, h.Head, h.HeadName, h.Pinyin, h.Initials, tx.Millis(), household).Error
		if err != nil {
			return fmt.Errorf("changing a household: %w", err)
		}
		out = h
		return audit.Write(tx, actor.Audit("household.update", "household:"+household.String(), h.Village, "修改 "+h.HeadName+" 户"))
	})
	return out, err
}

// AddMember enters a person into a household.
func (s *Service) AddMember(ctx context.Context, actor auth.Actor, household id.ID, p Person) (out Villager, err error) {
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		h, err := s.household(tx, actor, auth.PeopleWrite, household)
		if err != nil {
			return err
		}
		r, err := s.prepare(p)
		if err != nil {
			return err
		}
		r.VillageID, r.HouseholdID = h.Village, h.ID
		if err := insertVillagers(tx, []villagerRow{r}); err != nil {
			return err
		}
		out = r.villager()
		return audit.Write(tx, actor.Audit("villager.create", "villager:"+r.ID.String(), h.Village, h.HeadName+" 户增加 "+r.Name))
	})
	return out, err
}

// UpdateVillager replaces what is known of a person; an empty IDNumber or Phone keeps the one there is. A changed name of a
// head renames the household.
func (s *Service) UpdateVillager(ctx context.Context, actor auth.Actor, villager id.ID, p Person, state int) (out Villager, err error) {
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		found, err := VillagersByID(tx, []id.ID{villager})
		if err != nil {
			return err
		}
		old, ok := found[villager]
		if !ok {
			return errs.ErrNotFound.New()
		}
		if err := actor.InRegion(auth.PeopleWrite, old.Village); err != nil {
			return err
		}
		r, err := s.prepare(p)
		if err != nil {
			return err
		}
		if state < VillagerHere || state > VillagerDied {
			return ErrPerson.New()
		}
		set := "name = ?, pinyin = ?, initials = ?, relation = ?, gender = ?, birth = ?, state = ?, updated_at = ?"
		args := []any{r.Name, r.Pinyin, r.Initials, r.Relation, r.Gender, r.Birth, state, tx.Millis()}
		if r.PhoneHash != nil {
			set += ", phone_sealed = ?, phone_hash = ?, phone_tail = ?"
			args = append(args, r.PhoneSealed, r.PhoneHash, r.PhoneTail)
		}
		if r.IdnoHash != nil {
			set += ", idno_hash = ?"
			args = append(args, r.IdnoHash)
		}
		err = tx.Exec("UPDATE villagers SET "+set+" WHERE id = ?", append(args, villager)...).Error
		if db.Duplicate(err) {
			return ErrIDTaken.Wrap(err)
		}
		if err == nil {
			err = tx.Exec("UPDATE households SET head_name = ?, pinyin = ?, initials = ? WHERE head_id = ?", r.Name, r.Pinyin, r.Initials, villager).Error
		}
		if err != nil {
			return fmt.Errorf("changing a villager: %w", err)
		}
		r.ID, r.VillageID, r.HouseholdID, r.State = villager, old.Village, old.Household, state
		out = r.villager()
		return audit.Write(tx, actor.Audit("villager.update", "villager:"+villager.String(), old.Village, "修改 "+old.Name))
	})
	return out, err
}

// Phone is a villager's whole number, for those who may change it.
func (s *Service) Phone(ctx context.Context, actor auth.Actor, villager id.ID) (phone string, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		rows, err := byID[villagerRow](tx, villagerColumns, "villagers", "id", []id.ID{villager})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return errs.ErrNotFound.New()
		}
		if err := actor.InRegion(auth.PeopleWrite, rows[0].VillageID); err != nil {
			return err
		}
		phone, err = s.openPhone(rows[0].PhoneSealed)
		return err
	})
	return phone, err
}

// ErrBinding is a household that could not be bound; one text for every reason, so that nobody learns who lives where.
var ErrBinding = errs.Define(errs.Refused, "house.binding", "户码与姓名（或手机号）对不上，请核对房屋卡；仍不行请找村干部")

// VerifyBinding checks that somebody knows a household: its code and the name or the telephone number of a member.
func (s *Service) VerifyBinding(tx db.Tx, houseCode, nameOrPhone string) (Household, Villager, error) {
	code, err := ParseHouseCode(houseCode)
	if err != nil {
		return Household{}, Villager{}, ErrBinding.Wrap(err)
	}
	h, ok, err := HouseholdByCode(tx, code)
	if err != nil {
		return Household{}, Villager{}, err
	}
	if !ok || !h.Active() {
		return Household{}, Villager{}, ErrBinding.New()
	}
	rows, err := byID[villagerRow](tx, villagerColumns, "villagers", "household_id", []id.ID{h.ID})
	if err != nil {
		return Household{}, Villager{}, err
	}
	given := strings.TrimSpace(nameOrPhone)
	phone, _ := ParsePhone(given)
	for _, r := range rows {
		if r.State == VillagerHere && (r.Name == given || phone != "" && r.PhoneHash != nil && string(r.PhoneHash) == string(s.keyed("phone", phone))) {
			return h, r.villager(), nil
		}
	}
	return Household{}, Villager{}, ErrBinding.New()
}
