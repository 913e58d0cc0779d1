package ledger_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/points"
	"jishan/internal/testkit"
)

func prove(d *db.DB, book id.ID, number int64) (p ledger.Proof, err error) {
	err = d.Read(context.Background(), func(tx db.Tx) (err error) {
		p, err = ledger.Prove(tx, ledger.Key{Book: book, Number: number})
		return err
	})
	return p, err
}

// climbs reports whether the document leads from its transaction to the root that its seal names, by the description in
// docs/ledger-format.md alone.
func climbs(t require.TestingT, p ledger.ProofDocument) bool {
	field := func(text, name string) (value string) {
		for line := range strings.Lines(text) {
			if v, ok := strings.CutPrefix(line, name+" "); ok {
				value = strings.TrimSuffix(v, "\n")
			}
		}
		return value
	}
	sum := func(parts ...[]byte) []byte {
		h := sha256.New()
		for _, b := range parts {
			h.Write(b)
		}
		return h.Sum(nil)
	}
	raw := func(text string) []byte {
		b, err := hex.DecodeString(text)
		require.NoError(t, err)
		return b
	}
	var first, last int64
	_, err := fmt.Sscan(field(p.Seal.Text, "first")+" "+field(p.Seal.Text, "number"), &first, &last)
	require.NoError(t, err)
	if hex.EncodeToString(sum([]byte(p.Seal.Text))) != p.Seal.Hash || p.Text != "" && hex.EncodeToString(sum([]byte(p.Text))) != p.Hash ||
		p.Private != "" && hex.EncodeToString(sum([]byte(p.Private))) != field(p.Text, "private") {
		return false
	}
	node, i, end := sum([]byte{0}, raw(p.Hash)), p.Number-first, last-first
	for _, sister := range p.Path {
		if i%2 == 1 || i == end {
			node = sum([]byte{1}, raw(sister), node)
			for i%2 == 0 && i != 0 {
				i, end = i/2, end/2
			}
		} else {
			node = sum([]byte{1}, node, raw(sister))
		}
		i, end = i/2, end/2
	}
	return end == 0 && hex.EncodeToString(node) == field(p.Seal.Text, "root")
}

// Days of one to nine transactions have trees of every shape.
func TestEveryTransactionOfADayIsProven(t *testing.T) {
	clock := testkit.NewClock(t, "2026-11-01 10:00")
	d := testkit.DBAt(t, clock)
	v, h, m := id.New(), id.New(), id.New()
	var number int64
	for day := 1; day <= 9; day++ {
		for range day {
			_, err := post(d, grant(v, h, points.Whole(3), 20271231))
			require.NoError(t, err)
			number++
		}
		clock.Add(24 * time.Hour)
	}
	_, err := post(d, redeem(v, h, m, points.Whole(4)))
	require.NoError(t, err)
	seal(t, d, v)
	for n := int64(1); n <= number; n++ {
		p, err := prove(d, v, n)
		require.NoError(t, err)
		require.Equal(t, n, p.Tx.Number)
		for _, whole := range []bool{true, false} {
			require.True(t, climbs(t, p.Document(whole)), "%d", n)
		}
	}
	_, err = prove(d, v, number+1)
	require.ErrorIs(t, err, ledger.ErrUnsealed)
	_, err = prove(d, v, number+2)
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = prove(d, id.New(), 1)
	require.ErrorIs(t, err, errs.ErrNotFound)

	p, err := prove(d, v, 30)
	require.NoError(t, err)
	doc := p.Document(true)
	for name, change := range map[string]func(*ledger.ProofDocument){
		"amount":  func(p *ledger.ProofDocument) { p.Text = strings.Replace(p.Text, "moved 300", "moved 400", 1) },
		"reason":  func(p *ledger.ProofDocument) { p.Private = strings.Replace(p.Private, "reason \"", "reason \"x", 1) },
		"path":    func(p *ledger.ProofDocument) { p.Path = append([]string{p.Hash}, p.Path[1:]...) },
		"shorter": func(p *ledger.ProofDocument) { p.Path = p.Path[1:] },
		"sums":    func(p *ledger.ProofDocument) { p.Seal.Text = strings.Replace(p.Seal.Text, "score ", "score 1", 1) },
		"number":  func(p *ledger.ProofDocument) { p.Number++ },
	} {
		changed := doc
		change(&changed)
		require.False(t, climbs(t, changed), name)
	}
}

// What anyone gets names neither whom a transaction belongs to nor why, and of a party score not even how much.
func TestTheOpenProofNamesNobody(t *testing.T) {
	clock := testkit.NewClock(t, "2026-11-01 10:00")
	d := testkit.DBAt(t, clock)
	v, h := id.New(), id.New()
	g := grant(v, h, points.Whole(3), 0)
	g.Reason = "拾金不昧张建国"
	_, err := post(d, g)
	require.NoError(t, err)
	party := ledger.Posting{Book: v, Kind: ledger.Award, Asset: ledger.PartyScore, From: ledger.Issue(v, ledger.PartyScore), To: ledger.Party(v, h), Member: h,
		Amount: points.Whole(5), Score: points.Whole(5), Day: g.Day, Month: g.Month, Reason: "主题党日"}
	_, err = post(d, party)
	require.NoError(t, err)
	clock.Add(48 * time.Hour)
	seal(t, d, v)
	p, err := prove(d, v, 1)
	require.NoError(t, err)
	whole, open := p.Document(true), p.Document(false)
	require.Contains(t, whole.Private, "张建国")
	require.Contains(t, whole.Private, h.String())
	require.Empty(t, open.Private)
	require.Equal(t, whole.Text, open.Text)
	for _, secret := range []string{"张建国", h.String(), p.Tx.Entries[0].Account.String(), p.Tx.Entries[1].Account.String()} {
		require.NotContains(t, open.Text, secret)
	}
	require.Contains(t, open.Text, "\nmoved 300\n")
	p, err = prove(d, v, 2)
	require.NoError(t, err)
	require.Empty(t, p.Document(false).Text)
	require.True(t, climbs(t, p.Document(false)))
}

// A transaction of a day whose rows no longer agree with the seal is not vouched for.
func TestWhatDisagreesWithItsSealIsNotProven(t *testing.T) {
	for name, sql := range map[string]string{
		"itself":    "UPDATE ledger_txs SET score = score + 100 WHERE number = 2",
		"reason":    "UPDATE ledger_txs SET reason = 'x' WHERE number = 2",
		"entry":     "UPDATE ledger_entries SET amount = amount * 2 WHERE number = 2",
		"neighbour": "DELETE FROM ledger_txs WHERE number = 3",
		"root":      "UPDATE ledger_seals SET root = prev_hash",
	} {
		t.Run(name, func(t *testing.T) {
			clock := testkit.NewClock(t, "2026-11-23 10:00")
			d := testkit.DBAt(t, clock)
			v, h := id.New(), id.New()
			for range 3 {
				_, err := post(d, grant(v, h, points.Whole(1), 0))
				require.NoError(t, err)
			}
			clock.Add(48 * time.Hour)
			seal(t, d, v)
			_, err := prove(d, v, 2)
			require.NoError(t, err)
			testkit.Tamper(t, d, sql)
			_, err = prove(d, v, 2)
			require.ErrorIs(t, err, ledger.ErrUnproven)
		})
	}
}
