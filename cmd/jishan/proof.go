package main

import (
	"encoding/json"
	"strconv"
	"strings"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/ledger"
	"jishan/internal/people"
)

// errProofArgument is a --proof that names no transaction.
var errProofArgument = errs.Define(errs.Invalid, "command.proof", "--proof 后面要写 村的区划编码/第几号，例如 439900100201/1234")

// printProof prints the whole proof of a transaction, named as VILLAGE/NUMBER.
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
	enc := json.NewEncoder(e.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(p.Document(true))
}
