package people

import (
	"errors"
	"fmt"
	"slices"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/stamp"
)

// loadVillage reads what a village has, and whom of the sheet other villages have. With lock nobody else changes the village's
// people until the end of the transaction: other imports wait for its region, everything else for a household.
func loadVillage(tx db.Tx, village id.ID, entries []entry, lock bool) (*known, error) {
	suffix := ""
	if lock {
		suffix = tx.ForUpdate()
		if err := holdRegion(tx, village); err != nil {
			return nil, err
		}
	}
	v, err := villageByID(tx, village)
	if err != nil {
		return nil, err
	}
	k := &known{village: v, groups: map[string]id.ID{}, groupKeys: map[id.ID]string{}, closed: map[id.ID]bool{}, codes: map[string]bool{}, grids: map[string]id.ID{}, links: map[gridLink]bool{},
		byCode: map[string]*planHouse{}, byHead: map[string][]*planHouse{}, byID: map[string]*planPerson{}}
	if err := k.loadGroups(tx); err != nil {
		return nil, err
	}
	var houses []householdRow
	if err := tx.Raw("SELECT "+householdColumns+" FROM households WHERE village_id = ? ORDER BY id"+suffix, village).Scan(&houses).Error; err != nil {
		return nil, fmt.Errorf("reading the households of a village: %w", err)
	}
	byID := make(map[id.ID]*planHouse, len(houses))
	for _, r := range houses {
		h := &planHouse{householdRow: r}
		byID[r.ID], k.byCode[r.Code] = h, h
		if r.State == HouseholdMerged {
			continue // nobody lives there, and nobody can
		}
		k.byHead[r.HeadName] = append(k.byHead[r.HeadName], h)
	}
	var villagers []villagerRow
	if err := tx.Raw("SELECT "+villagerColumns+" FROM villagers WHERE village_id = ?", village).Scan(&villagers).Error; err != nil {
		return nil, fmt.Errorf("reading the villagers of a village: %w", err)
	}
	for i := range villagers {
		r := &villagers[i]
		p := &planPerson{villagerRow: r, house: byID[r.HouseholdID], row: -1}
		if p.house != nil {
			p.house.members = append(p.house.members, p)
			p.house.had++
		}
		if len(r.IdnoHash) > 0 {
			k.byID[string(r.IdnoHash)] = p
		}
	}
	return k, k.loadElsewhere(tx, entries)
}

func (k *known) loadGroups(tx db.Tx) error {
	var groups []regionRow
	if err := tx.Raw("SELECT "+regionColumns+" FROM regions WHERE parent_id = ? ORDER BY code DESC", k.village.ID).Scan(&groups).Error; err != nil {
		return fmt.Errorf("reading the groups of a village: %w", err)
	}
	for _, g := range groups {
		key := groupKey(g.Name, k.village.Name)
		k.groupKeys[g.ID], k.codes[g.Code] = key, true
		// Of several with a name it is one that is open.
		if open := g.ClosedAt == 0; open || k.groups[key] == 0 || k.closed[k.groups[key]] {
			k.groups[key] = g.ID
		}
		k.closed[g.ID] = g.ClosedAt != 0
	}
	grids, err := gridsWhere(tx, "g.village_id = ?", k.village.ID)
	if err != nil {
		return err
	}
	for _, g := range grids {
		k.grids[g.Name] = g.ID
	}
	var links []struct{ GridID, HouseholdID id.ID }
	if err := tx.Raw("SELECT l.grid_id, l.household_id FROM grid_households l JOIN grids g ON g.id = l.grid_id WHERE g.village_id = ?", k.village.ID).Scan(&links).Error; err != nil {
		return fmt.Errorf("reading the households of grids: %w", err)
	}
	for _, l := range links {
		k.links[gridLink{l.GridID, l.HouseholdID}] = true
	}
	return nil
}

func (k *known) loadElsewhere(tx db.Tx, entries []entry) error {
	var hashes [][]byte
	for i := range entries {
		if h := entries[i].person.IdnoHash; len(h) > 0 && k.byID[string(h)] == nil {
			hashes = append(hashes, h)
		}
	}
	for part := range slices.Chunk(hashes, chunk) {
		var rows []villagerRow
		if err := tx.Raw("SELECT "+villagerColumns+" FROM villagers WHERE idno_hash IN ? AND village_id <> ?", part, k.village.ID).Scan(&rows).Error; err != nil {
			return fmt.Errorf("looking for people of other villages: %w", err)
		}
		for i := range rows {
			k.byID[string(rows[i].IdnoHash)] = &planPerson{villagerRow: &rows[i], row: -1}
		}
	}
	return nil
}

// write carries the plan out.
func (p *rosterPlan) write(tx db.Tx, progress func(done, total int)) error {
	if err := p.makeGroups(tx); err != nil {
		return err
	}
	if err := p.makeGrids(tx); err != nil {
		return err
	}
	done, total := 0, len(p.houses)+len(p.people)
	step := func(n int) {
		done += n
		progress(done, total)
	}
	progress(0, total)
	var fresh, changed []*householdRow
	var links []gridLink
	for _, h := range p.houses {
		if h.newGroup != "" {
			h.GroupID = p.known.groups[h.newGroup]
		}
		for _, g := range h.grids {
			links = append(links, gridLink{p.known.grids[g], h.ID})
		}
		if h.isNew {
			h.CreatedAt = tx.Millis()
			fresh = append(fresh, &h.householdRow)
		} else {
			changed = append(changed, &h.householdRow)
		}
	}
	if err := inPieces(fresh, step, func(rows []*householdRow) error { return insertHouseholds(tx, rows) }); err != nil {
		return err
	}
	err := inPieces(changed, step, func(rows []*householdRow) error {
		return db.Upsert(tx, "households", householdInsert, []string{"id"}, without(householdInsert, "id", "village_id", "code", "created_at"), nil, len(rows),
			func(i int, args []any) []any { return rows[i].values(tx, args) })
	})
	if err != nil {
		return err
	}
	if err := p.writePeople(tx, step); err != nil {
		return err
	}
	if err := linkGrid(tx, len(links), func(i int) (id.ID, id.ID) { return links[i].grid, links[i].household }); err != nil {
		return err
	}
	if len(changed) == 0 {
		return nil
	}
	return stamp.Count(tx, stamp.Residences) // last, for everybody who counts waits for the commit
}

func (p *rosterPlan) writePeople(tx db.Tx, step func(int)) error {
	var fresh, changed []*villagerRow
	for _, v := range p.people {
		if v.isNew {
			fresh = append(fresh, v.villagerRow)
		} else {
			changed = append(changed, v.villagerRow)
		}
	}
	err := inPieces(changed, step, func(rows []*villagerRow) error {
		return db.Upsert(tx, "villagers", villagerInsert, []string{"id"}, without(villagerInsert, "id", "created_at"), nil, len(rows),
			func(i int, args []any) []any { return rows[i].values(tx, args) })
	})
	if err == nil {
		err = inPieces(fresh, step, func(rows []*villagerRow) error { return insertVillagers(tx, rows) })
	}
	if db.Duplicate(err) { // entered by somebody else since the village was read: the next run finds them
		return errors.Join(db.ErrRetry, err)
	}
	return err
}

// inPieces writes rows so that progress can be seen.
func inPieces[R any](rows []R, step func(int), write func([]R) error) error {
	for part := range slices.Chunk(rows, 2*chunk) {
		if err := write(part); err != nil {
			return err
		}
		step(len(part))
	}
	return nil
}

func without(cols []string, drop ...string) []string {
	return slices.DeleteFunc(slices.Clone(cols), func(c string) bool { return slices.Contains(drop, c) })
}

// makeGroups makes the groups that the sheet names and the village lacks; their codes are the first free ones.
func (p *rosterPlan) makeGroups(tx db.Tx) error {
	next := 1
	for _, name := range p.groups {
		code := ""
		for ; code == "" || p.known.codes[code]; next++ {
			code = fmt.Sprintf("%s%02d", p.known.village.Code, next)
		}
		g, err := InsertRegion(tx, NewRegion{Parent: p.known.village.ID, Kind: Group, Code: code, Name: name, Sort: next - 1})
		if errors.Is(err, ErrRegionTaken) {
			return errors.Join(db.ErrRetry, err)
		}
		if err != nil {
			return err
		}
		p.known.groups[groupKey(name, p.known.village.Name)] = g.ID
	}
	return nil
}

func (p *rosterPlan) makeGrids(tx db.Tx) error {
	grids := make([]Grid, len(p.grids))
	for i, name := range p.grids {
		grids[i] = Grid{ID: id.New(), Village: p.known.village.ID, Name: name}
		p.known.grids[name] = grids[i].ID
	}
	err := insertGrids(tx, grids)
	if errors.Is(err, ErrGridTaken) {
		return errors.Join(db.ErrRetry, err)
	}
	return err
}
