package people

import "fmt"

// problem is what is wrong with a row among the others: a column and a Chinese text.
type problem struct{ key, text string }

// block is the rows of one household in a sheet.
type block struct {
	code, group, head string
	rows              []int // indexes of entries
	headRow           int   // index of the head's own row, -1 for none
	house             *planHouse
	isNew             bool
}

// problems are what planning finds, by index of the entry.
type problems map[int][]problem

func (p problems) add(i int, key, format string, args ...any) {
	p[i] = append(p[i], problem{key, fmt.Sprintf(format, args...)})
}

// blocksOf puts the rows of a household together: by house code, by group and head, or by order, where the head's row begins
// the household and the others follow it.
func blocksOf(entries []entry, village string, found problems) []*block {
	var out []*block
	open := map[string]*block{}
	begin := func(key string, b *block) *block {
		b.headRow = -1
		open[key] = b
		out = append(out, b)
		return b
	}
	var current *block
	for i := range entries {
		e := &entries[i]
		explicit := e.person.Relation == relationHead
		isHead := explicit
		head, group := e.head, e.group
		if group == "" && current != nil && head == current.head {
			group = current.group // filled in on the first row only
		}
		key := ""
		switch {
		case e.lost:
			current = nil
			continue
		case e.code != "":
			key = "code\x00" + e.code
			isHead = explicit || head != "" && head == e.person.Name
		case head != "":
			isHead = explicit || head == e.person.Name
			key = "head\x00" + groupKey(group, village) + "\x00" + head
		case explicit || e.alone && e.person.Relation == "":
			isHead, head = true, e.person.Name
			key = "head\x00" + groupKey(group, village) + "\x00" + head
		}
		if explicit && head != "" && head != e.person.Name && !e.bad {
			found.add(i, "relation", "与户主关系是“户主”，姓名却与户主一栏不同，请核对")
		}
		if key == "" {
			switch {
			case e.person.Relation == "" && e.related:
				found.add(i, "head", "看不出属于哪一户：请填户主，或在与户主关系里写明")
			case current == nil:
				found.add(i, "head", "看不出属于哪一户：请填户主，或把这一行排在户主那一行下面")
			case e.group != "" && groupKey(e.group, village) != groupKey(current.group, village):
				found.add(i, "group", "与上面的户主不在同一个组，请核对；另一户的人请填户主")
			default:
				current.rows = append(current.rows, i)
			}
			continue
		}
		b := open[key]
		switch {
		case b == nil:
			b = begin(key, &block{code: e.code, group: e.group, head: head})
		case isHead && b.headRow >= 0 && b.code == "" && different(&entries[b.headRow].person, &e.person):
			b = begin(key, &block{group: e.group, head: head}) // a namesake's household; those who follow are his
		}
		if b.group == "" {
			b.group = e.group
		}
		if b.head == "" {
			b.head = head
		}
		if isHead && b.headRow < 0 {
			b.headRow = i
			b.head = e.person.Name
		}
		if b.code != "" && b.head != "" { // the others may name the head only
			open["head\x00"+groupKey(b.group, village)+"\x00"+b.head] = b
		}
		b.rows = append(b.rows, i)
		current = b
	}
	return out
}

// different reports whether two rows are certainly different people: both have an identity number, and not the same.
func different(a, b *villagerRow) bool {
	return len(a.IdnoHash) > 0 && len(b.IdnoHash) > 0 && string(a.IdnoHash) != string(b.IdnoHash)
}

// duplicates finds people listed twice: by identity number anywhere, by name within a household.
func duplicates(entries []entry, blocks []*block, found problems) {
	first := map[string]int{}
	for i := range entries {
		e := &entries[i]
		if h := string(e.person.IdnoHash); h != "" {
			if j, ok := first[h]; ok {
				found.add(i, "idno", "与第%d行是同一个身份证号，请只留一行", entries[j].number)
				continue
			}
			first[h] = i
		}
	}
	for _, b := range blocks {
		byName := map[string][]int{}
		for _, i := range b.rows {
			e := &entries[i]
			if e.person.Name == "" || len(found[i]) > 0 {
				continue
			}
			for _, j := range byName[e.person.Name] {
				if !different(&e.person, &entries[j].person) {
					found.add(i, "name", "与第%d行是同一户的同名人，请只留一行；确是两个人的请都填身份证号", entries[j].number)
					break
				}
			}
			byName[e.person.Name] = append(byName[e.person.Name], i)
		}
	}
}
