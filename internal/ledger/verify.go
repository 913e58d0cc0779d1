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
	Findings     []Finding // in order; at most maxFindings
}

const maxFindings = 100

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
}

// Verify recomputes every invariant of the package from the raw rows: numbers, hashes, sums, running and final balances, lots
// and scores. Give it a snapshot (db.Read), so that what is booked meanwhile does not disturb.
func Verify(tx db.Tx) (Report, error) {
	var report Report
	var books []id.ID
	q := "SELECT book_id FROM ledger_heads UNION SELECT book_id FROM ledger_txs UNION SELECT book_id FROM accounts ORDER BY book_id"
	if err := tx.Raw(q).Scan(&books).Error; err != nil {
		return report, fmt.Errorf("listing the books: %w", err)
	}
	for _, book := range books {
		v := &verifier{tx: tx, book: book, report: &report, balances: map[id.ID]points.Amount{},
			lots: map[id.ID]map[cal.Day]points.Amount{}, scores: map[scoreKey]points.Amount{}}
		for _, step := range []func() error{v.transactions, v.strays, v.head, v.accounts, v.expiring, v.scored} {
			if err := step(); err != nil {
				return report, err
			}
		}
		report.Books++
	}
	return report, nil
}

func (v *verifier) find(number int64, format string, args ...any) {
	if len(v.report.Findings) < maxFindings {
		v.report.Findings = append(v.report.Findings, Finding{v.book, number, fmt.Sprintf(format, args...)})
	}
}

// transactions walks the chain in pieces.
func (v *verifier) transactions() error {
	const piece = 2000
	for {
		var txs []txRow
		if err := v.tx.Raw("SELECT "+txColumns+" FROM ledger_txs WHERE book_id = ? AND number > ? ORDER BY number LIMIT ?", v.book, v.number, piece).Scan(&txs).Error; err != nil {
			return fmt.Errorf("reading the chain: %w", err)
		}
		if len(txs) == 0 {
			return nil
		}
		last := txs[len(txs)-1].Number
		var entries []entryRow
		q := "SELECT book_id, number, line, account_id, amount, lot, balance FROM ledger_entries WHERE book_id = ? AND number > ? AND number <= ? ORDER BY number, line"
		if err := v.tx.Raw(q, v.book, v.number, last).Scan(&entries).Error; err != nil {
			return fmt.Errorf("reading the chain's entries: %w", err)
		}
		v.report.Entries += int64(len(entries))
		for _, row := range txs {
			t := row.tx()
			for len(entries) > 0 && entries[0].Number < t.Number {
				v.find(entries[0].Number, "分录属于不存在的第 %d 号", entries[0].Number)
				entries = entries[1:]
			}
			for len(entries) > 0 && entries[0].Number == t.Number {
				t.Entries = append(t.Entries, entries[0].entry())
				entries = entries[1:]
			}
			v.transaction(&t)
		}
	}
}

func (v *verifier) transaction(t *Tx) {
	v.report.Transactions++
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
}

// strays finds entries without a transaction behind the end of the chain.
func (v *verifier) strays() error {
	var numbers []int64
	if err := v.tx.Raw("SELECT DISTINCT number FROM ledger_entries WHERE book_id = ? AND number > ? ORDER BY number LIMIT 10", v.book, v.number).Scan(&numbers).Error; err != nil {
		return fmt.Errorf("looking for stray entries: %w", err)
	}
	for _, n := range numbers {
		v.find(n, "分录属于不存在的第 %d 号", n)
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
	return v.checkpoints()
}

func (v *verifier) checkpoints() error {
	var rows []struct {
		AccountID id.ID
		Number    int64
		Balance   points.Amount
		Sum       points.Amount
	}
	q := `SELECT c.account_id, c.number, c.balance, (SELECT COALESCE(SUM(e.amount), 0) FROM ledger_entries e WHERE e.account_id = c.account_id AND e.number <= c.number) AS sum
		FROM ledger_checkpoints c JOIN accounts a ON a.id = c.account_id WHERE a.book_id = ?`
	if err := v.tx.Raw(q, v.book).Scan(&rows).Error; err != nil {
		return fmt.Errorf("reading the checkpoints: %w", err)
	}
	for _, r := range rows {
		if r.Balance != r.Sum {
			v.find(r.Number, "账户 %s 到第 %d 号的结存记为 %s，按账本应为 %s", r.AccountID, r.Number, r.Balance, r.Sum)
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
