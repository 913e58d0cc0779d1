package redeem

import (
	"fmt"
	"slices"
	"time"

	"jishan/internal/auth"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/money"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/shop"
)

// chunk bounds IN lists, to stay below the databases' limits on placeholders.
const chunk = 500

func unique(ids []id.ID) []id.ID {
	out := slices.Clone(ids)
	slices.Sort(out)
	return slices.Compact(out)
}

// household1 reads a household or says that there is none.
func household1(tx db.Tx, household id.ID) (people.Household, error) {
	m, err := people.HouseholdsByID(tx, []id.ID{household})
	if err != nil {
		return people.Household{}, err
	}
	h, ok := m[household]
	if !ok {
		return h, errs.ErrNotFound.New()
	}
	return h, nil
}

// livingHousehold reads a household that may redeem.
func livingHousehold(tx db.Tx, household id.ID) (people.Household, error) {
	h, err := household1(tx, household)
	if err == nil && !h.Active() {
		err = gone(h)
	}
	return h, err
}

// inHome is nil where the actor holds the permission in the household's village, or at least in its group.
func inHome(actor auth.Actor, p auth.Permission, h people.Household) error {
	err := actor.InRegion(p, h.Village)
	if err != nil && h.Group != 0 && actor.InRegion(p, h.Group) == nil {
		return nil
	}
	return err
}

// atMerchant is nil for those who work at the merchant with the permission, and for the system.
func atMerchant(actor auth.Actor, p auth.Permission, merchant id.ID) error {
	err := actor.OwnMerchant(p, merchant)
	if err != nil && actor.Kind == auth.KindSystem && actor.Can(p) {
		return nil
	}
	return err
}

// facts are what a state is made of that needs no lock.
func facts(tx db.Tx, households, merchants []id.ID) (*state, error) {
	st := &state{day: cal.DayOf(tx.Now), balance: map[id.ID]points.Amount{}, month: map[id.ID]points.Amount{}, card: map[id.ID]points.Amount{},
		products: map[id.ID]shop.Product{}, used: map[Nonce]bool{}}
	var err error
	if st.households, err = people.HouseholdsByID(tx, unique(households)); err != nil {
		return nil, err
	}
	var villages []id.ID
	for _, h := range st.households {
		villages = append(villages, h.Village)
	}
	villages = unique(villages)
	if st.merchants, err = shop.MerchantsByID(tx, merchants); err != nil {
		return nil, err
	}
	if st.contracts, err = shop.ContractsOf(tx, merchants, villages...); err != nil {
		return nil, err
	}
	st.settings, err = people.SettingsOf(tx, villages...)
	return st, err
}

// history adds what the households have redeemed this month and, by card, today. Under the wallets' locks it is final.
func (st *state) history(tx db.Tx, households []id.ID) error {
	for part := range slices.Chunk(unique(households), chunk) {
		var rows []struct {
			HouseholdID id.ID
			Day         cal.Day
			Way         Way
			Points      points.Amount
		}
		q := "SELECT household_id, day, way, SUM(points) AS points FROM redemptions WHERE household_id IN ? AND month = ? AND state = ? GROUP BY household_id, day, way"
		if err := tx.Raw(q, part, st.day.Month(), Confirmed).Scan(&rows).Error; err != nil {
			return fmt.Errorf("reading what was redeemed this month: %w", err)
		}
		for _, r := range rows {
			st.month[r.HouseholdID] += r.Points
			if r.Day == st.day && r.Way == ByCard {
				st.card[r.HouseholdID] += r.Points
			}
		}
	}
	return nil
}

// spent adds which of the nonces have been spent. Under the wallets' locks it is final.
func (st *state) spent(tx db.Tx, nonces []Nonce) error {
	for part := range slices.Chunk(nonces, chunk) {
		keys := make([][]byte, len(part))
		for i := range part {
			keys[i] = part[i][:]
		}
		var rows []struct{ Nonce []byte }
		if err := tx.Raw("SELECT nonce FROM used_codes WHERE nonce IN ?", keys).Scan(&rows).Error; err != nil {
			return fmt.Errorf("reading the spent codes: %w", err)
		}
		for _, r := range rows {
			if len(r.Nonce) == len(Nonce{}) {
				st.used[Nonce(r.Nonce)] = true
			}
		}
	}
	return nil
}

// balances adds the wallets' balances as committed, for showing; deciding takes them from the locked batch.
func (st *state) balances(tx db.Tx) error {
	var refs []ledger.Ref
	for _, h := range st.households {
		refs = append(refs, ledger.Wallet(h.Village, h.ID))
	}
	m, err := ledger.Balances(tx, refs...)
	for _, ref := range refs {
		st.balance[ref.Owner] = m[ref]
	}
	return err
}

type redemptionRow struct {
	VillageID    id.ID
	Number       int64
	HouseholdID  id.ID
	MerchantID   id.ID
	Way          Way
	Nonce        []byte
	Points       points.Amount
	Fen          money.Fen
	Day          cal.Day
	Month        cal.Month
	State        State
	RefundedBy   id.ID
	RefundedAt   int64
	RefundNumber int64
	Reason       string
	ActorID      id.ID
	ActorName    string
	At           int64
}

func (r redemptionRow) key() ledger.Key { return ledger.Key{Book: r.VillageID, Number: r.Number} }

const redemptionColumns = "village_id, number, household_id, merchant_id, way, nonce, points, fen, day, month, state, refunded_by, refunded_at, refund_number, reason, actor_id, actor_name, at"

// redemption reads one row; ErrNotFound where there is none.
func redemption(tx db.Tx, key ledger.Key, suffix string) (redemptionRow, error) {
	var rows []redemptionRow
	if err := tx.Raw("SELECT "+redemptionColumns+" FROM redemptions WHERE village_id = ? AND number = ?"+suffix, key.Book, key.Number).Scan(&rows).Error; err != nil {
		return redemptionRow{}, fmt.Errorf("reading a redemption: %w", err)
	}
	if len(rows) == 0 {
		return redemptionRow{}, errs.ErrNotFound.New()
	}
	return rows[0], nil
}

// linesOf reads the lines of redemptions, in order.
func linesOf(tx db.Tx, keys []ledger.Key) (map[ledger.Key][]ReceiptLine, error) {
	out := make(map[ledger.Key][]ReceiptLine, len(keys))
	byVillage := map[id.ID][]int64{}
	for _, k := range keys {
		byVillage[k.Book] = append(byVillage[k.Book], k.Number)
	}
	for village, numbers := range byVillage {
		for part := range slices.Chunk(numbers, chunk) {
			var rows []struct {
				Number    int64
				ProductID id.ID
				Name      string
				Price     points.Amount
				Quantity  int64
				Points    points.Amount
			}
			q := "SELECT number, product_id, name, price, quantity, points FROM redemption_lines WHERE village_id = ? AND number IN ? ORDER BY number, line"
			if err := tx.Raw(q, village, part).Scan(&rows).Error; err != nil {
				return nil, fmt.Errorf("reading the lines of redemptions: %w", err)
			}
			for _, r := range rows {
				k := ledger.Key{Book: village, Number: r.Number}
				out[k] = append(out[k], ReceiptLine{r.ProductID, r.Name, r.Price, r.Quantity, r.Points})
			}
		}
	}
	return out, nil
}

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
