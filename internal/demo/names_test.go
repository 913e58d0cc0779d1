package demo

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFamiliesAreTheSameEveryTime(t *testing.T) {
	a, b := newInventor(7).families(300, 6), newInventor(7).families(300, 6)
	require.Equal(t, a, b)
	require.NotEqual(t, a, newInventor(8).families(300, 6))
	people, seen := 0, map[string]bool{}
	for i, f := range a {
		head := f.People[0]
		require.Equal(t, "户主", head.Relation)
		require.Positive(t, f.House)
		if i > 0 && a[i-1].Group == f.Group {
			require.Equal(t, a[i-1].House+1, f.House)
		}
		for _, key := range []string{head.Phone, fmt.Sprint(f.Group, head.Name)} {
			require.False(t, seen[key], key)
			seen[key] = true
		}
		names := map[string]bool{}
		for _, p := range f.People {
			require.False(t, names[p.Name], "namesakes in one household")
			names[p.Name] = true
		}
		people += len(f.People)
	}
	require.Equal(t, 6, a[299].Group)
	require.InDelta(t, 3, float64(people)/300, 0.4, "three people a household")
}
