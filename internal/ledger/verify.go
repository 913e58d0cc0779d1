package ledger

import (
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
	Transactions int64
	Entries      int64
	Seals        int64
	Unsealed     int64     // transactions that no seal covers yet
	Findings     []Finding // in order; at most maxFindings
}

const maxFindings = 100

// Mark is what a verification has recomputed of a book up to one of its seals: a later one may go on from there.
type Mark struct {
	Book     id.ID
	Day      cal.Day  // of the seal
	Seal     [32]byte // its hash
	Number   int64    // the last transaction it covers
	Head     [32]byte // that one's hash
	Balances map[id.ID]points.Amount
	Lots     map[id.ID]map[cal.Day]points.Amount
	Scores   []MarkedScore
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
	number   int64
	hash     [32]byte
	buf      []byte

	day         tally
	sealed      DaySeal   // the last seal passed
	ahead       []DaySeal // the seals not yet reached
	checkpoints []checkpoint
	mark        *Mark
}

// Books lists every book that any row of the ledger names.
func Books(tx db.Tx) (books []id.ID, err error) {
	q := "SELECT book_id FROM ledger_heads UNION SELECT book_id FROM ledger_txs UNION SELECT book_id FROM accounts UNION SELECT book_id FROM ledger_seals ORDER BY book_id"
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

// VerifyBook is Verify for one book. With from it goes on from that mark and trusts what lies before; a mark that the book's
// seals do not know is a finding. It answers a mark at the book's last seal, nil without seals.
func VerifyBook(tx db.Tx, book id.ID, from *Mark) (Report, *Mark, error) {
	report := Report{Books: 1}
	v := &verifier{tx: tx, book: book, report: &report, balances: map[id.ID]points.Amount{},
		lots: map[id.ID]map[cal.Day]points.Amount{}, scores: map[scoreKey]points.Amount{}}
	if err := v.begin(from); err != nil {
		return report, nil, err
	}
	for _, step := range []func() error{v.transactions, v.sealsEnd, v.head, v.accounts, v.expiring, v.scored} {
		if err := step(); err != nil {
			return report, nil, err
		}
	}
	return report, v.mark, nil
}

// Add adds another book's report.
func (r *Report) Add(o Report) {
	r.Books += o.Books
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
		v.transaction(t)
		return nil
	}, func(number int64) {
		v.report.Entries++
		v.find(number, "分录属于不存在的第 %d 号", number)
	})
}

func (v *verifier) transaction(t *Tx) {
	v.report.Transactions++
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
	v.number, v.hash = t.Number, t.Hash
	var total points.Amount
	for _, e := range t.Entries {
		total += e.Amount
		v.balances[e.Account] += e.Amount
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
	}
	v.checkpointed(t.Number)
	v.day.add(t)
	v.sealEnds(t)
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

func (v *verifier) accounts() error {
	var rows []accountRow
	if err := v.tx.Raw("SELECT "+accountColumns+" FROM accounts WHERE book_id = ? ORDER BY id", v.book).Scan(&rows).Error; err != nil {
		return fmt.Errorf("reading the accounts: %w", err)
	}
	known := map[id.ID]bool{}
	var total = map[Asset]points.Amount{}
	for _, r := range rows {
		known[r.ID] = true
		want := v.balances[r.ID]
		total[r.Asset] += want
		if r.Tracked == 0 {
			if r.Balance != 0 {
				v.find(0, "账户 %s（%s）不应记余额，却记着 %s", r.ID, r.ref().name(), r.Balance)
			}
			continue
		}
		if r.HeirID != 0 && want != 0 {
			v.find(0, "账户 %s（%s）已并入 %s，却还有 %s", r.ID, r.ref().name(), r.HeirID, want)
		}
		if r.Balance != want {
			v.find(0, "账户 %s（%s）的余额记为 %s，按账本应为 %s", r.ID, r.ref().name(), r.Balance, want)
		}
		if want < r.Floor {
			v.find(0, "账户 %s（%s）的余额 %s 低于下限 %s", r.ID, r.ref().name(), want, r.Floor)
		}
	}
	for _, a := range slices.Sorted(maps.Keys(v.balances)) {
		if !known[a] {
			v.find(0, "账本提到的账户 %s 不存在", a)
		}
	}
	for a, sum := range total {
		if sum != 0 {
			v.find(0, "账本的全部账户合计为 %s（资产 %d），应为 0", sum, a)
		}
	}
	return nil
}

func (r Ref) name() string {
	kind := map[AccountKind]string{KindWallet: "户钱包", KindParty: "党员积分", KindIssue: "发放", KindMerchant: "商户", KindSettled: "已结算", KindExpired: "已过期"}[r.Kind]
	if r.Owner == 0 {
		return kind
	}
	return kind + " " + r.Owner.String()
}

func (v *verifier) expiring() error {
	var rows []struct {
		AccountID id.ID
		ExpiryDay cal.Day
		Amount    points.Amount
	}
	q := "SELECT l.account_id, l.expiry_day, l.amount FROM lots l JOIN accounts a ON a.id = l.account_id WHERE a.book_id = ?"
	if err := v.tx.Raw(q, v.book).Scan(&rows).Error; err != nil {
		return fmt.Errorf("reading the lots: %w", err)
	}
	for _, r := range rows {
		if want := v.lots[r.AccountID][r.ExpiryDay]; want != r.Amount {
			v.find(0, "账户 %s 在 %s 到期的积分记为 %s，按账本应为 %s", r.AccountID, r.ExpiryDay, r.Amount, want)
		}
		delete(v.lots[r.AccountID], r.ExpiryDay)
	}
	for a, left := range v.lots {
		for day, amount := range left {
			if amount != 0 {
				v.find(0, "账户 %s 在 %s 到期的积分 %s 没有记录", a, day, amount)
			}
		}
	}
	return nil
}

func (v *verifier) scored() error {
	var rows []struct {
		OwnerID   id.ID
		Asset     Asset
		Month     cal.Month
		VillageID id.ID
		Kind      ScoreKind
		Points    points.Amount
	}
	if err := v.tx.Raw("SELECT owner_id, asset, month, village_id, kind, points FROM scores WHERE village_id = ?", v.book).Scan(&rows).Error; err != nil {
		return fmt.Errorf("reading the scores: %w", err)
	}
	for _, r := range rows {
		k := scoreKey{r.OwnerID, r.Asset, r.Month, r.VillageID, r.Kind}
		if want := v.scores[k]; want != r.Points {
			v.find(0, "%s 在 %s 的累计积分记为 %s，按账本应为 %s", r.OwnerID, r.Month, r.Points, want)
		}
		delete(v.scores, k)
	}
	for k, p := range v.scores {
		if p != 0 {
			v.find(0, "%s 在 %s 的累计积分 %s 没有记录", k.owner, k.month, p)
		}
	}
	return nil
}
