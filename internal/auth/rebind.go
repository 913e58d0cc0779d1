package auth

import (
	"fmt"

	"jishan/internal/db"
	"jishan/internal/id"
)

// Rebound is a log-in whose binding has gone from one household to another.
type Rebound struct {
	User     id.ID
	Villager id.ID // who was recognised; 0 for a house card
	Had      bool  // it was bound to the other household already
}

// Rebind takes those log-ins of a household that which chooses to another household: they see that one from their next request on,
// and the first no more.
func Rebind(tx db.Tx, from, to id.ID, which func(user, villager id.ID) bool) (out []Rebound, err error) {
	var rows []struct {
		UserID     id.ID `gorm:"column:user_id"`
		VillagerID id.ID `gorm:"column:villager_id"`
		Had        bool  `gorm:"column:had"`
	}
	const q = "SELECT b.user_id, b.villager_id, EXISTS (SELECT 1 FROM user_households o WHERE o.user_id = b.user_id AND o.household_id = ?) AS had " +
		"FROM user_households b WHERE b.household_id = ? ORDER BY b.user_id"
	if err := tx.Raw(q, to, from).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading bindings: %w", err)
	}
	for _, r := range rows {
		if !which(r.UserID, r.VillagerID) {
			continue
		}
		move := "UPDATE user_households SET household_id = ? WHERE user_id = ? AND household_id = ?"
		args := []any{to, r.UserID, from}
		if r.Had {
			move, args = "DELETE FROM user_households WHERE user_id = ? AND household_id = ?", args[1:]
		}
		if _, err := exec(tx, "rebinding a log-in", move, args...); err != nil {
			return nil, err
		}
		out = append(out, Rebound{r.UserID, r.VillagerID, r.Had})
	}
	return out, nil
}

// BindAgain binds a log-in to a household that it was bound to before.
func BindAgain(tx db.Tx, household id.ID, r Rebound) error {
	return bind(tx, r.User, household, r.Villager)
}
