package demo

import (
	"context"
	"fmt"

	"jishan/internal/cal"
	"jishan/internal/id"
	"jishan/internal/party"
	"jishan/internal/points"
)

// stagesReached is how far the villages, in their order, have come with the evaluation of the last quarter; those after it have not
// begun. All have closed the quarters before.
var stagesReached = []party.State{party.Closed, party.Publicity, party.Review, party.SelfReport}

// evaluations evaluates a quarter's party members in the first week after it, and closes the evaluation in the second, when the days
// of publicity are over.
func (f *filler) evaluations(ctx context.Context, from, today cal.Day) error {
	q := from.Month().Quarter().Add(-1)
	first, _ := from.Month().Quarter().Months()
	for i, p := range f.places {
		upTo := party.Closed
		if q == today.Month().Quarter().Add(-1) {
			upTo = 0
			if i < len(stagesReached) {
				upTo = stagesReached[i]
			}
		}
		var err error
		switch {
		case from == first.First() && from > f.first:
			err = f.evaluate(ctx, p, q, upTo)
		case from == first.First().Add(7) && p.evaluation != 0 && upTo == party.Closed:
			_, err = f.w.Party.Close(ctx, p.officer, p.evaluation)
		}
		if err != nil {
			return fmt.Errorf("evaluating the members of %s for %s: %w", p.Name, q, err)
		}
	}
	return nil
}

// evaluate takes a quarter's evaluation to a stage, at most to its publicity.
func (f *filler) evaluate(ctx context.Context, p *place, q cal.Quarter, upTo party.State) error {
	if upTo == 0 {
		return nil
	}
	e, err := f.w.Party.Open(ctx, p.officer, p.branch, q)
	if err != nil {
		return err
	}
	p.evaluation = e.ID
	for i, m := range p.Members {
		if upTo == party.SelfReport && i%3 == 2 {
			continue // has not got round to it yet
		}
		report := party.NewReport{Member: m, Quarter: q, Text: "按时参加组织生活和义务劳动，联系户走访到位", Score: points.Whole(int64(82 + i*5%15))}
		if err := f.w.Party.Report(ctx, p.officer, report); err != nil {
			return err
		}
	}
	if upTo == party.SelfReport {
		return nil
	}
	if _, err := f.w.Party.BeginReview(ctx, p.officer, e.ID); err != nil {
		return err
	}
	if err := f.review(ctx, p, e.ID, q, upTo); err != nil || upTo == party.Review {
		return err
	}
	_, err = f.w.Party.Publish(ctx, p.officer, e.ID)
	return err
}

// review writes down the democratic review; where it is not over yet, of every other member.
func (f *filler) review(ctx context.Context, p *place, evaluation id.ID, q cal.Quarter, upTo party.State) error {
	_, last := q.Months()
	var scores []party.Score
	for i, m := range p.Members {
		if upTo > party.Review || i%2 == 0 {
			scores = append(scores, party.Score{Member: m, Score: points.Whole(int64(76 + i*7%22))})
		}
	}
	_, err := f.w.Party.Review(ctx, p.officer, evaluation, "支部党员大会", last.Last(), scores)
	return err
}
