package main

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
)

// errProofArgument is a --proof that names no transaction.
var errProofArgument = errs.Define(errs.Invalid, "command.proof", "--proof 后面要写 村的区划编码/第几号，例如 439900100201/1234")

// proof is docs/ledger-format.md as JSON.
type proof struct {
	Format string    `json:"format"`
	Book   id.ID     `json:"book"`
	Number int64     `json:"number"`
	Hash   string    `json:"hash"`
	Text   string    `json:"text"`
	Path   []string  `json:"path"`
	Seal   proofSeal `json:"seal"`
}

// proofSeal is the seal that the path leads to.
type proofSeal struct {
	Hash string `json:"hash"`
	Text string `json:"text"`
}

// printProof prints the proof of a transaction, named as VILLAGE/NUMBER.
func printProof(e *env, d *db.DB, name string) error {
	code, n, _ := strings.Cut(name, "/")
	number, err := strconv.ParseInt(n, 10, 64)
	if err != nil || number < 1 {
		return errProofArgument.New()
	}
	var p ledger.Proof
	err = d.Read(e.ctx, func(tx db.Tx) error {
		region, err := people.RegionByCode(tx, code)
		if err != nil {
			return err
		}
		p, err = ledger.Prove(tx, ledger.Key{Book: region.ID, Number: number})
		return err
	})
	if err != nil {
		return err
	}
	out := proof{Format: "jishan-proof-1", Book: p.Tx.Book, Number: number, Hash: hex.EncodeToString(p.Tx.Hash[:]), Text: string(p.Tx.Canonical(nil)),
		Path: []string{}, Seal: proofSeal{hex.EncodeToString(p.Seal.Hash[:]), string(p.Seal.Canonical())}}
	for _, h := range p.Path {
		out.Path = append(out.Path, hex.EncodeToString(h[:]))
	}
	enc := json.NewEncoder(e.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}
