package people

import (
	"crypto/hmac"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

// ErrBinding is a household that could not be bound; one text for every reason, so that nobody learns who lives where.
var ErrBinding = errs.Define(errs.Refused, "house.binding", "户码与姓名（或手机号）对不上，请核对积分卡；仍不行请找村干部")

// VerifyBinding checks that somebody knows a household: its code and the name or the telephone number of a member.
func (s *Service) VerifyBinding(tx db.Tx, houseCode, nameOrPhone string) (Household, Villager, error) {
	code, err := ParseHouseCode(houseCode)
	if err != nil {
		return Household{}, Villager{}, ErrBinding.New()
	}
	h, ok, err := HouseholdByCode(tx, code)
	if err != nil {
		return Household{}, Villager{}, err
	}
	if !ok || !h.Active() {
		return Household{}, Villager{}, ErrBinding.New()
	}
	rows, err := byID[villagerRow](tx, villagerColumns, "villagers", "household_id", []id.ID{h.ID})
	if err != nil {
		return Household{}, Villager{}, err
	}
	name := CleanName(nameOrPhone)
	var hash []byte
	if phone, err := ParsePhone(nameOrPhone); err == nil && phone != "" {
		hash = s.keyed("phone", phone)
	}
	for _, r := range rows {
		byPhone := hash != nil && len(r.PhoneHash) > 0 && hmac.Equal(r.PhoneHash, hash)
		if r.State == VillagerHere && (byPhone || name != "" && r.Name == name) {
			return h, r.villager(), nil
		}
	}
	return Household{}, Villager{}, ErrBinding.New()
}
