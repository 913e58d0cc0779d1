package board

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/ledger"
	"jishan/internal/outbox"
)

// take is the number of events handled together. Each names the owners of one commit.
const take = 200

// news is what a portion of events amounts to.
type news struct {
	touched  map[Subject][]id.ID
	villages []id.ID // to be compared as a whole: households have come, gone or moved
	bad      []id.ID // events that cannot be read
}

// read sums events up, every subject once. An event of a village without owners asks for the whole village.
func read(events []outbox.Event) news {
	out := news{touched: map[Subject][]id.ID{}}
	type owner struct {
		subject Subject
		id      id.ID
	}
	owners, villages := map[owner]struct{}{}, map[id.ID]struct{}{}
	for _, e := range events {
		var c ledger.Changed
		if json.Unmarshal(e.Payload, &c) != nil {
			out.bad = append(out.bad, e.ID)
			continue
		}
		if len(c.Owners) == 0 && c.Village != 0 {
			villages[c.Village] = struct{}{}
		}
		for _, o := range c.Owners {
			subject, known := ofKind[o.Kind]
			// A village's party scores are on no board.
			if known && !(subject == Village && c.Asset != ledger.Points) {
				owners[owner{subject, o.ID}] = struct{}{}
			}
		}
	}
	for o := range owners {
		out.touched[o.subject] = append(out.touched[o.subject], o.id)
	}
	out.villages = slices.Sorted(maps.Keys(villages))
	return out
}

// relay handles all news that waits: it reads the present scores of those concerned, which include what the news is about,
// writes them, and only then deletes the news. Whatever fails is found again next time.
func (s *Service) relay(ctx context.Context) error {
	var after id.ID
	for {
		var events []outbox.Event
		err := s.db.Read(ctx, func(tx db.Tx) (err error) {
			events, err = outbox.Take(tx, ledger.Topic, after, take)
			return err
		})
		if err != nil || len(events) == 0 {
			return err
		}
		after = events[len(events)-1].ID
		n := read(events)
		if len(n.bad) > 0 {
			// The sets are mended by comparison anyway; kept, the event would be met for ever.
			s.o.Log.Error("boards: news that cannot be read is dropped", "events", n.bad)
		}
		for subject, ids := range n.touched {
			if _, err := s.push(ctx, subject, ids, false); err != nil {
				return err
			}
		}
		for _, v := range n.villages {
			if err := s.reconcile(ctx, v); err != nil {
				return err
			}
		}
		err = s.db.Tx(ctx, func(tx db.Tx) error {
			deleted, err := outbox.Delete(tx, outbox.IDs(events))
			if err != nil || deleted == len(events) {
				return err
			}
			// Somebody else has handled some of them at the same time, perhaps with newer scores that ours have overwritten.
			return writeNews(tx, n.touched)
		})
		if err != nil {
			return err
		}
		s.relayed.Add(int64(len(events)))
		if len(events) < take {
			return nil
		}
	}
}
