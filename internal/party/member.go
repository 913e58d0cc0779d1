package party

import (
	"fmt"
	"slices"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
)

// Class is what is asked of a member; base points and goal are set per township and class.
type Class uint8

// The classes.
const (
	Ordinary Class = 1 // 普通党员
	Cadre    Class = 2 // 村干部
	Backbone Class = 3 // 骨干
	Away     Class = 4 // 外出务工
	Special  Class = 5 // 特殊情况
)

// ClassNames are the classes as screens and sheets show them.
var ClassNames = map[Class]string{Ordinary: "普通党员", Cadre: "村干部", Backbone: "骨干党员", Away: "外出党员", Special: "特殊党员"}

// States of a member.
const (
	stateMember = 1
	stateLeft   = 2
)

// Member is a party member of a branch.
type Member struct {
	ID, Villager, Village, Branch id.ID
	Name, Initials                string
	Class                         Class
	Joined                        cal.Day
	State                         int
}

// Active reports whether the member belongs to the branch now.
func (m Member) Active() bool { return m.State == stateMember }

type memberRow struct {
	ID, VillagerID, VillageID, BranchID id.ID
	Name, Initials                      string
	Class                               Class
	Joined                              cal.Day
	State                               int
}

func (r memberRow) member() Member {
	return Member{r.ID, r.VillagerID, r.VillageID, r.BranchID, r.Name, r.Initials, r.Class, r.Joined, r.State}
}

const memberColumns = "id, villager_id, village_id, branch_id, name, initials, class, joined, state"

// MembersByID reads members; what does not exist is missing from the map.
func MembersByID(tx db.Tx, ids []id.ID) (map[id.ID]Member, error) {
	out := make(map[id.ID]Member, len(ids))
	for part := range slices.Chunk(ids, 1000) {
		var rows []memberRow
		if err := tx.Raw("SELECT "+memberColumns+" FROM party_members WHERE id IN ?", part).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("reading party members: %w", err)
		}
		for _, r := range rows {
			out[r.ID] = r.member()
		}
	}
	return out, nil
}
