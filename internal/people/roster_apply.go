package people

import (
	"slices"

	"jishan/internal/id"
)

// apply enters a block's good rows into the plan.
func (p *planner) apply(b *block) {
	if b.house == nil && !b.isNew || !slices.ContainsFunc(b.rows, p.ok) {
		return
	}
	h := b.house
	if b.isNew {
		h = &planHouse{isNew: true, householdRow: householdRow{ID: id.New(), VillageID: p.known.village.ID, Code: NewHouseCode(), State: HouseholdHere}}
		b.house = h
		p.houses = append(p.houses, h)
		p.counts.NewHouseholds++
	}
	p.place(b, h)
	var head *planPerson
	for _, i := range b.rows {
		if !p.ok(i) {
			continue
		}
		v := p.person(h, i)
		if i == b.headRow {
			head = v
		}
	}
	if head == nil && h.HeadID == 0 && b.head != "" { // the sheet names the head without a row of his own
		head = &planPerson{isNew: true, row: -1, house: h, villagerRow: &villagerRow{ID: id.New(), VillageID: h.VillageID, HouseholdID: h.ID, State: VillagerHere}}
		head.setName(b.head)
		h.members = append(h.members, head)
		p.people = append(p.people, head)
		p.counts.NewVillagers++
	}
	if head != nil {
		p.setHead(h, head)
	}
}

// place sets what the rows say of the household itself.
func (p *planner) place(b *block, h *planHouse) {
	if b.group != "" {
		key := groupKey(b.group, p.known.village.Name)
		group, exists := p.known.groups[key]
		if !exists {
			p.known.groups[key] = 0
			p.groups = append(p.groups, groupName(b.group, p.known.village.Name))
			p.counts.NewGroups++
		}
		if group == 0 || group != h.GroupID {
			h.newGroup = key
			p.changeHouse(h)
		}
	}
	for _, i := range b.rows {
		if !p.ok(i) {
			continue
		}
		e := &p.entries[i]
		if e.address != "" && e.address != h.Address && (b.headRow < 0 || i == b.headRow || h.Address == "") {
			h.Address = e.address
			p.changeHouse(h)
		}
		if e.grid != "" && !slices.Contains(h.grids, e.grid) {
			p.link(h, e.grid)
		}
	}
	if h.State != HouseholdHere {
		h.State = HouseholdHere
		p.changeHouse(h)
	}
}

func (p *planner) link(h *planHouse, name string) {
	grid, exists := p.known.grids[name]
	if !exists {
		p.known.grids[name] = 0
		p.grids = append(p.grids, name)
		p.counts.NewGrids++
	}
	if grid == 0 || !p.known.links[gridLink{grid, h.ID}] {
		h.grids = append(h.grids, name)
		p.changeHouse(h)
	}
}

func (p *planner) changeHouse(h *planHouse) {
	if !h.isNew && !h.changed {
		h.changed = true
		p.houses = append(p.houses, h)
		p.counts.ChangedHouseholds++
	}
}

func (p *planner) changePerson(v *planPerson) {
	if !v.isNew && !v.changed {
		v.changed = true
		p.people = append(p.people, v)
		p.counts.Changed++
	}
}

// person enters the person of a row, who may be new, known, or known from another household.
func (p *planner) person(h *planHouse, i int) *planPerson {
	e := &p.entries[i].person
	v := p.match[i]
	if v == nil {
		v = &planPerson{villagerRow: e, isNew: true, row: i, house: h}
		v.VillageID, v.HouseholdID = h.VillageID, h.ID
		h.members = append(h.members, v)
		p.match[i] = v
		p.people = append(p.people, v)
		p.counts.NewVillagers++
		return v
	}
	before := *v.villagerRow
	if v.house != h {
		if old := v.house; old != nil {
			old.members = slices.DeleteFunc(old.members, func(m *planPerson) bool { return m == v })
		}
		h.members = append(h.members, v)
		v.house, v.HouseholdID, v.VillageID = h, h.ID, h.VillageID
		p.counts.Moved++
	}
	if v.Name != e.Name {
		v.setName(e.Name)
	}
	if e.Relation != "" {
		v.Relation = e.Relation
	}
	if len(e.PhoneHash) > 0 && string(e.PhoneHash) != string(v.PhoneHash) {
		v.PhoneSealed, v.PhoneHash, v.PhoneTail = e.PhoneSealed, e.PhoneHash, e.PhoneTail
	}
	if len(e.IdnoHash) > 0 {
		v.IdnoHash, v.Birth = e.IdnoHash, e.Birth
	}
	if e.Gender != 0 && (len(v.IdnoHash) == 0 || len(e.IdnoHash) > 0) {
		v.Gender = e.Gender
	}
	v.State = VillagerHere
	if v.same(&before) {
		p.counts.Unchanged++
	} else {
		p.changePerson(v)
	}
	return v
}

// same reports whether nothing that is stored differs.
func (r *villagerRow) same(o *villagerRow) bool {
	return r.VillageID == o.VillageID && r.HouseholdID == o.HouseholdID && r.Name == o.Name && r.Relation == o.Relation && r.Gender == o.Gender &&
		r.Birth == o.Birth && string(r.PhoneHash) == string(o.PhoneHash) && string(r.IdnoHash) == string(o.IdnoHash) && r.State == o.State
}

func (p *planner) setHead(h *planHouse, head *planPerson) {
	if h.HeadID != head.ID {
		for _, m := range h.members {
			if m.ID == h.HeadID && m.Relation == relationHead {
				m.Relation = relationFormer
				p.changePerson(m)
			}
		}
	}
	if head.Relation != relationHead {
		head.Relation = relationHead
		p.changePerson(head)
	}
	if h.HeadID != head.ID || h.HeadName != head.Name {
		h.setHead(head.villagerRow)
		p.changeHouse(h)
	}
}

// finish marks the households that everybody has left as moved away.
func (p *planner) finish() {
	for _, h := range p.known.byCode {
		if h.State == HouseholdHere && len(h.members) < h.had && !slices.ContainsFunc(h.members, func(m *planPerson) bool { return m.State == VillagerHere }) {
			h.State = HouseholdMoved
			p.changeHouse(h)
		}
	}
}
