// Package growth makes databases as they are after years: a roster at once
// (Settle) and a history of the villages' books behind it (Fill), for
// benchmarks and for tests that must see large tables. Only tests import it.
//
// It owns no tables. Points are moved by package ledger itself, in its batches:
// numbers, hashes, balances, lots, scores and seals are what the program would
// have written, and `jishan verify` finds nothing. What other packages keep
// beside a transaction (awards, redemptions, stock, answers, the audit log) is
// written in the same transaction, by their own functions where these take
// rows.
//
//	houses, err := growth.Settle(ctx, d, village, 300)
//	counts, err := growth.Fill(ctx, d, growth.Plan{Villages: list, From: 20231127, To: 20261123, Rows: 10_000_000})
package growth

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rule"
)

// House is a household with its head.
type House struct{ ID, Head id.ID }

// Village is a village with a history to get.
type Village struct {
	ID       id.ID
	Houses   []House
	Officer  id.ID // who awards
	Merchant id.ID // where points are redeemed; of this village alone
	Product  id.ID // what they are redeemed for, with stock enough
}

// Plan is the history wanted: a meeting every seven days, at which households and persons get points, lose some and have
// some taken back, and between the meetings redemptions and refunds; points expire after twelve months.
type Plan struct {
	Villages []Village
	House    rule.Rule // for households, positive
	Person   rule.Rule // for persons, positive
	Deduct   rule.Rule // for households, negative
	Price    points.Amount
	From, To cal.Day // of the first meeting, and a day that none is after
	Rows     int     // transactions and entries of the ledger, more or less
	Workers  int     // villages filled at the same time; SQLite has one writer
}

// Counts are the rows written.
type Counts struct{ Transactions, Entries, Awards, Redemptions, Seals int64 }

// Settle enters n households of two persons each, and answers the households.
func Settle(ctx context.Context, d *db.DB, village id.ID, n int) ([]House, error) {
	out := make([]House, n)
	for i := range out {
		out[i] = House{id.New(), id.New()}
	}
	codes, err := freeCodes(ctx, d, n)
	if err != nil {
		return nil, err
	}
	name := func(i int) string { return surnames[i%len(surnames)] + given[i/len(surnames)%len(given)] }
	err = d.Tx(ctx, func(tx db.Tx) error {
		cols := []string{"id", "village_id", "group_id", "code", "head_id", "head_name", "pinyin", "initials", "address", "state", "created_at", "updated_at"}
		err := db.Insert(tx, "households", cols, n, func(i int, args []any) []any {
			return append(args, int64(out[i].ID), int64(village), 0, codes[i], int64(out[i].Head), name(i), people.Pinyin(name(i)), people.Initials(name(i)),
				fmt.Sprintf("%d号", i+1), people.HouseholdHere, tx.Millis(), tx.Millis())
		})
		if err != nil {
			return err
		}
		cols = []string{"id", "village_id", "household_id", "name", "pinyin", "initials", "relation", "gender", "birth", "phone_tail", "state", "created_at", "updated_at"}
		return db.Insert(tx, "villagers", cols, 2*n, func(i int, args []any) []any {
			house, key, who, relation := out[i/2], out[i/2].Head, name(i/2), "户主"
			if i%2 == 1 {
				key, who, relation = id.New(), name(i*7+3), "配偶"
			}
			return append(args, int64(key), int64(village), int64(house.ID), who, people.Pinyin(who), people.Initials(who), relation, 1+i%2, 19700101, fmt.Sprintf("%04d", i%10_000),
				people.VillagerHere, tx.Millis(), tx.Millis())
		})
	})
	if err != nil {
		return nil, fmt.Errorf("settling a village: %w", err)
	}
	return out, nil
}

// freeCodes are n codes that no household has: among as many as a county has, two are sometimes drawn alike.
func freeCodes(ctx context.Context, d *db.DB, n int) ([]string, error) {
	var out []string
	err := d.Read(ctx, func(tx db.Tx) error {
		out = nil
		for len(out) < n {
			drawn := map[string]bool{}
			for len(out)+len(drawn) < n {
				if c := people.NewHouseCode(); !slices.Contains(out, c) {
					drawn[c] = true
				}
			}
			var taken []string
			if err := tx.Raw("SELECT code FROM households WHERE code IN ?", slices.Collect(maps.Keys(drawn))).Scan(&taken).Error; err != nil {
				return err
			}
			for _, c := range taken {
				delete(drawn, c)
			}
			out = slices.AppendSeq(out, maps.Keys(drawn))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("drawing codes for households: %w", err)
	}
	return out, nil
}

var (
	surnames = []string{"王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "林", "郭", "何", "高"}
	given    = []string{"秀英", "桂兰", "建国", "志强", "玉梅", "海燕", "德明", "小平", "文华", "春生", "国庆", "丽萍", "大山", "长福", "金凤", "水生", "晓东"}
)

// Fill writes the history, then the seals and checkpoints that the program would have made meanwhile. Villages must have no
// ledger yet; nobody else may be writing.
func Fill(ctx context.Context, d *db.DB, p Plan) (Counts, error) {
	var counts tallies
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, p.Workers))
	for i := range p.Villages {
		g.Go(func() error {
			w := newWriter(&p, i, &counts)
			return w.fill(gctx, d)
		})
	}
	if err := g.Wait(); err != nil {
		return Counts{}, fmt.Errorf("filling: %w", err)
	}
	// The boards are built from the scores when the program starts; the news about each batch is of no use any more.
	if err := d.Tx(ctx, func(tx db.Tx) error { return tx.Exec("DELETE FROM outbox WHERE id > 0").Error }); err != nil {
		return Counts{}, fmt.Errorf("emptying the outbox: %w", err)
	}
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(max(1, p.Workers))
	for _, v := range p.Villages {
		g.Go(func() error {
			n, err := seal(gctx, d, v.ID)
			counts.seals.Add(int64(n))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return Counts{}, fmt.Errorf("sealing: %w", err)
	}
	return counts.read(), nil
}

func seal(ctx context.Context, d *db.DB, village id.ID) (n int, err error) {
	var seals []ledger.DaySeal
	err = d.Read(ctx, func(tx db.Tx) (err error) {
		seals, err = ledger.DueSeals(tx, village)
		return err
	})
	if err != nil {
		return 0, err
	}
	err = d.Tx(ctx, func(tx db.Tx) error {
		if _, err := ledger.KeepSeals(tx, seals); err != nil {
			return err
		}
		return ledger.Checkpoint(tx, village)
	})
	return len(seals), err
}

type tallies struct{ transactions, entries, awards, redemptions, seals atomic.Int64 }

func (c *tallies) read() Counts {
	return Counts{c.transactions.Load(), c.entries.Load(), c.awards.Load(), c.redemptions.Load(), c.seals.Load()}
}
