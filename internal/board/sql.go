package board

import (
	"fmt"
	"slices"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
)

// chunk bounds IN lists and the owners handled together.
const chunk = 1000

// village is what boards must know of a village.
type village struct {
	people.Region
	settings people.Settings
}

// scopes are the village and the regions above it.
func (v village) scopes() []id.ID {
	out := make([]id.ID, 0, 3)
	for _, r := range [...]id.ID{v.ID, v.Township, v.County} {
		if r != 0 {
			out = append(out, r)
		}
	}
	return out
}

// start is the month in which the village's scheme year begins.
func (v village) start() int { return v.settings.SchemeStart }

// villagesByID reads villages; ids of other regions are left out.
func villagesByID(tx db.Tx, ids []id.ID) (map[id.ID]village, error) {
	regions, err := people.RegionsByID(tx, ids)
	if err != nil {
		return nil, err
	}
	settings, err := people.SettingsOf(tx, ids...)
	if err != nil {
		return nil, err
	}
	out := make(map[id.ID]village, len(regions))
	for k, r := range regions {
		if r.Kind == people.Village {
			out[k] = village{r, settings[k]}
		}
	}
	return out, nil
}

// villagesIn are the villages a region consists of; a group's is the village it lies in.
func villagesIn(tx db.Tx, r people.Region) ([]village, error) {
	ids := []id.ID{r.Village}
	if r.Kind == people.County || r.Kind == people.Township {
		ids = nil
		if err := tx.Raw("SELECT id FROM regions WHERE kind = ? AND (township_id = ? OR county_id = ?) ORDER BY id", people.Village, r.ID, r.ID).Scan(&ids).Error; err != nil {
			return nil, fmt.Errorf("reading the villages of a region: %w", err)
		}
	}
	var out []village
	for part := range slices.Chunk(ids, chunk) {
		found, err := villagesByID(tx, part)
		if err != nil {
			return nil, err
		}
		for _, k := range part {
			if v, ok := found[k]; ok {
				out = append(out, v)
			}
		}
	}
	return out, nil
}

// groupsOf are the groups of a village.
func groupsOf(tx db.Tx, v id.ID) (ids []id.ID, err error) {
	if err := tx.Raw("SELECT id FROM regions WHERE kind = ? AND village_id = ? ORDER BY id", people.Group, v).Scan(&ids).Error; err != nil {
		return nil, fmt.Errorf("reading the groups of a village: %w", err)
	}
	return ids, nil
}

// place is where a subject belongs now. Who has moved away is not here.
type place struct {
	village, group id.ID
	here           bool
}

// directory says how a subject is found. Each of from begins with the subject's own table under the alias s; v is its village,
// g its group, here the condition under which it is ranked.
type directory struct {
	from, village, group, here, name string
}

var directories = map[Subject]directory{
	Household: {"households s", "s.village_id", "s.group_id", "s.state = 1", "s.head_name"},
	Person:    {"villagers s JOIN households h ON h.id = s.household_id", "s.village_id", "h.group_id", "s.state = 1 AND h.state = 1", "s.name"},
	Member: {"party_members s LEFT JOIN villagers p ON p.id = s.villager_id LEFT JOIN households h ON h.id = p.household_id",
		"s.village_id", "COALESCE(h.group_id, 0)", "s.state = 1", "s.name"},
	Branch:  {"party_branches s", "s.village_id", "0", "1 = 1", "s.name"},
	Village: {"regions s", "s.id", "0", "s.kind = 3", "s.name"},
}

// placesOf finds the places of subjects; what does not exist is missing from the map.
func placesOf(tx db.Tx, subject Subject, ids []id.ID) (map[id.ID]place, error) {
	d := directories[subject]
	out := make(map[id.ID]place, len(ids))
	q := "SELECT s.id AS id, " + d.village + " AS village, " + d.group + " AS grp, CASE WHEN " + d.here + " THEN 1 ELSE 0 END AS here FROM " + d.from + " WHERE s.id IN ?"
	for part := range slices.Chunk(ids, chunk) {
		var rows []struct {
			ID      id.ID `gorm:"column:id"`
			Village id.ID `gorm:"column:village"`
			Group   id.ID `gorm:"column:grp"`
			Here    bool  `gorm:"column:here"`
		}
		if err := tx.Raw(q, part).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("finding places of boards' subjects: %w", err)
		}
		for _, r := range rows {
			out[r.ID] = place{r.Village, r.Group, r.Here}
		}
	}
	return out, nil
}

// subjectsOf are the keys of all subjects of a village that are ranked now.
func subjectsOf(tx db.Tx, subject Subject, v id.ID) (ids []id.ID, err error) {
	d := directories[subject]
	if err := tx.Raw("SELECT s.id FROM "+d.from+" WHERE "+d.village+" = ? AND "+d.here, v).Scan(&ids).Error; err != nil {
		return nil, fmt.Errorf("reading the subjects of a village: %w", err)
	}
	return ids, nil
}

// monthScores are the owners' scores by month.
func monthScores(tx db.Tx, asset ledger.Asset, owners []id.ID) (map[id.ID][]monthScore, error) {
	out := make(map[id.ID][]monthScore, len(owners))
	for part := range slices.Chunk(owners, chunk) {
		if err := addMonths(tx, asset, part, out); err != nil {
			return nil, fmt.Errorf("reading scores by month: %w", err)
		}
	}
	return out, nil
}

// addMonths reads without the mapper's reflection: these are by far the most rows.
func addMonths(tx db.Tx, asset ledger.Asset, owners []id.ID, out map[id.ID][]monthScore) error {
	rows, err := tx.Raw("SELECT owner_id, month, points FROM scores WHERE owner_id IN ? AND asset = ?", owners, asset).Rows()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var owner, month, n int64
		if err := rows.Scan(&owner, &month, &n); err != nil {
			return err
		}
		out[id.ID(owner)] = append(out[id.ID(owner)], monthScore{cal.Month(month), points.Amount(n)})
	}
	return rows.Err()
}

// divisors are what the sums of villages and branches are divided by: households living there, members not exempt on the
// day. One without any has none in the map. Other subjects have no divisor (nil).
func divisors(tx db.Tx, subject Subject, ids []id.ID, day cal.Day) (map[id.ID]int64, error) {
	var q string
	args := []any{ids}
	switch subject {
	case Village:
		q = "SELECT village_id AS id, COUNT(*) AS n FROM households WHERE village_id IN ? AND state = 1 GROUP BY village_id"
	case Branch:
		q = "SELECT m.branch_id AS id, COUNT(*) AS n FROM party_members m WHERE m.branch_id IN ? AND m.state = 1 AND NOT EXISTS (SELECT 1 FROM party_exemptions e" +
			" WHERE e.member_id = m.id AND e.revoked_at = 0 AND e.from_day <= ? AND (e.to_day = 0 OR e.to_day >= ?)) GROUP BY m.branch_id"
		args = append(args, day, day)
	default:
		return nil, nil
	}
	out := map[id.ID]int64{}
	for part := range slices.Chunk(ids, chunk) {
		var rows []struct {
			ID id.ID `gorm:"column:id"`
			N  int64 `gorm:"column:n"`
		}
		args[0] = part
		if err := tx.Raw(q, args...).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("counting what averages are divided by: %w", err)
		}
		for _, r := range rows {
			out[r.ID] = r.N
		}
	}
	return out, nil
}

// named is how a subject is shown.
type named struct {
	name           string
	village, group id.ID
	villageName    string
	groupName      string
}

// namesOf reads the names of a page's subjects in one query.
func namesOf(tx db.Tx, subject Subject, ids []id.ID) (map[id.ID]named, error) {
	d := directories[subject]
	out := make(map[id.ID]named, len(ids))
	q := "SELECT s.id AS id, " + d.name + " AS name, " + d.village + " AS village, " + d.group + " AS grp, COALESCE(rv.name, '') AS village_name, COALESCE(rg.name, '') AS group_name FROM " +
		d.from + " LEFT JOIN regions rv ON rv.id = " + d.village + " LEFT JOIN regions rg ON rg.id = " + d.group + " WHERE s.id IN ?"
	for part := range slices.Chunk(ids, chunk) {
		var rows []struct {
			ID          id.ID  `gorm:"column:id"`
			Name        string `gorm:"column:name"`
			Village     id.ID  `gorm:"column:village"`
			Group       id.ID  `gorm:"column:grp"`
			VillageName string `gorm:"column:village_name"`
			GroupName   string `gorm:"column:group_name"`
		}
		if err := tx.Raw(q, part).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("reading names for a board: %w", err)
		}
		for _, r := range rows {
			out[r.ID] = named{r.Name, r.Village, r.Group, r.VillageName, r.GroupName}
		}
	}
	return out, nil
}
