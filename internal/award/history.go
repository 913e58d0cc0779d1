package award

import (
	"fmt"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/rule"
)

// Given is a standing award with the rule it was given by, as a trial of other rules replays it.
type Given struct {
	Number                                     int64
	RuleID, Lineage, BookID                    id.ID
	Category, Item                             string
	Subject                                    rule.Subject
	SubjectID, HouseholdID, PersonID, MemberID id.ID
	Day                                        cal.Day
	Points, Quantity                           points.Amount
	Level                                      string
	Spots                                      int
	Act, ActGroup                              string
}

// Standing are the awards of a village that stand, in the order in which they count: by day, then by number.
func Standing(tx db.Tx, village id.ID, asset ledger.Asset, from, to cal.Day) ([]Given, error) {
	var rows []Given
	err := tx.Raw(`SELECT a.number, a.rule_id, a.lineage, v.book_id, r.category, r.item, r.subject, a.subject_id, a.household_id, a.person_id, a.member_id,
		a.day, a.points, a.quantity, a.level, a.spots, a.act, a.act_group
		FROM awards a JOIN rules r ON r.id = a.rule_id JOIN rule_versions v ON v.id = a.version_id WHERE a.village_id = ? AND a.day BETWEEN ? AND ? AND a.asset = ? AND a.state = ?
		ORDER BY a.day, a.number`, village, from, to, asset, standing).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading the standing awards of village %s: %w", village, err)
	}
	return rows, nil
}
