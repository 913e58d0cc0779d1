package board

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/outbox"
	"jishan/internal/people"
)

// Report is what Verify has found.
type Report struct {
	Boards      int      // compared
	Differences []string // Chinese, one line each; empty when every board equals the scores
	Away        string   // Chinese: why nothing was compared; empty when Redis answered
}

// Verify compares every board in Redis with the scores in the database, by another computation than the one that wrote it.
// A board that differs is looked at again until the relay has had its time, so that awards going on are no false alarm.
func (s *Service) Verify(ctx context.Context) (Report, error) {
	var out Report
	var all []people.Region
	err := s.db.Read(ctx, func(tx db.Tx) (err error) {
		all, err = people.AllRegions(tx)
		return err
	})
	if err != nil {
		return out, err
	}
	begin := time.Now()
	for _, r := range all {
		for _, subject := range Subjects(r.Kind) {
			var found []string
			for {
				if found, err = s.differences(ctx, r, subject); err != nil {
					if ctx.Err() == nil && errors.Is(err, errRedis) {
						return Report{Away: "Redis 连不上，积分榜没有核对；读榜暂由数据库直接计算，结果仍然正确"}, nil
					}
					return out, err
				}
				if len(found) == 0 || time.Since(begin) > s.o.Patience {
					break
				}
				select {
				case <-time.After(200 * time.Millisecond):
				case <-ctx.Done():
					return out, ctx.Err()
				}
			}
			out.Boards += windowSize
			out.Differences = append(out.Differences, found...)
		}
	}
	return out, nil
}

// Waiting is the number of events that the relay has not handled, and the age of the oldest.
func (s *Service) Waiting(ctx context.Context) (n int64, age time.Duration, err error) {
	err = s.db.Read(ctx, func(tx db.Tx) error {
		count, oldest, err := outbox.Waiting(tx, ledger.Topic)
		if n = count; err == nil && count > 0 {
			age = max(tx.Now.Sub(oldest), 0)
		}
		return err
	})
	return n, age, err
}

// differences compares the boards of one subject in a scope.
func (s *Service) differences(ctx context.Context, r people.Region, subject Subject) ([]string, error) {
	lost, err := s.unmarked(ctx, []id.ID{r.ID})
	if err != nil {
		return nil, err
	}
	if len(lost) > 0 {
		return []string{fmt.Sprintf("%s的积分榜在 Redis 中还没有建好", r.Name)}, nil
	}
	var w window
	var want [][]entry
	err = s.db.Read(ctx, func(tx db.Tx) (err error) {
		w = windowAt(tx.Now)
		want, err = rankings(tx, r, subject, w.periods[:])
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []string
	for i, p := range w.periods {
		zs, err := s.r.ZRevRangeWithScores(ctx, s.key(r.ID, subject, p), 0, -1).Result()
		if err != nil {
			return nil, redisError("reading a board to verify", err)
		}
		have := entries(zs)
		number(have, 0, 1)
		if text := difference(have, want[i]); text != "" {
			out = append(out, fmt.Sprintf("%s %s %s榜：%s", r.Name, p.Chinese(), subjectNames[subject], text))
		}
	}
	return out, nil
}

var subjectNames = map[Subject]string{Household: "家庭", Person: "个人", Member: "党员", Branch: "支部", Village: "村"}

// difference describes the first line in which two boards differ, and how many there are.
func difference(have, want []entry) string {
	if slices.Equal(have, want) {
		return ""
	}
	for i := range max(len(have), len(want)) {
		switch {
		case i >= len(have):
			return fmt.Sprintf("共 %d 行，应为 %d 行，缺 %s（%s 分）", len(have), len(want), want[i].id, want[i].score)
		case i >= len(want):
			return fmt.Sprintf("共 %d 行，应为 %d 行，多出 %s（%s 分）", len(have), len(want), have[i].id, have[i].score)
		case have[i] != want[i]:
			return fmt.Sprintf("第 %d 行是 %s（%s 分），应为 %s（%s 分）", i+1, have[i].id, have[i].score, want[i].id, want[i].score)
		}
	}
	return ""
}
