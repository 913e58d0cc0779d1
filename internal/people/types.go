package people

import (
	"fmt"
	"slices"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
)

// RegionKind is a level of the administrative tree.
type RegionKind uint8

// The levels.
const (
	County   RegionKind = 1
	Township RegionKind = 2
	Village  RegionKind = 3
	Group    RegionKind = 4
)

// RegionKindNames are the levels as screens show them.
var RegionKindNames = map[RegionKind]string{County: "县", Township: "乡镇", Village: "村", Group: "组"}

// Region is a county, township, village or group with its ancestors; a region is its own ancestor at its level.
type Region struct {
	ID, Parent                id.ID
	Kind                      RegionKind
	Code, Name, Initials      string
	County, Township, Village id.ID
	Sort                      int
	Closed                    bool // a group that is no more: nobody enters it, what was stays
}

// States of a household and of a villager.
const (
	HouseholdHere   = 1
	HouseholdMoved  = 2
	HouseholdMerged = 3 // into Household.MergedInto, for good unless that is undone

	VillagerHere  = 1
	VillagerMoved = 2
	VillagerDied  = 3
)

// Household is the owner of a wallet.
type Household struct {
	ID, Village, Group   id.ID
	Code                 string // 8 characters, see ParseHouseCode
	Head                 id.ID
	HeadName             string
	Pinyin, Initials     string
	Address              string
	State                int
	MergedInto           id.ID // zero unless HouseholdMerged
	CreatedAt, UpdatedAt int64
}

// Active reports whether the household lives here.
func (h Household) Active() bool { return h.State == HouseholdHere }

// Villager is a person of a household. The telephone number is not part of it: see Service.Phone.
type Villager struct {
	ID, Village, Household id.ID
	Name, Pinyin, Initials string
	Relation               string
	Gender                 int
	Birth                  cal.Day
	PhoneTail              string
	State                  int
}

// Here reports whether the person lives here.
func (v Villager) Here() bool { return v.State == VillagerHere }

// Settings are what a village has decided for itself.
type Settings struct {
	Village        id.ID
	SchemeStart    int              // month 1–12 in which the scheme year begins
	CloseDay       int              // day of the next month until which a month takes back-dated awards, 0–28
	ExpiryMonths   int              // points are good for so many months after the month earned; 0 for ever
	ExpiryAuto     bool             // points past their last day are cleared without an officer confirming
	Shortfall      ledger.Shortfall // what a deduction over the balance does
	OwingLimit     points.Amount
	MaskNames      bool // boards show 张*三
	Publish        bool // whether boards, seals and transactions, with masked names, are open to anyone
	RedeemMin      points.Amount
	RedeemStep     points.Amount
	RedeemMonthCap points.Amount // per household; 0 none
	RedeemDays     string        // see RedeemOpen
	CardDayCap     points.Amount // per household and day by card and PIN; 0 none
}

// DefaultSettings are those of a village without a row.
func DefaultSettings(village id.ID) Settings {
	return Settings{Village: village, SchemeStart: 1, CloseDay: 5, Shortfall: ledger.Take, MaskNames: true,
		RedeemMin: points.Whole(1), CardDayCap: points.Whole(300)}
}

type regionRow struct {
	ID, ParentID                    id.ID
	Kind                            RegionKind
	Code, Name, Initials            string
	CountyID, TownshipID, VillageID id.ID
	Sort                            int
	ClosedAt, CreatedAt             int64
}

func (regionRow) TableName() string { return "regions" }

func (r regionRow) region() Region {
	return Region{r.ID, r.ParentID, r.Kind, r.Code, r.Name, r.Initials, r.CountyID, r.TownshipID, r.VillageID, r.Sort, r.ClosedAt != 0}
}

type householdRow struct {
	ID, VillageID, GroupID id.ID
	Code                   string
	HeadID                 id.ID
	HeadName               string
	Pinyin, Initials       string
	Address                string
	State                  int
	MergedInto             id.ID
	CreatedAt, UpdatedAt   int64 `gorm:"autoCreateTime:false;autoUpdateTime:false"`
}

func (householdRow) TableName() string { return "households" }

func (r householdRow) household() Household {
	return Household{r.ID, r.VillageID, r.GroupID, r.Code, r.HeadID, r.HeadName, r.Pinyin, r.Initials, r.Address, r.State, r.MergedInto, r.CreatedAt, r.UpdatedAt}
}

const householdColumns = "id, village_id, group_id, code, head_id, head_name, pinyin, initials, address, state, merged_into, created_at, updated_at"

type villagerRow struct {
	ID, VillageID, HouseholdID id.ID
	Name, Pinyin, Initials     string
	Relation                   string
	Gender                     int
	Birth                      cal.Day
	PhoneSealed, PhoneHash     []byte
	PhoneTail                  string
	IdnoHash                   []byte
	State                      int
	CreatedAt, UpdatedAt       int64 `gorm:"autoCreateTime:false;autoUpdateTime:false"`
}

func (villagerRow) TableName() string { return "villagers" }

func (r villagerRow) villager() Villager {
	return Villager{r.ID, r.VillageID, r.HouseholdID, r.Name, r.Pinyin, r.Initials, r.Relation, r.Gender, r.Birth, r.PhoneTail, r.State}
}

const villagerColumns = "id, village_id, household_id, name, pinyin, initials, relation, gender, birth, phone_sealed, phone_hash, phone_tail, idno_hash, state, created_at, updated_at"

const chunk = 1000

// byID reads rows by key in pieces the databases take.
func byID[R any](tx db.Tx, columns, table, column string, ids []id.ID) ([]R, error) {
	var out []R
	for part := range slices.Chunk(ids, chunk) {
		var rows []R
		if err := tx.Raw("SELECT "+columns+" FROM "+table+" WHERE "+column+" IN ?", part).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("reading %s: %w", table, err)
		}
		out = append(out, rows...)
	}
	return out, nil
}

// RegionsByID reads regions; what does not exist is missing from the map.
func RegionsByID(tx db.Tx, ids []id.ID) (map[id.ID]Region, error) {
	rows, err := byID[regionRow](tx, regionColumns, "regions", "id", ids)
	out := make(map[id.ID]Region, len(rows))
	for _, r := range rows {
		out[r.ID] = r.region()
	}
	return out, err
}

// HouseholdsByID reads households; what does not exist is missing from the map.
func HouseholdsByID(tx db.Tx, ids []id.ID) (map[id.ID]Household, error) {
	out := make(map[id.ID]Household, len(ids))
	each := func(rows db.Row) error {
		var r householdRow
		err := rows.Scan(&r.ID, &r.VillageID, &r.GroupID, &r.Code, &r.HeadID, &r.HeadName, &r.Pinyin, &r.Initials, &r.Address, &r.State, &r.MergedInto, &r.CreatedAt, &r.UpdatedAt)
		out[r.ID] = r.household()
		return err
	}
	for part := range slices.Chunk(ids, chunk) {
		if err := db.Query(tx, each, "SELECT "+householdColumns+" FROM households WHERE id IN ?", db.ListOf(part)); err != nil {
			return nil, fmt.Errorf("reading households: %w", err)
		}
	}
	return out, nil
}

// Residence is as much of a household as deciding on its points needs.
type Residence struct {
	ID, Village, Head id.ID
	State             int
}

// Active reports whether the household lives here.
func (r Residence) Active() bool { return r.State == HouseholdHere }

// AskResidences puts where households belong into out with the database's next answer; what does not exist stays missing. Whoever keeps it
// reads stamp.Residences before. It is needed for every batch of awards, for which whole households would cost twice as much to read.
func AskResidences(tx db.Tx, out map[id.ID]Residence, ids []id.ID) error {
	each := func(rows db.Row) error {
		var r Residence
		err := rows.Scan(&r.ID, &r.Village, &r.Head, &r.State)
		out[r.ID] = r
		return err
	}
	for part := range slices.Chunk(ids, chunk) {
		if err := db.Ask(tx, each, "SELECT id, village_id, head_id, state FROM households WHERE id IN ?", db.ListOf(part)); err != nil {
			return fmt.Errorf("reading where households belong: %w", err)
		}
	}
	return nil
}

// VillagersByID reads villagers; what does not exist is missing from the map.
func VillagersByID(tx db.Tx, ids []id.ID) (map[id.ID]Villager, error) {
	rows, err := byID[villagerRow](tx, villagerColumns, "villagers", "id", ids)
	out := make(map[id.ID]Villager, len(rows))
	for _, r := range rows {
		out[r.ID] = r.villager()
	}
	return out, err
}

// Members are the villagers of the households, by household.
func Members(tx db.Tx, households []id.ID) (map[id.ID][]Villager, error) {
	rows, err := byID[villagerRow](tx, villagerColumns, "villagers", "household_id", households)
	out := make(map[id.ID][]Villager, len(households))
	for _, r := range rows {
		out[r.HouseholdID] = append(out[r.HouseholdID], r.villager())
	}
	return out, err
}

// Mask hides a name for boards: 张三 → 张*, 张小三 → 张*三, 欧阳小三 → 欧**三.
func Mask(name string) string {
	r := []rune(name)
	switch len(r) {
	case 0, 1:
		return name
	case 2:
		return string(r[:1]) + "*"
	}
	for i := 1; i < len(r)-1; i++ {
		r[i] = '*'
	}
	return string(r)
}
