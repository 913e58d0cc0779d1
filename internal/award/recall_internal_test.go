package award

import (
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/id"
)

// What is known of one lineage outlives what is booked under another, but not what is booked under itself without being counted, nor a
// commit that is not known of; and a lesson that comes late does not replace a later one.
func TestWhatALessonLeaves(t *testing.T) {
	const house, rubbish, meeting = id.ID(1), id.ID(2), id.ID(3)
	known := func(r *recall, lineage id.ID) bool {
		_, _, ok := r.find(house, []id.ID{lineage}, 20261123, 20261123)
		return ok
	}
	counted := func(lineage id.ID) map[id.ID]count {
		return map[id.ID]count{lineage: {from: 20261101, to: 20261130}}
	}
	first := lesson{house: house, before: 1, after: 2, counted: counted(rubbish), given: []id.ID{rubbish}}
	for name, c := range map[string]struct {
		then     lesson
		old, new bool
	}{
		"another lineage":             {lesson{house: house, before: 2, after: 3, counted: counted(meeting), given: []id.ID{meeting}}, true, true},
		"the same one, not counted":   {lesson{house: house, before: 2, after: 3, counted: counted(meeting), given: []id.ID{meeting, rubbish}}, false, true},
		"after a commit not known of": {lesson{house: house, before: 3, after: 4, counted: counted(meeting)}, false, true},
		"late":                        {lesson{house: house, before: 0, after: 1, counted: counted(meeting)}, true, false},
		"nothing booked":              {lesson{house: house, before: 2, after: 2, counted: map[id.ID]count{}}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			var r recall
			r.learn([]lesson{first})
			require.True(t, known(&r, rubbish))
			_, _, ok := r.find(house, []id.ID{rubbish}, 20261031, 20261123)
			require.False(t, ok, "days that were not counted")
			r.learn([]lesson{c.then})
			require.Equal(t, c.old, known(&r, rubbish))
			require.Equal(t, c.new, known(&r, meeting))
			_, version, _ := r.find(house, nil, 20261123, 20261123)
			require.Equal(t, max(c.then.after, 2), version)
		})
	}
}
