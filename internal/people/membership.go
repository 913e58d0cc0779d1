package people

import (
	"fmt"
	"slices"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

// ErrPartyMember keeps a party member from leaving the village while a branch there still counts the member.
var ErrPartyMember = errs.Define(errs.Refused, "person.party_member", "这个人还是本村支部的党员，请先在“党员”里登记离开支部，再迁到别的村；迁入后由新村的支部重新登记")

// HoldVillagers reads villagers and keeps them where they live until the end of the transaction; what does not exist is missing
// from the map.
func HoldVillagers(tx db.Tx, ids []id.ID) (map[id.ID]Villager, error) {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	out := make(map[id.ID]Villager, len(ids))
	for part := range slices.Chunk(slices.Compact(ids), chunk) {
		var rows []villagerRow
		if err := tx.Raw("SELECT "+villagerColumns+" FROM villagers WHERE id IN ? ORDER BY id"+tx.ForUpdate(), part).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("locking villagers: %w", err)
		}
		for _, r := range rows {
			out[r.ID] = r.villager()
		}
	}
	return out, nil
}

// notOfAParty is ErrPartyMember where a branch counts the villager among its members. It is asked after the villager's row has been
// written: who enters a branch holds that row (HoldVillagers), so one of the two waits for the other.
func notOfAParty(tx db.Tx, v Villager) error {
	var n int
	if err := tx.Raw("SELECT COUNT(*) FROM party_members WHERE villager_id = ? AND state = 1", v.ID).Row().Scan(&n); err != nil {
		return fmt.Errorf("looking for a party member: %w", err)
	}
	if n > 0 {
		return ErrPartyMember.With("%s还是本村支部的党员，请先在“党员”里登记离开支部，再迁到别的村；迁入后由新村的支部重新登记", v.Name)
	}
	return nil
}
