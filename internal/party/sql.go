package party

import (
	"fmt"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
)

// idChunk bounds IN lists.
const idChunk = 1000

type branchRow struct {
	ID        id.ID  `gorm:"column:id"`
	VillageID id.ID  `gorm:"column:village_id"`
	Name      string `gorm:"column:name"`
	Secretary string `gorm:"column:secretary"`
	Members   int    `gorm:"column:members"`
}

func (r branchRow) branch() Branch {
	return Branch{ID: r.ID, Village: r.VillageID, Name: r.Name, Secretary: r.Secretary, Members: r.Members}
}

func scanBranches(tx db.Tx, cond string, args ...any) ([]Branch, error) {
	return queryBranches(tx, "SELECT b.id, b.village_id, b.name, b.secretary FROM party_branches b WHERE "+cond, args...)
}

// countedBranches are the branches of a village by name, with the number of their members.
func countedBranches(tx db.Tx, village id.ID) ([]Branch, error) {
	return queryBranches(tx, `SELECT b.id, b.village_id, b.name, b.secretary,
		(SELECT COUNT(*) FROM party_members m WHERE m.branch_id = b.id AND m.state = ?) AS members
		FROM party_branches b WHERE b.village_id = ? ORDER BY b.name`, MemberHere, village)
}

func queryBranches(tx db.Tx, query string, args ...any) ([]Branch, error) {
	var rows []branchRow
	if err := tx.Raw(query, args...).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading branches: %w", err)
	}
	out := make([]Branch, len(rows))
	for i, r := range rows {
		out[i] = r.branch()
	}
	return out, nil
}

func insertBranch(tx db.Tx, b Branch) error {
	err := db.Insert(tx, "party_branches", []string{"id", "village_id", "name", "secretary", "created_at"}, 1, func(_ int, args []any) []any {
		return append(args, int64(b.ID), int64(b.Village), b.Name, b.Secretary, tx.Millis())
	})
	if db.Duplicate(err) {
		return ErrBranchTaken.New()
	}
	return err
}

func updateBranch(tx db.Tx, b Branch) error {
	err := tx.Exec("UPDATE party_branches SET name = ?, secretary = ? WHERE id = ?", b.Name, b.Secretary, b.ID).Error
	if db.Duplicate(err) {
		return ErrBranchTaken.New()
	}
	if err != nil {
		return fmt.Errorf("changing a branch: %w", err)
	}
	return nil
}

type memberRow struct {
	ID         id.ID   `gorm:"column:id"`
	VillagerID id.ID   `gorm:"column:villager_id"`
	VillageID  id.ID   `gorm:"column:village_id"`
	BranchID   id.ID   `gorm:"column:branch_id"`
	Name       string  `gorm:"column:name"`
	Initials   string  `gorm:"column:initials"`
	Class      Class   `gorm:"column:class"`
	Joined     cal.Day `gorm:"column:joined"`
	State      int     `gorm:"column:state"`
}

func (r memberRow) member() Member {
	return Member{ID: r.ID, Villager: r.VillagerID, Village: r.VillageID, Branch: r.BranchID, Name: r.Name, Initials: r.Initials,
		Class: r.Class, Joined: r.Joined, State: r.State}
}

func scanMembers(tx db.Tx, cond string, args ...any) ([]Member, error) {
	var rows []memberRow
	q := `SELECT m.id, m.villager_id, m.village_id, m.branch_id, m.name, m.initials, m.class, m.joined, m.state FROM party_members m WHERE ` + cond
	if err := tx.Raw(q, args...).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading party members: %w", err)
	}
	out := make([]Member, len(rows))
	for i, r := range rows {
		out[i] = r.member()
	}
	return out, nil
}

// membersOf are the members of branches, those who have left included, by initials.
func membersOf(tx db.Tx, branches []id.ID) ([]Member, error) {
	return scanMembers(tx, "m.branch_id IN ? ORDER BY m.initials, m.name, m.id", branches)
}

func insertMembers(tx db.Tx, members []Member) error {
	cols := []string{"id", "villager_id", "village_id", "branch_id", "name", "initials", "class", "joined", "state", "created_at", "updated_at"}
	err := db.Insert(tx, "party_members", cols, len(members), func(i int, args []any) []any {
		m := members[i]
		return append(args, int64(m.ID), int64(m.Villager), int64(m.Village), int64(m.Branch), m.Name, m.Initials, int64(m.Class), int64(m.Joined), m.State,
			tx.Millis(), tx.Millis())
	})
	if db.Duplicate(err) {
		return ErrMemberTaken.New()
	}
	return err
}

func updateMember(tx db.Tx, m Member) error {
	err := tx.Exec("UPDATE party_members SET village_id = ?, branch_id = ?, name = ?, initials = ?, class = ?, joined = ?, state = ?, updated_at = ? WHERE id = ?",
		m.Village, m.Branch, m.Name, m.Initials, m.Class, m.Joined, m.State, tx.Millis(), m.ID).Error
	if err != nil {
		return fmt.Errorf("changing a party member: %w", err)
	}
	return nil
}

type exemptionRow struct {
	ID           id.ID   `gorm:"column:id"`
	MemberID     id.ID   `gorm:"column:member_id"`
	Reason       Reason  `gorm:"column:reason"`
	Note         string  `gorm:"column:note"`
	Evidence     string  `gorm:"column:evidence"`
	FromDay      cal.Day `gorm:"column:from_day"`
	ToDay        cal.Day `gorm:"column:to_day"`
	ApprovedBy   id.ID   `gorm:"column:approved_by"`
	ApprovedName string  `gorm:"column:approved_name"`
	RevokedAt    int64   `gorm:"column:revoked_at"`
}

func scanExemptions(tx db.Tx, cond string, args ...any) ([]Exemption, error) {
	var rows []exemptionRow
	q := `SELECT e.id, e.member_id, e.reason, e.note, e.evidence, e.from_day, e.to_day, e.approved_by, e.approved_name, e.revoked_at
		FROM party_exemptions e WHERE ` + cond
	if err := tx.Raw(q, args...).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading exemptions: %w", err)
	}
	out := make([]Exemption, len(rows))
	for i, r := range rows {
		out[i] = Exemption{ID: r.ID, Member: r.MemberID, Reason: r.Reason, Note: r.Note, Evidence: r.Evidence, From: r.FromDay, To: r.ToDay,
			ApprovedBy: r.ApprovedBy, ApprovedName: r.ApprovedName, Revoked: r.RevokedAt != 0}
	}
	return out, nil
}

func insertExemption(tx db.Tx, e Exemption) error {
	cols := []string{"id", "member_id", "reason", "note", "evidence", "from_day", "to_day", "approved_by", "approved_name", "created_at"}
	return db.Insert(tx, "party_exemptions", cols, 1, func(_ int, args []any) []any {
		return append(args, int64(e.ID), int64(e.Member), int64(e.Reason), e.Note, e.Evidence, int64(e.From), int64(e.To), int64(e.ApprovedBy), e.ApprovedName, tx.Millis())
	})
}
