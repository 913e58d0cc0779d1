package people

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/auth"
	"jishan/internal/db"
	"jishan/internal/id"
	"jishan/internal/testkit"
)

// Every way to search for people uses an index; a list of all villagers is never walked through.
func TestSearchUsesIndexes(t *testing.T) {
	d := testkit.DB(t)
	s, err := NewService(d, []byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	require.NoError(t, d.Read(context.Background(), func(tx db.Tx) error {
		for text, indexes := range map[string]string{
			"zs": "villagers_initials villagers_pinyin", "王大": map[db.Dialect]string{db.MySQL: "villagers_name"}[tx.Dialect], "0001": "villagers_tail", "13800000001": "villagers_phone",
		} {
			cond, args := s.matching(tx, text, []id.ID{1, 2})
			var plan string
			rows, err := tx.Raw(map[db.Dialect]string{db.SQLite: "EXPLAIN QUERY PLAN ", db.MySQL: "EXPLAIN FORMAT=JSON "}[tx.Dialect]+
				"SELECT h.id FROM households h WHERE h.village_id IN (1, 2) AND "+cond, args...).Rows()
			require.NoError(t, err)
			for rows.Next() {
				cols, err := rows.Columns()
				require.NoError(t, err)
				values := make([]any, len(cols))
				for i := range values {
					values[i] = new([]byte)
				}
				require.NoError(t, rows.Scan(values...))
				plan += string(*values[len(values)-1].(*[]byte)) + "\n"
			}
			require.NoError(t, rows.Err())
			require.NoError(t, rows.Close())
			require.NotContains(t, plan, "SCAN v", text)       // SQLite
			require.NotContains(t, plan, `"subqueries"`, text) // MySQL: asked anew for each household
			for index := range strings.FieldsSeq(indexes) {
				require.Contains(t, plan, index, text)
			}
		}
		return nil
	}))
}

func TestSearchRefusesNonsense(t *testing.T) {
	s, err := NewService(testkit.DB(t), []byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	for _, q := range []Search{{Text: "\xff"}, {Text: strings.Repeat("王", 41)}, {After: "户"}, {After: strings.Repeat("A", 17)}} {
		_, err := s.Households(context.Background(), auth.System("test"), q)
		require.ErrorIs(t, err, ErrSearch)
	}
	for _, text := range []string{"%", "_", "!", "'", "王%", "\x00", "~", "zzzz~"} {
		list, err := s.Households(context.Background(), auth.System("test"), Search{Text: text})
		require.NoError(t, err, text)
		require.Empty(t, list)
	}
	_, err = NewService(nil, []byte("short"))
	require.Error(t, err)
}

func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"11010519491231002X", "１３８ 0000 0001", "+8613800000001", "-", "X"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := ParsePhone(s); err == nil && p != "" {
			require.Regexp(t, `^1[3-9]\d{9}$`, p)
		}
		if n, birth, gender, err := ParseIDNumber(s); err == nil && n != "" {
			require.Regexp(t, `^\d{17}[\dX]$`, n)
			require.True(t, birth.Valid())
			require.Contains(t, []int{1, 2}, gender)
		}
		require.Equal(t, CleanName(s), CleanName(CleanName(s)))
		require.LessOrEqual(t, len([]rune(Mask(s))), len([]rune(s)))
	})
}
