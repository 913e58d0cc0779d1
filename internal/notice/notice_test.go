package notice_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/errs"
	"jishan/internal/id"
	"jishan/internal/notice"
	"jishan/internal/testkit"
)

func villager(households ...id.ID) auth.Actor {
	return auth.Actor{UserID: id.New(), Kind: auth.KindVillager, Name: "张三", Grants: []auth.Grant{{Role: auth.RoleVillager}}, Households: households}
}

func TestInbox(t *testing.T) {
	clock := testkit.NewClock(t, "2026-11-23 10:00")
	d := testkit.DBAt(t, clock)
	s := notice.New(d)
	ctx := context.Background()
	home, other, village := id.New(), id.New(), id.New()
	for i := range 3 {
		clock.Add(time.Minute)
		require.NoError(t, d.Tx(ctx, func(tx db.Tx) error {
			return notice.Send(tx, []notice.Notice{
				{Village: village, Household: home, Kind: notice.KindProxy, Title: fmt.Sprint("标题", i, "甲"), Body: "内容"},
				{Village: village, Household: home, Kind: notice.KindCard, Title: fmt.Sprint("标题", i, "乙"), Body: strings.Repeat("长", 600)},
				{Village: village, Household: other, Kind: notice.KindProxy, Title: "别家", Body: "别家的事"},
			})
		}))
	}

	actor := villager(home)
	var got []notice.Notice
	cursor := ""
	for pages := 0; ; pages++ {
		require.Less(t, pages, 4)
		page, err := s.List(ctx, actor, home, cursor, 2)
		require.NoError(t, err)
		require.EqualValues(t, 6, page.Unread)
		got = append(got, page.Notices...)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	require.Len(t, got, 6)
	seen := map[id.ID]bool{}
	for i, n := range got {
		require.False(t, seen[n.ID], "listed twice")
		seen[n.ID] = true
		require.Equal(t, home, n.Household)
		require.True(t, n.ReadAt.IsZero())
		require.LessOrEqual(t, utf8.RuneCountInString(n.Body), 500)
		if i > 0 {
			require.False(t, n.CreatedAt.After(got[i-1].CreatedAt))
		}
	}

	require.NoError(t, s.MarkRead(ctx, actor, home, got[0].ID))
	page, err := s.List(ctx, actor, home, "", 0)
	require.NoError(t, err)
	require.EqualValues(t, 5, page.Unread)
	first := page.Notices[0].ReadAt
	require.False(t, first.IsZero())
	clock.Add(time.Hour)
	require.NoError(t, s.MarkRead(ctx, actor, home))
	page, err = s.List(ctx, actor, home, "", 0)
	require.NoError(t, err)
	require.Zero(t, page.Unread)
	require.Equal(t, first, page.Notices[0].ReadAt, "the first reading counts")

	page, err = s.List(ctx, villager(other), other, "", 0)
	require.NoError(t, err)
	require.EqualValues(t, 3, page.Unread, "another household's inbox is untouched")
}

func TestInboxIsPrivate(t *testing.T) {
	s := notice.New(testkit.DB(t))
	ctx := context.Background()
	home := id.New()
	_, err := s.List(ctx, villager(id.New()), home, "", 0)
	require.ErrorIs(t, err, errs.ErrNotFound)
	require.ErrorIs(t, s.MarkRead(ctx, villager(id.New()), home), errs.ErrNotFound)
	clerk := auth.Actor{Kind: auth.KindMerchant, Grants: []auth.Grant{{Role: auth.RoleClerk, Merchant: id.New()}}}
	_, err = s.List(ctx, clerk, home, "", 0)
	require.ErrorIs(t, err, errs.ErrForbidden)
	_, err = s.List(ctx, villager(home), home, "no cursor", 0)
	require.ErrorIs(t, err, notice.ErrCursor)
}
