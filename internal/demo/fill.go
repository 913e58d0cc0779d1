package demo

import (
	"context"
	"fmt"
	"time"

	"jishan/internal/auth"
	"jishan/internal/award"
	"jishan/internal/cal"
	"jishan/internal/db"
	"jishan/internal/ledger"
	"jishan/internal/outbox"
	"jishan/internal/party"
	"jishan/internal/people"
	"jishan/internal/redeem"
	"jishan/internal/rule"
	"jishan/internal/shop"
)

// World is the services the demo's life goes through, on a database whose clock is the Clock given to Fill.
type World struct {
	DB     *db.DB
	Auth   *auth.Service
	People *people.Service
	Rules  *rule.Service
	Shops  *shop.Service
	Party  *party.Service
	Awards *award.Service
	Redeem *redeem.Service
}

// Progress tells what is being done and how much of the whole is done, 0–1.
type Progress func(what string, share float64)

// filler is a demo being made.
type filler struct {
	w        World
	clock    *Clock
	progress Progress
	guide    Guide
	percent  int
	first    cal.Day // of the history
	county   people.Region
	township people.Region
	places   []*place
	markets  []*market
}

// Extent is how much of the demo is made. Tests make less.
type Extent struct {
	Until   time.Time // the end of the history
	Months  int       // whole months before that of Until; 0 is 12
	Percent int       // of the households; 0 is 100
}

// Fill makes the whole demo in an empty, migrated database. The same day and extent give the same names, choices and amounts.
func Fill(ctx context.Context, w World, clock *Clock, e Extent, progress Progress) (Guide, error) {
	if progress == nil {
		progress = func(string, float64) {}
	}
	if e.Months == 0 {
		e.Months = 12
	}
	if e.Percent == 0 {
		e.Percent = 100
	}
	today := cal.DayOf(e.Until)
	first := today.Month().Add(-e.Months).First()
	f := &filler{w: w, clock: clock, progress: progress, percent: e.Percent, first: first}
	f.clock.forward(first.Add(-1).Time().Add(9 * time.Hour))
	for _, step := range []struct {
		name  string
		share float64
		do    func(context.Context) error
	}{
		{"建立县、镇、村", 0.01, f.regions},
		{"登记户册", 0.09, f.households},
		{"整理户册", 0.10, f.homes},
		{"划分网格", 0.105, f.grids},
		{"通过积分细则", 0.11, func(ctx context.Context) error { return f.books(ctx, first) }},
		{"登记党支部和党员", 0.12, f.party},
		{"商户上架商品", 0.13, f.shops},
		{"开通账号", 0.14, f.users},
		{"办理户卡", 0.15, f.cards},
		{"积分往来", 0.98, func(ctx context.Context) error { return f.history(ctx, first, today, e.Until) }},
		{"准备体验账号", 0.99, f.finish},
		{"收尾", 1, f.forgetNews},
	} {
		if err := step.do(ctx); err != nil {
			return Guide{}, fmt.Errorf("demo: %w", err)
		}
		progress(step.name, step.share)
	}
	return f.guide, nil
}

// forgetNews clears the year's news for the boards: whoever serves the demo fills its boards from the scores first, and would
// then look at every household of the year once more.
func (f *filler) forgetNews(ctx context.Context) error {
	for {
		left := false
		err := f.w.DB.Tx(ctx, func(tx db.Tx) error {
			events, err := outbox.Take(tx, ledger.Topic, 0, 500)
			if err != nil {
				return err
			}
			left = len(events) > 0
			_, err = outbox.Delete(tx, outbox.IDs(events))
			return err
		})
		if err != nil || !left {
			return err
		}
	}
}
