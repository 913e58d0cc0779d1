// Package audit keeps who did what.
//
// It owns the table audit_log, which is append-only: there is no function that
// changes or removes a row. An entry is written in the transaction of the action
// itself, so an action that was rolled back leaves none and one that was
// committed always has one.
//
//	err := audit.Write(tx, actor.Audit("award.grant", award.String(), village, "为李大山家加10分"))
//	page, err := audit.List(tx, audit.Filter{Villages: reach, From: monday}, audit.Cursor{}, 50)
//
// Invariants: a text that does not fit its column is shortened, never a reason
// to refuse the action; callers keep phone numbers, identity numbers, passwords
// and tokens out of Summary.
package audit

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"jishan/internal/db"
	"jishan/internal/id"
)

// Entry is one action as its author describes it.
type Entry struct {
	ActorID   id.ID // 0 for jobs and the command line
	ActorName string
	Action    string // ASCII, "award.grant"
	Target    string // ASCII, usually the key of what was changed
	Summary   string // Chinese, one sentence
	Village   id.ID  // the village concerned, or the township or county; 0 where there is none
	RequestID string
	Address   string
}

// Record is an entry as it was kept.
type Record struct {
	Entry
	ID id.ID
	At time.Time // UTC
}

// Cursor is a place in the log: everything that List returns lies before it. The zero cursor is the end.
type Cursor struct {
	At int64 // UTC milliseconds
	ID id.ID
}

// Cursor is the place of this record; give it to List for the next page.
func (r Record) Cursor() Cursor { return Cursor{At: r.At.UnixMilli(), ID: r.ID} }

// Filter says which records are wanted. Without Anywhere and without Villages there are none: whoever forgets to bound a
// query by the actor's reach sees nothing instead of everything.
type Filter struct {
	Anywhere bool    // no bound by region
	Villages []id.ID // regions that Entry.Village must be one of; with Anywhere and not empty it narrows
	Actor    id.ID   // 0 everybody
	Action   string  // "" all; otherwise this action or those below it: "award" has "award.grant"
	From, To time.Time
}

// Widths of the columns, in characters.
const (
	widthName    = 64
	widthAction  = 64
	widthTarget  = 80
	widthSummary = 500
	widthRequest = 64
	widthAddress = 64
)

var columns = []string{"id", "at", "actor_id", "actor_name", "action", "village_id", "target", "summary", "request_id", "address"}

// Write adds entries, stamped with the transaction's time.
func Write(tx db.Tx, entries ...Entry) error {
	return db.Insert(tx.Later(), "audit_log", columns, len(entries), func(i int, args []any) []any {
		e := entries[i]
		return append(args, int64(id.New()), tx.Millis(), int64(e.ActorID), text(e.ActorName, widthName), ascii(e.Action, widthAction), int64(e.Village),
			ascii(e.Target, widthTarget), text(e.Summary, widthSummary), ascii(e.RequestID, widthRequest), ascii(e.Address, widthAddress))
	})
}

// List returns at most limit records before the cursor, latest first. From is inclusive, To exclusive; zero times do not bound.
func List(tx db.Tx, f Filter, before Cursor, limit int) ([]Record, error) {
	if !f.Anywhere && len(f.Villages) == 0 || limit <= 0 {
		return nil, nil
	}
	where := []string{"1 = 1"}
	var args []any
	add := func(cond string, a ...any) {
		where = append(where, cond)
		args = append(args, a...)
	}
	if len(f.Villages) > 0 {
		add("village_id IN ?", f.Villages)
	}
	if f.Actor != 0 {
		add("actor_id = ?", f.Actor)
	}
	if f.Action != "" {
		add("(action = ? OR action >= ? AND action < ?)", f.Action, f.Action+".", f.Action+"/") // '/' follows '.' in ASCII
	}
	if !f.From.IsZero() {
		add("at >= ?", f.From.UnixMilli())
	}
	if !f.To.IsZero() {
		add("at < ?", f.To.UnixMilli())
	}
	if before != (Cursor{}) {
		add("(at < ? OR at = ? AND id < ?)", before.At, before.At, before.ID)
	}
	var rows []struct {
		ID        id.ID  `gorm:"column:id"`
		At        int64  `gorm:"column:at"`
		ActorID   id.ID  `gorm:"column:actor_id"`
		ActorName string `gorm:"column:actor_name"`
		Action    string `gorm:"column:action"`
		VillageID id.ID  `gorm:"column:village_id"`
		Target    string `gorm:"column:target"`
		Summary   string `gorm:"column:summary"`
		RequestID string `gorm:"column:request_id"`
		Address   string `gorm:"column:address"`
	}
	q := "SELECT " + strings.Join(columns, ", ") + " FROM audit_log WHERE " + strings.Join(where, " AND ") + " ORDER BY at DESC, id DESC LIMIT ?"
	if err := tx.Raw(q, append(args, limit)...).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	records := make([]Record, len(rows))
	for i, r := range rows {
		records[i] = Record{ID: r.ID, At: time.UnixMilli(r.At).UTC(), Entry: Entry{
			ActorID: r.ActorID, ActorName: r.ActorName, Action: r.Action, Target: r.Target, Summary: r.Summary,
			Village: r.VillageID, RequestID: r.RequestID, Address: r.Address,
		}}
	}
	return records, nil
}

// text is s as valid UTF-8 of at most n characters.
func text(s string, n int) string {
	s = strings.ToValidUTF8(s, "?")
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// ascii is s in printable ASCII of at most n characters: strict databases refuse anything else in these columns.
func ascii(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), n)]
}
