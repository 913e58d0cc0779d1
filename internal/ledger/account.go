package ledger

import (
	"fmt"
	"slices"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/points"
)

// Asset is what an account holds.
type Asset uint8

// The assets.
const (
	Points     Asset = 1 // spendable village points
	PartyScore Asset = 2 // assessment only, never spendable
)

// AccountKind is the part an account plays in a book.
type AccountKind uint8

// The kinds of account. Wallets and party accounts are tracked: they keep a running balance and are locked to move.
// The others keep none, or every award would wait for one row; their balance is the sum of their entries.
const (
	KindWallet   AccountKind = 1
	KindParty    AccountKind = 2
	KindIssue    AccountKind = 3 // where awarded points come from
	KindMerchant AccountKind = 4 // points a merchant has taken in and not yet settled
	KindSettled  AccountKind = 5
	KindExpired  AccountKind = 6
)

func (k AccountKind) tracked() bool { return k == KindWallet || k == KindParty }

// Ref names an account by what it is for; it comes into being when first locked or posted to.
type Ref struct {
	Book  id.ID // the village
	Asset Asset
	Kind  AccountKind
	Owner id.ID // household, party member or merchant; zero for the village itself
}

// Wallet is a household's spendable points.
func Wallet(village, household id.ID) Ref { return Ref{village, Points, KindWallet, household} }

// Party is a member's party score.
func Party(village, member id.ID) Ref { return Ref{village, PartyScore, KindParty, member} }

// Issue is the account awards of the asset come from.
func Issue(village id.ID, asset Asset) Ref { return Ref{village, asset, KindIssue, 0} }

// Merchant is what a merchant has taken in from a village.
func Merchant(village, merchant id.ID) Ref { return Ref{village, Points, KindMerchant, merchant} }

// Expired is where points go that were not used in time.
func Expired(village id.ID) Ref { return Ref{village, Points, KindExpired, 0} }

// account is an account in the hands of a batch.
type account struct {
	id      id.ID
	ref     Ref
	balance points.Amount
	floor   points.Amount
	version int64
	created int64
	lots    []lot // expiring points, oldest first
	heir    id.ID // whose account has taken this one over; 0 while it is open
	passed  bool  // heir has changed
	isNew   bool
	touched bool
	lowered bool // floor has changed
}

type lot struct {
	day     cal.Day
	amount  points.Amount
	touched bool
}

// free is the part of the balance that never expires; negative when the account owes.
func (a *account) free() points.Amount {
	f := a.balance
	for _, l := range a.lots {
		f -= l.amount
	}
	return f
}

type accountRow struct {
	ID        id.ID
	BookID    id.ID
	Asset     Asset
	Kind      AccountKind
	OwnerID   id.ID
	Tracked   int
	Balance   points.Amount
	Floor     points.Amount
	CreatedAt int64
	HeirID    id.ID
}

func (r accountRow) ref() Ref { return Ref{r.BookID, r.Asset, r.Kind, r.OwnerID} }

const accountColumns = "id, book_id, asset, kind, owner_id, tracked, balance, floor, created_at, heir_id"

// chunk bounds the IN lists, to stay below the databases' limits on placeholders.
const chunk = 1000

// loadAccounts reads the accounts that exist among refs, with their lots. With lock it holds them until the end of the
// transaction; rows are locked in the order of the index accounts_owner, the same in every transaction, and lots only under
// their account's lock.
// also, if not nil, asks for what else is read in the same round trip, after them.
func loadAccounts(tx db.Tx, refs []Ref, lock bool, also func() error) (map[Ref]*account, error) {
	want := make(map[Ref]bool, len(refs))
	owners := make([]id.ID, 0, len(refs))
	var books []id.ID // of those whose owner is the village itself, which has accounts in one book, and all villages have the owner 0
	for _, r := range refs {
		switch {
		case want[r]:
		case r.Owner == 0:
			books = append(books, r.Book)
		default:
			owners = append(owners, r.Owner)
		}
		want[r] = true
	}
	owners, books = unique(owners), unique(books)
	suffix := ""
	if lock && locks {
		suffix = tx.ForUpdate()
	}
	q := "SELECT a.id, a.book_id, a.asset, a.kind, a.owner_id, a.balance, a.floor, a.version, a.created_at, a.heir_id, COALESCE(l.expiry_day, 0), COALESCE(l.amount, 0) FROM accounts a" + tx.By("accounts_owner") +
		" LEFT JOIN lots l ON l.account_id = a.id AND l.amount > 0" +
		" WHERE %s ORDER BY a.owner_id, a.book_id, a.asset, a.kind" + suffix
	// Both lists in one condition would be a range for every owner in every book: some hundreds of look-ups for a batch.
	own, villages := fmt.Sprintf(q, "a.owner_id IN ?"), fmt.Sprintf(q, "a.owner_id = 0 AND a.book_id IN ?")
	out := make(map[Ref]*account, len(want))
	each := func(rows db.Row) error {
		var a account
		var l lot
		err := rows.Scan(&a.id, &a.ref.Book, &a.ref.Asset, &a.ref.Kind, &a.ref.Owner, &a.balance, &a.floor, &a.version, &a.created, &a.heir, &l.day, &l.amount)
		if err != nil || !want[a.ref] {
			return err
		}
		known := out[a.ref]
		if known == nil {
			known = &a
			out[a.ref] = known
		}
		if l.amount > 0 {
			known.lots = append(known.lots, l)
		}
		return nil
	}
	for part := range slices.Chunk(books, chunk) {
		if err := db.Ask(tx, each, villages, db.ListOf(part)); err != nil {
			return nil, fmt.Errorf("reading accounts: %w", err)
		}
	}
	for part := range slices.Chunk(owners, chunk) {
		if err := db.Ask(tx, each, own, db.ListOf(part)); err != nil {
			return nil, fmt.Errorf("reading accounts: %w", err)
		}
	}
	if also != nil {
		if err := also(); err != nil {
			return nil, err
		}
	}
	if err := db.Answer(tx); err != nil {
		return nil, fmt.Errorf("reading accounts: %w", err)
	}
	for _, a := range out {
		slices.SortFunc(a.lots, func(x, y lot) int { return int(x.day) - int(y.day) })
	}
	return out, nil
}

func unique(ids []id.ID) []id.ID {
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Balances are the balances of tracked accounts as committed; an account that does not exist yet has none in the map and reads as zero.
func Balances(tx db.Tx, refs ...Ref) (map[Ref]points.Amount, error) {
	rows, err := loadAccounts(tx, refs, false, nil)
	if err != nil {
		return nil, err
	}
	out := make(map[Ref]points.Amount, len(rows))
	for ref, r := range rows {
		out[ref] = r.balance
	}
	return out, nil
}

// Lot is points of a wallet by the last day they are good.
type Lot struct {
	Expires cal.Day
	Amount  points.Amount
}

// Lots are the expiring points of a wallet, oldest first.
func Lots(tx db.Tx, ref Ref) ([]Lot, error) {
	rows, err := loadAccounts(tx, []Ref{ref}, false, nil)
	if err != nil || rows[ref] == nil {
		return nil, err
	}
	var out []Lot
	for _, l := range rows[ref].lots {
		out = append(out, Lot{l.day, l.amount})
	}
	return out, nil
}
