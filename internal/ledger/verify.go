package ledger

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/points"
)

// Finding is one place where the rows contradict each other. Text is Chinese and names the transaction or the account.
type Finding struct {
	Book   id.ID
	Number int64 // 0 where the finding is about an account or a score
	Text   string
}

// Report is what Verify saw.
type Report struct {
	Books        int
	Spans        []Span // what was read of each book
	Transactions int64
	Entries      int64
	Seals        int64
	Unsealed     int64     // transactions that no seal covers yet
	Findings     []Finding // in order; at most maxFindings
}

const maxFindings = 100

// Mark is what a verification has recomputed of a book up to one of its seals: a later one may go on from there.
type Mark struct {
	MarkHead
	Balances map[id.ID]points.Amount             // those that are not 0
	Lots     map[id.ID]map[cal.Day]points.Amount // those that are not 0
	Scores   []MarkedScore                       // of the months from Since on
}

// MarkHead is where a Mark stands: enough to see that its book has not moved since (Still).
type MarkHead struct {
	Book   id.ID
	Day    cal.Day  // of the seal
	Seal   [32]byte // its hash
	Number int64    // the last transaction it covers
	Head   [32]byte // that one's hash
	Since  cal.Month
}

// MarkedScore is the score of an owner in a month, as the transactions up to a mark add up.
type MarkedScore struct {
	Owner  id.ID
	Asset  Asset
	Month  cal.Month
	Kind   ScoreKind
	Points points.Amount
}

// verifier carries what has been recomputed of one book so far.
type verifier struct {
	tx       db.Tx
	book     id.ID
	report   *Report
	balances map[id.ID]points.Amount
	lots     map[id.ID]map[cal.Day]points.Amount
	scores   map[scoreKey]points.Amount
	undone   map[int64]int64 // transaction undone → the one that undoes it
	persons  map[int64]id.ID // transaction → the person it names
	number   int64
	hash     [32]byte
	buf      []byte

	after  int64 // what lies up to this number is trusted
	since  cal.Month
	moved  map[id.ID]points.Amount // what the transactions read have changed of each account
	owners map[id.ID]struct{}      // whose scores they have changed

	day         tally
	sealed      DaySeal   // the last seal passed
	ahead       []DaySeal // the seals not yet reached
	checkpoints []checkpoint
	mark        *Mark
}

// Span is a book's numbers after one: what a check that goes on from a Mark reads. Checks that take spans read everything without.
type Span struct {
	Book  id.ID
	After int64
	At    int64 // when the first number of it was booked, UTC milliseconds; now if there is none
}

// Within is a further condition of an SQL query that keeps the two columns to the span; nothing for nil.
func (s *Span) Within(book, number string) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf(" AND %s = %d AND %s > %d", book, int64(s.Book), number, s.After)
}

// Books lists every book that any row of the ledger names. DISTINCT lets MariaDB leap from one book to the next instead of reading
// years of rows to find two hundred.
func Books(tx db.Tx) (books []id.ID, err error) {
	q := "SELECT book_id FROM ledger_heads UNION SELECT DISTINCT book_id FROM ledger_txs UNION SELECT DISTINCT book_id FROM accounts UNION SELECT DISTINCT book_id FROM ledger_seals ORDER BY book_id"
	if err := tx.Raw(q).Scan(&books).Error; err != nil {
		return nil, fmt.Errorf("listing the books: %w", err)
	}
	return books, nil
}

// Verify recomputes every invariant of the package from the raw rows: numbers, hashes, sums, running and final balances, lots,
// scores and day seals. Give it a snapshot (db.Read), so that what is booked meanwhile does not disturb.
func Verify(tx db.Tx) (Report, error) {
	var report Report
	books, err := Books(tx)
	if err != nil {
		return report, err
	}
	for _, book := range books {
		part, _, err := VerifyBook(tx, book, nil)
		if err != nil {
			return report, err
		}
		report.Add(part)
	}
	return report, nil
}

// errEarlier: a transaction after the mark is scored in a month whose scores the mark does not have.
var errEarlier = errors.New("ledger: scored before the mark's months")

// VerifyBook is Verify for one book. With from it goes on from that mark and trusts what lies before: it reads the seals from the
// mark's on, the transactions after it with their checkpoints, and of balances, lots and scores those of the accounts and owners
// that these transactions name. A mark that the book's seals do not know is a finding, and everything is read; so it is, without a
// finding, where something since is scored in a month before the mark's. It answers a mark at the book's last seal, nil without seals.
func VerifyBook(tx db.Tx, book id.ID, from *Mark) (Report, *Mark, error) {
	report, mark, err := verifyBook(tx, book, from)
	if errors.Is(err, errEarlier) {
		return verifyBook(tx, book, nil)
	}
	return report, mark, err
}

func verifyBook(tx db.Tx, book id.ID, from *Mark) (Report, *Mark, error) {
	report := Report{Books: 1, Spans: []Span{{Book: book, At: tx.Millis()}}}
	v := &verifier{tx: tx, book: book, report: &report, balances: map[id.ID]points.Amount{}, lots: map[id.ID]map[cal.Day]points.Amount{},
		scores: map[scoreKey]points.Amount{}, undone: map[int64]int64{}, persons: map[int64]id.ID{}, moved: map[id.ID]points.Amount{}, owners: map[id.ID]struct{}{}}
	if err := v.begin(from); err != nil {
		return report, nil, err
	}
	for _, step := range []func() error{v.transactions, v.sealsEnd, v.head, v.reversals, v.named, v.accounts, v.expiring, v.scored} {
		if err := step(); err != nil {
			return report, nil, err
		}
	}
	return report, v.mark, nil
}

// Add adds another book's report.
func (r *Report) Add(o Report) {
	r.Books += o.Books
	r.Spans = append(r.Spans, o.Spans...)
	r.Transactions += o.Transactions
	r.Entries += o.Entries
	r.Seals += o.Seals
	r.Unsealed += o.Unsealed
	r.Findings = append(r.Findings, o.Findings...)
	if len(r.Findings) > maxFindings {
		r.Findings = r.Findings[:maxFindings]
	}
}

func (v *verifier) find(number int64, format string, args ...any) {
	if len(v.report.Findings) < maxFindings {
		v.report.Findings = append(v.report.Findings, Finding{v.book, number, fmt.Sprintf(format, args...)})
	}
}

// transactions walks the chain.
func (v *verifier) transactions() error {
	return walk(v.tx, v.book, v.number, 0, func(t *Tx) error {
		if t.Month < v.since && t.Score != 0 {
			return errEarlier
		}
		v.transaction(t)
		return nil
	}, func(number int64) {
		v.report.Entries++
		v.find(number, "分录属于不存在的第 %d 号", number)
	})
}

func (v *verifier) transaction(t *Tx) {
	if v.report.Transactions++; v.report.Transactions == 1 {
		v.report.Spans[0].At = t.At
	}
	v.report.Entries += int64(len(t.Entries))
	v.sealsMissed(t.Number)
	if t.Number != v.number+1 {
		v.find(t.Number, "第 %d 号之后应是第 %d 号，却是第 %d 号：中间有缺号", v.number, v.number+1, t.Number)
	}
	if t.Prev != v.hash {
		v.find(t.Number, "第 %d 号记录的前一号指纹与第 %d 号不符：其中一笔被改动过", t.Number, v.number)
	}
	var sum [32]byte
	if sum, v.buf = t.sum(v.buf); sum != t.Hash {
		v.find(t.Number, "第 %d 号的内容与它的指纹不符：这一笔被改动过", t.Number)
	}
	if first := v.undone[t.Reverses]; first != 0 {
		v.find(t.Number, "第 %d 号已由第 %d 号撤销，又由第 %d 号撤销", t.Reverses, first, t.Number)
	} else if t.Reverses != 0 {
		v.undone[t.Reverses] = t.Number
	}
	if t.Person != 0 {
		v.persons[t.Number] = t.Person
	}
	v.number, v.hash = t.Number, t.Hash
	var total points.Amount
	for _, e := range t.Entries {
		total += e.Amount
		v.balances[e.Account] += e.Amount
		v.moved[e.Account] += e.Amount
		if e.Lot != 0 {
			if v.lots[e.Account] == nil {
				v.lots[e.Account] = map[cal.Day]points.Amount{}
			}
			v.lots[e.Account][e.Lot] += e.Amount
		}
		if e.Tracked && v.balances[e.Account] != e.Balance {
			v.find(t.Number, "第 %d 号后账户 %s 的余额应为 %s，记录为 %s", t.Number, e.Account, v.balances[e.Account], e.Balance)
			v.balances[e.Account] = e.Balance
		}
	}
	if total != 0 || len(t.Entries) == 0 {
		v.find(t.Number, "第 %d 号的分录合计为 %s，应为 0", t.Number, total)
	}
	for _, o := range t.scored() {
		v.scores[scoreKey{o.ID, t.Asset, t.Month, t.Book, o.Kind}] += t.Score
		v.owners[o.ID] = struct{}{}
	}
	v.checkpointed(t.Number)
	v.day.add(t)
	v.sealEnds(t)
}

// reversals compares what was read with ledger_reversals, which keeps anything from being undone twice.
func (v *verifier) reversals() error {
	var rows []struct{ Reverses, Number int64 }
	if err := v.tx.Raw("SELECT reverses, number FROM ledger_reversals WHERE book_id = ? AND number > ? ORDER BY number", v.book, v.after).Scan(&rows).Error; err != nil {
		return fmt.Errorf("reading what is undone: %w", err)
	}
	for _, r := range rows {
		if v.undone[r.Reverses] != r.Number {
			v.find(r.Number, "记着第 %d 号撤销第 %d 号，账上却不是", r.Number, r.Reverses)
		}
		delete(v.undone, r.Reverses)
	}
	for _, reverses := range slices.Sorted(maps.Keys(v.undone)) {
		v.find(v.undone[reverses], "第 %d 号撤销了第 %d 号，却没有撤销记录", v.undone[reverses], reverses)
	}
	return nil
}

// named compares what was read with ledger_persons, by which a person's transactions are found.
func (v *verifier) named() error {
	type row struct {
		PersonID id.ID
		Number   int64
	}
	rows, err := standing[row](v, "person_id", unique(slices.Collect(maps.Values(v.persons))), "SELECT person_id, number FROM ledger_persons WHERE book_id = ? AND number > ?", v.book, v.after)
	if err != nil {
		return fmt.Errorf("reading what names whom: %w", err)
	}
	for _, r := range rows {
		if v.persons[r.Number] != r.PersonID {
			v.find(r.Number, "记着第 %d 号说的是 %s，账上却不是", r.Number, r.PersonID)
			continue
		}
		delete(v.persons, r.Number)
	}
	for _, number := range slices.Sorted(maps.Keys(v.persons)) {
		v.find(number, "第 %d 号说的是 %s，却没有记在他名下", number, v.persons[number])
	}
	return nil
}

func (v *verifier) head() error {
	var heads []headRow
	if err := v.tx.Raw("SELECT book_id, number, hash FROM ledger_heads WHERE book_id = ?", v.book).Scan(&heads).Error; err != nil {
		return fmt.Errorf("reading the head of the chain: %w", err)
	}
	switch {
	case len(heads) == 0 && v.number > 0:
		v.find(0, "账本没有链尾记录")
	case len(heads) == 1 && (heads[0].Number != v.number || string(heads[0].Hash) != string(v.hash[:])):
		v.find(heads[0].Number, "账本记录的最后一号是第 %d 号，实际最后是第 %d 号：末尾有缺失或被改动", heads[0].Number, v.number)
	}
	return nil
}
