package people_test

import (
	"jishan/internal/id"
	"jishan/internal/people"
)

func reach(rs ...people.Region) map[id.ID]struct{} {
	out := map[id.ID]struct{}{}
	for _, r := range rs {
		out[r.ID] = struct{}{}
	}
	return out
}
