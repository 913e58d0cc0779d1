package shop

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/money"
	"jishan/internal/points"
)

// chunk bounds IN lists, to stay below the databases' limits on placeholders.
const chunk = 500

type merchantRow struct {
	ID         id.ID
	Code       string
	Name       string
	Initials   string
	RegionID   id.ID
	Address    string
	Phone      string
	FreeAmount bool
	State      MerchantState
	CreatedAt  int64
	UpdatedAt  int64
}

const merchantColumns = "id, code, name, initials, region_id, address, phone, free_amount, state, created_at, updated_at"

func (r merchantRow) merchant() Merchant {
	return Merchant{ID: r.ID, Code: r.Code, Name: r.Name, Initials: r.Initials, Region: r.RegionID, Address: r.Address, Phone: r.Phone,
		FreeAmount: r.FreeAmount, State: r.State, CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt)}
}

type productRow struct {
	ID         id.ID
	MerchantID id.ID
	Name       string
	Initials   string
	Unit       string
	Price      points.Amount
	Stock      int64
	LowStock   int64
	Photo      string
	State      ProductState
	CreatedAt  int64
	UpdatedAt  int64
}

func productColumns(prefix string) string {
	cols := []string{"id", "merchant_id", "name", "initials", "unit", "price", "stock", "low_stock", "photo", "state", "created_at", "updated_at"}
	return prefix + strings.Join(cols, ", "+prefix)
}

func (r productRow) product() Product {
	return Product{ID: r.ID, Merchant: r.MerchantID, Name: r.Name, Initials: r.Initials, Unit: r.Unit, Price: r.Price, Stock: r.Stock,
		LowStock: r.LowStock, Photo: r.Photo, State: r.State, CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt)}
}

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// MerchantsByID reads merchants; those that do not exist are missing from the map.
func MerchantsByID(tx db.Tx, ids []id.ID) (map[id.ID]Merchant, error) {
	out := make(map[id.ID]Merchant, len(ids))
	for part := range slices.Chunk(unique(ids), chunk) {
		var rows []merchantRow
		if err := tx.Raw("SELECT "+merchantColumns+" FROM merchants WHERE id IN ?", part).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("reading merchants: %w", err)
		}
		for _, r := range rows {
			out[r.ID] = r.merchant()
		}
	}
	return out, nil
}

func merchantByID(tx db.Tx, key id.ID) (Merchant, error) {
	m, err := MerchantsByID(tx, []id.ID{key})
	if err != nil {
		return Merchant{}, err
	}
	if m, ok := m[key]; ok {
		return m, nil
	}
	return Merchant{}, errs.ErrNotFound.New()
}

// lockMerchant holds a merchant's row until the end of the transaction.
func lockMerchant(tx db.Tx, key id.ID) error {
	var held id.ID
	if err := tx.Raw("SELECT id FROM merchants WHERE id = ?"+tx.ForUpdate(), key).Scan(&held).Error; err != nil {
		return fmt.Errorf("locking a merchant: %w", err)
	}
	return nil
}

// ContractsOf reads the contracts of the merchants, ended ones too; with villages, only those with them.
func ContractsOf(tx db.Tx, merchants []id.ID, villages ...id.ID) (map[ContractKey]Contract, error) {
	out := map[ContractKey]Contract{}
	for part := range slices.Chunk(unique(merchants), chunk) {
		var rows []struct {
			MerchantID id.ID
			VillageID  id.ID
			RatePoints points.Amount
			RateFen    money.Fen
			State      ContractState
		}
		q, args := "SELECT merchant_id, village_id, rate_points, rate_fen, state FROM merchant_villages WHERE merchant_id IN ?", []any{part}
		if len(villages) > 0 {
			q, args = q+" AND village_id IN ?", append(args, unique(villages))
		}
		if err := tx.Raw(q, args...).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("reading contracts: %w", err)
		}
		for _, r := range rows {
			out[ContractKey{r.MerchantID, r.VillageID}] = Contract{r.MerchantID, r.VillageID, money.Rate{Points: r.RatePoints, Fen: r.RateFen}, r.State}
		}
	}
	return out, nil
}

// productByID reads one product without locking it.
func productByID(tx db.Tx, key id.ID) (Product, error) {
	var rows []productRow
	if err := tx.Raw("SELECT "+productColumns("")+" FROM products WHERE id = ?", key).Scan(&rows).Error; err != nil {
		return Product{}, fmt.Errorf("reading a product: %w", err)
	}
	if len(rows) == 0 {
		return Product{}, errs.ErrNotFound.New()
	}
	return rows[0].product(), nil
}

func unique(ids []id.ID) []id.ID {
	out := slices.Clone(ids)
	slices.Sort(out)
	return slices.Compact(out)
}
