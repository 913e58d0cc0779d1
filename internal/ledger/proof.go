package ledger

import (
	"encoding/hex"
	"fmt"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
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

// LastNumber is the number of the book's newest transaction; 0 where it has none.
func LastNumber(tx db.Tx, book id.ID) (n int64, err error) {
	if err := tx.Raw("SELECT number FROM ledger_heads WHERE book_id = ?", book).Scan(&n).Error; err != nil {
		return 0, fmt.Errorf("reading the head of a chain: %w", err)
	}
	return n, nil
}

// ProofDocument is a proof as it is handed out, format jishan-proof-1 of docs/ledger-format.md.
type ProofDocument struct {
	Format  string       `json:"format"`
	Book    id.ID        `json:"book"`
	Number  int64        `json:"number"`
	Hash    string       `json:"hash"`
	Text    string       `json:"text,omitempty"`
	Private string       `json:"private,omitempty"`
	Path    []string     `json:"path"`
	Seal    SealDocument `json:"seal"`
}

// SealDocument is the day seal that a proof leads to.
type SealDocument struct {
	Hash string `json:"hash"`
	Text string `json:"text"`
}

// Document is the proof for those whom the transaction concerns (whole), or for anyone: without the half that says whom and why,
// and of a party score, which is no stranger's business, only that there is such a transaction.
func (p Proof) Document(whole bool) ProofDocument {
	out := ProofDocument{Format: "jishan-proof-1", Book: p.Tx.Book, Number: p.Tx.Number, Hash: hex.EncodeToString(p.Tx.Hash[:]), Path: []string{},
		Seal: SealDocument{hex.EncodeToString(p.Seal.Hash[:]), string(p.Seal.Canonical())}}
	if whole || p.Tx.Asset == Points {
		out.Text = string(p.Tx.Canonical(nil))
	}
	if whole {
		out.Private = string(p.Tx.Private(nil))
	}
	for _, h := range p.Path {
		out.Path = append(out.Path, hex.EncodeToString(h[:]))
	}
	return out
}
