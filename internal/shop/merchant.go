package shop

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/money"
	"jishan/internal/people"
	"jishan/internal/points"
)

// MerchantQuery selects merchants. Village is optional: only those serving it.
type MerchantQuery struct {
	Search  string // part of the name, or initials
	Village id.ID
	Cursor  string
	Limit   int // 1–100, 0 = 20
}

// MerchantPage is a stretch of merchants in order of code. Next is empty at the end.
type MerchantPage struct {
	Merchants []Merchant
	Next      string
}

// Details is a merchant with those of its contracts that the actor may see.
type Details struct {
	Merchant
	Contracts []Contract
}

// CreateMerchant opens a merchant. Needs merchant.write in its region.
func (s *Service) CreateMerchant(ctx context.Context, actor auth.Actor, in MerchantInput) (Merchant, error) {
	if err := actor.InRegion(auth.MerchantWrite, in.Region); err != nil {
		return Merchant{}, err
	}
	in, err := in.check()
	if err != nil {
		return Merchant{}, err
	}
	key := id.New()
	if in.Code == "" {
		in.Code = "S" + strings.ToUpper(key.String()[7:])
	}
	var out Merchant
	err = s.db.Tx(ctx, func(tx db.Tx) error {
		regions, err := people.RegionsByID(tx, []id.ID{in.Region})
		if err != nil {
			return err
		}
		if _, ok := regions[in.Region]; !ok {
			return errs.ErrNotFound.New()
		}
		out = Merchant{ID: key, Code: in.Code, Name: in.Name, Initials: initials(in.Name), Region: in.Region, Address: in.Address, Phone: in.Phone,
			FreeAmount: in.FreeAmount, State: Open, CreatedAt: tx.Now, UpdatedAt: tx.Now}
		cols := strings.Split(merchantColumns, ", ")
		err = db.Insert(tx, "merchants", cols, 1, func(_ int, args []any) []any {
			return append(args, int64(out.ID), out.Code, out.Name, out.Initials, int64(out.Region), out.Address, out.Phone, out.FreeAmount, uint8(out.State), tx.Millis(), tx.Millis())
		})
		if db.Duplicate(err) {
			return ErrMerchantTaken.Wrap(err)
		}
		if err != nil {
			return err
		}
		return record(tx, actor, "merchant.create", "merchant", out.ID, out.Region, "新增商户“"+out.Name+"”")
	})
	return out, err
}

// UpdateMerchant changes what is known of a merchant; an empty Code keeps the present one. Needs merchant.write in its region.
func (s *Service) UpdateMerchant(ctx context.Context, actor auth.Actor, merchant id.ID, in MerchantInput) (Merchant, error) {
	in, err := in.check()
	if err != nil {
		return Merchant{}, err
	}
	return s.changeMerchant(ctx, actor, merchant, "merchant.update", func(m *Merchant) string {
		m.Name, m.Initials, m.Address, m.Phone, m.FreeAmount = in.Name, initials(in.Name), in.Address, in.Phone, in.FreeAmount
		if in.Code != "" {
			m.Code = in.Code
		}
		return "修改商户“" + m.Name + "”的资料"
	})
}

// SetMerchantState opens or closes a merchant; a closed one takes no points. Needs merchant.write in its region.
func (s *Service) SetMerchantState(ctx context.Context, actor auth.Actor, merchant id.ID, state MerchantState) (Merchant, error) {
	if state != Open && state != Closed {
		return Merchant{}, errs.ErrInvalid.At(errs.Field{Path: "state", Text: "商户状态只能是营业或停业"})
	}
	return s.changeMerchant(ctx, actor, merchant, "merchant.state", func(m *Merchant) string {
		m.State = state
		if state == Closed {
			return "商户“" + m.Name + "”停业"
		}
		return "商户“" + m.Name + "”营业"
	})
}

func (s *Service) changeMerchant(ctx context.Context, actor auth.Actor, merchant id.ID, action string, change func(*Merchant) string) (Merchant, error) {
	var out Merchant
	err := s.db.Tx(ctx, func(tx db.Tx) error {
		m, err := merchantByID(tx, merchant)
		if err != nil {
			return err
		}
		if err := actor.InRegion(auth.MerchantWrite, m.Region); err != nil {
			return err
		}
		summary := change(&m)
		m.UpdatedAt = tx.Now
		err = tx.Exec("UPDATE merchants SET code = ?, name = ?, initials = ?, address = ?, phone = ?, free_amount = ?, state = ?, updated_at = ? WHERE id = ?",
			m.Code, m.Name, m.Initials, m.Address, m.Phone, m.FreeAmount, m.State, tx.Millis(), m.ID).Error
		if db.Duplicate(err) {
			return ErrMerchantTaken.Wrap(err)
		}
		if err != nil {
			return fmt.Errorf("changing a merchant: %w", err)
		}
		out = m
		return record(tx, actor, action, "merchant", m.ID, m.Region, summary)
	})
	return out, err
}

// SetContract says that the merchant serves the village at the rate, or (State Ended) no longer does. A zero State is Serving.
// Redemptions made before keep their rate. Needs merchant.write in the village.
func (s *Service) SetContract(ctx context.Context, actor auth.Actor, c Contract) error {
	if err := actor.InRegion(auth.MerchantWrite, c.Village); err != nil {
		return err
	}
	if c.State == 0 {
		c.State = Serving
	}
	var bad []errs.Field
	if err := c.Rate.Check(); err != nil || c.Rate.Points > maxPrice || c.Rate.Fen > money.Fen(maxPrice) {
		bad = append(bad, errs.Field{Path: "rate", Text: "兑换比例要写成“多少积分兑多少元”，积分要大于 0，金额不能小于 0"})
	}
	if c.State != Serving && c.State != Ended {
		bad = append(bad, errs.Field{Path: "state", Text: "合作状态只能是合作中或已终止"})
	}
	if len(bad) > 0 {
		return errs.ErrInvalid.At(bad...)
	}
	return s.db.Tx(ctx, func(tx db.Tx) error {
		m, err := merchantByID(tx, c.Merchant)
		if err != nil {
			return err
		}
		regions, err := people.RegionsByID(tx, []id.ID{c.Village})
		if err != nil {
			return err
		}
		village, ok := regions[c.Village]
		if !ok || village.Kind != people.Village {
			return errs.ErrNotFound.New()
		}
		cols := []string{"merchant_id", "village_id", "rate_points", "rate_fen", "state", "created_at"}
		err = db.Upsert(tx, "merchant_villages", cols, cols[:2], cols[2:5], nil, 1, func(_ int, args []any) []any {
			return append(args, int64(c.Merchant), int64(c.Village), int64(c.Rate.Points), int64(c.Rate.Fen), uint8(c.State), tx.Millis())
		})
		if err != nil {
			return err
		}
		summary := fmt.Sprintf("“%s”服务%s，%s 积分兑 %s 元", m.Name, village.Name, c.Rate.Points, c.Rate.Fen)
		if c.State == Ended {
			summary = fmt.Sprintf("“%s”不再服务%s", m.Name, village.Name)
		}
		return record(tx, actor, "merchant.contract", "merchant", m.ID, c.Village, summary)
	})
}

// Merchant is one merchant. Needs merchant.read: at the merchant, in its region, or in a village it serves.
func (s *Service) Merchant(ctx context.Context, actor auth.Actor, merchant id.ID) (Details, error) {
	var out Details
	err := s.db.Read(ctx, func(tx db.Tx) error {
		m, err := merchantByID(tx, merchant)
		if err != nil {
			return err
		}
		out, err = detailsFor(tx, actor, m)
		return err
	})
	return out, err
}

// detailsFor is the merchant with those contracts that the actor may see; an error where the actor may not see the merchant.
func detailsFor(tx db.Tx, actor auth.Actor, m Merchant) (Details, error) {
	contracts, err := ContractsOf(tx, []id.ID{m.ID})
	if err != nil {
		return Details{}, err
	}
	out := Details{Merchant: m}
	whole := merchantsPeople(actor, auth.MerchantRead, m) // whoever looks after the merchant sees all of its contracts
	if errors.Is(whole, errs.ErrForbidden) {
		return Details{}, whole
	}
	for _, c := range contracts {
		if whole == nil || actor.InRegion(auth.MerchantRead, c.Village) == nil {
			out.Contracts = append(out.Contracts, c)
		}
	}
	if whole != nil && len(out.Contracts) == 0 {
		return Details{}, errs.ErrNotFound.New()
	}
	sortContracts(out.Contracts)
	return out, nil
}

// Merchants lists those the actor may see: one's own, those standing in one's regions, those serving one's villages.
// Needs merchant.read.
func (s *Service) Merchants(ctx context.Context, actor auth.Actor, q MerchantQuery) (MerchantPage, error) {
	if err := actor.Check(auth.MerchantRead); err != nil {
		return MerchantPage{}, err
	}
	limit := pageLimit(q.Limit)
	var out MerchantPage
	err := s.db.Read(ctx, func(tx db.Tx) error {
		out = MerchantPage{}
		where, args := "code > ?", []any{asciiOnly(q.Cursor)}
		if regions, all := actor.Reach(auth.MerchantRead); !all {
			regions = append(regions, 0) // never an empty list
			where += " AND (id = ? OR region_id IN ? OR id IN (SELECT merchant_id FROM merchant_villages WHERE village_id IN ?))"
			args = append(args, actor.Merchant(), regions, regions)
		}
		if q.Village != 0 {
			where += " AND id IN (SELECT merchant_id FROM merchant_villages WHERE village_id = ? AND state = ?)"
			args = append(args, q.Village, Serving)
		}
		search, more := searchWhere("", q.Search)
		var rows []merchantRow
		err := tx.Raw("SELECT "+merchantColumns+" FROM merchants WHERE "+where+search+" ORDER BY code LIMIT ?", append(append(args, more...), limit+1)...).Scan(&rows).Error
		if err != nil {
			return fmt.Errorf("listing merchants: %w", err)
		}
		if len(rows) > limit {
			rows = rows[:limit]
			out.Next = rows[limit-1].Code
		}
		for _, r := range rows {
			out.Merchants = append(out.Merchants, r.merchant())
		}
		return nil
	})
	return out, err
}

// Offer is a merchant as a village sees it.
type Offer struct {
	Merchant
	Rate money.Rate
}

// Value is what points are worth at the merchant, in fen.
func (o Offer) Value(a points.Amount) money.Fen { return o.Rate.Value(a) }

// Offers are the open merchants that serve a village, in order of name. See Goods for who may ask.
func (s *Service) Offers(ctx context.Context, actor auth.Actor, village, household id.ID) ([]Offer, error) {
	var out []Offer
	err := s.db.Read(ctx, func(tx db.Tx) error {
		out = nil
		village, err := villageFor(tx, actor, village, household)
		if err != nil {
			return err
		}
		var ids []id.ID
		if err := tx.Raw("SELECT merchant_id FROM merchant_villages WHERE village_id = ? AND state = ?", village, Serving).Scan(&ids).Error; err != nil {
			return fmt.Errorf("listing the merchants of a village: %w", err)
		}
		merchants, err := MerchantsByID(tx, ids)
		if err != nil {
			return err
		}
		contracts, err := ContractsOf(tx, ids, village)
		if err != nil {
			return err
		}
		for key, m := range merchants {
			if m.State == Open {
				out = append(out, Offer{m, contracts[ContractKey{key, village}].Rate})
			}
		}
		sortOffers(out)
		return nil
	})
	return out, err
}
