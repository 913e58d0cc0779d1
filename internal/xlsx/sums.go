package xlsx

import (
	"fmt"

	"jishan/internal/decimal"
)

// sums are hundredths by column, nil for columns that are not added up; nil altogether without any.
type sums []*int64

func adding(heads []Head) (out sums) {
	for i, h := range heads {
		if h.Sum {
			if out == nil {
				out = make(sums, len(heads))
			}
			out[i] = new(int64)
		}
	}
	return out
}

// add is exact: a number with more than two decimals is an error.
func (s sums) add(row []any) error {
	for i, v := range row {
		if i >= len(s) || s[i] == nil {
			continue
		}
		switch x := v.(type) {
		case int:
			*s[i] += 100 * int64(x)
		case int64:
			*s[i] += 100 * x
		case Number:
			if x == "" {
				continue
			}
			n, err := decimal.Parse(string(x))
			if err != nil {
				return fmt.Errorf("adding up %q: %w", x, err)
			}
			*s[i] += n
		case nil:
		default:
			return fmt.Errorf("%T cannot be added up", v)
		}
	}
	return nil
}

func (s sums) row() []any {
	out := make([]any, len(s))
	for i, n := range s {
		if n != nil {
			out[i] = Number(decimal.Format(*n))
		}
	}
	if out[0] == nil {
		out[0] = "合计"
	}
	return out
}
