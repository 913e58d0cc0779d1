package people_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jishan/internal/people"
	"jishan/internal/xlsx"
)

// families invents a roster in which nobody is ambiguous: heads are unique by name, members within their household.
func families(t *rapid.T, from int) (rows [][]any, households, villagers int) {
	rows = [][]any{columns}
	n := 0
	for h := range rapid.IntRange(1, 8).Draw(t, "households") {
		head := fmt.Sprintf("户%d", h)
		group := rapid.SampledFrom([]string{"", "1组", "二组", "东湾"}).Draw(t, "group")
		for m := range rapid.IntRange(1, 4).Draw(t, "members") {
			n++
			name, relation, id, phone := head, "户主", "", ""
			if m > 0 {
				name, relation = fmt.Sprintf("人%d", m), "子女"
			}
			if rapid.Bool().Draw(t, "id") {
				id = identity(from + n)
			}
			if rapid.Bool().Draw(t, "phone") {
				phone = fmt.Sprintf("138%08d", n)
			}
			rows = append(rows, []any{group, "", head, name, relation, id, phone, "", ""})
		}
		households++
	}
	return rows, households, n
}

// Whatever the roster and the order of its columns: everything goes in once, and again nothing changes.
func TestImportIsIdempotent(t *testing.T) {
	f := setup(t)
	from := 0
	rapid.Check(t, func(rt *rapid.T) {
		v, err := f.s.CreateRegion(ctx, system, people.NewRegion{Parent: f.town.ID, Kind: people.Village, Code: fmt.Sprint("9", time.Now().UnixNano()), Name: "某村"})
		require.NoError(rt, err)
		from += 100 // identity numbers are unique in the whole county
		rows, households, villagers := families(rt, from)
		order := rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7, 8}).Draw(rt, "columns")
		for i, row := range rows {
			mixed := make([]any, len(row))
			for to, from := range order {
				mixed[to] = row[from]
			}
			rows[i] = mixed
		}
		r, err := f.s.ImportRoster(ctx, system, v.ID, sheet(t, rows...), people.ImportOptions{})
		require.NoError(rt, err)
		require.True(rt, r.Written, texts(r))
		require.Equal(rt, []int{households, villagers}, []int{r.NewHouseholds, r.NewVillagers})
		r, err = f.s.ImportRoster(ctx, system, v.ID, sheet(t, rows...), people.ImportOptions{})
		require.NoError(rt, err)
		require.True(rt, r.Written, texts(r))
		require.Zero(rt, r.NewHouseholds+r.NewVillagers+r.Changed+r.ChangedHouseholds+r.NewGroups)
		require.Equal(rt, villagers, r.Unchanged)
	})
}

// Several people press the button at the same moment: the roster goes in once.
func TestImportsAtTheSameTime(t *testing.T) {
	f := setup(t)
	rows := [][]any{columns}
	for i := range 60 {
		rows = append(rows, []any{fmt.Sprint(i/3%4 + 1), "", fmt.Sprint("户", i/3), fmt.Sprint("人", i), "", identity(i), "", "", "东片"})
	}
	data := sheet(t, rows...)
	var wg sync.WaitGroup
	errors := make([]error, 6)
	for i := range errors {
		wg.Go(func() { _, errors[i] = f.s.ImportRoster(ctx, system, f.village.ID, data, people.ImportOptions{}) })
	}
	wg.Wait()
	for _, err := range errors {
		require.NoError(t, err)
	}
	require.Equal(t, [4]int{20, 20, 80, 80}, f.count(t)) // no row is the head's own, so each household has one more
}

// bigRoster is a township's sheet: people in households of four.
func bigRoster(t testing.TB, n int) []byte {
	rows := func(yield func([]any) bool) {
		for i := range n {
			head := fmt.Sprint("覃建", i/4)
			name, relation := head, "户主"
			if i%4 > 0 {
				name, relation = fmt.Sprint(head, "之", i%4), "家人"
			}
			if !yield([]any{fmt.Sprintf("%d组", i/4%12+1), "", head, name, relation, identity(i), fmt.Sprintf("139%08d", i), fmt.Sprintf("老街 %d 号", i/4), ""}) {
				return
			}
		}
	}
	var heads []xlsx.Head
	for _, c := range columns {
		heads = append(heads, xlsx.Head{Header: c.(string)})
	}
	return written(t, heads, rows)
}

func TestProgressIsTold(t *testing.T) {
	for _, preview := range []bool{true, false} {
		t.Run(fmt.Sprint("preview ", preview), func(t *testing.T) {
			f := setup(t)
			var seen []people.Progress
			_, err := f.s.ImportRoster(ctx, system, f.village.ID, bigRoster(t, 3000), people.ImportOptions{Preview: preview, Progress: func(p people.Progress) { seen = append(seen, p) }})
			require.NoError(t, err)
			require.Greater(t, len(seen), 6)
			require.Less(t, seen[0].Percent, 25)
			require.Equal(t, people.Progress{Rows: 3000, Percent: 100}, seen[len(seen)-1])
			for i := range seen[1:] {
				require.GreaterOrEqual(t, seen[i+1].Percent, seen[i].Percent)
				require.GreaterOrEqual(t, seen[i+1].Rows, seen[i].Rows)
			}
		})
	}
}
