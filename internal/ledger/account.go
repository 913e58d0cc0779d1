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
	created int64
	lots    []lot // expiring points, oldest first
	isNew   bool
	touched bool
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
}

func (r accountRow) ref() Ref { return Ref{r.BookID, r.Asset, r.Kind, r.OwnerID} }

const accountColumns = "id, book_id, asset, kind, owner_id, tracked, balance, floor, created_at"

// chunk bounds the IN lists, to stay below the databases' limits on placeholders.
const chunk = 1000

// loadAccounts reads the accounts that exist among refs. With lock it holds them until the end of the transaction; rows are
// locked in the order of the index accounts_owner, the same in every transaction.
func loadAccounts(tx db.Tx, refs []Ref, lock bool) (map[Ref]accountRow, error) {
	want := map[Ref]bool{}
	var owners, books []id.ID
	for _, r := range refs {
		if !want[r] {
			want[r] = true
			owners = append(owners, r.Owner)
			books = append(books, r.Book)
		}
	}
	owners, books = unique(owners), unique(books)
	index, suffix := "", ""
	if tx.Dialect == db.MySQL {
		index = " FORCE INDEX (accounts_owner)"
	}
	if lock {
		suffix = tx.ForUpdate()
	}
	out := make(map[Ref]accountRow, len(want))
	for part := range slices.Chunk(owners, chunk) {
		var rows []accountRow
		q := "SELECT " + accountColumns + " FROM accounts" + index + " WHERE owner_id IN ? AND book_id IN ? ORDER BY owner_id, book_id, asset, kind" + suffix
		if err := tx.Raw(q, part, books).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("reading accounts: %w", err)
		}
		for _, r := range rows {
			if want[r.ref()] {
				out[r.ref()] = r
			}
		}
	}
	return out, nil
}

func unique(ids []id.ID) []id.ID {
	slices.Sort(ids)
	return slices.Compact(ids)
}

func loadLots(tx db.Tx, accounts []id.ID) (map[id.ID][]lot, error) {
	out := map[id.ID][]lot{}
	for part := range slices.Chunk(accounts, chunk) {
		var rows []struct {
			AccountID id.ID
			ExpiryDay cal.Day
			Amount    points.Amount
		}
		if err := tx.Raw("SELECT account_id, expiry_day, amount FROM lots WHERE account_id IN ? AND amount > 0 ORDER BY account_id, expiry_day", part).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("reading lots: %w", err)
		}
		for _, r := range rows {
			out[r.AccountID] = append(out[r.AccountID], lot{day: r.ExpiryDay, amount: r.Amount})
		}
	}
	return out, nil
}

// Balances are the balances of tracked accounts as committed; an account that does not exist yet has none in the map and reads as zero.
func Balances(tx db.Tx, refs ...Ref) (map[Ref]points.Amount, error) {
	rows, err := loadAccounts(tx, refs, false)
	if err != nil {
		return nil, err
	}
	out := make(map[Ref]points.Amount, len(rows))
	for ref, r := range rows {
		out[ref] = r.Balance
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
	rows, err := loadAccounts(tx, []Ref{ref}, false)
	if err != nil {
		return nil, err
	}
	lots, err := loadLots(tx, []id.ID{rows[ref].ID})
	if err != nil {
		return nil, err
	}
	var out []Lot
	for _, l := range lots[rows[ref].ID] {
		out = append(out, Lot{l.day, l.amount})
	}
	return out, nil
}
