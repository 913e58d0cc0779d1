package ledger

import (
	"fmt"

	"jishan/internal/db"
	"jishan/internal/errs"
)

// What a proof can be refused for.
var (
	ErrUnsealed = errs.Define(errs.Conflict, "ledger.unsealed", "这一号还没有封存：每天的账在第二天凌晨封存，请明天再来")
	ErrUnproven = errs.Define(errs.Conflict, "ledger.unproven", "这一号的账与当天的封存对不上，请告诉乡镇，用 jishan verify 核对")
)

// Proof shows that a transaction is one of those that a day seal covers: climbing from its hash by Path gives the seal's Root.
type Proof struct {
	Tx   Tx
	Seal DaySeal
	Path [][32]byte // the sister of every node on the way up, lowest first
}

// Prove makes the proof of a transaction. errs.ErrNotFound where there is none of that number, ErrUnsealed before its day is
// sealed, ErrUnproven where the rows of the day no longer agree with the seal.
func Prove(tx db.Tx, key Key) (Proof, error) {
	var p Proof
	txs, err := Load(tx, key)
	if err != nil {
		return p, err
	}
	t, ok := txs[key]
	if !ok {
		return p, errs.ErrNotFound.New()
	}
	p.Tx = t
	err = seals(tx, func(s DaySeal) { p.Seal = s }, "book_id = ? AND number >= ? ORDER BY number LIMIT 1", int64(key.Book), key.Number)
	if err != nil {
		return p, err
	}
	if p.Seal.Number == 0 {
		return p, ErrUnsealed.New()
	}
	var hashes [][32]byte
	err = db.Query(tx, func(row db.Row) error {
		var h digest
		err := row.Scan(&h)
		hashes = append(hashes, h)
		return err
	}, "SELECT hash FROM ledger_txs WHERE book_id = ? AND number BETWEEN ? AND ? ORDER BY number", int64(key.Book), p.Seal.First, p.Seal.Number)
	if err != nil {
		return p, fmt.Errorf("reading a day's hashes: %w", err)
	}
	var day tree
	for _, h := range hashes {
		day.add(h)
	}
	sum, _ := t.sum(nil)
	if key.Number < p.Seal.First || day.root() != p.Seal.Root || int64(len(hashes)) != p.Seal.Number-p.Seal.First+1 || sum != t.Hash {
		return p, ErrUnproven.New()
	}
	p.Path = path(hashes, int(key.Number-p.Seal.First))
	return p, nil
}
