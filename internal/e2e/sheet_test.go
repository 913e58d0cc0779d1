package e2e

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"jishan/internal/xlsx"
)

// sheet is a real workbook: the first row is the header.
func sheet(t testing.TB, rows ...[]any) []byte {
	t.Helper()
	s := xlsx.Sheet{Name: "表", Rows: slices.Values(rows[1:])}
	for _, h := range rows[0] {
		s.Heads = append(s.Heads, xlsx.Head{Header: h.(string)})
	}
	var buf bytes.Buffer
	require.NoError(t, xlsx.Write(&buf, xlsx.Book{Sheets: []xlsx.Sheet{s}}))
	return buf.Bytes()
}
