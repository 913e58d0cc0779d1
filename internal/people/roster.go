package people

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"jishan/internal/audit"
	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/xlsx"
)

// rosterColumns are the columns of a roster: one row a person, the head of the household first.
var rosterColumns = []xlsx.Column{
	{Key: "group", Header: "组", Synonyms: []string{"小组", "村民小组", "组别"}, Merged: true},
	{Key: "code", Header: "户码", Synonyms: []string{"户编码"}, Merged: true},
	{Key: "head", Header: "户主", Synonyms: []string{"户主姓名"}, Merged: true},
	{Key: "name", Header: "姓名", Synonyms: []string{"成员姓名", "家庭成员", "人员姓名"}, Required: true},
	{Key: "relation", Header: "与户主关系", Synonyms: []string{"关系", "家庭关系"}},
	{Key: "gender", Header: "性别"},
	{Key: "idno", Header: "身份证号", Synonyms: []string{"身份证", "证件号", "身份证号码", "证件号码", "公民身份号码"}},
	{Key: "phone", Header: "手机号", Synonyms: []string{"手机", "电话", "联系电话", "手机号码", "电话号码"}},
	{Key: "address", Header: "住址", Synonyms: []string{"地址", "家庭住址", "门牌"}, Merged: true},
}

// ImportOptions say how to treat a sheet.
type ImportOptions struct {
	Preview  bool           // look, write nothing
	SkipBad  bool           // write the good rows even though others are bad
	Progress func(done int) // rows read so far; nil for none
}

// RosterReport is what an import did, or would do.
type RosterReport struct {
	Rows          int
	NewHouseholds int
	NewVillagers  int
	Changed       int // villagers whose telephone, relation or household changed
	Moved         int // of these, to another household of the village
	Unchanged     int
	Written       bool
	Problems      []errs.Field // by row, as Excel counts them
	table         *xlsx.Table
	bad           []*xlsx.Row
}

// WriteProblems writes the rows that could not be taken, with what is wrong, as a workbook.
func (r *RosterReport) WriteProblems(w io.Writer) error { return xlsx.WriteReport(w, r.table, r.bad) }

// RosterTemplate writes the workbook to be filled in.
func RosterTemplate(w io.Writer) error {
	return xlsx.WriteTemplate(w, xlsx.Template{
		Name: "花名册",
		Heads: []xlsx.Head{
			{Header: "组", Note: "村民小组，如 1组；系统里没有的组会自动建立", Width: 10},
			{Header: "户码", Note: "已有户码的照填，没有就留空", Width: 14},
			{Header: "户主", Note: "这一户户主的姓名；同一户的每一行都填，或只填在户主那一行", Width: 12},
			{Header: "姓名", Note: "这一行的人的姓名", Width: 12, Required: true},
			{Header: "与户主关系", Note: "户主本人填“户主”", Width: 12},
			{Header: "性别", Note: "填了身份证号可不填", Width: 8, Options: []string{"男", "女"}},
			{Header: "身份证号", Note: "只用来查重，系统不保存号码本身", Width: 22},
			{Header: "手机号", Note: "11 位，用来绑定小程序", Width: 16},
			{Header: "住址", Note: "门牌或小地名", Width: 24},
		},
		Notes: []string{
			"一行一个人，户主排在自己家的第一行。",
			"重复导入不会重复登记：先按身份证号找人，再按户码和姓名，最后按组、户主和姓名。",
			"身份证号显示为 5.12E+17 时，请先把这一列设为“文本”再重新填写。",
		},
		Examples: [][]any{
			{"1组", "", "王大山", "王大山", "户主", "男", "", "13800000001", "老街 3 号"},
			{"1组", "", "王大山", "李小梅", "妻子", "女", "", "", "老街 3 号"},
		},
	})
}

// ImportRoster reads a roster into a village. With Preview nothing is written; otherwise all good rows are, in one
// transaction, or nothing if a row is bad and SkipBad is not set.
func (s *Service) ImportRoster(ctx context.Context, actor auth.Actor, village id.ID, sheet []byte, o ImportOptions) (out *RosterReport, err error) {
	if err := actor.InRegion(auth.PeopleWrite, village); err != nil {
		return nil, err
	}
	f, err := xlsx.Open(bytes.NewReader(sheet), xlsx.DefaultLimits())
	if err != nil {
		return nil, err
	}
	run := s.db.Tx
	if o.Preview {
		run = s.db.Read
	}
	err = run(ctx, func(tx db.Tx) error {
		table, err := f.Table("", rosterColumns)
		if err != nil {
			return err
		}
		r := &roster{s: s, tx: tx, village: village, report: &RosterReport{table: table}, progress: o.Progress}
		out = r.report
		if err := r.load(); err != nil {
			return err
		}
		if err := r.read(table); err != nil {
			return err
		}
		if o.Preview || len(r.report.bad) > 0 && !o.SkipBad {
			return nil
		}
		if err := r.write(); err != nil {
			return err
		}
		r.report.Written = true
		return audit.Write(tx, actor.Audit("roster.import", "village:"+village.String(), village,
			fmt.Sprintf("导入花名册：新增 %d 户 %d 人，变更 %d 人", r.report.NewHouseholds, r.report.NewVillagers, r.report.Changed)))
	})
	return out, err
}

// roster is an import under way.
type roster struct {
	s        *Service
	tx       db.Tx
	village  id.ID
	report   *RosterReport
	progress func(int)

	groups     map[string]id.ID
	byCode     map[string]*rosterHouse
	byHead     map[string]*rosterHouse // group name + head
	byIDNumber map[string]*rosterPerson
	current    *rosterHouse
	houses     []*rosterHouse // to be written
	people     []*rosterPerson
	codeBase   string
	seen       map[string]int // identity number hash → row
}

type rosterHouse struct {
	householdRow
	group   string
	isNew   bool
	headID  string // identity hash of the head as the sheet has it
	members map[string]*rosterPerson
}

type rosterPerson struct {
	villagerRow
	house  *rosterHouse
	isNew  bool
	change bool
}

func headKey(group, head string) string { return group + "\x00" + head }

// load reads what the village has.
func (r *roster) load() error {
	r.groups = map[string]id.ID{}
	r.byCode, r.byHead = map[string]*rosterHouse{}, map[string]*rosterHouse{}
	r.byIDNumber, r.seen = map[string]*rosterPerson{}, map[string]int{}
	regions, err := RegionsByID(r.tx, []id.ID{r.village})
	if err != nil {
		return err
	}
	v, ok := regions[r.village]
	if !ok || v.Kind != Village {
		return errs.ErrNotFound.New()
	}
	r.codeBase = v.Code
	var groups []regionRow
	if err := r.tx.Raw("SELECT "+regionColumns+" FROM regions WHERE parent_id = ?", r.village).Scan(&groups).Error; err != nil {
		return fmt.Errorf("reading the groups: %w", err)
	}
	names := map[id.ID]string{}
	for _, g := range groups {
		r.groups[g.Name] = g.ID
		names[g.ID] = g.Name
	}
	var houses []householdRow
	if err := r.tx.Raw("SELECT "+householdColumns+" FROM households WHERE village_id = ?", r.village).Scan(&houses).Error; err != nil {
		return fmt.Errorf("reading the households: %w", err)
	}
	byID := map[id.ID]*rosterHouse{}
	for _, row := range houses {
		h := &rosterHouse{householdRow: row, group: names[row.GroupID], members: map[string]*rosterPerson{}}
		byID[row.ID], r.byCode[row.Code], r.byHead[headKey(h.group, h.HeadName)] = h, h, h
	}
	var villagers []villagerRow
	if err := r.tx.Raw("SELECT "+villagerColumns+" FROM villagers WHERE village_id = ?", r.village).Scan(&villagers).Error; err != nil {
		return fmt.Errorf("reading the villagers: %w", err)
	}
	for _, row := range villagers {
		p := &rosterPerson{villagerRow: row, house: byID[row.HouseholdID]}
		if p.house != nil {
			p.house.members[p.Name] = p
			if p.house.HeadID == p.ID {
				p.house.headID = string(p.IdnoHash)
			}
		}
		if len(p.IdnoHash) > 0 {
			r.byIDNumber[string(p.IdnoHash)] = p
		}
	}
	return nil
}

func (r *roster) read(t *xlsx.Table) error {
	var hashes [][]byte
	for row, err := range t.Rows() {
		if err != nil {
			return err
		}
		r.report.Rows++
		if r.progress != nil && r.report.Rows%500 == 0 {
			r.progress(r.report.Rows)
		}
		r.row(row)
		if !row.OK() {
			r.report.bad = append(r.report.bad, row)
			r.report.Problems = append(r.report.Problems, row.Problems()...)
		}
	}
	if r.progress != nil {
		r.progress(r.report.Rows)
	}
	for _, p := range r.people {
		if p.isNew && len(p.IdnoHash) > 0 {
			hashes = append(hashes, p.IdnoHash)
		}
	}
	return r.elsewhere(hashes)
}

// elsewhere refuses people who are on another village's roster: only an officer of both can move them.
func (r *roster) elsewhere(hashes [][]byte) error {
	for part := range slices.Chunk(hashes, chunk) {
		var rows []struct{ Name string }
		if err := r.tx.Raw("SELECT name FROM villagers WHERE idno_hash IN ? AND village_id <> ?", part, r.village).Scan(&rows).Error; err != nil {
			return fmt.Errorf("looking for people of other villages: %w", err)
		}
		for _, p := range rows {
			return ErrIDTaken.With("%s 的身份证号已登记在别的村，请先在原村办理迁出", p.Name)
		}
	}
	return nil
}

// row plans one row; what is wrong is noted in it.
func (r *roster) row(row *xlsx.Row) {
	group, head, relation := row.Code("group"), row.Code("head"), row.Get("relation")
	person := Person{Name: row.Need("name"), Relation: relation, Phone: row.Code("phone"), IDNumber: row.Code("idno")}
	switch g := row.Get("gender"); g {
	case "", "男", "女":
		person.Gender = map[string]int{"男": 1, "女": 2}[g]
	default:
		row.Problem("gender", "请填男或女")
	}
	v, err := r.s.prepare(person)
	if err != nil {
		key := map[string]string{ErrPhone.ID: "phone", ErrIDNumber.ID: "idno"}[errs.From(err).Code.ID]
		if person.Name != "" || key != "" {
			row.Problem(key, errs.From(err).Text())
		}
	}
	if len(group) > 30 {
		row.Problem("group", "组名太长")
	}
	address := row.Get("address")
	if len([]rune(address)) > 50 {
		row.Problem("address", "住址最多 50 字")
	}
	if h := string(v.IdnoHash); h != "" {
		if first, dup := r.seen[h]; dup {
			row.Problem("idno", fmt.Sprintf("与第%d行是同一个身份证号，请删掉重复的一行", first))
		}
		r.seen[h] = row.Number
	}
	isHead := relation == "户主" || relation == "本人" || head != "" && head == v.Name
	house := r.house(row, group, head, v, isHead, address)
	if !row.OK() || house == nil {
		return
	}
	r.person(house, v, isHead)
}

// house finds or plans the household a row belongs to.
func (r *roster) house(row *xlsx.Row, group, head string, v villagerRow, isHead bool, address string) *rosterHouse {
	if row.Has("code") {
		code, err := ParseHouseCode(row.Code("code"))
		if err != nil {
			row.Problem("code", errs.From(err).Text())
			return nil
		}
		h := r.byCode[code]
		if h == nil {
			row.Problem("code", "本村没有这个户码")
		}
		r.current = h
		return h
	}
	if p := r.byIDNumber[string(v.IdnoHash)]; isHead && len(v.IdnoHash) > 0 && p != nil && p.house != nil && p.house.HeadID == p.ID {
		r.current = p.house
		return p.house
	}
	if head == "" {
		if !isHead {
			if r.current == nil {
				row.Problem("head", "看不出属于哪一户：请填户主，或把户主排在第一行并在与户主关系里写“户主”")
			}
			return r.current
		}
		head = v.Name
	}
	h := r.byHead[headKey(group, head)]
	sameHead := h == nil || !isHead || len(v.IdnoHash) == 0 || h.headID == "" || h.headID == string(v.IdnoHash)
	if h == nil || !sameHead {
		if !row.OK() {
			return nil
		}
		h = &rosterHouse{group: group, isNew: true, members: map[string]*rosterPerson{}, householdRow: householdRow{
			ID: id.New(), VillageID: r.village, Code: NewHouseCode(), HeadName: head, Pinyin: Pinyin(head), Initials: Initials(head), Address: address, State: HouseholdHere}}
		r.byHead[headKey(group, head)] = h
		r.houses = append(r.houses, h)
		r.report.NewHouseholds++
	}
	if isHead && len(v.IdnoHash) > 0 {
		h.headID = string(v.IdnoHash)
	}
	r.current = h
	return h
}

// person finds or plans the villager of a row.
func (r *roster) person(house *rosterHouse, v villagerRow, isHead bool) {
	p := r.byIDNumber[string(v.IdnoHash)]
	if len(v.IdnoHash) == 0 || p == nil {
		if p = house.members[v.Name]; p != nil && len(p.IdnoHash) > 0 && len(v.IdnoHash) > 0 && string(p.IdnoHash) != string(v.IdnoHash) {
			p = nil // a namesake
		}
	}
	if p == nil {
		p = &rosterPerson{villagerRow: v, house: house, isNew: true}
		p.VillageID, p.HouseholdID = r.village, house.ID
		house.members[v.Name] = p
		if len(v.IdnoHash) > 0 {
			r.byIDNumber[string(v.IdnoHash)] = p
		}
		r.people = append(r.people, p)
		r.report.NewVillagers++
	} else {
		r.update(p, house, v)
	}
	if isHead && house.HeadID == 0 {
		house.setHead(p.villagerRow)
	}
}

func (r *roster) update(p *rosterPerson, house *rosterHouse, v villagerRow) {
	changed := false
	if p.house != house {
		p.house, p.HouseholdID = house, house.ID
		house.members[p.Name] = p
		r.report.Moved++
		changed = true
	}
	if len(v.PhoneHash) > 0 && string(v.PhoneHash) != string(p.PhoneHash) {
		p.PhoneSealed, p.PhoneHash, p.PhoneTail = v.PhoneSealed, v.PhoneHash, v.PhoneTail
		changed = true
	}
	if len(v.IdnoHash) > 0 && len(p.IdnoHash) == 0 {
		p.IdnoHash, p.Birth, p.Gender = v.IdnoHash, v.Birth, v.Gender
		changed = true
	}
	if v.Relation != "" && v.Relation != p.Relation {
		p.Relation = v.Relation
		changed = true
	}
	switch {
	case !changed:
		r.report.Unchanged++
	case !p.isNew && !p.change:
		p.change = true
		r.people = append(r.people, p)
		r.report.Changed++
	}
}

// write carries the plan out.
func (r *roster) write() error {
	if err := r.makeGroups(); err != nil {
		return err
	}
	rows := make([]householdRow, 0, len(r.houses))
	for _, h := range r.houses {
		h.GroupID = r.groups[h.group]
		rows = append(rows, h.householdRow)
	}
	if err := insertHouseholds(r.tx, rows); err != nil {
		return err
	}
	var fresh []villagerRow
	for _, p := range r.people {
		if p.isNew {
			fresh = append(fresh, p.villagerRow)
			continue
		}
		err := r.tx.Exec("UPDATE villagers SET household_id = ?, relation = ?, phone_sealed = ?, phone_hash = ?, phone_tail = ?, idno_hash = ?, birth = ?, gender = ?, updated_at = ? WHERE id = ?",
			p.HouseholdID, p.Relation, orNull(p.PhoneSealed), orNull(p.PhoneHash), p.PhoneTail, orNull(p.IdnoHash), p.Birth, p.Gender, r.tx.Millis(), p.ID).Error
		if err != nil {
			return fmt.Errorf("changing a villager: %w", err)
		}
	}
	return insertVillagers(r.tx, fresh)
}

// makeGroups makes the groups that the sheet names and the village lacks; their codes follow those in use.
func (r *roster) makeGroups() error {
	next := 1
	for {
		var missing string
		for _, h := range r.houses {
			if h.group != "" && r.groups[h.group] == 0 {
				missing = h.group
				break
			}
		}
		if missing == "" {
			return nil
		}
		for {
			g, err := InsertRegion(r.tx, NewRegion{Parent: r.village, Kind: Group, Code: fmt.Sprintf("%s%02d", r.codeBase, next), Name: missing, Sort: next})
			next++
			if errs.From(err) != nil && errs.From(err).Code == ErrRegionTaken && next < 100 {
				continue
			}
			if err != nil {
				return err
			}
			r.groups[missing] = g.ID
			break
		}
	}
}
