package history

import (
	"fmt"
	"math"
	"time"
)

// Kind is what an operation asks for.
type Kind string

// The operations that write.
const (
	Grant    Kind = "grant"
	Deduct   Kind = "deduct" // takes what is there when the wallet holds less
	Redeem   Kind = "redeem"
	Refund   Kind = "refund"   // undoes a redemption
	Reverse  Kind = "reverse"  // undoes a grant or a deduction
	Transfer Kind = "transfer" // from one wallet to another
)

// Outcome is what a caller knows of a call.
type Outcome uint8

// The outcomes. An answer that says that the server could not do it now is Unknown: it may have been done.
const (
	Unknown  Outcome = iota
	Answered         // done, it was said
	Refused          // not done, it was said
)

// Call is one time that an operation was sent.
type Call struct {
	Via        string // which process
	Begin, End time.Duration
	Outcome    Outcome
	Number     int64  // answered: of the transaction
	Balance    int64  // answered: of the wallet afterwards
	Code       string // refused: the error's code
}

// Op is one operation under one idempotency key; it may have been sent more than once, in a row or at the same time.
type Op struct {
	ID      string
	Kind    Kind
	Book    string
	Wallet  string
	To      string // of a transfer: the other wallet
	Amount  int64  // asked for, in hundredths, without sign; of Refund and Reverse nothing
	Product string // of a redemption, with Pieces
	Pieces  int64
	Target  int64  // the number that Refund and Reverse undo
	OneTime string // a code that is good for one redemption
	Calls   []Call
}

// outcome is what is known of the operation: done if it was ever said, else not done if that was said every time.
func (o *Op) outcome() Outcome {
	refused := len(o.Calls) > 0
	for _, c := range o.Calls {
		switch c.Outcome {
		case Answered:
			return Answered
		case Unknown:
			refused = false
		}
	}
	if refused {
		return Refused
	}
	return Unknown
}

// begin is the earliest moment at which the operation may have happened.
func (o *Op) begin() time.Duration {
	out := never
	for _, c := range o.Calls {
		out = min(out, c.Begin)
	}
	return out
}

// end is the moment from which on everybody must see the operation: its first answer.
func (o *Op) end() time.Duration {
	out := never
	for _, c := range o.Calls {
		if c.Outcome == Answered {
			out = min(out, c.End)
		}
	}
	return out
}

const never = time.Duration(math.MaxInt64)

// Line is a line of a statement.
type Line struct {
	Number  int64
	Amount  int64
	Balance int64
}

// Read is one answered look at a wallet or at a product's stock.
type Read struct {
	Via        string
	Book       string
	Wallet     string // or
	Product    string
	Begin, End time.Duration
	Value      int64  // balance, in hundredths, or pieces; of a statement nothing
	Statement  bool   // Lines are the newest, newest first, Limit of them if there are so many
	Lines      []Line // none: an empty statement
	Limit      int
}

// History is everything that clients did and saw.
type History struct {
	Ops   []*Op
	Reads []Read
}

// TxKey names a transaction.
type TxKey struct {
	Book   string
	Number int64
}

// Tx is a transaction as it stands in the rows.
type Tx struct {
	TxKey
	Kind     Kind // empty for kinds that the workload does not use
	Wallet   string
	Amount   int64  // what the wallet moved
	Balance  int64  // of the wallet afterwards, as the entry says
	To       Side   // the other wallet of a transfer
	Sum      int64  // of all entries
	Reverses int64  // the number it undoes
	Mark     string // the ID of the operation, where the row carries it in its text
	Row      bool   // the feature's own row (award, redemption) is there; true for kinds without one
	Undone   int64  // the number that undid it, as the feature's own row says
}

// Side is a wallet that a transaction moved beside its first one; the zero Side is none.
type Side struct {
	Wallet  string
	Amount  int64 // what it moved
	Balance int64 // afterwards, as the entry says
}

// Move is a change of a product's stock.
type Move struct {
	TxKey   // that caused it; number 0: goods brought in
	Product string
	Delta   int64
	Stock   int64 // afterwards, as the row says
}

// State is what the rows say at the end.
type State struct {
	Base     map[string]int64 // by book: the last number before the history
	Txs      []Tx             // all, in order of number within a book
	Keys     map[string]TxKey // by Op.ID: what the stored answer says
	Balances map[string]int64 // by wallet
	Moves    []Move
	Stocks   map[string]int64 // by product
	Openings map[string]int64 // by product: the stock before the history
}

// Anomaly is something that cannot be true.
type Anomaly struct {
	Kind string // a word of the package's list
	Text string
}

func (a Anomaly) String() string { return a.Kind + ": " + a.Text }

// checker gathers what Check finds.
type checker struct {
	h     *History
	s     *State
	txs   map[TxKey]*Tx
	owner map[TxKey]*Op // whose effect a transaction is
	found []Anomaly
}

func (c *checker) add(kind, format string, args ...any) {
	c.found = append(c.found, Anomaly{kind, fmt.Sprintf(format, args...)})
}

// Check names everything in which the history and the rows contradict the package's promises, or each other.
func Check(h *History, s *State) []Anomaly {
	c := &checker{h: h, s: s, txs: map[TxKey]*Tx{}, owner: map[TxKey]*Op{}}
	c.chains()
	c.match()
	c.wholeness()
	c.once()
	c.order()
	wallets := c.wallets()
	stocks := c.stocks()
	c.reads(wallets, stocks)
	c.refusals(wallets, stocks)
	return c.found
}
