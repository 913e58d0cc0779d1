package proof

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"

	"jishan/internal/db"
	"jishan/internal/history"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/redeem"
	"jishan/internal/shop"
)

var kinds = map[ledger.Kind]history.Kind{ledger.Award: history.Grant, ledger.Deduct: history.Deduct, ledger.Redeem: history.Redeem,
	ledger.Refund: history.Refund, ledger.Reverse: history.Reverse, ledger.Transfer: history.Transfer}

// mark finds the ID of an operation in the text that the client sent with it; in a text that quotes another one's, the last.
var mark = regexp.MustCompile(`#([0-9a-z-]+)#`)

func marked(text string) string {
	all := mark.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

// rows reads what the database says of the history's operations, in one snapshot.
func (p *place) rows(ctx context.Context, dsn string, h *history.History) (s *history.State, err error) {
	d, err := db.Open(ctx, db.Options{DSN: dsn})
	if err != nil {
		return nil, err
	}
	defer d.Close()
	err = d.Read(ctx, func(tx db.Tx) error {
		s = &history.State{Base: map[string]int64{}, Keys: map[string]history.TxKey{}, Balances: map[string]int64{}, Stocks: map[string]int64{}, Openings: map[string]int64{}}
		for _, v := range p.villages {
			s.Base[v.id.String()] = houses // the first grants
			s.Openings[v.product.String()] = v.stock
		}
		for _, read := range []func(db.Tx, *history.State) error{readTxs, readFeatures, readGoods} {
			if err := read(tx, s); err != nil {
				return err
			}
		}
		return readKeys(tx, s, h)
	})
	return s, err
}

func readTxs(tx db.Tx, s *history.State) error {
	var rows []struct {
		BookID      id.ID
		Number      int64
		Kind        ledger.Kind
		HouseholdID id.ID
		Reverses    int64
		Reason      string
	}
	q := "SELECT book_id, number, kind, household_id, COALESCE(reverses, 0) AS reverses, reason FROM ledger_txs ORDER BY book_id, number"
	if err := tx.Raw(q).Scan(&rows).Error; err != nil {
		return fmt.Errorf("reading the ledger: %w", err)
	}
	at := map[history.TxKey]int{}
	for _, r := range rows {
		k := history.TxKey{Book: r.BookID.String(), Number: r.Number}
		at[k] = len(s.Txs)
		s.Txs = append(s.Txs, history.Tx{TxKey: k, Kind: kinds[r.Kind], Wallet: r.HouseholdID.String(), Reverses: r.Reverses, Mark: marked(r.Reason)})
	}
	var entries []struct {
		BookID   id.ID
		Number   int64
		Kind     ledger.AccountKind
		OwnerID  id.ID
		Amount   int64
		Balance  *int64
		Balanced bool // by rows of its own transaction
	}
	q = "SELECT e.book_id, e.number, a.kind, a.owner_id, e.amount, e.balance, e.counterpart_id = 0 AS balanced FROM ledger_entries e LEFT JOIN accounts a ON a.id = e.account_id ORDER BY e.book_id, e.number, e.line"
	if err := tx.Raw(q).Scan(&entries).Error; err != nil {
		return fmt.Errorf("reading the entries: %w", err)
	}
	for _, e := range entries {
		i, ok := at[history.TxKey{Book: e.BookID.String(), Number: e.Number}]
		if !ok {
			return fmt.Errorf("entry of %s/%d without its transaction", e.BookID, e.Number)
		}
		t := &s.Txs[i]
		if e.Balanced {
			t.Sum += e.Amount
		}
		switch {
		case e.Kind == ledger.KindWallet && e.OwnerID.String() != t.Wallet:
			t.To.Wallet, t.To.Amount = e.OwnerID.String(), t.To.Amount+e.Amount
			if e.Balance != nil {
				t.To.Balance = *e.Balance
			}
		case e.Kind == ledger.KindWallet:
			t.Amount += e.Amount
			if e.Balance != nil {
				t.Balance = *e.Balance
			}
		}
	}
	var accounts []struct {
		OwnerID id.ID
		Balance int64
	}
	if err := tx.Raw("SELECT owner_id, balance FROM accounts WHERE kind = ?", ledger.KindWallet).Scan(&accounts).Error; err != nil {
		return fmt.Errorf("reading the wallets: %w", err)
	}
	for _, a := range accounts {
		s.Balances[a.OwnerID.String()] = a.Balance
	}
	return nil
}

// readFeatures looks for the rows that awards and redemptions keep of their own.
func readFeatures(tx db.Tx, s *history.State) error {
	type row struct {
		VillageID id.ID
		Number    int64
		Undone    int64
		Reason    string
	}
	there := map[history.TxKey]row{}
	for _, q := range []string{
		"SELECT village_id, number, reversed_by AS undone, '' AS reason FROM awards",
		"SELECT village_id, number, refund_number AS undone, reason FROM redemptions r WHERE EXISTS (SELECT 1 FROM redemption_lines l WHERE l.village_id = r.village_id AND l.number = r.number)",
	} {
		var rows []row
		if err := tx.Raw(q).Scan(&rows).Error; err != nil {
			return fmt.Errorf("reading awards and redemptions: %w", err)
		}
		for _, r := range rows {
			there[history.TxKey{Book: r.VillageID.String(), Number: r.Number}] = r
		}
	}
	for i := range s.Txs {
		t := &s.Txs[i]
		r, ok := there[t.TxKey]
		t.Row = ok || t.Kind != history.Grant && t.Kind != history.Deduct && t.Kind != history.Redeem
		t.Undone = r.Undone
		if m := marked(r.Reason); m != "" {
			t.Mark = m
		}
	}
	return nil
}

func readGoods(tx db.Tx, s *history.State) error {
	var moves []struct {
		VillageID id.ID
		Number    int64
		ProductID id.ID
		Delta     int64
		Stock     int64
	}
	// A move that brings goods back names the redemption, and that one names the refund.
	q := `SELECT m.village_id, CASE WHEN m.kind = ? THEN COALESCE(r.refund_number, 0) ELSE m.number END AS number, m.product_id, m.delta, m.stock
		FROM stock_moves m LEFT JOIN redemptions r ON r.village_id = m.village_id AND r.number = m.number WHERE m.kind IN (?, ?)`
	if err := tx.Raw(q, shop.MoveRefunded, shop.MoveSold, shop.MoveRefunded).Scan(&moves).Error; err != nil {
		return fmt.Errorf("reading stock moves: %w", err)
	}
	for _, m := range moves {
		s.Moves = append(s.Moves, history.Move{TxKey: history.TxKey{Book: m.VillageID.String(), Number: m.Number}, Product: m.ProductID.String(), Delta: m.Delta, Stock: m.Stock})
	}
	var products []struct {
		ID    id.ID
		Stock int64
	}
	if err := tx.Raw("SELECT id, stock FROM products").Scan(&products).Error; err != nil {
		return fmt.Errorf("reading products: %w", err)
	}
	for _, p := range products {
		s.Stocks[p.ID.String()] = p.Stock
	}
	return nil
}

// readKeys finds the stored answers of the operations, and the number in each.
func readKeys(tx db.Tx, s *history.State, h *history.History) error {
	var rows []struct {
		KeyHash  []byte
		Response []byte
	}
	if err := tx.Raw("SELECT key_hash, response FROM idempotency_keys").Scan(&rows).Error; err != nil {
		return fmt.Errorf("reading stored answers: %w", err)
	}
	stored := make(map[string][]byte, len(rows))
	for _, r := range rows {
		if stored[string(r.KeyHash)] != nil {
			return fmt.Errorf("a key is stored twice")
		}
		stored[string(r.KeyHash)] = r.Response
	}
	for _, o := range h.Ops {
		sum := sha256.Sum256([]byte(o.ID))
		answer, ok := stored[string(sum[:])]
		if !ok {
			continue
		}
		n, err := storedNumber(o.Kind, answer)
		if err != nil {
			return fmt.Errorf("stored answer of %s: %w: %s", o.ID, err, answer)
		}
		s.Keys[o.ID] = history.TxKey{Book: o.Book, Number: n}
	}
	return nil
}

// storedNumber is the number of the transaction in an answer as the features store it.
func storedNumber(kind history.Kind, answer []byte) (int64, error) {
	switch kind {
	case history.Redeem, history.Refund:
		var r redeem.Receipt
		if err := json.Unmarshal(answer, &r); err != nil {
			return 0, err
		}
		if kind == history.Refund {
			return r.RefundNumber, nil
		}
		return r.Number, nil
	}
	var list []struct{ Number int64 }
	if err := json.Unmarshal(answer, &list); err != nil {
		return 0, err
	}
	if len(list) != 1 {
		return 0, fmt.Errorf("%d outcomes", len(list))
	}
	return list[0].Number, nil
}
