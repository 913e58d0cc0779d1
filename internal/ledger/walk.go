package ledger

import (
	"fmt"
	"math"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/points"
)

// walkPiece is how many transactions are in memory at once.
const walkPiece = 2000

// walk gives each every transaction of the book from number after+1 to upTo (0: the end) in order, with its entries and without
// their Refs. The Tx is good until each returns. Entries that belong to no transaction are told to stray, which may be nil.
func walk(tx db.Tx, book id.ID, after, upTo int64, each func(*Tx) error, stray func(number int64)) error {
	if upTo == 0 {
		upTo = math.MaxInt64
	}
	if stray == nil {
		stray = func(int64) {}
	}
	w := walker{txs: make([]Tx, 0, walkPiece)}
	for {
		w.txs, w.entries = w.txs[:0], w.entries[:0]
		q := "SELECT " + txColumns + " FROM ledger_txs WHERE book_id = ? AND number > ? AND number <= ? ORDER BY number LIMIT ?"
		if err := db.Query(tx, w.tx, q, int64(book), after, upTo, walkPiece); err != nil {
			return fmt.Errorf("reading the chain: %w", err)
		}
		last := upTo
		if len(w.txs) == walkPiece {
			last = w.txs[walkPiece-1].Number
		}
		q = "SELECT number, account_id, amount, lot, balance, counterpart_id FROM ledger_entries WHERE book_id = ? AND number > ? AND number <= ? ORDER BY number, line"
		if err := db.Query(tx, w.entry, q, int64(book), after, last); err != nil {
			return fmt.Errorf("reading the chain's entries: %w", err)
		}
		entries := w.entries
		for i := range w.txs {
			t := &w.txs[i]
			for len(entries) > 0 && entries[0].number < t.Number {
				stray(entries[0].number)
				entries = entries[1:]
			}
			for len(entries) > 0 && entries[0].number == t.Number {
				t.read(entries[0].Entry, entries[0].counterpart)
				entries = entries[1:]
			}
			t.complete()
			if err := each(t); err != nil {
				return err
			}
		}
		for _, e := range entries {
			stray(e.number)
		}
		if len(w.txs) < walkPiece {
			return nil
		}
		after = last
	}
}

// walker holds what walk reads into, so that a piece costs no more memory than the one before.
type walker struct {
	txs     []Tx
	entries []numbered
	n       [15]whole
	text    string
	prev    digest
	hash    digest
	dest    []any
	destOf  []any
}

type numbered struct {
	Entry
	number      int64
	counterpart id.ID
}

func (w *walker) tx(row db.Row) error {
	if w.dest == nil {
		for i := range w.n {
			w.dest = append(w.dest, &w.n[i])
		}
		w.dest = append(w.dest, &w.text, &w.prev, &w.hash)
	}
	if err := row.Scan(w.dest...); err != nil {
		return err
	}
	var entries []Entry
	if len(w.txs) < cap(w.txs) {
		entries = w.txs[:len(w.txs)+1][len(w.txs)].Entries[:0]
	}
	n := &w.n
	w.txs = append(w.txs, Tx{
		Key: Key{id.ID(n[0].v), n[1].v}, Asset: Asset(n[2].v), Kind: Kind(n[3].v), Day: cal.Day(n[4].v), Month: cal.Month(n[5].v), At: n[6].v,
		Actor: id.ID(n[7].v), Household: id.ID(n[8].v), Person: id.ID(n[9].v), Member: id.ID(n[10].v), Branch: id.ID(n[11].v),
		Score: points.Amount(n[12].v), RuleVersion: id.ID(n[13].v), Reverses: n[14].v, Reason: w.text, Prev: w.prev, Hash: w.hash, Entries: entries,
	})
	return nil
}

func (w *walker) entry(row db.Row) error {
	if w.destOf == nil {
		w.destOf = []any{&w.n[0], &w.n[1], &w.n[2], &w.n[3], &w.n[4], &w.n[5]}
	}
	if err := row.Scan(w.destOf...); err != nil {
		return err
	}
	n := &w.n
	w.entries = append(w.entries, numbered{number: n[0].v, counterpart: id.ID(n[5].v), Entry: Entry{Account: id.ID(n[1].v), Amount: points.Amount(n[2].v), Lot: cal.Day(n[3].v),
		Tracked: !n[4].null, Balance: points.Amount(n[4].v)}})
	return nil
}

// whole and digest take a column without reflection; a tampered column of another shape reads as what no hash agrees with.
type whole struct {
	v    int64
	null bool
}

// Scan implements sql.Scanner.
func (w *whole) Scan(src any) error {
	w.v, w.null = 0, src == nil
	switch x := src.(type) {
	case nil:
	case int64:
		w.v = x
	case []byte:
		var err error
		if w.v, err = parseInt(x); err != nil {
			return err
		}
	default:
		return fmt.Errorf("a number is stored as %T", src)
	}
	return nil
}

func parseInt(b []byte) (v int64, err error) {
	digits, negative := b, len(b) > 0 && b[0] == '-'
	if negative {
		digits = b[1:]
	}
	for _, c := range digits {
		if c < '0' || c > '9' || v < (math.MinInt64+int64(c-'0'))/10 {
			return 0, fmt.Errorf("not a number: %q", b)
		}
		v = v*10 - int64(c-'0')
	}
	if len(digits) == 0 || !negative && v == math.MinInt64 {
		return 0, fmt.Errorf("not a number: %q", b)
	}
	if !negative {
		v = -v
	}
	return v, nil
}

type digest [32]byte

// Scan implements sql.Scanner.
func (d *digest) Scan(src any) error {
	*d = digest{}
	switch x := src.(type) {
	case []byte:
		copy(d[:], x)
	case string:
		copy(d[:], x)
	}
	return nil
}
