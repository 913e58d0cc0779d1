package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/points"
)

// DaySeal says what a book's transactions of one day were: those from number First to Number. It is written once, after the
// day, and never changed. A transaction belongs to the day on which it was booked (At, in Shanghai); numbers are given a moment
// later than At, so around midnight the last number of the day decides, and what is committed only after its day was sealed
// belongs to the next seal.
type DaySeal struct {
	Book   id.ID
	Day    cal.Day
	First  int64
	Number int64    // of the last transaction
	Head   [32]byte // its hash
	Root   [32]byte // of the Merkle tree over the hashes from First to Number
	Sums   Sums
	At     int64    // when the seal was written, UTC milliseconds
	Prev   [32]byte // hash of the book's seal before, zeros for the first
	Hash   [32]byte
}

// ShortSeal is how many hexadecimal characters of a seal's hash people copy from paper: 80 bits, so that nobody can try out
// changed books until one fits what is printed.
const ShortSeal = 20

// Sums are what moved, in hundredths. Those of village points add up the positive entries by kind; Score and Party are what
// the scores changed by.
type Sums struct {
	Awarded, Deducted, Redeemed, Refunded, Expired, Settled, Reversed, Opening points.Amount

	Score, Party points.Amount
}

// NamedSum is one of the sums under the name that it has in the canonical text and in the table.
type NamedSum struct {
	Name   string
	Amount points.Amount
}

// List is the sums in canonical order.
func (s Sums) List() []NamedSum {
	return []NamedSum{{"awarded", s.Awarded}, {"deducted", s.Deducted}, {"redeemed", s.Redeemed}, {"refunded", s.Refunded}, {"expired", s.Expired},
		{"settled", s.Settled}, {"reversed", s.Reversed}, {"opening", s.Opening}, {"score", s.Score}, {"party", s.Party}}
}

func (s *Sums) add(t *Tx) {
	if t.Asset != Points {
		s.Party += t.Score
		return
	}
	s.Score += t.Score
	if sum := s.of(t.Kind); sum != nil {
		*sum += t.Turnover()
	}
}

func (s *Sums) of(k Kind) *points.Amount {
	switch k {
	case Award:
		return &s.Awarded
	case Deduct:
		return &s.Deducted
	case Redeem:
		return &s.Redeemed
	case Refund:
		return &s.Refunded
	case Expire:
		return &s.Expired
	case Settle:
		return &s.Settled
	case Reverse:
		return &s.Reversed
	case Opening:
		return &s.Opening
	}
	return nil
}

// Canonical is the text whose SHA-256 is the seal's hash, format jishan-seal-1; docs/ledger-format.md describes it.
func (s *DaySeal) Canonical() []byte {
	b := append([]byte(nil), "jishan-seal-1\nprev "...)
	b = appendHex(b, s.Prev[:])
	b = append(b, "\nbook "...)
	b = s.Book.Append(b)
	line := func(name string, v int64) {
		b = append(b, '\n')
		b = append(b, name...)
		b = append(b, ' ')
		b = strconv.AppendInt(b, v, 10)
	}
	line("day", int64(s.Day))
	line("first", s.First)
	line("number", s.Number)
	b = append(b, "\nhead "...)
	b = appendHex(b, s.Head[:])
	b = append(b, "\nroot "...)
	b = appendHex(b, s.Root[:])
	for _, sum := range s.Sums.List() {
		line(sum.Name, int64(sum.Amount))
	}
	line("at", s.At)
	return append(b, '\n')
}

// sealGrace is how long after midnight a day is sealed: longer than any request may take to commit.
const sealGrace = 5 * time.Minute

// ErrBroken is wrapped by DueSeals where the book contradicts itself: nothing is sealed over it.
var ErrBroken = errors.New("ledger: the book contradicts itself")

// DueSeals makes the seals that the book lacks for the days that are over, oldest first; give it a snapshot. Days without
// transactions have none. Every transaction is checked against its hash and the one before on the way.
func DueSeals(tx db.Tx, book id.ID) ([]DaySeal, error) {
	last, err := LastSeal(tx, book)
	if err != nil {
		return nil, err
	}
	ends, err := dayEnds(tx, book, last)
	if err != nil || len(ends) == 0 {
		return nil, err
	}
	var out []DaySeal
	var day tally
	var buf []byte
	var stray int64
	number, hash := last.Number, last.Head
	err = walk(tx, book, number, ends[len(ends)-1].number, func(t *Tx) error {
		var sum [32]byte
		if sum, buf = t.sum(buf); sum != t.Hash || t.Prev != hash || t.Number != number+1 || len(t.Entries) == 0 {
			return fmt.Errorf("%w at number %d", ErrBroken, number+1)
		}
		number, hash = t.Number, t.Hash
		day.add(t)
		if t.Number == ends[0].number {
			s := DaySeal{Book: book, Day: ends[0].day, First: last.Number + 1, Number: number, Head: hash, Root: day.tree.root(), Sums: day.sums,
				At: tx.Millis(), Prev: last.Hash}
			s.Hash = sha256.Sum256(s.Canonical())
			out, last, day, ends = append(out, s), s, tally{}, ends[1:]
		}
		return nil
	}, func(n int64) { stray = n })
	if err == nil && stray != 0 {
		err = fmt.Errorf("%w at number %d", ErrBroken, stray)
	}
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	return out, nil
}

// tally adds up what a seal says.
type tally struct {
	tree tree
	sums Sums
}

func (y *tally) add(t *Tx) {
	y.tree.add(t.Hash)
	y.sums.add(t)
}

type dayEnd struct {
	day    cal.Day
	number int64
}

// dayEnds are the last numbers of the days that are over and not sealed, oldest first. Read backwards, a number is its day's
// last one when no later number was booked on that day or before.
func dayEnds(tx db.Tx, book id.ID, last DaySeal) ([]dayEnd, error) {
	limit := cal.DayOf(tx.Now.Add(-sealGrace)) // of the first day that is not over
	earliest := cal.Day(99991231)
	var ends []dayEnd
	err := db.Query(tx, func(row db.Row) error {
		var number, at whole
		if err := row.Scan(&number, &at); err != nil {
			return err
		}
		day := cal.DayOf(time.UnixMilli(at.v))
		if day >= earliest {
			return nil
		}
		earliest = day
		if last.Day != 0 && day <= last.Day {
			day = last.Day.Add(1)
		}
		if n := len(ends); day < limit && (n == 0 || ends[n-1].day != day) {
			ends = append(ends, dayEnd{day, number.v})
		}
		return nil
	}, "SELECT number, at FROM ledger_txs WHERE book_id = ? AND number > ? ORDER BY number DESC", int64(book), last.Number)
	if err != nil {
		return nil, fmt.Errorf("looking for days to seal: %w", err)
	}
	slices.Reverse(ends)
	return ends, nil
}

// KeepSeals writes what DueSeals made of a book. Where another process has sealed the book meanwhile it writes nothing and
// answers false.
func KeepSeals(tx db.Tx, seals []DaySeal) (bool, error) {
	if len(seals) == 0 {
		return false, nil
	}
	// The head keeps two writers apart.
	if err := db.Query(tx, func(db.Row) error { return nil }, "SELECT number FROM ledger_heads WHERE book_id = ?"+tx.ForUpdate(), int64(seals[0].Book)); err != nil {
		return false, fmt.Errorf("locking the head of the chain: %w", err)
	}
	last, err := LastSeal(tx, seals[0].Book)
	if err != nil || last.Hash != seals[0].Prev {
		return false, err
	}
	cols := []string{"book_id", "day", "first_number", "number", "head", "root", "awarded", "deducted", "redeemed", "refunded", "expired", "settled", "reversed",
		"opening", "score", "party", "at", "prev_hash", "hash"}
	err = db.Insert(tx, "ledger_seals", cols, len(seals), func(i int, args []any) []any {
		s := &seals[i]
		args = append(args, int64(s.Book), int64(s.Day), s.First, s.Number, s.Head[:], s.Root[:])
		for _, sum := range s.Sums.List() {
			args = append(args, int64(sum.Amount))
		}
		return append(args, s.At, s.Prev[:], s.Hash[:])
	})
	return err == nil, err
}

const sealColumns = "book_id, day, first_number, number, head, root, awarded, deducted, redeemed, refunded, expired, settled, reversed, opening, score, party, at, prev_hash, hash"

// seals gives each the seals that the rest of the query selects.
func seals(tx db.Tx, each func(DaySeal), rest string, args ...any) error {
	err := db.Query(tx, func(row db.Row) error {
		var s DaySeal
		var n [15]whole
		var hashes [4]digest
		err := row.Scan(&n[0], &n[1], &n[2], &n[3], &hashes[0], &hashes[1], &n[4], &n[5], &n[6], &n[7], &n[8], &n[9], &n[10], &n[11], &n[12], &n[13],
			&n[14], &hashes[2], &hashes[3])
		s.Book, s.Day, s.First, s.Number, s.At = id.ID(n[0].v), cal.Day(n[1].v), n[2].v, n[3].v, n[14].v
		s.Head, s.Root, s.Prev, s.Hash = hashes[0], hashes[1], hashes[2], hashes[3]
		a := func(i int) points.Amount { return points.Amount(n[i].v) }
		s.Sums = Sums{a(4), a(5), a(6), a(7), a(8), a(9), a(10), a(11), a(12), a(13)}
		each(s)
		return err
	}, "SELECT "+sealColumns+" FROM ledger_seals WHERE "+rest, args...)
	if err != nil {
		return fmt.Errorf("reading the seals: %w", err)
	}
	return nil
}

// LastSeal is the book's newest; the zero seal where there is none.
func LastSeal(tx db.Tx, book id.ID) (out DaySeal, err error) {
	err = seals(tx, func(s DaySeal) { out = s }, "book_id = ? ORDER BY day DESC LIMIT 1", int64(book))
	return out, err
}

// SealBy is the book's newest that was written at an instant (UTC milliseconds) or before; the zero seal where there is none.
func SealBy(tx db.Tx, book id.ID, at int64) (out DaySeal, err error) {
	err = seals(tx, func(s DaySeal) { out = s }, "book_id = ? AND at <= ? ORDER BY day DESC LIMIT 1", int64(book), at)
	return out, err
}

// SealOf is the book's seal of a day; the zero seal where there is none.
func SealOf(tx db.Tx, book id.ID, day cal.Day) (out DaySeal, err error) {
	err = seals(tx, func(s DaySeal) { out = s }, "book_id = ? AND day = ?", int64(book), int64(day))
	return out, err
}

// Seals are the book's newest of the days before the given one (0: from the newest), at most limit.
func Seals(tx db.Tx, book id.ID, before cal.Day, limit int) (out []DaySeal, err error) {
	if before == 0 {
		before = 99991231
	}
	err = seals(tx, func(s DaySeal) { out = append(out, s) }, "book_id = ? AND day < ? ORDER BY day DESC LIMIT ?", int64(book), int64(before), limit)
	return out, err
}
