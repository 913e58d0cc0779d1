package notice

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
)

// Kinds of message; the client chooses an icon by them.
const (
	KindProxy  = "redeem.proxy"  // an officer redeemed for the household
	KindRefund = "redeem.refund" // a redemption was refunded
	KindExpiry = "points.expiry" // points expired and were cleared, or came back
	KindHouse  = "household"     // the household split, or another one was merged into it
	KindCard   = "card"          // the house card was locked, unlocked, reprinted or given a PIN
)

// ErrCursor is a paging mark that List did not give out.
var ErrCursor = errs.Define(errs.Invalid, "notice.cursor", "翻页位置不对，请回到第一页重新查看")

const (
	maxTitle = 100 // characters, as the column
	maxBody  = 500
	maxPage  = 100
)

// Notice is one message to a household.
type Notice struct {
	ID        id.ID // given by Send where zero
	Village   id.ID
	Household id.ID
	Kind      string
	Title     string // cut at 100 characters
	Body      string // cut at 500 characters
	CreatedAt time.Time
	ReadAt    time.Time // zero: not read yet
}

// Page is a stretch of an inbox, newest first. Next is empty at the end; Unread counts the whole inbox.
type Page struct {
	Notices []Notice
	Unread  int64
	Next    string
}

// Send writes messages, to be seen when the transaction commits.
func Send(tx db.Tx, notices []Notice) error {
	if len(notices) == 0 {
		return nil
	}
	cols := []string{"id", "village_id", "household_id", "kind", "title", "body", "created_at", "read_at"}
	return db.Insert(tx.Later(), "notices", cols, len(notices), func(i int, args []any) []any {
		n := notices[i]
		if n.ID == 0 {
			n.ID = id.New()
		}
		return append(args, int64(n.ID), int64(n.Village), int64(n.Household), n.Kind, cut(n.Title, maxTitle), cut(n.Body, maxBody), tx.Millis(), 0)
	})
}

// cut keeps at most n characters, the last an ellipsis where something was lost.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// Service is the inbox as its owners use it.
type Service struct{ db *db.DB }

// New is the service on a database.
func New(d *db.DB) *Service { return &Service{db: d} }

type row struct {
	ID          id.ID
	VillageID   id.ID
	HouseholdID id.ID
	Kind        string
	Title       string
	Body        string
	CreatedAt   int64
	ReadAt      int64
}

func (r row) notice() Notice {
	n := Notice{ID: r.ID, Village: r.VillageID, Household: r.HouseholdID, Kind: r.Kind, Title: r.Title, Body: r.Body, CreatedAt: time.UnixMilli(r.CreatedAt).UTC()}
	if r.ReadAt != 0 {
		n.ReadAt = time.UnixMilli(r.ReadAt).UTC()
	}
	return n
}

// List is the household's inbox, newest first; cursor is a former page's Next or empty, limit is 1–100 (0 = 20).
// Needs household.read for one's own household.
func (s *Service) List(ctx context.Context, actor auth.Actor, household id.ID, cursor string, limit int) (Page, error) {
	if err := actor.OwnHousehold(auth.HouseholdRead, household); err != nil {
		return Page{}, err
	}
	at, last, err := parseCursor(cursor)
	if err != nil {
		return Page{}, err
	}
	if limit <= 0 {
		limit = 20
	}
	limit = min(limit, maxPage)
	var page Page
	err = s.db.Read(ctx, func(tx db.Tx) error {
		page = Page{}
		var rows []row
		q := "SELECT id, village_id, household_id, kind, title, body, created_at, read_at FROM notices WHERE household_id = ?"
		args := []any{household}
		if cursor != "" {
			q += " AND (created_at < ? OR created_at = ? AND id < ?)"
			args = append(args, at, at, last)
		}
		if err := tx.Raw(q+" ORDER BY created_at DESC, id DESC LIMIT ?", append(args, limit+1)...).Scan(&rows).Error; err != nil {
			return fmt.Errorf("reading notices: %w", err)
		}
		if len(rows) > limit {
			rows = rows[:limit]
			end := rows[limit-1]
			page.Next = strconv.FormatInt(end.CreatedAt, 36) + "-" + end.ID.String()
		}
		for _, r := range rows {
			page.Notices = append(page.Notices, r.notice())
		}
		if err := tx.Raw("SELECT COUNT(*) FROM notices WHERE household_id = ? AND read_at = 0", household).Scan(&page.Unread).Error; err != nil {
			return fmt.Errorf("counting unread notices: %w", err)
		}
		return nil
	})
	return page, err
}

// MarkRead notes that messages of the household have been read; with no ids, all of them. Reading again changes nothing.
// Needs household.read for one's own household.
func (s *Service) MarkRead(ctx context.Context, actor auth.Actor, household id.ID, ids ...id.ID) error {
	if err := actor.OwnHousehold(auth.HouseholdRead, household); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx db.Tx) error {
		const update = "UPDATE notices SET read_at = ? WHERE household_id = ? AND read_at = 0"
		if len(ids) == 0 {
			return tx.Exec(update, tx.Millis(), household).Error
		}
		for part := range slices.Chunk(ids, 500) {
			if err := tx.Exec(update+" AND id IN ?", tx.Millis(), household, part).Error; err != nil {
				return fmt.Errorf("marking notices read: %w", err)
			}
		}
		return nil
	})
}

func parseCursor(s string) (at int64, last id.ID, err error) {
	if s == "" {
		return 0, 0, nil
	}
	a, b, _ := strings.Cut(s, "-")
	at, err = strconv.ParseInt(a, 36, 64)
	if err == nil {
		last, err = id.Parse(b)
	}
	if err != nil {
		return 0, 0, ErrCursor.Wrap(err)
	}
	return at, last, nil
}
