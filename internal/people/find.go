package people

import (
	"fmt"
	"slices"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

// RegionByCode finds a region by its official code; errs.ErrNotFound where there is none.
func RegionByCode(tx db.Tx, code string) (Region, error) {
	var rows []regionRow
	if err := tx.Raw("SELECT "+regionColumns+" FROM regions WHERE code = ?", code).Scan(&rows).Error; err != nil {
		return Region{}, fmt.Errorf("finding a region by code: %w", err)
	}
	if len(rows) == 0 {
		return Region{}, errs.ErrNotFound.With("没有代码为 %s 的区划，请核对", code)
	}
	return rows[0].region(), nil
}

// HouseholdIDsOf are the keys of the active households of the villages, by village.
func HouseholdIDsOf(tx db.Tx, villages []id.ID) (map[id.ID][]id.ID, error) {
	out := make(map[id.ID][]id.ID, len(villages))
	for part := range slices.Chunk(villages, chunk) {
		var rows []struct{ ID, VillageID id.ID }
		if err := tx.Raw("SELECT id, village_id FROM households WHERE village_id IN ? AND state = ? ORDER BY village_id, id", part, HouseholdHere).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("listing the households of villages: %w", err)
		}
		for _, r := range rows {
			out[r.VillageID] = append(out[r.VillageID], r.ID)
		}
	}
	return out, nil
}

// HouseholdByCode finds a household by its code as ParseHouseCode returns it; ok is false where there is none.
func HouseholdByCode(tx db.Tx, code string) (h Household, ok bool, err error) {
	var rows []householdRow
	if err := tx.Raw("SELECT "+householdColumns+" FROM households WHERE code = ?", code).Scan(&rows).Error; err != nil {
		return h, false, fmt.Errorf("finding a household by code: %w", err)
	}
	if len(rows) == 0 {
		return h, false, nil
	}
	return rows[0].household(), true, nil
}

// CountHouseholds is the number of active households of each village that has any.
func CountHouseholds(tx db.Tx, villages []id.ID) (map[id.ID]int, error) {
	var rows []struct {
		VillageID id.ID
		N         int
	}
	if err := tx.Raw("SELECT village_id, COUNT(*) AS n FROM households WHERE village_id IN ? AND state = ? GROUP BY village_id", villages, HouseholdHere).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("counting households: %w", err)
	}
	out := make(map[id.ID]int, len(rows))
	for _, r := range rows {
		out[r.VillageID] = r.N
	}
	return out, nil
}

// FindPerson is a person of the village by name, of the household with the code when one is given; for sheets that name people.
// ok is false where there is none or more than one.
func FindPerson(tx db.Tx, village id.ID, name, houseCode string) (v Villager, ok bool, err error) {
	q, args := "SELECT "+villagerColumns+" FROM villagers WHERE village_id = ? AND name = ? AND state = ?", []any{village, CleanName(name), VillagerHere}
	if houseCode != "" {
		h, found, err := HouseholdByCode(tx, houseCode)
		if err != nil || !found {
			return v, false, err
		}
		q += " AND household_id = ?"
		args = append(args, h.ID)
	}
	var rows []villagerRow
	if err := tx.Raw(q+" LIMIT 2", args...).Scan(&rows).Error; err != nil {
		return v, false, fmt.Errorf("finding a person by name: %w", err)
	}
	if len(rows) != 1 {
		return v, false, nil
	}
	return rows[0].villager(), true, nil
}

// FindByNumber is FindPerson for sheets that have identity numbers as well: a number that is registered decides, if the name is
// the same; otherwise the name does, of people whose number is not known. An empty idNumber leaves it to the name. ErrIDNumber
// is a number that is wrong in itself.
func (s *Service) FindByNumber(tx db.Tx, village id.ID, name, houseCode, idNumber string) (v Villager, ok bool, err error) {
	number, _, _, err := ParseIDNumber(idNumber)
	if err != nil || number == "" {
		if err == nil {
			v, ok, err = FindPerson(tx, village, name, houseCode)
		}
		return v, ok, err
	}
	var rows []villagerRow
	err = tx.Raw("SELECT "+villagerColumns+" FROM villagers WHERE idno_hash = ?", s.keyed("idno", number)).Scan(&rows).Error
	if err != nil {
		return v, false, fmt.Errorf("finding a person by identity number: %w", err)
	}
	if len(rows) > 0 {
		v = rows[0].villager()
		return v, v.Village == village && v.Here() && v.Name == CleanName(name), nil
	}
	if v, ok, err = FindPerson(tx, village, name, houseCode); err != nil || !ok {
		return v, false, err
	}
	rows, err = byID[villagerRow](tx, villagerColumns, "villagers", "id", []id.ID{v.ID})
	return v, len(rows) == 1 && len(rows[0].IdnoHash) == 0, err
}

// villageByID is a region that is a village; errs.ErrNotFound otherwise.
func villageByID(tx db.Tx, village id.ID) (Region, error) {
	found, err := RegionsByID(tx, []id.ID{village})
	if err != nil {
		return Region{}, err
	}
	if found[village].Kind != Village {
		return Region{}, errs.ErrNotFound.New()
	}
	return found[village], nil
}
