// Package outbox carries what has changed out of a transaction to those who
// must hear of it: boards, notices.
//
// It owns the table outbox. A row is written in the transaction that makes the
// change, so the news exists exactly when the change does; whoever handles the
// news deletes the row afterwards. A handler that dies in between finds the
// row again.
//
//	err := outbox.Write(tx, "scores", payload)               // beside the change
//	events, err := outbox.Take(tx, "scores", 0, 500)         // later, elsewhere
//	n, err := outbox.Delete(tx, outbox.IDs(events))          // when handled
//
// Invariants: an event is delivered at least once and in no particular order,
// so a payload names what has changed and never by how much.
package outbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"jishan/internal/db"
	"jishan/internal/id"
)

// Event is one piece of news. Payload is JSON, as Write made it.
type Event struct {
	ID      id.ID
	Topic   string
	Payload []byte
	At      time.Time
}

type row struct {
	ID      id.ID  `gorm:"column:id"`
	Topic   string `gorm:"column:topic"`
	Payload []byte `gorm:"column:payload"`
	At      int64  `gorm:"column:at"`
}

// chunk keeps a statement's placeholders below what the databases take.
const chunk = 1000

// Write adds an event for each payload, as JSON. topic is ASCII, at most 32 bytes.
func Write[T any](tx db.Tx, topic string, payloads ...T) error {
	texts := make([]string, len(payloads))
	for i, p := range payloads {
		text, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("encoding an event of topic %s: %w", topic, err)
		}
		texts[i] = string(text)
	}
	return db.Insert(tx.Later(), "outbox", []string{"id", "topic", "payload", "at"}, len(texts), func(i int, args []any) []any {
		return append(args, id.New(), topic, texts[i], tx.Millis())
	})
}

// Take reads at most limit events of a topic with keys above after, in order of key. It does not remove them. Keys are
// random, so a reader goes round: from 0 upward until fewer than limit come back, and no event waits for ever.
func Take(tx db.Tx, topic string, after id.ID, limit int) ([]Event, error) {
	var rows []row
	const q = "SELECT id, topic, payload, at FROM outbox WHERE id > ? AND topic = ? ORDER BY id LIMIT ?"
	if err := tx.Raw(q, after, topic, limit).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading events of topic %s: %w", topic, err)
	}
	events := make([]Event, len(rows))
	for i, r := range rows {
		events[i] = Event{ID: r.ID, Topic: r.Topic, Payload: r.Payload, At: time.UnixMilli(r.At).UTC()}
	}
	return events, nil
}

// IDs are the keys of the events.
func IDs(events []Event) []id.ID {
	ids := make([]id.ID, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	return ids
}

// Delete removes handled events and says how many were still there: fewer than asked means that somebody else has handled
// some of them as well.
func Delete(tx db.Tx, ids []id.ID) (int, error) {
	sorted := slices.Clone(ids)
	slices.Sort(sorted) // the same lock order for everybody
	deleted := 0
	for part := range slices.Chunk(slices.Compact(sorted), chunk) {
		res := tx.Exec("DELETE FROM outbox WHERE id IN ?", part)
		if res.Error != nil {
			return 0, fmt.Errorf("deleting %d events: %w", len(part), res.Error)
		}
		deleted += int(res.RowsAffected)
	}
	return deleted, nil
}

// Waiting is the number of events of a topic not handled yet, and when the oldest was written (zero time when there are none).
func Waiting(tx db.Tx, topic string) (n int64, oldest time.Time, err error) {
	var r struct {
		N  int64 `gorm:"column:n"`
		At int64 `gorm:"column:at"`
	}
	const q = "SELECT COUNT(*) AS n, COALESCE(MIN(at), 0) AS at FROM outbox WHERE topic = ?"
	if err := tx.Raw(q, topic).Scan(&r).Error; err != nil {
		return 0, time.Time{}, fmt.Errorf("counting events of topic %s: %w", topic, err)
	}
	if r.N > 0 {
		oldest = time.UnixMilli(r.At).UTC()
	}
	return r.N, oldest, nil
}
