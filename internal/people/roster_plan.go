package people

import (
	"slices"

	"jishan/internal/id"
)

// known is what a village has before an import.
type known struct {
	village   Region
	groups    map[string]id.ID // by groupKey
	groupKeys map[id.ID]string
	closed    map[id.ID]bool  // groups
	codes     map[string]bool // of the groups
	grids     map[string]id.ID
	links     map[gridLink]bool
	byCode    map[string]*planHouse
	byHead    map[string][]*planHouse // by name of the head
	byID      map[string]*planPerson  // by identity hash, people of other villages included
}

type gridLink struct{ grid, household id.ID }

// planHouse is a household as it will be.
type planHouse struct {
	householdRow
	members        []*planPerson
	had            int // members before the import
	isNew, changed bool
	claimed        *block
	newGroup       string // name of a group that is still to be made
	grids          []string
}

// planPerson is a villager as he will be. The row of a new one is the entry's, so that a large sheet is in memory once; planning
// the same entries again comes to the same.
type planPerson struct {
	*villagerRow
	house          *planHouse // nil for people of other villages
	isNew, changed bool
	row            int // index of the entry that is about this person, -1 for none
}

// rosterPlan is what an import will write; nothing in it depends on a database.
type rosterPlan struct {
	known    *known
	counts   RosterReport
	problems problems
	groups   []string // names to be made
	grids    []string
	houses   []*planHouse // new and changed
	people   []*planPerson
}

// planner is the working state of planRoster.
type planner struct {
	*rosterPlan
	entries []entry
	blocks  []*block
	blockOf []*block      // by entry, nil where the household is not known
	match   []*planPerson // by entry: whom it is about, nil for a new person
}

// planRoster decides what a sheet means. A row is good or it is reported; a household that is new is taken whole or not at all.
func planRoster(k *known, entries []entry) *rosterPlan {
	p := &planner{rosterPlan: &rosterPlan{known: k, problems: problems{}}, entries: entries,
		match: make([]*planPerson, len(entries)), blockOf: make([]*block, len(entries))}
	p.blocks = blocksOf(entries, k.village.Name, p.problems)
	for _, b := range p.blocks {
		for _, i := range b.rows {
			p.blockOf[i] = b
		}
	}
	duplicates(entries, p.blocks, p.problems)
	p.matchByID()
	p.findHouses()
	p.matchByName()
	for p.check() {
	}
	for _, b := range p.blocks {
		p.apply(b)
	}
	p.finish()
	return p.rosterPlan
}

// ok reports whether a row is going to be taken.
func (p *planner) ok(i int) bool { return !p.entries[i].bad && len(p.problems[i]) == 0 }

func (p *planner) failAll(b *block, key, format string, args ...any) (failed bool) {
	for _, i := range b.rows {
		if p.ok(i) {
			p.problems.add(i, key, format, args...)
			failed = true
		}
	}
	return failed
}

func (p *planner) matchByID() {
	for i := range p.entries {
		e := &p.entries[i]
		if v := p.known.byID[string(e.person.IdnoHash)]; len(e.person.IdnoHash) > 0 && v != nil && p.ok(i) {
			p.claim(i, v)
		}
	}
}

func (p *planner) claim(i int, v *planPerson) {
	switch {
	case v.row >= 0:
		p.problems.add(i, "name", "与第%d行是同一个人，请只留一行", p.entries[v.row].number)
	case v.State == VillagerDied:
		p.problems.add(i, "name", "此人登记为已去世，请核对；登记有误请先在系统里改正")
	case v.VillageID != p.known.village.ID && v.State == VillagerHere:
		p.problems.add(i, "idno", "此人登记在别的村，请先由那个村办理迁出")
	default:
		p.match[i], v.row = v, i
	}
}

// findHouses says for every block which household it is. A block left without one is a new household.
func (p *planner) findHouses() {
	for _, b := range p.blocks {
		if b.code != "" {
			h := p.known.byCode[b.code]
			if h == nil {
				p.failAll(b, "code", "本村没有这个户码的户；新户请把户码留空")
				continue
			}
			if h.State == HouseholdMerged {
				p.failAll(b, "code", "这个户码的户已经并入另一户，请改填并入那一户的户码")
				continue
			}
			p.take(b, h)
		} else if v := p.headMatch(b); v != nil && v.house != nil && v.house.HeadID == v.ID {
			p.take(b, v.house)
		}
	}
	for _, b := range p.blocks {
		if b.house == nil && b.code == "" && b.head != "" {
			p.findByHead(b)
		}
	}
	for _, b := range p.blocks {
		if b.house != nil || b.code != "" {
			continue
		}
		b.isNew = true
		v := p.headMatch(b)
		if v == nil || v.house == nil || v.house.claimed != nil {
			continue
		}
		// The new head lives in a household that the sheet does not list. With a head who is gone it is that household;
		// otherwise only a person can tell a change of the head from a young couple setting up house.
		if old := v.house; !old.headHere() {
			b.isNew = false
			p.take(b, old)
		} else {
			p.failAll(b, "head", "原来在 %s 户（户码 %s）：换户主请填户码，分户请把 %s 户也列在表里", old.HeadName, FormatHouseCode(old.Code), old.HeadName)
		}
	}
}

func (p *planner) take(b *block, h *planHouse) {
	b.house = h
	if h.claimed == nil {
		h.claimed = b
	}
}

func (p *planner) headMatch(b *block) *planPerson {
	if b.headRow < 0 {
		return nil
	}
	return p.match[b.headRow]
}

func (h *planHouse) headHere() bool {
	return slices.ContainsFunc(h.members, func(v *planPerson) bool { return v.ID == h.HeadID && v.State == VillagerHere })
}

// findByHead looks for the block's household by group and name of the head.
func (p *planner) findByHead(b *block) {
	var same, nowhere []*planHouse
	key := groupKey(b.group, p.known.village.Name)
	for _, h := range p.known.byHead[b.head] {
		if h.claimed != nil || !p.canBe(b, h) {
			continue
		}
		switch {
		case b.group == "" || p.known.groupKeys[h.GroupID] == key:
			same = append(same, h)
		case h.GroupID == 0:
			nowhere = append(nowhere, h)
		}
	}
	if len(same) == 0 {
		same = nowhere
	}
	narrow := func(keep func(*planHouse) bool) {
		if few := slices.DeleteFunc(slices.Clone(same), func(h *planHouse) bool { return !keep(h) }); len(few) > 0 {
			same = few
		}
	}
	if len(same) > 1 {
		narrow(func(h *planHouse) bool { return h.State == HouseholdHere })
		narrow(func(h *planHouse) bool { return p.entries[b.rows[0]].address == h.Address })
	}
	switch len(same) {
	case 0:
	case 1:
		p.take(b, same[0])
	default:
		p.failAll(b, "head", "本村有 %d 户的户主都叫%s，请填户码或身份证号", len(same), b.head)
	}
}

// canBe reports whether the block's head can be the household's, as far as identity numbers say.
func (p *planner) canBe(b *block, h *planHouse) bool {
	if b.headRow < 0 {
		return true
	}
	if v := p.match[b.headRow]; v != nil {
		return v.house == h
	}
	head := &p.entries[b.headRow].person
	for _, v := range h.members {
		if v.ID == h.HeadID {
			return !different(v.villagerRow, head)
		}
	}
	return true
}

// matchByName finds those without a known identity number by name within their household, who lives there first.
func (p *planner) matchByName() {
	for _, b := range p.blocks {
		if b.house == nil {
			continue
		}
		for _, i := range b.rows {
			e := &p.entries[i]
			if !p.ok(i) || p.match[i] != nil {
				continue
			}
			var best *planPerson
			for _, v := range b.house.members {
				if v.Name == e.person.Name && v.row < 0 && !different(v.villagerRow, &e.person) && (best == nil || v.State < best.State) {
					best = v
				}
			}
			if best != nil {
				p.claim(i, best)
			}
		}
	}
}

// check finds what is wrong between rows; a row that fails may bring down others, so it is repeated until nothing more falls.
func (p *planner) check() (failed bool) {
	for _, b := range p.blocks {
		switch {
		case b.house == nil && !b.isNew:
		case b.group != "" && p.known.closed[p.known.groups[groupKey(b.group, p.known.village.Name)]]:
			failed = p.failAll(b, "group", "“%s”已经撤销，请写现在的组", b.group) || failed
		case b.group == "" && b.house != nil && b.house.State != HouseholdHere && p.known.closed[b.house.GroupID]:
			failed = p.failAll(b, "group", "这户原来的组已经撤销，请写明现在的组") || failed
		case b.isNew && b.headRow >= 0 && !p.ok(b.headRow):
			failed = p.failAll(b, "", "同一户的户主（第%d行）有问题，改好后一起导入", p.entries[b.headRow].number) || failed
		case b.code != "" && b.head != "" && !p.headKnown(b):
			failed = p.failAll(b, "code", "户主对不上：这个户码是 %s 户", b.house.HeadName) || failed
		}
		for _, i := range b.rows {
			if v := p.match[i]; v != nil && p.ok(i) && v.house != nil && v.house != b.house && v.house.HeadID == v.ID && !p.mayGo(v) {
				p.problems.add(i, "head", "是 %s 户（户码 %s）的户主，那一户还有人，请先更换户主", v.house.HeadName, FormatHouseCode(v.house.Code))
				failed = true
			}
		}
	}
	return failed
}

// headKnown reports whether the head named beside a house code is one of the household's.
func (p *planner) headKnown(b *block) bool {
	if b.house == nil || b.house.HeadName == b.head {
		return true
	}
	if v := p.headMatch(b); v != nil && v.house == b.house {
		return true
	}
	return slices.ContainsFunc(b.house.members, func(v *planPerson) bool { return v.Name == b.head && v.State == VillagerHere })
}

// mayGo reports whether a head may leave the household: another is named in the sheet, or nobody stays behind.
func (p *planner) mayGo(v *planPerson) bool {
	h := v.house
	if b := h.claimed; b != nil && b.headRow >= 0 && p.ok(b.headRow) && p.match[b.headRow] != v {
		return true
	}
	for _, m := range h.members {
		if m != v && m.State == VillagerHere && !p.leaves(m) {
			return false
		}
	}
	return h.claimed == nil || !slices.ContainsFunc(h.claimed.rows, p.ok)
}

// leaves reports whether the sheet puts the person into another household.
func (p *planner) leaves(v *planPerson) bool {
	if v.row < 0 || !p.ok(v.row) {
		return false
	}
	b := p.blockOf[v.row]
	return b != nil && b.house != v.house
}
