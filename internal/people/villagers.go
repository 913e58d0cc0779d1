package people

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
	"jishan/internal/stamp"
)

// What can be wrong with a villager.
var (
	ErrPerson   = errs.Define(errs.Invalid, "person.invalid", "姓名要填 1 到 20 个字，与户主关系最多 8 个字")
	ErrIDTaken  = errs.Define(errs.Conflict, "person.taken", "这个身份证号码已经登记过了，请先查找此人，需要时办理迁户")
	ErrHeadStay = errs.Define(errs.Refused, "person.head", "此人是户主，家里还有别人，请先更换户主")
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

// prepare turns a Person into a row.
func (s *Service) prepare(p Person) (*villagerRow, error) {
	if !utf8.ValidString(p.Name) || !utf8.ValidString(p.Relation) {
		return nil, ErrPerson.New()
	}
	p.Name, p.Relation = CleanName(p.Name), strings.TrimSpace(p.Relation)
	if n := utf8.RuneCountInString(p.Name); n < 1 || n > 20 || utf8.RuneCountInString(p.Relation) > 8 {
		return nil, ErrPerson.New()
	}
	r := &villagerRow{ID: id.New(), Relation: p.Relation, Gender: p.Gender, Birth: p.Birth, State: VillagerHere}
	r.setName(p.Name)
	phone, err := ParsePhone(p.Phone)
	if err != nil {
		return nil, err
	}
	if phone != "" {
		r.PhoneSealed, r.PhoneHash, r.PhoneTail = s.sealPhone(phone), s.keyed("phone", phone), phone[len(phone)-4:]
	}
	number, birth, gender, err := ParseIDNumber(p.IDNumber)
	if err != nil {
		return nil, err
	}
	if number != "" {
		r.IdnoHash, r.Birth, r.Gender = s.keyed("idno", number), birth, gender
	}
	if r.Gender < 0 || r.Gender > 2 || r.Birth != 0 && !r.Birth.Valid() {
		return nil, ErrPerson.New()
	}
	return r, nil
}

func (r *villagerRow) setName(name string) {
	r.Name, r.Pinyin, r.Initials = name, Pinyin(name), Initials(name)
}

var villagerInsert = strings.Split(villagerColumns, ", ")

func insertVillagers(tx db.Tx, rows []*villagerRow) error {
	err := db.Insert(tx, "villagers", villagerInsert, len(rows), func(i int, args []any) []any {
		rows[i].CreatedAt = tx.Millis()
		return rows[i].values(tx, args)
	})
	if db.Duplicate(err) {
		return ErrIDTaken.Wrap(err)
	}
	return err
}

func (r *villagerRow) values(tx db.Tx, args []any) []any {
	return append(args, int64(r.ID), int64(r.VillageID), int64(r.HouseholdID), r.Name, r.Pinyin, r.Initials, r.Relation, r.Gender, int64(r.Birth),
		orNull(r.PhoneSealed), orNull(r.PhoneHash), r.PhoneTail, orNull(r.IdnoHash), r.State, r.CreatedAt, tx.Millis())
}

func orNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// AddMember enters a person into a household.
func (s *Service) AddMember(ctx context.Context, actor auth.Actor, household id.ID, p Person) (out Villager, err error) {
	r, err := s.prepare(p)
	if err != nil {
		return out, err
	}
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		h, err := s.lockHousehold(tx, actor, household)
		if err != nil {
			return err
		}
		if h.State == HouseholdMerged {
			return ErrMerged.New()
		}
		r.VillageID, r.HouseholdID = h.Village, h.ID
		if err := insertVillagers(tx, []*villagerRow{r}); err != nil {
			return err
		}
		out = r.villager()
		return audit.Write(tx, actor.Audit("villager.create", "villager:"+r.ID.String(), h.Village, h.HeadName+" 户增加 "+r.Name))
	})
	return out, err
}

// lockVillager reads a villager and locks the household, in the order in which every change of people locks.
func (s *Service) lockVillager(tx db.Tx, actor auth.Actor, villager id.ID) (v Villager, h Household, err error) {
	before, err := VillagersByID(tx, []id.ID{villager})
	if err != nil {
		return v, h, err
	}
	if _, ok := before[villager]; !ok {
		return v, h, errs.ErrNotFound.New()
	}
	if h, err = s.lockHousehold(tx, actor, before[villager].Household); err != nil {
		return v, h, err
	}
	after, err := VillagersByID(tx, []id.ID{villager})
	if err != nil {
		return v, h, err
	}
	if v = after[villager]; v.Household != h.ID { // moved meanwhile
		return v, h, db.ErrRetry
	}
	return v, h, nil
}

// mayLeave is ErrHeadStay for a head whose household still has others living in it; last is true when nobody else does.
func mayLeave(tx db.Tx, v Villager, h Household) (last bool, err error) {
	var others int
	err = tx.Raw("SELECT COUNT(*) FROM villagers WHERE household_id = ? AND state = ? AND id <> ?", h.ID, VillagerHere, v.ID).Row().Scan(&others)
	if err != nil {
		return false, fmt.Errorf("counting the members of a household: %w", err)
	}
	if h.Head == v.ID && others > 0 {
		return false, ErrHeadStay.New()
	}
	return others == 0, nil
}

// UpdateVillager replaces what is known of a person; an empty IDNumber or Phone keeps the one there is. A changed name of a
// head renames the household. A head leaves (state) only after another head was named, or as the last one.
func (s *Service) UpdateVillager(ctx context.Context, actor auth.Actor, villager id.ID, p Person, state int) (out Villager, err error) {
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		old, h, err := s.lockVillager(tx, actor, villager)
		if err != nil {
			return err
		}
		r, err := s.prepare(p)
		if err != nil {
			return err
		}
		if state < VillagerHere || state > VillagerDied {
			return ErrPerson.New()
		}
		if state != VillagerHere && old.Here() {
			if _, err := mayLeave(tx, old, h); err != nil {
				return err
			}
		}
		set := "name = ?, pinyin = ?, initials = ?, relation = ?, state = ?, updated_at = ?"
		args := []any{r.Name, r.Pinyin, r.Initials, r.Relation, state, tx.Millis()}
		if r.PhoneHash == nil {
			r.PhoneTail = old.PhoneTail
		} else {
			set += ", phone_sealed = ?, phone_hash = ?, phone_tail = ?"
			args = append(args, r.PhoneSealed, r.PhoneHash, r.PhoneTail)
		}
		if r.IdnoHash != nil {
			set += ", idno_hash = ?"
			args = append(args, r.IdnoHash)
		}
		if r.Gender == 0 {
			r.Gender = old.Gender
		}
		if r.Birth == 0 {
			r.Birth = old.Birth
		}
		set += ", gender = ?, birth = ?"
		args = append(args, r.Gender, r.Birth, villager)
		err = tx.Exec("UPDATE villagers SET "+set+" WHERE id = ?", args...).Error
		if db.Duplicate(err) {
			return ErrIDTaken.Wrap(err)
		}
		if err == nil && h.Head == villager {
			err = tx.Exec("UPDATE households SET head_name = ?, pinyin = ?, initials = ?, updated_at = ? WHERE id = ?", r.Name, r.Pinyin, r.Initials, tx.Millis(), h.ID).Error
		}
		if err != nil {
			return fmt.Errorf("changing a villager: %w", err)
		}
		r.ID, r.VillageID, r.HouseholdID, r.State = villager, old.Village, old.Household, state
		out = r.villager()
		if state != old.State {
			if err := tellBoards(tx, old.Village); err != nil {
				return err
			}
		}
		return audit.Write(tx, actor.Audit("villager.update", "villager:"+villager.String(), old.Village, "修改 "+h.HeadName+" 户的 "+old.Name))
	})
	return out, err
}

// MoveVillager puts a person into another household, also of another village when the actor may write in both. The household
// left by its last member counts as moved away. What the person has earned stays where it was booked; the log-ins by which the
// person looked at the old household go along. A member of a party branch has to leave the branch before leaving the village.
func (s *Service) MoveVillager(ctx context.Context, actor auth.Actor, villager, household id.ID, relation string) (out Villager, err error) {
	relation = strings.TrimSpace(relation)
	if utf8.RuneCountInString(relation) > 8 || !utf8.ValidString(relation) || relation == relationHead {
		return out, ErrPerson.New()
	}
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		// Both households are locked in order of key, or two people changing places would lock each other out.
		before, err := VillagersByID(tx, []id.ID{villager})
		if err != nil {
			return err
		}
		if _, ok := before[villager]; !ok {
			return errs.ErrNotFound.New()
		}
		if first := min(before[villager].Household, household); first == household {
			if _, err := s.lockHousehold(tx, actor, first); err != nil {
				return err
			}
		}
		v, from, err := s.lockVillager(tx, actor, villager)
		if err != nil {
			return err
		}
		to, err := s.lockHousehold(tx, actor, household)
		if err != nil {
			return err
		}
		if to.ID == from.ID || !to.Active() {
			return ErrHousehold.With("请选择另一个住在村里的户")
		}
		last, err := mayLeave(tx, v, from)
		if err != nil {
			return err
		}
		err = tx.Exec("UPDATE villagers SET household_id = ?, village_id = ?, relation = ?, state = ?, updated_at = ? WHERE id = ?",
			to.ID, to.Village, relation, VillagerHere, tx.Millis(), villager).Error
		if err == nil && last {
			if err = tx.Exec("UPDATE households SET state = ?, updated_at = ? WHERE id = ?", HouseholdMoved, tx.Millis(), from.ID).Error; err == nil {
				err = stamp.Count(tx, stamp.Residences)
			}
		}
		if err != nil {
			return fmt.Errorf("moving a villager: %w", err)
		}
		if _, err := auth.Rebind(tx, from.ID, to.ID, func(_, v id.ID) bool { return v == villager }); err != nil {
			return err
		}
		if from.Village != to.Village {
			if err := notOfAParty(tx, v); err != nil {
				return err
			}
		}
		v.Household, v.Village, v.Relation, v.State = to.ID, to.Village, relation, VillagerHere
		out = v
		entries := []audit.Entry{actor.Audit("villager.move", "villager:"+villager.String(), to.Village, v.Name+" 从 "+from.HeadName+" 户迁到 "+to.HeadName+" 户")}
		if from.Village != to.Village {
			entries = append(entries, actor.Audit("villager.move", "villager:"+villager.String(), from.Village, v.Name+" 从 "+from.HeadName+" 户迁到别的村"))
		}
		if err := tellBoards(tx, from.Village, to.Village); err != nil {
			return err
		}
		return audit.Write(tx, entries...)
	})
	return out, err
}

// Phone is a villager's whole number, for those who may change it; the look is written to the audit log.
func (s *Service) Phone(ctx context.Context, actor auth.Actor, villager id.ID) (phone string, err error) {
	err = s.db.Tx(ctx, func(tx db.Tx) error {
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
		if phone, err = s.openPhone(rows[0].PhoneSealed); err != nil {
			return err
		}
		return audit.Write(tx, actor.Audit("villager.phone", "villager:"+villager.String(), rows[0].VillageID, "查看 "+rows[0].Name+" 的手机号码"))
	})
	return phone, err
}
