package board

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/id"
	"jishan/internal/people"
	"jishan/internal/points"
	"jishan/internal/rdb"
)

// Households and people who come, go and move are on the right boards as soon as the news is handled, without waiting for the
// next comparison of their village.
func TestBoardsFollowMoves(t *testing.T) {
	each(t, func(t *testing.T, r *rdb.Redis) {
		w := newWorld(t, r)
		ctx, system := context.Background(), auth.System("test")
		s, err := people.NewService(w.d, bytes.Repeat([]byte("k"), 32))
		require.NoError(t, err)
		here, there := w.villages[0].ID, w.villages[1].ID
		h, other, far := w.houses[here][0], w.houses[here][1], w.houses[there][0]
		for i, house := range []id.ID{h, other, far} {
			w.award(house, thisMonth, points.Whole(int64(5+i)))
			w.exec("UPDATE households SET head_id = ? WHERE id = ?", w.persons[house][0], house)
		}
		w.tick()
		w.clean(t)
		change := func(name string, fn func() error) {
			t.Helper()
			require.NoError(t, fn(), name)
			require.NotEmpty(t, w.waiting(), name)
			require.NoError(t, w.s.relay(ctx))
			require.Empty(t, w.waiting(), name)
			w.clean(t)
		}
		update := func(c people.HouseholdChange) func() error {
			return func() error { _, err := s.UpdateHousehold(ctx, system, h, c); return err }
		}
		on := func(scope id.ID, subject Subject) (out []id.ID) {
			for _, l := range w.top(scope, subject, month(thisMonth)).Rows {
				out = append(out, l.ID)
			}
			return out
		}
		group := w.groups[here][1].ID
		require.NotContains(t, on(group, Household), h)
		change("another group", update(people.HouseholdChange{Group: &group}))
		require.Contains(t, on(group, Household), h)
		require.NotContains(t, on(w.groups[here][0].ID, Household), h)
		require.Contains(t, on(group, Person), w.persons[h][0])

		moved, back := people.HouseholdMoved, people.HouseholdHere
		change("moved away", update(people.HouseholdChange{State: &moved}))
		require.NotContains(t, on(here, Household), h)
		require.NotContains(t, on(w.county.ID, Household), h)
		change("back", update(people.HouseholdChange{State: &back}))
		require.Contains(t, on(here, Household), h)
		address := "村口"
		require.NoError(t, update(people.HouseholdChange{Address: &address})())
		require.Empty(t, w.waiting(), "an address is on no board")

		wife, head := w.persons[h][1], w.persons[h][0]
		change("died", func() error {
			if _, err := s.UpdateHousehold(ctx, system, h, people.HouseholdChange{Head: &wife}); err != nil {
				return err
			}
			_, err := s.UpdateVillager(ctx, system, head, people.Person{Name: "已故"}, people.VillagerDied)
			return err
		})
		require.NotContains(t, on(here, Person), head)
		change("to another village, and the last of the house", func() error {
			_, err := s.MoveVillager(ctx, system, wife, far, "母亲")
			return err
		})
		require.NotContains(t, on(here, Household), h)
		change("a new household", func() error {
			_, err := s.CreateHousehold(ctx, system, people.NewHousehold{Village: there, Members: []people.Person{{Name: "新来"}}})
			return err
		})
		change("a roster", func() error {
			report, err := s.ImportRoster(ctx, system, there, []byte("组,户主\n2组,户主00\n3组,新户\n"), people.ImportOptions{})
			require.True(t, err != nil || report.Written, "%v", report)
			return err
		})
	})
}
