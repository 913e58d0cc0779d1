package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
)

type exportCmd struct {
	Ledger exportLedger `cmd:"" help:"导出村账的全部交易（每行一笔 JSON），供任何人用自己的程序核对"`
	Seals  exportSeals  `cmd:"" help:"导出各村最近的日封，留存在别处；以后用 verify --seals 核对"`
}

type exportLedger struct {
	Village string `required:"" placeholder:"编码" help:"村的区划编码（12 位）"`
	Out     string `short:"o" type:"path" placeholder:"文件" help:"写到文件；不写则打印"`
}

// transaction is docs/ledger-format.md as JSON.
type transaction struct {
	Book      id.ID           `json:"book"`
	Number    int64           `json:"number"`
	Asset     ledger.Asset    `json:"asset"`
	Kind      ledger.Kind     `json:"kind"`
	Day       int32           `json:"day"`
	Month     int32           `json:"month"`
	At        int64           `json:"at"`
	Score     int64           `json:"score"`
	Reverses  int64           `json:"reverses"`
	Actor     id.ID           `json:"actor"`
	Household id.ID           `json:"household"`
	Person    id.ID           `json:"person"`
	Member    id.ID           `json:"member"`
	Branch    id.ID           `json:"branch"`
	Rules     id.ID           `json:"rules"`
	Reason    string          `json:"reason"`
	Prev      string          `json:"prev"`
	Hash      string          `json:"hash"`
	Entries   []exportedEntry `json:"entries"`
}

// exportedEntry is one entry.
type exportedEntry struct {
	Account id.ID  `json:"account"`
	Amount  int64  `json:"amount"`
	Lot     int32  `json:"lot"`
	Balance *int64 `json:"balance"`
}

func exported(t ledger.Tx) transaction {
	out := transaction{
		Book: t.Book, Number: t.Number, Asset: t.Asset, Kind: t.Kind, Day: int32(t.Day), Month: int32(t.Month), At: t.At, Score: int64(t.Score),
		Reverses: t.Reverses, Actor: t.Actor, Household: t.Household, Person: t.Person, Member: t.Member, Branch: t.Branch,
		Rules: t.RuleVersion, Reason: t.Reason, Prev: hex.EncodeToString(t.Prev[:]), Hash: hex.EncodeToString(t.Hash[:]),
	}
	for _, e := range t.Entries {
		x := exportedEntry{Account: e.Account, Amount: int64(e.Amount), Lot: int32(e.Lot)}
		if e.Tracked {
			b := int64(e.Balance)
			x.Balance = &b
		}
		out.Entries = append(out.Entries, x)
	}
	return out
}

// Run writes the book of a village, from the first transaction to the last.
func (c exportLedger) Run(e *env) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	d, err := e.open(cfg, true)
	if err != nil {
		return err
	}
	defer d.Close()
	target := e.out
	if c.Out != "" {
		f, err := os.Create(c.Out)
		if err != nil {
			return errs.ErrInvalid.Wrap(err)
		}
		defer f.Close()
		target = f
	}
	w := bufio.NewWriter(target)
	n, err := writeLedger(e, d, c.Village, json.NewEncoder(w))
	if err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the ledger: %w", err)
	}
	fmt.Fprintf(e.err, "共 %d 笔\n", n)
	return nil
}

func writeLedger(e *env, d *db.DB, village string, enc *json.Encoder) (int64, error) {
	enc.SetEscapeHTML(false)
	var n int64
	err := d.Read(e.ctx, func(tx db.Tx) error {
		region, err := people.RegionByCode(tx, village)
		if err != nil {
			return err
		}
		const piece = 1000
		for first := int64(1); ; first += piece {
			keys := make([]ledger.Key, piece)
			for i := range keys {
				keys[i] = ledger.Key{Book: region.ID, Number: first + int64(i)}
			}
			txs, err := ledger.Load(tx, keys...)
			if err != nil {
				return err
			}
			for _, k := range keys {
				t, ok := txs[k]
				if !ok {
					continue
				}
				if err := enc.Encode(exported(t)); err != nil {
					return fmt.Errorf("writing the ledger: %w", err)
				}
				n++
			}
			if len(txs) == 0 {
				return nil
			}
		}
	})
	return n, err
}
