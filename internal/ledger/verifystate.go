package ledger

import (
	"fmt"
	"maps"
	"slices"

	"jishan/internal/cal"
	"jishan/internal/id"
	"jishan/internal/points"
)

// standing reads what a table says of the book now: everything or, from a mark on, the rows whose column is one of these.
func standing[R any](v *verifier, column string, of []id.ID, q string, args ...any) (out []R, err error) {
	if v.after == 0 {
		return out, v.tx.Raw(q, args...).Scan(&out).Error
	}
	for part := range slices.Chunk(of, chunk) {
		var rows []R
		if err := v.tx.Raw(q+" AND "+column+" IN ?", append(slices.Clone(args), part)...).Scan(&rows).Error; err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	return out, nil
}

func (v *verifier) accounts() error {
	touched := slices.Sorted(maps.Keys(v.moved))
	rows, err := standing[accountRow](v, "id", touched, "SELECT "+accountColumns+" FROM accounts WHERE book_id = ?", v.book)
	if err != nil {
		return fmt.Errorf("reading the accounts: %w", err)
	}
	slices.SortFunc(rows, func(a, b accountRow) int { return cmp(a.ID, b.ID) })
	known := map[id.ID]bool{}
	var total = map[Asset]points.Amount{}
	for _, r := range rows {
		known[r.ID] = true
		want := v.balances[r.ID]
		total[r.Asset] += v.moved[r.ID]
		if r.Tracked == 0 {
			if r.Balance != 0 {
				v.find(0, "账户 %s（%s）不应记余额，却记着 %s", r.ID, r.ref().name(), r.Balance)
			}
			continue
		}
		if r.HeirID != 0 && want != 0 {
			v.find(0, "账户 %s（%s）已并入 %s，却还有 %s", r.ID, r.ref().name(), r.HeirID, want)
		}
		if r.Balance != want {
			v.find(0, "账户 %s（%s）的余额记为 %s，按账本应为 %s", r.ID, r.ref().name(), r.Balance, want)
		}
		if want < r.Floor {
			v.find(0, "账户 %s（%s）的余额 %s 低于下限 %s", r.ID, r.ref().name(), want, r.Floor)
		}
	}
	for _, a := range touched {
		if !known[a] {
			v.find(0, "账本提到的账户 %s 不存在", a)
		}
	}
	for a, sum := range total {
		if sum != 0 {
			v.find(0, "账本的全部账户合计为 %s（资产 %d），应为 0", sum, a)
		}
	}
	return nil
}

func (r Ref) name() string {
	kind := map[AccountKind]string{KindWallet: "户钱包", KindParty: "党员积分", KindIssue: "发放", KindMerchant: "商户", KindSettled: "已结算", KindExpired: "已过期"}[r.Kind]
	if r.Owner == 0 {
		return kind
	}
	return kind + " " + r.Owner.String()
}

func (v *verifier) expiring() error {
	type lotRow struct {
		AccountID id.ID
		ExpiryDay cal.Day
		Amount    points.Amount
	}
	touched := slices.Sorted(maps.Keys(v.moved))
	q := "SELECT l.account_id, l.expiry_day, l.amount FROM lots l JOIN accounts a ON a.id = l.account_id WHERE a.book_id = ?"
	rows, err := standing[lotRow](v, "l.account_id", touched, q, v.book)
	if err != nil {
		return fmt.Errorf("reading the lots: %w", err)
	}
	for _, r := range rows {
		if want := v.lots[r.AccountID][r.ExpiryDay]; want != r.Amount {
			v.find(0, "账户 %s 在 %s 到期的积分记为 %s，按账本应为 %s", r.AccountID, r.ExpiryDay, r.Amount, want)
		}
		delete(v.lots[r.AccountID], r.ExpiryDay)
	}
	for _, a := range touched {
		for day, amount := range v.lots[a] {
			if amount != 0 {
				v.find(0, "账户 %s 在 %s 到期的积分 %s 没有记录", a, day, amount)
			}
		}
	}
	return nil
}

func (v *verifier) scored() error {
	type scoreRow struct {
		OwnerID   id.ID
		Asset     Asset
		Month     cal.Month
		VillageID id.ID
		Kind      ScoreKind
		Points    points.Amount
	}
	q, args := "SELECT owner_id, asset, month, village_id, kind, points FROM scores WHERE month >= ?", []any{v.since}
	if v.after == 0 {
		q, args = q+" AND village_id = ?", append(args, v.book)
	}
	rows, err := standing[scoreRow](v, "owner_id", slices.Sorted(maps.Keys(v.owners)), q, args...)
	if err != nil {
		return fmt.Errorf("reading the scores: %w", err)
	}
	for _, r := range rows {
		if r.VillageID != v.book {
			continue // asked for by the owner alone, so that SQLite goes by the owner
		}
		k := scoreKey{r.OwnerID, r.Asset, r.Month, r.VillageID, r.Kind}
		if want := v.scores[k]; want != r.Points {
			v.find(0, "%s 在 %s 的累计积分记为 %s，按账本应为 %s", r.OwnerID, r.Month, r.Points, want)
		}
		delete(v.scores, k)
	}
	for k, p := range v.scores {
		if _, touched := v.owners[k.owner]; touched && p != 0 {
			v.find(0, "%s 在 %s 的累计积分 %s 没有记录", k.owner, k.month, p)
		}
	}
	return nil
}
